/* SPDX-License-Identifier: MIT
 *
 * The inside of a stream, shared by stream.c, connect.c and poll.c (the public calls), resolve.c
 * and race.c (how connect.c comes to a socket), loop.c (what drives engine and transport) and
 * lifetime.c (how long a server's session lasts). After the handshake one thread may be on the
 * receiving side while another is on the sending side: each has its struct nns__side, what both
 * look at is atomic or does not change any more.
 */
#ifndef NNS_STREAM_STREAM_H
#define NNS_STREAM_STREAM_H

#include "base/failure.h"
#include "config/config.h"
#include "stream/deadline.h"
#include "stream/spin.h"
#include "stream/transport.h"
#include "stream/wake.h"
#include "stream/worker.h"

#include <nns/engine.h>
#include <nns/gate.h>
#include <nns/stream.h>
#include <pthread.h>
#include <stdatomic.h>

/* Which part of the engine a call works on. */
#define NNS__RECV_SIDE 1u
#define NNS__SEND_SIDE 2u
#define NNS__BOTH_SIDES 3u /* the handshake */
/* The receiving side's thread is giving the sending side's buffers back; a writer waits for it. */
#define NNS__TRIMMING 4u

struct nns__side {
    bool waiting;       /* the last call answered a want code */
    bool trimmed;       /* buffers were given back while nothing came */
    int64_t idle_until; /* 0: not waiting; else when a wait that moves nothing is too long */
};

struct nns_stream {
    struct nns__mem mem;
    nns_config *cfg;
    nns_engine *engine;
    nns_role role;
    nns_pass *pass; /* a server's, or NULL */
    bool blocking;
    struct nns__transport transport;
    struct nns__time time;
    struct nns__wake *wake;  /* a call has ended; held: the stream was canceled, or a side failed */
    int64_t session_until;   /* NNS__NEVER, or when a server's session ends; fixed once ready */
    int64_t handshake_until; /* 0: it has not begun */
    int64_t handshake_began; /* microseconds */
    int64_t spent_us[3];     /* NNS_TIME_, -1: has not ended */
    nns_job *job;            /* a mechanism call on a worker thread, or NULL */
    struct nns__call *call;
    bool owed;      /* a worker is going to signal the wake-up: nobody else takes that */
    bool drained;   /* the last receive took all there was */
    bool peer_told; /* the error record went out */
    bool shut;      /* the sending side is closed */
    struct nns__side recv;
    struct nns__side send;
    struct nns__spin spin;     /* the receiving side's */
    atomic_bool asked;         /* bytes have gone out since the last ones came in */
    atomic_uint entered;       /* sides that a call is working on */
    pthread_mutex_t trim_lock; /* held while TRIMMING is entered */
    atomic_bool ready;         /* the handshake is complete and all of it has gone out */
    atomic_bool canceled;
    atomic_bool evicted;      /* canceled by the gate */
    atomic_bool session_over; /* it has failed because the client's ticket has ended */
    /* Why the transport takes no more bytes; it may still have some for us. NULL: it is well. */
    _Atomic(const nns_error *) send_error;
};

static inline bool nns__stream_has_begun(const nns_stream *s)
{
    return s->handshake_until != 0;
}

/* loop.c */

/* Works until the side's state has one of the wanted bits: sends first, then looks, then steps,
 * then receives. NNS_OK; or an error, or a want code of a non-blocking stream. */
int nns__stream_run(nns_stream *s, unsigned side, uint32_t wanted);
/* Waits for the stream's wake-up and, unless fd is -1, for fd, until the deadline at most. NNS_OK
 * (look again), TIMEOUT or CANCELED or IO: the stream has failed. */
int nns__stream_wait(nns_stream *s, int fd, short events, int64_t deadline);
/* A worker's call is done: takes its signal, for which s->owed was set when it began. */
void nns__stream_take_signal(nns_stream *s);
/* The stream has failed: whoever waits on the other side is to look up. */
void nns__stream_rouse(nns_stream *s);
/* Fails the stream; answers the sticky error. os: errno or 0. */
int nns__stream_fail(nns_stream *s, int code, int os);
int nns__stream_fail_text(nns_stream *s, const struct nns__failure *f);
/* NNS_OK, or CANCELED (BUSY: by the gate) once nns_stream_cancel() was called. */
int nns__stream_check_canceled(nns_stream *s);
/* Sends the peer what an engine that failed in the handshake has left to say, as far as the
 * transport takes it at once, and half-closes. */
void nns__stream_tell_peer(nns_stream *s);
/* Half-closes the transport. */
int nns__stream_shut(nns_stream *s);
void nns__stream_abandon_call(nns_stream *s);

/* lifetime.c */

/* Notes when the session ends; once, when the handshake is complete. */
void nns__stream_start_session(nns_stream *s);
bool nns__stream_session_ended(const nns_stream *s);
/* Until when a side may wait on account of the session's end; a sender has a moment longer. */
int64_t nns__stream_session_deadline(const nns_stream *s, unsigned side);
/* Fails the stream for that reason; answers the sticky error. */
int nns__stream_end_session(nns_stream *s);
/* True while a stream that failed for that reason has sealed records that may still go out. */
bool nns__stream_has_last_words(const nns_stream *s, uint32_t send_state);

/* stream.c */

/* Claims the sides for a call. REENTRANT: another call is working on one of them; FORKED. */
int nns__stream_enter(nns_stream *s, unsigned sides);
void nns__stream_leave(nns_stream *s, unsigned sides);
/* Gives buffers back, those of the sending side unless a call is working on it. For a call that
 * has claimed the receiving side. */
void nns__stream_trim(nns_stream *s);
/* NNS_OK while nothing has failed and nobody has canceled. */
int nns__stream_check(nns_stream *s);
/* The handshake, with both sides claimed. */
int nns__stream_do_handshake(nns_stream *s);
/* For tests: another clock. Before the handshake. */
void nns__stream_set_time(nns_stream *s, const struct nns__time *time);

#endif
