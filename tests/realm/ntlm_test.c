/* SPDX-License-Identifier: MIT
 *
 * NTLM through gss-ntlmssp, client and server in one process, with SPNEGO and without: what is
 * negotiated at each level, the records, which mechanism is picked, and the guards against what
 * that library does with input it should refuse.
 */
#include "auth/gss_cred.h"
#include "frame/data_record.h"
#include "protect/gss_call.h"
#include "realm/realm_support.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE 16
#define ALTERED "a record was altered, or belongs to another session"
#define OVER "receive: a record"

static char right[] = "ntlm.password", wrong[] = "bob.password";

/* ---- what is negotiated ---- */

static void check_facts(const struct realm_pair *pair, uint32_t flags)
{
    const struct nns__facts *client = &pair->client.facts, *server = &pair->server.facts;

    assert_int_equal(client->mechanism, NNS__MECHANISM_NTLM);
    assert_int_equal(server->mechanism, NNS__MECHANISM_NTLM);
    assert_int_equal(client->flags, flags);
    assert_int_equal(server->flags, flags);
    assert_int_equal(client->ssf, 64);
    assert_int_equal(server->ssf, 64);
    assert_true(client->ticket_end == 0 && server->ticket_end == 0);
    assert_null(client->peer_name);
    assert_string_equal(server->peer_name, "NNS\\alice");
    assert_null(server->target);
}

static void check_policy(struct realm_pair *pair)
{
    struct nns__failure f;

    if (nns__policy_check(pair->client.cfg, NNS_CLIENT, &pair->client.facts, &f) != NNS_OK ||
        nns__policy_check(pair->server.cfg, NNS_SERVER, &pair->server.facts, &f) != NNS_OK)
        fail_msg("%s", f.message);
}

static void check_level(nns_protection level, bool only, uint32_t flags)
{
    bool framed = nns__policy_level(flags) != NNS_PROTECT_NONE;
    struct realm_pair pair;

    realm_pair_open(&pair, ntlm_client_config(level, only), ntlm_server_config(level, only),
                    TARGET);
    check_facts(&pair, flags);
    check_policy(&pair);
    assert_string_equal(pair.client.protection.name, framed ? "gss" : "raw");
    if (framed)
        expect_exchange(&pair);
    else
        assert_true(pair.server.protection.sealer == NULL && pair.server.protection.opener == NULL);
    realm_pair_free(&pair);
}

