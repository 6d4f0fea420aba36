/* SPDX-License-Identifier: MIT
 *
 * The caller's allocator, and a bounded buffer of bytes that are appended at its end and taken
 * from its start. What it held is wiped when it moves or goes. As src/base has it; but this library
 * sees nothing of libnns except its public headers.
 */
#ifndef NNS_NMF_MEMORY_H
#define NNS_NMF_MEMORY_H

#include <nns/result.h>
#include <stdbool.h>

struct nns__nmf_mem {
    void *(*realloc_fn)(void *arg, void *ptr, size_t old_size, size_t new_size);
    void *arg;
};

/* Takes alloc, or malloc where it is NULL. ARGUMENT if the structure is malformed. */
int nns__nmf_mem_init(struct nns__nmf_mem *mem, const nns_allocator *alloc);
void *nns__nmf_alloc(const struct nns__nmf_mem *mem, size_t size); /* zeroed; NULL: no memory */
void nns__nmf_free(const struct nns__nmf_mem *mem, void *ptr, size_t size); /* wipes; NULL is
                                                                               nothing */
char *nns__nmf_strdup(const struct nns__nmf_mem *mem, const char *text);    /* NULL: no memory */
void nns__nmf_strfree(const struct nns__nmf_mem *mem, char *text);          /* NULL is nothing */

struct nns__nmf_buffer {
    uint8_t *data;
    size_t capacity;
    size_t start; /* first byte not yet taken */
    size_t end;   /* one past the last byte appended */
};

static inline size_t nns__nmf_used(const struct nns__nmf_buffer *b)
{
    return b->end - b->start;
}

/* Room for at least want bytes behind end, by moving what is used to the front or by doubling.
 * TOO_LARGE where limit forbids it, NOMEM; nothing changed then. */
int nns__nmf_reserve(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem, size_t want,
                     size_t limit);
int nns__nmf_append(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem, const void *src,
                    size_t size, size_t limit);
void nns__nmf_take(struct nns__nmf_buffer *b, size_t size); /* from the start */
void nns__nmf_buffer_free(struct nns__nmf_buffer *b, const struct nns__nmf_mem *mem);

#endif
