/* SPDX-License-Identifier: MIT
 *
 * The send half: envelopes in, wire bytes out. Before the upgrade and without one the buffer of
 * records is the wire's; after it the records go to the engine, and the buffer keeps only what the
 * engine has no room for.
 */
#include "nmf/nmf_internal.h"

#include <string.h>

#define RESERVE ((size_t)262144) /* for control records: the longest preamble, an End, a fault */
#define HEADER (1 + NNS__NMF_SIZE_MOST)

/* ---- records ---- */

int nns__nmf_put(nns_nmf *n, const void *bytes, size_t size)
{
    size_t limit = nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES) + RESERVE;
    int rc = nns__nmf_append(&n->out, &n->mem, bytes, size, limit);

    return rc == NNS_OK ? NNS_OK : nns__nmf_failed(n, rc, "send: %s", nns_strerror(rc));
}

int nns__nmf_put_type(nns_nmf *n, enum nns__nmf_record type)
{
    uint8_t byte = (uint8_t)type;

    return nns__nmf_put(n, &byte, 1);
}

static int put_sized(nns_nmf *n, enum nns__nmf_record type, uint32_t size)
{
    uint8_t header[HEADER] = {(uint8_t)type};

    return nns__nmf_put(n, header, 1 + nns__nmf_size_encode(header + 1, size));
}

int nns__nmf_put_text(nns_nmf *n, enum nns__nmf_record type, const char *prefix, const char *text)
{
    int rc = put_sized(n, type, (uint32_t)(strlen(prefix) + strlen(text)));

    if (rc == NNS_OK)
        rc = nns__nmf_put(n, prefix, strlen(prefix));
    return rc == NNS_OK ? nns__nmf_put(n, text, strlen(text)) : rc;
}

static bool is_secured(const nns_nmf *n)
{
    return n->engine != NULL && (nns_engine_send_state(n->engine) & NNS_STATE_OPEN) != 0;
}

int nns__nmf_push(nns_nmf *n)
{
    nns_ssize moved = 1;

    if (!is_secured(n))
        return NNS_OK;
    while (moved > 0 && nns__nmf_used(&n->out) > 0) {
        moved = nns_engine_write(n->engine, n->out.data + n->out.start, nns__nmf_used(&n->out));
        if (moved > 0)
            nns__nmf_take(&n->out, (size_t)moved);
    }
    return moved >= 0 || moved == NNS_WANT_SEND ? NNS_OK : nns__nmf_engine_failed(n);
}

/* ---- the wire ---- */

bool nns__nmf_has_to_send(const nns_nmf *n)
{
    return n->engine == NULL ? nns__nmf_used(&n->out) > 0
                             : (nns_engine_send_state(n->engine) & NNS_STATE_WANT_SEND) != 0;
}

