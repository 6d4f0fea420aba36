/* SPDX-License-Identifier: MIT
 *
 * Plain TCP: a write is a send(), a read is a recv().
 */
#include "common.h"
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
    int fd;
};

static void tcp_prepare(bool server, const char *engine)
{
    (void)server;
    (void)engine;
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
    ssize_t n = recv(link->fd, data, size, 0);

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