static void test_levels(void **state)
{
    (void)state;
    for (int only = 0; only <= 1; only++) {
        check_level(NNS_PROTECT_SEAL, only != 0,
                    NNS__FLAG_CONF | NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
        check_level(NNS_PROTECT_SIGN, only != 0, NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
    }
    check_level(NNS_PROTECT_NONE, true, NNS__FLAG_IDENTIFY);
    /* SPNEGO signs its list of mechanisms, and the whole connection with it. */
    check_level(NNS_PROTECT_NONE, false, NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
}

/* ---- records ---- */

static void open_pair(struct realm_pair *pair, nns_protection level, bool only)
{
    realm_pair_open(pair, ntlm_client_config(level, only), ntlm_server_config(level, only), TARGET);
}

static void round_trip(struct side *from, struct side *to, size_t size, struct message *message)
{
    uint8_t *plain = malloc(size);

    assert_non_null(plain);
    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)(i * 7 + size);
    seal_message(message, from, plain, size);
    assert_int_equal(message->size, size + SIGNATURE);
    assert_int_equal(memcmp(message->bytes + SIGNATURE, plain, size) == 0,
                     nns__policy_level(from->facts.flags) == NNS_PROTECT_SIGN);
    expect_opened(to, message, plain, size);
    free(plain);
}

/* A byte may encrypt to itself, so the smallest is 16. */
static void test_sizes(void **state)
{
    static const size_t sizes[] = {16, 17, 31, 32, 100, 4096, 32768, 64511, 64512};
    struct message *message = malloc(sizeof(*message));

    (void)state;
    assert_non_null(message);
    for (int course = 0; course < 4; course++) {
        nns_protection level = course % 2 == 0 ? NNS_PROTECT_SEAL : NNS_PROTECT_SIGN;
        struct realm_pair pair;

        open_pair(&pair, level, course >= 2);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            round_trip(&pair.client, &pair.server, sizes[i], message);
            round_trip(&pair.server, &pair.client, sizes[i], message);
        }
        seal_message(message, &pair.client, "x", 1);
        expect_opened(&pair.server, message, "x", 1);
        realm_pair_free(&pair);
    }
    free(message);
}

/* [MS-SPNG] 3.3.5.1: SPNEGO's own signature takes number 0. */
static void test_first_number(void **state)
{
    struct message *message = malloc(sizeof(*message));

    (void)state;
    assert_non_null(message);
    for (int course = 0; course < 4; course++) {
        bool only = course >= 2;
        struct realm_pair pair;

        open_pair(&pair, course % 2 == 0 ? NNS_PROTECT_SEAL : NNS_PROTECT_SIGN, only);
        seal_message(message, &pair.client, "x", 1);
        assert_int_equal(message->bytes[12], only ? 0 : 1);
        seal_message(message, &pair.server, "x", 1);
        assert_int_equal(message->bytes[12], only ? 0 : 1);
        realm_pair_free(&pair);
    }
    free(message);
}

/* Three records of the client's. */
struct session {
    struct realm_pair pair;
    struct message messages[3];
};

static struct session *session_open(nns_protection level)
{
    struct session *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    open_pair(&s->pair, level, false);
    for (size_t i = 0; i < 3; i++)
        seal_message(&s->messages[i], &s->pair.client, "0123456789", 10);
    return s;
}

static void session_free(struct session *s)
{
    realm_pair_free(&s->pair);
    free(s);
}

/* Records in this order; the last is refused, and then all of them: in NTLM a bad record that is
 * left out would let later ones through. */
static void check_order(nns_protection level, const char *order)
{
    struct session *s = session_open(level);
    size_t last = strlen(order) - 1;

    for (size_t i = 0; i < last; i++)
        expect_opened(&s->pair.server, &s->messages[order[i] - '0'], "0123456789", 10);
    expect_refused(&s->pair.server, &s->messages[order[last] - '0'], NNS_ERR_INTEGRITY, ALTERED);
    for (size_t i = 0; i < 3; i++)
        expect_refused(&s->pair.server, &s->messages[i], NNS_ERR_INTEGRITY, OVER);
    session_free(s);
}

static void test_order(void **state)
{
    static const nns_protection levels[] = {NNS_PROTECT_SIGN, NNS_PROTECT_SEAL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        check_order(levels[i], "00");
        check_order(levels[i], "011");
        check_order(levels[i], "02");
        check_order(levels[i], "1");
    }
}

static void test_altered(void **state)
{
    (void)state;
    for (size_t at = 0; at < 26; at++) {
        for (nns_protection level = NNS_PROTECT_SIGN; level <= NNS_PROTECT_SEAL; level++) {
            struct session *s = session_open(level);

            s->messages[0].bytes[at] ^= 0x04;
            expect_refused(&s->pair.server, &s->messages[0], NNS_ERR_INTEGRITY, ALTERED);
            expect_refused(&s->pair.server, &s->messages[1], NNS_ERR_INTEGRITY, OVER);
            session_free(s);
        }
    }
}

static void test_reflected(void **state)
{
    struct message *message = malloc(sizeof(*message));

    (void)state;
    assert_non_null(message);
    for (nns_protection level = NNS_PROTECT_SIGN; level <= NNS_PROTECT_SEAL; level++) {
        struct realm_pair pair;

        open_pair(&pair, level, false);
        seal_message(message, &pair.server, "mine", 4);
        expect_refused(&pair.server, message, NNS_ERR_INTEGRITY, ALTERED);
        realm_pair_free(&pair);
    }
    free(message);
}

/* gss-ntlmssp subtracts 16 from the size without a look. */
static void test_shorter_than_its_signature(void **state)
{
    (void)state;
    for (size_t size = 5; size < SIGNATURE; size++) {
        for (nns_protection level = NNS_PROTECT_SIGN; level <= NNS_PROTECT_SEAL; level++) {
            struct session *s = session_open(level);

            s->messages[0].size = size;
            expect_refused(&s->pair.server, &s->messages[0], NNS_ERR_INTEGRITY,
                           "a record is shorter than its signature");
            session_free(s);
        }
    }
}

/* ---- an empty record ---- */

typedef OM_uint32 unwrap_fn(OM_uint32 *minor, gss_ctx_id_t ctx, gss_buffer_t in, gss_buffer_t out,
                            int *conf, gss_qop_t *qop);

static size_t empty_answers;

/* In front of the library's. Nobody can make an empty record with it, so for a message that is a
 * signature alone this answers as it does: a length of 0, and a block that is not NULL. */
OM_uint32 gss_unwrap(OM_uint32 *minor, gss_ctx_id_t ctx, gss_buffer_t in, gss_buffer_t out,
                     int *conf, gss_qop_t *qop)
{
    union {
        void *in;
        unwrap_fn *out;
    } real = {.in = dlsym(RTLD_NEXT, "gss_unwrap")};

    if (in->length != SIGNATURE)
        return real.out(minor, ctx, in, out, conf, qop);
    empty_answers++;
    *out = (gss_buffer_desc){0, malloc(32)};
    *conf = 1;
    return GSS_S_COMPLETE;
}

/* It is nothing, and loses nothing: AddressSanitizer and valgrind would tell. */
static void test_empty_record(void **state)
{
    struct session *s = session_open(NNS_PROTECT_SEAL);

    (void)state;
    s->messages[2].size = SIGNATURE;
    for (int i = 0; i < 3; i++)
        expect_opened(&s->pair.server, &s->messages[2], "", 0);
    assert_int_equal(empty_answers, 3);
    expect_opened(&s->pair.server, &s->messages[0], "0123456789", 10);
    session_free(s);
}

/* A signature of nothing cannot be checked, so it is refused. */
static void test_empty_signed_record(void **state)
{
    struct session *s = session_open(NNS_PROTECT_SIGN);

    (void)state;
    s->messages[0].size = SIGNATURE;
    expect_refused(&s->pair.server, &s->messages[0], NNS_ERR_INTEGRITY, ALTERED);
    session_free(s);
}

/* ---- clients of plain GSSAPI ---- */

static gss_OID_desc spnego, ntlm, kerberos;

static gss_cred_id_t ntlm_cred(void)
{
    gss_OID_desc both[] = {spnego, ntlm};
    gss_OID_set_desc set = {2, both};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    assert_int_equal(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, GSS_C_INITIATE,
                                      &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    return cred;
}

/* Talks to our server as far as it lets us; the result of its last step. */
static int talk(struct side *server, gss_cred_id_t cred, gss_OID mechanism, OM_uint32 flags)
{
    gss_buffer_desc text = nns__gss_buffer("host@localhost", 14), out = GSS_C_EMPTY_BUFFER;
    struct nns__token answer = {0};
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;
    int rc = NNS_OK;

    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name),
                     GSS_S_COMPLETE);
    do {
        gss_buffer_desc in = nns__gss_buffer(answer.data, answer.size);

        assert_false(GSS_ERROR(gss_init_sec_context(&minor, cred, &ctx, name, mechanism, flags, 0,
                                                    GSS_C_NO_CHANNEL_BINDINGS, &in, NULL, &out,
                                                    NULL, NULL)));
        side_token_free(server, &answer);
        if (out.length == 0)
            break;
        rc = side_step(server, out.value, out.length, &answer);
        (void)gss_release_buffer(&minor, &out);
    } while (rc == NNS_OK && answer.size > 0);
    side_token_free(server, &answer);
    (void)gss_release_name(&minor, &name);
    raw_free(&ctx);
    return rc;
}

