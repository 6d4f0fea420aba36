/* SPDX-License-Identifier: MIT
 *
 * A stream's life and its calls, but for nns_stream_connect() (connect.c) and nns_stream_poll()
 * (poll.c). A call that moves bytes claims the side it works on, finishes the handshake where that
 * is still due, and lets the loop work until the engine can do what is asked: nothing here waits,
 * sends or receives, but that freeing drains a socket whose peer was told of a failure.
 */
#include "stream/stream.h"

#include "engine/engine_stream.h"

/* ---- life ---- */

static int make_parts(nns_stream *s)
{
    int rc = nns__wake_new(&s->wake, &s->mem);

    return rc == NNS_OK ? nns_engine_new(&s->engine, s->cfg, s->role) : rc;
}

int nns_stream_new(nns_stream **ret, nns_config *cfg, nns_role role)
{
    nns_stream *s;
    int rc;

    if (ret == NULL || cfg == NULL || (role != NNS_CLIENT && role != NNS_SERVER))
        return NNS_ERR_ARGUMENT;
    s = nns__alloc(&cfg->mem, sizeof(*s));
    if (s == NULL)
        return NNS_ERR_NOMEM;
    if (pthread_mutex_init(&s->trim_lock, NULL) != 0) {
        nns__free(&cfg->mem, s, sizeof(*s));
        return NNS_ERR_NOMEM;
    }
    s->mem = cfg->mem;
    s->cfg = nns_config_ref(cfg);
    s->role = role;
    s->blocking = true;
    s->time = nns__time_system;
    s->session_until = NNS__NEVER;
    for (size_t i = 0; i < sizeof(s->spent_us) / sizeof(s->spent_us[0]); i++)
        s->spent_us[i] = -1;
    nns__transport_init(&s->transport);
    atomic_init(&s->entered, 0);
    atomic_init(&s->ready, false);
    atomic_init(&s->canceled, false);
    atomic_init(&s->evicted, false);
    atomic_init(&s->session_over, false);
    atomic_init(&s->send_error, NULL);
    rc = make_parts(s);
    if (rc != NNS_OK) {
        nns_stream_free(s);
        return rc;
    }
    *ret = s;
    return NNS_OK;
}

void nns_stream_free(nns_stream *s)
{
    struct nns__mem mem;

    if (s == NULL)
        return;
    mem = s->mem;
    nns_pass_free(s->pass); /* from here on the gate does not cancel any more */
    nns__stream_abandon_call(s);
    if (s->peer_told && s->transport.owned)
        nns__transport_drain(&s->transport);
    nns__transport_close(&s->transport, &mem);
    nns_engine_free(s->engine);
    nns__wake_unref(s->wake);
    nns__error_free(&mem, atomic_load(&s->send_error));
    nns_config_unref(s->cfg);
    (void)pthread_mutex_destroy(&s->trim_lock);
    nns__free(&mem, s, sizeof(*s));
}

/* ---- before the handshake ---- */

int nns_stream_set_fd(nns_stream *s, nns_fd recv_fd, nns_fd send_fd, uint32_t flags)
{
    if (s == NULL || (flags & ~NNS_FD_CLOSE) != 0)
        return NNS_ERR_ARGUMENT;
    if (nns__stream_has_begun(s) || s->transport.kind != NNS__NO_TRANSPORT)
        return NNS_ERR_STATE;
    return nns__transport_set_fds(&s->transport, recv_fd, send_fd, (flags & NNS_FD_CLOSE) != 0);
}

int nns_stream_set_io(nns_stream *s, const nns_io *io, void *arg)
{
    if (s == NULL)
        return NNS_ERR_ARGUMENT;
    if (nns__stream_has_begun(s) || s->transport.kind != NNS__NO_TRANSPORT)
        return NNS_ERR_STATE;
    return nns__transport_set_io(&s->transport, io, arg);
}

