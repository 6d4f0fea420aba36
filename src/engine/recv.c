/* SPDX-License-Identifier: MIT
 *
 * The receive half: wire bytes in, plaintext out. One window holds both: bytes are received at
 * its end, and the whole records at its start are opened in place when the reader comes to them,
 * so that a bad record is reported only after all that came intact before it. It never touches the
 * send half.
 */
#include "engine/engine_internal.h"

#include "frame/data_record.h"

#include <string.h>

/* How large the window may become: whole batches of full records, if the limit has room for one. */
static size_t window_limit(const nns_engine *e)
{
    const size_t batch = NNS__BATCH * NNS__RECORD_COMMON;
    size_t limit = nns__engine_buffer_limit(e);

    return limit < batch ? limit : limit - limit % batch;
}

/* True while records that were opened have not been passed by the reader. */
static bool has_opened(const struct nns__recv_half *r)
{
    return r->plain_next < r->plain_count;
}

/* True while the first of them has payload. */
static bool has_payload(const struct nns__recv_half *r)
{
    return has_opened(r) && r->plain[r->plain_next].size > 0;
}

/* The window may move while nobody has borrowed a part of it and no plaintext stands in it. */
static bool may_move(const struct nns__recv_half *r)
{
    return !has_opened(r) && r->room_lent == 0;
}

static bool is_listening(const nns_engine *e)
{
    const struct nns__recv_half *r = &e->recv;

    if (r->eof || r->taken || nns__engine_failed(e) != NNS_OK || e->handshake.job != NULL)
        return false;
    return nns__engine_is_open(e) || nns__handshake_expects(e);
}

/* A reader that does not come is not sent more than this: what is larger than that in the window
 * came in one receive, when he had read all. */
static bool has_room(const nns_engine *e)
{
    const struct nns__recv_half *r = &e->recv;

    return nns__buffer_used(&r->window) < NNS__BUFFER_BASE &&
           (nns__buffer_room(&r->window) > 0 || may_move(r));
}

/* ---- records ---- */

enum arrival {
    NOTHING,
    PARTIAL,
    ILLEGAL,
    WHOLE
};

/* What stands in the window from at on; *length is that of a legal record's message. */
static enum arrival look_at(const struct nns__buffer *window, size_t at, size_t *length)
{
    size_t used = window->end - at;

    if (used == 0)
        return NOTHING;
    if (used < NNS__RECORD_HEADER)
        return PARTIAL;
    *length = nns__record_length(window->data + at);
    if (!nns__record_length_is_legal(*length))
        return ILLEGAL;
    return used - NNS__RECORD_HEADER < *length ? PARTIAL : WHOLE;
}

static enum arrival look(const nns_engine *e, size_t *length)
{
    return look_at(&e->recv.window, e->recv.window.start, length);
}

/* True if a read would do more than wait. */
static bool is_readable(const nns_engine *e)
{
    size_t length;

    if (has_opened(&e->recv))
        return true;
    if (!nns__engine_is_open(e) || nns__engine_failed(e) != NNS_OK || e->recv.taken)
        return false;
    if (!nns__engine_is_framed(e))
        return nns__buffer_used(&e->recv.window) > 0;
    switch (look(e, &length)) {
    case NOTHING:
        return false;
    case PARTIAL:
        return e->recv.eof;
    case ILLEGAL:
    case WHOLE:
        break;
    }
    return true;
}

static bool is_at_end(const nns_engine *e)
{
    const struct nns__recv_half *r = &e->recv;

    return r->eof && !has_opened(r) && nns__buffer_used(&r->window) == 0 && !r->taken &&
           nns__engine_is_open(e) && nns__engine_failed(e) == NNS_OK;
}

uint32_t nns__recv_bits(const nns_engine *e)
{
    uint32_t bits = 0;

    if (is_listening(e) && has_room(e))
        bits |= NNS_STATE_WANT_RECV;
    if (is_readable(e))
        bits |= NNS_STATE_CAN_READ;
    if (is_at_end(e))
        bits |= NNS_STATE_RECV_EOF;
    return bits;
}

/* How many whole records of legal length stand at the start of the window, up to a batch. */
static size_t count_whole(const nns_engine *e)
{
    const struct nns__buffer *window = &e->recv.window;
    size_t at = window->start, count = 0, length;

    while (count < NNS__BATCH && look_at(window, at, &length) == WHOLE) {
        at += NNS__RECORD_HEADER + length;
        count++;
    }
    return count;
}

/* Opens what has arrived, at least one whole record. */
static int open_records(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;
    struct nns__opener *opener = e->protection.opener;
    struct nns__failure f;
    nns_ssize opened =
        opener->ops->open(opener, r->window.data + r->window.start, count_whole(e), r->plain, &f);

    if (opened < 0)
        return nns__engine_fail(e, &f);
    r->plain_next = 0;
    r->plain_count = (size_t)opened;
    for (nns_ssize i = 0; i < opened; i++)
        r->window.start +=
            NNS__RECORD_HEADER + nns__record_length(r->window.data + r->window.start);
    return NNS_OK;
}

