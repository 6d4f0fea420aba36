/* SPDX-License-Identifier: MIT
 *
 * The proxy's conversations, one after another on the same two connections. Envelopes are passed on
 * in the pieces in which they come, and never looked at; End and faults are passed on by name.
 */
#include "proxy.h"

#include "dial.h"
#include "hub.h"
#include "link.h"
#include "report.h"

#define HANDSHAKE_MS 10000 /* of a client */
#define SERVICE_MS 30000   /* the connection to the service, and again for its handshake */
#define GRACE_MS 1000      /* for last words */

/* More than this in one turn, or more than is passed on at once, is bulk traffic, which has its own
 * thread until it has been calm for so many turns. Nobody else has to wait for it then. */
#define BULK_BYTES ((uint64_t)32 << 10)
#define CALM_TURNS 64

struct proxy {
    const struct options *options;
    nns_config *cfg;
    struct link client, service;
    struct way there, back;
    struct guest guest; /* of a hub, while the traffic is calm; has the conversation's deadline */
    int calm;           /* turns in a row, CALM_TURNS at most */
};

static bool is_terminating(const struct options *o)
{
    return o->relay == RELAY_TERMINATE || o->relay == RELAY_BOTH;
}

static bool is_initiating(const struct options *o)
{
    return o->relay == RELAY_INITIATE || o->relay == RELAY_BOTH;
}

/* ---- an open conversation ---- */

static bool has_failed(const struct proxy *p)
{
    return nns_nmf_error(p->client.nmf) != NNS_OK || nns_nmf_error(p->service.nmf) != NNS_OK;
}

static bool is_over(const struct proxy *p)
{
    return has_failed(p) ||
           (nns_nmf_state(p->client.nmf) & nns_nmf_state(p->service.nmf) & NNS_NMF_ENDED) != 0;
}

static void put_off_deadline(struct proxy *p)
{
    p->guest.deadline =
        link_earlier(link_deadline(p->options->idle_ms, 0), p->client.session_until);
}

/* True if there is more to pass on, and nothing to wait for. */
static bool goes_on(const struct proxy *p)
{
    return !has_failed(p) && (way_goes_on(&p->there) || way_goes_on(&p->back));
}

static void pass_on(struct proxy *p)
{
    uint64_t before = p->there.bytes + p->back.bytes;

    way_pass(&p->there);
    way_pass(&p->back);
    link_send(&p->service);
    link_send(&p->client);
    if (goes_on(p) || p->there.bytes + p->back.bytes - before > BULK_BYTES)
        p->calm = 0;
    else if (p->calm < CALM_TURNS)
        p->calm++;
}

static bool take_turn(void *arg)
{
    struct proxy *p = arg;

    put_off_deadline(p);
    pass_on(p);
    return !is_over(p) && p->calm == CALM_TURNS;
}

/* Waits for either side and moves bytes. */
static void wait_for_both(struct proxy *p)
{
    struct link *links[] = {&p->client, &p->service};
    int64_t deadline = p->guest.deadline;
    struct pollfd fds[2];
    int n;

    for (int i = 0; i < 2; i++) {
        fds[i] = (struct pollfd){.fd = links[i]->fd, .events = link_events(links[i])};
        if (fds[i].events == 0) /* or a peer that is gone would wake us all the time */
            fds[i].fd = -1;
    }
    n = poll(fds, 2, link_patience(deadline));
    for (int i = 0; n > 0 && i < 2; i++)
        link_move(links[i], fds[i].revents);
    if (n > 0)
        put_off_deadline(p);
    if (n == 0 && deadline != LINK_NEVER && link_now() >= deadline)
        (void)nns_nmf_fail(p->client.nmf, NNS_ERR_TIMEOUT, 0);
}

/* Until both have ended, or one has failed. */
static void converse(struct proxy *p)
{
    p->guest = (struct guest){.sides = {&p->client, &p->service}, .turn = take_turn, .arg = p};
    p->calm = CALM_TURNS;
    put_off_deadline(p);
    for (pass_on(p); !is_over(p); pass_on(p)) {
        if (p->calm == CALM_TURNS)
            hub_host(&p->guest);
        if (!is_over(p) && !goes_on(p))
            wait_for_both(p);
    }
}

/* ---- its beginning ---- */

static const char *fault_of(const struct link *service)
{
    const char *fault = nns_nmf_fault(service->nmf);
    int rc = nns_nmf_error(service->nmf);

    if (fault != NULL && rc == NNS_ERR_PEER)
        return fault;
    return nns_result_class(rc) == NNS_CLASS_AUTH || rc == NNS_ERR_PEER ? "EndpointAccessDenied"
                                                                        : "EndpointUnavailable";
}

/* The client's preamble is said again; the via may be another. */
static int repeat_preamble(struct proxy *p)
{
    nns_nmf *from = p->client.nmf, *to = p->service.nmf;
    const char *via = p->options->nettcp != NULL ? p->options->nettcp : nns_nmf_via(from);
    int rc = nns_nmf_set_via(to, via);

    if (rc == NNS_OK)
        rc = nns_nmf_set_mode(to, nns_nmf_get_mode(from));
    if (rc == NNS_OK && nns_nmf_content_type(from) != NULL)
        rc = nns_nmf_set_content_type(to, nns_nmf_content_type(from));
    else if (rc == NNS_OK)
        rc = nns_nmf_set_encoding(to, nns_nmf_encoding(from));
    if (rc == NNS_OK)
        link_trace_preamble(&p->service);
    return rc == NNS_OK ? nns_nmf_start(to) : rc;
}

