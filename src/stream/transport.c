/* SPDX-License-Identifier: MIT
 *
 * The transport: sockets, other descriptors, callbacks.
 */
#include "stream/transport.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MOST 5                 /* bytes before a record's body; no data record is that short */
#define DRAIN_MOST ((size_t)262144) /* bytes that a drain forgets; a peer may go on for ever */

void nns__transport_init(struct nns__transport *t)
{
    *t = (struct nns__transport){.recv_fd = -1, .send_fd = -1};
}

/* Tells sockets from other descriptors. */
static int inspect(int fd, bool *is_socket)
{
    struct stat st;
    int type = 0;
    socklen_t size = sizeof(type);

    if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode))
        return NNS_ERR_ARGUMENT;
    *is_socket = S_ISSOCK(st.st_mode);
    if (*is_socket &&
        (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM))
        return NNS_ERR_ARGUMENT;
    return NNS_OK;
}

/* One write is one record: nothing may wait for the acknowledgement of what went before. */
static bool set_nodelay(int fd)
{
    int on = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

int nns__transport_set_fds(struct nns__transport *t, int recv_fd, int send_fd, bool owned)
{
    bool recv_is_socket, send_is_socket;

    if (inspect(recv_fd, &recv_is_socket) != NNS_OK)
        return NNS_ERR_ARGUMENT;
    send_is_socket = recv_is_socket;
    if (send_fd != recv_fd && inspect(send_fd, &send_is_socket) != NNS_OK)
        return NNS_ERR_ARGUMENT;
    t->kind = NNS__DESCRIPTORS;
    t->recv_fd = recv_fd;
    t->send_fd = send_fd;
    t->recv_is_socket = recv_is_socket;
    t->send_is_socket = send_is_socket;
    t->owned = owned;
    t->is_tcp = recv_is_socket && set_nodelay(recv_fd);
    if (send_is_socket && send_fd != recv_fd)
        (void)set_nodelay(send_fd);
    return NNS_OK;
}

int nns__transport_set_io(struct nns__transport *t, const nns_io *io, void *arg)
{
    if (io == NULL || io->size < sizeof(*io) || io->recv_fn == NULL || io->send_fn == NULL)
        return NNS_ERR_ARGUMENT;
    t->kind = NNS__CALLBACKS;
    t->io = *io;
    t->io_arg = arg;
    return NNS_OK;
}

int nns__transport_set_initial(struct nns__transport *t, const struct nns__mem *mem,
                               const void *data, size_t len, size_t limit)
{
    int rc;

    if (len == 0)
        return NNS_OK;
    rc = nns__buffer_reserve(&t->initial, mem, len, limit);
    if (rc != NNS_OK)
        return rc;
    memcpy(t->initial.data + t->initial.end, data, len);
    t->initial.end += len;
    return NNS_OK;
}

/* ---- what a call answers ---- */

static nns_ssize failed(int *os)
{
    *os = errno;
    return NNS_ERR_IO;
}

/* A callback's answer; what is not in the contract is a failure. */
static nns_ssize checked(nns_ssize n, size_t len, int *os)
{
    *os = 0;
    if (n >= 0 && (size_t)n <= len)
        return n;
    switch (n) {
    case NNS_WANT_RECV:
    case NNS_WANT_SEND:
    case NNS_ERR_TIMEOUT:
    case NNS_ERR_CANCELED:
        return n;
    default:
        return NNS_ERR_IO;
    }
}

/* True if fd would do events without waiting, or has an error to tell. */
static bool is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n = poll(&p, 1, 0);

    return n > 0 || (n < 0 && errno != EINTR);
}

/* ---- receiving ---- */

/* A .NET peer sends a record's head (5 bytes in the handshake, then 4) and its body apart and, with
 * its Nagle on, holds the body back until the head is acknowledged. Who has received a head alone
 * has met such a peer. The option does not last, so it is set anew for each wait; it also sends an
 * acknowledgement that was held back until now, so the first head is not too late. */
