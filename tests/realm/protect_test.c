/* SPDX-License-Identifier: MIT
 *
 * The protector "gss" with real Kerberos contexts: sizes and batches, and everything that a
 * record must not be. What .NET lets pass is refused here.
 */
#include "auth/gss_cred.h"
#include "frame/data_record.h"
#include "realm/realm_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISORDER "a record was replayed, reordered or lost"
#define ALTERED "a record was altered, or belongs to another session"

/* A server of ours with a client of plain GSSAPI, and messages to play with. */
struct session {
    gss_ctx_id_t client;
    struct side server;
    struct message messages[4];
};

static struct session *session_open(OM_uint32 flags)
{
    struct session *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    raw_connect(&s->client, &s->server, &nns__gss_spnego, flags);
    for (size_t i = 0; i < 4; i++)
        raw_wrap(&s->messages[i], s->client, 1, &"0123"[i], 1);
    return s;
}

static void session_free(struct session *s)
{
    raw_free(&s->client);
    side_free(&s->server);
    free(s);
}

static void expect_record(struct session *s, size_t i)
{
    expect_opened(&s->server, &s->messages[i], &"0123"[i], 1);
}

/* The session is over in both directions, whatever comes, and each says why. */
static void expect_over(struct session *s, size_t i)
{
    struct nns__sealer *sealer = s->server.protection.sealer;
    uint8_t slot[200] = {0};
    struct nns__failure f = {0};

    expect_refused(&s->server, &s->messages[i], NNS_ERR_INTEGRITY, "receive: a record ");
    assert_int_equal(sealer->ops->seal(sealer, slot, sizeof(slot), 1, 1, 1, &f), NNS_ERR_INTEGRITY);
    assert_non_null(strstr(f.message, "receive: a record "));
}

/* ---- sizes ---- */

static void round_trip(struct side *from, struct side *to, size_t size, struct message *message,
                       size_t overhead)
{
    uint8_t *plain = malloc(size + 1);

    assert_non_null(plain);
    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)(i * 7 + size);
    seal_message(message, from, plain, size);
    assert_int_equal(message->size, size + overhead);
    expect_opened(to, message, plain, size);
    free(plain);
}

static void check_sizes(nns_protection level, size_t overhead)
{
    static const size_t sizes[] = {1,    2,    15,    16,    17,    31,    32,    33,    100,  4095,
                                   4096, 4097, 16384, 32767, 32768, 64000, 64510, 64511, 64512};
    struct message *message = malloc(sizeof(*message));
    struct realm_pair pair;

    assert_non_null(message);
    realm_pair_open(&pair, client_config(level), server_config(level), TARGET);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        round_trip(&pair.client, &pair.server, sizes[i], message, overhead);
        round_trip(&pair.server, &pair.client, sizes[i], message, overhead);
    }
    realm_pair_free(&pair);
    free(message);
}

static void test_sizes_encrypted(void **state)
{
    (void)state;
    check_sizes(NNS_PROTECT_SEAL, 60);
}

static void test_sizes_signed(void **state)
{
    (void)state;
    check_sizes(NNS_PROTECT_SIGN, 28);
}

/* Many records in one call come out one behind the other. */
static void test_batch(void **state)
{
    const size_t plain = 1000, last = 7, count = 5;
    struct message *message = malloc(sizeof(*message));
    struct nns__failure f;
    struct realm_pair pair;
    size_t stride, at = 0;
    uint8_t *slots, expected[1000];
    nns_ssize size;

    (void)state;
    assert_non_null(message);
    realm_pair_open(&pair, client_config(NNS_PROTECT_SEAL), server_config(NNS_PROTECT_SEAL),
                    TARGET);
    stride = NNS__RECORD_HEADER + pair.client.protection.sealer->head + plain +
             pair.client.protection.sealer->tail;
    slots = malloc(count * stride);
    assert_non_null(slots);
    for (size_t i = 0; i < count; i++)
        memset(slots + i * stride + NNS__RECORD_HEADER + pair.client.protection.sealer->head,
               (int)i, plain);
    size = pair.client.protection.sealer->ops->seal(pair.client.protection.sealer, slots, stride,
                                                    count, plain, last, &f);
    assert_int_equal(size, (count - 1) * (4 + 60 + plain) + 4 + 60 + last);
    for (size_t i = 0; i < count; i++) {
        message->size = nns__record_length(slots + at);
        memcpy(message->bytes, slots + at + NNS__RECORD_HEADER, message->size);
        at += NNS__RECORD_HEADER + message->size;
        memset(expected, (int)i, plain);
        expect_opened(&pair.server, message, expected, i + 1 < count ? plain : last);
    }
    assert_int_equal(at, (size_t)size);
    free(slots);
    free(message);
    realm_pair_free(&pair);
}

