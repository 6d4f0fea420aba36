/* SPDX-License-Identifier: MIT
 *
 * nns_stream_connect(): the name, a race between its addresses, the target, then the handshake.
 */
#include "stream/race.h"
#include "stream/resolve.h"

#include "engine/engine_stream.h"

#include <stdio.h>
#include <unistd.h>

static int reach(nns_stream *s, const char *host, const char *port)
{
    int64_t deadline = nns__deadline_after(&s->time, s->cfg->limits[NNS_LIMIT_CONNECT_MS]);
    int64_t began = nns__time_us(&s->time), resolved;
    struct addrinfo *list = NULL;
    int fd, rc;

    nns__engine_set_phase(s->engine, NNS_PHASE_CONNECT);
    rc = nns__resolve(s, host, port, deadline, &list);
    if (rc != NNS_OK)
        return rc;
    resolved = nns__time_us(&s->time);
    s->spent_us[NNS_TIME_RESOLVE] = resolved - began;
    rc = nns__race(s, list, deadline, &fd);
    freeaddrinfo(list);
    if (rc != NNS_OK)
        return rc;
    s->spent_us[NNS_TIME_CONNECT] = nns__time_us(&s->time) - resolved;
    rc = nns__transport_set_fds(&s->transport, fd, fd, true);
    if (rc != NNS_OK)
        (void)close(fd);
    nns__engine_set_phase(s->engine, NNS_PHASE_HANDSHAKE);
    return rc;
}

/* "host/" and the host in lower case. */
static int set_default_target(nns_stream *s, const char *host)
{
    char target[5 + NI_MAXHOST];
    int n = snprintf(target, sizeof(target), "host/%s", host);

    if (n < 0 || (size_t)n >= sizeof(target))
        return NNS_ERR_ARGUMENT;
    for (char *c = target; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    return nns_engine_set_target(s->engine, target);
}

static int connect_and_shake(nns_stream *s, const char *host, const char *port, const char *target)
{
    int rc = nns__stream_check_canceled(s);

    if (rc == NNS_OK)
        rc = nns_error_code(nns_engine_error(s->engine));
    if (rc != NNS_OK)
        return rc;
    if (s->role != NNS_CLIENT || !s->blocking || s->transport.kind != NNS__NO_TRANSPORT)
        return NNS_ERR_STATE;
    if (target != NULL)
        rc = nns_engine_set_target(s->engine, target);
    else if (nns_engine_target(s->engine) == NULL)
        rc = set_default_target(s, host);
    if (rc == NNS_OK)
        rc = reach(s, host, port);
    return rc == NNS_OK ? nns__stream_do_handshake(s) : rc;
}

int nns_stream_connect(nns_stream *s, const char *host, const char *port, const char *target)
{
    int rc;

    if (s == NULL || host == NULL || *host == '\0' || port == NULL || *port == '\0')
        return NNS_ERR_ARGUMENT;
    rc = nns__stream_enter(s, NNS__BOTH_SIDES);
    if (rc != NNS_OK)
        return rc;
    rc = connect_and_shake(s, host, port, target);
    nns__stream_leave(s, NNS__BOTH_SIDES);
    return rc;
}
