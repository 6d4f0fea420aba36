/* SPDX-License-Identifier: MIT
 *
 * Boundaries: every message id with the edges of the sizes in the states that table_test.c does
 * not bring to a record (the mechanism's turn, the application's turn, open, failed, and behind
 * another record), and every length that a data record can announce from 0 to 65,600, with all
 * powers of two and their neighbours beyond.
 */
#include "base/bytes.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

static const size_t sizes[] = {0, 1, 2, 65534, 65535};
static const struct mock two_turns = {.turns = 2}, four_turns = {.turns = 4};

/* Calls check(arg, record, size) with a handshake record of every id and edge size. */
static void for_each_record(void (*check)(void *arg, const uint8_t *record, size_t size), void *arg)
{
    uint8_t *record = test_malloc(65540), *token = test_calloc(65535, 1);

    for (unsigned id = 0; id < 256; id++) {
        for (size_t i = 0; i < COUNT(sizes); i++)
            check(arg, record, record_make(record, (uint8_t)id, token, sizes[i]));
    }
    test_free(record);
    test_free(token);
}

/* ---- states that want no record ---- */

static void expect_untaken(void *arg, const uint8_t *record, size_t size)
{
    nns_engine *e = arg;
    uint32_t before = nns_engine_state(e);
    nns_ssize want = (before & NNS_STATE_STEPPING) != 0 ? NNS_ERR_STATE : 0;

    assert_int_equal(nns_engine_recv(e, record, size), want);
    assert_int_equal(nns_engine_state(e), before);
    assert_null(nns_engine_error(e));
}

/* A server has its first token, a client is about to make its first. */
static nns_engine *engine_at_step(nns_role role)
{
    nns_engine *e = engine_make(role, &two_turns);

    if (role == NNS_SERVER)
        assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
    assert_int_equal(nns_engine_state(e), NNS_STATE_WANT_STEP);
    return e;
}

static nns_engine *engine_at_authorize(nns_role role)
{
    nns_config *cfg = config_make(&two_turns, NULL);
    nns_engine *e;
    uint8_t sent[64];

    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    e = engine_on(cfg, role);
    if (role == NNS_CLIENT) {
        assert_int_equal(nns_engine_step(e), NNS_OK);
        (void)engine_drain(e, sent, sizeof(sent));
    }
    assert_int_equal(engine_feed_token(e, role == NNS_CLIENT ? RECORD_DONE : RECORD_IN_PROGRESS,
                                       role == NNS_CLIENT ? 2 : 1),
                     NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(nns_engine_state(e), NNS_STATE_WANT_AUTHORIZE);
    return e;
}

static void nothing_is_taken_while_no_record_is_due(void **state)
{
    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        nns_engine *step = engine_at_step(role), *authorize = engine_at_authorize(role);
        nns_job *job = NULL;

        for_each_record(expect_untaken, step);
        for_each_record(expect_untaken, authorize);
        assert_int_equal(nns_engine_take_job(step, &job), NNS_OK);
        for_each_record(expect_untaken, step); /* the job is out */
        nns_job_run(job);
        assert_int_equal(nns_engine_finish_job(step, job), NNS_OK);
        assert_int_equal(nns_engine_authorize(authorize, NNS_OK), NNS_OK);
        assert_true((nns_engine_state(authorize) & NNS_STATE_OPEN) != 0);
        nns_engine_free(step);
        nns_engine_free(authorize);
    }
}

static void expect_failed(void *arg, const uint8_t *record, size_t size)
{
    nns_engine *e = arg;
    const nns_error *first = nns_engine_error(e);

    assert_int_equal(nns_engine_recv(e, record, size), NNS_ERR_PEER);
    assert_ptr_equal(nns_engine_error(e), first);
    assert_int_equal(nns_engine_state(e), NNS_STATE_FAILED);
}

static void nothing_moves_an_engine_that_failed(void **state)
{
    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        nns_engine *e = engine_make(role, &two_turns);
        uint8_t sent[16];

        if (role == NNS_CLIENT) {
            assert_int_equal(nns_engine_step(e), NNS_OK);
            (void)engine_drain(e, sent, sizeof(sent));
        }
        assert_int_equal(engine_feed(e, "\x15\x01\0\0\0", 5), NNS_ERR_PEER);
        for_each_record(expect_failed, e);
        nns_engine_free(e);
    }
}

/* ---- open: the same bytes are data ---- */

static void expect_data(void *arg, const uint8_t *record, size_t size)
{
    nns_engine *e = engine_opened(*(nns_role *)arg, &two_turns);
    size_t length = nns__load_le32(record);
    char got[8];

    if (size < 8)
        assert_in_range(length, 256, 511);
    assert_int_equal(engine_feed(e, record, size), NNS_OK);
    if (length <= 65536) {
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV);
        assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_TRUNCATED);
    } else {
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_TOO_LARGE);
    }
    engine_expect(e, NULL, 0); /* no handshake record is answered */
    nns_engine_free(e);
}

