/* SPDX-License-Identifier: MIT
 *
 * The framing of a connection, as one who looks on sees it.
 */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MOST ((size_t)1 << 20)

void wire_init(struct wire *w, bool is_client, size_t data_kept, wire_unit_fn unit, void *arg)
{
    *w = (struct wire){.is_client = is_client, .data_kept = data_kept, .unit = unit, .arg = arg};
}

/* ---- bytes of a record ---- */

/* Room for at least size bytes. */
static bool reserve(struct wire_half *h, size_t size)
{
    size_t room = h->room > 0 ? h->room : 256;
    uint8_t *moved;

    if (size <= h->room)
        return true;
    while (room < size)
        room *= 2;
    moved = realloc(h->bytes, room);
    if (moved == NULL)
        return false;
    h->bytes = moved;
    moved = realloc(h->known, room);
    if (moved == NULL)
        return false;
    h->known = moved;
    h->room = room;
    return true;
}

static bool append(struct wire_half *h, struct span s)
{
    if (s.size == 0)
        return true;
    if (!reserve(h, h->used + s.size))
        return false;
    memcpy(h->bytes + h->used, s.bytes, s.size);
    if (s.known != NULL)
        memcpy(h->known + h->used, s.known, s.size);
    else
        memset(h->known + h->used, 1, s.size);
    h->used += s.size;
    return true;
}

static struct span stored(const struct wire_half *h)
{
    return (struct span){h->bytes, h->known, h->used};
}

/* ---- units ---- */

static void emit_record(struct wire *w, bool outgoing)
{
    struct wire_half *h = &w->half[outgoing];
    struct wire_unit unit = {.kind = h->data ? WIRE_DATA : WIRE_HANDSHAKE,
                             .outgoing = outgoing,
                             .first = !h->begun,
                             .head = stored(h),
                             .present = h->present,
                             .total = h->total > h->present ? h->total : h->present};

    h->begun = true;
    w->unit(w->arg, &unit);
    h->used = h->present = h->total = 0;
}

static void emit_bytes(struct wire *w, bool outgoing, enum wire_kind kind, struct span s)
{
    struct wire_half *h = &w->half[outgoing];
    struct wire_unit unit = {.kind = kind,
                             .outgoing = outgoing,
                             .first = !h->begun,
                             .head = s,
                             .present = s.size,
                             .total = s.size};

    h->begun = true;
    w->unit(w->arg, &unit);
}

/* ---- records ---- */

