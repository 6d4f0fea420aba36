/* SPDX-License-Identifier: MIT
 *
 * Window and queue under bulk traffic, measured with the allocator: they grow with bytes that
 * arrived and were read, or went out, to whole batches of records within BUFFER_BYTES; they shrink
 * when little passes, and trim leaves what is needed for what is held.
 */
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#include "frame/data_record.h"

#include <string.h>

#define BASE ((size_t)131072)
#define WIRE ((size_t)4194304)
#define CYCLES 64

static const struct mock encrypted = {.turns = 2}, bare = {.turns = 2, .level_none = true};

struct world {
    struct test_alloc alloc;
    nns_engine *e;
    long idle;         /* bytes that an open engine holds without buffers */
    uint64_t sequence; /* of the next record from the peer */
    uint8_t *wire;     /* room for records */
    uint8_t *plain;
};

static void open_world(struct world *w, const struct mock *script, int64_t limit)
{
    nns_allocator allocator;
    nns_config *cfg;

    *w = (struct world){.wire = test_calloc(WIRE, 1), .plain = test_calloc(WIRE, 1)};
    allocator = test_allocator(&w->alloc);
    cfg = config_make(script, &allocator);
    if (limit != 0)
        assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_BUFFER_BYTES, limit), NNS_OK);
    w->e = engine_opened_on(cfg, NNS_CLIENT);
    nns_engine_trim(w->e);
    w->idle = w->alloc.bytes;
}

static void close_world(struct world *w)
{
    nns_engine_free(w->e);
    assert_int_equal(w->alloc.blocks, 0);
    test_free(w->wire);
    test_free(w->plain);
}

/* ---- receiving ---- */

/* Records of size bytes of payload, at least total bytes of them. */
static size_t make_records(struct world *w, size_t size, size_t total)
{
    size_t at = 0;

    while (at < total)
        at += mock_record(w->wire + at, NNS_SERVER, w->sequence++, true, w->plain, size);
    return at;
}

/* Has the engine take the records in as few receives as it allows; reads all after each. */
static void receive_all(struct world *w, size_t total)
{
    size_t done = 0, room;
    uint8_t *to;
    int end;

    while (done < total) {
        assert_int_equal(nns_engine_recv_buf(w->e, &to, &room), NNS_OK);
        assert_true(room > 0);
        room = room < total - done ? room : total - done;
        memcpy(to, w->wire + done, room);
        assert_int_equal(nns_engine_recv_ack(w->e, room), NNS_OK);
        done += room;
        while (nns_engine_read(w->e, w->plain, WIRE) > 0)
            continue;
        (void)engine_read_all(w->e, w->plain, WIRE, &end);
        assert_int_equal(end, NNS_WANT_RECV);
    }
}

static void a_window_grows_to_a_batch(void **state)
{
    static const struct {
        int64_t limit;
        size_t most;
    } rows[] = {{131072, 131072},
                {200000, 200000},
                {0, NNS__BATCH * NNS__RECORD_COMMON}, /* what a default is good for */
                {16777216, WIRE}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t before = 0, most = 0;
        struct world w;

        open_world(&w, &encrypted, rows[i].limit);
        for (int k = 0; k < 12; k++) {
            receive_all(&w, make_records(&w, 64512, 2000000));
            most = w.e->recv.window.capacity;
            assert_true(most >= before && most <= rows[i].most);
            assert_true((size_t)(w.alloc.bytes - w.idle) == most);
            before = most;
        }
        if (rows[i].most < WIRE)
            assert_int_equal(most, rows[i].most);
        nns_engine_trim(w.e);
        assert_int_equal(w.alloc.bytes, w.idle);
        close_world(&w);
    }
}

