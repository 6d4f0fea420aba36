/* SPDX-License-Identifier: MIT
 *
 * Deadlines on the system's monotonic clock.
 */
#include "stream/deadline.h"

#include <limits.h>
#include <stddef.h>
#include <time.h>

static int64_t system_now_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_now(void *arg)
{
    (void)arg;
    return system_now_us() / 1000;
}

static int64_t system_wall(void *arg)
{
    struct timespec now = {0};

    (void)arg;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int system_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    (void)arg;
    return poll(fds, count, timeout_ms);
}

const struct nns__time nns__time_system = {
    .now = system_now, .wait = system_wait, .arg = NULL, .wall = system_wall};

int64_t nns__deadline_after(const struct nns__time *t, int64_t ms)
{
    return ms == 0 ? NNS__NEVER : t->now(t->arg) + ms;
}

int nns__deadline_left(const struct nns__time *t, int64_t deadline)
{
    int64_t left;

    if (deadline == NNS__NEVER)
        return -1;
    left = deadline - t->now(t->arg);
    if (left <= 0)
        return 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}

int64_t nns__time_us(const struct nns__time *t)
{
    return t->now == system_now ? system_now_us() : t->now(t->arg) * 1000;
}
