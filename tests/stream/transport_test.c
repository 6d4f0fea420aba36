/* SPDX-License-Identifier: MIT
 *
 * Transports by themselves: what never blocks, what never raises a signal, and what half-close
 * means for each kind.
 */
#include "stream/ends.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct nns__mem mem;
static struct nns__transport t;
static int pipe_fds[2];
static int os;

static int set_up(void **state)
{
    (void)state;
    nns__transport_init(&t);
    return nns__mem_init(&mem, NULL);
}

/* t writes to the pipe and reads from /dev/null. */
static void use_pipe_to_write(void)
{
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(
        nns__transport_set_fds(&t, open("/dev/null", O_RDONLY | O_CLOEXEC), pipe_fds[1], true),
        NNS_OK);
}

/* ---- SIGPIPE ---- */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static void test_pipe_raises_no_signal(void **state)
{
    struct sigaction count = {.sa_handler = count_signal}, before;
    sigset_t mask;

    (void)state;
    signals = 0;
    assert_int_equal(sigaction(SIGPIPE, &count, &before), 0);
    use_pipe_to_write();
    close(pipe_fds[0]);
    assert_int_equal(nns__transport_send(&t, "x", 1, &os), NNS_ERR_IO);
    assert_int_equal(os, EPIPE);
    assert_int_equal(signals, 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGPIPE), 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    nns__transport_close(&t, &mem);
}

static void test_earlier_signal_stays_pending(void **state)
{
    const struct timespec at_once = {0};
    sigset_t sigpipe, before, pending;

    (void)state;
    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &sigpipe, &before), 0);
    assert_int_equal(raise(SIGPIPE), 0);
    use_pipe_to_write();
    close(pipe_fds[0]);
    assert_int_equal(nns__transport_send(&t, "x", 1, &os), NNS_ERR_IO);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 1);
    assert_int_equal(sigtimedwait(&sigpipe, NULL, &at_once), SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    nns__transport_close(&t, &mem);
}

static void test_socket_raises_no_signal(void **state)
{
    struct sigaction count = {.sa_handler = count_signal}, before;
    int fds[2];

    (void)state;
    signals = 0;
    assert_int_equal(sigaction(SIGPIPE, &count, &before), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(nns__transport_set_fds(&t, fds[0], fds[0], true), NNS_OK);
    close(fds[1]);
    assert_int_equal(nns__transport_send(&t, "x", 1, &os), NNS_ERR_IO);
    assert_int_equal(os, EPIPE);
    assert_int_equal(signals, 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    nns__transport_close(&t, &mem);
}

/* ---- blocking descriptors do not block ---- */

static void test_full_pipe_is_not_waited_for(void **state)
{
    static uint8_t bytes[3 * PIPE_BUF];
    nns_ssize n, total = 0;

    (void)state;
    use_pipe_to_write();
    while ((n = nns__transport_send(&t, bytes, sizeof(bytes), &os)) > 0) {
        assert_true(n <= PIPE_BUF);
        total += n;
    }
    assert_int_equal(n, NNS_WANT_SEND);
    assert_true(total >= PIPE_BUF);
    assert_int_equal(fcntl(pipe_fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(pipe_fds[0]);
    nns__transport_close(&t, &mem);
}

static void test_empty_pipe_is_not_waited_for(void **state)
{
    char c = 0;

    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(nns__transport_set_fds(&t, pipe_fds[0], pipe_fds[0], true), NNS_OK);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), NNS_WANT_RECV);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), 1);
    close(pipe_fds[1]);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), 0);
    nns__transport_close(&t, &mem);
}

static void test_sockets_are_not_waited_for(void **state)
{
    static uint8_t bytes[65536];
    nns_ssize n;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(nns__transport_set_fds(&t, fds[0], fds[0], true), NNS_OK);
    assert_int_equal(nns__transport_recv(&t, bytes, 1, &os), NNS_WANT_RECV);
    while ((n = nns__transport_send(&t, bytes, sizeof(bytes), &os)) > 0)
        continue;
    assert_int_equal(n, NNS_WANT_SEND);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    close(fds[1]);
    nns__transport_close(&t, &mem);
}

static void test_regular_file(void **state)
{
    char name[] = "/tmp/nns-transport-XXXXXX", c = 0;
    int fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(nns__transport_set_fds(&t, fd, fd, true), NNS_OK);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), 1);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), 0);
    assert_int_equal(nns__transport_send(&t, "yz", 2, &os), 2);
    nns__transport_close(&t, &mem);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* ---- half-close ---- */