static void a_handshake_record_is_data_when_open(void **state)
{
    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++)
        for_each_record(expect_data, &role);
}

/* ---- behind another record in the same read ---- */

static void expect_behind_a_token(void *arg, const uint8_t *record, size_t size)
{
    nns_role role = *(nns_role *)arg;
    nns_engine *e = engine_make(role, &four_turns);
    uint8_t *both = test_malloc(size + 10);
    size_t first = token_record(both, RECORD_IN_PROGRESS, role == NNS_CLIENT ? 2 : 1);
    uint8_t id = record[0];
    int want = NNS_OK, rc;
    nns_ssize took;

    memcpy(both + first, record, size);
    if (id == RECORD_ERROR)
        want = NNS_ERR_PEER;
    else if ((id != RECORD_DONE && id != RECORD_IN_PROGRESS) || size == 5)
        want = NNS_ERR_PROTOCOL;
    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_step(e), NNS_OK);
    took = nns_engine_recv(e, both, first + size); /* what the window holds */
    assert_in_range(took, first, first + size);
    rc = nns_engine_step(e); /* the record is looked at now that its turn has come */
    if (rc == NNS_OK && (size_t)took < first + size)
        rc = engine_feed(e, both + took, first + size - (size_t)took);
    assert_int_equal(rc, want);
    assert_int_equal(nns_error_code(nns_engine_error(e)), want);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    if (want == NNS_OK)
        assert_int_equal(nns_engine_step(e), NNS_ERR_AUTH); /* nonsense for the mechanism */
    test_free(both);
    nns_engine_free(e);
}

static void a_record_behind_a_token_waits_for_its_turn(void **state)
{
    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++)
        for_each_record(expect_behind_a_token, &role);
}

/* ---- lengths of data records ---- */

/* Only the length field has come: what is illegal is refused, what is legal costs no memory. */
static void check_length(uint32_t length, long *memory)
{
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    nns_engine *e = engine_opened_on(config_make(&two_turns, &allocator), NNS_SERVER);
    bool legal = length >= 5 && length <= 65536;
    uint8_t header[4];
    char got[8];
    int want = length > 65536 ? NNS_ERR_TOO_LARGE : NNS_ERR_PROTOCOL;

    nns__store_le32(header, length);
    assert_int_equal(engine_feed(e, header, sizeof(header)), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), legal ? NNS_WANT_RECV : want);
    if (legal) {
        if (*memory == 0)
            *memory = counter.most;
        assert_int_equal(counter.most, *memory);
        assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
        want = NNS_ERR_TRUNCATED;
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), want);
    } else {
        engine_expect_failure(e, want, "bytes, legal are 5 to 65,536");
    }
    nns_engine_free(e);
}

static void every_announced_length(void **state)
{
    long memory = 0;

    (void)state;
    for (uint32_t length = 0; length <= 65600; length++)
        check_length(length, &memory);
    for (unsigned k = 17; k < 32; k++) {
        for (uint32_t d = 0; d < 3; d++)
            check_length((UINT32_C(1) << k) - 1 + d, &memory);
    }
    check_length(UINT32_MAX, &memory);
}

/* A whole record, and a second one behind it. */
static void check_whole(nns_engine *e, uint64_t sequence, const uint8_t *plain, size_t length,
                        uint8_t *got)
{
    int end;

    engine_feed_data(e, sequence, plain, length - MOCK_OVERHEAD);
    engine_feed_data(e, sequence + 1, "next", 4);
    assert_int_equal(engine_read_all(e, got, 65600, &end), length - MOCK_OVERHEAD + 4);
    assert_int_equal(end, NNS_WANT_RECV);
    assert_memory_equal(got, plain, length - MOCK_OVERHEAD);
    assert_memory_equal(got + length - MOCK_OVERHEAD, "next", 4);
}

/* A record with payload of every length to 2,100, of both sides of every power of two, and of some
 * between them. */
static void whole_records(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    uint8_t *plain = test_malloc(65600), *got = test_malloc(65600);
    uint64_t sequence = 0;
    uint32_t seed = 7;

    (void)state;
    for (size_t i = 0; i < 65600; i++)
        plain[i] = (uint8_t)next_random(&seed);
    for (size_t length = MOCK_OVERHEAD + 1; length <= 65536; length += length < 2100 ? 1 : 997) {
        check_whole(e, sequence, plain, length, got);
        sequence += 2;
    }
    for (unsigned k = 5; k <= 16; k++) {
        for (size_t d = 0; d < (k == 16 ? 2 : 3); d++) {
            check_whole(e, sequence, plain, ((size_t)1 << k) - 1 + d, got);
            sequence += 2;
        }
    }
    test_free(plain);
    test_free(got);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_taken_while_no_record_is_due),
        cmocka_unit_test(nothing_moves_an_engine_that_failed),
        cmocka_unit_test(a_handshake_record_is_data_when_open),
        cmocka_unit_test(a_record_behind_a_token_waits_for_its_turn),
        cmocka_unit_test(every_announced_length),
        cmocka_unit_test(whole_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
