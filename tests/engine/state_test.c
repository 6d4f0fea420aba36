/* SPDX-License-Identifier: MIT
 *
 * The state word in every situation: the bits say what can be done now, and what they offer
 * works. Also the leaving of NegotiateStream with take_rest.
 */
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

#define RECV NNS_STATE_WANT_RECV
#define READ NNS_STATE_CAN_READ
#define REOF NNS_STATE_RECV_EOF
#define SEND NNS_STATE_WANT_SEND
#define WRITE NNS_STATE_CAN_WRITE
#define SEOF NNS_STATE_SEND_EOF
#define STEP NNS_STATE_WANT_STEP
#define BUSY NNS_STATE_STEPPING
#define ASK NNS_STATE_WANT_AUTHORIZE
#define OPEN NNS_STATE_OPEN
#define FAILED NNS_STATE_FAILED
#define BOTH (STEP | BUSY | ASK | OPEN | FAILED) /* in the words of both halves */

static void expect_state(const nns_engine *e, uint32_t state, int line)
{
    uint32_t recv = nns_engine_recv_state(e), send = nns_engine_send_state(e);

    if (nns_engine_state(e) != state)
        fail_msg("line %d: state %03x, not %03x", line, nns_engine_state(e), state);
    assert_int_equal(recv, state & (BOTH | RECV | READ | REOF));
    assert_int_equal(send, state & (BOTH | SEND | WRITE | SEOF));
}

#define EXPECT(e, state) expect_state((e), (state), __LINE__)

static void a_client_from_start_to_open(void **state)
{
    struct mock script = {.turns = 4};
    nns_engine *e = engine_make(NNS_CLIENT, &script);
    uint8_t sent[64];
    nns_job *job = NULL;

    (void)state;
    EXPECT(e, STEP);
    assert_int_equal(nns_engine_take_job(e, &job), NNS_OK);
    EXPECT(e, BUSY);
    nns_job_run(job);
    EXPECT(e, BUSY);
    assert_int_equal(nns_engine_finish_job(e, job), NNS_OK);
    EXPECT(e, RECV | SEND);
    assert_int_equal(nns_engine_send(e, sent, 4), 4);
    EXPECT(e, RECV | SEND);
    (void)engine_drain(e, sent, sizeof(sent));
    EXPECT(e, RECV);
    assert_int_equal(engine_feed(e, "\x16\x01\0", 3), NNS_OK);
    EXPECT(e, RECV);
    assert_int_equal(engine_feed(e, "\0\x05MOCK\x02", 7), NNS_OK);
    EXPECT(e, STEP);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    EXPECT(e, RECV | SEND);
    (void)engine_drain(e, sent, sizeof(sent));
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 4), NNS_OK);
    EXPECT(e, STEP);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    EXPECT(e, OPEN | RECV | WRITE);
    nns_engine_free(e);
}

static void a_server_from_start_to_open(void **state)
{
    struct mock script = {.turns = 3};
    nns_config *cfg = config_make(&script, NULL);
    nns_engine *e;
    uint8_t sent[64];

    (void)state;
    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    e = engine_on(cfg, NNS_SERVER);
    EXPECT(e, RECV);
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
    EXPECT(e, STEP);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    EXPECT(e, RECV | SEND);
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 3), NNS_OK);
    EXPECT(e, STEP | SEND); /* nobody has sent the first one yet */
    assert_int_equal(nns_engine_step(e), NNS_OK);
    EXPECT(e, ASK | SEND);
    (void)engine_drain(e, sent, sizeof(sent));
    EXPECT(e, ASK);
    assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_OK);
    EXPECT(e, OPEN | RECV | SEND | WRITE);
    nns_engine_free(e);
}

static void the_receive_half(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    uint8_t record[64], got[8];
    size_t size = mock_record(record, NNS_SERVER, 0, true, "abc", 3);

    (void)state;
    EXPECT(e, OPEN | RECV | WRITE);
    assert_int_equal(engine_feed(e, record, 3), NNS_OK);
    EXPECT(e, OPEN | RECV | WRITE);
    assert_int_equal(engine_feed(e, record + 3, size - 4), NNS_OK);
    EXPECT(e, OPEN | RECV | WRITE);
    assert_int_equal(engine_feed(e, record + size - 1, 1), NNS_OK);
    EXPECT(e, OPEN | RECV | READ | WRITE);
    assert_int_equal(nns_engine_read(e, got, 1), 1);
    EXPECT(e, OPEN | RECV | READ | WRITE);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    EXPECT(e, OPEN | READ | WRITE);
    assert_int_equal(nns_engine_read(e, got, 8), 2);
    EXPECT(e, OPEN | REOF | WRITE);
    nns_engine_free(e);
}

static void a_bad_length_can_be_read_as_an_error(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(engine_feed(e, "\x04\0\0\0", 4), NNS_OK);
    EXPECT(e, OPEN | RECV | READ | WRITE);
    assert_int_equal(nns_engine_read(e, (char[1]){0}, 1), NNS_ERR_PROTOCOL);
    EXPECT(e, OPEN | FAILED);
    nns_engine_free(e);
}

