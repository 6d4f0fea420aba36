/* SPDX-License-Identifier: MIT
 *
 * The services of nns listen.
 */
#include "service.h"

#include "delegated.h"
#include "exec.h"
#include "pump.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>

#define CHUNK ((size_t)64512) /* one full record */

static int idle_of(const struct options *o)
{
    return o->idle_ms > 0 ? (int)o->idle_ms : -1;
}

static int echo(const char *peer, nns_stream *stream, struct traffic *t)
{
    char *chunk = malloc(CHUNK);
    nns_ssize n;

    if (chunk == NULL)
        return event_failed_here(peer, "echo", ENOMEM, t);
    while ((n = nns_stream_read(stream, chunk, CHUNK)) > 0) {
        t->in += (uint64_t)n;
        if (nns_stream_write(stream, chunk, (size_t)n) < 0)
            break;
        t->out += (uint64_t)n;
    }
    if (n == 0)
        (void)!nns_stream_shutdown(stream);
    free(chunk);
    return STATUS_DONE;
}

static int stdio(const struct options *o, const char *peer, nns_stream *stream, struct traffic *t)
{
    struct pump pump = {
        .stream = stream, .peer = peer, .to_end_of_input = true, .idle_ms = idle_of(o)};

    return pump_run_stdio(&pump, t);
}

static int exec(const struct options *o, const char *peer, nns_stream *stream, const char *ccache,
                struct traffic *t)
{
    struct pump pump = {.stream = stream,
                        .peer = peer,
                        .in_name = "the command's output",
                        .out_name = "the command's input",
                        .to_end_of_input = true,
                        .may_drop = true,
                        .idle_ms = idle_of(o)};
    struct child child;
    int error = exec_start(&child, o, peer, nns_stream_engine(stream), ccache), status;

    if (error != 0)
        return event_failed_here(peer, "the command", error, t);
    pump.in = child.from;
    pump.out = child.to;
    status = pump_run(&pump, t);
    if (status != STATUS_DONE || nns_stream_error(stream) != NULL)
        exec_hang_up(&child);
    t->wait_status = exec_wait(&child);
    t->ran = true;
    return status;
}

/* The same, with the credentials that the client delegated, or without them where it did not. */
static int exec_delegated(const struct options *o, const char *peer, nns_stream *stream,
                          struct traffic *t)
{
    struct delegated d;
    int error = delegated_keep(&d, nns_stream_engine(stream)), status;

    if (error != 0)
        return event_failed_here(peer, "the client's credentials", error, t);
    status = exec(o, peer, stream, d.ccache[0] != '\0' ? d.ccache : NULL, t);
    delegated_remove(&d);
    return status;
}

int service_run(const struct options *o, const char *peer, nns_stream *stream, struct traffic *t)
{
    t->opened = true;
    if (o->echo)
        return echo(peer, stream, t);
    if (o->exec == NULL)
        return stdio(o, peer, stream, t);
    return o->accept_delegation ? exec_delegated(o, peer, stream, t)
                                : exec(o, peer, stream, NULL, t);
}
