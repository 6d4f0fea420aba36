/* SPDX-License-Identifier: MIT
 *
 * Back-pressure and memory, measured with the allocator: whoever is slow, neither the receive
 * window nor the send queue grows past what it begins with, and under bulk traffic not past
 * BUFFER_BYTES; nothing is held before bytes come, and what is not needed any more is given back.
 */
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

#define BASE 131072 /* what a buffer may become without bulk traffic */

struct world {
    struct test_alloc alloc;
    nns_engine *e;
    long idle; /* bytes that an open engine holds without buffers */
};

static const struct mock levels[] = {{.turns = 2}, {.turns = 2, .level_none = true}};

static void open_world(struct world *w, size_t level, int64_t buffer)
{
    nns_allocator allocator;
    nns_config *cfg;

    *w = (struct world){0};
    allocator = test_allocator(&w->alloc);
    cfg = config_make(&levels[level], &allocator);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_BUFFER_BYTES, buffer), NNS_OK);
    w->e = engine_opened_on(cfg, NNS_CLIENT);
    nns_engine_trim(w->e);
    w->idle = w->alloc.bytes;
    w->alloc.most = 0;
}

static void close_world(struct world *w)
{
    nns_engine_free(w->e);
    assert_int_equal(w->alloc.blocks, 0);
}

static void an_idle_engine_holds_no_buffers(void **state)
{
    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        struct world w;
        char got[8];

        open_world(&w, level, 131072);
        assert_true(w.idle < 2048);
        assert_int_equal(nns_engine_write(w.e, "x", 1), 1);
        assert_true(w.alloc.bytes > w.idle);
        nns_engine_trim(w.e); /* what holds something stays */
        assert_true(w.alloc.bytes > w.idle);
        assert_true(engine_drain(w.e, (uint8_t[64]){0}, 64) > 0);
        nns_engine_trim(w.e);
        assert_int_equal(w.alloc.bytes, w.idle);
        if (level == 0)
            engine_feed_data(w.e, 0, "abc", 3);
        else
            assert_int_equal(engine_feed(w.e, "abc", 3), NNS_OK);
        nns_engine_trim(w.e);
        assert_int_equal(nns_engine_read(w.e, got, 1), 1);
        nns_engine_trim(w.e);
        assert_int_equal(nns_engine_read(w.e, got + 1, sizeof(got) - 1), 2);
        assert_memory_equal(got, "abc", 3);
        nns_engine_trim(w.e);
        assert_int_equal(w.alloc.bytes, w.idle);
        close_world(&w);
    }
}

static void what_is_lent_is_not_given_back(void **state)
{
    struct world w;
    const uint8_t *bytes;
    uint8_t *room;
    size_t size;

    (void)state;
    open_world(&w, 0, 131072);
    assert_int_equal(nns_engine_recv_buf(w.e, &room, &size), NNS_OK);
    nns_engine_trim(w.e);
    memset(room, 0, size); /* the sanitizer looks */
    assert_int_equal(nns_engine_recv_ack(w.e, 0), NNS_OK);
    assert_int_equal(nns_engine_write_buf(w.e, &room, &size), NNS_OK);
    nns_engine_trim(w.e);
    memset(room, 1, size);
    assert_int_equal(nns_engine_write_ack(w.e, 1), NNS_OK);
    assert_int_equal(nns_engine_send_buf(w.e, &bytes, &size), NNS_OK);
    nns_engine_trim(w.e);
    assert_int_equal(bytes[0], 17);
    assert_int_equal(nns_engine_send_ack(w.e, size), NNS_OK);
    nns_engine_trim(w.e);
    assert_int_equal(w.alloc.bytes, w.idle);
    close_world(&w);
}

/* The most that may be out at once: the buffer, and while it moves the one it comes from. */
static void expect_bounded(const struct world *w)
{
    assert_true(w->alloc.bytes <= w->idle + BASE);
    assert_true(w->alloc.most <= w->idle + BASE + BASE);
}