int nns_stream_set_initial(nns_stream *s, const void *data, size_t len)
{
    int rc;

    if (s == NULL || (data == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    if (nns__stream_has_begun(s))
        return NNS_ERR_STATE;
    rc = nns__transport_set_initial(&s->transport, &s->mem, data, len,
                                    nns__config_size_limit(s->cfg, NNS_LIMIT_BUFFER_BYTES));
    return rc == NNS_ERR_TOO_LARGE ? NNS_ERR_ARGUMENT : rc;
}

/* The gate wants this connection to give way. */
static void evict(void *arg)
{
    nns_stream *s = arg;

    atomic_store(&s->evicted, true);
    nns_stream_cancel(s);
}

int nns_stream_set_pass(nns_stream *s, nns_pass *pass)
{
    if (s == NULL || pass == NULL || s->role != NNS_SERVER)
        return NNS_ERR_ARGUMENT;
    if (nns__stream_has_begun(s) || s->pass != NULL)
        return NNS_ERR_STATE;
    s->pass = pass;
    nns_pass_on_evict(pass, evict, s);
    return NNS_OK;
}

int nns_stream_set_blocking(nns_stream *s, int on)
{
    if (s == NULL)
        return NNS_ERR_ARGUMENT;
    if (nns__stream_has_begun(s))
        return NNS_ERR_STATE;
    s->blocking = on != 0;
    return NNS_OK;
}

void nns__stream_set_time(nns_stream *s, const struct nns__time *time)
{
    s->time = *time;
}

/* ---- calls ---- */

/* Waits for the few microseconds that giving buffers back takes. In a child of fork() the thread
 * that did so does not exist. */
static int await_trim(nns_stream *s, unsigned sides)
{
    int rc = nns__engine_owned(s->engine);

    if (rc != NNS_OK) {
        nns__stream_leave(s, sides);
        return rc;
    }
    (void)pthread_mutex_lock(&s->trim_lock);
    (void)pthread_mutex_unlock(&s->trim_lock);
    return NNS_OK;
}

int nns__stream_enter(nns_stream *s, unsigned sides)
{
    unsigned before = atomic_fetch_or(&s->entered, sides);

    if ((before & sides) != 0) {
        atomic_fetch_and(&s->entered, ~(sides & ~before));
        return NNS_ERR_REENTRANT;
    }
    return (before & NNS__TRIMMING) != 0 ? await_trim(s, sides) : NNS_OK;
}

void nns__stream_leave(nns_stream *s, unsigned sides)
{
    atomic_fetch_and(&s->entered, ~sides);
}

void nns__stream_trim(nns_stream *s)
{
    unsigned alone = NNS__RECV_SIDE;

    nns__recv_trim(s->engine);
    (void)pthread_mutex_lock(&s->trim_lock);
    if (atomic_compare_exchange_strong(&s->entered, &alone, NNS__RECV_SIDE | NNS__TRIMMING)) {
        nns__send_trim(s->engine);
        atomic_fetch_and(&s->entered, ~NNS__TRIMMING);
    }
    (void)pthread_mutex_unlock(&s->trim_lock);
}

int nns__stream_check(nns_stream *s)
{
    int rc = nns__stream_check_canceled(s);

    return rc != NNS_OK ? rc : nns_error_code(nns_stream_error(s));
}

static void begin_handshake(nns_stream *s)
{
    enum nns_limit limit =
        s->role == NNS_CLIENT ? NNS_LIMIT_CLIENT_HANDSHAKE_MS : NNS_LIMIT_SERVER_HANDSHAKE_MS;

    s->handshake_until = nns__deadline_after(&s->time, s->cfg->limits[limit]);
    s->handshake_began = nns__time_us(&s->time);
}

int nns__stream_do_handshake(nns_stream *s)
{
    int rc;

    if (s->transport.kind == NNS__NO_TRANSPORT) {
        rc = nns__stream_check(s);
        return rc != NNS_OK ? rc : NNS_ERR_STATE;
    }
    if (!nns__stream_has_begun(s))
        begin_handshake(s);
    rc = nns__stream_run(s, NNS__BOTH_SIDES, NNS_STATE_OPEN | NNS_STATE_WANT_AUTHORIZE);
    if (rc != NNS_OK) {
        if (nns_engine_error(s->engine) != NULL)
            nns__stream_tell_peer(s);
        return rc;
    }
    if ((nns_engine_state(s->engine) & NNS_STATE_OPEN) == 0)
        return NNS_WANT_AUTHORIZE;
    nns_pass_open(s->pass);
    nns__stream_start_session(s);
    s->spent_us[NNS_TIME_HANDSHAKE] = nns__time_us(&s->time) - s->handshake_began;
    atomic_store(&s->ready, true);
    return NNS_OK;
}

int nns_stream_handshake(nns_stream *s)
{
    int rc;

    if (s == NULL)
        return NNS_ERR_ARGUMENT;
    if (atomic_load(&s->ready))
        return nns__stream_check(s);
    rc = nns__stream_enter(s, NNS__BOTH_SIDES);
    if (rc != NNS_OK)
        return rc;
    rc = nns__stream_do_handshake(s);
    nns__stream_leave(s, NNS__BOTH_SIDES);
    return rc;
}

/* What a call in the data phase begins with: the handshake, and the claim on its side. */
static int begin(nns_stream *s, unsigned side)
{
    int rc = atomic_load(&s->ready) ? NNS_OK : nns_stream_handshake(s);

    return rc == NNS_OK ? nns__stream_enter(s, side) : rc;
}

static nns_ssize end(nns_stream *s, unsigned side, nns_ssize result)
{
    nns__stream_leave(s, side);
    return result;
}

/* ---- reading ---- */

nns_ssize nns_stream_read(nns_stream *s, void *dst, size_t len)
{
    nns_ssize n = NNS_WANT_RECV;
    int rc;

    if (s == NULL || (dst == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    rc = begin(s, NNS__RECV_SIDE);
    if (rc != NNS_OK)
        return rc;
    while (n == NNS_WANT_RECV && rc == NNS_OK) { /* again after a record without payload */
        rc = len == 0 ? nns__stream_check(s)
                      : nns__stream_run(s, NNS__RECV_SIDE, NNS_STATE_CAN_READ | NNS_STATE_RECV_EOF);
        if (rc == NNS_OK)
            n = nns_engine_read(s->engine, dst, len);
    }
    if (n < 0 && nns_engine_error(s->engine) != NULL)
        nns__stream_rouse(s); /* a bad record: the writer is to know */
    return end(s, NNS__RECV_SIDE, rc != NNS_OK ? rc : n);
}

/* ---- writing ---- */

#define NNS__STATE_SENT (NNS_STATE_CAN_WRITE | NNS_STATE_SEND_EOF) /* while nothing waits to go */

/* As much as there is room for. Nothing new is begun after the session's end. */
static nns_ssize stage(nns_stream *s, const uint8_t *src, size_t len)
{
    if (nns__stream_session_ended(s))
        return nns__stream_end_session(s);
    return nns_engine_write(s->engine, src, len);
}

/* Everything in records as large as they get: the queue is filled, then emptied. */
static nns_ssize write_all(nns_stream *s, const uint8_t *src, size_t len)
{
    size_t done = 0;
    int rc = NNS_OK;

    while (rc == NNS_OK && done < len) {
        nns_ssize n = stage(s, src + done, len - done);

        if (n < 0 && n != NNS_WANT_SEND)
            return n;
        done += n > 0 ? (size_t)n : 0;
        rc = nns__stream_run(s, NNS__SEND_SIDE, NNS__STATE_SENT);
    }
    return rc == NNS_OK ? (nns_ssize)len : rc;
}

/* As much as there is room for, after making room where there is none. */
static nns_ssize write_some(nns_stream *s, const uint8_t *src, size_t len)
{
    nns_ssize n = stage(s, src, len);
    int rc;

    if (n != NNS_WANT_SEND)
        return n;
    rc = nns__stream_run(s, NNS__SEND_SIDE, NNS__STATE_SENT);
    return rc == NNS_OK || rc == NNS_WANT_SEND ? stage(s, src, len) : rc;
}

nns_ssize nns_stream_write(nns_stream *s, const void *src, size_t len)
{
    nns_ssize n;
    int rc;

    if (s == NULL || (src == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    rc = begin(s, NNS__SEND_SIDE);
    if (rc != NNS_OK)
        return rc;
    n = nns__stream_check(s);
    if (n == NNS_OK && len > 0)
        n = s->blocking ? write_all(s, src, len) : write_some(s, src, len);
    if (n < 0 && nns_engine_error(s->engine) != NULL)
        nns__stream_rouse(s); /* no memory for a record: the reader is to know */
    return end(s, NNS__SEND_SIDE, n);
}

int nns_stream_flush(nns_stream *s)
{
    int rc;

    if (s == NULL)
        return NNS_ERR_ARGUMENT;
    rc = begin(s, NNS__SEND_SIDE);
    if (rc != NNS_OK)
        return rc;
    return (int)end(s, NNS__SEND_SIDE, nns__stream_run(s, NNS__SEND_SIDE, NNS__STATE_SENT));
}

int nns_stream_shutdown(nns_stream *s)
{
    int rc;

    if (s == NULL)
        return NNS_ERR_ARGUMENT;
    rc = begin(s, NNS__SEND_SIDE);
    if (rc != NNS_OK)
        return rc;
    rc = nns_engine_close(s->engine);
    if (rc == NNS_OK)
        rc = nns__stream_run(s, NNS__SEND_SIDE, NNS_STATE_SEND_EOF);
    if (rc == NNS_OK)
        rc = nns__stream_shut(s);
    return (int)end(s, NNS__SEND_SIDE, rc);
}

void nns_stream_cancel(nns_stream *s)
{
    if (s == NULL)
        return;
    atomic_store(&s->canceled, true);
    nns__wake_hold(s->wake);
}

/* ---- what is inside ---- */

int64_t nns_stream_time_us(const nns_stream *s, int32_t part)
{
    return s != NULL && part >= 0 && part <= NNS_TIME_HANDSHAKE ? s->spent_us[part] : -1;
}

nns_engine *nns_stream_engine(nns_stream *s)
{
    return s->engine;
}

const nns_error *nns_stream_error(const nns_stream *s)
{
    const nns_error *sending, *err;

    if (s == NULL)
        return NULL;
    sending = atomic_load(&s->send_error);
    err = nns_engine_error(s->engine);
    return sending != NULL && atomic_load(&s->ready) ? sending : err;
}