/* Never larger than twice what has arrived. */
static void a_window_grows_with_what_arrives(void **state)
{
    size_t arrived = 0;
    struct world w;

    (void)state;
    open_world(&w, &encrypted, 0);
    while (arrived < 1500000) {
        size_t size = make_records(&w, 3000, 3000);

        receive_all(&w, size);
        arrived += size;
        assert_true(w.e->recv.window.capacity <= 4096);
    }
    arrived = 0;
    for (int i = 0; i < 8; i++) {
        size_t size = make_records(&w, 64512, (size_t)100000 << (i / 2));

        receive_all(&w, size);
        arrived += size;
        assert_true(w.e->recv.window.capacity <= 2 * arrived);
    }
    close_world(&w);
}

/* Past what it begins with a window grows only for a reader that keeps up. */
static void a_window_does_not_grow_for_a_slow_reader(void **state)
{
    struct world w;
    size_t total;

    (void)state;
    open_world(&w, &encrypted, 0);
    for (int i = 0; i < CYCLES; i++) {
        size_t done = 0;

        total = make_records(&w, 10000, 400000);
        while (done < total) { /* one read for each time that the window was filled */
            nns_ssize took = nns_engine_recv(w.e, w.wire + done, total - done);

            assert_true(took >= 0);
            done += (size_t)took;
            assert_true(nns_engine_read(w.e, w.plain, 10000) > 0);
            assert_true(w.e->recv.window.capacity <= BASE);
        }
    }
    close_world(&w);
}

static void a_window_shrinks_when_little_comes(void **state)
{
    struct world w;
    size_t before;

    (void)state;
    open_world(&w, &encrypted, 0);
    receive_all(&w, make_records(&w, 64512, 4000000));
    before = w.e->recv.window.capacity;
    assert_true(before > 1000000);
    for (int i = 0; i < 4; i++) /* a few small ones in between change nothing */
        receive_all(&w, make_records(&w, 100, 1));
    assert_int_equal(w.e->recv.window.capacity, before);
    receive_all(&w, make_records(&w, 64512, 500000));
    for (int i = 0; i < 10; i++)
        receive_all(&w, make_records(&w, 100, 1));
    assert_true(w.e->recv.window.capacity < before);
    for (int i = 0; i < CYCLES + 40; i++)
        receive_all(&w, make_records(&w, 100, 1));
    assert_true(w.e->recv.window.capacity <= 4096);
    close_world(&w);
}

/* A peer that stops in the middle of a record, and a reader that does not come. */
static void trim_leaves_what_has_arrived(void **state)
{
    struct world w;
    size_t total;
    int end;

    (void)state;
    open_world(&w, &encrypted, 0);
    receive_all(&w, make_records(&w, 64512, 4000000));
    total = make_records(&w, 30000, 1);
    assert_int_equal(engine_feed(w.e, w.wire, 10000), NNS_OK);
    nns_engine_trim(w.e);
    assert_true(w.alloc.bytes <= w.idle + 16384);
    assert_int_equal(engine_feed(w.e, w.wire + 10000, total - 10000), NNS_OK);
    nns_engine_trim(w.e); /* whole, and not opened */
    assert_true(w.alloc.bytes <= w.idle + 32768);
    assert_int_equal(nns_engine_read(w.e, w.plain, 7), 7);
    nns_engine_trim(w.e); /* opened, and not read */
    assert_int_equal(engine_read_all(w.e, w.plain, WIRE, &end), 29993);
    assert_int_equal(end, NNS_WANT_RECV);
    nns_engine_trim(w.e);
    assert_int_equal(w.alloc.bytes, w.idle);
    receive_all(&w, make_records(&w, 5, 1));
    close_world(&w);
}

/* ---- sending ---- */

/* Writes total bytes as a blocking stream does: fills the queue, empties it. Answers the number of
 * times. */
static size_t send_all(struct world *w, size_t total)
{
    size_t done = 0, times = 0;

    while (done < total) {
        nns_ssize moved = nns_engine_write(w->e, w->plain, total - done);

        assert_true(moved > 0);
        done += (size_t)moved;
        assert_true(engine_drain(w->e, w->wire, WIRE) > (size_t)moved - 1);
        times++;
    }
    return times;
}

