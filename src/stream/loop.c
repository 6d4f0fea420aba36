/* SPDX-License-Identifier: MIT
 *
 * The one loop of a stream, blocking or not: it moves bytes between engine and transport, has the
 * mechanism called, and waits where nothing else is to be done. It decides nothing about the
 * protocol: the engine's state says what is wanted.
 */
#include "stream/stream.h"

#include "engine/engine_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE ((size_t)256) /* of a worker's key; a longer realm shares one with its like */
#define PATIENCE_MS 100        /* a reader that waits longer keeps no buffers meanwhile */
#define READABLE (NNS_STATE_CAN_READ | NNS_STATE_RECV_EOF)

/* ---- failing ---- */

/* For good, so that nobody waits any more; but at a session's end a sender still has to wait. */
void nns__stream_rouse(nns_stream *s)
{
    if (atomic_load(&s->session_over))
        nns__wake_signal(s->wake);
    else
        nns__wake_hold(s->wake);
}

int nns__stream_fail_text(nns_stream *s, const struct nns__failure *f)
{
    int rc;

    nns__call_keep(s->call);
    rc = nns__engine_fail_text(s->engine, f);
    nns__stream_rouse(s);
    return rc;
}

int nns__stream_fail(nns_stream *s, int code, int os)
{
    int rc;

    nns__call_keep(s->call);
    /* The engine may be open although its last record has not gone out: to the caller that is
     * still the handshake. */
    if (!atomic_load(&s->ready) && (nns_engine_state(s->engine) & NNS_STATE_OPEN) != 0)
        nns__engine_set_phase(s->engine, NNS_PHASE_HANDSHAKE);
    rc = nns_engine_fail(s->engine, code, os);

    nns__stream_rouse(s);
    return rc;
}

int nns__stream_check_canceled(nns_stream *s)
{
    struct nns__failure f;

    if (!atomic_load(&s->canceled))
        return NNS_OK;
    if (!atomic_load(&s->evicted))
        return nns__stream_fail(s, NNS_ERR_CANCELED, 0);
    (void)nns__fail(&f, NNS_ERR_BUSY, NNS__STATUS_NONE,
                    "handshake: too many at once: this one, the oldest that has sent nothing yet, "
                    "gives way");
    return nns__stream_fail_text(s, &f);
}

void nns__stream_abandon_call(nns_stream *s)
{
    if (s->call == NULL)
        return;
    nns__call_keep(s->call);
    nns_job_abandon(s->job);
    nns__call_release(s->call);
    s->job = NULL;
    s->call = NULL;
}

/* The transport takes no more bytes. What the peer sent before is still worth reading, so this is
 * the error of the sending side alone until the receiving side has nothing left to do. */
static void break_send(nns_stream *s, int code, int os)
{
    const nns_error *none = NULL, *err;
    struct nns__failure f;

    if (nns_engine_error(s->engine) != NULL)
        return;
    (void)nns__fail(&f, code, NNS__STATUS_NONE, "send: %s",
                    os != 0 ? strerror(os) : nns_strerror(code));
    f.os = os;
    err =
        nns__error_pack(&s->mem, &f, atomic_load(&s->ready) ? NNS_PHASE_DATA : NNS_PHASE_HANDSHAKE);
    if (!atomic_compare_exchange_strong(&s->send_error, &none, err))
        nns__error_free(&s->mem, err);
    nns__stream_rouse(s);
}

/* The receiving side has come to the end of what there is: the stream fails as its sending side
 * did. */
static int fail_as_sender(nns_stream *s)
{
    const nns_error *err = atomic_load(&s->send_error);
    struct nns__failure f;

    (void)nns__fail(&f, nns_error_code(err), NNS__STATUS_NONE, "%s", nns_error_message(err));
    f.os = nns_error_os(err);
    return nns__stream_fail_text(s, &f);
}

/* ---- waiting ---- */

/* A deadline has passed, of whatever kind. */
static int time_is_up(nns_stream *s)
{
    if (nns__stream_session_ended(s))
        return nns__stream_end_session(s);
    return nns__stream_fail(s, NNS_ERR_TIMEOUT, 0);
}

