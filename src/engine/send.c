/* SPDX-License-Identifier: MIT
 *
 * The send half: plaintext in, wire bytes out. One buffer holds both: behind the bytes that wait
 * for the transport stand slots, each laid out as one record, and the application writes straight
 * into a slot's data area; send_buf() seals all slots in place, one behind the other. It never
 * touches the receive half.
 */
#include "engine/engine_internal.h"

#include "frame/data_record.h"
#include "frame/handshake_record.h"

#include <string.h>

#define USEFUL_ROOM                                                                                \
    ((size_t)4096) /* a new record is not begun in less, unless nothing else waits */

/* Bytes of a slot before and behind its data area. */
static size_t slot_lead(const nns_engine *e)
{
    return nns__engine_is_framed(e) ? NNS__RECORD_HEADER + e->protection.sealer->head : 0;
}

static size_t slot_tail(const nns_engine *e)
{
    return nns__engine_is_framed(e) ? e->protection.sealer->tail : 0;
}

static size_t slot_stride(const nns_engine *e)
{
    return slot_lead(e) + NNS__RECORD_PLAIN + slot_tail(e);
}

/* How large the queue may become: whole batches of full records, if the limit has room for one. */
static size_t queue_limit(const nns_engine *e)
{
    size_t limit = nns__engine_buffer_limit(e), batch = NNS__BATCH * slot_stride(e);

    return limit < batch ? limit : limit - limit % batch;
}

/* Plaintext in the slot that is being filled. */
static size_t slot_used(const nns_engine *e)
{
    return nns__engine_is_framed(e) ? e->send.staged % NNS__RECORD_PLAIN : e->send.staged;
}

/* How much the present slot could take in all the buffer's room, borrowed or not. */
static size_t slot_room(const nns_engine *e)
{
    const struct nns__send_half *s = &e->send;
    size_t room = nns__buffer_room(&s->out), used = slot_used(e);
    size_t around = slot_tail(e) + (used == 0 ? slot_lead(e) : 0);
    size_t most = nns__engine_is_framed(e) ? NNS__RECORD_PLAIN - used : room;

    if (room <= around)
        return 0;
    return room - around < most ? room - around : most;
}

static bool may_move(const struct nns__send_half *s)
{
    return s->sealed_lent == 0 && s->slot_lent == 0;
}

/* Gets up to want bytes of room in the present slot, as far as the limit allows. A new record is
 * not squeezed into the last few bytes of a queue that others wait in. */
static int make_room(nns_engine *e, size_t want)
{
    struct nns__send_half *s = &e->send;
    size_t used = slot_used(e), around = slot_tail(e) + (used == 0 ? slot_lead(e) : 0);
    int rc;

    if (nns__engine_is_framed(e) && want > NNS__RECORD_PLAIN - used)
        want = NNS__RECORD_PLAIN - used;
    if (slot_room(e) >= want || !may_move(s))
        return NNS_OK;
    rc = nns__buffer_reserve(&s->out, &e->mem, around + want, e->send.allowed);
    if (rc == NNS_ERR_TOO_LARGE &&
        nns__buffer_used(&s->out) + around + USEFUL_ROOM <= e->send.allowed)
        rc = nns__buffer_reserve(&s->out, &e->mem, e->send.allowed - nns__buffer_used(&s->out),
                                 e->send.allowed);
    if (slot_room(e) < want)
        s->refused = true;
    return rc == NNS_ERR_NOMEM ? nns__engine_fail_memory(e) : NNS_OK;
}

/* What the next write may have, in bytes; 0: none, something must go out first. */
static size_t lendable(const nns_engine *e, size_t want)
{
    size_t room = slot_room(e);
    bool is_new = nns__engine_is_framed(e) && slot_used(e) == 0;

    if (is_new && room < want && room < USEFUL_ROOM && nns__buffer_used(&e->send.out) > 0)
        return 0;
    return room;
}

static bool is_writable(const nns_engine *e)
{
    const struct nns__send_half *s = &e->send;

    if (!nns__engine_is_open(e) || s->closed || nns__engine_failed(e) != NNS_OK ||
        nns__buffer_used(&s->later) > 0)
        return false;
    if (lendable(e, NNS__RECORD_PLAIN) > 0)
        return true;
    return may_move(s) &&
           nns__buffer_used(&s->out) + slot_lead(e) + slot_tail(e) + USEFUL_ROOM <= e->send.allowed;
}

uint32_t nns__send_bits(const nns_engine *e)
{
    const struct nns__send_half *s = &e->send;
    bool failed = nns__engine_failed(e) != NNS_OK;
    uint32_t bits = 0;

    if (e->handshake.job != NULL)
        return 0;
    if (s->sealed > 0 || (s->staged > 0 && !failed))
        bits |= NNS_STATE_WANT_SEND;
    else if (s->closed && !failed)
        bits |= NNS_STATE_SEND_EOF;
    if (is_writable(e))
        bits |= NNS_STATE_CAN_WRITE;
    return bits;
}

