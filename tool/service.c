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

/* ---- a command ---- */

static int exec(const struct options *o, const struct exec_facts *facts, service_talk *talk,
                const void *connection, const char *ccache, struct traffic *t)
{
    struct child child;
    int error = exec_start(&child, o, facts, ccache), status;

    if (error != 0)
        return event_failed_here(facts->peer, "the command", error, t);
    status = talk(connection, &child);
    t->wait_status = exec_wait(&child);
    t->ran = true;
    return status;
}

/* The same, with the credentials that the client delegated, or without them where it did not. */
static int exec_delegated(const struct options *o, const struct exec_facts *facts,
                          service_talk *talk, const void *connection, struct traffic *t)
{
    struct delegated d;
    int error = delegated_keep(&d, facts->engine), status;

    if (error != 0)
        return event_failed_here(facts->peer, "the client's credentials", error, t);
    status = exec(o, facts, talk, connection, d.ccache[0] != '\0' ? d.ccache : NULL, t);
    delegated_remove(&d);
    return status;
}

int service_exec(const struct options *o, const struct exec_facts *facts, service_talk *talk,
                 const void *connection, struct traffic *t)
{
    return o->accept_delegation ? exec_delegated(o, facts, talk, connection, t)
                                : exec(o, facts, talk, connection, NULL, t);
}

/* ---- on a stream ---- */

struct stream_talk {
    struct pump pump;
    struct traffic *traffic;
};

static int talk_to_stream(const void *connection, const struct child *child)
{
    const struct stream_talk *talk = connection;
    struct pump pump = talk->pump;
    int status;

    pump.in = child->from;
    pump.out = child->to;
    status = pump_run(&pump, talk->traffic);
    if (status != STATUS_DONE || nns_stream_error(pump.stream) != NULL)
        exec_hang_up(child);
    return status;
}

static int exec_stream(const struct options *o, const char *peer, nns_stream *stream,
                       struct traffic *t)
{
    struct exec_facts facts = {.peer = peer, .engine = nns_stream_engine(stream)};
    struct stream_talk talk = {.pump = {.stream = stream,
                                        .peer = peer,
                                        .in_name = "the command's output",
                                        .out_name = "the command's input",
                                        .to_end_of_input = true,
                                        .may_drop = true,
                                        .idle_ms = idle_of(o)},
                               .traffic = t};

    return service_exec(o, &facts, talk_to_stream, &talk, t);
}

int service_run(const struct options *o, const char *peer, nns_stream *stream, struct traffic *t)
{
    t->opened = true;
    if (o->echo)
        return echo(peer, stream, t);
    return o->exec != NULL ? exec_stream(o, peer, stream, t) : stdio(o, peer, stream, t);
}