int nns_nmf_send_buf(nns_nmf *n, const uint8_t **ptr, size_t *len)
{
    if (n == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    *ptr = NULL;
    *len = 0;
    (void)nns__nmf_settle(n);
    if (n->engine != NULL) {
        if (nns_engine_send_buf(n->engine, ptr, len) != NNS_OK)
            (void)nns__nmf_engine_failed(n);
    } else if (nns__nmf_used(&n->out) > 0) {
        *ptr = n->out.data + n->out.start;
        *len = nns__nmf_used(&n->out);
    }
    n->sent_lent = *len;
    return *len > 0 ? NNS_OK : n->error;
}

int nns_nmf_send_ack(nns_nmf *n, size_t len)
{
    if (n == NULL || len > n->sent_lent)
        return NNS_ERR_ARGUMENT;
    n->sent_lent = 0;
    if (n->engine == NULL)
        nns__nmf_take(&n->out, len);
    else if (nns_engine_send_ack(n->engine, len) != NNS_OK)
        (void)nns__nmf_engine_failed(n);
    return nns__nmf_settle(n);
}

/* ---- envelopes ---- */

static size_t room(const nns_nmf *n)
{
    size_t limit = nns__nmf_limit(n, NNS_NMF_LIMIT_BUFFER_BYTES), used = nns__nmf_used(&n->out);

    return used + HEADER < limit ? limit - used - HEADER : 0;
}

bool nns__nmf_can_write(const nns_nmf *n)
{
    return n->open && !n->ended && n->error == NNS_OK && room(n) > 0;
}

/* What every call of this half begins with. */
static int begin(nns_nmf *n)
{
    int rc = n == NULL ? NNS_ERR_ARGUMENT : nns__nmf_settle(n);

    if (rc != NNS_OK)
        return rc;
    if (!n->open || n->ended)
        return NNS_ERR_STATE;
    return room(n) > 0 ? NNS_OK : NNS_WANT_SEND;
}

int nns_nmf_begin(nns_nmf *n, int64_t size)
{
    int rc = begin(n);
    bool unsized = size == NNS_NMF_UNSIZED;

    if (rc != NNS_OK)
        return rc;
    if (size < NNS_NMF_UNSIZED || size > NNS__NMF_SIZE_VALUE)
        return NNS_ERR_ARGUMENT;
    if (n->writing.part != NNS__NMF_BETWEEN || n->wrote_one ||
        unsized != (n->mode == NNS_NMF_SINGLETON))
        return NNS_ERR_STATE;
    n->wrote_one = unsized;
    n->writing = (struct nns__nmf_envelope){.part = unsized ? NNS__NMF_CHUNK : NNS__NMF_WHOLE,
                                            .size = size,
                                            .left = unsized ? 0 : (uint64_t)size};
    return unsized ? nns__nmf_put_type(n, NNS__NMF_UNSIZED_ENVELOPE)
                   : put_sized(n, NNS__NMF_SIZED_ENVELOPE, (uint32_t)size);
}

/* Straight to the engine, and what it has no room for to the buffer, which has. */
static int send_bytes(nns_nmf *n, const uint8_t *bytes, size_t size)
{
    nns_ssize moved = 0;
    int rc = nns__nmf_push(n);

    if (rc == NNS_OK && is_secured(n) && nns__nmf_used(&n->out) == 0) {
        moved = nns_engine_write(n->engine, bytes, size);
        if (moved < 0 && moved != NNS_WANT_SEND)
            return nns__nmf_engine_failed(n);
        moved = moved > 0 ? moved : 0;
    }
    return rc == NNS_OK ? nns__nmf_put(n, bytes + moved, size - (size_t)moved) : rc;
}

nns_ssize nns_nmf_write(nns_nmf *n, const void *src, size_t len)
{
    uint8_t chunk[NNS__NMF_SIZE_MOST];
    int rc = n == NULL || (src == NULL && len > 0) ? NNS_ERR_ARGUMENT : begin(n);

    if (rc != NNS_OK)
        return rc;
    if (n->writing.part == NNS__NMF_BETWEEN)
        return NNS_ERR_STATE;
    if (n->writing.part == NNS__NMF_WHOLE && len > n->writing.left)
        return NNS_ERR_ARGUMENT;
    if (len == 0)
        return 0;
    len = len < room(n) ? len : room(n);
    if (n->writing.part == NNS__NMF_CHUNK)
        rc = nns__nmf_put(n, chunk, nns__nmf_size_encode(chunk, (uint32_t)len));
    else
        n->writing.left -= len;
    if (rc == NNS_OK)
        rc = send_bytes(n, src, len);
    return rc == NNS_OK ? (nns_ssize)len : rc;
}

int nns_nmf_finish(nns_nmf *n)
{
    bool unsized;
    int rc = begin(n);

    if (rc != NNS_OK)
        return rc;
    if (n->writing.part == NNS__NMF_BETWEEN || n->writing.left > 0)
        return NNS_ERR_STATE;
    unsized = n->writing.part == NNS__NMF_CHUNK;
    n->writing.part = NNS__NMF_BETWEEN;
    rc = unsized ? nns__nmf_put_type(n, NNS__NMF_VERSION) : NNS_OK; /* 00: a chunk of no bytes */
    return rc == NNS_OK ? nns__nmf_settle(n) : rc;
}

int nns_nmf_end(nns_nmf *n)
{
    int rc;

    if (n != NULL && n->open && n->ended && n->error == NNS_OK)
        return NNS_OK;
    rc = begin(n);
    if (rc != NNS_OK)
        return rc;
    if (n->writing.part != NNS__NMF_BETWEEN)
        return NNS_ERR_STATE;
    rc = nns__nmf_put_type(n, NNS__NMF_RECORD_END);
    n->ended = true;
    return rc == NNS_OK ? nns__nmf_settle(n) : rc;
}
