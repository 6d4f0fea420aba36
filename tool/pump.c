/* SPDX-License-Identifier: MIT
 *
 * Bytes both ways.
 */
#include "pump.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What one read takes at most, and what a pipe is made to hold: 16 full records, which are sealed
 * and sent together, and less than what anybody may ask for (1 MiB). */
#define CHUNK ((size_t)16 * 64512)

enum receiving {
    RECEIVING_GOES_ON,
    RECEIVING_ENDED, /* the peer's end */
    RECEIVING_FAILED
};

/* What the two threads share. */
struct flow {
    const struct pump *p;
    int wake; /* eventfd: receiving has changed */
    _Atomic(enum receiving) receiving;
    /* The sending thread's, until it is joined. */
    uint64_t sent;
    int input_error; /* errno */
};

/* The other end of a pipe may then write as much as is moved at once. Nothing else has a size, and
 * a pipe may keep its own: that is no reason to fail. */
static void widen(int fd)
{
#ifdef F_SETPIPE_SZ
    (void)fcntl(fd, F_SETPIPE_SZ, (int)CHUNK);
#else
    (void)fd;
#endif
}

/* ---- from the input to the peer ---- */

/* Waits for input. False: no more is to be sent. */
static bool wait_for_input(struct flow *f)
{
    for (;;) {
        enum receiving receiving = atomic_load(&f->receiving);
        bool stay = receiving == RECEIVING_ENDED && f->p->to_end_of_input;
        struct pollfd fds[2] = {{.fd = f->p->in, .events = POLLIN},
                                {.fd = stay ? -1 : f->wake, .events = POLLIN}};
        int n = poll(fds, 2, stay ? f->p->idle_ms : -1);

        if (n == 0) {
            (void)nns_engine_fail(nns_stream_engine(f->p->stream), NNS_ERR_TIMEOUT, 0);
            return false;
        }
        if (fds[0].revents != 0 || (n < 0 && errno != EINTR))
            return true; /* read() will tell */
        if (n > 0 && (atomic_load(&f->receiving) == RECEIVING_FAILED || !f->p->to_end_of_input))
            return false;
    }
}

static void send_all(struct flow *f, char *chunk)
{
    nns_ssize sent = 0;
    ssize_t n = 0;

    while (sent >= 0 && wait_for_input(f)) {
        n = read(f->p->in, chunk, CHUNK);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            n = 0;
            continue;
        }
        if (n <= 0)
            break;
        sent = nns_stream_write(f->p->stream, chunk, (size_t)n);
        if (sent > 0)
            f->sent += (uint64_t)sent;
    }
    if (n < 0)
        f->input_error = errno;
}

static void *send_input(void *arg)
{
    struct flow *f = arg;
    char *chunk = malloc(CHUNK);

    if (chunk != NULL)
        send_all(f, chunk);
    else
        f->input_error = ENOMEM;
    free(chunk);
    (void)close(f->p->in);
    /* An error is the stream's; the receiving side meets it too. */
    if (f->input_error == 0)
        (void)!nns_stream_shutdown(f->p->stream);
    else
        nns_stream_cancel(f->p->stream);
    return NULL;
}

/* ---- from the peer to the output ---- */

static int write_all(int fd, const void *from, size_t size)
{
    const char *bytes = from;

    while (size > 0) {
        ssize_t n = write(fd, bytes, size);

        if (n < 0 && errno == EAGAIN) { /* somebody else made it non-blocking */
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Until the peer's end: 0, or errno of the output. */
static int receive_all(const struct pump *p, struct traffic *t, char *chunk)
{
    int out = p->out, error = 0, closing;
    nns_ssize n;

    while (error == 0 && (n = nns_stream_read(p->stream, chunk, CHUNK)) > 0) {
        t->in += (uint64_t)n;
        if (out < 0)
            continue;
        error = write_all(out, chunk, (size_t)n);
        if (error != 0 && p->may_drop) {
            (void)close(out);
            out = -1;
            error = 0;
        }
    }
    closing = out >= 0 && close(out) != 0 ? errno : 0;
    return error != 0 ? error : closing;
}

static int receive_output(const struct pump *p, struct traffic *t)
{
    char *chunk = malloc(CHUNK);
    int error = ENOMEM;

    if (chunk != NULL)
        error = receive_all(p, t, chunk);
    else
        (void)close(p->out);
    free(chunk);
    return error;
}

/* ---- both ---- */

static void end_receiving(struct flow *f, bool failed)
{
    atomic_store(&f->receiving, failed ? RECEIVING_FAILED : RECEIVING_ENDED);
    (void)eventfd_write(f->wake, 1);
}

static int run(struct flow *f, struct traffic *t)
{
    const struct pump *p = f->p;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, send_input, f);

    if (error != 0) {
        (void)close(p->in);
        (void)close(p->out);
        return event_failed_here(p->peer, "thread", error, t);
    }
    error = receive_output(p, t);
    if (error != 0)
        nns_stream_cancel(p->stream);
    end_receiving(f, error != 0 || nns_stream_error(p->stream) != NULL);
    (void)pthread_join(thread, NULL);
    t->out += f->sent;
    if (f->input_error != 0)
        return event_failed_here(p->peer, p->in_name, f->input_error, t);
    if (error != 0)
        return event_failed_here(p->peer, p->out_name, error, t);
    return STATUS_DONE;
}

int pump_run(const struct pump *p, struct traffic *t)
{
    struct flow flow = {.p = p, .wake = eventfd(0, EFD_CLOEXEC)};
    int status;

    if (flow.wake < 0) {
        status = event_failed_here(p->peer, "eventfd", errno, t);
        (void)close(p->in);
        (void)close(p->out);
        return status;
    }
    widen(p->in);
    widen(p->out);
    atomic_init(&flow.receiving, RECEIVING_GOES_ON);
    status = run(&flow, t);
    (void)close(flow.wake);
    return status;
}

/* Moves a standard descriptor out of the way: its copy, or -1 and errno. */
static int take(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), null;

    if (copy < 0)
        return -1;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, fd);
    (void)close(null);
    return copy;
}

bool pump_take_stdio(int *in, int *out)
{
    int error;

    *in = take(STDIN_FILENO);
    *out = *in >= 0 ? take(STDOUT_FILENO) : -1;
    if (*out >= 0)
        return true;
    error = errno;
    (void)close(*in);
    errno = error;
    return false;
}

int pump_run_stdio(struct pump *p, struct traffic *t)
{
    p->in_name = "standard input";
    p->out_name = "standard output";
    if (pump_take_stdio(&p->in, &p->out))
        return pump_run(p, t);
    return event_failed_here(p->peer, "standard input and output", errno, t);
}