/* A peer may answer before its record is acknowledged here: a lent region must not move then. */
int nns__send_handshake(nns_engine *e, uint8_t id, const uint8_t *payload, size_t size)
{
    struct nns__send_half *s = &e->send;
    bool must_wait = s->sealed_lent > 0 || nns__buffer_used(&s->later) > 0;
    struct nns__buffer *to = must_wait ? &s->later : &s->out;
    size_t record = NNS__HANDSHAKE_HEADER + size;
    int rc;

    if (size > NNS__HANDSHAKE_PAYLOAD)
        return NNS_ERR_TOO_LARGE;
    rc = nns__buffer_reserve(to, &e->mem, record, e->send.allowed);
    if (rc != NNS_OK)
        return rc;
    nns__handshake_header_encode(to->data + to->end, id, size);
    if (size > 0)
        memcpy(to->data + to->end + NNS__HANDSHAKE_HEADER, payload, size);
    to->end += record;
    if (!must_wait)
        s->sealed += record;
    return NNS_OK;
}

/* Queues what had to wait while out was lent, once there is room for it. */
static int queue_later(nns_engine *e)
{
    struct nns__send_half *s = &e->send;
    size_t size = nns__buffer_used(&s->later);
    int rc;

    if (size == 0)
        return NNS_OK;
    rc = nns__buffer_reserve(&s->out, &e->mem, size, e->send.allowed);
    if (rc != NNS_OK)
        return rc == NNS_ERR_NOMEM ? nns__engine_fail_memory(e) : NNS_OK;
    memcpy(s->out.data + s->out.end, s->later.data + s->later.start, size);
    s->out.end += size;
    s->sealed += size;
    nns__buffer_free(&s->later, &e->mem);
    return NNS_OK;
}

/* ---- application side ---- */

static int begin_write(const nns_engine *e)
{
    int rc = nns__engine_usable(e);

    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc == NNS_OK && (!nns__engine_is_open(e) || e->send.closed))
        rc = NNS_ERR_STATE;
    return rc;
}

/* Lends the data area of the present slot, with want bytes if that can be had. */
static int lend_slot(nns_engine *e, size_t want, uint8_t **ptr, size_t *len)
{
    struct nns__send_half *s = &e->send;
    size_t lead = slot_used(e) == 0 ? slot_lead(e) : 0;
    int rc = begin_write(e);

    *ptr = NULL;
    *len = 0;
    if (rc != NNS_OK || nns__buffer_used(&s->later) > 0)
        return rc;
    rc = make_room(e, want);
    if (rc != NNS_OK)
        return rc;
    s->slot_lent = lendable(e, want);
    if (s->slot_lent == 0)
        return NNS_OK;
    *ptr = s->out.data + s->out.end + lead;
    *len = s->slot_lent;
    return NNS_OK;
}

