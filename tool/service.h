/* SPDX-License-Identifier: MIT
 *
 * What a server does with an open connection: sends back what comes, runs a command, or joins it
 * with standard input and output.
 */
#ifndef TOOL_SERVICE_H
#define TOOL_SERVICE_H

#include "event.h"
#include "exec.h"

/* Until the connection has ended. Answers STATUS_DONE, or the exit status of a failure here, which
 * it has reported. A failure of the stream's is the caller's to report. */
int service_run(const struct options *o, const char *peer, nns_stream *stream, struct traffic *t);

/* How the command of --exec and its connection talk: takes the child's descriptors, hangs it up
 * after a failure, and answers as service_run(). */
typedef int service_talk(const void *connection, const struct child *child);
/* Runs the command on any kind of connection, with the credentials that the client delegated. */
int service_exec(const struct options *o, const struct exec_facts *facts, service_talk *talk,
                 const void *connection, struct traffic *t);

#endif
