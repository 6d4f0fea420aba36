/* SPDX-License-Identifier: MIT
 *
 * The handshake table: every state and message of both roles, given to the table itself and,
 * wherever bytes can do it, played for real; and every message id with the edges of the sizes.
 */
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

/* ---- the table itself ---- */

struct verdict {
    int result;
    enum nns__handshake_state next; /* where result is NNS_OK */
};

#define NO                                                                                         \
    {                                                                                              \
        NNS_ERR_PROTOCOL, NNS__START                                                               \
    }
#define PEER                                                                                       \
    {                                                                                              \
        NNS_ERR_PEER, NNS__START                                                                   \
    }
#define TO(state)                                                                                  \
    {                                                                                              \
        NNS_OK, (state)                                                                            \
    }
#define NEVER                                                                                      \
    {                                                                                              \
        NO, NO, NO, NO, NO                                                                         \
    }

/* [role][state][InProgress, Done, Error, other, EOF] for a payload of five bytes */
static const struct verdict with_payload[2][NNS__HANDSHAKE_STATES][NNS__HANDSHAKE_MESSAGES] = {
    {
        [NNS__START] = NEVER, /* a client speaks first */
        [NNS__STEP] = NEVER,
        [NNS__EXPECT_TOKEN] = {TO(NNS__STEP), TO(NNS__STEP), PEER, NO, NO},
        [NNS__EXPECT_DONE] = {NO, NO, PEER, NO, NO},
        [NNS__AUTHORIZE] = NEVER,
        [NNS__OPEN] = NEVER,
    },
    {
        [NNS__START] = {TO(NNS__STEP), TO(NNS__STEP), PEER, NO, NO},
        [NNS__STEP] = NEVER,
        [NNS__EXPECT_TOKEN] = {TO(NNS__STEP), TO(NNS__STEP), PEER, NO, NO},
        [NNS__EXPECT_DONE] = NEVER, /* a server waits for nobody's Done */
        [NNS__AUTHORIZE] = NEVER,
        [NNS__OPEN] = NEVER,
    },
};

/* The same without payload: only an error, and the Done that a complete client waits for. */
static const struct verdict without_payload[2][NNS__HANDSHAKE_STATES][NNS__HANDSHAKE_MESSAGES] = {
    {
        [NNS__START] = NEVER,
        [NNS__STEP] = NEVER,
        [NNS__EXPECT_TOKEN] = {NO, NO, PEER, NO, NO},
        [NNS__EXPECT_DONE] = {NO, TO(NNS__OPEN), PEER, NO, NO},
        [NNS__AUTHORIZE] = NEVER,
        [NNS__OPEN] = NEVER,
    },
    {
        [NNS__START] = {NO, NO, PEER, NO, NO},
        [NNS__STEP] = NEVER,
        [NNS__EXPECT_TOKEN] = {NO, NO, PEER, NO, NO},
        [NNS__EXPECT_DONE] = NEVER,
        [NNS__AUTHORIZE] = NEVER,
        [NNS__OPEN] = NEVER,
    },
};

static void check_cell(nns_role role, enum nns__handshake_state at,
                       enum nns__handshake_message message, size_t size,
                       const struct verdict *verdict)
{
    struct mock script = {0};
    nns_engine *e = engine_make(role, &script);
    int rc;

    e->handshake.state = at;
    rc = nns__handshake_message(e, message, (const uint8_t *)"token", size);
    if (rc != verdict->result)
        fail_msg("role %d, state %d, message %d, %zu bytes: %s", role, at, message, size,
                 nns_result_name(rc));
    assert_int_equal(nns_error_code(nns_engine_error(e)), rc);
    if (rc == NNS_OK)
        assert_int_equal(e->handshake.state, verdict->next);
    else if (at != NNS__OPEN) /* no error opens anything */
        assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    nns_engine_free(e);
}

static void every_cell(void **state)
{
    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        for (int at = 0; at < NNS__HANDSHAKE_STATES; at++) {
            for (int message = 0; message < NNS__HANDSHAKE_MESSAGES; message++) {
                check_cell(role, (enum nns__handshake_state)at,
                           (enum nns__handshake_message)message, 5,
                           &with_payload[role - 1][at][message]);
                check_cell(role, (enum nns__handshake_state)at,
                           (enum nns__handshake_message)message, 0,
                           &without_payload[role - 1][at][message]);
            }
        }
    }
}

/* ---- for real ---- */

enum situation {
    SERVER_FIRST,  /* nothing has come */
    SERVER_LATER,  /* a token has gone each way */
    CLIENT_FIRST,  /* the client's first token has gone out */
    CLIENT_LATER,  /* a token has come, the second has gone out */
    CLIENT_DONE_1, /* complete after its first token, nothing has come */
    CLIENT_DONE_3, /* complete after its second token */
    SITUATIONS
};

