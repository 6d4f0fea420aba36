/* SPDX-License-Identifier: MIT
 *
 * Handshakes that fail: peers of other protocols, error records read and written, limits, a
 * failing mechanism, and policy, which answers 1790 in place of Done.
 */
#include "base/bytes.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

static nns_engine *started(nns_role role, const struct mock *script)
{
    nns_engine *e = engine_make(role, script);
    uint8_t sent[64];

    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_step(e), NNS_OK);
    (void)engine_drain(e, sent, sizeof(sent));
    return e;
}

static void other_protocols_are_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } rows[] = {
        {"\x16\x03\x01\x02\x00\x01\x00\x01", 8, "the peer speaks TLS, not NegotiateStream"},
        {"\x15\x03\x03\x00\x02\x02\x28", 7, "the peer speaks TLS"},
        {"HTTP/1.1 400 Bad Request\r\n", 26, "the peer speaks HTTP"},
        {"GET / HTTP/1.1\r\n", 16, "the peer speaks HTTP"},
        {"SSH-2.0-x\r\n", 11, "the peer speaks SSH"},
        {"\x00\x01\x00\x01\x02\x02", 6, "the peer speaks net.tcp"},
        {"\x08\x45http", 6, "the peer speaks net.tcp"},
        {"hello", 5, "it began with 68 65 6c 6c 6f"},
    };
    struct mock script = {0};

    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            nns_engine *whole = started(role, &script), *bytewise = started(role, &script);
            int rc = NNS_OK;

            assert_int_equal(engine_feed(whole, rows[i].bytes, rows[i].size), NNS_ERR_FOREIGN);
            engine_expect_failure(whole, NNS_ERR_FOREIGN, rows[i].message);
            engine_expect_error_record(whole, 0x80090308);
            for (size_t k = 0; rc == NNS_OK && k < rows[i].size; k++)
                rc = engine_feed(bytewise, rows[i].bytes + k, 1);
            engine_expect_failure(bytewise, NNS_ERR_FOREIGN, rows[i].message);
            nns_engine_free(whole);
            nns_engine_free(bytewise);
        }
    }
}

/* net.tcp answers with a single byte and may close then. */
static void a_short_foreign_answer_is_named_at_the_end(void **state)
{
    static const struct {
        const char *bytes;
        const char *message;
    } rows[] = {
        {"\x0b", "the peer speaks net.tcp"}, {"\x0a", "the peer speaks net.tcp"},
        {"HTTP", "the peer speaks HTTP"},    {"x", "it began with 78"},
        {"ab", "it began with 61 62"},
    };
    struct mock script = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nns_engine *e = started(NNS_CLIENT, &script);

        assert_int_equal(engine_feed(e, rows[i].bytes, strlen(rows[i].bytes)), NNS_OK);
        assert_int_equal(nns_engine_recv_eof(e), NNS_ERR_FOREIGN);
        engine_expect_failure(e, NNS_ERR_FOREIGN, rows[i].message);
        nns_engine_free(e);
    }
}

static void error_records_of_every_kind_are_read(void **state)
{
    static const struct {
        const char *payload;
        size_t size;
        uint32_t status;
        const char *message;
    } rows[] = {
        {"\0\0\0\0\x80\x09\x03\x0C", 8, 0x8009030C, "SEC_E_LOGON_DENIED (8009030C)"},
        {"\x0C\x03\x09\x80\xFF\xFF\xFF\xFF", 8, 0x8009030C, "SEC_E_LOGON_DENIED (8009030C)"},
        {"\x0C\x03\x09\x80\x80\x09\x03\x0C", 8, 0x8009030C, "SEC_E_LOGON_DENIED (8009030C)"},
        {"\xFE\x06\0\0\0\0\0\0", 8, 0x6FE, "ERROR_TRUST_FAILURE (000006FE)"},
        {"\0\0\0\0\0\0\x06\xFE", 8, 0x6FE, "ERROR_TRUST_FAILURE (000006FE)"},
        {"\0\0\0\0\x80\x09\x03\x99", 8, 0x80090399, "status 80090399"},
        {"\0\0\0\0\x80\x09\x03\x0C+more", 13, 0x8009030C, "SEC_E_LOGON_DENIED"},
        {"\0\0\0\0\x80\x09\x03", 7, 0, "refused and gave no reason"},
        {"garbage!", 8, 0, "refused and gave no reason"},
        {"", 0, 0, "refused and gave no reason"},
    };
    struct mock script = {0};

    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            nns_engine *e = started(role, &script);
            uint8_t record[32];
            size_t size = record_make(record, RECORD_ERROR, rows[i].payload, rows[i].size);

            assert_int_equal(engine_feed(e, record, size - 1), rows[i].size == 0 ? 0 : NNS_OK);
            assert_int_equal(engine_feed(e, record + size - 1, 1), NNS_ERR_PEER);
            engine_expect_failure(e, NNS_ERR_PEER, rows[i].message);
            assert_int_equal(nns_error_peer_status(nns_engine_error(e)), rows[i].status);
            assert_int_equal(nns_error_phase(nns_engine_error(e)), NNS_PHASE_HANDSHAKE);
            if (rows[i].status == 0x6FE)
                assert_true(contains(nns_error_hint(nns_engine_error(e)), "policy refused us"));
            engine_expect(e, NULL, 0); /* no answer to an error */
            nns_engine_free(e);
        }
    }
}

