/* SPDX-License-Identifier: MIT
 *
 * Non-blocking streams in other people's loops: one thread drives both ends with poll(2) and
 * nns_stream_poll(), and no call waits.
 */
#include "stream/ends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB ((size_t)1048576)

static void make_nonblocking(struct ends *ends)
{
    ends_make(ends);
    assert_int_equal(nns_stream_set_blocking(ends->client, 0), NNS_OK);
    assert_int_equal(nns_stream_set_blocking(ends->server, 0), NNS_OK);
}

static bool is_want(nns_ssize n)
{
    return n == NNS_WANT_RECV || n == NNS_WANT_SEND || n == NNS_WANT_STEP;
}

/* Adds what a stream waits for to the loop. */
static nfds_t add(nns_stream *s, struct pollfd *fds, int32_t *timeout)
{
    nns_pollfd want[3];
    int32_t ms;
    int n = nns_stream_poll(s, want, &ms);

    assert_true(n >= 1 && n <= 3);
    for (int i = 0; i < n; i++) {
        fds[i].fd = want[i].fd;
        fds[i].events = (short)(((want[i].events & NNS_POLL_IN) != 0 ? POLLIN : 0) |
                                ((want[i].events & NNS_POLL_OUT) != 0 ? POLLOUT : 0));
    }
    if (*timeout < 0 || (ms >= 0 && ms < *timeout))
        *timeout = ms;
    return (nfds_t)n;
}

static void wait_for_both(struct ends *ends)
{
    struct pollfd fds[6];
    int32_t timeout = -1;
    nfds_t n = add(ends->client, fds, &timeout);

    n += add(ends->server, fds + n, &timeout);
    assert_true(poll(fds, n, timeout) >= 0);
}

static void open_both(struct ends *ends)
{
    int client = NNS_WANT_STEP, server = NNS_WANT_STEP;

    make_nonblocking(ends);
    for (;;) {
        if (client != NNS_OK)
            client = nns_stream_handshake(ends->client);
        if (server != NNS_OK)
            server = nns_stream_handshake(ends->server);
        assert_true(client == NNS_OK || is_want(client));
        assert_true(server == NNS_OK || is_want(server));
        if (client == NNS_OK && server == NNS_OK)
            return;
        wait_for_both(ends);
    }
}

static void test_handshake(void **state)
{
    struct ends ends = {.client_script = {.turns = 4, .filler = 60000},
                        .server_script = {.turns = 4, .filler = 60000}};

    (void)state;
    open_both(&ends);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_OK);
    ends_free(&ends);
}

/* ---- moving data ---- */

struct flow {
    nns_stream *from, *to;
    size_t written, read, size;
    bool shut;
};

static void push(struct flow *flow)
{
    uint8_t bytes[30000];
    nns_ssize n = 0;

    while (n >= 0 && flow->written < flow->size) {
        size_t len = flow->size - flow->written;

        len = len < sizeof(bytes) ? len : sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = pattern_at(flow->written + i);
        n = nns_stream_write(flow->from, bytes, len);
        assert_true(n > 0 || n == NNS_WANT_SEND);
        flow->written += n > 0 ? (size_t)n : 0;
    }
    if (flow->written < flow->size || flow->shut)
        return;
    n = nns_stream_shutdown(flow->from);
    assert_true(n == NNS_OK || n == NNS_WANT_SEND);
    flow->shut = n == NNS_OK;
}

/* False at the end of the stream. */
static bool pull(struct flow *flow)
{
    uint8_t bytes[30000];
    nns_ssize n;

    while ((n = nns_stream_read(flow->to, bytes, sizeof(bytes))) > 0) {
        for (nns_ssize i = 0; i < n; i++)
            assert_int_equal(bytes[i], pattern_at(flow->read + (size_t)i));
        flow->read += (size_t)n;
    }
    assert_true(n == 0 || n == NNS_WANT_RECV);
    return n != 0;
}

static void test_both_directions_in_one_thread(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct flow up = {.size = 4 * MIB}, down = {.size = 4 * MIB};
    bool more_up = true, more_down = true;

    (void)state;
    open_both(&ends);
    up.from = down.to = ends.client;
    up.to = down.from = ends.server;
    while (more_up || more_down) {
        push(&up);
        push(&down);
        more_up = more_up && pull(&up);
        more_down = more_down && pull(&down);
        if (more_up || more_down)
            wait_for_both(&ends);
    }
    assert_int_equal(up.read, up.size);
    assert_int_equal(down.read, down.size);
    ends_free(&ends);
}

static void test_write_is_taken_and_flush_drives_it_out(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    nns_pollfd fds[3];
    int32_t timeout;
    char bytes[8];

    (void)state;
    open_both(&ends);
    assert_int_equal(nns_stream_read(ends.server, bytes, 8), NNS_WANT_RECV);
    assert_int_equal(nns_stream_write(ends.client, "ab", 2), 2);
    assert_int_equal(nns_stream_write(ends.client, "cd", 2), 2);
    assert_int_equal(nns_stream_read(ends.server, bytes, 8), NNS_WANT_RECV);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 2);
    assert_int_equal(fds[1].events, NNS_POLL_OUT);
    assert_int_equal(nns_stream_flush(ends.client), NNS_OK);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 1);
    assert_int_equal(nns_stream_read(ends.server, bytes, 8), 4); /* one record */
    ends_free(&ends);
}