/* An engine brought to a situation in which it waits for a record. */
static nns_engine *engine_in(enum situation situation)
{
    static const struct mock two = {.turns = 2}, four = {.turns = 4}, one = {.turns = 1},
                             three = {.turns = 3};
    static const struct mock *const scripts[] = {&two, &four, &two, &four, &one, &three};
    nns_role role = situation <= SERVER_LATER ? NNS_SERVER : NNS_CLIENT;
    nns_engine *e = engine_make(role, scripts[situation]);
    uint8_t sent[64];

    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_step(e), NNS_OK);
    if (situation == SERVER_LATER || situation == CLIENT_LATER || situation == CLIENT_DONE_3) {
        assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, role == NNS_SERVER ? 1 : 2),
                         NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
    }
    (void)engine_drain(e, sent, sizeof(sent));
    assert_true((nns_engine_state(e) & NNS_STATE_WANT_RECV) != 0);
    return e;
}

static bool is_complete(enum situation situation)
{
    return situation == CLIENT_DONE_1 || situation == CLIENT_DONE_3;
}

static bool has_received(enum situation situation)
{
    return situation == SERVER_LATER || situation == CLIENT_LATER || situation == CLIENT_DONE_3;
}

/* What a record of this id and size must lead to, by the rules of protocol.md. */
static int expected(enum situation situation, unsigned id, size_t size)
{
    if (id == RECORD_ERROR)
        return NNS_ERR_PEER;
    if (id != RECORD_DONE && id != RECORD_IN_PROGRESS)
        return has_received(situation) ? NNS_ERR_PROTOCOL : NNS_ERR_FOREIGN;
    if (is_complete(situation))
        return id == RECORD_DONE && size == 0 ? NNS_OK : NNS_ERR_PROTOCOL;
    return size == 0 ? NNS_ERR_PROTOCOL : NNS_OK;
}

static void check_record(enum situation situation, unsigned id, const uint8_t *token, size_t size,
                         uint8_t *record)
{
    static const uint8_t invalid_token[] = {0x15, 1,    0,    0,    8,    0x08, 0x03,
                                            9,    0x80, 0x80, 0x09, 0x03, 0x08};
    nns_engine *e = engine_in(situation);
    int want = expected(situation, id, size);
    nns_ssize took = nns_engine_recv(e, record, record_make(record, (uint8_t)id, token, size));

    if (want == NNS_OK)
        assert_int_equal(took, 5 + size);
    if ((took < 0 ? took : NNS_OK) != want)
        fail_msg("situation %d, id %02x, %zu bytes: %s", situation, id, size,
                 nns_result_name((int)took));
    if (want == NNS_ERR_PROTOCOL || want == NNS_ERR_FOREIGN)
        engine_expect(e, invalid_token, sizeof(invalid_token));
    else
        engine_expect(e, NULL, 0); /* a peer's error is not answered */
    if (!is_complete(situation) || want != NNS_OK)
        assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    if (want == NNS_OK && !is_complete(situation)) { /* the token is nonsense */
        assert_int_equal(nns_engine_step(e), NNS_ERR_AUTH);
        engine_expect(e, invalid_token, sizeof(invalid_token));
    }
    nns_engine_free(e);
}

static void every_id_and_edge_size_in_every_situation(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 65534, 65535};
    uint8_t *record = test_malloc(65540), *token = test_calloc(65535, 1);

    (void)state;
    token[0] = 0x60;
    for (int situation = 0; situation < SITUATIONS; situation++) {
        for (unsigned id = 0; id < 256; id++) {
            for (size_t i = 0; i < COUNT(sizes); i++)
                check_record((enum situation)situation, id, token, sizes[i], record);
        }
    }
    test_free(record);
    test_free(token);
}

/* Five bytes are enough: nobody waits for the payload that an unknown record announces. */
static void an_unknown_id_is_refused_by_its_header(void **state)
{
    (void)state;
    for (int situation = 0; situation < SITUATIONS; situation++) {
        nns_engine *e = engine_in((enum situation)situation);
        int want = expected((enum situation)situation, 0x17, 65535);

        assert_int_equal(engine_feed(e, "\x17\x01\0\xff", 4), NNS_OK);
        assert_int_equal(engine_feed(e, "\xff", 1), want);
        engine_expect_error_record(e, 0x80090308);
        nns_engine_free(e);
    }
}

