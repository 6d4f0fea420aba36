/* SPDX-License-Identifier: MIT
 *
 * nns listen, and nns proxy's side towards its clients: one thread for each connection that the
 * gate lets in; others are closed at once. It ends with a signal, with --once after the first
 * connection.
 */
#include "listen.h"

#include "delegated.h"
#include "event.h"
#include "nettcp.h"
#include "proxy.h"
#include "report.h"
#include "service.h"
#include "thread.h"
#include "trace.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* ---- a connection ---- */

/* Takes c. */
static void drop(struct connection *c, const char *why)
{
    event_refused(c->peer, why);
    (void)close(c->fd);
    nns_pass_free(c->pass);
    free(c);
}

static int serve(const struct connection *c, nns_stream *stream)
{
    const struct options *o = c->server->options;
    struct traffic traffic = {0};
    int rc = nns_stream_handshake(stream), status = STATUS_DONE;

    if (rc == NNS_OK) {
        event_opened(o, c->peer, nns_stream_engine(stream));
        status = service_run(o, c->peer, stream, &traffic);
    }
    if (status != STATUS_DONE)
        return status;
    if (nns_stream_error(stream) != NULL)
        return event_failed(c->peer, nns_stream_error(stream), &traffic);
    event_ended(o, c->peer, &traffic);
    return STATUS_DONE;
}

/* The stream takes descriptor and pass over. */
static int make_stream(nns_stream **ret, struct connection *c)
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
        *ret = stream;
    else
        nns_stream_free(stream);
    return rc;
}

/* Takes c. */
static int run_nettcp(struct connection *c)
{
    const struct options *o = c->server->options;
    int (*serve_it)(const struct options *o, nns_config *cfg, const char *peer, int fd,
                    nns_pass *pass) = o->command == COMMAND_PROXY ? proxy_serve : nettcp_serve;
    int status = serve_it(o, c->server->cfg, c->peer, c->fd, c->pass);

    free(c);
    return status;
}

/* Takes c. */
static int run_connection(struct connection *c)
{
    nns_stream *stream = NULL;
    int rc, status;

    if (c->server->options->command == COMMAND_PROXY || c->server->options->nettcp != NULL)
        return run_nettcp(c);
    rc = make_stream(&stream, c);
    if (rc != NNS_OK) {
        drop(c, nns_strerror(rc));
        return status_of(rc);
    }
    trace_begin(stream, NNS_SERVER, c->peer);
    status = serve(c, stream);
    trace_end(stream);
    nns_stream_free(stream);
    free(c);
    return status;
}

static void *connection_main(void *arg)
{
    (void)run_connection(arg);
    return NULL;
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

/* Most errors of accept() belong to the connection that was to be accepted (accept(2)), or pass
 * when others end. Only those that say that the listener is none are final. */
static bool is_passing(int error)
{
    switch (error) {
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        report_line("accept: %s", strerror(error));
        (void)poll(NULL, 0, 100);
        return true;
    default:
        return true;
    }
}

/* Takes c. True: the gate let it in. */
static bool admit(struct connection *c, const struct sockaddr *address, socklen_t length)
{
    int32_t limit = 0;
    int rc = nns_gate_admit(c->server->gate, address, length, &c->pass, &limit);

    print_address(c->peer, sizeof(c->peer), address, length);
    if (rc != NNS_OK)
        drop(c, rc == NNS_ERR_BUSY ? limit_text(limit) : nns_strerror(rc));
    return rc == NNS_OK;
}

/* The next connection, or NULL: it goes on only if *passing. */
static struct connection *accept_one(struct server *server, int listener, bool *passing)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int error = ENOMEM;

    if (c != NULL) {
        *c = (struct connection){.server = server};
        c->fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
        if (c->fd >= 0)
            return admit(c, (struct sockaddr *)&address, length) ? c : NULL;
        error = errno;
    }
    free(c);
    *passing = is_passing(error);
    if (!*passing)
        report_line("accept: %s", strerror(error));
    return NULL;
}

/* The next connection that is let in, or NULL when there can be no more. */
static struct connection *next_connection(struct server *server, int listener)
{
    struct connection *c;
    bool passing = true;

    do
        c = accept_one(server, listener, &passing);
    while (c == NULL && passing);
    return c;
}

static int serve_all(struct server *server, int listener)
{
    struct connection *c;

    while ((c = next_connection(server, listener)) != NULL) {
        if (!thread_start(connection_main, c))
            drop(c, "no thread to be had");
    }
    (void)close(listener);
    return STATUS_IO;
}

static int serve_once(struct server *server, int listener)
{
    struct connection *c = next_connection(server, listener);

    (void)close(listener); /* whoever comes now is told so at once */
    return c != NULL ? run_connection(c) : STATUS_IO;
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
    event_listening(text);
}

int command_listen(const struct options *o, nns_config *cfg)
{
    struct server server = {.options = o, .cfg = cfg};
    int error = o->accept_delegation ? delegated_begin() : 0;
    int rc = nns_gate_new(&server.gate, cfg), listener, status;

    if (rc != NNS_OK)
        return report_result("listen", rc);
    if (error != 0)
        report_line("listen: signals: %s", strerror(error));
    listener = error == 0 ? open_listener(o) : -1;
    if (listener < 0) {
        nns_gate_free(server.gate);
        return STATUS_IO;
    }
    say_listening(listener);
    status = o->once ? serve_once(&server, listener) : serve_all(&server, listener);
    nns_gate_free(server.gate);
    return status;
}
