/* SPDX-License-Identifier: MIT
 *
 * Mechanism calls on threads of their own.
 */
#include "step.h"

#include "link.h"
#include "thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CALLS_MOST 64 /* at once */

/* What the waiting thread and the calling one share; the later of them frees it. */
struct call {
    nns_job *job;
    int done; /* eventfd */
    atomic_int holders;
};

static atomic_int calls;

static void release(struct call *c)
{
    if (atomic_fetch_sub(&c->holders, 1) > 1)
        return;
    (void)close(c->done);
    free(c);
}

static void *call_main(void *arg)
{
    struct call *c = arg;

    nns_job_run(c->job);
    (void)eventfd_write(c->done, 1);
    (void)atomic_fetch_sub(&calls, 1);
    release(c);
    return NULL;
}

/* NULL: there are too many, or the system has no more to give. */
static struct call *start(nns_job *job)
{
    struct call *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    *c = (struct call){.job = job, .done = eventfd(0, EFD_CLOEXEC)};
    atomic_init(&c->holders, 2);
    if (atomic_fetch_add(&calls, 1) < CALLS_MOST && c->done >= 0 && thread_start(call_main, c))
        return c;
    (void)atomic_fetch_sub(&calls, 1);
    (void)close(c->done);
    free(c);
    return NULL;
}

/* False: the time was over first. */
static bool run_apart(nns_job *job, int64_t deadline)
{
    struct call *c = start(job);
    struct pollfd done;

    if (c == NULL) {
        nns_job_run(job);
        return true;
    }
    done = (struct pollfd){.fd = c->done, .events = POLLIN};
    while (poll(&done, 1, link_patience(deadline)) <= 0 && link_patience(deadline) != 0)
        continue;
    release(c);
    return done.revents != 0;
}

void step(nns_nmf *n, bool apart, int64_t deadline)
{
    nns_engine *e = nns_nmf_engine(n);
    nns_job *job;

    if (nns_engine_take_job(e, &job) != NNS_OK)
        return;
    if (apart && !run_apart(job, deadline)) {
        (void)nns_nmf_fail(n, NNS_ERR_TIMEOUT, 0);
        nns_job_abandon(job);
        return;
    }
    if (!apart)
        nns_job_run(job);
    (void)!nns_engine_finish_job(e, job);
}
