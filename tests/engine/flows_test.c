/* SPDX-License-Identifier: MIT
 *
 * Handshakes that succeed: every course that real mechanisms take, byte for byte, in any pieces,
 * and what is known about the connection afterwards.
 */
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

/* What both sides send in a handshake of so many tokens, and how many records that makes. */
static const struct {
    int turns;
    const char *client;
    const char *server;
    size_t client_size, server_size;
    int legs;
} flows[] = {
    /* Kerberos without mutual authentication: C14 S14(empty) */
    {1, "\x14\x01\0\0\x05MOCK\x01", "\x14\x01\0\0\0", 10, 5, 2},
    /* Kerberos: C16 S14 */
    {2, "\x16\x01\0\0\x05MOCK\x01", "\x14\x01\0\0\x05MOCK\x02", 10, 10, 2},
    /* raw NTLM: C16 S16 C14 S14(empty) */
    {3, "\x16\x01\0\0\x05MOCK\x01\x14\x01\0\0\x05MOCK\x03",
     "\x16\x01\0\0\x05MOCK\x02\x14\x01\0\0\0", 20, 15, 4},
    /* NTLM in SPNEGO: C16 S16 C16 S14 */
    {4, "\x16\x01\0\0\x05MOCK\x01\x16\x01\0\0\x05MOCK\x03",
     "\x16\x01\0\0\x05MOCK\x02\x14\x01\0\0\x05MOCK\x04", 20, 20, 4},
};

static void every_flow_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(flows); i++) {
        for (size_t chunk = 0; chunk < 7; chunk++) {
            struct mock script = {.turns = flows[i].turns};
            struct tape from_client = {0}, from_server = {0};
            struct pair p = {.client_script = script,
                             .server_script = script,
                             .chunk = chunk,
                             .from_client = &from_client,
                             .from_server = &from_server};

            pair_open(&p);
            assert_int_equal(from_client.size, flows[i].client_size);
            assert_memory_equal(from_client.bytes, flows[i].client, from_client.size);
            assert_int_equal(from_server.size, flows[i].server_size);
            assert_memory_equal(from_server.bytes, flows[i].server, from_server.size);
            assert_int_equal(nns_engine_legs(p.client), flows[i].legs);
            assert_int_equal(nns_engine_legs(p.server), flows[i].legs);
            pair_transfer(&p, p.client, p.server, "to the server", 13);
            pair_transfer(&p, p.server, p.client, "to the client", 13);
            pair_free(&p);
            tape_free(&from_client);
            tape_free(&from_server);
        }
    }
}

static void tokens_of_every_size(void **state)
{
    static const size_t filler[] = {1, 250, 251, 252, 4091, 4092, 32768, 65529, 65530};

    (void)state;
    for (size_t i = 0; i < COUNT(filler); i++) {
        struct mock script = {.turns = 2, .filler = filler[i]};
        struct pair p = {.client_script = script, .server_script = script};

        pair_open(&p);
        pair_transfer(&p, p.client, p.server, "hello", 5);
        pair_free(&p);
    }
}

static void a_token_that_is_too_long_is_our_error(void **state)
{
    struct mock script = {.filler = 65531};

    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        nns_engine *e = engine_make(role, &script);

        if (role == NNS_SERVER)
            assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_ERR_AUTH);
        engine_expect_failure(e, NNS_ERR_AUTH, "our token has 65536 bytes");
        engine_expect_error_record(e, 0x80090304);
        nns_engine_free(e);
    }
}

/* .NET's client takes it: the last token in an InProgress record, then an empty Done. */
static void last_token_in_progress_then_an_empty_done(void **state)
{
    static const uint8_t both[] = "\x16\x01\0\0\x05MOCK\x02\x14\x01\0\0";
    struct mock script = {.turns = 2};

    (void)state;
    for (size_t cut = 0; cut <= sizeof(both); cut++) {
        nns_engine *e = engine_make(NNS_CLIENT, &script);

        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(nns_engine_recv(e, both, cut), cut);
        if (cut >= 10)
            assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(engine_feed(e, both + cut, sizeof(both) - cut), NNS_OK);
        if (cut < 10)
            assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(nns_engine_state(e) & (NNS_STATE_OPEN | NNS_STATE_FAILED), NNS_STATE_OPEN);
        nns_engine_free(e);
    }
}

