/* SPDX-License-Identifier: MIT
 *
 * The data phase between two engines: sizes around the records', every level, how writes become
 * records, and the end of each direction.
 */
#include "base/bytes.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

static uint8_t *pattern_make(size_t size)
{
    uint8_t *bytes = test_malloc(size + 1);
    uint32_t seed = 7;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random(&seed);
    return bytes;
}

static const struct mock levels[] = {
    {.turns = 2},                                              /* encrypt */
    {.turns = 2, .flags = NNS__FLAG_MUTUAL | NNS__FLAG_INTEG}, /* sign */
    {.turns = 2, .level_none = true},
};

static void open_at(struct pair *p, size_t level, struct tape *client, struct tape *server)
{
    *p = (struct pair){.client_script = levels[level],
                       .server_script = levels[level],
                       .from_client = client,
                       .from_server = server};
    pair_open(p);
    assert_int_equal(nns_engine_protection(p->client), (int)(2 - level));
}

static void every_size_at_every_level_in_both_directions(void **state)
{
    static const size_t sizes[] = {0,     1,     2,      100,    4095,   4096,   64511,
                                   64512, 64513, 129023, 129024, 129025, 1000000};
    uint8_t *bytes = pattern_make(1000000);

    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        struct pair p;

        open_at(&p, level, NULL, NULL);
        for (size_t i = 0; i < COUNT(sizes); i++) {
            pair_transfer(&p, p.client, p.server, bytes, sizes[i]);
            pair_transfer(&p, p.server, p.client, bytes, sizes[i]);
        }
        pair_free(&p);
    }
    test_free(bytes);
}

static void ten_megabytes(void **state)
{
    uint8_t *bytes = pattern_make(10000000);

    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        struct pair p;

        open_at(&p, level, NULL, NULL);
        p.chunk = 48611; /* a prime: cuts fall everywhere */
        pair_transfer(&p, p.client, p.server, bytes, 10000000);
        pair_free(&p);
    }
    test_free(bytes);
}

static void byte_by_byte(void **state)
{
    uint8_t *bytes = pattern_make(2000);

    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        struct pair p = {
            .client_script = levels[level], .server_script = levels[level], .chunk = 1};

        pair_open(&p);
        pair_transfer(&p, p.client, p.server, bytes, 2000);
        pair_transfer(&p, p.server, p.client, bytes, 2000);
        pair_free(&p);
    }
    test_free(bytes);
}

/* Counts the records on a tape and checks their lengths. */
static size_t records_on(const struct tape *tape, size_t from, size_t *plain)
{
    size_t at = from, count = 0;

    *plain = 0;
    while (at < tape->size) {
        size_t length = nns__load_le32(tape->bytes + at);

        assert_in_range(length, 5, 65536);
        *plain += length - MOCK_OVERHEAD;
        at += 4 + length;
        count++;
    }
    assert_int_equal(at, tape->size);
    return count;
}

static void records_are_as_full_as_they_can_be(void **state)
{
    static const struct {
        size_t size, records;
    } rows[] = {{0, 0}, {1, 1}, {64512, 1}, {64513, 2}, {129024, 2}, {129025, 3}, {645120, 10}};
    uint8_t *bytes = pattern_make(645120);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tape tape = {0};
        struct pair p;
        size_t plain;

        open_at(&p, 0, &tape, NULL);
        pair_transfer(&p, p.client, p.server, bytes, rows[i].size);
        assert_int_equal(records_on(&tape, 10, &plain), rows[i].records);
        assert_int_equal(plain, rows[i].size);
        pair_free(&p);
        tape_free(&tape);
    }
    test_free(bytes);
}

static void small_writes_before_a_send_share_a_record(void **state)
{
    struct tape tape = {0};
    struct pair p;
    uint8_t got[5000];
    size_t plain;
    int end;

    (void)state;
    open_at(&p, 0, &tape, NULL);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(nns_engine_write(p.client, (uint8_t[]){(uint8_t)i}, 1), 1);
    assert_int_equal(nns_engine_write(p.client, NULL, 0), 0); /* writes nothing */
    pair_pump(&p);
    assert_int_equal(records_on(&tape, 10, &plain), 1);
    assert_int_equal(engine_read_all(p.server, got, sizeof(got), &end), 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(got[i], (uint8_t)i);
    pair_free(&p);
    tape_free(&tape);
}

/* The records on the wire are those of the protocol: a length, little-endian, and the message. */
static void a_record_byte_for_byte(void **state)
{
    struct mock script = levels[0];
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    uint8_t record[64];
    size_t size = mock_record(record, NNS_CLIENT, 0, true, "hello world", 11);

    (void)state;
    assert_memory_equal(record, "\x1b\0\0\0", 4);
    assert_int_equal(nns_engine_write(e, "hello ", 6), 6);
    assert_int_equal(nns_engine_write(e, "world", 5), 5);
    engine_expect(e, record, size);
    size = mock_record(record, NNS_CLIENT, 1, true, "x", 1);
    assert_int_equal(nns_engine_write(e, "x", 1), 1);
    engine_expect(e, record, size);
    nns_engine_free(e);
}

/* At level none bytes pass as they are. */
static void level_none_is_unframed(void **state)
{
    struct mock script = levels[2];
    nns_engine *e = engine_opened(NNS_SERVER, &script);
    char got[16];

    (void)state;
    assert_string_equal(nns_engine_record_engine(e), "raw");
    assert_int_equal(nns_engine_write(e, "out", 3), 3);
    assert_int_equal(nns_engine_write(e, "ward", 4), 4);
    engine_expect(e, "outward", 7);
    assert_int_equal(engine_feed(e, "in\0ward", 7), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, 3), 3);
    assert_int_equal(nns_engine_read(e, got + 3, sizeof(got) - 3), 4);
    assert_memory_equal(got, "in\0ward", 7);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV);
    nns_engine_free(e);
}