int nns_engine_write_buf(nns_engine *e, uint8_t **ptr, size_t *len)
{
    int rc;

    if (e == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    rc = lend_slot(e, NNS__RECORD_PLAIN, ptr, len);
    if (*len > 0) /* plaintext may stand in all of it, whatever is acknowledged */
        nns__buffer_soil(&e->send.out, (size_t)(*ptr - e->send.out.data) + *len);
    return rc;
}

int nns_engine_write_ack(nns_engine *e, size_t n)
{
    struct nns__send_half *s;
    int rc;

    if (e == NULL || n > e->send.slot_lent)
        return NNS_ERR_ARGUMENT;
    rc = begin_write(e);
    if (rc != NNS_OK)
        return rc;
    s = &e->send;
    s->slot_lent = 0;
    if (n == 0)
        return NNS_OK;
    s->out.end += n + (slot_used(e) == 0 ? slot_lead(e) : 0);
    s->staged += n;
    if (slot_used(e) == 0)
        s->out.end += slot_tail(e); /* the slot is full */
    return NNS_OK;
}

nns_ssize nns_engine_write(nns_engine *e, const void *src, size_t len)
{
    const uint8_t *from = src;
    size_t moved = 0, room;
    uint8_t *to;
    int rc;

    if (e == NULL || (src == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    rc = begin_write(e);
    while (rc == NNS_OK && moved < len) {
        rc = lend_slot(e, len - moved, &to, &room);
        if (rc != NNS_OK || room == 0)
            break;
        room = room < len - moved ? room : len - moved;
        /* The other half may fail before it is acknowledged. */
        nns__buffer_soil(&e->send.out, (size_t)(to - e->send.out.data) + room);
        memcpy(to, from + moved, room);
        moved += room;
        rc = nns_engine_write_ack(e, room);
    }
    if (rc != NNS_OK)
        return rc;
    return moved == 0 && len > 0 ? (nns_ssize)NNS_WANT_SEND : (nns_ssize)moved;
}

int nns_engine_close(nns_engine *e)
{
    int rc;

    if (e == NULL)
        return NNS_ERR_ARGUMENT;
    rc = nns__engine_usable(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc == NNS_OK && !nns__engine_is_open(e))
        rc = NNS_ERR_STATE;
    if (rc == NNS_OK)
        e->send.closed = true;
    return rc;
}

/* ---- wire side ---- */

/* Forgets the plaintext that was not sealed. */
static void drop_staged(struct nns__send_half *s)
{
    size_t keep = s->out.start + s->sealed;

    if (s->out.end > keep)
        nns__wipe(s->out.data + keep, s->out.end - keep);
    s->out.end = keep;
    s->staged = 0;
    s->slot_lent = 0;
}

static int seal_staged(nns_engine *e)
{
    struct nns__send_half *s = &e->send;
    struct nns__sealer *sealer = e->protection.sealer;
    size_t count = (s->staged + NNS__RECORD_PLAIN - 1) / NNS__RECORD_PLAIN;
    size_t stride = slot_stride(e);
    struct nns__failure f;
    nns_ssize size;

    nns__buffer_soil(&s->out, s->out.end); /* the records will be shorter than the slots */
    size = sealer->ops->seal(sealer, s->out.data + s->out.start + s->sealed, stride, count,
                             NNS__RECORD_PLAIN, s->staged - (count - 1) * NNS__RECORD_PLAIN, &f);
    if (size < 0) {
        drop_staged(s);
        return nns__engine_fail(e, &f);
    }
    s->sealed += (size_t)size;
    s->out.end = s->out.start + s->sealed;
    s->staged = 0;
    return NNS_OK;
}

int nns_engine_send_buf(nns_engine *e, const uint8_t **ptr, size_t *len)
{
    struct nns__send_half *s;
    int rc, failed;

    if (e == NULL || ptr == NULL || len == NULL)
        return NNS_ERR_ARGUMENT;
    s = &e->send;
    *ptr = NULL;
    *len = 0;
    rc = nns__engine_usable(e);
    if (rc != NNS_OK)
        return rc;
    s->slot_lent = 0;
    failed = nns__engine_failed(e);
    if (failed != NNS_OK)
        drop_staged(s);
    else if (s->staged > 0 && nns__engine_is_framed(e))
        failed = seal_staged(e);
    else
        s->sealed += s->staged;
    if (failed == NNS_OK)
        s->staged = 0;
    if (s->sealed == 0)
        return failed;
    *ptr = s->out.data + s->out.start;
    *len = s->sealed_lent = s->sealed;
    return NNS_OK;
}

/* The queue has been emptied. If it was too small for the writer it may become larger next time: a
 * peer that takes nothing makes nothing grow. */
static void end_cycle(nns_engine *e)
{
    struct nns__send_half *s = &e->send;
    size_t capacity = s->out.capacity, limit = queue_limit(e);
    size_t twice = 2 * s->allowed - 2 * s->allowed % slot_stride(e);

    if (s->refused && s->allowed < limit)
        s->allowed = twice < limit ? twice : limit;
    s->refused = false;
    nns__buffer_restart(&s->out, &e->mem);
    if (s->out.capacity < capacity)
        s->allowed = s->out.capacity < NNS__BUFFER_BASE ? NNS__BUFFER_BASE : s->out.capacity;
}

int nns_engine_send_ack(nns_engine *e, size_t n)
{
    struct nns__send_half *s;

    if (e == NULL || n > e->send.sealed_lent)
        return NNS_ERR_ARGUMENT;
    if (nns__engine_owned(e) != NNS_OK)
        return NNS_ERR_FORKED;
    s = &e->send;
    s->sealed_lent = 0;
    if (n > 0)
        nns__engine_trace(e, true, s->out.data + s->out.start, n);
    s->sealed -= n;
    s->out.start += n;
    if (nns__buffer_used(&s->out) == 0 && s->slot_lent == 0)
        end_cycle(e);
    return queue_later(e);
}

nns_ssize nns_engine_send(nns_engine *e, void *dst, size_t len)
{
    const uint8_t *from;
    size_t size;
    int rc;

    if (e == NULL || (dst == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    rc = nns_engine_send_buf(e, &from, &size);
    if (rc != NNS_OK)
        return rc;
    size = size < len ? size : len;
    if (size > 0)
        memcpy(dst, from, size);
    rc = nns_engine_send_ack(e, size);
    return rc == NNS_OK ? (nns_ssize)size : rc;
}

void nns__send_free(nns_engine *e)
{
    nns__buffer_free(&e->send.out, &e->mem);
    nns__buffer_free(&e->send.later, &e->mem);
}

/* ---- both halves ---- */

void nns__send_trim(nns_engine *e)
{
    struct nns__send_half *s = &e->send;

    if (may_move(s)) /* a record that is being filled is sealed in its room */
        nns__buffer_trim(&s->out, &e->mem, slot_used(e) > 0 ? slot_tail(e) : 0);
    if (s->out.capacity == 0)
        s->allowed = NNS__BUFFER_BASE;
    if (e->protection.sealer != NULL)
        e->protection.sealer->ops->rest(e->protection.sealer);
}

void nns_engine_trim(nns_engine *e)
{
    if (e == NULL)
        return;
    nns__recv_trim(e);
    nns__send_trim(e);
}