static void the_send_half(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    uint8_t sent[64];

    (void)state;
    assert_int_equal(nns_engine_write(e, "abc", 3), 3);
    EXPECT(e, OPEN | RECV | SEND | WRITE);
    assert_int_equal(nns_engine_send(e, sent, 5), 5);
    EXPECT(e, OPEN | RECV | SEND | WRITE);
    assert_int_equal(nns_engine_close(e), NNS_OK);
    EXPECT(e, OPEN | RECV | SEND);
    (void)engine_drain(e, sent, sizeof(sent));
    EXPECT(e, OPEN | RECV | SEOF);
    assert_int_equal(nns_engine_fail(e, NNS_ERR_IO, 0), NNS_ERR_IO);
    EXPECT(e, OPEN | FAILED);
    nns_engine_free(e);
}

static void level_none(void **state)
{
    struct mock script = {.turns = 2, .level_none = true};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    uint8_t got[8];

    (void)state;
    EXPECT(e, OPEN | RECV | WRITE);
    assert_int_equal(engine_feed(e, "x", 1), NNS_OK);
    EXPECT(e, OPEN | RECV | READ | WRITE);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    EXPECT(e, OPEN | READ | WRITE);
    assert_int_equal(nns_engine_read(e, got, 8), 1);
    EXPECT(e, OPEN | REOF | WRITE);
    nns_engine_free(e);
}

static void failures_of_a_handshake(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_make(NNS_SERVER, &script);
    uint8_t sent[64];

    (void)state;
    assert_int_equal(engine_feed(e, "\x16\x01\0\0\0", 5), NNS_ERR_PROTOCOL);
    EXPECT(e, FAILED | SEND);
    (void)engine_drain(e, sent, sizeof(sent));
    EXPECT(e, FAILED);
    nns_engine_free(e);
}

/* While a job is out nothing is offered, and only state, fail, free and acknowledges work. */
static void while_a_job_is_out(void **state)
{
    struct mock script = {.turns = 3};
    nns_engine *e = engine_make(NNS_SERVER, &script);
    nns_job *job = NULL, *second = NULL;
    const uint8_t *bytes;
    uint8_t *room, byte;
    size_t size;

    (void)state;
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 3), NNS_OK);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(size, 10);
    assert_int_equal(nns_engine_take_job(e, &job), NNS_OK);
    EXPECT(e, BUSY);
    assert_int_equal(nns_engine_take_job(e, &second), NNS_ERR_STATE);
    assert_null(second);
    assert_int_equal(nns_engine_step(e), NNS_ERR_STATE);
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_recv(e, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_recv_eof(e), NNS_ERR_STATE);
    assert_int_equal(nns_engine_read_buf(e, &bytes, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_read(e, &byte, 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_send(e, &byte, 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_write(e, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_close(e), NNS_ERR_STATE);
    assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_ERR_STATE);
    assert_int_equal(nns_engine_take_rest(e, &bytes, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_finish_job(e, job), NNS_ERR_STATE); /* not run yet */
    assert_int_equal(nns_engine_send_ack(e, 10), NNS_OK);           /* lent before */
    assert_null(nns_engine_error(e));
    nns_job_run(job);
    assert_int_equal(nns_engine_finish_job(e, job), NNS_OK);
    EXPECT(e, OPEN | RECV | SEND | WRITE);
    engine_expect(e, "\x14\x01\0\0\0", 5);
    nns_engine_free(e);
}

/* ---- leaving NegotiateStream ---- */

static void the_rest_is_handed_out(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    const uint8_t *rest;
    uint8_t *room, sent[64];
    size_t size;
    char got[8];

    (void)state;
    engine_feed_data(e, 0, "end", 3);
    assert_int_equal(engine_feed(e, "what follows", 12), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, 2), 2);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_ERR_STATE); /* 'd' is unread */
    assert_int_equal(nns_engine_read(e, got, 1), 1);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
    assert_int_equal(size, 12);
    assert_memory_equal(rest, "what follows", 12);
    EXPECT(e, OPEN | WRITE);
    nns_engine_trim(e);
    assert_memory_equal(rest, "what follows", 12); /* until free() */
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_recv(e, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_recv_eof(e), NNS_ERR_STATE);
    assert_int_equal(nns_engine_read(e, got, 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_write(e, "still", 5), 5); /* the other half goes on */
    assert_int_equal(engine_drain(e, sent, sizeof(sent)), 25);
    nns_engine_free(e);
}

static void there_may_be_no_rest(void **state)
{
    struct mock script = {.turns = 2, .level_none = true};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    const uint8_t *rest = (const uint8_t *)"";
    size_t size = 1;

    (void)state;
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
    assert_int_equal(size, 0);
    assert_null(rest);
    nns_engine_free(e);
    e = engine_opened(NNS_CLIENT, &script);
    assert_int_equal(engine_feed(e, "unread", 6), NNS_OK);
    assert_int_equal(nns_engine_take_rest(e, &rest, &size), NNS_OK);
    assert_int_equal(size, 6);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_from_start_to_open),
        cmocka_unit_test(a_server_from_start_to_open),
        cmocka_unit_test(the_receive_half),
        cmocka_unit_test(a_bad_length_can_be_read_as_an_error),
        cmocka_unit_test(the_send_half),
        cmocka_unit_test(level_none),
        cmocka_unit_test(failures_of_a_handshake),
        cmocka_unit_test(while_a_job_is_out),
        cmocka_unit_test(the_rest_is_handed_out),
        cmocka_unit_test(there_may_be_no_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
