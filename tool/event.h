/* SPDX-License-Identifier: MIT
 *
 * What happens to listeners and connections, told on standard error: as lines for people, or with
 * --json as one object for each event. `peer` is a client of the server's, HOST:PORT; the command's
 * own connection to a server has none: NULL.
 */
#ifndef TOOL_EVENT_H
#define TOOL_EVENT_H

#include "options.h"

/* What one connection has moved, and how the command of --exec ended. */
struct traffic {
    uint64_t in;  /* plaintext bytes from the peer */
    uint64_t out; /* and to it */
    bool opened;  /* the handshake was complete */
    bool ran;     /* there was a command, and it has ended */
    int wait_status;
};

void event_listening(const char *address);
void event_refused(const char *peer, const char *why);
/* Authenticated, or connected. Says nothing with --quiet. */
void event_opened(const struct options *o, const char *peer, const nns_engine *e);
/* The connection failed; answers the exit status. */
int event_failed(const char *peer, const nns_error *err, const struct traffic *t);
/* The same for a failure on this side: what: strerror(error). */
int event_failed_here(const char *peer, const char *what, int error, const struct traffic *t);
/* The same for a failure that has no error object. */
int event_failed_text(const char *peer, int code, const char *message, const struct traffic *t);
/* The same, of a phase of NNS_PHASE_ that the traffic does not tell. */
int event_failed_early(const char *peer, int32_t phase, int code, const char *message);
/* The connection ended well. */
void event_ended(const struct options *o, const char *peer, const struct traffic *t);

#endif
