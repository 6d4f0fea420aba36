/* SPDX-License-Identifier: MIT
 *
 * The bounded byte buffer.
 */
#include "base/buffer.h"

#include <string.h>

#define FIRST_CAPACITY ((size_t)4096)

void nns__buffer_compact(struct nns__buffer *b)
{
    size_t used = nns__buffer_used(b);

    if (b->start == 0 || b->data == NULL)
        return;
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

int nns__buffer_reserve(struct nns__buffer *b, const struct nns__mem *mem, size_t want,
                        size_t limit)
{
    size_t used = nns__buffer_used(b), size;
    uint8_t *moved;

    if (nns__buffer_room(b) >= want && b->data != NULL)
        return NNS_OK;
    if (used > limit || want > limit - used)
        return NNS_ERR_TOO_LARGE;
    nns__buffer_compact(b);
    if (b->capacity >= used + want && b->data != NULL)
        return NNS_OK;
    size = grown(b->capacity, used + want, limit);
    moved = nns__realloc_wiped(mem, b->data, b->capacity, size);
    if (moved == NULL)
        return NNS_ERR_NOMEM;
    b->data = moved;
    b->capacity = size;
    return NNS_OK;
}

void nns__buffer_free(struct nns__buffer *b, const struct nns__mem *mem)
{
    nns__free_wiped(mem, b->data, b->capacity);
    *b = (struct nns__buffer){0};
}
