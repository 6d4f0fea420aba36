/* SPDX-License-Identifier: MIT
 *
 * Calls that may block (the mechanism, name look-ups) on a few threads of the library's own. At
 * most 4 run at once in a process and at most 2 with the same key, so that one dead KDC cannot
 * hold all; 64 more may wait, in the order they came. Threads start on demand, with all signals
 * blocked, and end when they had nothing to do for a second: a handshake is several calls, and
 * the next one is not far. A child of fork() starts without threads and without calls. A thread
 * that is stuck is never killed: its call is given up and ends when it ends.
 */
#ifndef NNS_STREAM_WORKER_H
#define NNS_STREAM_WORKER_H

#include "base/mem.h"
#include "stream/wake.h"

#include <stdbool.h>

#define NNS__WORKER_THREADS ((size_t)4)
#define NNS__WORKER_PER_KEY ((size_t)2)
#define NNS__WORKER_QUEUE ((size_t)64)
#define NNS__WORKER_LINGER_S 1

struct nns__call;

/* What a call does: run, which may block; and then, on the same thread, what its owner would do
 * when it woke up, so that nobody has to wait for that: not if the owner has given the call back or
 * kept it for itself, and it must not block. NULL: nothing. */
struct nns__work {
    void (*run)(void *arg);
    void *arg;
    void (*then)(void *owner);
    void *owner;
};

/* Has the work done once on a worker thread; wake is signalled after it, unless the call was given
 * back before. key is copied; NULL: no limit of its own. The caller owns *ret. BUSY (queue full, or
 * no thread to be had), NOMEM: nothing is called. */
int nns__call_start(struct nns__call **ret, const struct nns__mem *mem, const char *key,
                    const struct nns__work *work, struct nns__wake *wake);
/* From here on what comes then is the owner's: it is over or will not be called. NULL is nothing.
 */
void nns__call_keep(struct nns__call *call);
/* True when the work is over; all that it wrote may then be read. The signal may be still to come:
 * who goes on using the wake-up takes it (nns__wake_take()). */
bool nns__call_is_done(const struct nns__call *call);
/* Gives the call back, in any state; NULL is nothing. If run has not begun it is called here and
 * now: arg must know by then that nobody waits for it any more, so that run returns at once. If
 * it is running it goes on, without what comes then, and the call frees itself afterwards. */
void nns__call_release(struct nns__call *call);

/* For tests: the threads that have a call and those that have none, and the calls in the queue. */
void nns__worker_counts(size_t *busy, size_t *idle, size_t *waiting);

#endif