/* Passes a record without payload. */
static int pass_empty(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;
    size_t most = nns__config_size_limit(e->cfg, NNS_LIMIT_EMPTY_RECORDS);
    struct nns__failure f;

    r->plain_next++;
    if (++r->empty_run <= most)
        return NNS_OK;
    (void)nns__fail(&f, NNS_ERR_PROTOCOL, NNS__STATUS_NONE,
                    "receive: more than %zu empty records in a row", most);
    return nns__engine_fail(e, &f);
}

static int truncated(nns_engine *e)
{
    struct nns__failure f;

    (void)nns__fail(&f, NNS_ERR_TRUNCATED, NNS__STATUS_NONE,
                    "receive: the connection ended %zu bytes into a record",
                    nns__buffer_used(&e->recv.window));
    return nns__engine_fail(e, &f);
}

static int illegal_length(nns_engine *e, size_t length)
{
    struct nns__failure f;

    (void)nns__fail(&f, length > NNS__RECORD_MOST ? NNS_ERR_TOO_LARGE : NNS_ERR_PROTOCOL,
                    NNS__STATUS_NONE,
                    "receive: a record announces %zu bytes, legal are 5 to 65,536", length);
    return nns__engine_fail(e, &f);
}

/* Comes to the next record that has payload, if it has arrived. */
static int open_next(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;
    size_t length = 0;
    int rc = NNS_OK;

    while (rc == NNS_OK && !has_payload(r)) {
        if (has_opened(r)) {
            rc = pass_empty(e);
            continue;
        }
        switch (look(e, &length)) {
        case NOTHING:
            return NNS_OK;
        case PARTIAL:
            return r->eof ? truncated(e) : NNS_OK;
        case ILLEGAL:
            return illegal_length(e, length);
        case WHOLE:
            rc = open_records(e);
        }
    }
    if (rc == NNS_OK)
        r->empty_run = 0;
    return rc;
}

/* Level none: what has arrived is the plaintext. */
static int pass_through(struct nns__recv_half *r)
{
    if (nns__buffer_used(&r->window) == 0)
        return NNS_OK;
    r->plain[0].data = r->window.data + r->window.start;
    r->plain[0].size = nns__buffer_used(&r->window);
    r->plain_next = 0;
    r->plain_count = 1;
    r->window.start = r->window.end;
    return NNS_OK;
}

/* ---- wire side ---- */

/* True if the reader has come to the end of what can be opened now. */
static bool is_read_up(const nns_engine *e)
{
    size_t length;

    if (!nns__engine_is_open(e))
        return false;
    return nns__engine_is_framed(e) ? look(e, &length) != WHOLE
                                    : nns__buffer_used(&e->recv.window) == 0;
}

/* A window that is full doubles until it can hold any record. Otherwise, and past that, it doubles
 * when one receive filled it and the reader had read all before more was to come: then larger
 * batches are to be had, and no more is held than arrived. */
static int grow(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;
    size_t capacity = r->window.capacity, used = nns__buffer_used(&r->window);
    bool may_double = r->filled && capacity < window_limit(e) && is_read_up(e);
    int rc = NNS_OK;

    r->filled = false;
    if (may_double)
        rc = nns__buffer_reserve(&r->window, &e->mem, capacity - used + 1, window_limit(e));
    else if (nns__buffer_room(&r->window) == 0)
        rc = nns__buffer_reserve(&r->window, &e->mem, 1, NNS__BUFFER_BASE);
    return rc == NNS_ERR_NOMEM && nns__buffer_room(&r->window) == 0 ? nns__engine_fail_memory(e)
                                                                    : NNS_OK;
}

/* When the window runs short of room it moves to the front, and perhaps grows. */
static int make_room(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;

    if (!may_move(r) || !has_room(e)) {
        r->filled = false; /* the transport is ahead of the reader */
        return NNS_OK;
    }
    if (nns__buffer_used(&r->window) == 0)
        nns__buffer_restart(&r->window, &e->mem);
    else if (nns__buffer_room(&r->window) < r->window.capacity / 4)
        nns__buffer_compact(&r->window);
    return grow(e);
}

/* What every call of this half begins with. */
static int begin(const nns_engine *e)
{
    int rc = nns__engine_usable(e);

    if (rc == NNS_OK && e->recv.taken)
        rc = NNS_ERR_STATE;
    return rc;
}

