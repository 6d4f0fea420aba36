/* SPDX-License-Identifier: MIT
 *
 * A TCP connection to a host and port, by all of its addresses, within a time.
 */
#ifndef TOOL_DIAL_H
#define TOOL_DIAL_H

#include <stddef.h>
#include <stdint.h>

/* The descriptor, or an error of nns/result.h below 0: RESOLVE, IO or TIMEOUT, with why in words.
 * deadline is one of link_now(). The look-up of a name is the system's and has its own patience. */
int dial(const char *host, const char *port, int64_t deadline, char *why, size_t size);

#endif
