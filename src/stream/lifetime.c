/* SPDX-License-Identifier: MIT
 *
 * How long a server's session lasts: as long as the client's ticket. Whoever was let in by a
 * ticket is let in no longer than that; a client has no such reason to stop. The end is never in
 * the middle of a record of ours: what was sealed before still goes out.
 */
#include "stream/stream.h"

#define GRACE_MS 5000 /* for a peer that is slow to take our last records */

void nns__stream_start_session(nns_stream *s)
{
    int64_t end = nns_engine_ticket_end(s->engine), left;

    if (s->role != NNS_SERVER || s->cfg->outlive_ticket || end == 0)
        return;
    left = end * 1000 - s->time.wall(s->time.arg);
    s->session_until = s->time.now(s->time.arg) + (left > 0 ? left : 0);
}

bool nns__stream_session_ended(const nns_stream *s)
{
    return nns__deadline_left(&s->time, s->session_until) == 0;
}

int64_t nns__stream_session_deadline(const nns_stream *s, unsigned side)
{
    if (s->session_until == NNS__NEVER || side != NNS__SEND_SIDE)
        return s->session_until;
    return s->session_until + GRACE_MS;
}

int nns__stream_end_session(nns_stream *s)
{
    struct nns__failure f;

    (void)nns__fail(&f, NNS_ERR_TIMEOUT, NNS__STATUS_NONE, "data: the client's ticket has ended");
    atomic_store(&s->session_over, true);
    return nns__stream_fail_text(s, &f);
}

bool nns__stream_has_last_words(const nns_stream *s, uint32_t send_state)
{
    int64_t until = nns__stream_session_deadline(s, NNS__SEND_SIDE);

    return atomic_load(&s->session_over) && (send_state & NNS_STATE_WANT_SEND) != 0 &&
           nns__deadline_left(&s->time, until) != 0;
}