int nns_engine_recv_buf(nns_engine *e, uint8_t **ptr, size_t *len)
{
    struct nns__recv_half *r;
    int rc;

    if (e == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    r = &e->recv;
    *ptr = NULL;
    *len = 0;
    rc = begin(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc != NNS_OK || !is_listening(e))
        return rc;
    rc = make_room(e);
    if (rc != NNS_OK || !has_room(e))
        return rc;
    *ptr = r->window.data + r->window.end;
    *len = r->room_lent = nns__buffer_room(&r->window);
    return NNS_OK;
}

int nns_engine_recv_ack(nns_engine *e, size_t n)
{
    struct nns__recv_half *r;
    int rc;

    if (e == NULL || n > e->recv.room_lent)
        return NNS_ERR_ARGUMENT;
    rc = nns__engine_owned(e);
    if (rc != NNS_OK)
        return rc;
    r = &e->recv;
    r->filled = n == r->room_lent && n >= r->window.capacity / 2;
    r->room_lent = 0;
    if (n > 0)
        nns__engine_trace(e, false, r->window.data + r->window.end, n);
    r->window.end += n;
    rc = nns__engine_failed(e);
    if (rc != NNS_OK || nns__engine_is_open(e))
        return rc;
    return nns__handshake_receive(e);
}

int nns_engine_recv_eof(nns_engine *e)
{
    int rc;

    if (e == NULL)
        return NNS_ERR_ARGUMENT;
    rc = begin(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc != NNS_OK)
        return rc;
    e->recv.eof = true;
    e->recv.room_lent = 0; /* nothing will come into it */
    return nns__handshake_receive(e);
}

nns_ssize nns_engine_recv(nns_engine *e, const void *src, size_t len)
{
    const uint8_t *from = src;
    size_t moved = 0, room;
    uint8_t *to;
    int rc = e == NULL || (src == NULL && len > 0) ? NNS_ERR_ARGUMENT : NNS_OK;

    while (rc == NNS_OK && moved < len) {
        rc = nns_engine_recv_buf(e, &to, &room);
        if (rc != NNS_OK || room == 0)
            break;
        room = room < len - moved ? room : len - moved;
        memcpy(to, from + moved, room);
        moved += room;
        rc = nns_engine_recv_ack(e, room);
    }
    return rc != NNS_OK ? (nns_ssize)rc : (nns_ssize)moved;
}

/* ---- application side ---- */

int nns_engine_read_buf(nns_engine *e, const uint8_t **ptr, size_t *len)
{
    struct nns__recv_half *r;
    int rc;

    if (e == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    r = &e->recv;
    *ptr = NULL;
    *len = 0;
    rc = begin(e);
    if (rc != NNS_OK)
        return rc;
    if (!has_payload(r)) {
        rc = nns__engine_failed(e);
        if (rc == NNS_OK && nns__engine_is_open(e))
            rc = nns__engine_is_framed(e) ? open_next(e) : pass_through(r);
        if (rc != NNS_OK || !has_payload(r))
            return rc;
    }
    *ptr = r->plain[r->plain_next].data;
    *len = r->plain_lent = r->plain[r->plain_next].size;
    return NNS_OK;
}

int nns_engine_read_ack(nns_engine *e, size_t n)
{
    struct nns__recv_half *r;
    struct nns__plain *first;

    if (e == NULL || n > e->recv.plain_lent)
        return NNS_ERR_ARGUMENT;
    if (nns__engine_owned(e) != NNS_OK)
        return NNS_ERR_FORKED;
    r = &e->recv;
    r->plain_lent = 0;
    if (n == 0)
        return NNS_OK;
    first = &r->plain[r->plain_next];
    first->data += n;
    first->size -= n;
    if (first->size == 0)
        r->plain_next++;
    return NNS_OK;
}

/* As much as was opened; more is opened only if that is nothing: what follows may be another
 * protocol's. */
nns_ssize nns_engine_read(nns_engine *e, void *dst, size_t len)
{
    uint8_t *to = dst;
    const uint8_t *from;
    size_t moved = 0, size;
    int rc;

    if (e == NULL || (dst == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    if (len == 0)
        return 0;
    do {
        rc = nns_engine_read_buf(e, &from, &size);
        if (rc != NNS_OK)
            return rc;
        if (size == 0)
            return is_at_end(e) ? 0 : NNS_WANT_RECV;
        size = size < len - moved ? size : len - moved;
        memcpy(to + moved, from, size);
        moved += size;
        rc = nns_engine_read_ack(e, size);
    } while (rc == NNS_OK && moved < len && has_payload(&e->recv));
    return rc == NNS_OK ? (nns_ssize)moved : rc;
}

int nns_engine_take_rest(nns_engine *e, const uint8_t **ptr, size_t *len)
{
    struct nns__recv_half *r;
    int rc;

    if (e == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    r = &e->recv;
    rc = begin(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc != NNS_OK)
        return rc;
    if (!nns__engine_is_open(e) || has_opened(r) || r->room_lent > 0)
        return NNS_ERR_STATE;
    r->taken = true;
    *len = nns__buffer_used(&r->window);
    *ptr = *len > 0 ? r->window.data + r->window.start : NULL;
    return NNS_OK;
}

void nns__recv_trim(nns_engine *e)
{
    struct nns__recv_half *r = &e->recv;

    if (may_move(r) && !r->taken)
        nns__buffer_trim(&r->window, &e->mem, 0);
    if (e->protection.opener != NULL)
        e->protection.opener->ops->rest(e->protection.opener);
}

void nns__recv_free(nns_engine *e)
{
    nns__buffer_free(&e->recv.window, &e->mem);
}
