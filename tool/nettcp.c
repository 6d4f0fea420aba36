/* SPDX-License-Identifier: MIT
 *
 * net.tcp from the command line: one thread, one poll.
 */
#include "nettcp.h"

#include "dial.h"
#include "link.h"
#include "probe.h"
#include "pump.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_MS 30000 /* the connection, and again the handshake */
#define SERVER_MS 10000
#define GRACE_MS 1000 /* for last words */
#define CHUNK ((size_t)64512)
#define PREFIX ((size_t)4)

/* Envelopes between a link and two descriptors. */
struct exchange {
    struct link *link;
    bool streamed;
    bool to_end_of_input; /* after the peer's End too */
    bool input_ended;
    int error;        /* errno, of a descriptor */
    const char *what; /* and which */
    uint8_t *chunk;   /* input that waits */
    size_t start, end;
    size_t left; /* of the envelope that is being written */
    bool inside; /* of one */
    bool wrote_one;
    bool blocked; /* the link had no room for what was read */
    struct traffic *traffic;
};

/* ---- from the input ---- */

static void read_input(struct exchange *x)
{
    ssize_t n;

    if (x->start > 0) {
        memmove(x->chunk, x->chunk + x->start, x->end - x->start);
        x->end -= x->start;
        x->start = 0;
    }
    n = read(STDIN_FILENO, x->chunk + x->end, CHUNK - x->end);
    if (n > 0)
        x->end += (size_t)n;
    if (n == 0)
        x->input_ended = true;
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        x->error = errno;
        x->what = "standard input";
    }
}

static size_t prefix(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Begins an envelope. Answers NNS_OK, NNS_WANT_SEND, NNS_WANT_RECV (of the input), or an error. */
static int begin_envelope(struct exchange *x)
{
    int rc;

    if (!x->streamed && x->end - x->start < PREFIX)
        return NNS_WANT_RECV;
    x->left = x->streamed ? SIZE_MAX : prefix(x->chunk + x->start);
    rc = nns_nmf_begin(x->link->nmf, x->streamed ? NNS_NMF_UNSIZED : (int64_t)x->left);
    if (rc != NNS_OK)
        return rc;
    x->start += x->streamed ? 0 : PREFIX;
    x->inside = x->wrote_one = true;
    return NNS_OK;
}

static int write_envelope(struct exchange *x)
{
    size_t size = x->end - x->start < x->left ? x->end - x->start : x->left;
    nns_ssize n;
    int rc;

    if (x->left == 0 || (x->streamed && x->input_ended && size == 0)) {
        rc = nns_nmf_finish(x->link->nmf);
        x->inside = rc != NNS_OK;
        if (rc == NNS_OK)
            trace_envelope_end(x->link->trace, true);
        return rc;
    }
    if (size == 0)
        return NNS_WANT_RECV;
    n = nns_nmf_write(x->link->nmf, x->chunk + x->start, size);
    if (n < 0)
        return (int)n;
    trace_envelope(x->link->trace, true, x->chunk + x->start, (size_t)n);
    x->start += (size_t)n;
    x->left -= x->streamed ? 0 : (size_t)n;
    x->traffic->out += (uint64_t)n;
    return NNS_OK;
}

/* An input that ends inside of an envelope, or announces more than there can be. */
static void bad_input(struct exchange *x)
{
    x->error = EBADMSG;
    x->what = "standard input: an envelope";
}

/* True if nothing more is to be written but End. */
static bool is_written(const struct exchange *x)
{
    if (x->inside)
        return false;
    return x->streamed ? x->wrote_one : x->input_ended && x->start == x->end;
}

/* All of the input that there is room for. */
static void pass_input(struct exchange *x)
{
    int rc = NNS_OK;

    while (rc == NNS_OK && !is_written(x))
        rc = x->inside ? write_envelope(x) : begin_envelope(x);
    if (rc == NNS_ERR_ARGUMENT || (rc == NNS_WANT_RECV && x->input_ended))
        bad_input(x);
    else if (rc == NNS_OK)
        rc = nns_nmf_end(x->link->nmf); /* an error stays with the link */
    x->blocked = rc == NNS_WANT_SEND;
}

/* ---- to the output ---- */

static void write_output(struct exchange *x, const void *bytes, size_t size)
{
    int error = pump_write(STDOUT_FILENO, bytes, size);

    if (error == 0)
        return;
    x->error = error;
    x->what = "standard output";
}

static void write_prefix(struct exchange *x)
{
    uint64_t size = (uint64_t)nns_nmf_envelope_size(x->link->nmf);
    uint8_t bytes[PREFIX] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                             (uint8_t)size};

    if (!x->streamed)
        write_output(x, bytes, sizeof(bytes));
}

