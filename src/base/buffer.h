/* SPDX-License-Identifier: MIT
 *
 * A bounded byte buffer: bytes are appended at end and taken from start. It grows by doubling as
 * bytes arrive, never with what a peer announces, and never past the limit it is given; it halves
 * when a few fillings in a row used less than a quarter. What it held is wiped when it moves or
 * goes, and nothing else is: a large buffer that saw a hundred bytes costs a hundred. It does not
 * know who has borrowed a part of it: its owner must not let it move then.
 */
#ifndef NNS_BASE_BUFFER_H
#define NNS_BASE_BUFFER_H

#include "base/mem.h"

struct nns__buffer {
    uint8_t *data;
    size_t capacity;
    size_t start;  /* first byte not yet taken */
    size_t end;    /* one past the last byte appended */
    size_t dirty;  /* no byte from here on has been written to; see nns__buffer_soil() */
    unsigned lean; /* fillings in a row that used little */
};

static inline size_t nns__buffer_used(const struct nns__buffer *b)
{
    return b->end - b->start;
}

static inline size_t nns__buffer_room(const struct nns__buffer *b)
{
    return b->capacity - b->end;
}

/* Notes that bytes up to here may have been written. Appending needs no note: end says it. */
static inline void nns__buffer_soil(struct nns__buffer *b, size_t to)
{
    if (to > b->dirty)
        b->dirty = to;
}

/* Makes room for at least want bytes behind end by moving what is used to the front and, if that
 * is not enough, by growing. NOMEM, or TOO_LARGE when limit forbids it; nothing changed then. */
int nns__buffer_reserve(struct nns__buffer *b, const struct nns__mem *mem, size_t want,
                        size_t limit);
void nns__buffer_compact(struct nns__buffer *b); /* moves used to the front */
/* All was taken: begins anew at the front. Where the buffer was larger than needed for some time,
 * halves it (without memory for that it stays). */
void nns__buffer_restart(struct nns__buffer *b, const struct nns__mem *mem);
/* Gives back what is not needed for what is used and room, which there must be, behind it; all if
 * nothing is used. */
void nns__buffer_trim(struct nns__buffer *b, const struct nns__mem *mem, size_t room);
void nns__buffer_free(struct nns__buffer *b, const struct nns__mem *mem); /* wipes; reusable */

#endif
