/* SPDX-License-Identifier: MIT
 *
 * A net.tcp connection on a socket: moves the bytes of an nns_nmf without ever blocking in a read
 * or a write, waits with a deadline, and says what went wrong.
 */
#ifndef TOOL_LINK_H
#define TOOL_LINK_H

#include "event.h"
#include "trace.h"

#include <nns/nmf.h>
#include <poll.h>

#define LINK_NEVER (-1) /* as a deadline */
#define LINK_TARGET_MOST 300

struct link {
    const struct options *options;
    nns_nmf *nmf;
    nns_pass *pass; /* a server's, or NULL */
    int fd;
    bool client;           /* ours is the client's side */
    const char *peer;      /* as in event.h */
    int64_t session_until; /* milliseconds of link_now(): the end of the client's ticket */
    bool announced;        /* what was negotiated has been told */
    bool deaf;             /* the peer hears nothing any more: what waits to be sent is lost */
    bool in_pieces;        /* the peer sends a record's head apart */
    struct trace_connection *trace;
};

/* Takes the descriptor and the pass over. cfg NULL: without security. Errors: NOMEM. */
int link_open(struct link *l, const struct options *o, nns_config *cfg, nns_role role, int fd,
              nns_pass *pass, const char *peer);
void link_close(struct link *l);
/* After both Ends: ready for the next conversation, which is told by itself. */
void link_restart(struct link *l);
/* What the preamble says, for the trace: the peer's once it is readable, ours once it is set. */
void link_trace_preamble(const struct link *l);
void link_trace_fault(const struct link *l, const char *fault);
/* Whom a client asks for: the target of the options, or host/HOST, for which there is room. */
const char *link_target(const struct options *o, const char *host, char *room, size_t size);
int link_set_target(struct link *l, const char *host);

int64_t link_now(void); /* milliseconds of a steady clock */
/* A time from an option, where -1 is the standard and 0 is none, as a deadline. */
int64_t link_deadline(int64_t ms, int64_t standard);
/* The earlier of two deadlines. */
int64_t link_earlier(int64_t a, int64_t b);
/* How long poll(2) may wait until then. */
int link_patience(int64_t deadline);

/* What to wait for; 0: nothing. */
short link_events(const struct link *l);
/* Moves what can be moved, when poll(2) has said so. */
void link_move(struct link *l, short ready);
/* Sends what waits, as far as the socket takes it. */
void link_send(struct link *l);

/* Until one of the wanted bits shows, the link has failed or its peer has closed, and nothing waits
 * to be sent. Answers the state. */
uint32_t link_run(struct link *l, uint32_t wanted, int64_t deadline);
/* The failure of its engine, or NULL. */
const nns_error *link_engine_error(const struct link *l);
/* Tells the link's failure; answers the exit status. */
int link_failed(const struct link *l, const struct traffic *t);

/* One direction between two links, which may be one and the same. */
struct way {
    struct link *from, *to;
    int held;     /* an event that to had no room for, or NNS_NMF_NOTHING */
    bool stopped; /* more has come than to had room for, or than is passed on at once */
    uint64_t bytes;
    struct trace_connection *trace; /* where it shows, and which way */
    bool outgoing;
};

/* Passes on what has come, as far as the other side has room, and not much at once: envelopes, and
 * End. Failures stay with their links. */
void way_pass(struct way *w);
/* True if it stopped and to has room: then nobody waits for a socket, which may have nothing more
 * to say. */
bool way_goes_on(const struct way *w);

#endif
