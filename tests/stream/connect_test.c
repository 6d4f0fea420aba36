/* SPDX-License-Identifier: MIT
 *
 * nns_stream_connect(): names, addresses that fail or never answer, targets. Loopback only.
 */
#include "stream/ends.h"
#include "stream/race.h"

#include "engine/engine_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct mock script;

/* A listening socket on a free port of 127.0.0.1. */
static int listen_on_loopback(struct sockaddr_in *address, int backlog)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

/* The address of a port that nobody listens on. */
static struct sockaddr_in closed_port(void)
{
    struct sockaddr_in address;

    close(listen_on_loopback(&address, 1));
    return address;
}

static const char *port_of(const struct sockaddr_in *address)
{
    static char port[8];

    (void)snprintf(port, sizeof(port), "%u", (unsigned)ntohs(address->sin_port));
    return port;
}

static nns_stream *client_without_target(nns_config *cfg)
{
    nns_stream *s = NULL;

    assert_int_equal(nns_stream_new(&s, cfg, NNS_CLIENT), NNS_OK);
    nns_config_unref(cfg);
    return s;
}

/* ---- a server ---- */

static nns_ssize act_accept(struct actor *actor)
{
    int listener = *(const int *)actor->data;
    int fd = accept(listener, NULL, NULL);

    if (nns_stream_set_fd(actor->stream, fd, fd, NNS_FD_CLOSE) != NNS_OK)
        return NNS_ERR_IO;
    return act_echo(actor);
}

static void connect_and_echo(const char *host, const char *target, const char *expected)
{
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address, 1);
    struct actor server = {.act = act_accept, .data = &listener};
    nns_stream *client = client_without_target(ends_config(&script));
    char c = 0;

    server.stream = ends_stream(ends_config(&script), NNS_SERVER);
    actor_start(&server);
    if (strchr(expected, '@') != NULL)
        assert_int_equal(nns_engine_set_target(nns_stream_engine(client), expected), NNS_OK);
    for (int32_t part = NNS_TIME_RESOLVE; part <= NNS_TIME_HANDSHAKE; part++)
        assert_int_equal(nns_stream_time_us(client, part), -1);
    assert_int_equal(nns_stream_connect(client, host, port_of(&address), target), NNS_OK);
    for (int32_t part = NNS_TIME_RESOLVE; part <= NNS_TIME_HANDSHAKE; part++)
        assert_true(nns_stream_time_us(client, part) >= 0);
    assert_int_equal(nns_stream_time_us(client, NNS_TIME_HANDSHAKE + 1), -1);
    assert_int_equal(nns_stream_time_us(client, -1), -1);
    assert_int_equal(nns_stream_write(client, "x", 1), 1);
    assert_int_equal(nns_stream_read(client, &c, 1), 1);
    assert_string_equal(client->engine->target, expected);
    nns_stream_free(client);
    assert_true(actor_end(&server) <= 0);
    nns_stream_free(server.stream);
    close(listener);
}

static void test_by_address(void **state)
{
    (void)state;
    connect_and_echo("127.0.0.1", NULL, "host/127.0.0.1");
}

static void test_by_name(void **state)
{
    (void)state;
    connect_and_echo("LocalHost", NULL, "host/localhost");
}

static void test_target_given(void **state)
{
    (void)state;
    connect_and_echo("localhost", "HTTP/web", "HTTP/web");
}

static void test_target_set_before(void **state)
{
    (void)state;
    connect_and_echo("localhost", NULL, "alice@REALM");
}

/* ---- failures ---- */

static void expect_failure(nns_stream *s, int code, const char *part)
{
    const nns_error *err = nns_stream_error(s);

    assert_int_equal(nns_error_code(err), code);
    assert_int_equal(nns_error_phase(err), NNS_PHASE_CONNECT);
    if (strstr(nns_error_message(err), part) == NULL)
        fail_msg("'%s' is not in '%s'", part, nns_error_message(err));
}