/* At level none every byte is a boundary. */
static void level_none_may_end_at_any_byte(void **state)
{
    struct mock script = levels[2];

    (void)state;
    for (size_t size = 0; size < 30; size++) {
        nns_engine *e = engine_opened(NNS_CLIENT, &script);
        uint8_t bytes[30] = {5}, got[31];
        int end;

        assert_int_equal(engine_feed(e, bytes, size), NNS_OK);
        assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
        assert_int_equal(engine_read_all(e, got, sizeof(got), &end), size);
        assert_int_equal(end, 0);
        assert_true((nns_engine_state(e) & NNS_STATE_RECV_EOF) != 0);
        nns_engine_free(e);
    }
}

static void each_direction_ends_by_itself(void **state)
{
    (void)state;
    for (size_t level = 0; level < COUNT(levels); level++) {
        struct pair p;
        char got[8];

        open_at(&p, level, NULL, NULL);
        assert_int_equal(nns_engine_write(p.client, "last", 4), 4);
        assert_int_equal(nns_engine_close(p.client), NNS_OK);
        assert_int_equal(nns_engine_close(p.client), NNS_OK);
        assert_int_equal(nns_engine_write(p.client, "x", 1), NNS_ERR_STATE);
        assert_int_equal(nns_engine_state(p.client) & NNS_STATE_SEND_EOF, 0);
        pair_pump(&p);
        assert_true((nns_engine_state(p.client) & NNS_STATE_SEND_EOF) != 0);
        assert_int_equal(nns_engine_recv_eof(p.server), NNS_OK);
        assert_int_equal(nns_engine_state(p.server) & NNS_STATE_RECV_EOF, 0); /* not read yet */
        assert_int_equal(nns_engine_read(p.server, got, sizeof(got)), 4);
        assert_true((nns_engine_state(p.server) & NNS_STATE_RECV_EOF) != 0);
        assert_int_equal(nns_engine_read(p.server, got, sizeof(got)), 0);
        assert_int_equal(nns_engine_read(p.server, got, sizeof(got)), 0);
        assert_int_equal(nns_engine_recv(p.server, "x", 1), 0); /* nothing is taken any more */
        pair_transfer(&p, p.server, p.client, "answer", 6);     /* the other way is open */
        assert_int_equal(nns_engine_recv_eof(p.client), NNS_OK);
        assert_int_equal(nns_engine_read(p.client, got, sizeof(got)), 0);
        pair_free(&p);
    }
}

static void an_end_inside_a_record_is_truncation(void **state)
{
    struct mock script = levels[0];
    uint8_t records[64];
    size_t first = mock_record(records, NNS_SERVER, 0, true, "whole", 5);
    size_t size = first + mock_record(records + first, NNS_SERVER, 1, true, "half", 4);

    (void)state;
    for (size_t cut = first + 1; cut < size; cut++) {
        nns_engine *e = engine_opened(NNS_CLIENT, &script);
        char got[16];

        assert_int_equal(engine_feed(e, records, cut), NNS_OK);
        assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
        assert_int_equal(nns_engine_state(e) & NNS_STATE_RECV_EOF, 0);
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), 5);
        assert_memory_equal(got, "whole", 5);
        assert_null(nns_engine_error(e)); /* only when the reader comes there */
        assert_true((nns_engine_state(e) & NNS_STATE_CAN_READ) != 0);
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_TRUNCATED);
        engine_expect_failure(e, NNS_ERR_TRUNCATED, "into a record");
        assert_int_equal(nns_error_phase(nns_engine_error(e)), NNS_PHASE_DATA);
        assert_int_equal(nns_engine_state(e) & NNS_STATE_RECV_EOF, 0);
        nns_engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_at_every_level_in_both_directions),
        cmocka_unit_test(ten_megabytes),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(records_are_as_full_as_they_can_be),
        cmocka_unit_test(small_writes_before_a_send_share_a_record),
        cmocka_unit_test(a_record_byte_for_byte),
        cmocka_unit_test(level_none_is_unframed),
        cmocka_unit_test(level_none_may_end_at_any_byte),
        cmocka_unit_test(each_direction_ends_by_itself),
        cmocka_unit_test(an_end_inside_a_record_is_truncation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