static void a_failing_mechanism_tells_the_peer(void **state)
{
    static const uint32_t statuses[] = {0x8009030C, 0x80090308, 0x80090304, 0x00090317, 0x6FE};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        for (int turn = 1; turn <= 4; turn++) {
            struct mock good = {.turns = 4};
            struct mock bad = {.turns = 4,
                               .fail_turn = turn,
                               .fail_code = NNS_ERR_CREDENTIALS,
                               .fail_tell = statuses[i]};
            bool client_fails = turn % 2 == 1;
            struct pair p = {.client_script = client_fails ? bad : good,
                             .server_script = client_fails ? good : bad};
            nns_engine *failed, *told;

            pair_make(&p);
            pair_pump(&p);
            failed = client_fails ? p.client : p.server;
            told = client_fails ? p.server : p.client;
            engine_expect_failure(failed, NNS_ERR_CREDENTIALS, "mock: told to fail");
            engine_expect_failure(told, NNS_ERR_PEER, "the peer reported");
            assert_int_equal(nns_error_peer_status(nns_engine_error(told)), statuses[i]);
            pair_free(&p);
        }
    }
}

/* The mechanism fails where the peer is not to be told: it just sees the end. */
static void a_failure_may_tell_the_peer_nothing(void **state)
{
    struct mock script = {.fail_turn = 1, .fail_code = NNS_ERR_TIMEOUT, .fail_tell = 0};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_ERR_TIMEOUT);
    engine_expect(e, NULL, 0);
    nns_engine_free(e);
}

static void what_follows_completion_may_fail_too(void **state)
{
    struct mock inquire = {.fail_inquire = true}, protect = {.fail_protect = true};
    const struct mock *scripts[] = {&inquire, &protect};

    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++) {
        nns_engine *e = engine_make(NNS_SERVER, scripts[i]);

        assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_ERR_INTERNAL);
        engine_expect_error_record(e, 0x80090304); /* and no Done */
        assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
        nns_engine_free(e);
    }
}

/* ---- limits ---- */

static void more_records_than_allowed_are_refused(void **state)
{
    struct mock script = {.turns = 1000};

    (void)state;
    for (int legs = 1; legs <= 16; legs++) {
        nns_config *cfg = config_make(&script, NULL);
        nns_engine *e;

        assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_HANDSHAKE_LEGS, legs), NNS_OK);
        e = engine_on(cfg, NNS_SERVER);
        for (int i = 0; i < legs; i++) {
            uint8_t sent[16];

            assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, (uint8_t)(2 * i + 1)),
                             NNS_OK);
            assert_int_equal(nns_engine_step(e), NNS_OK);
            assert_int_equal(engine_drain(e, sent, sizeof(sent)), 10);
        }
        assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, (uint8_t)(2 * legs + 1)),
                         NNS_ERR_PROTOCOL);
        engine_expect_failure(e, NNS_ERR_PROTOCOL, "records from the peer");
        engine_expect_error_record(e, 0x80090308);
        nns_engine_free(e);
    }
}

/* 70,000 bytes: 65,540 and 4,460 pass, one byte more does not; a header is enough to see it. */
static void more_bytes_than_allowed_are_refused(void **state)
{
    struct mock script = {.turns = 4};

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        uint8_t *record = test_calloc(70000, 1);
        nns_config *cfg = config_make(&script, NULL);
        nns_engine *e;

        assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_HANDSHAKE_BYTES, 70000), NNS_OK);
        e = engine_on(cfg, NNS_SERVER);
        (void)token_record(record, RECORD_IN_PROGRESS, 1);
        record[3] = record[4] = 0xff;
        assert_int_equal(engine_feed(e, record, 65540), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        (void)engine_drain(e, record, 70000);
        (void)token_record(record, RECORD_IN_PROGRESS, 3);
        record[3] = (uint8_t)((4455 + extra) >> 8);
        record[4] = (uint8_t)(4455 + extra);
        if (extra == 0) {
            assert_int_equal(engine_feed(e, record, 4460), NNS_OK);
            assert_int_equal(nns_engine_step(e), NNS_OK);
        } else {
            assert_int_equal(engine_feed(e, record, 5), NNS_ERR_TOO_LARGE);
            engine_expect_failure(e, NNS_ERR_TOO_LARGE, "more than 70000 bytes");
            engine_expect_error_record(e, 0x80090308);
        }
        nns_engine_free(e);
        test_free(record);
    }
}

/* ---- policy ---- */

