/* SPDX-License-Identifier: MIT
 *
 * Many records that arrive at once: they are opened in batches, read one by one, and whatever ends
 * a batch (a bad record, bytes of another protocol, an end, a failure) is met after all before it.
 */
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

#define RECORDS ((size_t)40) /* more than two batches */
#define LARGEST ((size_t)6000)

static const struct mock two_turns = {.turns = 2};

/* What arrives, and what it says. */
struct stream {
    uint8_t wire[RECORDS * (LARGEST + 20) + 16];
    uint8_t plain[RECORDS * LARGEST];
    size_t starts[RECORDS + 1]; /* of the records in wire */
    size_t texts[RECORDS + 1];  /* of their payload in plain */
    size_t count;
};

static void add(struct stream *s, size_t size, uint32_t *seed)
{
    size_t i = s->count++;

    for (size_t k = 0; k < size; k++)
        s->plain[s->texts[i] + k] = (uint8_t)next_random(seed);
    s->texts[i + 1] = s->texts[i] + size;
    s->starts[i + 1] = s->starts[i] + mock_record(s->wire + s->starts[i], NNS_SERVER, i, true,
                                                  s->plain + s->texts[i], size);
}

/* Records of all sizes, those at each second place empty where with_empties is true. */
static struct stream *make_stream(size_t records, bool with_empties)
{
    struct stream *s = test_calloc(1, sizeof(*s));
    uint32_t seed = 17;

    for (size_t i = 0; i < records; i++)
        add(s, with_empties && i % 2 == 1 ? 0 : 1 + next_random(&seed) % LARGEST, &seed);
    return s;
}

/* As large a window as bulk traffic makes. */
static nns_engine *open_wide(void)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    int rc = nns__buffer_reserve(&e->recv.window, &e->mem, 1000000, 1000000);

    assert_int_equal(rc, NNS_OK);
    return e;
}

/* Everything in one receive, past the bounds that a slow reader has. */
static void receive_at_once(nns_engine *e, const uint8_t *wire, size_t size)
{
    uint8_t *to;
    size_t room;

    assert_int_equal(nns_engine_recv_buf(e, &to, &room), NNS_OK);
    assert_true(room >= size);
    memcpy(to, wire, size);
    assert_int_equal(nns_engine_recv_ack(e, size), NNS_OK);
}

static void expect_plain(nns_engine *e, const struct stream *s, size_t records, int last)
{
    uint8_t *got = test_malloc(sizeof(s->plain));
    int end;

    assert_int_equal(engine_read_all(e, got, sizeof(s->plain), &end), s->texts[records]);
    assert_memory_equal(got, s->plain, s->texts[records]);
    assert_int_equal(end, last);
    test_free(got);
}

static void many_records_are_read_one_by_one(void **state)
{
    static const size_t counts[] = {1, 2, 15, 16, 17, 30, 32, 33, 40};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(counts); i++) {
        struct stream *s = make_stream(counts[i / 2], i % 2 == 1);
        nns_engine *e = open_wide();
        const uint8_t *lent;
        size_t size;

        receive_at_once(e, s->wire, s->starts[s->count]);
        for (size_t k = 0; k < s->count; k++) {
            if (s->texts[k] == s->texts[k + 1])
                continue;
            assert_int_equal(nns_engine_read_buf(e, &lent, &size), NNS_OK);
            assert_int_equal(size, s->texts[k + 1] - s->texts[k]);
            assert_memory_equal(lent, s->plain + s->texts[k], size);
            assert_int_equal(nns_engine_read_ack(e, size), NNS_OK);
        }
        assert_int_equal(nns_engine_read_buf(e, &lent, &size), NNS_OK);
        assert_int_equal(size, 0);
        assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
        assert_int_equal(nns_engine_read(e, s->plain, 1), 0);
        nns_engine_free(e);
        test_free(s);
    }
}

static void a_bad_record_is_met_after_those_before_it(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < RECORDS; bad++) {
        struct stream *s = make_stream(RECORDS, false);
        nns_engine *e = open_wide();

        s->wire[s->starts[bad + 1] - 1] ^= 1; /* the last byte of its payload */
        receive_at_once(e, s->wire, s->starts[s->count]);
        expect_plain(e, s, bad, NNS_ERR_INTEGRITY);
        assert_int_equal(nns_engine_state(e) & (NNS_STATE_CAN_READ | NNS_STATE_WANT_RECV), 0);
        nns_engine_free(e);
        test_free(s);
    }
}

static void an_illegal_length_is_met_after_those_before_it(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < RECORDS; bad += 3) {
        struct stream *s = make_stream(RECORDS, false);
        nns_engine *e = open_wide();

        memset(s->wire + s->starts[bad], 0xff, 4);
        receive_at_once(e, s->wire, s->starts[s->count]);
        expect_plain(e, s, bad, NNS_ERR_TOO_LARGE);
        nns_engine_free(e);
        test_free(s);
    }
}

