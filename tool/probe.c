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

static void print_findings(const nns_stream *stream, const nns_engine *e, bool opened)
{
    print_line("result:", opened ? "ok" : "failed");
    print_line("target:", nns_engine_target(e));
    if (opened)
        print_negotiated(e);
    print_time(stream, "resolve:", NNS_TIME_RESOLVE);
    print_time(stream, "connect:", NNS_TIME_CONNECT);
    print_time(stream, "handshake:", NNS_TIME_HANDSHAKE);
}

/* ---- for programs ---- */

static void add_time(json_t *object, const nns_stream *stream, const char *name, int32_t part)
{
    int64_t us = nns_stream_time_us(stream, part);

    if (us >= 0)
        (void)json_object_set_new(object, name, json_real((double)us / 1000));
}

static void print_object(const struct options *o, nns_stream *stream, bool opened)
{
    const nns_engine *e = nns_stream_engine(stream);
    json_t *object = object_new("probe"), *times = json_object();

    object_text(object, "result", opened ? "ok" : "failed");
    object_text(object, "host", o->host);
    object_text(object, "port", o->port);
    if (opened) {
        object_negotiated(object, e);
        object_number(object, "round_trips", round_trips(e));
    } else {
        object_text(object, "target", nns_engine_target(e));
        object_failure(object, nns_stream_error(stream));
    }
    add_time(times, stream, "resolve", NNS_TIME_RESOLVE);
    add_time(times, stream, "connect", NNS_TIME_CONNECT);
    add_time(times, stream, "handshake", NNS_TIME_HANDSHAKE);
    (void)json_object_set_new(object, "milliseconds", times);
    object_print(object, stdout);
}

/* ---- the probe ---- */

static int tell(const struct options *o, nns_stream *stream, bool opened)
{
    const nns_error *err = nns_stream_error(stream);

    if (report_is_json())
        print_object(o, stream, opened);
    else
        print_findings(stream, nns_stream_engine(stream), opened);
    if (opened)
        return STATUS_DONE;
    return report_is_json() ? status_of(nns_error_code(err)) : event_failed(NULL, err, NULL);
}

static void print_endpoint(const struct probe_endpoint *endpoint)
{
    struct text t = {0};

    text_add(&t, "%s%s", endpoint->name, endpoint->is_there ? "" : ": ");
    text_escape(&t, (struct span){(const uint8_t *)endpoint->why, NULL, strlen(endpoint->why)});
    print_line(endpoint->is_there ? "endpoint:" : "no endpoint:", t.bytes);
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

void probe_tell_nettcp(const struct options *o, const nns_engine *e,
                       const struct probe_endpoint *endpoints, size_t count)
{
    json_t *object;

    if (!report_is_json()) {
        print_line("result:", "ok");
        print_line("via:", o->nettcp);
        print_line("target:", nns_engine_target(e));
        print_negotiated(e);
        for (size_t i = 0; i < count; i++)
            print_endpoint(&endpoints[i]);
        return;
    }
    object = object_new("probe");
    object_text(object, "result", "ok");
    object_text(object, "host", o->host);
    object_text(object, "port", o->port);
    object_text(object, "via", o->nettcp);
    object_negotiated(object, e);
    object_number(object, "round_trips", round_trips(e));
    if (count > 0)
        add_endpoints(object, endpoints, count);
    object_print(object, stdout);
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
        status = tell(o, stream, rc == NNS_OK);
    else
        status = report_result("probe", rc);
    if (rc == NNS_OK)
        say_goodbye(stream);
    trace_end(stream);
    nns_stream_free(stream);
    return status;
}
