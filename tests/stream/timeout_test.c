/* SPDX-License-Identifier: MIT
 *
 * Deadlines of a stream: total for the handshake, whatever the peer and the mechanism do; idle
 * for reads and writes. The clock is the test's, except where a mechanism really blocks.
 */
#include "stream/ends.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHORT_MS 50 /* a real deadline */

static struct test_clock clock_now;

/* Both streams on the test's clock. */
static void make_timed(struct ends *ends)
{
    struct nns__time time;

    clock_now = (struct test_clock){.now = 1000000};
    time = test_time(&clock_now);
    ends_make(ends);
    nns__stream_set_time(ends->client, &time);
    nns__stream_set_time(ends->server, &time);
}

static void test_silent_peer(void **state)
{
    struct ends ends = {.fds = {-1, -1}};

    (void)state;
    make_timed(&ends);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    assert_int_equal(clock_now.now, 1000000 + 10000);
    assert_int_equal(nns_error_phase(nns_stream_error(ends.server)), NNS_PHASE_HANDSHAKE);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    ends_free(&ends);
}

/* One byte at each wait: every byte is progress, and the deadline stands. */
struct drip {
    struct test_clock clock;
    int fd;
    size_t drops;
};

static int drip_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    static const char record[] = "\x16\x01\x00\xff\xff";
    struct drip *drip = arg;
    char drop = drip->drops < 5 ? record[drip->drops] : 'x';

    drip->clock.now += timeout_ms < 1500 ? timeout_ms : 1500;
    drip->drops += write(drip->fd, &drop, 1) == 1;
    return poll(fds, count, 0);
}

static int64_t drip_now(void *arg)
{
    return ((struct drip *)arg)->clock.now;
}

static void test_dripping_peer(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct drip drip = {.clock = {.now = 5}};
    const struct nns__time time = {.now = drip_now, .wait = drip_wait, .arg = &drip};

    (void)state;
    ends_make(&ends);
    drip.fd = ends.fds[0];
    nns__stream_set_time(ends.server, &time);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    assert_int_equal(drip.clock.now, 5 + 10000);
    assert_int_equal(drip.drops, 7);
    ends_free(&ends);
}

/* Bytes that are always there: no call ever waits, and the deadline stands. */
static nns_ssize ready_recv(void *arg, void *buf, size_t len)
{
    static const char record[] = "\x16\x01\x00\xff\xff";
    struct drip *drip = arg;

    (void)len;
    drip->clock.now += 1500;
    *(char *)buf = drip->drops < 5 ? record[drip->drops] : 'x';
    drip->drops++;
    return 1;
}

static nns_ssize ready_send(void *arg, const void *buf, size_t len)
{
    (void)arg;
    (void)buf;
    return (nns_ssize)len;
}

static void test_peer_that_never_pauses(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), ready_recv, ready_send, NULL};
    nns_stream *server = ends_stream(ends_config(&script), NNS_SERVER);
    struct drip drip = {.clock = {.now = 5}};
    const struct nns__time time = {.now = drip_now, .wait = drip_wait, .arg = &drip};

    (void)state;
    assert_int_equal(nns_stream_set_io(server, &io, &drip), NNS_OK);
    nns__stream_set_time(server, &time);
    assert_int_equal(nns_stream_handshake(server), NNS_ERR_TIMEOUT);
    assert_int_equal(drip.drops, 7);
    nns_stream_free(server);
}

/* A peer that does not take our token. */
static void test_deaf_peer(void **state)
{
    struct ends ends = {.server_script = {.filler = 60000}};
    static uint8_t bytes[65536];

    (void)state;
    make_timed(&ends);
    assert_int_equal(write(ends.fds[0], "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    while (send(ends.fds[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    assert_int_equal(clock_now.now, 1000000 + 10000);
    ends_free(&ends);
}

static void test_no_deadline_is_no_timeout(void **state)
{
    static const struct mock script;
    nns_config *cfg = ends_config(&script);
    struct ends ends = {.server_cfg = cfg};
    struct actor client = {.act = act_handshake};

    (void)state;
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_SERVER_HANDSHAKE_MS, 0), NNS_OK);
    ends_make(&ends);
    client.stream = ends.client;
    actor_start(&client);
    clock_now = (struct test_clock){.last_timeout = 0};
    nns__stream_set_time(ends.server, &(struct nns__time){.now = test_time(&clock_now).now,
                                                          .wait = test_time(&clock_now).wait,
                                                          .arg = &clock_now});
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    assert_int_equal(clock_now.now, 0);
    assert_true(clock_now.waits == 0 || clock_now.last_timeout == -1);
    ends_free(&ends);
}

/* Every other wait is interrupted by a signal, which changes nothing. */
static int interrupted_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct gate *waits = arg;

    gate_pass(waits);
    if (gate_inside(waits) % 2 == 0)
        return poll(fds, count, timeout_ms);
    errno = EINTR;
    return -1;
}

