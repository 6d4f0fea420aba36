/* SPDX-License-Identifier: MIT
 *
 * Looks for secrets in all memory that this process can write, what was freed too.
 */
#ifndef NNS_TESTS_MEMORY_H
#define NNS_TESTS_MEMORY_H

#include <stddef.h>

/* Inverts each bit, so that a secret to look for is not found where it is remembered. */
void memory_invert(void *bytes, size_t size);
/* How often it occurs that is the inverse of these bytes. */
size_t memory_find_inverted(const void *bytes, size_t size);

#endif
