/* SPDX-License-Identifier: MIT
 *
 * Looking for a moment before sleeping.
 */
#include "stream/spin.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define LOOKS 64       /* for one wait; each takes most of a microsecond */
#define MOMENT_US 100  /* no longer than that: a yield to a busy thread takes a time slice */
#define LOST_MOST 4u   /* in a row: then it does not pay */
#define LOOK_AGAIN 64u /* one wait in so many finds out whether it would pay by now */

static atomic_int spinners;

/* Those that the process may use. */
static long processors(void)
{
#ifdef CPU_COUNT
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
        return CPU_COUNT(&allowed);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* How many may look at once: half of the processors, counted once. */
static int spinners_most(void)
{
    static atomic_int most = -1;
    int n = atomic_load_explicit(&most, memory_order_relaxed);

    if (n < 0) {
        n = (int)(processors() / 2);
        atomic_store_explicit(&most, n, memory_order_relaxed);
    }
    return n;
}

/* True if a processor is left for it. */
static bool begin(void)
{
    if (atomic_fetch_add_explicit(&spinners, 1, memory_order_relaxed) < spinners_most())
        return true;
    atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
    return false;
}

static void end(void)
{
    atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
}

static bool is_worth_it(struct nns__spin *spin)
{
    return spin->lost < LOST_MOST || ++spin->idle % LOOK_AGAIN == 0;
}

int nns__spin(struct nns__spin *spin, const struct nns__time *time, struct pollfd *fds,
              nfds_t count)
{
    int64_t until;
    int n = 0;

    if (!is_worth_it(spin) || !begin())
        return 0;
    until = nns__time_us(time) + MOMENT_US;
    for (int i = 0; i < LOOKS && n == 0 && nns__time_us(time) < until; i++) {
        n = time->wait(time->arg, fds, count, 0);
        if (n == 0)
            (void)sched_yield(); /* whoever has to answer may be waiting for this processor */
    }
    end();
    if (n > 0)
        spin->lost = 0;
    else if (spin->lost < LOST_MOST)
        spin->lost++;
    return n;
}