static void pass_output(struct exchange *x)
{
    const uint8_t *bytes;
    size_t size;
    int event;

    while (x->error == 0 && (event = nns_nmf_next(x->link->nmf)) > NNS_NMF_NOTHING) {
        if (event == NNS_NMF_ENVELOPE)
            write_prefix(x);
        if (event == NNS_NMF_ENVELOPE_END)
            trace_envelope_end(x->link->trace, false);
        if (event == NNS_NMF_END)
            trace_framing(x->link->trace, false, "end");
        if (event != NNS_NMF_DATA || nns_nmf_read_buf(x->link->nmf, &bytes, &size) != NNS_OK)
            continue;
        trace_envelope(x->link->trace, false, bytes, size);
        write_output(x, bytes, size);
        x->traffic->in += size;
        (void)!nns_nmf_read_ack(x->link->nmf, size);
    }
}

/* ---- both ---- */

static void wait_for_either(struct exchange *x, int64_t deadline)
{
    bool wants_input = !x->input_ended && x->end - x->start < CHUNK &&
                       (nns_nmf_state(x->link->nmf) & NNS_STATE_CAN_WRITE) != 0;
    struct pollfd fds[2] = {{.fd = x->link->fd, .events = link_events(x->link)},
                            {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN}};
    int n;

    if (fds[0].events == 0)
        fds[0].fd = -1;
    n = poll(fds, 2, link_patience(deadline));
    if (n > 0 && fds[0].revents != 0)
        link_move(x->link, fds[0].revents);
    if (n > 0 && fds[1].revents != 0)
        read_input(x);
    if (n == 0 && deadline != LINK_NEVER && link_now() >= deadline)
        (void)nns_nmf_fail(x->link->nmf, NNS_ERR_TIMEOUT, 0);
}

/* After the peer's End a client sends what its input has ready, and waits for no more. */
static void hurry(struct exchange *x)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

    if (x->to_end_of_input || (nns_nmf_state(x->link->nmf) & NNS_NMF_PEER_ENDED) == 0)
        return;
    while (!x->input_ended && x->error == 0 && x->end - x->start < CHUNK) {
        if (poll(&fd, 1, 0) > 0)
            read_input(x);
        else
            x->input_ended = true;
    }
}

static bool goes_on(struct exchange *x)
{
    return x->error == 0 && (nns_nmf_state(x->link->nmf) & (NNS_STATE_FAILED | NNS_NMF_ENDED)) == 0;
}

static int exchange(struct exchange *x)
{
    struct link *l = x->link;

    x->chunk = malloc(CHUNK);
    if (x->chunk == NULL)
        return event_failed_here(l->peer, "memory", ENOMEM, x->traffic);
    while (goes_on(x)) {
        pass_output(x);
        hurry(x);
        pass_input(x);
        link_send(l);
        if (x->blocked && (nns_nmf_state(l->nmf) & NNS_STATE_CAN_WRITE) != 0)
            continue; /* and wait for nobody */
        if (goes_on(x))
            wait_for_either(x,
                            link_earlier(link_deadline(l->options->idle_ms, 0), l->session_until));
    }
    free(x->chunk);
    if (x->error != 0)
        return event_failed_here(l->peer, x->what, x->error, x->traffic);
    if (nns_nmf_error(l->nmf) != NNS_OK)
        return link_failed(l, x->traffic);
    return STATUS_DONE;
}

/* ---- client ---- */

static int start(struct link *l, const struct options *o, nns_config *cfg, int fd)
{
    int rc = link_open(l, o, cfg, NNS_CLIENT, fd, NULL, NULL);

    if (rc == NNS_OK)
        rc = link_set_target(l, o->host);
    if (rc == NNS_OK)
        rc = nns_nmf_set_via(l->nmf, o->nettcp);
    if (rc == NNS_OK && o->streamed)
        rc = nns_nmf_set_mode(l->nmf, NNS_NMF_SINGLETON);
    if (rc == NNS_OK && o->streamed)
        rc = nns_nmf_set_encoding(l->nmf, 7);
    if (rc == NNS_OK)
        link_trace_preamble(l);
    return rc == NNS_OK ? nns_nmf_start(l->nmf) : rc;
}

/* Waits for the service's answer to the preamble: NNS_OK is yes. */
static int await_answer(struct link *l)
{
    int64_t deadline = link_deadline(l->options->handshake_ms, CLIENT_MS);
    bool is_open = (link_run(l, NNS_STATE_OPEN, deadline) & NNS_STATE_OPEN) != 0;

    return is_open ? NNS_OK : nns_nmf_error(l->nmf);
}

bool nettcp_open(struct link *l, const struct options *o, nns_config *cfg,
                 struct nettcp_failure *why)
{
    int fd = dial(o->host, o->port, link_deadline(o->connect_ms, CLIENT_MS), why->message,
                  sizeof(why->message));

    why->phase = fd < 0 ? NNS_PHASE_CONNECT : NNS_PHASE_HANDSHAKE;
    why->code = fd < 0 ? fd : start(l, o, cfg, fd);
    if (why->code == NNS_OK)
        why->code = await_answer(l);
    if (why->code != NNS_OK && fd >= 0)
        (void)snprintf(why->message, sizeof(why->message), "%s",
                       l->nmf != NULL && nns_nmf_error(l->nmf) != NNS_OK ? nns_nmf_message(l->nmf)
                                                                         : nns_strerror(why->code));
    return why->code == NNS_OK;
}