/* The size of the record whose header is stored; 0: its bytes were left out. */
static size_t record_size(const struct wire_half *h)
{
    const uint8_t *p = h->bytes;

    if (p == NULL || !span_is_known(stored(h)))
        return 0;
    if (!h->data)
        return WIRE_HANDSHAKE_HEADER + ((size_t)p[3] << 8 | p[4]);
    return WIRE_DATA_HEADER +
           ((size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24);
}

static bool is_legal(const struct wire_half *h)
{
    if (!h->data)
        return h->total > 0;
    return h->total >= WIRE_DATA_HEADER + WIRE_DATA_LEAST &&
           h->total <= WIRE_DATA_HEADER + WIRE_DATA_MOST;
}

static void end_record(struct wire *w, bool outgoing)
{
    struct wire_half *h = &w->half[outgoing];

    if (!h->data && h->bytes != NULL && h->bytes[0] == WIRE_DONE)
        h->done = true;
    emit_record(w, outgoing);
}

/* Takes what belongs to the current record off *s. */
static bool take_record(struct wire *w, bool outgoing, struct span *s)
{
    struct wire_half *h = &w->half[outgoing];
    size_t header = h->data ? WIRE_DATA_HEADER : WIRE_HANDSHAKE_HEADER;
    size_t want = (h->total > 0 ? h->total : header) - h->present;
    size_t most = h->data && h->total > 0 ? w->data_kept : SIZE_MAX;
    struct span taken = span_first(*s, want);

    if (!append(h, span_first(taken, most > h->used ? most - h->used : 0)))
        return false;
    h->present += taken.size;
    *s = span_from(*s, taken.size);
    if (h->total == 0 && h->present == header) {
        h->total = record_size(h);
        if (!is_legal(h)) {
            emit_record(w, outgoing);
            h->lost = true;
            return true;
        }
    }
    if (h->present == h->total)
        end_record(w, outgoing);
    return true;
}

/* ---- the streams ---- */

/* Bytes that begin no handshake record; TLS shares two of the three ids and shows its version. */
static bool is_foreign(struct span s)
{
    const uint8_t *p = s.bytes;

    if (!span_is_known(span_first(s, 1)))
        return true;
    if (p[0] < WIRE_DONE || p[0] > WIRE_IN_PROGRESS)
        return true;
    if (s.size <= WIRE_HANDSHAKE_HEADER ||
        !span_is_known(span_first(s, WIRE_HANDSHAKE_HEADER + 1)) || p[1] != 3)
        return false;
    if (p[0] == WIRE_ERROR)
        return p[3] == 0 && p[4] == 2;
    return p[0] == WIRE_IN_PROGRESS && p[5] != 0x60 && p[5] != 0xa1 && p[5] != 'N';
}

/* A client's version record, or what a server may begin with: fault, upgrade response, or the
 * preamble's acknowledgement. */
bool wire_is_framing(struct span s)
{
    struct span opening = span_first(s, 3);
    const uint8_t *p = s.bytes;

    if (!span_is_known(span_first(s, 1)))
        return false;
    if (p[0] == 0x08 || p[0] == 0x0a || p[0] == 0x0b)
        return true;
    return opening.size == 3 && span_is_known(opening) && p[0] == 0 && p[1] == 1 && p[2] == 0;
}

/* The server's Done is the last handshake record; a client's Done is the client's last. */
static bool handshake_is_over(const struct wire *w, bool outgoing)
{
    return w->half[outgoing].done || w->half[!w->is_client].done;
}

static bool hold(struct wire *w, bool outgoing, struct span s)
{
    struct wire_half *h = &w->half[outgoing];

    if (h->used + s.size > HELD_MOST) {
        h->lost = true;
        emit_bytes(w, outgoing, WIRE_LOST, stored(h));
        emit_bytes(w, outgoing, WIRE_LOST, s);
        h->used = 0;
        return true;
    }
    return append(h, s);
}

bool wire_feed(struct wire *w, bool outgoing, struct span s)
{
    struct wire_half *h = &w->half[outgoing];
    bool ok = true;

    while (ok && s.size > 0) {
        bool in_record = h->present > 0, over = handshake_is_over(w, outgoing);
        size_t all = s.size;

        if (!in_record && !h->begun && is_foreign(s))
            h->foreign = true;
        if (in_record || (!h->lost && !h->foreign && (!over || w->level == WIRE_LEVEL_RECORDS))) {
            h->data = in_record ? h->data : over;
            ok = take_record(w, outgoing, &s);
            continue;
        }
        if (h->lost || h->foreign)
            emit_bytes(w, outgoing, h->foreign ? WIRE_FOREIGN : WIRE_LOST, s);
        else if (w->level == WIRE_LEVEL_NONE)
            emit_bytes(w, outgoing, WIRE_RAW, s);
        else
            ok = hold(w, outgoing, s);
        s = span_from(s, all);
    }
    return ok;
}

bool wire_set_level(struct wire *w, enum wire_level level)
{
    bool ok = true;

    w->level = level;
    for (int outgoing = 0; outgoing < 2; outgoing++) {
        struct wire_half *h = &w->half[outgoing], held = *h;

        if (h->present > 0 || h->used == 0)
            continue;
        h->bytes = h->known = NULL;
        h->used = h->room = 0;
        ok = wire_feed(w, outgoing, stored(&held)) && ok;
        free(held.bytes);
        free(held.known);
    }
    return ok;
}

void wire_end(struct wire *w)
{
    for (int outgoing = 0; outgoing < 2; outgoing++) {
        struct wire_half *h = &w->half[outgoing];

        if (h->present > 0)
            emit_record(w, outgoing);
        else if (h->used > 0)
            emit_bytes(w, outgoing, WIRE_LOST, stored(h));
    }
    wire_free(w);
}

void wire_free(struct wire *w)
{
    for (int outgoing = 0; outgoing < 2; outgoing++) {
        free(w->half[outgoing].bytes);
        free(w->half[outgoing].known);
        w->half[outgoing] = (struct wire_half){0};
    }
}
