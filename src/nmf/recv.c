/* SPDX-License-Identifier: MIT
 *
 * The receive half: wire bytes in, envelopes out. Before the upgrade and without one bytes wait in
 * a buffer of their own, after it in the engine's window; either lends them without a copy.
 */
#include "nmf/nmf_internal.h"

#define FIRST_WANT ((size_t)1024)

/* ---- the wire ---- */

/* What is kept is half the limit at most when more is received: then there is always room for as
 * much as has to be moved to make it. */
bool nns__nmf_can_recv(const nns_nmf *n)
{
    if (n->eof || n->peer_ended || n->error != NNS_OK || n->state == NNS__NMF_START)
        return false;
    if (n->engine != NULL)
        return nns__nmf_used(&n->in) == 0 &&
               (nns_engine_recv_state(n->engine) & NNS_STATE_WANT_RECV) != 0;
    return n->state != NNS__NMF_HANDSHAKE &&
           nns__nmf_used(&n->in) <= nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES) / 2;
}

/* Room in the buffer, twice as much each time that it was filled. */
static int lend_room(nns_nmf *n, uint8_t **ptr, size_t *len)
{
    size_t limit = nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES);
    size_t left = limit - nns__nmf_used(&n->in), want = n->in_want > 0 ? n->in_want : FIRST_WANT;

    if (nns__nmf_reserve(&n->in, &n->mem, want < left ? want : left, limit) != NNS_OK)
        return nns__nmf_failed(n, NNS_ERR_NOMEM, "receive: %s", nns_strerror(NNS_ERR_NOMEM));
    *ptr = n->in.data + n->in.end;
    *len = n->in.capacity - n->in.end;
    return NNS_OK;
}

int nns_nmf_recv_buf(nns_nmf *n, uint8_t **ptr, size_t *len)
{
    int rc;

    if (n == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    *ptr = NULL;
    *len = 0;
    rc = nns__nmf_settle(n);
    if (rc != NNS_OK || !nns__nmf_can_recv(n))
        return rc;
    n->room_is_engines = n->engine != NULL;
    rc = n->room_is_engines ? nns_engine_recv_buf(n->engine, ptr, len) : lend_room(n, ptr, len);
    if (rc != NNS_OK)
        return n->room_is_engines ? nns__nmf_engine_failed(n) : rc;
    n->room_lent = *len;
    return NNS_OK;
}

int nns_nmf_recv_ack(nns_nmf *n, size_t len)
{
    if (n == NULL || len > n->room_lent)
        return NNS_ERR_ARGUMENT;
    if (n->room_is_engines && n->engine != NULL) {
        (void)!nns_engine_recv_ack(n->engine, len); /* settle() sees its error */
    } else {
        if (len == n->room_lent && len < nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES))
            n->in_want = 2 * len;
        n->in.end += len;
    }
    n->room_lent = 0;
    return nns__nmf_settle(n);
}

int nns_nmf_recv_eof(nns_nmf *n)
{
    if (n == NULL)
        return NNS_ERR_ARGUMENT;
    n->eof = true;
    n->room_lent = 0;
    return nns__nmf_settle(n);
}

/* ---- bytes in clear, or opened ---- */

int nns__nmf_source(nns_nmf *n, const uint8_t **ptr, size_t *len)
{
    *len = nns__nmf_used(&n->in);
    *ptr = *len > 0 ? n->in.data + n->in.start : NULL;
    if (n->engine == NULL)
        return NNS_OK;
    return nns_engine_read_buf(n->engine, ptr, len) == NNS_OK ? NNS_OK : nns__nmf_engine_failed(n);
}

int nns__nmf_consume(nns_nmf *n, size_t len)
{
    if (n->engine == NULL)
        nns__nmf_take(&n->in, len);
    else if (nns_engine_read_ack(n->engine, len) != NNS_OK)
        return nns__nmf_engine_failed(n);
    return NNS_OK;
}

static int behind_the_end(nns_nmf *n, int code)
{
    return nns__nmf_failed(n, code,
                           "framing: the peer sent more behind its end, inside of security");
}

/* Level none has no records: what was read ahead is clear again. */
static int keep_plain(nns_nmf *n)
{
    const uint8_t *data;
    size_t size;
    int rc;

    while ((rc = nns__nmf_source(n, &data, &size)) == NNS_OK && size > 0) {
        rc = nns__nmf_append(&n->in, &n->mem, data, size,
                             nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES));
        if (rc != NNS_OK)
            return behind_the_end(n, rc);
        rc = nns__nmf_consume(n, size);
        if (rc != NNS_OK)
            return rc;
    }
    return rc;
}

int nns__nmf_end_of_security(nns_nmf *n)
{
    const uint8_t *rest;
    size_t size;
    int rc = NNS_OK;

    n->room_lent = 0;
    if (n->engine == NULL)
        return NNS_OK;
    if (nns__nmf_used(&n->in) > 0) /* more than the engine has room for */
        return behind_the_end(n, NNS_ERR_TOO_LARGE);
    (void)!nns_engine_recv_ack(n->engine, 0); /* takes back what recv_buf lent */
    if (nns_engine_protection(n->engine) == NNS_PROTECT_NONE)
        rc = keep_plain(n);
    if (rc != NNS_OK)
        return rc;
    if (nns_engine_take_rest(n->engine, &rest, &size) != NNS_OK)
        return behind_the_end(n, NNS_ERR_PROTOCOL);
    rc =
        nns__nmf_append(&n->in, &n->mem, rest, size, nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES));
    return rc == NNS_OK ? NNS_OK : behind_the_end(n, rc);
}