/* After poll(2), which answered n, on the wake-up and perhaps a descriptor: 1, or 0 when nothing
 * has happened, or an error. */
static int heed(nns_stream *s, int n, const struct pollfd *wake)
{
    int rc;

    if (n < 0 && errno != EINTR)
        return nns__stream_fail(s, NNS_ERR_IO, errno);
    if (n > 0 && wake->revents != 0 && !s->owed)
        nns__wake_clear(s->wake);
    rc = nns__stream_check_canceled(s);
    return rc != NNS_OK ? rc : n != 0;
}

/* Waits for the wake-up and fd; answers as heed(). */
static int look_up(nns_stream *s, int fd, short events, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = nns__wake_fd(s->wake), .events = POLLIN},
                            {.fd = fd, .events = events}};
    int n = s->time.wait(s->time.arg, fds, fd >= 0 ? 2 : 1, timeout_ms);

    return heed(s, n, &fds[0]);
}

/* The same for a reader that expects an answer, and without sleeping. */
static int look_for_answer(nns_stream *s, int fd)
{
    struct pollfd fds[2] = {{.fd = nns__wake_fd(s->wake), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    int n = nns__spin(&s->spin, &s->time, fds, 2);

    return n != 0 ? heed(s, n, &fds[0]) : 0;
}

void nns__stream_take_signal(nns_stream *s)
{
    nns__wake_take(s->wake);
    s->owed = false;
}

int nns__stream_wait(nns_stream *s, int fd, short events, int64_t deadline)
{
    int left = nns__deadline_left(&s->time, deadline), rc;

    if (left == 0)
        return time_is_up(s);
    rc = look_up(s, fd, events, left);
    return rc < 0 ? rc : NNS_OK;
}

/* The reader's wait: at first awake if it expects an answer, after a while without buffers. */
static int wait_idle(nns_stream *s, int fd, int64_t deadline)
{
    int left = nns__deadline_left(&s->time, deadline), rc = 0;

    if (left != 0 && atomic_load_explicit(&s->asked, memory_order_relaxed))
        rc = look_for_answer(s, fd);
    if (rc != 0)
        return rc < 0 ? rc : NNS_OK;
    if (!s->recv.trimmed && (left < 0 || left > PATIENCE_MS)) {
        rc = look_up(s, fd, POLLIN, PATIENCE_MS);
        if (rc != 0)
            return rc < 0 ? rc : NNS_OK;
        nns__stream_trim(s);
        s->recv.trimmed = true;
    }
    return nns__stream_wait(s, fd, POLLIN, deadline);
}

static struct nns__side *side_of(nns_stream *s, unsigned side)
{
    return side == NNS__SEND_SIDE ? &s->send : &s->recv;
}

/* Until when a wait on this side may last. The idle time begins with the first wait and ends when
 * bytes move. */
static int64_t wait_deadline(nns_stream *s, unsigned side)
{
    struct nns__side *state = side_of(s, side);

    if (side == NNS__BOTH_SIDES)
        return s->handshake_until;
    if (state->idle_until == 0)
        state->idle_until = nns__deadline_after(&s->time, s->cfg->limits[NNS_LIMIT_IDLE_MS]);
    return nns__deadline_sooner(state->idle_until, nns__stream_session_deadline(s, side));
}

/* Waits, or has a non-blocking stream's caller wait. */
static int pause_for(nns_stream *s, unsigned side, int fd, short events, int want)
{
    int64_t deadline = wait_deadline(s, side);

    if (s->blocking)
        return side == NNS__RECV_SIDE ? wait_idle(s, fd, deadline)
                                      : nns__stream_wait(s, fd, events, deadline);
    if (nns__deadline_left(&s->time, deadline) == 0)
        return time_is_up(s);
    side_of(s, side)->waiting = true;
    return want;
}

static void moved(nns_stream *s, unsigned side)
{
    struct nns__side *state = side_of(s, side);

    state->idle_until = 0;
    state->trimmed = false;
    if (side != NNS__BOTH_SIDES)
        atomic_store_explicit(&s->asked, side == NNS__SEND_SIDE, memory_order_relaxed);
}

/* ---- sending and receiving ---- */

static bool is_want(nns_ssize n)
{
    return n == NNS_WANT_RECV || n == NNS_WANT_SEND;
}

/* The transport would block. Callbacks of a blocking stream have no business to say so. */
static int blocked(nns_stream *s, unsigned side, nns_ssize want)
{
    bool to_send = want == NNS_WANT_SEND;

    if (s->transport.kind == NNS__CALLBACKS && s->blocking)
        return nns__stream_fail(s, NNS_ERR_IO, 0);
    if (!to_send)
        nns__transport_await(&s->transport);
    return pause_for(s, side, to_send ? s->transport.send_fd : s->transport.recv_fd,
                     to_send ? POLLOUT : POLLIN, (int)want);
}

static int send_some(nns_stream *s, unsigned side)
{
    const uint8_t *bytes;
    size_t size;
    nns_ssize n;
    int os = 0, rc = nns_engine_send_buf(s->engine, &bytes, &size);

    if (rc != NNS_OK || size == 0)
        return rc;
    n = nns__transport_send(&s->transport, bytes, size, &os);
    rc = nns_engine_send_ack(s->engine, n > 0 ? (size_t)n : 0);
    if (n > 0) {
        moved(s, side);
        return rc;
    }
    if (is_want(n))
        return blocked(s, side, n);
    break_send(s, (int)n, os);
    return nns_error_code(nns_engine_error(s->engine));
}

/* True if it is likely that nothing has come yet: the last receive left nothing behind. Then a
 * wait before the next one costs less than a receive that says so. */
static bool is_drained(const nns_stream *s)
{
    return s->blocking && s->drained && s->transport.recv_is_socket &&
           nns__buffer_used(&s->transport.initial) == 0 &&
           (nns_engine_recv_state(s->engine) & NNS_STATE_WANT_RECV) != 0;
}

static int recv_some(nns_stream *s, unsigned side)
{
    uint8_t *room;
    size_t size;
    nns_ssize n;
    int os = 0, rc = is_drained(s) ? blocked(s, side, NNS_WANT_RECV) : NNS_OK;

    if (rc == NNS_OK)
        rc = nns_engine_recv_buf(s->engine, &room, &size);
    if (rc != NNS_OK || size == 0)
        return rc != NNS_OK ? rc : NNS_ERR_STATE;
    n = nns__transport_recv(&s->transport, room, size, &os);
    rc = nns_engine_recv_ack(s->engine, n > 0 ? (size_t)n : 0);
    if (n >= 0) {
        s->drained = (size_t)n < size;
        moved(s, side);
        return n > 0 ? rc : nns_engine_recv_eof(s->engine);
    }
    if (atomic_load(&s->send_error) != NULL)
        return fail_as_sender(s);
    return is_want(n) ? blocked(s, side, n) : nns__stream_fail(s, (int)n, os);
}

/* ---- the mechanism ---- */

static void run_job(void *arg)
{
    nns_job_run(arg);
}

/* The realm in "name@REALM" or "REALM\\name" as a key: up to the backslash, or behind the '@'. ""
 * is the default realm. */
static void realm_key(char key[KEY_SIZE], const char *name)
{
    const char *backslash = strchr(name, '\\'), *at = strrchr(name, '@');

    if (backslash != NULL)
        (void)snprintf(key, KEY_SIZE, "%.*s", (int)(backslash - name), name);
    else
        (void)snprintf(key, KEY_SIZE, "%s", at != NULL ? at + 1 : "");
}

/* Whose KDC is asked, first of all: that of the user who logs in, else that of the target's realm.
 * A server asks none. */
static const char *worker_key(const nns_stream *s, char key[KEY_SIZE])
{
    const char *target = nns_engine_target(s->engine);

    if (s->role != NNS_CLIENT || target == NULL)
        return NULL;
    realm_key(key, s->cfg->user != NULL ? s->cfg->user : target);
    return key;
}

/* The job has run. */
static int finish_job(nns_stream *s)
{
    nns_job *job = s->job;

    s->job = NULL;
    return nns_engine_finish_job(s->engine, job);
}

/* What the engine has to say, as far as the transport takes it at once. */
static void send_at_once(nns_stream *s)
{
    const uint8_t *bytes;
    size_t size;
    nns_ssize n = 1;
    int os = 0, rc = NNS_OK;

    while (rc == NNS_OK && n > 0) {
        rc = nns_engine_send_buf(s->engine, &bytes, &size);
        if (rc != NNS_OK || size == 0)
            return;
        n = nns__transport_send(&s->transport, bytes, size, &os);
        rc = nns_engine_send_ack(s->engine, n > 0 ? (size_t)n : 0);
    }
    if (n <= 0 && !is_want(n))
        break_send(s, (int)n, os); /* a socket would not say so again */
}

/* On the worker's thread, while the stream's own sleeps in step(): the peer need not wait until
 * that is awake. Whatever fails here is met there. After the deadline or a cancel the
 * result is not even looked at: nothing comes to the queue that could still go out. */
static void answer(void *arg)
{
    nns_stream *s = arg;

    if (!atomic_load(&s->canceled) && nns__deadline_left(&s->time, s->handshake_until) != 0 &&
        finish_job(s) == NNS_OK)
        send_at_once(s);
}

/* Nobody else comes to the engine meanwhile, no function of the program's is called from a thread
 * that it does not expect, and to send cannot block: of a pipe with a second writer, or a terminal,
 * nobody can say that. */
static bool may_answer_elsewhere(const nns_stream *s)
{
    return s->blocking && s->transport.kind == NNS__DESCRIPTORS && s->transport.send_is_socket &&
           s->cfg->trace == NULL;
}

static int start_call(nns_stream *s)
{
    const struct nns__work work = {
        .run = run_job, .arg = s->job, .then = may_answer_elsewhere(s) ? answer : NULL, .owner = s};
    char key[KEY_SIZE];
    struct nns__failure f;
    int rc = nns__call_start(&s->call, &s->mem, worker_key(s, key), &work, s->wake);

    s->owed = rc == NNS_OK;
    if (rc == NNS_OK)
        return NNS_OK;
    (void)nns__fail(&f, rc, NNS__STATUS_INTERNAL_ERROR, "handshake: %s",
                    rc == NNS_ERR_BUSY ? "too many mechanism calls wait already"
                                       : nns_strerror(rc));
    rc = nns__stream_fail_text(s, &f);
    nns_job_abandon(s->job);
    nns_job_run(s->job); /* frees it */
    s->job = NULL;
    return rc;
}

/* What ends a call whatever the state is. The gate hears of a client's first token here, before
 * the mechanism is called with it. */
static int check_interrupts(nns_stream *s, unsigned side)
{
    int rc = nns__stream_check_canceled(s);

    if (side == NNS__BOTH_SIDES && nns_engine_legs(s->engine) > 0)
        nns_pass_first_token(s->pass);
    if (rc == NNS_OK && side == NNS__BOTH_SIDES &&
        nns__deadline_left(&s->time, s->handshake_until) == 0)
        rc = nns__stream_fail(s, NNS_ERR_TIMEOUT, 0);
    return rc;
}

/* Until it is done a blocking stream's call has the engine. */
static int step(nns_stream *s)
{
    int rc;

    rc = nns__engine_owned(s->engine); /* a child of fork() has no threads, here and below */
    if (rc != NNS_OK)
        return rc;
    if (s->call == NULL) {
        rc = nns_engine_take_job(s->engine, &s->job);
        if (rc != NNS_OK)
            return rc;
        if (nns__job_run_at_once(s->job))
            return finish_job(s);
        rc = start_call(s);
    }
    while (rc == NNS_OK && !nns__call_is_done(s->call)) {
        rc = pause_for(s, NNS__BOTH_SIDES, -1, 0, NNS_WANT_STEP);
        if (rc == NNS_OK)
            rc = nns__engine_owned(s->engine);
    }
    if (rc == NNS_OK)
        rc = check_interrupts(s, NNS__BOTH_SIDES); /* before there is anything to send */
    if (rc != NNS_OK)
        return rc;
    nns__call_release(s->call);
    s->call = NULL;
    nns__stream_take_signal(s);
    return s->job != NULL ? finish_job(s) : NNS_OK;
}

/* ---- the loop ---- */

static uint32_t state_of(const nns_stream *s, unsigned side)
{
    if (side == NNS__RECV_SIDE)
        return nns_engine_recv_state(s->engine);
    if (side == NNS__SEND_SIDE)
        return nns_engine_send_state(s->engine);
    return nns_engine_state(s->engine);
}

static int run(nns_stream *s, unsigned side, uint32_t wanted)
{
    for (;;) {
        bool can_send = atomic_load(&s->send_error) == NULL;
        uint32_t state;
        int rc = check_interrupts(s, side);

        if (rc != NNS_OK)
            return rc;
        state = state_of(s, side);
        if ((state & wanted & READABLE) != 0) /* also after a failure */
            return NNS_OK;
        if (side == NNS__SEND_SIDE && !can_send)
            return nns_error_code(nns_stream_error(s));
        if ((state & NNS_STATE_FAILED) != 0 &&
            (side != NNS__SEND_SIDE || !nns__stream_has_last_words(s, state)))
            return nns_error_code(nns_stream_error(s));
        if ((state & NNS_STATE_WANT_SEND) != 0 && can_send)
            rc = send_some(s, side);
        else if ((state & wanted) != 0)
            return can_send ? NNS_OK : fail_as_sender(s);
        else if ((state & (NNS_STATE_WANT_STEP | NNS_STATE_STEPPING)) != 0)
            rc = can_send ? step(s) : fail_as_sender(s);
        else
            rc = nns__stream_session_ended(s) ? nns__stream_end_session(s) : recv_some(s, side);
        if (rc != NNS_OK)
            return rc;
    }
}

int nns__stream_run(nns_stream *s, unsigned side, uint32_t wanted)
{
    int rc;

    side_of(s, side)->waiting = false;
    rc = run(s, side, wanted);
    if (rc <= NNS_ERR_ARGUMENT && nns_error_code(nns_engine_error(s->engine)) != NNS_OK) {
        nns__stream_rouse(s); /* for the thread that waits on the other side */
        if (side == NNS__BOTH_SIDES)
            nns__stream_abandon_call(s);
    }
    return rc;
}

/* ---- the end ---- */

int nns__stream_shut(nns_stream *s)
{
    int os, rc;

    if (s->shut)
        return NNS_OK;
    s->shut = true;
    rc = nns__transport_shutdown(&s->transport, &os);
    if (rc == NNS_OK)
        return NNS_OK;
    break_send(s, rc, os);
    return nns_error_code(nns_stream_error(s));
}

/* An engine that opened before it failed has no record of its failure to send: what waits is the
 * Done, and the peer must not see that. */
static bool may_tell_peer(const nns_stream *s)
{
    return !s->peer_told && (nns_engine_state(s->engine) & NNS_STATE_OPEN) == 0;
}

void nns__stream_tell_peer(nns_stream *s)
{
    const uint8_t *bytes;
    size_t size = 1;
    nns_ssize n;
    int os, rc;

    while (may_tell_peer(s) && size > 0) {
        rc = nns_engine_send_buf(s->engine, &bytes, &size);
        if (rc == NNS_ERR_FORKED) /* it is the parent's to say */
            return;
        if (rc != NNS_OK || size == 0)
            break;
        n = nns__transport_send(&s->transport, bytes, size, &os);
        rc = nns_engine_send_ack(s->engine, n > 0 ? (size_t)n : 0);
        if (rc != NNS_OK || n <= 0)
            return;
    }
    s->peer_told = true;
    (void)nns__stream_shut(s);
}
