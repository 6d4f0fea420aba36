/* SPDX-License-Identifier: MIT
 *
 * The trace callback: both directions, handshake and records, exactly the bytes that passed.
 */
#include "support/check.h"
#include "support/pair.h"

#include <pthread.h>
#include <string.h>

struct trace {
    const nns_engine *engine;
    struct tape in, out;
};

static void record(void *arg, const nns_engine *e, int outgoing, const void *data, size_t len)
{
    struct trace *t = arg;

    assert_true(len > 0);
    if (t->engine == NULL)
        t->engine = e;
    assert_ptr_equal(t->engine, e);
    tape_add(outgoing != 0 ? &t->out : &t->in, data, len);
}

static void trace_free(struct trace *t)
{
    tape_free(&t->in);
    tape_free(&t->out);
}

static nns_config *traced(const struct mock *script, struct trace *t)
{
    nns_config *cfg = config_make(script, NULL);

    assert_int_equal(nns_config_set_trace(cfg, record, t), NNS_OK);
    return cfg;
}

static void expect_same(const struct tape *a, const struct tape *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* A conversation in pieces of chunk bytes, compared with what the test's transport carried. */
static void converse(size_t chunk, bool level_none)
{
    struct tape wire_out = {0}, wire_in = {0};
    struct trace client = {0}, server = {0};
    struct pair p = {.chunk = chunk, .from_client = &wire_out, .from_server = &wire_in};

    p.client_script.level_none = p.server_script.level_none = level_none;
    p.client_cfg = traced(&p.client_script, &client);
    p.server_cfg = traced(&p.server_script, &server);
    pair_open(&p);
    pair_transfer(&p, p.client, p.server, "a question", 10);
    pair_transfer(&p, p.server, p.client, "an answer", 9);
    assert_true(wire_out.size >= 10 + 10);
    expect_same(&client.out, &wire_out);
    expect_same(&client.in, &wire_in);
    expect_same(&server.in, &wire_out);
    expect_same(&server.out, &wire_in);
    assert_ptr_equal(client.engine, p.client);
    assert_ptr_equal(server.engine, p.server);
    pair_free(&p);
    trace_free(&client);
    trace_free(&server);
    tape_free(&wire_out);
    tape_free(&wire_in);
}

static void both_directions_are_what_the_wire_carried(void **state)
{
    (void)state;
    converse(0, false);
    converse(1, false);
    converse(7, false);
    converse(0, true);
}

/* What the peer sealed is shown as it came, before it is opened in place. */
static void records_are_shown_sealed(void **state)
{
    struct mock script = {0};
    struct trace t = {0};
    nns_engine *e = engine_opened_on(traced(&script, &t), NNS_CLIENT);
    uint8_t expected[64];
    size_t size = mock_record(expected, NNS_SERVER, 0, true, "secret", 6), before = t.in.size;

    (void)state;
    engine_feed_data(e, 0, "secret", 6);
    assert_int_equal(t.in.size, before + size);
    assert_memory_equal(t.in.bytes + before, expected, size);
    nns_engine_free(e);
    trace_free(&t);
}

/* Bytes that were lent but not taken have not passed. */
static void only_acknowledged_bytes_are_shown(void **state)
{
    struct mock script = {0};
    struct trace t = {0};
    nns_engine *e = engine_opened_on(traced(&script, &t), NNS_CLIENT);
    const uint8_t *bytes;
    size_t size, before = t.out.size;
    uint8_t *room;

    (void)state;
    assert_int_equal(nns_engine_write(e, "x", 1), 1);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, 0), NNS_OK);
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_OK);
    assert_int_equal(nns_engine_recv_ack(e, 0), NNS_OK);
    assert_int_equal(t.out.size, before);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, 2), NNS_OK);
    assert_int_equal(t.out.size, before + 2);
    nns_engine_free(e);
    trace_free(&t);
}

/* ---- each half on its own thread ---- */

#define ROUNDS 2000

static void *send_all(void *arg)
{
    nns_engine *e = arg;
    uint8_t sink[64];

    for (int i = 0; i < ROUNDS; i++) {
        if (nns_engine_write(e, "x", 1) != 1 || nns_engine_send(e, sink, sizeof(sink)) <= 0)
            return NULL;
    }
    return e;
}

static void two_threads_trace_at_once(void **state)
{
    struct mock script = {0};
    struct trace t = {0};
    nns_engine *e = engine_opened_on(traced(&script, &t), NNS_CLIENT);
    size_t record_size = 4 + MOCK_OVERHEAD + 1, in = t.in.size, out = t.out.size;
    pthread_t thread;
    void *sent;
    char got;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, send_all, e), 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        engine_feed_data(e, i, "y", 1);
        assert_int_equal(nns_engine_read(e, &got, 1), 1);
    }
    assert_int_equal(pthread_join(thread, &sent), 0);
    assert_non_null(sent);
    assert_int_equal(t.in.size - in, ROUNDS * record_size);
    assert_int_equal(t.out.size - out, ROUNDS * record_size);
    nns_engine_free(e);
    trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_are_what_the_wire_carried),
        cmocka_unit_test(records_are_shown_sealed),
        cmocka_unit_test(only_acknowledged_bytes_are_shown),
        cmocka_unit_test(two_threads_trace_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