static void test_half_close_of_a_socket(void **state)
{
    char c;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(nns__transport_set_fds(&t, fds[0], fds[0], true), NNS_OK);
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK);
    assert_int_equal(recv(fds[1], &c, 1, MSG_DONTWAIT), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(nns__transport_recv(&t, &c, 1, &os), 1);
    close(fds[1]);
    nns__transport_close(&t, &mem);
}

static void test_half_close_of_an_owned_pipe(void **state)
{
    char c;

    (void)state;
    use_pipe_to_write();
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK);
    assert_int_equal(read(pipe_fds[0], &c, 1), 0);
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK);
    close(pipe_fds[0]);
    nns__transport_close(&t, &mem);
}

static void test_borrowed_descriptors_stay_open(void **state)
{
    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(nns__transport_set_fds(&t, pipe_fds[0], pipe_fds[1], false), NNS_OK);
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK);
    nns__transport_close(&t, &mem);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* ---- set-up ---- */

static void test_wrong_descriptors(void **state)
{
    int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int folder = open("/", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(nns__transport_set_fds(&t, -1, -1, true), NNS_ERR_ARGUMENT);
    assert_int_equal(nns__transport_set_fds(&t, datagram, datagram, true), NNS_ERR_ARGUMENT);
    assert_int_equal(nns__transport_set_fds(&t, folder, folder, true), NNS_ERR_ARGUMENT);
    close(folder);
    assert_int_equal(nns__transport_set_fds(&t, folder, folder, true), NNS_ERR_ARGUMENT);
    assert_int_equal(t.kind, NNS__NO_TRANSPORT);
    nns__transport_close(&t, &mem);
    close(datagram);
}

static void test_tcp_sends_at_once(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 0;
    socklen_t size = sizeof(on);

    (void)state;
    assert_int_equal(nns__transport_set_fds(&t, fd, fd, true), NNS_OK);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_true(on != 0);
    nns__transport_close(&t, &mem);
}

#ifdef TCP_QUICKACK
static bool is_ready_soon(int fd)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000) == 1;
}

static bool acknowledges_quickly(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)), 0);
    nns__transport_await(&t);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, &size), 0);
    return on == 1;
}

/* Before each wait (the kernel forgets it), once the head of a record came alone. */
static void test_tcp_acknowledges_heads_at_once(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char bytes[16];

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    peer = accept(listener, NULL, NULL);
    assert_int_equal(nns__transport_set_fds(&t, fd, fd, true), NNS_OK);
    assert_false(acknowledges_quickly(fd));
    assert_int_equal(send(peer, "a whole record", 14, 0), 14);
    assert_true(is_ready_soon(fd));
    assert_int_equal(nns__transport_recv(&t, bytes, sizeof(bytes), &os), 14);
    assert_false(acknowledges_quickly(fd));
    assert_int_equal(send(peer, "head", 4, 0), 4);
    assert_true(is_ready_soon(fd));
    assert_int_equal(nns__transport_recv(&t, bytes, sizeof(bytes), &os), 4);
    assert_true(acknowledges_quickly(fd));
    assert_true(acknowledges_quickly(fd));
    nns__transport_close(&t, &mem);
    close(peer);
    close(listener);
}
#else
static void test_tcp_acknowledges_heads_at_once(void **state)
{
    (void)state;
    skip();
}
#endif

static void test_initial_bytes_come_first(void **state)
{
    char bytes[8];

    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(nns__transport_set_fds(&t, pipe_fds[0], pipe_fds[0], true), NNS_OK);
    assert_int_equal(nns__transport_set_initial(&t, &mem, "ab", 2, 5), NNS_OK);
    assert_int_equal(nns__transport_set_initial(&t, &mem, "cde", 3, 5), NNS_OK);
    assert_int_equal(nns__transport_set_initial(&t, &mem, "f", 1, 5), NNS_ERR_TOO_LARGE);
    assert_int_equal(write(pipe_fds[1], "g", 1), 1);
    assert_int_equal(nns__transport_recv(&t, bytes, 4, &os), 4);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(nns__transport_recv(&t, bytes, 4, &os), 1);
    assert_int_equal(bytes[0], 'e');
    assert_int_equal(nns__transport_recv(&t, bytes, 4, &os), 1);
    assert_int_equal(bytes[0], 'g');
    close(pipe_fds[1]);
    nns__transport_close(&t, &mem);
}