static void test_empty_record(void **state)
{
    struct session *s = session_open(ORDERED_FLAGS);

    (void)state;
    for (size_t i = 0; i < 4; i++)
        expect_record(s, i);
    raw_wrap(&s->messages[0], s->client, 1, "", 0);
    expect_opened(&s->server, &s->messages[0], "", 0);
    session_free(s);
}

/* Our sealer is never asked for an empty record, but others send them. Of a signed one MIT's
 * library gives a block of no bytes, which the sanitizer sees if it stays. */
static void test_empty_records_of_each_level(void **state)
{
    static const nns_protection levels[] = {NNS_PROTECT_SEAL, NNS_PROTECT_SIGN};
    struct message *message = malloc(sizeof(*message));

    (void)state;
    assert_non_null(message);
    for (size_t i = 0; i < 2; i++) {
        struct realm_pair pair;

        realm_pair_open(&pair, client_config(levels[i]), server_config(levels[i]), TARGET);
        for (int again = 0; again < 3; again++) {
            seal_message(message, &pair.client, "", 0);
            expect_opened(&pair.server, message, "", 0);
        }
        realm_pair_free(&pair);
    }
    free(message);
}

/* ---- order ---- */

/* Records in this order; the last one is refused, and then everything. */
static void check_order(OM_uint32 flags, const char *order)
{
    struct session *s = session_open(flags);
    size_t last = strlen(order) - 1;

    for (size_t i = 0; i < last; i++)
        expect_record(s, (size_t)(order[i] - '0'));
    expect_refused(&s->server, &s->messages[order[last] - '0'], NNS_ERR_INTEGRITY, DISORDER);
    for (size_t i = 0; i < 4; i++)
        expect_over(s, i);
    session_free(s);
}

static void test_replayed(void **state)
{
    (void)state;
    check_order(ORDERED_FLAGS, "00");
    check_order(DOTNET_FLAGS, "00");
    check_order(DOTNET_FLAGS, "0120");
    check_order(DOTNET_FLAGS, "0122");
}

static void test_swapped(void **state)
{
    (void)state;
    check_order(ORDERED_FLAGS, "1"); /* the context knows the first number */
    check_order(ORDERED_FLAGS, "02");
    check_order(DOTNET_FLAGS, "10"); /* this one does not */
    check_order(DOTNET_FLAGS, "02");
}

static void test_missing(void **state)
{
    (void)state;
    check_order(ORDERED_FLAGS, "013");
    check_order(ORDERED_FLAGS, "3");
    check_order(DOTNET_FLAGS, "03");
    check_order(DOTNET_FLAGS, "013");
    check_order(DOTNET_FLAGS, "230");
}

/* One of the two is not both. */
static void test_half_asked(void **state)
{
    (void)state;
    check_order(DOTNET_FLAGS | GSS_C_REPLAY_FLAG, "00");
    check_order(DOTNET_FLAGS | GSS_C_REPLAY_FLAG, "02");
    check_order(DOTNET_FLAGS | GSS_C_SEQUENCE_FLAG, "00");
    check_order(DOTNET_FLAGS | GSS_C_SEQUENCE_FLAG, "02");
}

static void test_in_order(void **state)
{
    struct session *s = session_open(DOTNET_FLAGS);

    (void)state;
    for (size_t i = 0; i < 4; i++)
        expect_record(s, i);
    for (int i = 0; i < 300; i++) {
        raw_wrap(&s->messages[0], s->client, 1, "0", 1);
        expect_record(s, 0);
    }
    session_free(s);
}

/* ---- what a record must be ---- */

