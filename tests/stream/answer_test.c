/* SPDX-License-Identifier: MIT
 *
 * A mechanism call's answer goes out from the worker's thread while the stream's own still sleeps,
 * unless the program would notice: by its deadline, its cancel or the thread of its functions.
 */
#include "stream/ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Real time; who waits for a worker alone passes the gate first. */
static int64_t real_now(void *arg)
{
    (void)arg;
    return nns__time_system.now(NULL);
}

static int gated_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (count == 1)
        gate_pass(arg);
    return poll(fds, count, timeout_ms);
}

static void make_sleepy_server(struct ends *ends, struct gate *gate)
{
    const struct nns__time time = {.now = real_now, .wait = gated_wait, .arg = gate};

    ends_make(ends);
    nns__stream_set_time(ends->server, &time);
}

static void test_goes_out_while_the_stream_sleeps(void **state)
{
    struct gate asleep = GATE_INIT, mechanism = GATE_INIT;
    struct ends ends = {.server_script = {.on_step = gate_pass, .arg = &mechanism}};
    struct actor server = {.act = act_handshake}, client = {.act = act_handshake};
    char c = 0;

    (void)state;
    make_sleepy_server(&ends, &asleep);
    server.stream = ends.server;
    client.stream = ends.client;
    actor_start(&server);
    actor_start(&client);
    gate_await(&mechanism, 1);
    gate_await(&asleep, 1);
    gate_open(&mechanism);
    assert_int_equal(actor_end(&client), NNS_OK);
    assert_int_equal(gate_passed(&asleep), 0);
    gate_open(&asleep);
    assert_int_equal(actor_end(&server), NNS_OK);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
    assert_int_equal(nns_stream_read(ends.server, &c, 1), 1);
    assert_int_equal(c, 'x');
    ends_free(&ends);
}