static void a_record_that_has_not_wholly_come_is_waited_for(void **state)
{
    struct stream *s = make_stream(20, false);
    nns_engine *e = open_wide();
    size_t cut = s->starts[18] + 100;

    (void)state;
    receive_at_once(e, s->wire, cut);
    expect_plain(e, s, 18, NNS_WANT_RECV);
    assert_int_equal(engine_feed(e, s->wire + cut, s->starts[20] - cut), NNS_OK);
    assert_true(nns_engine_read(e, s->plain, LARGEST) > 0);
    assert_true(nns_engine_read(e, s->plain, LARGEST) > 0);
    assert_int_equal(nns_engine_read(e, s->plain, LARGEST), NNS_WANT_RECV);
    nns_engine_free(e);
    test_free(s);
}

/* Empty records in a row are counted over the ends of batches. */
static void empty_records_are_counted_over_batches(void **state)
{
    (void)state;
    for (size_t empties = 15; empties <= 18; empties++) {
        struct stream *s = test_calloc(1, sizeof(*s));
        nns_engine *e = open_wide();
        uint32_t seed = 3;

        for (size_t i = 0; i < 10; i++)
            add(s, 10, &seed);
        for (size_t i = 0; i < empties; i++)
            add(s, 0, &seed);
        add(s, 10, &seed);
        receive_at_once(e, s->wire, s->starts[s->count]);
        if (empties <= 16)
            expect_plain(e, s, s->count, NNS_WANT_RECV);
        else
            expect_plain(e, s, 10, NNS_ERR_PROTOCOL);
        nns_engine_free(e);
        test_free(s);
    }
}

/* Bytes of another protocol that look like one more record are neither opened nor touched. */
static void the_rest_behind_a_batch_is_untouched(void **state)
{
    static const uint8_t other[] = "\x20\x00\x00\x00 another protocol's own bytes..";

    (void)state;
    for (size_t records = 1; records < 36; records++) {
        struct stream *s = make_stream(records, false);
        nns_engine *e = open_wide();
        const uint8_t *rest;
        size_t size;

        memcpy(s->wire + s->starts[records], other, 16); /* not the whole of it */
        receive_at_once(e, s->wire, s->starts[records] + 16);
        assert_int_equal(nns_engine_read(e, s->plain, 1), 1);
        if (s->texts[1] > 1 || records > 1)
            assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_ERR_STATE);
        while (nns_engine_read(e, s->plain, LARGEST) > 0)
            continue;
        assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
        assert_int_equal(size, 16);
        assert_memory_equal(rest, other, 16);
        nns_engine_free(e);
        test_free(s);
    }
}

/* The same where all of it has come: whoever knows the end reads no further. */
static void a_record_that_cannot_be_believed_is_left_alone(void **state)
{
    static const uint8_t other[36] = "\x20\x00\x00\x00 another protocol's own bytes..";

    (void)state;
    for (size_t records = 1; records < 36; records++) {
        struct stream *s = make_stream(records, false);
        nns_engine *e = open_wide();
        const uint8_t *rest;
        size_t size, got = 0;

        memcpy(s->wire + s->starts[records], other, 36);
        receive_at_once(e, s->wire, s->starts[records] + 36);
        while (got < s->texts[records]) {
            nns_ssize n = nns_engine_read(e, s->plain, LARGEST);

            assert_true(n > 0);
            got += (size_t)n;
        }
        assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
        assert_int_equal(size, 36);
        assert_memory_equal(rest, other, 36);
        nns_engine_free(e);
        test_free(s);
    }
}

/* Opened records outlive a failure, a trim, and an end. */
static void what_a_batch_opened_stays_readable(void **state)
{
    struct stream *s = make_stream(20, false);
    nns_engine *e = open_wide();
    uint8_t *got = test_malloc(sizeof(s->plain));
    int end;

    (void)state;
    receive_at_once(e, s->wire, s->starts[20]);
    assert_int_equal(nns_engine_read(e, got, 1), 1);
    nns_engine_trim(e);
    assert_int_equal(nns_engine_fail(e, NNS_ERR_IO, 0), NNS_ERR_IO);
    nns_engine_trim(e);
    assert_int_equal(engine_read_all(e, got + 1, sizeof(s->plain) - 1, &end), s->texts[16] - 1);
    assert_memory_equal(got, s->plain, s->texts[16]); /* the first batch, no more */
    assert_int_equal(end, NNS_ERR_IO);
    nns_engine_free(e);
    test_free(got);
    test_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_records_are_read_one_by_one),
        cmocka_unit_test(a_bad_record_is_met_after_those_before_it),
        cmocka_unit_test(an_illegal_length_is_met_after_those_before_it),
        cmocka_unit_test(a_record_that_has_not_wholly_come_is_waited_for),
        cmocka_unit_test(empty_records_are_counted_over_batches),
        cmocka_unit_test(the_rest_behind_a_batch_is_untouched),
        cmocka_unit_test(a_record_that_cannot_be_believed_is_left_alone),
        cmocka_unit_test(what_a_batch_opened_stays_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
