/* SPDX-License-Identifier: MIT
 *
 * Bad records: lengths, tampering, replay, exchange, loss, reflection, a missing encryption, too
 * many empty ones. Each is seen when the reader comes to it, what came before is still readable,
 * and nothing after it is.
 */
#include "base/bytes.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

static const struct mock plain_script = {.turns = 2};

/* Feeds "one", the bytes, and a good third record, then checks what the reader gets. */
static void expect_bad(const void *bytes, size_t size, int code, const char *message)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &plain_script);
    char got[64];

    engine_feed_data(e, 0, "one", 3);
    assert_int_equal(engine_feed(e, bytes, size), NNS_OK);
    engine_feed_data(e, 2, "three", 5);
    assert_null(nns_engine_error(e)); /* nobody has read yet */
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 3);
    assert_memory_equal(got, "one", 3);
    assert_null(nns_engine_error(e));
    assert_true((nns_engine_state(e) & NNS_STATE_CAN_READ) != 0);
    for (int again = 0; again < 3; again++) {
        memset(got, 0xee, sizeof(got));
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), code);
        assert_int_equal((uint8_t)got[0], 0xee); /* not a byte */
        assert_int_equal(nns_engine_state(e) & NNS_STATE_CAN_READ, 0);
    }
    engine_expect_failure(e, code, message);
    assert_int_equal(nns_engine_write(e, "x", 1), code);
    engine_expect(e, NULL, 0); /* no handshake record any more */
    nns_engine_free(e);
}

static void lengths_out_of_bounds_are_refused(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < 5; length++) {
        uint8_t header[4];

        nns__store_le32(header, length);
        expect_bad(header, 4, NNS_ERR_PROTOCOL, "bytes, legal are 5 to 65,536");
    }
    for (unsigned k = 16; k < 32; k++) {
        for (uint32_t d = 0; d < 3; d++) {
            uint32_t length = (UINT32_C(1) << k) - 1 + d;
            uint8_t header[4];

            nns__store_le32(header, length);
            if (length > 65536)
                expect_bad(header, 4, NNS_ERR_TOO_LARGE, "bytes, legal are 5 to 65,536");
        }
    }
    expect_bad("\xff\xff\xff\xff", 4, NNS_ERR_TOO_LARGE, "4294967295 bytes");
}

static void the_longest_legal_record_is_read(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &plain_script);
    uint8_t *bytes = test_calloc(65536, 1), *got = test_malloc(65537);
    int end;

    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        engine_feed_data(e, i, bytes, 65536 - MOCK_OVERHEAD);
        assert_int_equal(engine_read_all(e, got, 65537, &end), 65536 - MOCK_OVERHEAD);
        assert_int_equal(end, NNS_WANT_RECV);
    }
    test_free(bytes);
    test_free(got);
    nns_engine_free(e);
}

static void replayed_swapped_and_missing_records_are_refused(void **state)
{
    static const uint64_t sequences[] = {0, 2, 3, UINT64_MAX};
    uint8_t record[64];

    (void)state;
    for (size_t i = 0; i < COUNT(sequences); i++) {
        size_t size = mock_record(record, NNS_SERVER, sequences[i], true, "two", 3);

        expect_bad(record, size, NNS_ERR_INTEGRITY, "bad record");
    }
}

static void reflected_and_unencrypted_records_are_refused(void **state)
{
    uint8_t record[64];

    (void)state;
    expect_bad(record, mock_record(record, NNS_CLIENT, 1, true, "two", 3), NNS_ERR_INTEGRITY,
               "bad record");
    expect_bad(record, mock_record(record, NNS_SERVER, 1, false, "two", 3), NNS_ERR_INTEGRITY,
               "bad record");
}

static void every_flipped_bit_is_refused(void **state)
{
    uint8_t good[64], bad[64];
    size_t size = mock_record(good, NNS_SERVER, 1, true, "two", 3);

    (void)state;
    for (size_t bit = 4 * 8; bit < size * 8; bit++) {
        memcpy(bad, good, size);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_bad(bad, size, NNS_ERR_INTEGRITY, "bad record");
    }
    nns__store_le32(bad, 5);
    expect_bad(bad, 9, NNS_ERR_INTEGRITY, "short record");
}

static void empty_records_are_skipped(void **state)
{
    nns_engine *e = engine_opened(NNS_SERVER, &plain_script);
    char got[8];

    (void)state;
    for (uint64_t i = 0; i < 16; i++)
        engine_feed_data(e, i, NULL, 0);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV);
    engine_feed_data(e, 16, "x", 1);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 1);
    for (uint64_t i = 17; i < 33; i++) /* payload starts the count again */
        engine_feed_data(e, i, NULL, 0);
    engine_feed_data(e, 33, "y", 1);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 1);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 0);
    nns_engine_free(e);
}

static void an_end_behind_empty_records_is_clean(void **state)
{
    nns_engine *e = engine_opened(NNS_SERVER, &plain_script);
    char got[8];

    (void)state;
    engine_feed_data(e, 0, NULL, 0);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 0);
    assert_true((nns_engine_state(e) & NNS_STATE_RECV_EOF) != 0);
    nns_engine_free(e);
}

static void too_many_empty_records_are_refused(void **state)
{
    static const int64_t limits[] = {0, 1, 16, 1024};

    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        nns_config *cfg = config_make(&plain_script, NULL);
        nns_engine *e;
        char got[8];

        assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_EMPTY_RECORDS, limits[i]), NNS_OK);
        e = engine_opened_on(cfg, NNS_CLIENT);
        engine_feed_data(e, 0, "x", 1);
        for (int64_t k = 0; k <= limits[i]; k++)
            engine_feed_data(e, (uint64_t)k + 1, NULL, 0);
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), 1);
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_PROTOCOL);
        engine_expect_failure(e, NNS_ERR_PROTOCOL, "empty records in a row");
        nns_engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_out_of_bounds_are_refused),
        cmocka_unit_test(the_longest_legal_record_is_read),
        cmocka_unit_test(replayed_swapped_and_missing_records_are_refused),
        cmocka_unit_test(reflected_and_unencrypted_records_are_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(empty_records_are_skipped),
        cmocka_unit_test(an_end_behind_empty_records_is_clean),
        cmocka_unit_test(too_many_empty_records_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
