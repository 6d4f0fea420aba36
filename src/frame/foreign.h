/* SPDX-License-Identifier: MIT
 *
 * Recognises by its first bytes a peer that speaks something else than NegotiateStream, so that
 * the error can name it. Only for words: nothing is decided here.
 */
#ifndef NNS_FRAME_FOREIGN_H
#define NNS_FRAME_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

/* The name of the protocol ("TLS", "HTTP", "net.tcp", "SSH"), or NULL if it is not known or may
 * be NegotiateStream. */
const char *nns__foreign_name(const uint8_t *bytes, size_t size);
/* What to do about a peer that speaks it; name is an answer of nns__foreign_name(), or NULL. */
const char *nns__foreign_hint(const char *name);

#endif