/* A connection to the service. False: there is none, and that was told. */
static bool dial_service(struct proxy *p)
{
    const struct options *o = p->options;
    char why[320];
    int fd =
        dial(o->to.host, o->to.port, link_deadline(o->connect_ms, SERVICE_MS), why, sizeof(why));
    int rc;

    if (fd < 0) {
        (void)event_failed_text(p->client.peer, fd, why, NULL);
        return false;
    }
    rc = link_open(&p->service, o, is_initiating(o) ? p->cfg : NULL, NNS_CLIENT, fd, NULL, NULL);
    if (rc == NNS_OK && is_initiating(o))
        rc = link_set_target(&p->service, o->to.host);
    if (rc == NNS_OK)
        return true;
    link_close(&p->service);
    (void)event_failed_text(p->client.peer, rc, nns_strerror(rc), NULL);
    return false;
}

/* Last words of a conversation that is refused, then the status. */
static int refuse_client(struct proxy *p, const char *fault, int status)
{
    link_trace_fault(&p->client, fault);
    if (nns_nmf_send_fault(p->client.nmf, fault) == NNS_OK)
        (void)link_run(&p->client, 0, link_now() + GRACE_MS);
    return status;
}

/* The service's side of a conversation that the client has begun. -1: it is open. */
static int open_service(struct proxy *p)
{
    const struct options *o = p->options;
    int rc, status;

    if (p->service.nmf == NULL && !dial_service(p))
        return refuse_client(p, "EndpointUnavailable", STATUS_IO);
    rc = repeat_preamble(p);
    if (rc == NNS_OK)
        (void)link_run(&p->service, NNS_STATE_OPEN, link_deadline(o->handshake_ms, SERVICE_MS));
    if (rc == NNS_OK && (nns_nmf_state(p->service.nmf) & NNS_STATE_OPEN) != 0)
        return -1;
    status = rc == NNS_OK ? link_failed(&p->service, NULL)
                          : event_failed_text(p->client.peer, rc, nns_strerror(rc), NULL);
    return refuse_client(p, fault_of(&p->service), status);
}

/* The service may close between two conversations; the next one then dials again. */
static void check_service(struct proxy *p)
{
    struct pollfd fd = {.fd = p->service.fd, .events = POLLIN};

    if (p->service.nmf != NULL && poll(&fd, 1, 0) != 0)
        link_close(&p->service);
}

/* Waits for a client's preamble. -1: it is there; else the status, DONE if the client has gone. */
static int await_client(struct proxy *p, bool first)
{
    const struct options *o = p->options;
    int64_t deadline =
        first ? link_deadline(o->handshake_ms, HANDSHAKE_MS) : link_deadline(o->idle_ms, 0);
    uint32_t state;

    if (!first) { /* a connection at rest may wait longer than a handshake may take */
        (void)link_run(&p->client, NNS_NMF_BEGUN, deadline);
        deadline = link_deadline(o->handshake_ms, HANDSHAKE_MS);
    }
    state = link_run(&p->client, NNS_NMF_WANT_ACCEPT, deadline);
    if ((state & NNS_NMF_WANT_ACCEPT) != 0)
        return -1;
    return (state & NNS_STATE_RECV_EOF) != 0 ? STATUS_DONE : link_failed(&p->client, NULL);
}

/* ---- its end ---- */

/* One side has failed: the other is told, as far as it can be. */
static int give_up(struct proxy *p, const struct traffic *t)
{
    const struct link *failed = nns_nmf_error(p->client.nmf) != NNS_OK ? &p->client : &p->service;
    int status = link_failed(failed, t);

    if (failed == &p->service)
        return refuse_client(p, fault_of(&p->service), status);
    (void)link_run(&p->client, 0, link_now() + GRACE_MS);
    return status;
}

/* A conversation, from preamble to End. -1: both are ready for the next. */
static int serve_one(struct proxy *p, bool first, struct traffic *t)
{
    int status = await_client(p, first);

    if (status >= 0)
        return status;
    if (p->client.pass != NULL)
        nns_pass_open(p->client.pass);
    link_trace_preamble(&p->client);
    check_service(p);
    status = open_service(p);
    if (status >= 0)
        return status;
    t->opened = true;
    p->there = (struct way){.from = &p->client, .to = &p->service, .trace = p->client.trace};
    p->back = (struct way){
        .from = &p->service, .to = &p->client, .trace = p->client.trace, .outgoing = true};
    (void)!nns_nmf_accept(p->client.nmf); /* an error stays with it */
    converse(p);
    t->in += p->there.bytes;
    t->out += p->back.bytes;
    if (has_failed(p))
        return give_up(p, t);
    link_restart(&p->client);
    link_restart(&p->service);
    return -1;
}

int proxy_serve(const struct options *o, nns_config *cfg, const char *peer, int fd, nns_pass *pass)
{
    struct proxy p = {.options = o, .cfg = cfg, .service.fd = -1};
    struct traffic traffic = {0};
    int rc = link_open(&p.client, o, is_terminating(o) ? cfg : NULL, NNS_SERVER, fd, pass, peer);
    int status = rc == NNS_OK ? -1 : event_failed_text(peer, rc, nns_strerror(rc), NULL);

    for (bool first = true; status < 0; first = false)
        status = serve_one(&p, first, &traffic);
    if (status == STATUS_DONE)
        event_ended(o, peer, &traffic);
    link_close(&p.service);
    link_close(&p.client);
    return status;
}
