/* SPDX-License-Identifier: MIT
 *
 * A net.tcp connection on a socket.
 */
#include "link.h"

#include "report.h"
#include "step.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES                                                                               \
    ((int64_t)1 << 20) /* under bulk traffic, so that no side waits for the other */

/* An envelope has three events or more, whatever its size is: a link may hold so many small ones
 * that passing on all of them takes half a second. */
#define EVENTS_AT_ONCE 512

/* ---- its life ---- */

static void hang_up(void *arg)
{
    const int *fd = arg;

    (void)shutdown(*fd, SHUT_RDWR);
}

/* There may be a new engine, whose bytes are in the trace from the first on, or none any more. */
static void follow_engine(const struct link *l)
{
    if (l->trace != NULL)
        trace_engine(l->trace, nns_nmf_engine(l->nmf));
}

/* Who the other side is, for the trace. */
static struct trace_connection *begin_trace(const struct options *o, nns_role role,
                                            const char *peer)
{
    bool proxy = o->command == COMMAND_PROXY;
    char service[320];

    if (role == NNS_SERVER)
        return trace_connect(role, peer);
    (void)snprintf(service, sizeof(service), "%s:%s", proxy ? o->to.host : o->host,
                   proxy ? o->to.port : o->port);
    return trace_connect(role, service);
}

void link_trace_preamble(const struct link *l)
{
    trace_preamble(l->trace, l->client, nns_nmf_get_mode(l->nmf), nns_nmf_encoding(l->nmf),
                   nns_nmf_content_type(l->nmf), nns_nmf_via(l->nmf));
}

void link_trace_fault(const struct link *l, const char *fault)
{
    char words[300];

    (void)snprintf(words, sizeof(words), "fault %s", fault);
    trace_framing(l->trace, true, words);
}

int link_open(struct link *l, const struct options *o, nns_config *cfg, nns_role role, int fd,
              nns_pass *pass, const char *peer)
{
    int on = 1, rc;

    *l = (struct link){
        .options = o, .pass = pass, .fd = fd, .peer = peer, .session_until = LINK_NEVER};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    rc = nns_nmf_new(&l->nmf, role, cfg, NULL);
    if (rc == NNS_OK) /* envelopes pass through in pieces: their size costs nothing here */
        rc = nns_nmf_set_limit(l->nmf, NNS_NMF_LIMIT_ENVELOPE_BYTES, INT64_MAX);
    if (rc == NNS_OK)
        rc = nns_nmf_set_limit(l->nmf, NNS_NMF_LIMIT_BUFFER_BYTES, BUFFER_BYTES);
    if (rc == NNS_OK && pass != NULL)
        nns_pass_on_evict(pass, hang_up, &l->fd);
    l->client = role == NNS_CLIENT;
    l->trace = begin_trace(o, role, peer);
    return rc;
}

void link_close(struct link *l)
{
    nns_pass_free(l->pass); /* first: until then it may hang up */
    follow_engine(l);
    trace_disconnect(l->trace);
    nns_nmf_free(l->nmf);
    if (l->fd >= 0)
        (void)close(l->fd);
    *l = (struct link){.fd = -1};
}

void link_restart(struct link *l)
{
    (void)!nns_nmf_restart(l->nmf);
    l->announced = false; /* the next conversation may be somebody else's */
    l->session_until = LINK_NEVER;
}

