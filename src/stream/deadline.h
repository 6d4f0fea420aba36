/* SPDX-License-Identifier: MIT
 *
 * Deadlines on a monotonic clock, and waiting for descriptors. Both stand behind function
 * pointers, so that a test can own the time: nothing in this folder asks for the time or waits in
 * any other way. A deadline is a point in time, never a duration that starts anew.
 */
#ifndef NNS_STREAM_DEADLINE_H
#define NNS_STREAM_DEADLINE_H

#include <poll.h>
#include <stdint.h>

struct nns__time {
    int64_t (*now)(void *arg); /* milliseconds since some point, never backwards */
    int (*wait)(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms); /* as poll(2) */
    void *arg;
    int64_t (*wall)(void *arg); /* milliseconds since 1970, for times of day that a peer names */
};

extern const struct nns__time nns__time_system;

#define NNS__NEVER INT64_MAX

/* The deadline in ms milliseconds from now; 0 is NNS__NEVER. */
int64_t nns__deadline_after(const struct nns__time *t, int64_t ms);
/* For poll(2): milliseconds that are left, 0 when it has passed, -1 for NNS__NEVER. */
int nns__deadline_left(const struct nns__time *t, int64_t deadline);

/* Microseconds since some point, for measuring; of a test's clock whole milliseconds. */
int64_t nns__time_us(const struct nns__time *t);

static inline int64_t nns__deadline_sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
