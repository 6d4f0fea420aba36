/* SPDX-License-Identifier: MIT
 *
 * What a server does with an open connection: sends back what comes, runs a command, or joins it
 * with standard input and output.
 */
#ifndef TOOL_SERVICE_H
#define TOOL_SERVICE_H

#include "event.h"

/* Until the connection has ended. Answers STATUS_DONE, or the exit status of a failure here, which
 * it has reported. A failure of the stream's is the caller's to report. */
int service_run(const struct options *o, const char *peer, nns_stream *stream, struct traffic *t);

#endif