static void open_server(struct side *server, nns_config *cfg)
{
    side_init(server, cfg, NNS_SERVER);
    side_open(server, NULL);
}

/* The library grants whatever is asked for; only these two mean something. */
static void test_meaningless_flags(void **state)
{
    const OM_uint32 all = ORDERED_FLAGS | GSS_C_DELEG_FLAG;
    gss_OID mechanisms[] = {&ntlm, &spnego};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        gss_cred_id_t cred = ntlm_cred();
        struct side server;
        OM_uint32 minor;

        open_server(&server, ntlm_server_config(NNS_PROTECT_SEAL, true));
        assert_int_equal(talk(&server, cred, mechanisms[i], all), NNS_OK);
        side_finish(&server);
        assert_int_equal(server.facts.flags, NNS__FLAG_CONF | NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
        side_free(&server);
        (void)gss_release_cred(&minor, &cred);
    }
}

/* Without SIGN the flag ALWAYS_SIGN remains, and a signature that is the same for every message. */
static void test_always_sign_is_not_signed(void **state)
{
    gss_cred_id_t cred = ntlm_cred();
    nns_config *cfg = ntlm_server_config(NNS_PROTECT_SIGN, true);
    struct side server;
    struct nns__failure f;
    OM_uint32 minor;

    (void)state;
    open_server(&server, cfg);
    assert_int_equal(talk(&server, cred, &ntlm, GSS_C_IDENTIFY_FLAG), NNS_OK);
    side_finish(&server);
    assert_int_equal(nns__policy_check(cfg, NNS_SERVER, &server.facts, &f), NNS_ERR_POLICY);
    assert_non_null(strstr(f.message, "'sign' is required, 'none' was negotiated"));
    side_free(&server);
    (void)gss_release_cred(&minor, &cred);
}