static void a_queue_grows_to_a_batch(void **state)
{
    static const struct {
        const struct mock *script;
        int64_t limit;
        size_t plain; /* in a queue that is full */
    } rows[] = {{&encrypted, 131072, 129024},
                {&encrypted, 200000, 199872},
                {&encrypted, 0, 1032192},
                {&bare, 131072, 131072},
                {&bare, 0, 1032192}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;

        open_world(&w, rows[i].script, rows[i].limit);
        for (int k = 0; k < 8; k++)
            (void)send_all(&w, 3000000);
        assert_int_equal(send_all(&w, rows[i].plain), 1);
        assert_int_equal(send_all(&w, rows[i].plain + 2500), 2);
        assert_true(w.alloc.bytes - w.idle <= (rows[i].limit != 0 ? rows[i].limit : 1310720));
        nns_engine_trim(w.e);
        assert_int_equal(w.alloc.bytes, w.idle);
        close_world(&w);
    }
}

static void a_queue_shrinks_when_little_goes_out(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, &encrypted, 0);
    for (int k = 0; k < 8; k++)
        (void)send_all(&w, 3000000);
    assert_true(w.e->send.out.capacity > 1000000);
    for (int i = 0; i < CYCLES + 40; i++)
        assert_int_equal(send_all(&w, 100), 1);
    assert_true(w.e->send.out.capacity <= 4096);
    assert_true(send_all(&w, 1000000) > 2); /* it begins anew */
    close_world(&w);
}

/* Part of what was sealed has gone out, the peer takes no more. */
static void trim_leaves_what_waits_to_go(void **state)
{
    const uint8_t *bytes;
    struct world w;
    size_t size;

    (void)state;
    open_world(&w, &encrypted, 0);
    for (int k = 0; k < 8; k++)
        (void)send_all(&w, 3000000);
    assert_int_equal(nns_engine_write(w.e, w.plain, 200000), 200000);
    assert_int_equal(nns_engine_send_buf(w.e, &bytes, &size), NNS_OK);
    memcpy(w.wire, bytes, size);
    assert_int_equal(nns_engine_send_ack(w.e, 150000), NNS_OK);
    assert_int_equal(nns_engine_write(w.e, "staged", 6), 6);
    nns_engine_trim(w.e);
    assert_true(w.alloc.bytes <= w.idle + 65536);
    assert_int_equal(nns_engine_send(w.e, w.wire + 150000, size - 150000), size - 150000);
    (void)mock_record(w.wire, NNS_CLIENT, 8 * 47 + 4, true, "staged", 6);
    assert_true(engine_drain(w.e, w.wire, WIRE) >= 26);
    nns_engine_trim(w.e);
    assert_int_equal(w.alloc.bytes, w.idle);
    close_world(&w);
}

/* A record that is being filled needs room behind it when it is sealed. */
static void trim_leaves_room_to_seal(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, &encrypted, 0);
    for (size_t size = 4000; size < 4200; size++) {
        assert_int_equal(nns_engine_write(w.e, w.plain, 2 * size), 2 * size);
        assert_int_equal(nns_engine_send(w.e, w.wire, size + 20), size + 20);
        nns_engine_trim(w.e);
        assert_int_equal(nns_engine_write(w.e, w.plain, size), size);
        nns_engine_trim(w.e);
        assert_int_equal(engine_drain(w.e, w.wire, WIRE), 2 * size + 20);
        nns_engine_trim(w.e);
        assert_int_equal(w.alloc.bytes, w.idle);
    }
    close_world(&w);
}

/* ---- what is left ---- */