static void test_signals_do_not_matter(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor client = {.act = act_handshake};
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);

    (void)state;
    time.wait = interrupted_wait;
    ends_make(&ends);
    nns__stream_set_time(ends.client, &time);
    client.stream = ends.client;
    actor_start(&client);
    gate_await(&waits, 2);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    ends_free(&ends);
}

/* ---- the mechanism ---- */

static void test_stuck_mechanism(void **state)
{
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    nns_config *cfg = ends_config(&script);
    struct ends ends = {.client_cfg = cfg};

    (void)state;
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_CLIENT_HANDSHAKE_MS, SHORT_MS), NNS_OK);
    ends_make(&ends);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_TIMEOUT);
    gate_await(&gate, 1);
    assert_int_equal(gate_passed(&gate), 0); /* it blocks still, and nobody waits for it */
    ends_free(&ends);
    gate_open(&gate);
    workers_await_none();
    assert_int_equal(gate_passed(&gate), 1);
}

/* A client's first token, as the mock makes it. */
static const char first_token[] = "\x16\x01\x00\x00\x05MOCK\x01";

static void test_stuck_mechanism_of_a_server(void **state)
{
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    nns_config *cfg = ends_config(&script);
    struct ends ends = {.server_cfg = cfg};

    (void)state;
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_SERVER_HANDSHAKE_MS, SHORT_MS), NNS_OK);
    ends_make(&ends);
    assert_int_equal(write(ends.fds[0], first_token, 10), 10);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    gate_await(&gate, 1);
    assert_int_equal(gate_passed(&gate), 0);
    ends_free(&ends);
    gate_open(&gate);
    workers_await_none();
}

static void pass_time(void *arg)
{
    ((struct test_clock *)arg)->now += 20000;
}

/* The mechanism is complete, but too late: the client must not hear that it is in. */
static void test_deadline_after_the_last_step(void **state)
{
    struct ends ends = {.server_script = {.on_step = pass_time, .arg = &clock_now}};
    char c;

    (void)state;
    make_timed(&ends);
    assert_int_equal(write(ends.fds[0], first_token, 10), 10);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TIMEOUT);
    assert_int_equal(nns_error_phase(nns_stream_error(ends.server)), NNS_PHASE_HANDSHAKE);
    assert_string_equal(nns_error_message(nns_stream_error(ends.server)), "handshake: timed out");
    assert_int_equal(recv(ends.fds[0], &c, 1, MSG_DONTWAIT), 0);
    ends_free(&ends);
}

/* Two are stuck with one realm's KDC; a third waits for a thread until its own deadline, and
 * another realm's goes through. */
static int no_password(void *arg, char *buf, size_t size)
{
    (void)arg;
    (void)buf;
    (void)size;
    return NNS_ERR_CREDENTIALS;
}

/* user logs in at his own realm's KDC, whatever realm the targets are of. */
static void dead_realm(const char *user, const char *target, const char *other_target)
{
    static const struct mock free_script;
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    struct ends stuck[3], good = {.client_cfg = ends_config(&free_script)};
    struct actor server = {.act = act_handshake}, clients[2];
    size_t busy, idle, waiting;

    for (size_t i = 0; i < COUNT(stuck); i++) {
        nns_config *cfg = ends_config(&script);

        if (user != NULL)
            assert_int_equal(nns_config_set_user(cfg, user, no_password, NULL), NNS_OK);
        if (i == 2)
            assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_CLIENT_HANDSHAKE_MS, SHORT_MS),
                             NNS_OK);
        stuck[i] = (struct ends){.client_cfg = cfg};
        ends_make(&stuck[i]);
        assert_int_equal(nns_engine_set_target(nns_stream_engine(stuck[i].client),
                                               i == 0 ? target : other_target),
                         NNS_OK);
    }
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = (struct actor){.stream = stuck[i].client, .act = act_handshake};
        actor_start(&clients[i]);
    }
    gate_await(&gate, 2);
    assert_int_equal(nns_stream_handshake(stuck[2].client), NNS_ERR_TIMEOUT);
    assert_int_equal(gate_inside(&gate), 2);
    nns__worker_counts(&busy, &idle, &waiting);
    assert_int_equal(busy, 2);
    assert_int_equal(waiting, 0); /* the third has left the queue */
    ends_make(&good);
    server.stream = good.server;
    actor_start(&server);
    assert_int_equal(nns_stream_handshake(good.client), NNS_OK);
    assert_int_equal(actor_end(&server), NNS_OK);
    for (size_t i = 0; i < COUNT(clients); i++) {
        nns_stream_cancel(clients[i].stream);
        assert_int_equal(actor_end(&clients[i]), NNS_ERR_CANCELED);
    }
    for (size_t i = 0; i < COUNT(stuck); i++)
        ends_free(&stuck[i]);
    ends_free(&good);
    gate_open(&gate);
    workers_await_none();
}

