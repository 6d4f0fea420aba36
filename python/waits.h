/* SPDX-License-Identifier: MIT
 *
 * Reading and writing of the synchronous face, compiled into the binding: a non-blocking stream's
 * calls and the waits between them in one piece, without Python's lock. The waits are here and not
 * in the library because Python has wishes of its own: a signal must come through to its handler
 * (Ctrl-C), and a time-out of the socket ends the wait but not the connection.
 */
#ifndef LIBNNS_WAITS_H
#define LIBNNS_WAITS_H

#include <errno.h>
#include <nns/nns.h>
#include <poll.h>
#include <time.h>

/* Answers beside those of the library, none of which has these numbers. */
/* cdef */
#define LIBNNS_TIMED_OUT -10
#define LIBNNS_INTERRUPTED -11

struct libnns_wait {
    int fd;
    int wake_fd;        /* the stream's own: it was canceled, or its other side has failed */
    int64_t until_ns;   /* of the monotonic clock; below 0: for ever */
    int32_t longest_ms; /* then the stream is asked again, for it has deadlines too; -1: none */
};

nns_ssize libnns_read(nns_stream *s, void *dst, size_t len, const struct libnns_wait *w);
int libnns_write(nns_stream *s, const uint8_t *src, size_t len, size_t *done,
                 const struct libnns_wait *w);
int libnns_shutdown(nns_stream *s, const struct libnns_wait *w);
/* end */

static int libnns_left_ms(const struct libnns_wait *w)
{
    struct timespec now;
    int64_t left;

    if (w->until_ns < 0)
        return w->longest_ms;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    left = w->until_ns - (int64_t)now.tv_sec * 1000000000 - now.tv_nsec;
    left = left > 0 ? (left + 999999) / 1000000 : 0;
    if (w->longest_ms >= 0 && w->longest_ms < left)
        left = w->longest_ms;
    return left < 86400000 ? (int)left : 86400000;
}

/* Waits for what the want code asks for. 0: ask the stream again. *wake_fd becomes -1 where its
 * call has been followed. */
static int libnns_pause(const struct libnns_wait *w, int want, int *wake_fd)
{
    struct pollfd fds[2] = {{w->fd, want == NNS_WANT_SEND ? POLLOUT : POLLIN, 0},
                            {*wake_fd, POLLIN, 0}};
    int left = libnns_left_ms(w), n;

    if (left == 0)
        return LIBNNS_TIMED_OUT;
    n = poll(fds, 2, left);
    if (n < 0)
        return errno == EINTR ? LIBNNS_INTERRUPTED : 0;
    if (n > 0 && fds[1].revents != 0)
        *wake_fd = -1;
    return 0;
}

static int libnns_is_want(nns_ssize n)
{
    return n == NNS_WANT_RECV || n == NNS_WANT_SEND;
}

/* As nns_stream_read(), or TIMED_OUT, or INTERRUPTED: call again. */
nns_ssize libnns_read(nns_stream *s, void *dst, size_t len, const struct libnns_wait *w)
{
    int rc = 0, wake_fd = w->wake_fd;
    nns_ssize n = nns_stream_read(s, dst, len);

    while (libnns_is_want(n)) {
        rc = libnns_pause(w, (int)n, &wake_fd);
        if (rc != 0)
            return rc;
        n = nns_stream_read(s, dst, len);
    }
    return n;
}

/* Writes and flushes all of src from *done on, which it moves on: 0, an error of the library,
 * TIMED_OUT, or INTERRUPTED: call again. */
int libnns_write(nns_stream *s, const uint8_t *src, size_t len, size_t *done,
                 const struct libnns_wait *w)
{
    int rc = 0, wake_fd = w->wake_fd;

    while (rc == 0) {
        nns_ssize n =
            *done < len ? nns_stream_write(s, src + *done, len - *done) : nns_stream_flush(s);

        if (n > 0)
            *done += (size_t)n;
        else if (libnns_is_want(n))
            rc = libnns_pause(w, (int)n, &wake_fd);
        else
            return (int)n;
    }
    return rc;
}

/* As nns_stream_shutdown(), or TIMED_OUT, or INTERRUPTED: call again. */
int libnns_shutdown(nns_stream *s, const struct libnns_wait *w)
{
    int rc = 0, wake_fd = w->wake_fd, n = nns_stream_shutdown(s);

    while (rc == 0 && libnns_is_want(n)) {
        rc = libnns_pause(w, n, &wake_fd);
        if (rc == 0)
            n = nns_stream_shutdown(s);
    }
    return rc != 0 ? rc : n;
}

#endif
