/* SPDX-License-Identifier: MIT
 *
 * nns_stream_poll(): what a non-blocking stream waits for, in the words of other people's loops.
 * It moves no bytes and begins nothing; a cancel that it finds becomes the stream's error.
 */
#include "stream/stream.h"

/* What the next call waits for. */
struct wish {
    int32_t events;
    int64_t until;
};

static struct wish handshake_wish(const nns_stream *s, uint32_t state)
{
    struct wish w = {0, nns__stream_has_begun(s) ? s->handshake_until : NNS__NEVER};

    if ((state & NNS_STATE_WANT_SEND) != 0)
        w.events = NNS_POLL_OUT;
    else if ((state & NNS_STATE_WANT_RECV) != 0)
        w.events = NNS_POLL_IN;
    else if ((state & (NNS_STATE_WANT_STEP | NNS_STATE_OPEN)) != 0)
        w.until = 0; /* a call can go on at once */
    return w;
}

static int64_t side_deadline(const nns_stream *s, unsigned side, int64_t idle_until)
{
    return nns__deadline_sooner(idle_until, nns__stream_session_deadline(s, side));
}

static struct wish data_wish(const nns_stream *s, uint32_t state)
{
    struct wish w = {0, NNS__NEVER};

    if (s->recv.waiting) {
        w.events |= NNS_POLL_IN;
        w.until = side_deadline(s, NNS__RECV_SIDE, s->recv.idle_until);
    }
    if ((state & NNS_STATE_WANT_SEND) != 0) {
        w.events |= NNS_POLL_OUT;
        if (s->send.waiting)
            w.until =
                nns__deadline_sooner(w.until, side_deadline(s, NNS__SEND_SIDE, s->send.idle_until));
    }
    return w;
}

static int fill(const nns_stream *s, int32_t events, nns_pollfd fds[3])
{
    const struct nns__transport *t = &s->transport;
    int n = 0;

    fds[n++] = (nns_pollfd){.fd = nns__wake_fd(s->wake), .events = NNS_POLL_IN};
    if (t->kind != NNS__DESCRIPTORS || events == 0)
        return n;
    if (t->recv_fd == t->send_fd) {
        fds[n++] = (nns_pollfd){.fd = t->recv_fd, .events = events};
        return n;
    }
    if ((events & NNS_POLL_IN) != 0)
        fds[n++] = (nns_pollfd){.fd = t->recv_fd, .events = NNS_POLL_IN};
    if ((events & NNS_POLL_OUT) != 0)
        fds[n++] = (nns_pollfd){.fd = t->send_fd, .events = NNS_POLL_OUT};
    return n;
}

int nns_stream_poll(nns_stream *s, nns_pollfd fds[3], int32_t *timeout_ms)
{
    struct wish w;
    uint32_t state;
    int rc;

    if (s == NULL || fds == NULL || timeout_ms == NULL)
        return NNS_ERR_ARGUMENT;
    rc = nns__stream_check(s);
    if (rc != NNS_OK)
        return rc;
    state = nns_engine_state(s->engine);
    w = atomic_load(&s->ready) ? data_wish(s, state) : handshake_wish(s, state);
    *timeout_ms = nns__deadline_left(&s->time, w.until);
    return fill(s, w.events, fds);
}
