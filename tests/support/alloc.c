/* SPDX-License-Identifier: MIT
 *
 * The counting, failing allocator. Each block carries its size in front.
 */
#include "support/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define FRONT ((size_t)16)

static bool is_failing(struct test_alloc *a)
{
    long call = atomic_fetch_add(&a->calls, 1) + 1, fail_at = atomic_load(&a->fail_at);

    return call == fail_at || (fail_at != 0 && call > fail_at && atomic_load(&a->forever));
}

static void count_bytes(struct test_alloc *a, long more)
{
    long now = atomic_fetch_add(&a->bytes, more) + more, most = atomic_load(&a->most);

    while (now > most && !atomic_compare_exchange_weak(&a->most, &most, now))
        ;
}

static void *test_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    struct test_alloc *a = arg;
    char *block = ptr;

    if (block != NULL && *(size_t *)(void *)(block - FRONT) != old_size) {
        (void)fprintf(stderr, "free: a block of %zu bytes is given back as %zu\n",
                      *(size_t *)(void *)(block - FRONT), old_size);
        abort();
    }
    if (new_size == 0) {
        if (block == NULL)
            return NULL;
        atomic_fetch_sub(&a->blocks, 1);
        count_bytes(a, -(long)old_size);
        free(block - FRONT);
        return NULL;
    }
    if (is_failing(a))
        return NULL;
    block = realloc(block != NULL ? block - FRONT : NULL, new_size + FRONT);
    if (block == NULL)
        return NULL;
    *(size_t *)(void *)block = new_size;
    atomic_fetch_add(&a->blocks, ptr == NULL ? 1 : 0);
    count_bytes(a, (long)new_size - (long)old_size);
    return block + FRONT;
}

nns_allocator test_allocator(struct test_alloc *counter)
{
    return (nns_allocator){
        .size = sizeof(nns_allocator), .realloc_fn = test_realloc, .arg = counter};
}
