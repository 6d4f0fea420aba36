/* SPDX-License-Identifier: MIT
 *
 * nns_stream_cancel() from other threads and from a signal handler, and nns_stream_free() while
 * the mechanism runs.
 */
#include "stream/ends.h"

#include <signal.h>
#include <unistd.h>

#define MIB ((size_t)1048576)

static void test_in_a_blocked_mechanism(void **state)
{
    struct gate gate = GATE_INIT;
    struct ends ends = {.client_script = {.on_step = gate_pass, .arg = &gate}};
    struct actor client = {.act = act_handshake};

    (void)state;
    ends_make(&ends);
    client.stream = ends.client;
    actor_start(&client);
    gate_await(&gate, 1);
    nns_stream_cancel(ends.client);
    assert_int_equal(actor_end(&client), NNS_ERR_CANCELED);
    assert_int_equal(gate_passed(&gate), 0);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_CANCELED);
    assert_int_equal(nns_error_code(nns_stream_error(ends.client)), NNS_ERR_CANCELED);
    ends_free(&ends);
    gate_open(&gate);
    workers_await_none();
}

/* Without any deadline, too. */
static void test_in_a_blocked_mechanism_without_deadline(void **state)
{
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    nns_config *cfg = ends_config(&script);
    struct ends ends = {.client_cfg = cfg};
    struct actor client = {.act = act_handshake};

    (void)state;
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_CLIENT_HANDSHAKE_MS, 0), NNS_OK);
    ends_make(&ends);
    client.stream = ends.client;
    actor_start(&client);
    gate_await(&gate, 1);
    nns_stream_cancel(ends.client);
    assert_int_equal(actor_end(&client), NNS_ERR_CANCELED);
    assert_int_equal(gate_passed(&gate), 0);
    ends_free(&ends);
    gate_open(&gate);
    workers_await_none();
}

/* Cancels when the actor has come to wait. */
static void cancel_in_wait(struct actor *actor)
{
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);

    nns__stream_set_time(actor->stream, &time);
    actor_start(actor);
    gate_await(&waits, 1);
    nns_stream_cancel(actor->stream);
    assert_int_equal(actor_end(actor), NNS_ERR_CANCELED);
    nns__stream_set_time(actor->stream, &nns__time_system);
}

static void test_in_a_handshake(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor server = {.act = act_handshake};

    (void)state;
    ends_make(&ends);
    server.stream = ends.server;
    cancel_in_wait(&server);
    ends_free(&ends);
}

static void test_in_a_read(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor reader = {.act = act_read};
    char c;

    (void)state;
    ends_open(&ends);
    reader.stream = ends.client;
    cancel_in_wait(&reader);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_CANCELED);
    assert_int_equal(nns_stream_write(ends.client, &c, 1), NNS_ERR_CANCELED);
    assert_int_equal(nns_stream_flush(ends.client), NNS_ERR_CANCELED);
    assert_int_equal(nns_stream_shutdown(ends.client), NNS_ERR_CANCELED);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_CANCELED);
    ends_free(&ends);
}

static void test_in_a_write(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor writer = {.act = act_write, .size = 64 * MIB};

    (void)state;
    ends_open(&ends);
    writer.stream = ends.client;
    cancel_in_wait(&writer);
    ends_free(&ends);
}

static void test_of_two_threads_at_once(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor writer = {.act = act_write, .size = 64 * MIB}, reader = {.act = act_read};

    (void)state;
    ends_open(&ends);
    writer.stream = reader.stream = ends.client;
    actor_start(&writer);
    actor_start(&reader);
    nns_stream_cancel(ends.client);
    assert_int_equal(actor_end(&writer), NNS_ERR_CANCELED);
    assert_int_equal(actor_end(&reader), NNS_ERR_CANCELED);
    ends_free(&ends);
}

static void test_before_anything(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    nns_pollfd fds[3];
    int32_t timeout;

    (void)state;
    ends_make(&ends);
    nns_stream_cancel(ends.client);
    nns_stream_cancel(ends.client);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_CANCELED);
    assert_int_equal(nns_stream_poll(ends.client, fds, &timeout), NNS_ERR_CANCELED);
    ends_free(&ends);
}

static void test_data_that_waits_is_not_delivered(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char bytes[4];

    (void)state;
    ends_open(&ends);
    assert_int_equal(nns_stream_write(ends.server, "abcd", 4), 4);
    assert_int_equal(nns_stream_read(ends.client, bytes, 1), 1);
    nns_stream_cancel(ends.client);
    assert_int_equal(nns_stream_read(ends.client, bytes, 1), NNS_ERR_CANCELED);
    ends_free(&ends);
}

/* ---- from a signal handler ---- */

static nns_stream *to_cancel;

static void cancel_it(int number)
{
    (void)number;
    nns_stream_cancel(to_cancel);
}

static void test_from_a_signal_handler(void **state)
{
    struct sigaction action = {.sa_handler = cancel_it}, before;
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);
    struct ends ends = {.fds = {-1, -1}};
    struct actor reader = {.act = act_read};

    (void)state;
    ends_open(&ends);
    to_cancel = reader.stream = ends.client;
    nns__stream_set_time(ends.client, &time);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    actor_start(&reader);
    gate_await(&waits, 1);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(actor_end(&reader), NNS_ERR_CANCELED);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    ends_free(&ends);
}

/* ---- free ---- */

static void test_free_while_the_mechanism_runs(void **state)
{
    struct gate gate = GATE_INIT;
    struct ends ends = {.client_script = {.on_step = gate_pass, .arg = &gate}};

    (void)state;
    ends_make(&ends);
    assert_int_equal(nns_stream_set_blocking(ends.client, 0), NNS_OK);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_WANT_STEP);
    gate_await(&gate, 1);
    ends_free(&ends);
    gate_open(&gate);
    workers_await_none();
    assert_int_equal(gate_passed(&gate), 1);
}

static void test_free_at_any_moment(void **state)
{
    struct gate gate = GATE_INIT;

    (void)state;
    gate_open(&gate);
    for (int i = 0; i < 300; i++) {
        struct ends ends = {.client_script = {.on_step = gate_pass, .arg = &gate}};

        ends_make(&ends);
        assert_int_equal(nns_stream_set_blocking(ends.client, 0), NNS_OK);
        for (int j = 0; j < i % 5; j++)
            assert_int_equal(nns_result_class(nns_stream_handshake(ends.client)), NNS_CLASS_RETRY);
        ends_free(&ends);
        workers_await_none(); /* the script is on this stack */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_a_blocked_mechanism),
        cmocka_unit_test(test_in_a_blocked_mechanism_without_deadline),
        cmocka_unit_test(test_in_a_handshake),
        cmocka_unit_test(test_in_a_read),
        cmocka_unit_test(test_in_a_write),
        cmocka_unit_test(test_of_two_threads_at_once),
        cmocka_unit_test(test_before_anything),
        cmocka_unit_test(test_data_that_waits_is_not_delivered),
        cmocka_unit_test(test_from_a_signal_handler),
        cmocka_unit_test(test_free_while_the_mechanism_runs),
        cmocka_unit_test(test_free_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