const char *link_target(const struct options *o, const char *host, char *room, size_t size)
{
    if (o->target != NULL)
        return o->target;
    (void)snprintf(room, size, "host/%s", host);
    for (char *c = room; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return room;
}

int link_set_target(struct link *l, const char *host)
{
    char room[LINK_TARGET_MOST];

    return nns_nmf_set_target(l->nmf, link_target(l->options, host, room, sizeof(room)));
}

/* ---- time ---- */

int64_t link_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t link_deadline(int64_t ms, int64_t standard)
{
    ms = ms < 0 ? standard : ms;
    return ms > 0 ? link_now() + ms : LINK_NEVER;
}

int64_t link_earlier(int64_t a, int64_t b)
{
    if (a == LINK_NEVER || b == LINK_NEVER)
        return a == LINK_NEVER ? b : a;
    return a < b ? a : b;
}

int link_patience(int64_t deadline)
{
    int64_t left = deadline != LINK_NEVER ? deadline - link_now() : -1;

    if (deadline == LINK_NEVER)
        return -1;
    if (left <= 0)
        return 0;
    return left < 60000 ? (int)left : 60000;
}

/* ---- what was negotiated ---- */

/* A client is let in for as long as its ticket lasts, as a stream has it. */
static void bound_session(struct link *l, const nns_engine *e)
{
    struct timespec t;
    int64_t end = nns_engine_ticket_end(e), left;

    if (nns_engine_peer_name(e) == NULL || end == 0)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    left = (end - (int64_t)t.tv_sec) * 1000;
    l->session_until = link_now() + (left > 0 ? left : 0);
}

static void announce(struct link *l)
{
    nns_engine *e = nns_nmf_engine(l->nmf);

    follow_engine(l);
    if (l->pass != NULL && e != NULL && nns_engine_legs(e) > 0)
        nns_pass_first_token(l->pass);
    if (e == NULL || l->announced || (nns_engine_state(e) & NNS_STATE_OPEN) == 0)
        return;
    l->announced = true;
    l->in_pieces = false; /* a peer whose handshake was may yet send whole records */
    if (l->pass != NULL)
        nns_pass_open(l->pass);
    bound_session(l, e);
    event_opened(l->options, l->peer, e);
}

/* ---- bytes ---- */

short link_events(const struct link *l)
{
    uint32_t state = nns_nmf_state(l->nmf);
    int events = (state & NNS_STATE_WANT_RECV) != 0 ? POLLIN : 0;

    return (short)(events | ((state & NNS_STATE_WANT_SEND) != 0 && !l->deaf ? POLLOUT : 0));
}

void link_send(struct link *l)
{
    const uint8_t *bytes;
    size_t size;
    ssize_t n;
    int os;

    while (nns_nmf_send_buf(l->nmf, &bytes, &size) == NNS_OK && size > 0) {
        follow_engine(l);
        n = send(l->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        os = errno;
        (void)!nns_nmf_send_ack(l->nmf, n > 0 ? (size_t)n : 0);
        if (n < 0 && os != EAGAIN && os != EINTR) {
            (void)nns_nmf_fail(l->nmf, NNS_ERR_IO, os);
            l->deaf = true;
        }
        if (n < (ssize_t)size)
            return;
    }
}

/* A .NET peer sends a record's head (5 bytes in the handshake, then 4) and its body apart and, with
 * its Nagle on, holds the body back until the head is acknowledged. Who has received a head alone
 * has met such a peer. The option does not last, so it is set anew each time. */
static void acknowledge_quickly(struct link *l, ssize_t received)
{
    int on = 1;

    if (nns_nmf_engine(l->nmf) != NULL && (received == 4 || received == 5))
        l->in_pieces = true;
    if (l->in_pieces)
        (void)setsockopt(l->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static void receive(struct link *l)
{
    uint8_t *room;
    size_t size;
    ssize_t n;
    int os;

    if (nns_nmf_recv_buf(l->nmf, &room, &size) != NNS_OK || size == 0)
        return;
    follow_engine(l);
    n = recv(l->fd, room, size, MSG_DONTWAIT);
    os = errno;
    if (n == 0)
        (void)nns_nmf_recv_eof(l->nmf);
    else
        (void)!nns_nmf_recv_ack(l->nmf, n > 0 ? (size_t)n : 0);
    if (n < 0 && os != EAGAIN && os != EINTR)
        (void)nns_nmf_fail(l->nmf, NNS_ERR_IO, os);
    if (n > 0)
        acknowledge_quickly(l, n);
}

/* Also for a client that always has something to say, so that no wait ever ends in vain. */
static bool session_is_over(const struct link *l)
{
    return l->session_until != LINK_NEVER && link_now() >= l->session_until;
}

void link_move(struct link *l, short ready)
{
    if (session_is_over(l))
        (void)nns_nmf_fail(l->nmf, NNS_ERR_TIMEOUT, 0);
    if ((ready & POLLOUT) != 0)
        link_send(l);
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0)
        receive(l);
    announce(l);
}

/* One wait. */
static void wait_and_move(struct link *l, short events, int64_t deadline)
{
    struct pollfd fd = {.fd = l->fd, .events = events};
    int n = poll(&fd, 1, link_patience(deadline));

    if (n > 0)
        link_move(l, fd.revents);
    else if (n == 0 && deadline != LINK_NEVER && link_now() >= deadline)
        (void)nns_nmf_fail(l->nmf, NNS_ERR_TIMEOUT, 0);
}

uint32_t link_run(struct link *l, uint32_t wanted, int64_t deadline)
{
    uint32_t state;
    short events;

    for (;;) {
        link_send(l);
        state = nns_nmf_state(l->nmf);
        if ((state & NNS_STATE_WANT_STEP) != 0) {
            step(l->nmf, l->client, deadline); /* a server asks no KDC */
            announce(l);
            continue;
        }
        events = link_events(l);
        if ((state & NNS_STATE_FAILED) != 0) {
            if ((events & POLLOUT) == 0 || link_patience(deadline) == 0)
                return state;
        } else if ((events & POLLOUT) == 0 && (state & (wanted | NNS_STATE_RECV_EOF)) != 0) {
            return state;
        }
        wait_and_move(l, events, deadline);
    }
}

/* A session that ended with its ticket timed out, too, but there is more to say about it. */
static int tell_engine_failure(const struct link *l, const nns_error *err, const struct traffic *t)
{
    bool timed_out = nns_error_code(err) == NNS_ERR_TIMEOUT;

    if (timed_out && session_is_over(l))
        return event_failed_text(l->peer, NNS_ERR_TIMEOUT, "data: the client's ticket has ended",
                                 t);
    return event_failed(l->peer, err, t);
}

const nns_error *link_engine_error(const struct link *l)
{
    const nns_engine *e = l->nmf != NULL ? nns_nmf_engine(l->nmf) : NULL;

    return e != NULL ? nns_engine_error(e) : NULL;
}

int link_failed(const struct link *l, const struct traffic *t)
{
    if (link_engine_error(l) != NULL)
        return tell_engine_failure(l, link_engine_error(l), t);
    return event_failed_text(l->peer, nns_nmf_error(l->nmf), nns_nmf_message(l->nmf), t);
}

/* ---- envelopes ---- */

/* One piece of an envelope: NNS_OK, NNS_WANT_SEND, or an error of one of the two. */
static int pass_data(struct way *w)
{
    const uint8_t *bytes;
    size_t size;
    nns_ssize n;
    int rc = nns_nmf_read_buf(w->from->nmf, &bytes, &size);

    if (rc != NNS_OK)
        return rc;
    n = nns_nmf_write(w->to->nmf, bytes, size);
    if (n < 0)
        return (int)n;
    w->bytes += (uint64_t)n;
    trace_envelope(w->trace, w->outgoing, bytes, (size_t)n);
    return nns_nmf_read_ack(w->from->nmf, (size_t)n);
}

static int pass_event(struct way *w, int event)
{
    switch (event) {
    case NNS_NMF_ENVELOPE:
        return nns_nmf_begin(w->to->nmf, nns_nmf_envelope_size(w->from->nmf));
    case NNS_NMF_DATA:
        return pass_data(w);
    case NNS_NMF_ENVELOPE_END:
        return nns_nmf_finish(w->to->nmf);
    case NNS_NMF_END:
        return nns_nmf_end(w->to->nmf);
    default:
        return NNS_OK;
    }
}

static void trace_event(const struct way *w, int event)
{
    if (event == NNS_NMF_ENVELOPE_END)
        trace_envelope_end(w->trace, w->outgoing);
    else if (event == NNS_NMF_END)
        trace_framing(w->trace, w->outgoing, "end");
}

void way_pass(struct way *w)
{
    int event, rc, left = EVENTS_AT_ONCE;

    do {
        event = w->held != NNS_NMF_NOTHING ? w->held : nns_nmf_next(w->from->nmf);
        w->held = NNS_NMF_NOTHING;
        rc = event > NNS_NMF_NOTHING ? pass_event(w, event) : NNS_OK;
        if (rc == NNS_WANT_SEND && event != NNS_NMF_DATA) /* which repeats by itself */
            w->held = event;
        if (rc == NNS_OK)
            trace_event(w, event);
    } while (event > NNS_NMF_NOTHING && rc == NNS_OK && --left > 0);
    w->stopped = rc == NNS_WANT_SEND || left == 0;
}

bool way_goes_on(const struct way *w)
{
    return w->stopped && (nns_nmf_state(w->to->nmf) & NNS_STATE_CAN_WRITE) != 0;
}