static int tell_failure(const struct link *l, const struct nettcp_failure *why)
{
    const nns_error *err = link_engine_error(l);

    return err != NULL ? event_failed(NULL, err, NULL)
                       : event_failed_early(NULL, why->phase, why->code, why->message);
}

int nettcp_connect(const struct options *o, nns_config *cfg)
{
    struct link link = {.fd = -1};
    struct traffic traffic = {.opened = true};
    struct exchange x = {.link = &link, .streamed = o->streamed, .traffic = &traffic};
    struct nettcp_failure why;
    int status = nettcp_open(&link, o, cfg, &why) ? exchange(&x) : tell_failure(&link, &why);

    if (status == STATUS_DONE)
        event_ended(o, NULL, &traffic);
    link_close(&link);
    return status;
}

void nettcp_say_goodbye(struct link *l)
{
    int64_t deadline = link_now() + GRACE_MS;
    uint32_t state = 0;

    if (nns_nmf_end(l->nmf) != NNS_OK)
        return;
    while ((state & (NNS_STATE_FAILED | NNS_NMF_PEER_ENDED)) == 0) {
        state = link_run(l, NNS_STATE_CAN_READ, deadline);
        if (nns_nmf_next(l->nmf) != NNS_NMF_NOTHING)
            return;
    }
}

int nettcp_probe(const struct options *o, nns_config *cfg)
{
    struct link link = {.fd = -1};
    struct options quiet = *o;
    struct nettcp_failure why;
    bool opened;
    int status;

    quiet.quiet = true; /* the findings tell it */
    opened = nettcp_open(&link, &quiet, cfg, &why);
    status = probe_tell_link(o, &link, opened ? NULL : &why, NULL, 0);
    if (opened)
        nettcp_say_goodbye(&link);
    link_close(&link);
    return status;
}

/* ---- server ---- */

/* What stands behind the host and port, with its slash. */
static const char *path_of(const char *uri)
{
    const char *host = strstr(uri, "://"), *path = host != NULL ? strchr(host + 3, '/') : NULL;

    return path != NULL ? path : "/";
}

static bool is_mine(const struct options *o, const char *via)
{
    return strcasecmp(path_of(via), path_of(o->nettcp)) == 0;
}

static int refuse(struct link *l, const char *fault)
{
    int rc = nns_nmf_send_fault(l->nmf, fault);

    link_trace_fault(l, fault);
    if (rc == NNS_OK)
        (void)link_run(l, 0, link_now() + GRACE_MS);
    return link_failed(l, NULL);
}

static int echo(struct link *l, struct traffic *t)
{
    struct way way = {.from = l, .to = l, .trace = l->trace};

    while ((nns_nmf_state(l->nmf) & (NNS_STATE_FAILED | NNS_NMF_ENDED)) == 0) {
        way_pass(&way);
        (void)link_run(l, NNS_STATE_CAN_READ | NNS_NMF_ENDED,
                       link_earlier(link_deadline(l->options->idle_ms, 0), l->session_until));
    }
    t->in += way.bytes;
    t->out += way.bytes;
    return nns_nmf_error(l->nmf) == NNS_OK ? STATUS_DONE : link_failed(l, t);
}

/* A conversation. -1: the next one may come; else the status. */
static int serve_one(struct link *l, const struct options *o, bool first, struct traffic *t)
{
    struct exchange x = {.link = l, .to_end_of_input = true, .traffic = t};
    uint32_t state;
    int status;

    if (!first)
        (void)link_run(l, NNS_NMF_BEGUN, link_deadline(o->idle_ms, 0));
    state = link_run(l, NNS_NMF_WANT_ACCEPT, link_deadline(o->handshake_ms, SERVER_MS));
    if ((state & NNS_NMF_WANT_ACCEPT) == 0)
        return (state & NNS_STATE_RECV_EOF) != 0 ? STATUS_DONE : link_failed(l, NULL);
    link_trace_preamble(l);
    if (!is_mine(o, nns_nmf_via(l->nmf)))
        return refuse(l, "EndpointNotFound");
    if (nns_nmf_get_mode(l->nmf) == NNS_NMF_SIMPLEX)
        return refuse(l, "UnsupportedMode");
    if (nns_nmf_accept(l->nmf) != NNS_OK)
        return link_failed(l, NULL);
    t->opened = true;
    x.streamed = nns_nmf_get_mode(l->nmf) == NNS_NMF_SINGLETON;
    status = o->echo ? echo(l, t) : exchange(&x);
    if (status != STATUS_DONE || !o->echo)
        return status;
    link_restart(l);
    return -1;
}

int nettcp_serve(const struct options *o, nns_config *cfg, const char *peer, int fd, nns_pass *pass)
{
    struct link link;
    struct traffic traffic = {0};
    int rc = link_open(&link, o, cfg, NNS_SERVER, fd, pass, peer);
    int status = rc == NNS_OK ? -1 : event_failed_text(peer, rc, nns_strerror(rc), NULL);

    for (bool first = true; status < 0; first = false)
        status = serve_one(&link, o, first, &traffic);
    if (status == STATUS_DONE)
        event_ended(o, peer, &traffic);
    link_close(&link);
    return status;
}