static void test_drain_forgets_what_came(void **state)
{
    static uint8_t bytes[10000];
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(nns__transport_set_fds(&t, fds[0], fds[0], true), NNS_OK);
    assert_int_equal(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
    nns__transport_drain(&t);
    assert_int_equal(nns__transport_recv(&t, bytes, 1, &os), NNS_WANT_RECV);
    close(fds[1]);
    nns__transport_close(&t, &mem);
}

/* ---- callbacks ---- */

static nns_ssize answer_recv(void *arg, void *buf, size_t len)
{
    (void)buf;
    (void)len;
    return *(nns_ssize *)arg;
}

static nns_ssize answer_send(void *arg, const void *buf, size_t len)
{
    (void)buf;
    (void)len;
    return *(nns_ssize *)arg;
}

static int answer_shutdown(void *arg)
{
    return (int)*(nns_ssize *)arg;
}

static void test_callbacks_are_not_trusted(void **state)
{
    static const struct {
        nns_ssize answer, recv, send;
    } rows[] = {
        {3, 3, 3},
        {4, 4, 4},
        {5, NNS_ERR_IO, NNS_ERR_IO}, /* more than was asked for */
        {0, 0, NNS_ERR_IO},
        {NNS_WANT_RECV, NNS_WANT_RECV, NNS_WANT_RECV},
        {NNS_WANT_SEND, NNS_WANT_SEND, NNS_WANT_SEND},
        {NNS_WANT_STEP, NNS_ERR_IO, NNS_ERR_IO},
        {NNS_ERR_TIMEOUT, NNS_ERR_TIMEOUT, NNS_ERR_TIMEOUT},
        {NNS_ERR_CANCELED, NNS_ERR_CANCELED, NNS_ERR_CANCELED},
        {NNS_ERR_PROTOCOL, NNS_ERR_IO, NNS_ERR_IO},
        {-1, NNS_ERR_IO, NNS_ERR_IO},
        {PTRDIFF_MIN, NNS_ERR_IO, NNS_ERR_IO},
    };
    const nns_io io = {sizeof(io), answer_recv, answer_send, answer_shutdown};
    nns_ssize answer;
    char bytes[4];

    (void)state;
    assert_int_equal(nns__transport_set_io(&t, &io, &answer), NNS_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer = rows[i].answer;
        assert_int_equal(nns__transport_recv(&t, bytes, 4, &os), rows[i].recv);
        assert_int_equal(nns__transport_send(&t, bytes, 4, &os), rows[i].send);
    }
    answer = NNS_OK;
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK);
    answer = NNS_ERR_IO;
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_ERR_IO);
    nns__transport_close(&t, &mem);
}

static void test_incomplete_callbacks(void **state)
{
    const nns_io good = {sizeof(good), answer_recv, answer_send, NULL};
    nns_io io = good;
    nns_ssize answer = 0;

    (void)state;
    assert_int_equal(nns__transport_set_io(&t, NULL, NULL), NNS_ERR_ARGUMENT);
    io.size = 1;
    assert_int_equal(nns__transport_set_io(&t, &io, NULL), NNS_ERR_ARGUMENT);
    io = good;
    io.recv_fn = NULL;
    assert_int_equal(nns__transport_set_io(&t, &io, NULL), NNS_ERR_ARGUMENT);
    io = good;
    io.send_fn = NULL;
    assert_int_equal(nns__transport_set_io(&t, &io, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns__transport_set_io(&t, &good, &answer), NNS_OK);
    assert_int_equal(nns__transport_shutdown(&t, &os), NNS_OK); /* there is none */
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pipe_raises_no_signal),
        TEST(test_earlier_signal_stays_pending),
        TEST(test_socket_raises_no_signal),
        TEST(test_full_pipe_is_not_waited_for),
        TEST(test_empty_pipe_is_not_waited_for),
        TEST(test_sockets_are_not_waited_for),
        TEST(test_regular_file),
        TEST(test_half_close_of_a_socket),
        TEST(test_half_close_of_an_owned_pipe),
        TEST(test_borrowed_descriptors_stay_open),
        TEST(test_wrong_descriptors),
        TEST(test_tcp_sends_at_once),
        TEST(test_tcp_acknowledges_heads_at_once),
        TEST(test_initial_bytes_come_first),
        TEST(test_drain_forgets_what_came),
        TEST(test_callbacks_are_not_trusted),
        TEST(test_incomplete_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
