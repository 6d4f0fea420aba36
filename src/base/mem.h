/* SPDX-License-Identifier: MIT
 *
 * Memory: the caller's allocator behind four functions, and wiping. Every object of the library
 * holds a copy of its configuration's allocator. Sizes are given back on free, so that secrets
 * can be wiped whole.
 */
#ifndef NNS_BASE_MEM_H
#define NNS_BASE_MEM_H

#include <nns/result.h>

struct nns__mem {
    void *(*realloc_fn)(void *arg, void *ptr, size_t old_size, size_t new_size);
    void *arg;
};

/* Takes alloc, or malloc where it is NULL. ARGUMENT if the structure is malformed. */
int nns__mem_init(struct nns__mem *mem, const nns_allocator *alloc);

void *nns__alloc(const struct nns__mem *mem, size_t size);          /* zeroed; NULL: no memory */
void nns__free(const struct nns__mem *mem, void *ptr, size_t size); /* NULL is nothing */
void nns__free_wiped(const struct nns__mem *mem, void *ptr, size_t size); /* NULL is nothing */

/* A copy of a string; nns__strfree() needs that its length did not change. */
char *nns__strdup(const struct nns__mem *mem, const char *text); /* NULL: no memory */
void nns__strfree(const struct nns__mem *mem, char *text);       /* NULL is nothing */

void nns__wipe(void *ptr, size_t size); /* never optimised away; NULL is nothing */

#endif
