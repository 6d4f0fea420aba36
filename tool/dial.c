/* SPDX-License-Identifier: MIT
 *
 * A TCP connection.
 */
#include "dial.h"

#include "link.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Until connected: 0, or errno. */
static int finish(int fd, int64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = 0, n;
    socklen_t length = sizeof(error);

    do
        n = poll(&wait, 1, link_patience(deadline));
    while ((n < 0 && errno == EINTR) || (n == 0 && link_patience(deadline) != 0));
    if (n == 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/* The descriptor, or -1 and errno. */
static int dial_address(const struct addrinfo *a, int64_t deadline)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int error = 0;

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
        error = errno == EINPROGRESS ? finish(fd, deadline) : errno;
    if (error == 0)
        return fd;
    (void)close(fd);
    errno = error;
    return -1;
}

int dial(const char *host, const char *port, int64_t deadline, char *why, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int rc = getaddrinfo(host, port, &hints, &list), fd = -1, error;

    for (struct addrinfo *a = rc == 0 ? list : NULL; a != NULL && fd < 0; a = a->ai_next)
        fd = dial_address(a, deadline);
    error = errno;
    if (fd < 0)
        (void)snprintf(why, size, "connect: %.200s:%s: %s", host, port,
                       rc != 0 ? gai_strerror(rc) : strerror(error));
    if (rc != 0)
        return NNS_ERR_RESOLVE;
    freeaddrinfo(list);
    if (fd >= 0)
        return fd;
    return error == ETIMEDOUT ? NNS_ERR_TIMEOUT : NNS_ERR_IO;
}
