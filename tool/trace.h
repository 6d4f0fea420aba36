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

/* ---- net.tcp: connections without a stream, and what passes inside of them ---- */

/* NULL is a connection that is not traced: every function takes it. One thread at a time. */
struct trace_connection;

/* A connection, before its first byte; free it with trace_disconnect(), while its engine lives. */
struct trace_connection *trace_connect(nns_role role, const char *peer);
/* The records of an engine are this connection's from here on, before it has moved a byte. After
 * the end of a conversation there may be another engine, or NULL: none; the one before may be gone
 * by then. */
void trace_engine(struct trace_connection *c, nns_engine *e);
/* A conversation begins: what the preamble said. encoding -1: see content_type. */
void trace_preamble(struct trace_connection *c, bool outgoing, int mode, int encoding,
                    const char *content_type, const char *via);
/* Plaintext of an envelope, in any pieces; the lines are written when it is complete. */
void trace_envelope(struct trace_connection *c, bool outgoing, const void *bytes, size_t size);
void trace_envelope_end(struct trace_connection *c, bool outgoing);
/* Any other record, in words: "end", "fault EndpointNotFound". It is escaped. */
void trace_framing(struct trace_connection *c, bool outgoing, const char *what);
void trace_disconnect(struct trace_connection *c);

#endif