static void test_not_encrypted(void **state)
{
    static const OM_uint32 flags[] = {ORDERED_FLAGS, DOTNET_FLAGS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct session *s = session_open(flags[i]);

        for (size_t k = 0; k < 4; k++)
            expect_record(s, k);
        raw_wrap(&s->messages[0], s->client, 0, "0", 1);
        raw_wrap(&s->messages[1], s->client, 1, "1", 1);
        expect_refused(&s->server, &s->messages[0], NNS_ERR_INTEGRITY, "a record is not encrypted");
        expect_over(s, 1);
        session_free(s);
    }
}

/* The two halves go in any order; the context stays until the second. */
static void test_free_halves(void **state)
{
    struct session *s = session_open(ORDERED_FLAGS);

    (void)state;
    s->server.protection.sealer->ops->free(s->server.protection.sealer);
    s->server.protection.sealer = NULL;
    expect_record(s, 0);
    session_free(s);
    s = session_open(ORDERED_FLAGS);
    s->server.protection.opener->ops->free(s->server.protection.opener);
    s->server.protection.opener = NULL;
    seal_message(&s->messages[0], &s->server, "x", 1);
    session_free(s);
}

static void test_reflected(void **state)
{
    struct message *message = malloc(sizeof(*message));
    struct realm_pair pair;

    (void)state;
    assert_non_null(message);
    realm_pair_open(&pair, client_config(NNS_PROTECT_SEAL), server_config(NNS_PROTECT_SEAL),
                    TARGET);
    seal_message(message, &pair.server, "mine", 4);
    expect_refused(&pair.server, message, NNS_ERR_INTEGRITY, ALTERED);
    seal_message(message, &pair.client, "mine", 4);
    expect_refused(&pair.client, message, NNS_ERR_INTEGRITY, ALTERED);
    realm_pair_free(&pair);
    free(message);
}

static void test_of_another_session(void **state)
{
    struct session *one = session_open(DOTNET_FLAGS), *other = session_open(DOTNET_FLAGS);

    (void)state;
    expect_record(one, 0);
    expect_refused(&one->server, &other->messages[1], NNS_ERR_INTEGRITY, ALTERED);
    session_free(one);
    session_free(other);
}

/* Every byte of a record counts but EC and RRC of a sealed one, which only say how it is folded. */
static void test_altered(void **state)
{
    (void)state;
    for (size_t at = 0; at < 61; at++) {
        struct session *s;

        if (at >= 4 && at < 8)
            continue;
        s = session_open(DOTNET_FLAGS);
        assert_int_equal(s->messages[0].size, 61);
        s->messages[0].bytes[at] ^= 0x10;
        expect_refused(&s->server, &s->messages[0], NNS_ERR_INTEGRITY, ALTERED);
        expect_over(s, 1);
        session_free(s);
    }
}

static void test_cut(void **state)
{
    static const size_t sizes[] = {5, 8, 15, 16, 17, 27, 43, 44, 59, 60};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct session *s = session_open(DOTNET_FLAGS);

        s->messages[0].size = sizes[i];
        expect_refused(&s->server, &s->messages[0], NNS_ERR_INTEGRITY, ALTERED);
        session_free(s);
    }
}

/* A token of gss_get_mic() is no record. */
static void test_mic(void **state)
{
    struct session *s = session_open(DOTNET_FLAGS);
    gss_buffer_desc text = {5, s->messages[3].bytes}, mic = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    (void)state;
    assert_int_equal(gss_get_mic(&minor, s->client, GSS_C_QOP_DEFAULT, &text, &mic),
                     GSS_S_COMPLETE);
    memcpy(s->messages[0].bytes, mic.value, mic.length);
    s->messages[0].size = mic.length;
    (void)gss_release_buffer(&minor, &mic);
    expect_refused(&s->server, &s->messages[0], NNS_ERR_INTEGRITY, ALTERED);
    session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_encrypted),
        cmocka_unit_test(test_sizes_signed),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_empty_record),
        cmocka_unit_test(test_empty_records_of_each_level),
        cmocka_unit_test(test_replayed),
        cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_half_asked),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_not_encrypted),
        cmocka_unit_test(test_free_halves),
        cmocka_unit_test(test_reflected),
        cmocka_unit_test(test_of_another_session),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_mic),
    };

    realm_use_engine("gss");
    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
