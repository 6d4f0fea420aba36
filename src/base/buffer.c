/* SPDX-License-Identifier: MIT
 *
 * The bounded byte buffer.
 */
#include "base/buffer.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)4096)
#define LEAN_MOST 8u /* fillings that used little, before it halves */

void nns__buffer_compact(struct nns__buffer *b)
{
    size_t used = nns__buffer_used(b);

    if (b->start == 0 || b->data == NULL)
        return;
    nns__buffer_soil(b, b->end);
    memmove(b->data, b->data + b->start, used);
    b->start = 0;
    b->end = used;
}

/* The smallest doubling of the present capacity that holds need bytes, cut to limit. */
static size_t grown(size_t capacity, size_t need, size_t limit)
{
    size_t size = capacity < FIRST_CAPACITY ? FIRST_CAPACITY : capacity;

    while (size < need)
        size *= 2;
    return size < limit ? size : limit;
}

/* Moves what is used to the front of a block of this size, which holds it. */
static int resize(struct nns__buffer *b, const struct nns__mem *mem, size_t capacity)
{
    size_t used = nns__buffer_used(b);
    uint8_t *block = mem->realloc_fn(mem->arg, NULL, 0, capacity);

    if (block == NULL)
        return NNS_ERR_NOMEM;
    if (b->data != NULL)
        memcpy(block, b->data + b->start, used);
    nns__buffer_free(b, mem);
    *b = (struct nns__buffer){.data = block, .capacity = capacity, .end = used};
    return NNS_OK;
}

int nns__buffer_reserve(struct nns__buffer *b, const struct nns__mem *mem, size_t want,
                        size_t limit)
{
    size_t used = nns__buffer_used(b);

    if (nns__buffer_room(b) >= want && b->data != NULL)
        return NNS_OK;
    if (used > limit || want > limit - used)
        return NNS_ERR_TOO_LARGE;
    if (b->capacity < used + want || b->data == NULL)
        return resize(b, mem, grown(b->capacity, used + want, limit));
    nns__buffer_compact(b);
    return NNS_OK;
}

void nns__buffer_restart(struct nns__buffer *b, const struct nns__mem *mem)
{
    bool lean = b->end < b->capacity / 4 && b->capacity > FIRST_CAPACITY;

    if (b->end == 0)
        return;
    nns__buffer_soil(b, b->end);
    b->start = b->end = 0;
    b->lean = lean ? b->lean + 1 : 0;
    if (b->lean >= LEAN_MOST && resize(b, mem, b->capacity / 2) != NNS_OK)
        b->lean = 0;
}

void nns__buffer_trim(struct nns__buffer *b, const struct nns__mem *mem, size_t room)
{
    size_t used = nns__buffer_used(b), need = grown(0, used + room, b->capacity);

    if (used == 0)
        nns__buffer_free(b, mem);
    else if (need < b->capacity)
        (void)resize(b, mem, need); /* without memory it stays */
}

void nns__buffer_free(struct nns__buffer *b, const struct nns__mem *mem)
{
    nns__buffer_soil(b, b->end);
    nns__wipe(b->data, b->dirty);
    nns__free(mem, b->data, b->capacity);
    *b = (struct nns__buffer){0};
}
