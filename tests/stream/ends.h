/* SPDX-License-Identifier: MIT
 *
 * Two streams with the mock mechanism that face each other over a socket pair, each driven by its
 * own thread where a test wants that; a gate that holds a mechanism; and a clock that a test
 * turns. Helpers that cannot go on fail the test, so only the test's own thread may call them.
 */
#ifndef NNS_TESTS_ENDS_H
#define NNS_TESTS_ENDS_H

#include "support/check.h"
#include "support/mock.h"

#include "stream/stream.h"

#include <pthread.h>

/* ---- streams ---- */

/* A configuration for script, which is borrowed; its level is accepted. */
nns_config *ends_config(const struct mock *script);
/* A stream on it (the reference is taken over); a client has its target. */
nns_stream *ends_stream(nns_config *cfg, nns_role role);

struct ends {
    struct mock client_script, server_script; /* set before ends_make() */
    nns_config *client_cfg, *server_cfg;      /* NULL: made of the scripts */
    nns_stream *client, *server;
    int fds[2]; /* the socket pair, client first; the streams own it */
};

void ends_make(struct ends *ends); /* over a socket pair, which the streams close */
void ends_open(struct ends *ends); /* the same, and the handshake */
void ends_free(struct ends *ends);

/* ---- threads ---- */

/* A thread that does one thing with a stream. */
struct actor {
    pthread_t thread;
    nns_stream *stream;
    nns_ssize (*act)(struct actor *actor);
    const void *data; /* for act */
    size_t size;      /* for act */
    nns_ssize result;
};

void actor_start(struct actor *actor);
nns_ssize actor_end(struct actor *actor); /* joins; answers what act answered */

nns_ssize act_handshake(struct actor *actor);
nns_ssize act_write(struct actor *actor); /* size bytes of the pattern, in big writes */
nns_ssize act_check(struct actor *actor); /* reads size bytes, -1 if they are not the pattern */
nns_ssize act_read(struct actor *actor);  /* one read */
nns_ssize act_echo(struct actor *actor);  /* reads and writes to the end, then shuts down */

uint8_t pattern_at(size_t i);

/* ---- a gate ---- */

/* Who passes the gate waits in it until it is opened. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t inside; /* that wait, or have waited */
    size_t passed;
    bool open;
};

#define GATE_INIT                                                                                  \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

void gate_pass(void *gate);                        /* fits struct mock's on_step */
void gate_await(struct gate *gate, size_t inside); /* until so many have come */
void gate_open(struct gate *gate);
size_t gate_inside(struct gate *gate);
size_t gate_passed(struct gate *gate);
/* Until no thread of the worker pool has a call: what was given up has freed itself. */
void workers_await_none(void);

/* ---- time ---- */

/* Real time; whoever comes to wait passes through the (open) gate first, so that a test can know
 * that a call has nothing left to do but wait. */
struct nns__time watched_time(struct gate *gate);

/* A clock (time of day, too: it begins in 1970) that stands still while something is ready or a
 * worker runs, and otherwise jumps to the end of the wait. */
struct test_clock {
    atomic_llong now; /* a mechanism on a worker may turn it, too */
    size_t waits;     /* calls of wait */
    int last_timeout; /* of the last one */
};

struct nns__time test_time(struct test_clock *clock);

#endif
