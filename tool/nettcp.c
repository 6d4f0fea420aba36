/* SPDX-License-Identifier: MIT
 *
 * net.tcp from the command line: one thread, one poll.
 */
#include "nettcp.h"

#include "dial.h"
#include "exchange.h"
#include "link.h"
#include "probe.h"
#include "report.h"
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CLIENT_MS 30000 /* the connection, and again the handshake */
#define SERVER_MS 10000
#define GRACE_MS 1000 /* for last words */

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
    struct exchange e = {.link = &link, .streamed = o->streamed, .traffic = &traffic};
    struct nettcp_failure why;
    int status = nettcp_open(&link, o, cfg, &why) ? exchange_stdio(&e) : tell_failure(&link, &why);

    if (status == STATUS_DONE && nns_nmf_error(link.nmf) != NNS_OK)
        status = link_failed(&link, &traffic);
    else if (status == STATUS_DONE)
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
    return STATUS_DONE;
}

static int talk_to_link(const void *connection, const struct child *child)
{
    return exchange_command(connection, child);
}

/* What the options say, with an open conversation. */
static int serve(struct link *l, const struct options *o, struct traffic *t)
{
    struct exchange e = {.link = l,
                         .traffic = t,
                         .streamed = nns_nmf_get_mode(l->nmf) == NNS_NMF_SINGLETON,
                         .to_end_of_input = true};
    struct exec_facts facts = {.peer = l->peer,
                               .engine = nns_nmf_engine(l->nmf),
                               .nettcp_mode = e.streamed ? "streamed" : "duplex"};

    if (o->echo)
        return echo(l, t);
    return o->exec != NULL ? service_exec(o, &facts, talk_to_link, &e, t) : exchange_stdio(&e);
}

/* A conversation. -1: the next one may come; else the status. */
static int serve_one(struct link *l, const struct options *o, bool first, struct traffic *t)
{
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
    if (nns_nmf_accept(l->nmf) != NNS_OK)
        return link_failed(l, NULL);
    t->opened = true;
    status = serve(l, o, t);
    if (status == STATUS_DONE && nns_nmf_error(l->nmf) != NNS_OK)
        return link_failed(l, t);
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