static void test_refused(void **state)
{
    nns_stream *s = client_without_target(ends_config(&script));
    struct sockaddr_in address = closed_port();
    char expected[80];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "connect: 127.0.0.1:%s: Connection refused",
                   port_of(&address));
    assert_int_equal(nns_stream_connect(s, "127.0.0.1", port_of(&address), NULL), NNS_ERR_IO);
    expect_failure(s, NNS_ERR_IO, expected);
    assert_int_equal(nns_error_os(nns_stream_error(s)), ECONNREFUSED);
    assert_true(nns_stream_time_us(s, NNS_TIME_RESOLVE) >= 0);
    assert_int_equal(nns_stream_time_us(s, NNS_TIME_CONNECT), -1);
    assert_int_equal(nns_stream_connect(s, "127.0.0.1", "1", NULL), NNS_ERR_IO); /* sticky */
    assert_int_equal(nns_stream_handshake(s), NNS_ERR_IO);
    nns_stream_free(s);
}

/* A name that no server is asked for: it is malformed. */
static void test_unknown_name(void **state)
{
    nns_stream *s = client_without_target(ends_config(&script));

    (void)state;
    assert_int_equal(nns_stream_connect(s, "no..such..name", "1", NULL), NNS_ERR_RESOLVE);
    expect_failure(s, NNS_ERR_RESOLVE, "resolve: 'no..such..name'");
    nns_stream_free(s);
    workers_await_none();
}

static void test_unknown_port(void **state)
{
    nns_stream *s = client_without_target(ends_config(&script));

    (void)state;
    assert_int_equal(nns_stream_connect(s, "127.0.0.1", "no-such-port", NULL), NNS_ERR_RESOLVE);
    expect_failure(s, NNS_ERR_RESOLVE, "'no-such-port'");
    nns_stream_free(s);
}

