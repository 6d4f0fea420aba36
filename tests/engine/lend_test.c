/* SPDX-License-Identifier: MIT
 *
 * Lend and acknowledge: what is lent stays where it is and as it is, more than was lent cannot be
 * acknowledged, and what was not acknowledged is lent again.
 */
#include "base/bytes.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

static const struct mock two_turns = {.turns = 2};

static void more_than_was_lent_is_refused(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const uint8_t *bytes;
    uint8_t *room;
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_recv_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_OK);
    assert_int_equal(nns_engine_recv_ack(e, size + 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_ack(e, 0), NNS_OK);
    assert_int_equal(nns_engine_recv_ack(e, 1), NNS_ERR_ARGUMENT); /* lent no longer */

    assert_int_equal(nns_engine_write_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_OK);
    assert_int_equal(nns_engine_write_ack(e, size + 1), NNS_ERR_ARGUMENT);
    memcpy(room, "abc", 3);
    assert_int_equal(nns_engine_write_ack(e, 3), NNS_OK);
    assert_int_equal(nns_engine_write_ack(e, 1), NNS_ERR_ARGUMENT);

    assert_int_equal(nns_engine_send_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, size + 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send_ack(e, 1), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, 1), NNS_ERR_ARGUMENT); /* not lent again yet */
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, size), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, 1), NNS_ERR_ARGUMENT);

    engine_feed_data(e, 0, "abc", 3);
    assert_int_equal(nns_engine_read_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_read_ack(e, 4), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read_ack(e, 1), NNS_OK);
    assert_int_equal(nns_engine_read_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_read_ack(e, 2), NNS_OK);
    assert_int_equal(nns_engine_read_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_null(nns_engine_error(e)); /* none of it did harm */
    nns_engine_free(e);
}