static const struct weak {
    struct mock script;
    int client, server; /* who refuses it, and with what */
} weak[] = {
    {{.flags = NNS__FLAG_MUTUAL | NNS__FLAG_INTEG}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.level_none = true}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.flags = NNS__FLAG_INTEG | NNS__FLAG_CONF}, NNS_ERR_POLICY, NNS_OK}, /* not mutual */
    {{.ssf = 64}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.unknown_mechanism = true}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.flags = MOCK_FLAGS | NNS__FLAG_ANONYMOUS}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.flags = MOCK_FLAGS | NNS__FLAG_DCE_STYLE}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.flags = MOCK_FLAGS | NNS__FLAG_DATAGRAM}, NNS_ERR_POLICY, NNS_ERR_POLICY},
    {{.peer = "mallory\n@MOCK.TEST"}, NNS_OK, NNS_ERR_REFUSED},
    {{.peer = ""}, NNS_OK, NNS_ERR_REFUSED},
};

static nns_config *strict_config(const struct mock *script)
{
    nns_config *cfg = NULL;

    assert_int_equal(mock_config(&cfg, script, NULL), NNS_OK);
    return cfg;
}

/* A server that is not content says 1790 instead of Done, and the client never opens. */
static void a_server_says_1790_instead_of_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(weak); i++) {
        for (int turns = 1; turns <= 4; turns++) {
            struct mock bad = weak[i].script, good = {.turns = turns};
            struct pair p = {.client_script = good};

            bad.turns = turns;
            p.server_cfg = strict_config(&bad);
            pair_make(&p);
            pair_pump(&p);
            if (weak[i].server == NNS_OK) {
                assert_true((nns_engine_state(p.client) & NNS_STATE_OPEN) != 0);
            } else {
                engine_expect_failure(p.server, weak[i].server, "policy: ");
                engine_expect_failure(p.client, NNS_ERR_PEER, "ERROR_TRUST_FAILURE");
                assert_int_equal(nns_error_peer_status(nns_engine_error(p.client)), 1790);
                assert_int_equal(nns_engine_state(p.client) & NNS_STATE_OPEN, 0);
                assert_int_equal(nns_engine_state(p.server) & NNS_STATE_OPEN, 0);
                assert_null(nns_engine_mechanism(p.server));
            }
            pair_free(&p);
        }
    }
}

/* A client that is not content says 1790 too, instead of its last token if it has one. */
static void a_client_says_1790(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(weak); i++) {
        for (int turns = 1; turns <= 3; turns += 2) {
            struct mock bad = weak[i].script, good = {.turns = turns};
            struct pair p = {.server_script = good};

            bad.turns = turns;
            p.client_cfg = strict_config(&bad);
            pair_make(&p);
            pair_pump(&p);
            if (weak[i].client == NNS_OK) {
                assert_true((nns_engine_state(p.client) & NNS_STATE_OPEN) != 0);
            } else {
                engine_expect_failure(p.client, weak[i].client, "policy: ");
                engine_expect_failure(p.server, NNS_ERR_PEER, "ERROR_TRUST_FAILURE");
                assert_int_equal(nns_engine_state(p.server) & NNS_STATE_OPEN, 0);
            }
            pair_free(&p);
        }
    }
}

/* Where the server has the last word, it is open already when the client finds out. */
static void a_client_finds_out_last(void **state)
{
    struct mock bad = {.turns = 2, .ssf = 56};
    nns_engine *e = engine_on(strict_config(&bad), NNS_CLIENT);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    engine_expect(e, "\x16\x01\0\0\x05MOCK\x01", 10);
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 2), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_POLICY);
    engine_expect_error_record(e, 1790);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    nns_engine_free(e);
}

/* Protection is asked for, but the mechanism gave none: never pass bytes in clear. */
static void a_missing_protector_is_never_taken_for_level_none(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_make(NNS_CLIENT, &script);
    nns_job *job = NULL;

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, RECORD_DONE, 2), NNS_OK);
    assert_int_equal(nns_engine_take_job(e, &job), NNS_OK);
    nns_job_run(job);
    nns__protection_free(&job->protection);
    assert_int_equal(nns_engine_finish_job(e, job), NNS_ERR_INTERNAL);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_OPEN, 0);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_protocols_are_named),
        cmocka_unit_test(a_short_foreign_answer_is_named_at_the_end),
        cmocka_unit_test(error_records_of_every_kind_are_read),
        cmocka_unit_test(a_failing_mechanism_tells_the_peer),
        cmocka_unit_test(a_failure_may_tell_the_peer_nothing),
        cmocka_unit_test(what_follows_completion_may_fail_too),
        cmocka_unit_test(more_records_than_allowed_are_refused),
        cmocka_unit_test(more_bytes_than_allowed_are_refused),
        cmocka_unit_test(a_server_says_1790_instead_of_done),
        cmocka_unit_test(a_client_says_1790),
        cmocka_unit_test(a_client_finds_out_last),
        cmocka_unit_test(a_missing_protector_is_never_taken_for_level_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
