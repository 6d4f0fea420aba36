/* SPDX-License-Identifier: MIT
 *
 * Memory and the bounded buffer.
 */
#include "nmf/memory.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)1024)

static void *malloc_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    (void)arg;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

int nns__nmf_mem_init(struct nns__nmf_mem *mem, const nns_allocator *alloc)
{
    *mem = (struct nns__nmf_mem){.realloc_fn = malloc_realloc};
    if (alloc == NULL)
        return NNS_OK;
    if (alloc->size < sizeof(*alloc) || alloc->realloc_fn == NULL)
        return NNS_ERR_ARGUMENT;
    *mem = (struct nns__nmf_mem){.realloc_fn = alloc->realloc_fn, .arg = alloc->arg};
    return NNS_OK;
}

void *nns__nmf_alloc(const struct nns__nmf_mem *mem, size_t size)
{
    void *ptr = mem->realloc_fn(mem->arg, NULL, 0, size);

    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void nns__nmf_free(const struct nns__nmf_mem *mem, void *ptr, size_t size)
{
    if (ptr == NULL)
        return;
    explicit_bzero(ptr, size);
    mem->realloc_fn(mem->arg, ptr, size, 0);
}

char *nns__nmf_strdup(const struct nns__nmf_mem *mem, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem->realloc_fn(mem->arg, NULL, 0, size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void nns__nmf_strfree(const struct nns__nmf_mem *mem, char *text)
{
    if (text != NULL)
        nns__nmf_free(mem, text, strlen(text) + 1);
}

static void to_front(struct nns__nmf_buffer *b)
{
    size_t used = nns__nmf_used(b);

    if (b->start == 0)
        return;
    memmove(b->data, b->data + b->start, used);
    b->start = 0;
    b->end = used;
}

int nns__nmf_reserve(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem, size_t want,
                     size_t limit)
{
    size_t used = nns__nmf_used(b), size = FIRST_CAPACITY;
    uint8_t *moved;

    if (b->capacity - b->end >= want)
        return NNS_OK;
    if (used > limit || want > limit - used)
        return NNS_ERR_TOO_LARGE;
    /* A move to the front makes at least as much room as it moves, or a slow taker would have all
     * moved for every few bytes; where it cannot grow, its user must see to that. */
    if (b->capacity - used >= want && (used <= b->capacity / 2 || b->capacity >= limit)) {
        to_front(b);
        return NNS_OK;
    }
    while (size < used + want || size <= b->capacity)
        size *= 2;
    size = size < limit ? size : limit;
    moved = nns__nmf_alloc(mem, size);
    if (moved == NULL)
        return NNS_ERR_NOMEM;
    if (used > 0)
        memcpy(moved, b->data + b->start, used);
    nns__nmf_free(mem, b->data, b->capacity);
    *b = (struct nns__nmf_buffer){.data = moved, .capacity = size, .end = used};
    return NNS_OK;
}

int nns__nmf_append(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem, const void *src,
                    size_t size, size_t limit)
{
    int rc = size > 0 ? nns__nmf_reserve(b, mem, size, limit) : NNS_OK;

    if (rc != NNS_OK || size == 0)
        return rc;
    memcpy(b->data + b->end, src, size);
    b->end += size;
    return NNS_OK;
}

void nns__nmf_take(struct nns__nmf_buffer *b, size_t size)
{
    b->start += size;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void nns__nmf_buffer_free(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem)
{
    nns__nmf_free(mem, b->data, b->capacity);
    *b = (struct nns__nmf_buffer){0};
}
