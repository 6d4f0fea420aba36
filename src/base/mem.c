/* SPDX-License-Identifier: MIT
 *
 * Memory behind the caller's allocator. Never aborts: no memory is an answer like any other.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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

int nns__mem_init(struct nns__mem *mem, const nns_allocator *alloc)
{
    if (alloc == NULL) {
        mem->realloc_fn = malloc_realloc;
        mem->arg = NULL;
        return NNS_OK;
    }
    if (alloc->size < sizeof(*alloc) || alloc->realloc_fn == NULL)
        return NNS_ERR_ARGUMENT;
    mem->realloc_fn = alloc->realloc_fn;
    mem->arg = alloc->arg;
    return NNS_OK;
}

void *nns__alloc(const struct nns__mem *mem, size_t size)
{
    void *ptr = mem->realloc_fn(mem->arg, NULL, 0, size);

    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void nns__free(const struct nns__mem *mem, void *ptr, size_t size)
{
    if (ptr != NULL)
        mem->realloc_fn(mem->arg, ptr, size, 0);
}

void nns__free_wiped(const struct nns__mem *mem, void *ptr, size_t size)
{
    nns__wipe(ptr, size);
    nns__free(mem, ptr, size);
}

char *nns__strdup(const struct nns__mem *mem, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem->realloc_fn(mem->arg, NULL, 0, size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void nns__strfree(const struct nns__mem *mem, char *text)
{
    if (text != NULL)
        nns__free(mem, text, strlen(text) + 1);
}

void nns__wipe(void *ptr, size_t size)
{
    if (ptr != NULL)
        explicit_bzero(ptr, size);
}
