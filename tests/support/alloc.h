/* SPDX-License-Identifier: MIT
 *
 * An allocator for tests: it counts what is out, checks the sizes that are given back, and fails
 * the n-th allocation, or all from the n-th on, when told to.
 */
#ifndef NNS_TESTS_ALLOC_H
#define NNS_TESTS_ALLOC_H

#include <nns/result.h>
#include <stdatomic.h>

struct test_alloc {
    atomic_long calls;   /* allocations so far */
    atomic_long fail_at; /* the number (from 1) of the one that fails, 0: none */
    atomic_bool forever; /* all after that one fail, too */
    atomic_long blocks;  /* out now */
    atomic_long bytes;   /* out now */
    atomic_long most;    /* bytes that were out at once */
};

nns_allocator test_allocator(struct test_alloc *counter);

#endif
