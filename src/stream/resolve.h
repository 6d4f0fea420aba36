/* SPDX-License-Identifier: MIT
 *
 * A host's addresses, without letting a slow name server outlast a deadline: getaddrinfo() cannot
 * be interrupted, so it runs on a worker thread and is left behind when time is up.
 */
#ifndef NNS_STREAM_RESOLVE_H
#define NNS_STREAM_RESOLVE_H

#include "stream/stream.h"

#include <netdb.h>

/* The addresses of host and port for TCP, for freeaddrinfo(). Otherwise the stream has failed:
 * RESOLVE, NOMEM, BUSY, TIMEOUT, CANCELED. */
int nns__resolve(nns_stream *s, const char *host, const char *port, int64_t deadline,
                 struct addrinfo **ret);

#endif