/* A server treats a client's InProgress and Done alike. */
static void a_server_takes_either_record_for_a_token(void **state)
{
    static const uint8_t ids[] = {RECORD_IN_PROGRESS, RECORD_DONE};
    struct mock script = {.turns = 3};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        nns_engine *e = engine_make(NNS_SERVER, &script);

        assert_int_equal(engine_feed_token(e, ids[i & 1], 1), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        engine_expect(e, "\x16\x01\0\0\x05MOCK\x02", 10);
        assert_int_equal(engine_feed_token(e, ids[i >> 1], 3), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        engine_expect(e, "\x14\x01\0\0\0", 5);
        assert_true((nns_engine_state(e) & NNS_STATE_OPEN) != 0);
        nns_engine_free(e);
    }
}

static void version_bytes_are_ignored(void **state)
{
    static const uint8_t versions[][2] = {{0, 0}, {1, 0}, {1, 1}, {2, 9}, {3, 3}, {255, 255}};
    struct mock script = {.turns = 2};

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint8_t answer[] = "\x14\x01\0\0\x05MOCK\x02", first[] = "\x16\x01\0\0\x05MOCK\x01";
        nns_engine *client = engine_make(NNS_CLIENT, &script);
        nns_engine *server = engine_make(NNS_SERVER, &script);

        memcpy(answer + 1, versions[i], 2);
        assert_int_equal(nns_engine_step(client), NNS_OK);
        assert_int_equal(engine_feed(client, answer, 10), NNS_OK);
        assert_int_equal(nns_engine_step(client), NNS_OK);
        assert_true((nns_engine_state(client) & NNS_STATE_OPEN) != 0);
        memcpy(first + 1, versions[i], 2);
        /* Version 3 and a token of no known mechanism is TLS; the mock's is such a one. */
        assert_int_equal(engine_feed(server, first, 10),
                         versions[i][0] == 3 ? NNS_ERR_FOREIGN : NNS_OK);
        nns_engine_free(client);
        nns_engine_free(server);
    }
}

/* What follows the last handshake record in the same bytes belongs to the data phase. */
static void data_may_follow_the_done_at_once(void **state)
{
    uint8_t bytes[100];
    struct mock script = {.turns = 2};
    nns_engine *e = engine_make(NNS_CLIENT, &script);
    size_t size = token_record(bytes, RECORD_DONE, 2);
    char got[20];
    int end;

    (void)state;
    size += mock_record(bytes + size, NNS_SERVER, 0, true, "first", 5);
    size += mock_record(bytes + size, NNS_SERVER, 1, true, "second", 6);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, bytes, size), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV); /* not before OPEN */
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_read_all(e, got, sizeof(got), &end), 11);
    assert_memory_equal(got, "firstsecond", 11);
    nns_engine_free(e);
}

/* "Second 0x14 after open is data": as a length it is 0x00000114 = 276 bytes. */
static void a_second_done_after_opening_is_data(void **state)
{
    uint8_t record[300] = {0};
    struct mock script = {.turns = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    uint8_t got[300];

    (void)state;
    assert_int_equal(mock_record(record, NNS_SERVER, 0, true, got, 260), 280);
    assert_memory_equal(record, "\x14\x01\0\0", 4);
    assert_int_equal(engine_feed(e, "\x14\x01\0\0\0", 5), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_WANT_RECV);
    nns_engine_free(e);
}

static void expect_nothing_negotiated(const nns_engine *e)
{
    assert_int_equal(nns_engine_protection(e), NNS_PROTECT_NONE);
    assert_null(nns_engine_mechanism(e));
    assert_null(nns_engine_peer_name(e));
    assert_int_equal(nns_engine_is_mutual(e), 0);
    assert_int_equal(nns_engine_ssf(e), 0);
    assert_int_equal(nns_engine_impersonation(e), 0);
    assert_int_equal(nns_engine_ticket_end(e), 0);
    assert_null(nns_engine_enctype(e));
    assert_null(nns_engine_record_engine(e));
}

static void what_was_negotiated_is_known_once_open(void **state)
{
    struct mock script = {.turns = 4, .ssf = 128, .peer = "bob@MOCK.TEST"};
    struct pair p = {.client_script = script, .server_script = script};

    (void)state;
    pair_make(&p);
    expect_nothing_negotiated(p.client);
    expect_nothing_negotiated(p.server);
    assert_string_equal(nns_engine_target(p.client), "mock/server");
    assert_null(nns_engine_target(p.server));
    assert_int_equal(nns_engine_legs(p.client), 0);
    assert_int_equal(nns_engine_step(p.client), NNS_OK);
    expect_nothing_negotiated(p.client);
    pair_pump(&p);
    assert_int_equal(nns_engine_protection(p.client), NNS_PROTECT_SEAL);
    assert_string_equal(nns_engine_mechanism(p.client), "Kerberos");
    assert_null(nns_engine_peer_name(p.client));
    assert_string_equal(nns_engine_peer_name(p.server), "bob@MOCK.TEST");
    assert_string_equal(nns_engine_target(p.client), "mock/server@MOCK.TEST");
    assert_string_equal(nns_engine_target(p.server), "mock/server@MOCK.TEST");
    assert_int_equal(nns_engine_is_mutual(p.client), 1);
    assert_int_equal(nns_engine_ssf(p.server), 128);
    assert_int_equal(nns_engine_impersonation(p.server), NNS_IMPERSONATE);
    assert_string_equal(nns_engine_enctype(p.server), "mock-enctype");
    assert_string_equal(nns_engine_record_engine(p.server), "mock");
    assert_int_equal(nns_engine_legs(p.server), 4);
    pair_free(&p);
}

/* A complete mechanism is not enough: the server has not said Done yet. */
static void nothing_is_known_before_the_done(void **state)
{
    struct mock script = {.turns = 3};
    nns_engine *e = engine_make(NNS_CLIENT, &script);

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 2), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    expect_nothing_negotiated(e);
    assert_int_equal(engine_feed(e, "\x14\x01\0\0\0", 5), NNS_OK);
    assert_string_equal(nns_engine_mechanism(e), "Kerberos");
    nns_engine_free(e);
}

