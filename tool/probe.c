/* SPDX-License-Identifier: MIT
 *
 * nns probe. Standard output gets the findings, as "name: value" lines or as one JSON object; what
 * went wrong goes to standard error as with every subcommand, and with --json into the object.
 */
#include "probe.h"

#include "adws.h"
#include "event.h"
#include "nettcp.h"
#include "object.h"
#include "report.h"
#include "text.h"
#include "trace.h"

#include <string.h>

#define GOODBYE_MS 1000             /* how long the peer may take to answer our end with its own */
#define GOODBYE_MOST (1024L * 1024) /* and how much it may still say */

/* What a probe has found. */
struct findings {
    bool opened;
    const char *target;        /* whom it asked for */
    const nns_engine *engine;  /* what was negotiated, once it is open */
    const nns_stream *stream;  /* how long it took; NULL: that was not measured */
    const nns_error *error;    /* what went wrong, or else */
    struct nettcp_failure why; /* this */
    const struct probe_endpoint *endpoints;
    size_t count;
};

/* ---- for people ---- */

static void print_line(const char *name, const char *value)
{
    if (value != NULL)
        printf("%-18s %s\n", name, value);
}

static void print_number(const char *name, int64_t value)
{
    printf("%-18s %lld\n", name, (long long)value);
}

static void print_time(const nns_stream *stream, const char *name, int32_t part)
{
    int64_t us = nns_stream_time_us(stream, part);

    if (us >= 0)
        printf("%-18s %lld.%lld ms\n", name, (long long)(us / 1000), (long long)(us % 1000 / 100));
}

static int round_trips(const nns_engine *e)
{
    return (nns_engine_legs(e) + 1) / 2;
}

static void print_negotiated(const nns_engine *e)
{
    char end[32];

    print_line("mechanism:", nns_engine_mechanism(e));
    print_line("not Kerberos:", nns_engine_why_ntlm(e));
    print_line("protection:", nns_protection_name(nns_engine_protection(e)));
    print_line("impersonation:", impersonation_name(nns_engine_impersonation(e)));
    print_line("mutual:", nns_engine_is_mutual(e) ? "yes" : "no");
    print_number("ssf:", nns_engine_ssf(e));
    print_line("enctype:", nns_engine_enctype(e));
    print_line("record engine:", nns_engine_record_engine(e));
    if (report_time(end, sizeof(end), nns_engine_ticket_end(e)))
        print_line("ticket end:", end);
    print_number("handshake records:", nns_engine_legs(e));
    print_number("round trips:", round_trips(e));
}

static void print_endpoint(const struct probe_endpoint *endpoint)
{
    struct text t = {0};

    text_add(&t, "%s%s", endpoint->name, endpoint->is_there ? "" : ": ");
    text_escape(&t, (struct span){(const uint8_t *)endpoint->why, NULL, strlen(endpoint->why)});
    print_line(endpoint->is_there ? "endpoint:" : "no endpoint:", t.bytes);
}

static void print_findings(const struct options *o, const struct findings *f)
{
    print_line("result:", f->opened ? "ok" : "failed");
    print_line("via:", o->nettcp);
    print_line("target:", f->target);
    if (f->opened)
        print_negotiated(f->engine);
    for (size_t i = 0; i < f->count; i++)
        print_endpoint(&f->endpoints[i]);
    if (f->stream == NULL)
        return;
    print_time(f->stream, "resolve:", NNS_TIME_RESOLVE);
    print_time(f->stream, "connect:", NNS_TIME_CONNECT);
    print_time(f->stream, "handshake:", NNS_TIME_HANDSHAKE);
}

/* ---- for programs ---- */

static void add_time(json_t *object, const nns_stream *stream, const char *name, int32_t part)
{
    int64_t us = nns_stream_time_us(stream, part);

    if (us >= 0)
        (void)json_object_set_new(object, name, json_real((double)us / 1000));
}

static void add_times(json_t *object, const nns_stream *stream)
{
    json_t *times = json_object();

    add_time(times, stream, "resolve", NNS_TIME_RESOLVE);
    add_time(times, stream, "connect", NNS_TIME_CONNECT);
    add_time(times, stream, "handshake", NNS_TIME_HANDSHAKE);
    (void)json_object_set_new(object, "milliseconds", times);
}