static void test_full_transport(void **state)
{
    static uint8_t bytes[100000];
    struct ends ends = {.fds = {-1, -1}};
    nns_pollfd fds[3];
    int32_t timeout;
    nns_ssize n = 1;

    (void)state;
    open_both(&ends);
    while (n > 0)
        n = nns_stream_write(ends.client, bytes, sizeof(bytes));
    assert_int_equal(n, NNS_WANT_SEND);
    assert_int_equal(nns_stream_flush(ends.client), NNS_WANT_SEND);
    assert_int_equal(nns_stream_shutdown(ends.client), NNS_WANT_SEND);
    assert_int_equal(nns_stream_read(ends.client, bytes, 1), NNS_WANT_RECV);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 2);
    assert_int_equal(fds[1].fd, ends.fds[0]);
    assert_int_equal(fds[1].events, NNS_POLL_IN | NNS_POLL_OUT);
    assert_int_equal(timeout, -1);
    ends_free(&ends);
}

/* ---- what poll says ---- */

static void test_poll_through_a_handshake(void **state)
{
    struct gate gate = GATE_INIT;
    struct ends ends = {.client_script = {.on_step = gate_pass, .arg = &gate}};
    nns_pollfd fds[3];
    int32_t timeout;
    struct pollfd wake = {.events = POLLIN};

    (void)state;
    make_nonblocking(&ends);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 1);
    assert_int_equal(timeout, 0); /* nothing to wait for yet */
    assert_int_equal(nns_stream_handshake(ends.client), NNS_WANT_STEP);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_WANT_STEP);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 1);
    assert_true(timeout > 0 && timeout <= 30000);
    gate_open(&gate);
    wake.fd = fds[0].fd;
    assert_int_equal(poll(&wake, 1, -1), 1);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_WANT_RECV);
    assert_int_equal(poll(&wake, 1, 0), 0); /* a loop that polls it does not spin */
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 2);
    assert_int_equal(fds[1].fd, ends.fds[0]);
    assert_int_equal(fds[1].events, NNS_POLL_IN);
    workers_await_none();
    ends_free(&ends);
}

static void test_poll_with_two_descriptors(void **state)
{
    static const struct mock script;
    nns_stream *s = ends_stream(ends_config(&script), NNS_SERVER);
    int up[2], down[2];
    nns_pollfd fds[3];
    int32_t timeout;

    (void)state;
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(nns_stream_set_fd(s, up[0], down[1], NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(nns_stream_set_blocking(s, 0), NNS_OK);
    assert_int_equal(nns_stream_handshake(s), NNS_WANT_RECV);
    assert_int_equal(nns_stream_poll(s, fds, &timeout), 2);
    assert_int_equal(fds[1].fd, up[0]);
    assert_true(timeout > 0 && timeout <= 10000);
    nns_stream_free(s);
    close(up[1]);
    close(down[0]);
}

static void test_poll_of_a_failed_stream(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    nns_pollfd fds[3];
    int32_t timeout;
    char c;

    (void)state;
    open_both(&ends);
    assert_int_equal(write(ends.fds[1], "\0\0\0\0", 4), 4);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_PROTOCOL);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), NNS_ERR_PROTOCOL);
    ends_free(&ends);
}

/* A callback transport says what it waits for; its descriptors are the caller's. */
static nns_ssize try_recv(void *arg, void *buf, size_t len)
{
    ssize_t n = recv(*(int *)arg, buf, len < 3 ? len : 3, MSG_DONTWAIT);

    return n >= 0 ? n : errno == EAGAIN ? NNS_WANT_RECV : NNS_ERR_IO;
}

static nns_ssize try_send(void *arg, const void *buf, size_t len)
{
    ssize_t n = send(*(int *)arg, buf, len < 3 ? len : 3, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n >= 0 ? n : errno == EAGAIN ? NNS_WANT_SEND : NNS_ERR_IO;
}

static void test_callbacks(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), try_recv, try_send, NULL};
    struct ends ends = {.client = ends_stream(ends_config(&script), NNS_CLIENT),
                        .server = ends_stream(ends_config(&script), NNS_SERVER)};
    int rc[2] = {NNS_WANT_STEP, NNS_WANT_STEP};
    nns_pollfd fds[3];
    int32_t timeout;
    char bytes[4];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.fds), 0);
    assert_int_equal(nns_stream_set_io(ends.client, &io, &ends.fds[0]), NNS_OK);
    assert_int_equal(nns_stream_set_io(ends.server, &io, &ends.fds[1]), NNS_OK);
    assert_int_equal(nns_stream_set_blocking(ends.client, 0), NNS_OK);
    assert_int_equal(nns_stream_set_blocking(ends.server, 0), NNS_OK);
    while (rc[0] != NNS_OK || rc[1] != NNS_OK) {
        rc[0] = nns_stream_handshake(ends.client);
        rc[1] = nns_stream_handshake(ends.server);
        assert_true((rc[0] == NNS_OK || is_want(rc[0])) && (rc[1] == NNS_OK || is_want(rc[1])));
    }
    assert_int_equal(nns_stream_read(ends.client, bytes, 4), NNS_WANT_RECV);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), 1);
    assert_int_equal(nns_stream_write(ends.server, "abc", 3), 3);
    assert_int_equal(nns_stream_flush(ends.server), NNS_OK);
    assert_int_equal(nns_stream_read(ends.client, bytes, 4), 3);
    ends_free(&ends);
    close(ends.fds[0]);
    close(ends.fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_both_directions_in_one_thread),
        cmocka_unit_test(test_write_is_taken_and_flush_drives_it_out),
        cmocka_unit_test(test_full_transport),
        cmocka_unit_test(test_poll_through_a_handshake),
        cmocka_unit_test(test_poll_with_two_descriptors),
        cmocka_unit_test(test_poll_of_a_failed_stream),
        cmocka_unit_test(test_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