static void null_arguments_are_refused(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const uint8_t *bytes;
    uint8_t *room, buffer[4];
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_recv_buf(NULL, &room, &size), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_buf(e, NULL, &size), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send_buf(e, &bytes, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send_buf(NULL, &bytes, &size), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read_buf(e, NULL, &size), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_write_buf(e, &room, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_take_rest(e, NULL, &size), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv(e, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send(e, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read(e, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_write(e, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv(NULL, buffer, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_send(NULL, buffer, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_read(NULL, buffer, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_write(NULL, buffer, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_ack(NULL, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_eof(NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_close(NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_fail(NULL, NNS_ERR_IO, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv(e, NULL, 0), 0);
    assert_int_equal(nns_engine_send(e, NULL, 0), 0);
    assert_int_equal(nns_engine_read(e, NULL, 0), 0);
    assert_int_equal(nns_engine_write(e, NULL, 0), 0);
    assert_null(nns_engine_error(NULL));
    nns_engine_trim(NULL);
    nns_engine_free(e);
}

/* The region for wire bytes does not move while records are read, and takes what is put there. */
static void room_for_wire_bytes_does_not_move(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    uint8_t *room, *again, record[64];
    char got[8];
    size_t size, size_again, length;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_OK);
        length = mock_record(record, NNS_SERVER, i, true, "abc", 3);
        if (size < length) {
            assert_int_equal(nns_engine_recv_ack(e, 0), NNS_OK);
            engine_feed_data(e, i, "abc", 3);
        } else {
            if (i > 0) /* of the record before: its place is freed, the lent one stays */
                assert_int_equal(nns_engine_read(e, got, sizeof(got)), 3);
            assert_int_equal(nns_engine_recv_buf(e, &again, &size_again), NNS_OK);
            assert_ptr_equal(again, room);
            assert_int_equal(size_again, size);
            memcpy(room, record, length);
            assert_int_equal(nns_engine_recv_ack(e, length), NNS_OK);
            continue;
        }
        assert_int_equal(nns_engine_read(e, got, sizeof(got)), 3);
    }
    nns_engine_free(e);
}

/* Plaintext that is lent does not move while more arrives. */
static void plaintext_does_not_move_while_more_arrives(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    uint8_t *bytes = test_calloc(70000, 1), *record = test_malloc(70020);
    const uint8_t *plain, *again;
    size_t size, fed = 0, length;
    nns_ssize took;

    (void)state;
    engine_feed_data(e, 0, "abcdef", 6);
    assert_int_equal(nns_engine_read_buf(e, &plain, &size), NNS_OK);
    assert_int_equal(size, 6);
    length = mock_record(record, NNS_SERVER, 1, true, bytes, 64512);
    took = nns_engine_recv(e, record, length); /* as much as fits without moving */
    assert_true(took >= 0 && (size_t)took < length);
    fed = (size_t)took;
    assert_memory_equal(plain, "abcdef", 6);
    assert_int_equal(nns_engine_read_ack(e, 2), NNS_OK);
    assert_int_equal(nns_engine_read_buf(e, &again, &size), NNS_OK);
    assert_ptr_equal(again, plain + 2); /* from the first byte that was not acknowledged */
    assert_int_equal(size, 4);
    assert_int_equal(nns_engine_recv(e, record + fed, length - fed), 0);
    assert_int_equal(nns_engine_read_ack(e, 4), NNS_OK);
    assert_int_equal(engine_feed(e, record + fed, length - fed), NNS_OK);
    assert_int_equal(nns_engine_read(e, record, 70000), 64512);
    test_free(bytes);
    test_free(record);
    nns_engine_free(e);
}

/* Sealed bytes that are lent neither move nor change while the application writes on. */
static void sealed_bytes_do_not_move_while_more_is_written(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const uint8_t *lent, *again;
    uint8_t copy[64], *bytes = test_calloc(70000, 1);
    size_t size, size_again;

    (void)state;
    assert_int_equal(nns_engine_write(e, bytes, 10000), 10000); /* so that there is a buffer */
    assert_int_equal(engine_drain(e, bytes, 70000), 10020);
    assert_int_equal(nns_engine_write(e, "abcdef", 6), 6);
    assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
    assert_int_equal(size, 26);
    memcpy(copy, lent, size);
    assert_true(nns_engine_write(e, bytes, 70000) > 0); /* as much as fits without moving */
    assert_memory_equal(lent, copy, size);
    assert_int_equal(nns_engine_send_buf(e, &again, &size_again), NNS_OK); /* seals the rest */
    assert_ptr_equal(again, lent);
    assert_true(size_again > size);
    assert_memory_equal(lent, copy, size);
    assert_int_equal(nns_engine_send_ack(e, 10), NNS_OK);
    assert_int_equal(nns_engine_send_buf(e, &again, &size_again), NNS_OK);
    assert_memory_equal(again, copy + 10, 16); /* from the first byte not acknowledged */
    test_free(bytes);
    nns_engine_free(e);
}

/* A peer may answer before the sender has heard that its own bytes went out: the record that the
 * answer leads to must not move the lent one. */
static void handshake_bytes_do_not_move_while_lent(void **state)
{
    struct mock script = {.turns = 4, .filler = 4000};

    (void)state;
    for (size_t acked = 0; acked <= 4010; acked += 401) {
        uint8_t record[4010] = {0}, copy[4010], got[8100];
        nns_engine *e = engine_make(NNS_CLIENT, &script);
        const uint8_t *lent;
        size_t size;

        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
        assert_int_equal(size, 4010);
        memcpy(copy, lent, size);
        (void)token_record(record, RECORD_IN_PROGRESS, 2);
        assert_int_equal(engine_feed(e, record, 10), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_memory_equal(lent, copy, size); /* still there */
        assert_int_equal(nns_engine_send_ack(e, acked), NNS_OK);
        assert_int_equal(engine_drain(e, got, sizeof(got)), 8020 - acked);
        assert_memory_equal(got, copy + acked, 4010 - acked);
        assert_memory_equal(got + 4010 - acked, "\x16\x01\0\x0f\xa5MOCK\x03", 10);
        nns_engine_free(e);
    }
}

/* The same for a Done: what is written behind it must not overtake it. */
static void data_does_not_overtake_a_done_that_waits(void **state)
{
    static const size_t filler[] = {0, 100, 4086, 4087, 60000};

    (void)state;
    for (size_t i = 0; i < COUNT(filler); i++) {
        struct mock script = {.turns = 3, .filler = filler[i]};
        nns_engine *e = engine_make(NNS_SERVER, &script);
        const uint8_t *lent;
        uint8_t want[64];
        size_t size;

        assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
        assert_int_equal(size, 10 + filler[i]);
        assert_int_equal(engine_feed_token(e, RECORD_DONE, 3), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_true((nns_engine_state(e) & NNS_STATE_OPEN) != 0);
        assert_int_equal(nns_engine_state(e) & NNS_STATE_CAN_WRITE, 0);
        assert_int_equal(nns_engine_write(e, "x", 1), NNS_WANT_SEND);
        assert_memory_equal(lent + 5, "MOCK\x02", 5);
        assert_int_equal(nns_engine_send_ack(e, size), NNS_OK);
        assert_int_equal(nns_engine_write(e, "x", 1), 1);
        memcpy(want, "\x14\x01\0\0\0", 5);
        engine_expect(e, want, 5 + mock_record(want + 5, NNS_SERVER, 0, true, "x", 1));
        nns_engine_free(e);
    }
}

static void an_error_record_queues_behind_what_is_lent(void **state)
{
    struct mock script = {.turns = 3, .filler = 4086};
    nns_engine *e = engine_make(NNS_SERVER, &script);
    const uint8_t *lent;
    uint8_t got[4200];
    size_t size;

    (void)state;
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
    assert_int_equal(engine_feed(e, "\x77\x01\0\0\0", 5), NNS_ERR_PROTOCOL);
    assert_memory_equal(lent, "\x16\x01\0\x0f\xfbMOCK\x02", 10);
    assert_int_equal(nns_engine_send_ack(e, 96), NNS_OK);
    assert_int_equal(engine_drain(e, got, sizeof(got)), 4000 + 13);
    assert_memory_equal(got + 4000, "\x15\x01\0\0\x08\x08\x03\x09\x80\x80\x09\x03\x08", 13);
    nns_engine_free(e);
}

/* Two of the largest tokens do not fit the queue at once: the second waits until it does. */
static void the_longest_tokens_queue_one_behind_the_other(void **state)
{
    struct mock script = {.turns = 4, .filler = 65530};
    nns_engine *e = engine_make(NNS_CLIENT, &script);
    uint8_t *got = test_malloc(131081);
    const uint8_t *lent;
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
    assert_int_equal(size, 65540);
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 2), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(nns_engine_send_ack(e, 3), NNS_OK);
    assert_int_equal(engine_drain(e, got, 131081), 2 * 65540 - 3);
    assert_memory_equal(got + 65537, "\x16\x01\0\xff\xffMOCK\x03", 10);
    test_free(got);
    nns_engine_free(e);
}

/* What write_buf lent is valid until its acknowledge, or until bytes are taken out. */
static void room_for_plaintext_lasts_until_send_buf(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    uint8_t *room, *again, record[64];
    const uint8_t *bytes;
    size_t size, size_again;

    (void)state;
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_OK);
    assert_int_equal(size, 64512);
    memcpy(room, "never", 5);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(size, 0);
    assert_int_equal(nns_engine_write_ack(e, 5), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_OK);
    assert_int_equal(nns_engine_write_buf(e, &again, &size_again), NNS_OK);
    assert_ptr_equal(room, again);
    memcpy(room, "hello", 5);
    assert_int_equal(nns_engine_write_ack(e, 5), NNS_OK);
    assert_int_equal(nns_engine_write_buf(e, &again, &size_again), NNS_OK);
    assert_ptr_equal(again, room + 5); /* the same record goes on */
    assert_int_equal(size_again, 64507);
    assert_int_equal(nns_engine_write_ack(e, 0), NNS_OK);
    engine_expect(e, record, mock_record(record, NNS_CLIENT, 0, true, "hello", 5));
    nns_engine_free(e);
}

/* The copying calls and the lending ones can be mixed. */
static void a_full_record_through_write_buf(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    uint8_t *room, *plain = test_calloc(64513, 1), *records = test_malloc(64512 + 61);
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_OK);
    assert_int_equal(size, 64512);
    memset(room, 0, size);
    assert_int_equal(nns_engine_write_ack(e, size), NNS_OK);
    assert_int_equal(nns_engine_write(e, plain, 1), 1);
    size = mock_record(records, NNS_CLIENT, 0, true, plain, 64512);
    size += mock_record(records + size, NNS_CLIENT, 1, true, plain, 1);
    engine_expect(e, records, size);
    test_free(plain);
    test_free(records);
    nns_engine_free(e);
}

/* The end of the transport ends the lending of room for its bytes. */
static void room_is_given_back_at_the_end(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const uint8_t *rest;
    uint8_t *room;
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_OK);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_ERR_STATE); /* lent */
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    assert_int_equal(nns_engine_recv_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_OK);
    assert_int_equal(size, 0);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
    assert_int_equal(nns_engine_recv_ack(e, 0), NNS_OK);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_was_lent_is_refused),
        cmocka_unit_test(null_arguments_are_refused),
        cmocka_unit_test(room_for_wire_bytes_does_not_move),
        cmocka_unit_test(plaintext_does_not_move_while_more_arrives),
        cmocka_unit_test(sealed_bytes_do_not_move_while_more_is_written),
        cmocka_unit_test(handshake_bytes_do_not_move_while_lent),
        cmocka_unit_test(data_does_not_overtake_a_done_that_waits),
        cmocka_unit_test(an_error_record_queues_behind_what_is_lent),
        cmocka_unit_test(the_longest_tokens_queue_one_behind_the_other),
        cmocka_unit_test(room_for_plaintext_lasts_until_send_buf),
        cmocka_unit_test(a_full_record_through_write_buf),
        cmocka_unit_test(room_is_given_back_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