static void add_endpoints(json_t *object, const struct probe_endpoint *endpoints, size_t count)
{
    static const char yes[] = "ok";
    json_t *found = json_object();

    for (size_t i = 0; i < count; i++) {
        const char *what = endpoints[i].is_there ? yes : endpoints[i].why;

        object_text(found, endpoints[i].name, what);
    }
    (void)json_object_set_new(object, "endpoints", found);
}

static void add_failure(json_t *object, const struct findings *f)
{
    object_text(object, "target", f->target);
    if (f->error != NULL)
        object_failure(object, f->error);
    else
        object_failure_text(object, f->why.phase, f->why.code, f->why.message);
}

static void print_object(const struct options *o, const struct findings *f)
{
    json_t *object = object_new("probe");

    object_text(object, "result", f->opened ? "ok" : "failed");
    object_text(object, "host", o->host);
    object_text(object, "port", o->port);
    object_text(object, "via", o->nettcp);
    if (f->opened) {
        object_negotiated(object, f->engine);
        object_number(object, "round_trips", round_trips(f->engine));
    } else {
        add_failure(object, f);
    }
    if (f->count > 0)
        add_endpoints(object, f->endpoints, f->count);
    if (f->stream != NULL)
        add_times(object, f->stream);
    object_print(object, stdout);
}

/* ---- the probe ---- */

/* The findings, and for people what went wrong. Answers the exit status. */
static int tell(const struct options *o, const struct findings *f)
{
    if (!report_is_json())
        print_findings(o, f);
    else
        print_object(o, f);
    if (f->opened)
        return STATUS_DONE;
    if (report_is_json())
        return status_of(f->error != NULL ? nns_error_code(f->error) : f->why.code);
    return f->error != NULL ? event_failed(NULL, f->error, NULL)
                            : event_failed_early(NULL, f->why.phase, f->why.code, f->why.message);
}

static int tell_stream(const struct options *o, nns_stream *stream, bool opened)
{
    const nns_engine *e = nns_stream_engine(stream);
    struct findings found = {.opened = opened,
                             .target = nns_engine_target(e),
                             .engine = e,
                             .stream = stream,
                             .error = nns_stream_error(stream)};

    return tell(o, &found);
}

int probe_tell_link(const struct options *o, const struct link *l, const struct nettcp_failure *why,
                    const struct probe_endpoint *endpoints, size_t count)
{
    const nns_engine *e = l->nmf != NULL ? nns_nmf_engine(l->nmf) : NULL;
    char room[LINK_TARGET_MOST];
    struct findings found = {.opened = why == NULL,
                             .target = e != NULL ? nns_engine_target(e)
                                                 : link_target(o, o->host, room, sizeof(room)),
                             .engine = e,
                             .error = link_engine_error(l),
                             .endpoints = endpoints,
                             .count = count};

    if (why != NULL)
        found.why = *why;
    return tell(o, &found);
}

/* Our end, then the peer's: closing earlier would reset the connection under what it still says.
 * The findings stand, so nothing that goes wrong here matters. */
static void say_goodbye(nns_stream *stream)
{
    long left = GOODBYE_MOST;
    char rest[4096];
    nns_ssize n = nns_stream_shutdown(stream);

    while (n >= 0 && left > 0) {
        n = nns_stream_read(stream, rest, sizeof(rest));
        if (n <= 0)
            break;
        left -= (long)n;
    }
}

int command_probe(const struct options *o, nns_config *cfg)
{
    nns_stream *stream;
    int rc = NNS_OK, status;

    if (o->adws)
        return adws_probe(o, cfg);
    if (o->nettcp != NULL)
        return nettcp_probe(o, cfg);
    if (o->idle_ms < 0)
        rc = nns_config_set_limit(cfg, NNS_LIMIT_IDLE_MS, GOODBYE_MS);
    if (rc == NNS_OK)
        rc = nns_stream_new(&stream, cfg, NNS_CLIENT);
    if (rc != NNS_OK)
        return report_result("probe", rc);
    trace_begin_client(stream, o->host, o->port);
    rc = nns_stream_connect(stream, o->host, o->port, o->target);
    if (rc == NNS_OK || nns_stream_error(stream) != NULL)
        status = tell_stream(o, stream, rc == NNS_OK);
    else
        status = report_result("probe", rc);
    if (rc == NNS_OK)
        say_goodbye(stream);
    trace_end(stream);
    nns_stream_free(stream);
    return status;
}
