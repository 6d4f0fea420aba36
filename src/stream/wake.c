/* SPDX-License-Identifier: MIT
 *
 * The wake-up: an eventfd where there is one, else a pipe.
 */
#include "stream/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

struct nns__wake {
    struct nns__mem mem;
    atomic_int references;
    atomic_bool held;
    int in;  /* to poll and read */
    int out; /* to write; the same descriptor for an eventfd */
};

#ifdef __linux__
static int open_pair(struct nns__wake *w)
{
    w->in = w->out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->in >= 0 ? NNS_OK : NNS_ERR_IO;
}
#else
static int open_pair(struct nns__wake *w)
{
    int fds[2];

    if (pipe(fds) != 0)
        return NNS_ERR_IO;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    w->in = fds[0];
    w->out = fds[1];
    return NNS_OK;
}
#endif

int nns__wake_new(struct nns__wake **ret, const struct nns__mem *mem)
{
    struct nns__wake *w = nns__alloc(mem, sizeof(*w));
    int rc;

    if (w == NULL)
        return NNS_ERR_NOMEM;
    w->mem = *mem;
    atomic_init(&w->references, 1);
    atomic_init(&w->held, false);
    rc = open_pair(w);
    if (rc != NNS_OK) {
        nns__free(mem, w, sizeof(*w));
        return rc;
    }
    *ret = w;
    return NNS_OK;
}

struct nns__wake *nns__wake_ref(struct nns__wake *w)
{
    atomic_fetch_add_explicit(&w->references, 1, memory_order_relaxed);
    return w;
}

void nns__wake_unref(struct nns__wake *w)
{
    struct nns__mem mem;

    if (w == NULL || atomic_fetch_sub_explicit(&w->references, 1, memory_order_acq_rel) != 1)
        return;
    mem = w->mem;
    (void)close(w->in);
    if (w->out != w->in)
        (void)close(w->out);
    nns__free(&mem, w, sizeof(*w));
}

int nns__wake_fd(const struct nns__wake *w)
{
    return w->in;
}

void nns__wake_signal(struct nns__wake *w)
{
    static const uint64_t one = 1; /* what an eventfd takes; for a pipe just bytes */
    int saved = errno;
    ssize_t n;

    do {
        n = write(w->out, &one, sizeof(one));
    } while (n < 0 && errno == EINTR); /* EAGAIN: it is readable as it is */
    errno = saved;
}

void nns__wake_hold(struct nns__wake *w)
{
    if (!atomic_exchange(&w->held, true))
        nns__wake_signal(w);
}

/* True if there was a signal. An eventfd gives all of them at once. */
static bool drain(struct nns__wake *w)
{
    uint64_t bytes[8];
    bool any = false;

    while (read(w->in, bytes, sizeof(bytes)) > 0) {
        any = true;
        if (w->in == w->out)
            break;
    }
    return any;
}

/* Perhaps it is held only now: that signal may just have been eaten. */
static void hold_on(struct nns__wake *w)
{
    if (atomic_load(&w->held))
        nns__wake_signal(w);
}

void nns__wake_clear(struct nns__wake *w)
{
    (void)drain(w);
    hold_on(w);
}

void nns__wake_take(struct nns__wake *w)
{
    struct pollfd p = {.fd = w->in, .events = POLLIN};

    while (!drain(w))
        (void)poll(&p, 1, -1);
    hold_on(w);
}
