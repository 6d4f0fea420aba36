/* SPDX-License-Identifier: MIT
 *
 * The race between addresses: non-blocking connects side by side, and one poll.
 */
#include "stream/race.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ATTEMPTS 8     /* addresses tried at the same time */
#define HEAD_START 250 /* milliseconds before the next address is tried beside the last */

struct race {
    nns_stream *s;
    const struct addrinfo *next; /* the next address to try, or NULL */
    int64_t next_at;             /* when, while others are under way */
    size_t count;                /* attempts under way */
    struct pollfd fds[ATTEMPTS];
    const struct addrinfo *address[ATTEMPTS];
    struct nns__failure failure; /* of the address that failed last */
};

/* ---- one attempt ---- */

static void note_failure(struct race *r, const struct addrinfo *ai, int error)
{
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    bool v6 = ai->ai_family == AF_INET6;

    (void)getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)nns__fail(&r->failure, NNS_ERR_IO, NNS__STATUS_NONE, "connect: %s%.100s%s:%s: %s",
                    v6 ? "[" : "", host, v6 ? "]" : "", port, strerror(error));
    r->failure.os = error;
}

/* Starts the next address. A connected socket, or -1: it goes on, or failed. */
static int start_next(struct race *r)
{
    const struct addrinfo *ai = r->next;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);

    r->next = ai->ai_next;
    r->next_at = nns__deadline_after(&r->s->time, HEAD_START);
    if (fd < 0) {
        note_failure(r, ai, errno);
        return -1;
    }
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS || errno == EINTR) {
        r->fds[r->count] = (struct pollfd){.fd = fd, .events = POLLOUT};
        r->address[r->count++] = ai;
        return -1;
    }
    note_failure(r, ai, errno);
    (void)close(fd);
    return -1;
}

/* The attempt has ended: its socket, or -1 if it failed; it is off the list. */
static int end_attempt(struct race *r, size_t i)
{
    const struct addrinfo *ai = r->address[i];
    int fd = r->fds[i].fd, error = 0;
    socklen_t size = sizeof(error);

    r->count--;
    r->fds[i] = r->fds[r->count];
    r->address[i] = r->address[r->count];
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0)
        return fd;
    note_failure(r, ai, error);
    (void)close(fd);
    r->next_at = 0;
    return -1;
}

/* ---- the race ---- */

/* Looks at what poll reported. A connected socket, or -1. */
static int collect(struct race *r)
{
    int fd = -1;

    for (size_t i = r->count; i > 0 && fd < 0; i--) {
        if (r->fds[i - 1].revents != 0)
            fd = end_attempt(r, i - 1);
    }
    return fd;
}

static bool is_time_for_next(const struct race *r)
{
    if (r->next == NULL || r->count == ATTEMPTS)
        return false;
    return r->count == 0 || nns__deadline_left(&r->s->time, r->next_at) == 0;
}

/* Waits until an attempt ends or the next may start. NNS_OK: look again. */
static int await(struct race *r, int64_t deadline)
{
    struct pollfd fds[ATTEMPTS + 1];
    const struct nns__time *time = &r->s->time;
    int64_t until = r->next != NULL && r->count < ATTEMPTS
                        ? nns__deadline_sooner(deadline, r->next_at)
                        : deadline;
    int n;

    memcpy(fds, r->fds, r->count * sizeof(fds[0]));
    fds[r->count] = (struct pollfd){.fd = nns__wake_fd(r->s->wake), .events = POLLIN};
    n = time->wait(time->arg, fds, r->count + 1, nns__deadline_left(time, until));
    if (n < 0 && errno != EINTR)
        return nns__stream_fail(r->s, NNS_ERR_IO, errno);
    for (size_t i = 0; i < r->count; i++)
        r->fds[i].revents = (short)(n > 0 ? fds[i].revents : 0);
    if (n > 0 && fds[r->count].revents != 0)
        nns__wake_clear(r->s->wake);
    return NNS_OK;
}

static int fail_late(struct race *r)
{
    struct nns__failure f;

    if (r->failure.code == NNS_OK)
        (void)nns__fail(&f, NNS_ERR_TIMEOUT, NNS__STATUS_NONE, "connect: timed out");
    else
        (void)nns__fail(&f, NNS_ERR_TIMEOUT, NNS__STATUS_NONE, "%s; the rest timed out",
                        r->failure.message);
    return nns__stream_fail_text(r->s, &f);
}

/* One turn. A connected socket in *fd, or -1. */
static int turn(struct race *r, int64_t deadline, int *fd)
{
    int rc = nns__stream_check_canceled(r->s);

    if (rc != NNS_OK)
        return rc;
    if (nns__deadline_left(&r->s->time, deadline) == 0)
        return fail_late(r);
    if (is_time_for_next(r)) {
        *fd = start_next(r);
        return NNS_OK;
    }
    if (r->count == 0)
        return nns__stream_fail_text(r->s, &r->failure);
    rc = await(r, deadline);
    if (rc == NNS_OK)
        *fd = collect(r);
    return rc;
}

int nns__race(nns_stream *s, const struct addrinfo *list, int64_t deadline, int *ret)
{
    struct race r = {.s = s, .next = list};
    int fd = -1, rc = NNS_OK;

    while (rc == NNS_OK && fd < 0)
        rc = turn(&r, deadline, &fd);
    while (r.count > 0)
        (void)close(r.fds[--r.count].fd);
    if (rc == NNS_OK)
        *ret = fd;
    return rc;
}
