/* SPDX-License-Identifier: MIT
 *
 * A stream with a pass of a gate: it says how far the handshake is, gives way when it has to, and
 * frees the pass with itself.
 */
#include "stream/ends.h"

#include <string.h>

/* Streams with a pass of a gate that lets so many handshakes be. */
static nns_gate *make_gate(int64_t handshakes)
{
    nns_config *cfg = NULL;
    nns_gate *g = NULL;

    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_HANDSHAKES, handshakes), NNS_OK);
    assert_int_equal(nns_gate_new(&g, cfg), NNS_OK);
    nns_config_unref(cfg);
    return g;
}

static void give_pass(nns_gate *g, nns_stream *s)
{
    nns_pass *pass = NULL;

    assert_int_equal(nns_gate_admit(g, NULL, 0, &pass, NULL), NNS_OK);
    assert_int_equal(nns_stream_set_pass(s, pass), NNS_OK);
}

static void expect_counts(nns_gate *g, size_t connections, size_t handshakes)
{
    size_t c, h;

    nns_gate_counts(g, &c, &h);
    assert_int_equal(c, connections);
    assert_int_equal(h, handshakes);
}

static void test_arguments(void **state)
{
    nns_gate *g = make_gate(10);
    struct ends ends = {.fds = {-1, -1}};
    nns_pass *pass = NULL;

    (void)state;
    ends_make(&ends);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &pass, NULL), NNS_OK);
    assert_int_equal(nns_stream_set_pass(NULL, pass), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_set_pass(ends.server, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_set_pass(ends.client, pass), NNS_ERR_ARGUMENT);
    give_pass(g, ends.server);
    assert_int_equal(nns_stream_set_pass(ends.server, pass), NNS_ERR_STATE);
    nns_pass_free(pass); /* still ours */
    ends_free(&ends);
    expect_counts(g, 0, 0);
    nns_gate_free(g);
}

static void test_an_open_stream_is_a_connection(void **state)
{
    nns_gate *g = make_gate(1);
    struct ends ends = {.fds = {-1, -1}};
    struct actor client = {.act = act_handshake};
    nns_pass *other = NULL;
    char c;

    (void)state;
    ends_make(&ends);
    give_pass(g, ends.server);
    expect_counts(g, 1, 1);
    client.stream = ends.client;
    actor_start(&client);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    expect_counts(g, 1, 0);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &other, NULL), NNS_OK);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
    assert_int_equal(nns_stream_read(ends.server, &c, 1), 1);
    nns_pass_free(other);
    ends_free(&ends);
    expect_counts(g, 0, 0);
    nns_gate_free(g);
}

/* The server's thread waits for a client that says nothing. */
static void test_a_silent_client_gives_way(void **state)
{
    nns_gate *g = make_gate(1);
    struct ends ends = {.fds = {-1, -1}};
    struct actor server = {.act = act_handshake};
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);
    nns_pass *newcomer = NULL;

    (void)state;
    ends_make(&ends);
    give_pass(g, ends.server);
    nns__stream_set_time(ends.server, &time);
    server.stream = ends.server;
    actor_start(&server);
    gate_await(&waits, 1);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &newcomer, NULL), NNS_OK);
    assert_int_equal(actor_end(&server), NNS_ERR_BUSY);
    assert_non_null(strstr(nns_error_message(nns_stream_error(ends.server)), "gives way"));
    expect_counts(g, 2, 1);
    ends_free(&ends);
    expect_counts(g, 1, 1);
    nns_pass_free(newcomer);
    nns_gate_free(g);
}

/* Its token is with the mechanism, which takes its time. */
static void test_a_client_that_has_spoken_stays(void **state)
{
    nns_gate *g = make_gate(1);
    struct gate mechanism = GATE_INIT;
    struct ends ends = {.server_script = {.on_step = gate_pass, .arg = &mechanism}};
    struct actor client = {.act = act_handshake}, server = {.act = act_handshake};
    nns_pass *newcomer = NULL;
    int32_t limit = 0;

    (void)state;
    ends_make(&ends);
    give_pass(g, ends.server);
    client.stream = ends.client;
    server.stream = ends.server;
    actor_start(&client);
    actor_start(&server);
    gate_await(&mechanism, 1);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &newcomer, &limit), NNS_ERR_BUSY);
    assert_int_equal(limit, NNS_LIMIT_HANDSHAKES);
    gate_open(&mechanism);
    assert_int_equal(actor_end(&server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    ends_free(&ends);
    nns_gate_free(g);
}

/* The gate and the owner of the stream at the same time: the stream is freed or canceled, never
 * both at once. */
static nns_ssize act_free(struct actor *actor)
{
    nns_stream_free(actor->stream);
    return 0;
}

static void test_eviction_and_free_at_once(void **state)
{
    static const struct mock script;

    (void)state;
    for (int i = 0; i < 200; i++) {
        nns_gate *g = make_gate(1);
        struct actor owner = {.act = act_free,
                              .stream = ends_stream(ends_config(&script), NNS_SERVER)};
        nns_pass *newcomer = NULL;

        give_pass(g, owner.stream);
        actor_start(&owner);
        assert_int_equal(nns_gate_admit(g, NULL, 0, &newcomer, NULL), NNS_OK);
        assert_int_equal(actor_end(&owner), 0);
        nns_pass_free(newcomer);
        nns_gate_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_an_open_stream_is_a_connection),
        cmocka_unit_test(test_a_silent_client_gives_way),
        cmocka_unit_test(test_a_client_that_has_spoken_stays),
        cmocka_unit_test(test_eviction_and_free_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
