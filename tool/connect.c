/* SPDX-License-Identifier: MIT
 *
 * nns connect. The end of input half-closes. After the peer's end what standard input has ready is
 * still sent, but no more is waited for.
 */
#include "connect.h"

#include "event.h"
#include "nettcp.h"
#include "pump.h"
#include "report.h"
#include "trace.h"

static int exchange(nns_stream *stream, const struct options *o)
{
    struct pump pump = {.stream = stream, .idle_ms = -1};
    struct traffic traffic = {.opened = true};
    int status = pump_run_stdio(&pump, &traffic);

    if (status != STATUS_DONE)
        return status;
    if (nns_stream_error(stream) != NULL)
        return event_failed(NULL, nns_stream_error(stream), &traffic);
    event_ended(o, NULL, &traffic);
    return STATUS_DONE;
}

int command_connect(const struct options *o, nns_config *cfg)
{
    nns_stream *stream;
    int rc, status;

    if (o->nettcp != NULL)
        return nettcp_connect(o, cfg);
    rc = nns_stream_new(&stream, cfg, NNS_CLIENT);
    if (rc != NNS_OK)
        return report_result("connect", rc);
    trace_begin_client(stream, o->host, o->port);
    rc = nns_stream_connect(stream, o->host, o->port, o->target);
    if (rc == NNS_OK) {
        event_opened(o, NULL, nns_stream_engine(stream));
        status = exchange(stream, o);
    } else if (nns_stream_error(stream) != NULL) {
        status = event_failed(NULL, nns_stream_error(stream), NULL);
    } else {
        status = report_result("connect", rc);
    }
    trace_end(stream);
    nns_stream_free(stream);
    return status;
}