/* ---- envelopes ---- */

bool nns__nmf_can_read(const nns_nmf *n)
{
    const struct nns__nmf_envelope *e = &n->reading;

    if (!n->open || n->state == NNS__NMF_SILENT)
        return n->open && e->part == NNS__NMF_WHOLE && e->left == 0;
    if ((e->part == NNS__NMF_WHOLE && e->left == 0) || nns__nmf_at_eof(n))
        return true;
    return n->engine == NULL ? nns__nmf_used(&n->in) > 0
                             : (nns_engine_recv_state(n->engine) & NNS_STATE_CAN_READ) != 0;
}

/* Nothing has come, which is an error if nothing can come any more. */
static int nothing(nns_nmf *n)
{
    return nns__nmf_at_eof(n) ? nns__nmf_truncated(n) : NNS_NMF_NOTHING;
}

static int next_record(nns_nmf *n)
{
    int rc;

    if (n->state == NNS__NMF_SILENT)
        return NNS_NMF_NOTHING;
    rc = nns__nmf_step(n);
    if (rc == NNS_WANT_RECV)
        return nothing(n);
    if (rc != NNS_OK)
        return rc;
    return n->peer_ended ? NNS_NMF_END : NNS_NMF_ENVELOPE;
}

static int finish_envelope(nns_nmf *n)
{
    n->reading.part = NNS__NMF_BETWEEN;
    return NNS_NMF_ENVELOPE_END;
}

/* The size of the next chunk: NNS_OK when it is there. */
static int chunk_size(nns_nmf *n)
{
    struct nns__nmf_envelope *e = &n->reading;
    const uint8_t *data;
    size_t size;
    int rc;

    do {
        rc = nns__nmf_source(n, &data, &size);
        if (rc != NNS_OK || size == 0)
            return rc != NNS_OK ? rc : NNS_WANT_RECV;
        rc = nns__nmf_size_decode(&e->chunk, *data);
        if (nns__nmf_consume(n, 1) != NNS_OK)
            return n->error;
    } while (rc == NNS_WANT_RECV);
    if (rc != NNS_OK)
        return nns__nmf_refuse(n, rc, "InvalidRecordSequence",
                               "envelope: a chunk of more than 31 bits");
    e->left = e->chunk.value;
    e->chunk = (struct nns__nmf_size){0};
    if (e->left > (uint64_t)n->limits[NNS_NMF_LIMIT_ENVELOPE_BYTES] - e->sum)
        return nns__nmf_refuse(n, NNS_ERR_TOO_LARGE, "MaxMessageSizeExceededFault",
                               "envelope: its chunks are more than the limit of %lld bytes",
                               (long long)n->limits[NNS_NMF_LIMIT_ENVELOPE_BYTES]);
    e->sum += e->left;
    return NNS_OK;
}

/* More bytes of the envelope, or none yet. */
static int next_data(nns_nmf *n)
{
    const uint8_t *data;
    size_t size;
    int rc = nns__nmf_source(n, &data, &size);

    if (rc != NNS_OK)
        return rc;
    return size > 0 ? NNS_NMF_DATA : nothing(n);
}

int nns_nmf_next(nns_nmf *n)
{
    int rc = n == NULL ? NNS_ERR_ARGUMENT : nns__nmf_settle(n);

    if (rc != NNS_OK)
        return rc;
    if (!n->open)
        return NNS_ERR_STATE;
    n->read_lent = 0;
    if (n->reading.part == NNS__NMF_BETWEEN)
        return next_record(n);
    if (n->reading.left == 0 && n->reading.part == NNS__NMF_WHOLE)
        return finish_envelope(n);
    if (n->reading.left == 0) {
        rc = chunk_size(n);
        if (rc != NNS_OK)
            return rc == NNS_WANT_RECV ? nothing(n) : rc;
        if (n->reading.left == 0)
            return finish_envelope(n);
    }
    return next_data(n);
}

int64_t nns_nmf_envelope_size(const nns_nmf *n)
{
    return n->reading.part != NNS__NMF_BETWEEN ? n->reading.size : NNS_NMF_UNSIZED;
}

int nns_nmf_read_buf(nns_nmf *n, const uint8_t **ptr, size_t *len)
{
    int rc;

    if (n == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    *ptr = NULL;
    *len = 0;
    if (n->error != NNS_OK)
        return n->error;
    if (n->reading.part == NNS__NMF_BETWEEN || n->reading.left == 0)
        return NNS_ERR_STATE;
    rc = nns__nmf_source(n, ptr, len);
    if (rc != NNS_OK)
        return rc;
    if (*len > n->reading.left)
        *len = (size_t)n->reading.left;
    n->read_lent = *len;
    return NNS_OK;
}

int nns_nmf_read_ack(nns_nmf *n, size_t len)
{
    if (n == NULL || len > n->read_lent)
        return NNS_ERR_ARGUMENT;
    n->read_lent = 0;
    n->reading.left -= len;
    return nns__nmf_consume(n, len);
}
