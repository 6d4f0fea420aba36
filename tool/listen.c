/* SPDX-License-Identifier: MIT
 *
 * nns listen --echo: one thread for each connection, up to --max-connections; a connection beyond
 * that is closed at once. It ends with a signal.
 */
#include "listen.h"

#include "report.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK ((size_t)64512)          /* one full record */
#define STACK_SIZE ((size_t)256 << 10) /* of a connection's thread */

struct server {
    const struct options *options;
    nns_config *cfg;
    atomic_int connections;
};

struct connection {
    struct server *server;
    int fd;
    char peer[80]; /* HOST:PORT */
};

/* "HOST:PORT" in numbers, "[V6]:PORT". */
static void print_address(char *to, size_t size, const struct sockaddr *address, socklen_t length)
{
    char host[64], port[8];

    if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        (void)snprintf(to, size, "unknown");
    else if (strchr(host, ':') != NULL)
        (void)snprintf(to, size, "[%s]:%s", host, port);
    else
        (void)snprintf(to, size, "%s:%s", host, port);
}

/* ---- a connection ---- */

static void say_authenticated(const struct connection *c, nns_stream *stream)
{
    const nns_engine *e = nns_stream_engine(stream);

    if (!c->server->options->quiet)
        report_event("%s %s authenticated using %s (%s)", c->peer, nns_engine_peer_name(e),
                     nns_engine_mechanism(e), protection_name(nns_engine_protection(e)));
}

static void echo(nns_stream *stream)
{
    char *chunk = malloc(CHUNK);
    nns_ssize n = NNS_ERR_NOMEM;

    while (chunk != NULL && (n = nns_stream_read(stream, chunk, CHUNK)) > 0) {
        if (nns_stream_write(stream, chunk, (size_t)n) < 0)
            break;
    }
    if (n == 0)
        (void)!nns_stream_shutdown(stream);
    free(chunk);
}

static void serve(const struct connection *c, nns_stream *stream)
{
    if (nns_stream_handshake(stream) == NNS_OK) {
        say_authenticated(c, stream);
        echo(stream);
    }
    if (nns_stream_error(stream) != NULL)
        (void)report_error(c->peer, nns_stream_error(stream));
    else if (c->server->options->verbose)
        report_event("%s ended", c->peer);
}

static void *connection_main(void *arg)
{
    struct connection *c = arg;
    nns_stream *stream = NULL;
    int rc = nns_stream_new(&stream, c->server->cfg, NNS_SERVER);

    if (rc == NNS_OK)
        rc = nns_stream_set_fd(stream, c->fd, c->fd, NNS_FD_CLOSE);
    if (rc == NNS_OK) {
        serve(c, stream);
    } else {
        report_event("%s %s", c->peer, nns_strerror(rc));
        (void)close(c->fd);
    }
    nns_stream_free(stream);
    atomic_fetch_sub(&c->server->connections, 1);
    free(c);
    return NULL;
}

static bool start_thread(struct connection *c)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&thread, &attr, connection_main, c);
    (void)pthread_attr_destroy(&attr);
    return rc == 0;
}

/* ---- the listener ---- */

static void refuse(int fd, const char *peer, const char *why)
{
    report_event("%s refused: %s", peer, why);
    (void)close(fd);
}

static void admit(struct server *server, int fd, const struct sockaddr *address, socklen_t length)
{
    struct connection *c = calloc(1, sizeof(*c));
    char peer[80];

    print_address(peer, sizeof(peer), address, length);
    if (c == NULL) {
        refuse(fd, peer, "out of memory");
        return;
    }
    c->server = server;
    c->fd = fd;
    memcpy(c->peer, peer, sizeof(peer));
    if (atomic_fetch_add(&server->connections, 1) >= server->options->max_connections)
        refuse(fd, peer, "the limit of connections is reached");
    else if (!start_thread(c))
        refuse(fd, peer, "no thread to be had");
    else
        return;
    atomic_fetch_sub(&server->connections, 1);
    free(c);
}

/* An accept() that fails for want of descriptors or memory is tried again when there may be some.
 */
static bool is_passing(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EAGAIN:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        report_line("accept: %s", strerror(error));
        (void)poll(NULL, 0, 100);
        return true;
    default:
        return false;
    }
}

static int accept_for_ever(struct server *server, int listener)
{
    struct sockaddr_storage address;

    for (;;) {
        socklen_t length = sizeof(address);
        int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);

        if (fd >= 0) {
            admit(server, fd, (struct sockaddr *)&address, length);
        } else if (!is_passing(errno)) {
            report_line("accept: %s", strerror(errno));
            return STATUS_IO;
        }
    }
}

/* A listening socket on one address, or -1 and errno. */
static int listen_on(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    int on = 1, off = 0, error;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* The first address that can be had; without a host, IPv6 (which takes IPv4 too) goes first. */
static int open_listener(const struct options *o)
{
    struct addrinfo hints = {.ai_family = o->host == NULL ? AF_INET6 : AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1, rc = getaddrinfo(o->host, o->port, &hints, &list);

    for (struct addrinfo *a = rc == 0 ? list : NULL; a != NULL && fd < 0; a = a->ai_next)
        fd = listen_on(a);
    if (rc == 0)
        freeaddrinfo(list);
    if (fd < 0 && o->host == NULL) {
        hints.ai_family = AF_INET;
        rc = getaddrinfo(NULL, o->port, &hints, &list);
        if (rc == 0) {
            fd = listen_on(list);
            freeaddrinfo(list);
        }
    }
    if (fd < 0)
        report_line("listen: %s:%s: %s", o->host != NULL ? o->host : "*", o->port,
                    rc != 0 ? gai_strerror(rc) : strerror(errno));
    return fd;
}

static void say_listening(int listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char text[80];

    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return;
    print_address(text, sizeof(text), (struct sockaddr *)&address, length);
    report_event("listening on %s", text);
}

int command_listen(const struct options *o, nns_config *cfg)
{
    struct server server = {.options = o, .cfg = cfg};
    int listener = open_listener(o), status;

    if (listener < 0)
        return STATUS_IO;
    atomic_init(&server.connections, 0);
    say_listening(listener);
    status = accept_for_ever(&server, listener);
    (void)close(listener);
    return status;
}