/* A client that would rather use NTLM, but offers Kerberos too: it gets Kerberos. SPNEGO then signs
 * the list of mechanisms with it, and the records that follow are not numbered from the first. */
static void test_kerberos_is_preferred(void **state)
{
    gss_OID_desc offered[] = {ntlm, kerberos}, all[] = {spnego, kerberos, ntlm};
    gss_OID_set_desc offer = {2, offered}, set = {3, all};
    char *ccache = realm_file("alice.ccache");
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    struct side server;
    OM_uint32 minor;

    (void)state;
    assert_int_equal(setenv("KRB5CCNAME", ccache, 1), 0);
    assert_int_equal(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, GSS_C_INITIATE,
                                      &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_set_neg_mechs(&minor, cred, &offer), GSS_S_COMPLETE);
    open_server(&server, ntlm_server_config(NNS_PROTECT_SEAL, false));
    assert_int_equal(talk(&server, cred, &spnego, ORDERED_FLAGS), NNS_OK);
    side_finish(&server);
    assert_int_equal(server.facts.mechanism, NNS__MECHANISM_KERBEROS);
    assert_string_equal(server.facts.peer_name, "alice@" REALM);
    assert_null(server.facts.why_ntlm);
    side_free(&server);
    (void)gss_release_cred(&minor, &cred);
    assert_int_equal(unsetenv("KRB5CCNAME"), 0);
    free(ccache);
}