/* What a client holds when nothing moves, after a handshake with large tokens. */
static long idle_client(const char *target, size_t binding_size)
{
    const struct mock large = {.turns = 4, .filler = 60000};
    struct test_alloc count = {0};
    nns_allocator allocator = test_allocator(&count);
    struct pair p = {.client_script = large, .server_script = large};
    char *binding = test_calloc(1, binding_size + 1);
    long held;

    p.client_cfg = config_make(&p.client_script, &allocator);
    pair_make(&p);
    assert_int_equal(nns_engine_set_target(p.client, target), NNS_OK);
    assert_int_equal(nns_engine_set_channel_binding(p.client, binding, binding_size), NNS_OK);
    pair_pump(&p);
    assert_true((nns_engine_state(p.client) & NNS_STATE_OPEN) != 0);
    nns_engine_trim(p.client);
    held = count.bytes;
    pair_free(&p);
    test_free(binding);
    assert_int_equal(count.blocks, 0);
    return held;
}

static void nothing_of_the_handshake_stays(void **state)
{
    char target[1001];
    long held = idle_client("x", 0);

    (void)state;
    assert_in_range(held, 1, 2048); /* the configuration is counted, too */
    assert_int_equal(idle_client("x", 4000), held);
    memset(target, 'x', 1000);
    target[1000] = '\0';
    assert_int_equal(idle_client(target, 0),
                     held + 999); /* one copy of it can still be asked for */
}

/* An allocator that looks for plaintext in what it gets back. */
#define SECRET "do not leave me!"

struct searcher {
    nns_allocator inner;
    bool found;
};

static void *searching_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    struct searcher *s = arg;

    if (ptr != NULL && memmem(ptr, old_size, "leave me", 8) != NULL)
        s->found = true;
    ptr = s->inner.realloc_fn(s->inner.arg, ptr, old_size, new_size);
    if (ptr != NULL)
        memset(ptr, 0, new_size);
    return ptr;
}

static void no_plaintext_is_left_in_what_is_given_back(void **state)
{
    struct test_alloc count = {0};
    struct searcher searcher = {.inner = test_allocator(&count)};
    nns_allocator allocator = {
        .size = sizeof(allocator), .realloc_fn = searching_realloc, .arg = &searcher};
    nns_engine *e = engine_opened_on(config_make(&encrypted, &allocator), NNS_CLIENT);
    uint8_t *plain = test_malloc(100000), *wire = test_malloc(200000), *room;
    size_t size;

    (void)state;
    for (size_t i = 0; i < 100000; i++)
        plain[i] = (uint8_t)SECRET[i % 16];
    assert_int_equal(nns_engine_write(e, plain, 100000), 100000); /* two slots, which move */
    assert_true(engine_drain(e, wire, 200000) > 100000);
    nns_engine_trim(e);
    assert_false(searcher.found);
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_OK);
    memcpy(room, plain, size < 100000 ? size : 100000);
    assert_int_equal(nns_engine_write_ack(e, 4), NNS_OK); /* a part of it is meant */
    assert_true(engine_drain(e, wire, 200000) > 4);
    nns_engine_trim(e);
    assert_false(searcher.found);
    size = mock_record(wire, NNS_SERVER, 0, true, plain, 60000);
    assert_int_equal(engine_feed(e, wire, size), NNS_OK);
    assert_int_equal(nns_engine_read(e, wire, 200000), 60000);
    nns_engine_trim(e);
    assert_false(searcher.found);
    nns_engine_free(e);
    test_free(plain);
    test_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_grows_to_a_batch),
        cmocka_unit_test(a_window_grows_with_what_arrives),
        cmocka_unit_test(a_window_does_not_grow_for_a_slow_reader),
        cmocka_unit_test(a_window_shrinks_when_little_comes),
        cmocka_unit_test(trim_leaves_what_has_arrived),
        cmocka_unit_test(a_queue_grows_to_a_batch),
        cmocka_unit_test(a_queue_shrinks_when_little_goes_out),
        cmocka_unit_test(trim_leaves_what_waits_to_go),
        cmocka_unit_test(trim_leaves_room_to_seal),
        cmocka_unit_test(nothing_of_the_handshake_stays),
        cmocka_unit_test(no_plaintext_is_left_in_what_is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