static void test_dead_realm_does_not_hold_all(void **state)
{
    (void)state;
    dead_realm(NULL, "host/a@DEAD.TEST", "host/b@DEAD.TEST");
    dead_realm("alice@DEAD.TEST", "host/a@A.TEST", "host/b@B.TEST");
    dead_realm("DEAD.TEST\\alice", "host/a", "host/b@B.TEST");
}

static void test_too_many_calls(void **state)
{
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    struct ends ends[NNS__WORKER_PER_KEY + NNS__WORKER_QUEUE + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        ends[i] = (struct ends){.client_cfg = ends_config(&script)};
        ends_make(&ends[i]);
        assert_int_equal(nns_stream_set_blocking(ends[i].client, 0), NNS_OK);
        assert_int_equal(nns_stream_handshake(ends[i].client),
                         i + 1 < COUNT(ends) ? NNS_WANT_STEP : NNS_ERR_BUSY);
    }
    gate_await(&gate, 2);
    for (size_t i = 0; i < COUNT(ends); i++)
        ends_free(&ends[i]);
    assert_int_equal(gate_inside(&gate), 2);
    gate_open(&gate);
    workers_await_none();
}

/* ---- idle ---- */

static void open_timed(struct ends *ends, int64_t idle_ms)
{
    static const struct mock script;
    struct nns__time time;

    ends->client_cfg = ends_config(&script);
    assert_int_equal(nns_config_set_limit(ends->client_cfg, NNS_LIMIT_IDLE_MS, idle_ms), NNS_OK);
    ends_open(ends);
    clock_now = (struct test_clock){.now = 77};
    time = test_time(&clock_now);
    nns__stream_set_time(ends->client, &time);
}

static void test_idle_read(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char c;

    (void)state;
    open_timed(&ends, 3000);
    assert_int_equal(nns_stream_write(ends.server, "x", 1), 1);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), 1);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_TIMEOUT);
    assert_int_equal(clock_now.now, 77 + 3000);
    assert_int_equal(nns_error_phase(nns_stream_error(ends.client)), NNS_PHASE_DATA);
    ends_free(&ends);
}

static void test_idle_write(void **state)
{
    static uint8_t bytes[4000000];
    struct ends ends = {.fds = {-1, -1}};

    (void)state;
    open_timed(&ends, 3000);
    assert_int_equal(nns_stream_write(ends.client, bytes, sizeof(bytes)), NNS_ERR_TIMEOUT);
    assert_int_equal(clock_now.now, 77 + 3000);
    ends_free(&ends);
}

/* The idle time begins anew when bytes move, and runs on between calls that move none. */
static void test_idle_nonblocking(void **state)
{
    static const struct mock script;
    nns_config *cfg = ends_config(&script);
    nns_pollfd fds[3];
    struct ends ends = {.client_cfg = cfg};
    struct actor server = {.act = act_handshake};
    struct nns__time time;
    int32_t timeout;
    int rc = NNS_WANT_STEP;
    char c;

    (void)state;
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_IDLE_MS, 3000), NNS_OK);
    ends_make(&ends);
    assert_int_equal(nns_stream_set_blocking(ends.client, 0), NNS_OK);
    server.stream = ends.server;
    actor_start(&server);
    while (rc != NNS_OK) {
        struct pollfd p[3];
        int n = nns_stream_poll(ends.client, fds, &timeout);

        for (int i = 0; i < n; i++)
            p[i] = (struct pollfd){.fd = fds[i].fd, .events = POLLIN};
        assert_true(poll(p, (nfds_t)n, timeout) >= 0);
        rc = nns_stream_handshake(ends.client);
        assert_true(rc == NNS_OK || nns_result_class(rc) == NNS_CLASS_RETRY);
    }
    assert_int_equal(actor_end(&server), NNS_OK);
    clock_now = (struct test_clock){.now = 77};
    time = test_time(&clock_now);
    nns__stream_set_time(ends.client, &time);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_WANT_RECV);
    clock_now.now += 2999;
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_WANT_RECV);
    assert_true(nns_stream_poll(ends.client, fds, &timeout) > 0);
    assert_int_equal(timeout, 1);
    assert_int_equal(nns_stream_write(ends.server, "x", 1), 1);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), 1);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_WANT_RECV);
    clock_now.now += 2999;
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_WANT_RECV);
    clock_now.now += 1;
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_TIMEOUT);
    ends_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_dripping_peer),
        cmocka_unit_test(test_peer_that_never_pauses),
        cmocka_unit_test(test_deaf_peer),
        cmocka_unit_test(test_no_deadline_is_no_timeout),
        cmocka_unit_test(test_signals_do_not_matter),
        cmocka_unit_test(test_stuck_mechanism),
        cmocka_unit_test(test_stuck_mechanism_of_a_server),
        cmocka_unit_test(test_deadline_after_the_last_step),
        cmocka_unit_test(test_dead_realm_does_not_hold_all),
        cmocka_unit_test(test_too_many_calls),
        cmocka_unit_test(test_idle_read),
        cmocka_unit_test(test_idle_write),
        cmocka_unit_test(test_idle_nonblocking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