static void eof_in_every_situation(void **state)
{
    (void)state;
    for (int situation = 0; situation < SITUATIONS; situation++) {
        for (size_t bytes = 0; bytes < 10; bytes++) {
            nns_engine *e = engine_in((enum situation)situation);
            int code = bytes == 0 ? NNS_ERR_PROTOCOL : NNS_ERR_TRUNCATED;

            assert_int_equal(engine_feed(e, "\x16\x01\0\0\x05MOCK", bytes), NNS_OK);
            if (is_complete((enum situation)situation) && bytes > 5)
                code = NNS_ERR_TRUNCATED;
            assert_int_equal(nns_engine_recv_eof(e), code);
            engine_expect_failure(e, code, "handshake: the peer closed the connection");
            engine_expect(e, NULL, 0);
            assert_int_equal(nns_engine_error(e) != NULL ? nns_error_phase(nns_engine_error(e)) : 0,
                             NNS_PHASE_HANDSHAKE);
            nns_engine_free(e);
        }
    }
}

/* The rule for which CVEs were written elsewhere: five bytes never open a client whose mechanism
 * still waits. */
static void a_bare_done_never_opens_a_client(void **state)
{
    static const uint8_t bare[] = {0x14, 1, 0, 0, 0};
    struct mock script = {.turns = 4};

    (void)state;
    for (int tokens = 0; tokens < 2; tokens++) {
        for (size_t cut = 0; cut <= sizeof(bare); cut++) {
            nns_engine *e = engine_make(NNS_CLIENT, &script);
            int rc;

            if (tokens == 1) {
                assert_int_equal(nns_engine_step(e), NNS_OK);
                assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 2), NNS_OK);
            }
            assert_int_equal(nns_engine_recv(e, bare, sizeof(bare)), 0); /* busy: nothing taken */
            assert_int_equal(nns_engine_step(e), NNS_OK);
            rc = engine_feed(e, bare, cut);
            if (cut < sizeof(bare))
                rc = engine_feed(e, bare + cut, sizeof(bare) - cut);
            assert_int_equal(rc, NNS_ERR_PROTOCOL);
            assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
            engine_expect_failure(e, NNS_ERR_PROTOCOL, "empty token");
            nns_engine_free(e);
        }
    }
}

/* The bare Done waits behind the token, and is looked at after the step: too late and too early. */
static void a_bare_done_behind_a_token_opens_nothing(void **state)
{
    static const uint8_t bytes[] = "\x16\x01\0\0\x05MOCK\x02\x14\x01\0\0";
    struct mock four = {.turns = 4}, mute = {.turns = 4, .mute_turn = 3};
    nns_engine *e = engine_make(NNS_CLIENT, &four);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, bytes, sizeof(bytes)), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_PROTOCOL);
    engine_expect_failure(e, NNS_ERR_PROTOCOL, "empty token");
    nns_engine_free(e);
    /* A mechanism that goes on without a token must not end up in a state that opens. */
    e = engine_make(NNS_CLIENT, &mute);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, bytes, sizeof(bytes)), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_AUTH);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    nns_engine_free(e);
}

/* Complete at once without a token, which no mechanism should be: the client proved nothing. */
static void a_client_that_said_nothing_is_not_opened(void **state)
{
    struct mock script = {.turns = 1, .mute_turn = 1};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_ERR_AUTH);
    engine_expect_failure(e, NNS_ERR_AUTH, "complete and never had a token to send");
    engine_expect_error_record(e, 0x80090304);
    nns_engine_free(e);
}

static void a_done_whose_token_does_not_complete_is_refused(void **state)
{
    struct mock script = {.turns = 4};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 2), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_PROTOCOL);
    engine_expect_failure(e, NNS_ERR_PROTOCOL, "the peer is done, but the mechanism is not");
    nns_engine_free(e);
}

static void a_done_that_we_would_have_to_answer_is_refused(void **state)
{
    struct mock script = {.turns = 3};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 2), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_PROTOCOL);
    engine_expect_failure(e, NNS_ERR_PROTOCOL, "one more token");
    nns_engine_free(e);
}

static void a_second_done_before_opening_is_refused(void **state)
{
    static const uint8_t two[] = "\x14\x01\0\0\x05MOCK\x02\x14\x01\0\0";
    struct mock script = {.turns = 4};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, two, sizeof(two)), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_PROTOCOL);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(every_id_and_edge_size_in_every_situation),
        cmocka_unit_test(an_unknown_id_is_refused_by_its_header),
        cmocka_unit_test(eof_in_every_situation),
        cmocka_unit_test(a_bare_done_never_opens_a_client),
        cmocka_unit_test(a_bare_done_behind_a_token_opens_nothing),
        cmocka_unit_test(a_client_that_said_nothing_is_not_opened),
        cmocka_unit_test(a_done_whose_token_does_not_complete_is_refused),
        cmocka_unit_test(a_done_that_we_would_have_to_answer_is_refused),
        cmocka_unit_test(a_second_done_before_opening_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