static void test_wrong_use(void **state)
{
    nns_stream *s = client_without_target(ends_config(&script));
    nns_stream *server = ends_stream(ends_config(&script), NNS_SERVER);

    (void)state;
    assert_int_equal(nns_stream_connect(NULL, "a", "1", NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_connect(s, NULL, "1", NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_connect(s, "", "1", NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_connect(s, "a", NULL, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_connect(s, "a", "1", ""), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_connect(server, "a", "1", NULL), NNS_ERR_STATE);
    assert_int_equal(nns_stream_set_blocking(s, 0), NNS_OK);
    assert_int_equal(nns_stream_connect(s, "a", "1", NULL), NNS_ERR_STATE);
    assert_null(nns_stream_error(s));
    nns_stream_free(s);
    nns_stream_free(server);
}

static void test_canceled_before(void **state)
{
    nns_stream *s = client_without_target(ends_config(&script));

    (void)state;
    nns_stream_cancel(s);
    assert_int_equal(nns_stream_connect(s, "localhost", "1", NULL), NNS_ERR_CANCELED);
    nns_stream_free(s);
}

/* ---- several addresses ---- */

/* A listener whose queue is full does not answer: the kernel drops what comes. */
struct silent {
    struct sockaddr_in address;
    int listener;
    int fillers[8];
};

static void silent_make(struct silent *silent)
{
    struct pollfd p = {.events = POLLOUT};

    silent->listener = listen_on_loopback(&silent->address, 0);
    for (size_t i = 0; i < COUNT(silent->fillers); i++) {
        silent->fillers[i] = p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(p.fd, (struct sockaddr *)&silent->address, sizeof(silent->address));
    }
}

static void silent_free(struct silent *silent)
{
    for (size_t i = 0; i < COUNT(silent->fillers); i++)
        close(silent->fillers[i]);
    close(silent->listener);
}

static void list_make(struct addrinfo *list, struct sockaddr_in *const *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        list[i] = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_addr = (struct sockaddr *)addresses[i],
                                    .ai_addrlen = sizeof(*addresses[i]),
                                    .ai_next = i + 1 < count ? &list[i + 1] : NULL};
}

/* Whom a connected socket talks to. */
static in_port_t peer_port(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    assert_int_equal(getpeername(fd, (struct sockaddr *)&address, &size), 0);
    return address.sin_port;
}

static int lowest_free_fd(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static void test_second_address(void **state)
{
    struct sockaddr_in closed = closed_port(), good;
    int listener = listen_on_loopback(&good, 1), fd = -1;
    struct sockaddr_in *const addresses[] = {&closed, &good};
    struct addrinfo list[2];
    nns_stream *s = client_without_target(ends_config(&script));

    (void)state;
    list_make(list, addresses, 2);
    assert_int_equal(nns__race(s, list, NNS__NEVER, &fd), NNS_OK);
    assert_int_equal(peer_port(fd), good.sin_port);
    close(fd);
    close(listener);
    nns_stream_free(s);
}

static void test_address_that_never_answers(void **state)
{
    struct test_clock clock = {.now = 1};
    const struct nns__time time = test_time(&clock);
    struct sockaddr_in good;
    struct silent silent;
    int listener = listen_on_loopback(&good, 1), fd = -1, free_before;
    struct sockaddr_in *const addresses[] = {&silent.address, &good};
    struct addrinfo list[2];
    nns_stream *s = client_without_target(ends_config(&script));

    (void)state;
    silent_make(&silent);
    list_make(list, addresses, 2);
    nns__stream_set_time(s, &time);
    free_before = lowest_free_fd();
    assert_int_equal(nns__race(s, list, clock.now + 30000, &fd), NNS_OK);
    assert_int_equal(peer_port(fd), good.sin_port);
    assert_int_equal(clock.now, 1 + 250);
    close(fd);
    assert_int_equal(lowest_free_fd(), free_before);
    close(listener);
    silent_free(&silent);
    nns_stream_free(s);
}

static void test_nobody_answers(void **state)
{
    struct test_clock clock = {.now = 1};
    const struct nns__time time = test_time(&clock);
    struct sockaddr_in closed = closed_port();
    struct silent silent;
    struct sockaddr_in *const addresses[] = {&silent.address, &closed, &silent.address};
    struct addrinfo list[3];
    nns_stream *s = client_without_target(ends_config(&script));
    int fd = -1;

    (void)state;
    silent_make(&silent);
    list_make(list, addresses, 3);
    nns__stream_set_time(s, &time);
    assert_int_equal(nns__race(s, list, clock.now + 30000, &fd), NNS_ERR_TIMEOUT);
    assert_int_equal(fd, -1);
    assert_int_equal(clock.now, 1 + 30000);
    assert_non_null(strstr(nns_error_message(nns_stream_error(s)), "timed out"));
    silent_free(&silent);
    nns_stream_free(s);
}

static void test_every_address_is_refused(void **state)
{
    struct sockaddr_in closed = closed_port();
    struct sockaddr_in *const addresses[] = {&closed, &closed, &closed, &closed, &closed,
                                             &closed, &closed, &closed, &closed, &closed};
    struct addrinfo list[COUNT(addresses)];
    nns_stream *s = client_without_target(ends_config(&script));
    int fd = -1;

    (void)state;
    list_make(list, addresses, COUNT(addresses));
    assert_int_equal(nns__race(s, list, NNS__NEVER, &fd), NNS_ERR_IO);
    assert_int_equal(nns_error_os(nns_stream_error(s)), ECONNREFUSED);
    nns_stream_free(s);
}

/* Cancels from inside the wait for an answer. */
static nns_stream *to_cancel;

static int canceling_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    (void)arg;
    nns_stream_cancel(to_cancel);
    return poll(fds, count, timeout_ms);
}

static int64_t still_now(void *arg)
{
    (void)arg;
    return 1;
}

static void test_canceled_while_nobody_answers(void **state)
{
    const struct nns__time time = {.now = still_now, .wait = canceling_wait, .arg = NULL};
    nns_stream *s = client_without_target(ends_config(&script));
    struct silent silent;

    (void)state;
    silent_make(&silent);
    to_cancel = s;
    nns__stream_set_time(s, &time);
    assert_int_equal(nns_stream_connect(s, "127.0.0.1", port_of(&silent.address), NULL),
                     NNS_ERR_CANCELED);
    expect_failure(s, NNS_ERR_CANCELED, "canceled");
    silent_free(&silent);
    nns_stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_address),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_target_given),
        cmocka_unit_test(test_target_set_before),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_unknown_port),
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_canceled_before),
        cmocka_unit_test(test_second_address),
        cmocka_unit_test(test_address_that_never_answers),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_every_address_is_refused),
        cmocka_unit_test(test_canceled_while_nobody_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
