/* SPDX-License-Identifier: MIT
 *
 * A bounded byte buffer: bytes are appended at end and taken from start. It grows by doubling as
 * bytes arrive, never with what a peer announces, and never past the limit it is given. What it
 * held is wiped when it moves or goes. It does not know who has borrowed a part of it: its owner
 * must not let it move then.
 */
#ifndef NNS_BASE_BUFFER_H
#define NNS_BASE_BUFFER_H

#include "base/mem.h"

struct nns__buffer {
    uint8_t *data;
    size_t capacity;
    size_t start; /* first byte not yet taken */
    size_t end;   /* one past the last byte appended */
};

static inline size_t nns__buffer_used(const struct nns__buffer *b)
{
    return b->end - b->start;
}

static inline size_t nns__buffer_room(const struct nns__buffer *b)
{
    return b->capacity - b->end;
}

/* Makes room for at least want bytes behind end by moving what is used to the front and, if that
 * is not enough, by growing. NOMEM, or TOO_LARGE when limit forbids it; nothing changed then. */
int nns__buffer_reserve(struct nns__buffer *b, const struct nns__mem *mem, size_t want,
                        size_t limit);
void nns__buffer_compact(struct nns__buffer *b); /* moves used to the front */
void nns__buffer_free(struct nns__buffer *b, const struct nns__mem *mem); /* wipes; reusable */

#endif
