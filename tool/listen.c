/* SPDX-License-Identifier: MIT
 *
 * nns listen --echo: one thread for each connection that the gate lets in; others are closed at
 * once. It ends with a signal.
 */
#include "listen.h"

#include "report.h"
#include "throttle.h"
#include "trace.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
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
    nns_gate *gate;
};

struct connection {
    struct server *server;
    nns_pass *pass;
    int fd;
    char peer[80]; /* HOST:PORT */
};

/* "HOST:PORT" in numbers, "[V6]:PORT". */
static void print_address(char *to, size_t size, const struct sockaddr *address, socklen_t length)
{
    char host[64], port[8];

    if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        (void)snprintf(to, size, "unknown:0");
    else if (strchr(host, ':') != NULL)
        (void)snprintf(to, size, "[%s]:%s", host, port);
    else
        (void)snprintf(to, size, "%s:%s", host, port);
}

/* True: a line about trouble with the peer may be written. A flood of it must not fill the log. */
static bool may_complain(const char *peer)
{
    char host[80];
    unsigned left_out = 0;

    (void)snprintf(host, sizeof(host), "%.*s", (int)(strlen(peer) - strlen(strrchr(peer, ':'))),
                   peer);
    if (!throttle_allows(host, &left_out))
        return false;
    if (left_out > 0)
        report_event("%s %u lines about it were left out", host, left_out);
    return true;
}

/* ---- a connection ---- */

static void refuse(int fd, const char *peer, const char *why)
{
    if (may_complain(peer))
        report_event("%s refused: %s", peer, why);
    (void)close(fd);
}

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
    if (nns_stream_error(stream) != NULL && may_complain(c->peer))
        (void)report_error(c->peer, nns_stream_error(stream));
    else if (nns_stream_error(stream) == NULL && c->server->options->verbose)
        report_event("%s ended", c->peer);
}

/* The stream of a connection, which takes descriptor and pass over. NULL: both are gone. */
static nns_stream *make_stream(struct connection *c)
{
    nns_stream *stream = NULL;
    int rc = nns_stream_new(&stream, c->server->cfg, NNS_SERVER);

    if (rc == NNS_OK)
        rc = nns_stream_set_pass(stream, c->pass);
    if (rc == NNS_OK) {
        c->pass = NULL;
        rc = nns_stream_set_fd(stream, c->fd, c->fd, NNS_FD_CLOSE);
    }
    if (rc == NNS_OK)
        return stream;
    refuse(c->fd, c->peer, nns_strerror(rc));
    nns_stream_free(stream);
    nns_pass_free(c->pass);
    return NULL;
}

static void *connection_main(void *arg)
{
    struct connection *c = arg;
    nns_stream *stream = make_stream(c);

    if (stream != NULL) {
        trace_begin(stream, NNS_SERVER, c->peer);
        serve(c, stream);
        trace_end(stream);
    }
    nns_stream_free(stream);
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

static const char *limit_text(int32_t limit)
{
    switch (limit) {
    case NNS_LIMIT_CONNECTIONS:
        return "too many connections (--max-connections)";
    case NNS_LIMIT_HANDSHAKES_PER_SOURCE:
        return "too many handshakes from this address (--max-handshakes-per-source)";
    default:
        return "too many handshakes (--max-handshakes)";
    }
}

/* Has a connection that was let in served. */
static void start(struct server *server, int fd, nns_pass *pass, const char *peer)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        *c = (struct connection){.server = server, .fd = fd, .pass = pass};
        (void)snprintf(c->peer, sizeof(c->peer), "%s", peer);
        if (start_thread(c))
            return;
    }
    refuse(fd, peer, c == NULL ? "out of memory" : "no thread to be had");
    nns_pass_free(pass);
    free(c);
}

static void admit(struct server *server, int fd, const struct sockaddr *address, socklen_t length)
{
    nns_pass *pass = NULL;
    int32_t limit = 0;
    char peer[80];
    int rc = nns_gate_admit(server->gate, address, length, &pass, &limit);

    print_address(peer, sizeof(peer), address, length);
    if (rc == NNS_OK)
        start(server, fd, pass, peer);
    else
        refuse(fd, peer, rc == NNS_ERR_BUSY ? limit_text(limit) : nns_strerror(rc));
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
    int rc = nns_gate_new(&server.gate, cfg), listener, status;

    if (rc != NNS_OK)
        return report_result("listen", rc);
    listener = open_listener(o);
    if (listener < 0) {
        nns_gate_free(server.gate);
        return STATUS_IO;
    }
    say_listening(listener);
    status = accept_for_ever(&server, listener);
    (void)close(listener);
    nns_gate_free(server.gate);
    return status;
}
