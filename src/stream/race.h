/* SPDX-License-Identifier: MIT
 *
 * Connecting to one of several addresses, in the spirit of RFC 8305: the next one is tried when
 * the last has failed, or beside it when it has not answered soon; the first that connects wins.
 * An address that never answers costs its successors a moment, not the deadline.
 */
#ifndef NNS_STREAM_RACE_H
#define NNS_STREAM_RACE_H

#include "stream/stream.h"

#include <netdb.h>

/* *ret becomes a connected socket, the caller's; no other is left open. Otherwise the stream has
 * failed: IO (with the address that failed last), TIMEOUT, CANCELED. list has at least one. */
int nns__race(nns_stream *s, const struct addrinfo *list, int64_t deadline, int *ret);

#endif