/* turns: of the mechanism. */
static void say_nothing(int turns)
{
    struct gate asleep = GATE_INIT, mechanism = GATE_INIT;
    struct ends ends = {.server_script = {.turns = turns, .on_step = gate_pass, .arg = &mechanism}};
    struct actor server = {.act = act_handshake};
    char c;

    make_sleepy_server(&ends, &asleep);
    server.stream = ends.server;
    assert_int_equal(write(ends.fds[0], "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    actor_start(&server);
    gate_await(&mechanism, 1);
    gate_await(&asleep, 1);
    nns_stream_cancel(ends.server);
    gate_open(&mechanism);
    workers_await_none();
    assert_int_equal(recv(ends.fds[0], &c, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    gate_open(&asleep);
    assert_int_equal(actor_end(&server), NNS_ERR_CANCELED);
    assert_int_equal(recv(ends.fds[0], &c, 1, 0), 0);
    ends_free(&ends);
}

static void test_a_canceled_stream_says_nothing(void **state)
{
    (void)state;
    say_nothing(2); /* its last token, and Done */
    say_nothing(4);
}

static void make_tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&address, size), 0);
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

/* A socket tells a reset once. */
static void test_a_reset_is_reported_as_one(void **state)
{
    const struct linger reset = {.l_onoff = 1};
    struct gate asleep = GATE_INIT, mechanism = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &mechanism};
    const struct nns__time time = {.now = real_now, .wait = gated_wait, .arg = &asleep};
    struct actor server = {.act = act_handshake};
    struct pollfd gone = {0};
    int fds[2];

    (void)state;
    make_tcp_pair(fds);
    gone.fd = fds[1];
    server.stream = ends_stream(ends_config(&script), NNS_SERVER);
    nns__stream_set_time(server.stream, &time);
    assert_int_equal(nns_stream_set_fd(server.stream, fds[1], fds[1], NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(write(fds[0], "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    actor_start(&server);
    gate_await(&mechanism, 1);
    gate_await(&asleep, 1);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(fds[0]);
    assert_int_equal(poll(&gone, 1, -1), 1);
    gate_open(&mechanism);
    workers_await_none();
    gate_open(&asleep);
    assert_int_equal(actor_end(&server), NNS_ERR_IO);
    assert_int_equal(nns_error_os(nns_stream_error(server.stream)), ECONNRESET);
    nns_stream_free(server.stream);
}

/* Only a socket promises that a worker, of which there are few, is not held up. */
static void test_only_sockets_are_written_to_elsewhere(void **state)
{
    struct gate asleep = GATE_INIT, mechanism = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &mechanism};
    const struct nns__time time = {.now = real_now, .wait = gated_wait, .arg = &asleep};
    struct actor server = {.act = act_handshake};
    struct pollfd there = {.events = POLLIN};
    int to[2], from[2];

    (void)state;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    server.stream = ends_stream(ends_config(&script), NNS_SERVER);
    nns__stream_set_time(server.stream, &time);
    assert_int_equal(nns_stream_set_fd(server.stream, to[0], from[1], NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(write(to[1], "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    there.fd = from[0];
    actor_start(&server);
    gate_await(&mechanism, 1);
    gate_await(&asleep, 1);
    gate_open(&mechanism);
    workers_await_none();
    assert_int_equal(poll(&there, 1, 0), 0);
    gate_open(&asleep);
    assert_int_equal(actor_end(&server), NNS_OK);
    assert_int_equal(poll(&there, 1, 0), 1);
    nns_stream_free(server.stream);
    close(to[1]);
    close(from[0]);
}

/* ---- a child ---- */

struct family {
    struct gate mechanism;
    pid_t child; /* -1: not yet born; 0: this is it */
};

/* A handler of a signal that interrupts poll(2) forks. The child's next wait would never end. */
static int forking_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct family *family = arg;

    if (family->child == 0)
        _exit(1);
    if (count > 1 || family->child > 0)
        return poll(fds, count, timeout_ms);
    family->child = fork();
    if (family->child != 0)
        gate_open(&family->mechanism);
    errno = EINTR;
    return -1;
}

static void test_a_child_does_not_wait_for_the_parents_thread(void **state)
{
    struct family family = {.mechanism = GATE_INIT, .child = -1};
    struct ends ends = {.server_script = {.on_step = gate_pass, .arg = &family.mechanism}};
    const struct nns__time time = {.now = real_now, .wait = forking_wait, .arg = &family};
    int rc, status = -1;

    (void)state;
    ends_make(&ends);
    nns__stream_set_time(ends.server, &time);
    assert_int_equal(write(ends.fds[0], "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    rc = nns_stream_handshake(ends.server);
    if (family.child == 0)
        _exit(rc == NNS_ERR_FORKED ? 0 : 2);
    assert_int_equal(rc, NNS_OK);
    assert_int_equal(waitpid(family.child, &status, 0), family.child);
    assert_int_equal(status, 0);
    ends_free(&ends);
}

/* ---- functions of the program's ---- */

struct wire {
    int fd;
    pthread_t expected;
    size_t calls, elsewhere; /* of these on another thread */
};

static void note(struct wire *wire)
{
    wire->calls++;
    wire->elsewhere += !pthread_equal(wire->expected, pthread_self());
}

static nns_ssize wire_recv(void *arg, void *buf, size_t len)
{
    ssize_t n = read(((struct wire *)arg)->fd, buf, len);

    note(arg);
    return n < 0 ? NNS_ERR_IO : n;
}

static nns_ssize wire_send(void *arg, const void *buf, size_t len)
{
    ssize_t n = send(((struct wire *)arg)->fd, buf, len, MSG_NOSIGNAL);

    note(arg);
    return n < 0 ? NNS_ERR_IO : n;
}

static void trace(void *arg, const nns_engine *e, int outgoing, const void *data, size_t len)
{
    (void)e;
    (void)outgoing;
    (void)data;
    (void)len;
    note(arg);
}

static void shake_hands(nns_stream *server, nns_stream *client)
{
    struct actor other = {.act = act_handshake, .stream = client};

    actor_start(&other);
    assert_int_equal(nns_stream_handshake(server), NNS_OK);
    assert_int_equal(actor_end(&other), NNS_OK);
}

static void test_callbacks_stay_on_their_thread(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), wire_recv, wire_send, NULL};
    struct ends ends = {.client = ends_stream(ends_config(&script), NNS_CLIENT),
                        .server = ends_stream(ends_config(&script), NNS_SERVER)};
    struct wire wire = {.expected = pthread_self()};

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.fds), 0);
    wire.fd = ends.fds[1];
    assert_int_equal(nns_stream_set_fd(ends.client, ends.fds[0], ends.fds[0], NNS_FD_CLOSE),
                     NNS_OK);
    assert_int_equal(nns_stream_set_io(ends.server, &io, &wire), NNS_OK);
    shake_hands(ends.server, ends.client);
    assert_true(wire.calls >= 2);
    assert_int_equal(wire.elsewhere, 0);
    ends_free(&ends);
    close(ends.fds[1]);
}

static void test_a_trace_stays_on_its_thread(void **state)
{
    static const struct mock script;
    struct ends ends = {.server_cfg = ends_config(&script)};
    struct wire wire = {.expected = pthread_self()};

    (void)state;
    assert_int_equal(nns_config_set_trace(ends.server_cfg, trace, &wire), NNS_OK);
    ends_make(&ends);
    shake_hands(ends.server, ends.client);
    assert_true(wire.calls >= 2);
    assert_int_equal(wire.elsewhere, 0);
    ends_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_out_while_the_stream_sleeps),
        cmocka_unit_test(test_a_canceled_stream_says_nothing),
        cmocka_unit_test(test_a_reset_is_reported_as_one),
        cmocka_unit_test(test_only_sockets_are_written_to_elsewhere),
        cmocka_unit_test(test_a_child_does_not_wait_for_the_parents_thread),
        cmocka_unit_test(test_callbacks_stay_on_their_thread),
        cmocka_unit_test(test_a_trace_stays_on_its_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