/* A client that offers both to a server with NTLM alone, which has a keytab all the same. */
static void test_ntlm_alone(void **state)
{
    gss_OID_desc all[] = {spnego, kerberos, ntlm};
    gss_OID_set_desc set = {3, all};
    char *ccache = realm_file("alice.ccache"), *keytab = realm_file("keytab");
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    struct side server;
    OM_uint32 minor;

    (void)state;
    assert_int_equal(setenv("KRB5CCNAME", ccache, 1), 0);
    assert_int_equal(setenv("KRB5_KTNAME", keytab, 1), 0);
    assert_int_equal(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, GSS_C_INITIATE,
                                      &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    open_server(&server, ntlm_server_config(NNS_PROTECT_SEAL, true));
    assert_int_equal(talk(&server, cred, &spnego, ORDERED_FLAGS), NNS_OK);
    side_finish(&server);
    assert_int_equal(server.facts.mechanism, NNS__MECHANISM_NTLM);
    side_free(&server);
    (void)gss_release_cred(&minor, &cred);
    assert_int_equal(unsetenv("KRB5CCNAME"), 0);
    assert_int_equal(unsetenv("KRB5_KTNAME"), 0);
    free(ccache);
    free(keytab);
}

/* ---- which mechanism ---- */

static void expect_why(const struct side *side, const char *words)
{
    if (side->facts.why_ntlm == NULL || strstr(side->facts.why_ntlm, words) == NULL)
        fail_msg("'%s' does not say '%s'", side->facts.why_ntlm, words);
}

/* A client with a ticket, and the system's NTLM account. */
static nns_config *ticket_config(void)
{
    nns_config *cfg = client_config(NNS_PROTECT_SEAL);

    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    return cfg;
}

static void test_a_ticket_is_used(void **state)
{
    struct realm_pair pair;

    (void)state;
    realm_pair_open(&pair, ticket_config(), ntlm_server_config(NNS_PROTECT_SEAL, false), TARGET);
    assert_int_equal(pair.client.facts.mechanism, NNS__MECHANISM_KERBEROS);
    assert_int_equal(pair.server.facts.mechanism, NNS__MECHANISM_KERBEROS);
    assert_null(pair.client.facts.why_ntlm);
    expect_exchange(&pair);
    realm_pair_free(&pair);
}

static void test_without_a_ticket(void **state)
{
    nns_config *client = ticket_config();
    char *nowhere = realm_file("nowhere.ccache");
    struct realm_pair pair;

    (void)state;
    assert_int_equal(nns_config_set_ccache(client, nowhere), NNS_OK);
    realm_pair_open(&pair, client, ntlm_server_config(NNS_PROTECT_SEAL, false), TARGET);
    check_facts(&pair, NNS__FLAG_CONF | NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
    expect_why(&pair.client, "nowhere.ccache");
    expect_why(&pair.server, "the client did not offer Kerberos");
    realm_pair_free(&pair);
    free(nowhere);
}

static void test_target_unknown_to_the_kdc(void **state)
{
    struct realm_pair pair;

    (void)state;
    realm_pair_open(&pair, ticket_config(), ntlm_server_config(NNS_PROTECT_SEAL, false),
                    "host/nosuch");
    check_facts(&pair, NNS__FLAG_CONF | NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
    expect_why(&pair.client, "not found in Kerberos database");
    realm_pair_free(&pair);
}

/* The domain NNS is no realm, so the password is for NTLM. */
static void test_password(void **state)
{
    struct realm_pair pair;

    (void)state;
    realm_pair_open(&pair, ntlm_client_config(NNS_PROTECT_SEAL, false),
                    ntlm_server_config(NNS_PROTECT_SEAL, false), TARGET);
    check_facts(&pair, NNS__FLAG_CONF | NNS__FLAG_INTEG | NNS__FLAG_IDENTIFY);
    expect_why(&pair.client, "NNS");
    realm_pair_free(&pair);
    realm_pair_open(&pair, ntlm_client_config(NNS_PROTECT_SEAL, true),
                    ntlm_server_config(NNS_PROTECT_SEAL, true), TARGET);
    assert_null(pair.client.facts.why_ntlm);
    assert_null(pair.server.facts.why_ntlm);
    realm_pair_free(&pair);
}

static int step_first(struct side *side, struct nns__token *token)
{
    int rc;

    side_open(side, TARGET);
    rc = side_step(side, NULL, 0, token);
    return rc;
}

/* A client of this configuration and a server of that, whose first step has this result. */
static void expect_first_refused(nns_config *client_cfg, nns_config *server_cfg, int code,
                                 uint32_t tell_peer, const char *words)
{
    struct nns__token token = {0}, answer = {0};
    struct side client, server;

    side_init(&client, client_cfg, NNS_CLIENT);
    assert_int_equal(step_first(&client, &token), NNS_OK);
    open_server(&server, server_cfg);
    assert_int_equal(side_step(&server, token.data, token.size, &answer), code);
    assert_int_equal(server.f.tell_peer, tell_peer);
    if (strstr(server.f.message, words) == NULL)
        fail_msg("'%s' does not say '%s'", server.f.message, words);
    assert_null(answer.data);
    side_token_free(&client, &token);
    side_free(&client);
    side_free(&server);
}

static void test_what_is_not_allowed_is_refused(void **state)
{
    (void)state;
    for (int only = 0; only <= 1; only++)
        expect_first_refused(ntlm_client_config(NNS_PROTECT_SEAL, only != 0),
                             server_config(NNS_PROTECT_SEAL), NNS_ERR_AUTH,
                             NNS__STATUS_UNSUPPORTED_FUNCTION, "it is NTLM, and only Kerberos");
    expect_first_refused(client_config(NNS_PROTECT_SEAL),
                         ntlm_server_config(NNS_PROTECT_SEAL, true), NNS_ERR_AUTH,
                         NNS__STATUS_UNSUPPORTED_FUNCTION, "it is Kerberos, and only NTLM");
}

static nns_config *without_keytab(bool allow_ntlm)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);
    char *nowhere = realm_file("nowhere.keytab");

    assert_int_equal(nns_config_set_keytab(cfg, nowhere), NNS_OK);
    if (allow_ntlm)
        assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    free(nowhere);
    return cfg;
}

static void test_server_without_a_keytab(void **state)
{
    struct realm_pair pair;

    (void)state;
    realm_pair_open(&pair, ntlm_client_config(NNS_PROTECT_SEAL, false), without_keytab(true),
                    TARGET);
    expect_why(&pair.server, "nowhere.keytab");
    realm_pair_free(&pair);
    expect_first_refused(client_config(NNS_PROTECT_SEAL), without_keytab(true), NNS_ERR_CREDENTIALS,
                         NNS__STATUS_UNKNOWN_CREDENTIALS, "nowhere.keytab");
}

/* ---- what goes wrong ---- */

/* The account is there and could be used; nobody asked for it. */
static void test_never_by_itself(void **state)
{
    struct nns__token token = {0};
    struct side client;

    (void)state;
    side_init(&client, client_config(NNS_PROTECT_SEAL), NNS_CLIENT);
    side_open(&client, "host/nosuch");
    assert_int_equal(side_step(&client, NULL, 0, &token), NNS_ERR_AUTH);
    assert_null(token.data);
    assert_non_null(strstr(client.f.message, "not found in Kerberos database"));
    side_free(&client);
}

/* Once a token has gone out there is no way back to NTLM. */
static void test_not_after_the_first_token(void **state)
{
    struct nns__token token = {0}, none = {0};
    struct side client;

    (void)state;
    side_init(&client, ticket_config(), NNS_CLIENT);
    assert_int_equal(step_first(&client, &token), NNS_OK);
    assert_int_equal(side_step(&client, "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02", 9, &none),
                     NNS_ERR_AUTH);
    assert_null(none.data);
    side_token_free(&client, &token);
    side_free(&client);
}

/* The last leg fails: one code for a wrong password and an unknown user. */
static void expect_denied(const char *user, void *password, bool only)
{
    nns_config *cfg = ntlm_client_config(NNS_PROTECT_SEAL, only);
    struct nns__token token = {0}, answer = {0};
    struct side client, server;

    assert_int_equal(nns_config_set_user(cfg, user, password_of_file, password), NNS_OK);
    side_init(&client, cfg, NNS_CLIENT);
    assert_int_equal(step_first(&client, &token), NNS_OK);
    open_server(&server, ntlm_server_config(NNS_PROTECT_SEAL, only));
    assert_int_equal(side_step(&server, token.data, token.size, &answer), NNS_OK);
    side_token_free(&client, &token);
    assert_int_equal(side_step(&client, answer.data, answer.size, &token), NNS_OK);
    side_token_free(&server, &answer);
    assert_int_equal(side_step(&server, token.data, token.size, &answer), NNS_ERR_AUTH);
    assert_int_equal(server.f.tell_peer, NNS__STATUS_LOGON_DENIED);
    assert_non_null(strstr(server.f.hint, "user or the password is wrong"));
    assert_null(answer.data);
    side_token_free(&client, &token);
    side_free(&client);
    side_free(&server);
}

static void test_login_denied(void **state)
{
    (void)state;
    for (int only = 0; only <= 1; only++) {
        expect_denied("NNS\\alice", wrong, only != 0);
        expect_denied("NNS\\nobody", right, only != 0);
        expect_denied("OTHER\\alice", right, only != 0);
    }
}

/* The server's last token signs what was negotiated; no client opens with a wrong one, or none. */
static void test_last_signature(void **state)
{
    struct nns__token token = {0}, answer = {0}, none = {0};
    struct side client, server;

    (void)state;
    for (int course = 0; course < 2; course++) {
        side_init(&client, ntlm_client_config(NNS_PROTECT_SEAL, false), NNS_CLIENT);
        assert_int_equal(step_first(&client, &token), NNS_OK);
        open_server(&server, ntlm_server_config(NNS_PROTECT_SEAL, false));
        for (int leg = 0; leg < 2; leg++) {
            assert_int_equal(side_step(&server, token.data, token.size, &answer), NNS_OK);
            side_token_free(&client, &token);
            if (leg > 0)
                break;
            assert_int_equal(side_step(&client, answer.data, answer.size, &token), NNS_OK);
            assert_false(client.complete);
            side_token_free(&server, &answer);
        }
        assert_int_equal(answer.size, 29);
        answer.data[20] ^= 1;
        assert_int_equal(side_step(&client, answer.data, course == 0 ? answer.size : 0, &none),
                         course == 0 ? NNS_ERR_AUTH : NNS_ERR_PROTOCOL);
        assert_false(client.complete);
        side_token_free(&server, &answer);
        side_free(&client);
        side_free(&server);
    }
}

/* Neither way: Kerberos' reason comes first, NTLM's is in the hint. */
static void test_no_account(void **state)
{
    nns_config *cfg = ticket_config();
    char *nowhere = realm_file("nowhere.ccache");
    struct nns__auth_request request = {.cfg = cfg, .role = NNS_CLIENT, .target = TARGET};
    struct nns__auth *auth = NULL;
    struct nns__failure f = {0};

    (void)state;
    ntlm_accounts(false);
    assert_int_equal(nns_config_set_ccache(cfg, nowhere), NNS_OK);
    assert_int_equal(nns__auth_gss.open(&auth, &request, &f), NNS_ERR_CREDENTIALS);
    assert_non_null(strstr(f.message, "nowhere.ccache"));
    assert_non_null(strstr(f.hint, "run kinit"));
    assert_non_null(strstr(f.hint, "NTLM is allowed, but: authenticate: NTLM: "));
    assert_null(auth);
    nns_config_unref(cfg);
    free(nowhere);
    ntlm_accounts(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_first_number),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_reflected),
        cmocka_unit_test(test_shorter_than_its_signature),
        cmocka_unit_test(test_empty_record),
        cmocka_unit_test(test_empty_signed_record),
        cmocka_unit_test(test_meaningless_flags),
        cmocka_unit_test(test_always_sign_is_not_signed),
        cmocka_unit_test(test_kerberos_is_preferred),
        cmocka_unit_test(test_ntlm_alone),
        cmocka_unit_test(test_a_ticket_is_used),
        cmocka_unit_test(test_without_a_ticket),
        cmocka_unit_test(test_target_unknown_to_the_kdc),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_what_is_not_allowed_is_refused),
        cmocka_unit_test(test_server_without_a_keytab),
        cmocka_unit_test(test_never_by_itself),
        cmocka_unit_test(test_not_after_the_first_token),
        cmocka_unit_test(test_login_denied),
        cmocka_unit_test(test_last_signature),
        cmocka_unit_test(test_no_account),
    };

    if (realm_prepare() != 0)
        return 77;
    spnego = nns__gss_spnego;
    kerberos = nns__gss_kerberos;
    ntlm = nns__gss_ntlm;
    ntlm_accounts(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