void nns__transport_await(const struct nns__transport *t)
{
#ifdef TCP_QUICKACK
    int on = 1;

    if (t->is_tcp && t->in_pieces)
        (void)setsockopt(t->recv_fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
#else
    (void)t;
#endif
}

static nns_ssize fd_recv(struct nns__transport *t, void *buf, size_t len, int *os)
{
    ssize_t n;

    if (!t->recv_is_socket && !is_ready(t->recv_fd, POLLIN))
        return NNS_WANT_RECV;
    do {
        n = t->recv_is_socket ? recv(t->recv_fd, buf, len, MSG_DONTWAIT)
                              : read(t->recv_fd, buf, len);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && n <= HEAD_MOST)
        t->in_pieces = true;
    if (n >= 0)
        return n;
    return errno == EAGAIN ? NNS_WANT_RECV : failed(os);
}

static nns_ssize take_initial(struct nns__transport *t, void *buf, size_t len)
{
    size_t used = nns__buffer_used(&t->initial), n = used < len ? used : len;

    memcpy(buf, t->initial.data + t->initial.start, n);
    t->initial.start += n;
    return (nns_ssize)n;
}

nns_ssize nns__transport_recv(struct nns__transport *t, void *buf, size_t len, int *os)
{
    if (nns__buffer_used(&t->initial) > 0)
        return take_initial(t, buf, len);
    if (t->kind == NNS__CALLBACKS)
        return checked(t->io.recv_fn(t->io_arg, buf, len), len, os);
    return fd_recv(t, buf, len, os);
}

/* ---- sending ---- */

static bool sigpipe_is_pending(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* write(2) without its SIGPIPE: the signal is blocked in this thread meanwhile and, if it came
 * from here, taken away before it can be delivered. */
static ssize_t write_quietly(int fd, const void *buf, size_t len)
{
    static const struct timespec at_once = {0};
    sigset_t sigpipe, before;
    bool was_pending;
    ssize_t n;
    int error;

    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    was_pending = sigpipe_is_pending();
    n = write(fd, buf, len);
    error = errno;
    if (n < 0 && error == EPIPE && !was_pending) {
        while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* A pipe that is ready takes PIPE_BUF bytes without blocking, and no more is promised. */
static ssize_t pipe_send(int fd, const void *buf, size_t len)
{
    if (is_ready(fd, POLLOUT))
        return write_quietly(fd, buf, len < PIPE_BUF ? len : PIPE_BUF);
    errno = EAGAIN;
    return -1;
}

static nns_ssize fd_send(const struct nns__transport *t, const void *buf, size_t len, int *os)
{
    ssize_t n;

    do {
        n = t->send_is_socket ? send(t->send_fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                              : pipe_send(t->send_fd, buf, len);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? NNS_WANT_SEND : failed(os);
}

nns_ssize nns__transport_send(struct nns__transport *t, const void *buf, size_t len, int *os)
{
    nns_ssize n;

    if (t->kind == NNS__CALLBACKS) {
        n = checked(t->io.send_fn(t->io_arg, buf, len), len, os);
        return n != 0 ? n : NNS_ERR_IO;
    }
    return fd_send(t, buf, len, os);
}

/* ---- ending ---- */

int nns__transport_shutdown(struct nns__transport *t, int *os)
{
    *os = 0;
    if (t->kind == NNS__CALLBACKS) {
        if (t->io.shutdown_fn == NULL || t->io.shutdown_fn(t->io_arg) >= 0)
            return NNS_OK;
        return NNS_ERR_IO;
    }
    if (t->send_is_socket) {
        /* ENOTCONN: the peer has reset the connection; there is nobody left to tell. */
        if (shutdown(t->send_fd, SHUT_WR) == 0 || errno == ENOTCONN)
            return NNS_OK;
        return (int)failed(os);
    }
    if (t->owned && t->send_fd != t->recv_fd && t->send_fd >= 0) {
        (void)close(t->send_fd);
        t->send_fd = -1;
    }
    return NNS_OK;
}

void nns__transport_drain(struct nns__transport *t)
{
    uint8_t forgotten[4096];
    size_t total = 0;
    ssize_t n = 1;

    while (t->recv_is_socket && n > 0 && total < DRAIN_MOST) {
        n = recv(t->recv_fd, forgotten, sizeof(forgotten), MSG_DONTWAIT);
        total += n > 0 ? (size_t)n : 0;
    }
}

void nns__transport_close(struct nns__transport *t, const struct nns__mem *mem)
{
    nns__buffer_free(&t->initial, mem);
    if (t->owned && t->send_fd >= 0 && t->send_fd != t->recv_fd)
        (void)close(t->send_fd);
    if (t->owned && t->recv_fd >= 0)
        (void)close(t->recv_fd);
    nns__transport_init(t);
}
