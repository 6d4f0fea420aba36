/* SPDX-License-Identifier: MIT
 *
 * Bytes between an open stream and two descriptors, both ways at once: a thread sends what can be
 * read from one, the caller's thread writes what the peer sends to the other. The end of the input
 * half-closes the stream; the peer's end closes the output.
 */
#ifndef TOOL_PUMP_H
#define TOOL_PUMP_H

#include "event.h"

struct pump {
    nns_stream *stream;
    const char *peer;     /* for messages, see event.h */
    const char *in_name;  /* "standard input" */
    const char *out_name; /* "standard output" */
    int in;               /* both are closed by pump_run(), each as soon as its way has ended */
    int out;
    /* After the peer's end: false sends only what the input has ready, true goes on to its end. */
    bool to_end_of_input;
    /* An output that closes early: false is a failure, true drops the rest of what comes. */
    bool may_drop;
    int idle_ms; /* how long to wait for input after the peer's end; -1: for ever */
};

/* Answers STATUS_DONE, or STATUS_IO after a failure here, which it has reported. A failure of the
 * stream's is the caller's to report. */
int pump_run(const struct pump *p, struct traffic *t);
/* The same with standard input and output, which are /dev/null from now on. */
int pump_run_stdio(struct pump *p, struct traffic *t);
/* Standard input and output, which are /dev/null from now on, as two other descriptors. False:
 * errno says why. */
bool pump_take_stdio(int *in, int *out);

#endif
