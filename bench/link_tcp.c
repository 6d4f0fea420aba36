/* SPDX-License-Identifier: MIT
 *
 * Plain TCP: a write is a send(), a read is a recv(); "awake", the read looks for a moment before
 * it sleeps, as a stream of libnns does that waits for an answer.
 */
#include "common.h"
#include "link.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKS 64

struct link {
    int fd;
};

static int looks; /* before a read sleeps */

static void tcp_prepare(bool server, const char *engine)
{
    (void)server;
    looks = engine != NULL && strcmp(engine, "awake") == 0 ? LOOKS : 0;
}

static void *tcp_open(int fd)
{
    struct link *link = zeros(sizeof(*link));

    link->fd = fd;
    return link;
}

static void tcp_write(void *arg, const void *data, size_t size)
{
    const struct link *link = arg;
    size_t sent = 0;

    while (sent < size) {
        ssize_t n = send(link->fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL);

        if (n < 0)
            die("send: %s", strerror(errno));
        sent += (size_t)n;
    }
}

static size_t tcp_read(void *arg, void *data, size_t size)
{
    const struct link *link = arg;
    ssize_t n = -1;

    for (int i = 0; i < looks && n < 0; i++) {
        n = recv(link->fd, data, size, MSG_DONTWAIT);
        if (n < 0)
            (void)sched_yield();
    }
    if (n < 0)
        n = recv(link->fd, data, size, 0);
    if (n < 0)
        die("recv: %s", strerror(errno));
    return (size_t)n;
}

static void tcp_half_close(void *arg)
{
    const struct link *link = arg;

    (void)shutdown(link->fd, SHUT_WR);
}

static const char *tcp_engine(const void *arg)
{
    (void)arg;
    return "none";
}

static void tcp_close(void *arg)
{
    struct link *link = arg;

    (void)close(link->fd);
    free(link);
}

const struct kind kind_tcp = {"tcp",    tcp_prepare,    tcp_open,   tcp_write,
                              tcp_read, tcp_half_close, tcp_engine, tcp_close};
