/* SPDX-License-Identifier: MIT
 *
 * The mark stands in a page that the kernel clears in a child (MADV_WIPEONFORK, Linux 4.14), also
 * after a clone() that runs no handler of pthread_atfork(). Where that cannot be had such a handler
 * clears it. The child takes the number after its parent's when it first needs one; the count
 * itself is copied by a fork like any other memory. A child of vfork() shares all memory with its
 * parent and looks like it: it may do nothing but exec anyway.
 */
#include "base/process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint count; /* the last mark given, here or in the processes before */
static atomic_uint without_page;
static _Atomic(atomic_uint *) current = &without_page; /* 0: no mark yet */

static void clear_in_child(void)
{
    atomic_store(&without_page, 0);
}

/* A page that is zero again in a child, or NULL. */
static atomic_uint *map_page(void)
{
    void *page = MAP_FAILED;
#ifdef MADV_WIPEONFORK
    long size = sysconf(_SC_PAGESIZE);

    if (size > 0)
        page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, (size_t)size, MADV_WIPEONFORK) != 0) {
        (void)munmap(page, (size_t)size);
        page = MAP_FAILED;
    }
#endif
    return page != MAP_FAILED ? page : NULL;
}

static void prepare(void)
{
    atomic_uint *page = map_page();

    if (page != NULL)
        atomic_store(&current, page);
    else
        (void)pthread_atfork(NULL, NULL, clear_in_child);
}

uint32_t nns__process_mark(void)
{
    atomic_uint *mark;
    unsigned none = 0, mine;

    (void)pthread_once(&once, prepare);
    mark = atomic_load_explicit(&current, memory_order_acquire);
    mine = atomic_load_explicit(mark, memory_order_relaxed);
    if (mine != 0)
        return mine;
    mine = atomic_fetch_add(&count, 1) + 1;
    return atomic_compare_exchange_strong(mark, &none, mine) ? mine : none;
}

bool nns__process_is(uint32_t mark)
{
    return atomic_load_explicit(atomic_load_explicit(&current, memory_order_acquire),
                                memory_order_relaxed) == mark;
}
