/* SPDX-License-Identifier: MIT
 *
 * --trace: writes what passes on the wire to a file, record by record. Tickets, authenticators,
 * NTLM responses, keys, checksums and everything that was protected (or, at level none, was not)
 * are left out unless secrets are asked for; docs/trace.md has the format.
 *
 * One trace for the process. Calls from several threads are serialised; without trace_open() all
 * of them do nothing.
 */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <nns/nns.h>
#include <stdbool.h>

/* Makes the file, which only the user can read. Answers -1, or the exit status to end with. */
int trace_open(const char *path, bool secrets);
/* Lets a configuration's engines be traced. An NNS_OK or error result. */
int trace_attach(nns_config *cfg);
/* A connection, before its first byte, and before its stream is freed. */
void trace_begin(nns_stream *stream, nns_role role, const char *peer);
/* The same for a client's connection to host and port. */
void trace_begin_client(nns_stream *stream, const char *host, const char *port);
void trace_end(nns_stream *stream);

#endif
