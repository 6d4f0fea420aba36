/* SPDX-License-Identifier: MIT
 *
 * The application's say: with deferred authorization an engine shows what was negotiated and
 * waits; both verdicts, both roles, every flow.
 */
#include "support/check.h"
#include "support/pair.h"

static nns_config *asking(const struct mock *script)
{
    nns_config *cfg = config_make(script, NULL);

    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    return cfg;
}

static bool waits(const nns_engine *e)
{
    return (nns_engine_state(e) & NNS_STATE_WANT_AUTHORIZE) != 0;
}

static bool is_open(const nns_engine *e)
{
    return (nns_engine_state(e) & NNS_STATE_OPEN) != 0;
}

static void make_asking(struct pair *p, struct mock *script, nns_role who)
{
    *p = (struct pair){.client_script = *script, .server_script = *script};
    if (who == NNS_CLIENT)
        p->client_cfg = asking(script);
    else
        p->server_cfg = asking(script);
    pair_make(p);
    pair_pump(p);
}

static void yes_opens(void **state)
{
    (void)state;
    for (int turns = 1; turns <= 4; turns++) {
        for (nns_role who = NNS_CLIENT; who <= NNS_SERVER; who++) {
            struct mock script = {.turns = turns};
            struct pair p;
            nns_engine *e;

            make_asking(&p, &script, who);
            e = who == NNS_CLIENT ? p.client : p.server;
            assert_true(waits(e));
            assert_false(is_open(p.client));
            assert_int_equal(nns_engine_state(e), NNS_STATE_WANT_AUTHORIZE);
            assert_int_equal(nns_engine_protection(e), NNS_PROTECT_SEAL);
            assert_string_equal(nns_engine_mechanism(e), "Kerberos");
            assert_string_equal(nns_engine_target(e), "mock/server@MOCK.TEST");
            if (who == NNS_SERVER)
                assert_string_equal(nns_engine_peer_name(e), "alice@MOCK.TEST");
            assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_OK);
            /* and remains known, also while a client waits for the server's Done */
            assert_string_equal(nns_engine_mechanism(e), "Kerberos");
            assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_ERR_STATE);
            pair_pump(&p);
            assert_true(is_open(p.client) && is_open(p.server));
            pair_transfer(&p, p.client, p.server, "hello", 5);
            pair_transfer(&p, p.server, p.client, "hello", 5);
            pair_free(&p);
        }
    }
}

static void no_refuses_with_1790(void **state)
{
    (void)state;
    for (int turns = 1; turns <= 4; turns++) {
        struct mock script = {.turns = turns};
        struct pair p;

        make_asking(&p, &script, NNS_SERVER);
        assert_int_equal(nns_engine_authorize(p.server, NNS_ERR_REFUSED), NNS_ERR_REFUSED);
        engine_expect_failure(p.server, NNS_ERR_REFUSED, "refused 'alice@MOCK.TEST'");
        assert_int_equal(nns_engine_authorize(p.server, NNS_OK), NNS_ERR_REFUSED); /* sticky */
        pair_pump(&p);
        engine_expect_failure(p.client, NNS_ERR_PEER, "ERROR_TRUST_FAILURE");
        assert_false(is_open(p.client) || is_open(p.server));
        pair_free(&p);
    }
}

static void a_client_can_refuse_too(void **state)
{
    (void)state;
    for (int turns = 1; turns <= 4; turns++) {
        struct mock script = {.turns = turns};
        struct pair p;

        make_asking(&p, &script, NNS_CLIENT);
        assert_int_equal(nns_engine_authorize(p.client, NNS_ERR_REFUSED), NNS_ERR_REFUSED);
        engine_expect_failure(p.client, NNS_ERR_REFUSED, "refused 'mock/server'");
        engine_expect_error_record(p.client, 1790);
        assert_false(is_open(p.client));
        pair_free(&p);
    }
}

static void other_answers_change_nothing(void **state)
{
    struct mock script = {.turns = 2};
    struct pair p;

    (void)state;
    make_asking(&p, &script, NNS_SERVER);
    assert_int_equal(nns_engine_authorize(p.server, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_authorize(p.server, NNS_ERR_POLICY), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_authorize(NULL, NNS_OK), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_authorize(p.client, NNS_OK), NNS_ERR_STATE);
    assert_true(waits(p.server));
    /* while it waits nothing is taken, read or written */
    assert_int_equal(nns_engine_recv(p.server, "x", 1), 0);
    assert_int_equal(nns_engine_write(p.server, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_close(p.server), NNS_ERR_STATE);
    assert_int_equal(nns_engine_step(p.server), NNS_ERR_STATE);
    assert_int_equal(nns_engine_fail(p.server, NNS_ERR_TIMEOUT, 0), NNS_ERR_TIMEOUT);
    assert_int_equal(nns_engine_authorize(p.server, NNS_OK), NNS_ERR_TIMEOUT);
    assert_false(is_open(p.server));
    pair_free(&p);
}

/* Policy comes first: what is too weak is not even shown. */
static void policy_decides_before_the_application(void **state)
{
    struct mock script = {.turns = 2, .ssf = 56};
    struct pair p;

    (void)state;
    make_asking(&p, &script, NNS_SERVER);
    assert_false(waits(p.server));
    engine_expect_failure(p.server, NNS_ERR_POLICY, "min SSF");
    pair_free(&p);
}

/* What arrived in the meantime is looked at after the yes. */
static void data_behind_the_handshake_waits_for_the_yes(void **state)
{
    struct mock script = {.turns = 2};
    nns_engine *e = engine_on(asking(&script), NNS_CLIENT);
    uint8_t bytes[64];
    size_t size = token_record(bytes, RECORD_DONE, 2);
    char got[16];

    (void)state;
    size += mock_record(bytes + size, NNS_SERVER, 0, true, "early", 5);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, bytes, size), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_true(waits(e));
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK); /* seen when the next bytes are due */
    assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 5);
    assert_memory_equal(got, "early", 5);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 0);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yes_opens),
        cmocka_unit_test(no_refuses_with_1790),
        cmocka_unit_test(a_client_can_refuse_too),
        cmocka_unit_test(other_answers_change_nothing),
        cmocka_unit_test(policy_decides_before_the_application),
        cmocka_unit_test(data_behind_the_handshake_waits_for_the_yes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