static void a_queue_that_nobody_empties_fills_up(void **state)
{
    static const int64_t buffers[] = {131072, 200000, 1310720};
    uint8_t *bytes = test_calloc(100000, 1), *sent = test_malloc(2000000);

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        int64_t buffer = buffers[i / 2];
        size_t accepted = 0;
        nns_ssize moved;
        struct world w;

        open_world(&w, i % 2, buffer);
        while ((moved = nns_engine_write(w.e, bytes, 100000)) > 0)
            accepted += (size_t)moved;
        assert_int_equal(moved, NNS_WANT_SEND);
        assert_int_equal(nns_engine_state(w.e) & NNS_STATE_CAN_WRITE, 0);
        expect_bounded(&w);
        assert_true(accepted > BASE - 70000);
        for (int k = 0; k < 1000; k++) { /* insisting does not help */
            assert_true((moved = nns_engine_write(w.e, bytes, 100)) == NNS_WANT_SEND || moved > 0);
            accepted += moved > 0 ? (size_t)moved : 0;
        }
        expect_bounded(&w);
        assert_true(engine_drain(w.e, sent, 2000000) > accepted - 1);
        assert_true((nns_engine_state(w.e) & NNS_STATE_CAN_WRITE) != 0);
        close_world(&w);
    }
    test_free(bytes);
    test_free(sent);
}

/* A transport that takes a few bytes at a time, and a writer that fills every gap. */
static void a_slow_transport_holds_the_writer_back(void **state)
{
    uint8_t *bytes = test_calloc(70000, 1), sent[1000];
    uint32_t seed = 99;
    struct world w;

    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        open_world(&w, level, 131072);
        for (int i = 0; i < 20000; i++) {
            nns_ssize moved = nns_engine_write(w.e, bytes, next_random(&seed) % 70000);

            assert_true(moved >= 0 || moved == NNS_WANT_SEND);
            assert_true(nns_engine_send(w.e, sent, next_random(&seed) % 1000) >= 0);
            assert_true(w.alloc.bytes <= w.idle + 131072);
        }
        expect_bounded(&w);
        close_world(&w);
    }
    test_free(bytes);
}

static void a_window_that_nobody_reads_fills_up(void **state)
{
    static const int64_t buffers[] = {131072, 200000, 1310720};
    uint8_t *record = test_malloc(64532), *bytes = test_calloc(64512, 1);

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        int64_t buffer = buffers[i / 2];
        uint64_t sequence = 0;
        nns_ssize took;
        size_t size;
        struct world w;

        open_world(&w, i % 2, buffer);
        do {
            size = mock_record(record, NNS_SERVER, sequence++, true, bytes, 64512);
            took = nns_engine_recv(w.e, record, size);
        } while (took == (nns_ssize)size);
        assert_true(took >= 0);
        assert_int_equal(nns_engine_recv(w.e, record, 1), 0);
        assert_int_equal(nns_engine_state(w.e) & NNS_STATE_WANT_RECV, 0);
        assert_int_equal(nns__buffer_used(&w.e->recv.window), BASE);
        expect_bounded(&w);
        do { /* what has been opened stands in the window until it was read */
            assert_true(nns_engine_read(w.e, bytes, 64512) > 0);
        } while (w.e->recv.plain_next < w.e->recv.plain_count);
        assert_true((nns_engine_state(w.e) & NNS_STATE_WANT_RECV) != 0); /* there is room again */
        close_world(&w);
    }
    test_free(record);
    test_free(bytes);
}

/* A peer that announces much and sends little costs little. */
static void an_announcement_costs_nothing(void **state)
{
    struct mock script = levels[0];
    struct world w;
    struct test_alloc alloc = {0};
    nns_allocator allocator = test_allocator(&alloc);
    nns_engine *e = engine_on(config_make(&script, &allocator), NNS_SERVER);

    (void)state;
    assert_int_equal(engine_feed(e, "\x16\x01\x00\xff\xffxx", 7), NNS_OK);
    assert_true(alloc.bytes < 8192);
    nns_engine_free(e);
    assert_int_equal(alloc.blocks, 0);
    open_world(&w, 0, 131072);
    assert_int_equal(engine_feed(w.e, "\x00\x00\x01\x00xx", 6), NNS_OK);
    assert_int_equal(nns_engine_read(w.e, (char[1]){0}, 1), NNS_WANT_RECV);
    assert_true(w.alloc.bytes <= w.idle + 4096);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_engine_holds_no_buffers),
        cmocka_unit_test(what_is_lent_is_not_given_back),
        cmocka_unit_test(a_queue_that_nobody_empties_fills_up),
        cmocka_unit_test(a_slow_transport_holds_the_writer_back),
        cmocka_unit_test(a_window_that_nobody_reads_fills_up),
        cmocka_unit_test(an_announcement_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