static void targets_are_checked(void **state)
{
    struct mock script = {0};
    nns_engine *client = engine_make(NNS_CLIENT, &script);
    nns_engine *server = engine_make(NNS_SERVER, &script);
    char longest[1026];

    (void)state;
    memset(longest, 't', 1025);
    longest[1025] = '\0';
    assert_int_equal(nns_engine_set_target(client, longest), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_target(client, ""), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_target(client, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_target(client, "host/a b"), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_target(client, "host/a\x7f"), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_target(server, "host/a"), NNS_ERR_ARGUMENT);
    assert_string_equal(nns_engine_target(client), "mock/server");
    longest[1024] = '\0';
    assert_int_equal(nns_engine_set_target(client, longest), NNS_OK);
    assert_int_equal(nns_engine_step(client), NNS_OK);
    assert_int_equal(nns_engine_set_target(client, "host/a"), NNS_ERR_STATE);
    nns_engine_free(client);
    nns_engine_free(server);
}

static void a_client_without_a_target_does_not_start(void **state)
{
    struct mock script = {0};
    nns_engine *e = NULL;
    nns_config *cfg = config_make(&script, NULL);

    (void)state;
    assert_int_equal(nns_engine_new(&e, cfg, NNS_CLIENT), NNS_OK);
    nns_config_unref(cfg);
    assert_int_equal(nns_engine_step(e), NNS_ERR_STATE);
    assert_null(nns_engine_error(e)); /* a usage error changes nothing */
    assert_int_equal(nns_engine_set_target(e, "a/b"), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    nns_engine_free(e);
}

static void the_user_has_a_pointer(void **state)
{
    struct mock script = {0};
    nns_engine *e = engine_make(NNS_SERVER, &script);

    (void)state;
    assert_null(nns_engine_user_data(e));
    nns_engine_set_user_data(e, &script);
    assert_ptr_equal(nns_engine_user_data(e), &script);
    nns_engine_free(e);
    nns_engine_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flow_byte_for_byte),
        cmocka_unit_test(tokens_of_every_size),
        cmocka_unit_test(a_token_that_is_too_long_is_our_error),
        cmocka_unit_test(last_token_in_progress_then_an_empty_done),
        cmocka_unit_test(a_server_takes_either_record_for_a_token),
        cmocka_unit_test(version_bytes_are_ignored),
        cmocka_unit_test(data_may_follow_the_done_at_once),
        cmocka_unit_test(a_second_done_after_opening_is_data),
        cmocka_unit_test(what_was_negotiated_is_known_once_open),
        cmocka_unit_test(nothing_is_known_before_the_done),
        cmocka_unit_test(targets_are_checked),
        cmocka_unit_test(a_client_without_a_target_does_not_start),
        cmocka_unit_test(the_user_has_a_pointer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
