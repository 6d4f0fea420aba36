/* SPDX-License-Identifier: MIT
 *
 * The mechanism of GSSAPI with real Kerberos, client and server in one process: what is
 * negotiated at each level, what is refused, and what is said where credentials are missing.
 */
#include "auth/gss_cred.h"
#include "protect/gss_call.h"
#include "realm/realm_support.h"
#include "support/alloc.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_LSAN 1
#endif
#endif

#ifdef HAVE_LSAN
#include <sanitizer/lsan_interface.h>
#endif

#define PROTECTED (NNS__FLAG_INTEG | NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE)

/* ---- what is negotiated ---- */

/* Seen by the libraries, which find it before their own. */
#define SEEN __attribute__((visibility("default")))

static void check_facts(const struct side *side, uint32_t flags)
{
    int64_t left = side->facts.ticket_end - (int64_t)time(NULL);

    assert_int_equal(side->facts.mechanism, NNS__MECHANISM_KERBEROS);
    assert_int_equal(side->facts.flags, flags | NNS__FLAG_IDENTIFY);
    assert_int_equal(side->facts.ssf, 256);
    assert_string_equal(side->facts.enctype, "aes256-cts-hmac-sha1-96");
    assert_true(left > 3600 && left < 2 * 86400);
    assert_string_equal(side->facts.target, TARGET "@" REALM);
    if (side->role == NNS_SERVER)
        assert_string_equal(side->facts.peer_name, "alice@" REALM);
    else
        assert_null(side->facts.peer_name);
}

static void check_level(nns_protection level, uint32_t flags)
{
    struct realm_pair pair;

    realm_pair_open(&pair, client_config(level), server_config(level), TARGET);
    check_facts(&pair.client, flags);
    check_facts(&pair.server, flags);
    if (level != NNS_PROTECT_NONE) {
        expect_kerberos_engine(pair.client.protection.name);
        expect_kerberos_engine(pair.server.protection.name);
        expect_exchange(&pair);
    } else {
        assert_string_equal(pair.client.protection.name, "raw");
        assert_null(pair.client.protection.sealer);
        assert_null(pair.client.protection.opener);
        assert_null(pair.server.protection.sealer);
        assert_null(pair.server.protection.opener);
    }
    realm_pair_free(&pair);
}

static void test_encrypt(void **state)
{
    (void)state;
    check_level(NNS_PROTECT_SEAL, NNS__FLAG_MUTUAL | NNS__FLAG_CONF | PROTECTED);
}

static void test_sign(void **state)
{
    (void)state;
    check_level(NNS_PROTECT_SIGN, NNS__FLAG_MUTUAL | PROTECTED);
}

static void test_none(void **state)
{
    (void)state;
    check_level(NNS_PROTECT_NONE, NNS__FLAG_MUTUAL);
}

static void check_target(const char *target, const char *expected)
{
    struct realm_pair pair;

    realm_pair_open(&pair, client_config(NNS_PROTECT_SEAL), server_config(NNS_PROTECT_SEAL),
                    target);
    assert_string_equal(pair.client.facts.target, expected);
    assert_string_equal(pair.server.facts.target, expected);
    realm_pair_free(&pair);
}

static void test_targets(void **state)
{
    (void)state;
    check_target("HOST/localhost", "HOST/localhost@" REALM);
    check_target("host/localhost@" REALM, "host/localhost@" REALM);
}

/* The system's credential cache and keytab, which the configuration does not name. */
static void test_defaults(void **state)
{
    char *ccache = realm_file("bob.ccache"), *keytab = realm_file("keytab");
    nns_config *client = client_config(NNS_PROTECT_SEAL), *server = server_config(NNS_PROTECT_SEAL);
    struct realm_pair pair;

    (void)state;
    assert_int_equal(nns_config_set_ccache(client, NULL), NNS_OK);
    assert_int_equal(nns_config_set_keytab(server, NULL), NNS_OK);
    assert_int_equal(setenv("KRB5CCNAME", ccache, 1), 0);
    assert_int_equal(setenv("KRB5_KTNAME", keytab, 1), 0);
    realm_pair_open(&pair, client, server, TARGET);
    assert_string_equal(pair.server.facts.peer_name, "bob@" REALM);
    realm_pair_free(&pair);
    assert_int_equal(unsetenv("KRB5CCNAME"), 0);
    assert_int_equal(unsetenv("KRB5_KTNAME"), 0);
    free(ccache);
    free(keytab);
}

/* What reaches a server of plain GSSAPI: exactly the flags that were meant. */
static void check_asked(nns_protection level, nns_impersonation impersonation, OM_uint32 expected)
{
    const OM_uint32 of_the_library = GSS_C_TRANS_FLAG | GSS_C_PROT_READY_FLAG;
    struct side client;
    struct nns__token token = {0};
    gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER;
    gss_cred_id_t cred = raw_acceptor_cred();
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 major, minor, flags = 0;

    side_init(&client, client_config(level), NNS_CLIENT);
    assert_int_equal(nns_config_set_impersonation(client.cfg, impersonation), NNS_OK);
    side_open(&client, TARGET);
    assert_int_equal(side_step(&client, NULL, 0, &token), NNS_OK);
    in = nns__gss_buffer(token.data, token.size);
    major = gss_accept_sec_context(&minor, &ctx, cred, &in, GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL,
                                   &out, &flags, NULL, NULL);
    assert_int_equal(major, GSS_S_COMPLETE);
    assert_int_equal(flags & ~of_the_library, expected);
    (void)gss_release_buffer(&minor, &out);
    (void)gss_release_cred(&minor, &cred);
    raw_free(&ctx);
    side_token_free(&client, &token);
    side_free(&client);
}

static void test_asked(void **state)
{
    const OM_uint32 none = GSS_C_MUTUAL_FLAG, identify = GSS_C_IDENTIFY_FLAG;
    const OM_uint32 sign = none | GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;

    (void)state;
    check_asked(NNS_PROTECT_NONE, NNS_IDENTIFY, none | identify);
    check_asked(NNS_PROTECT_SIGN, NNS_IDENTIFY, sign | identify);
    check_asked(NNS_PROTECT_SEAL, NNS_IDENTIFY, sign | identify | GSS_C_CONF_FLAG);
    check_asked(NNS_PROTECT_SEAL, NNS_IMPERSONATE, sign | GSS_C_CONF_FLAG);
    check_asked(NNS_PROTECT_NONE, NNS_IMPERSONATE, none);
    check_asked(NNS_PROTECT_SEAL, NNS_DELEGATE, sign | GSS_C_CONF_FLAG | GSS_C_DELEG_FLAG);
}

/* A client that does without SPNEGO, and one that asks as .NET's does. */
static void test_clients_of_gssapi(void **state)
{
    static const struct {
        const gss_OID_desc *mechanism;
        OM_uint32 asked;
        uint32_t flags;
    } rows[] = {
        {&nns__gss_kerberos, ORDERED_FLAGS, NNS__FLAG_MUTUAL | NNS__FLAG_CONF | PROTECTED},
        {&nns__gss_kerberos, ORDERED_FLAGS & ~(OM_uint32)GSS_C_MUTUAL_FLAG,
         NNS__FLAG_CONF | PROTECTED},
        {&nns__gss_spnego, DOTNET_FLAGS, NNS__FLAG_MUTUAL | NNS__FLAG_CONF | NNS__FLAG_INTEG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct side server;
        gss_ctx_id_t ctx;

        raw_connect(&ctx, &server, rows[i].mechanism, rows[i].asked);
        check_facts(&server, rows[i].flags);
        raw_free(&ctx);
        side_free(&server);
    }
}

/* ---- what a server refuses ---- */

/* Gives a server one first token, which it must refuse. */
static void expect_rejected(const void *token, size_t size, int code, uint32_t tell_peer,
                            const char *words)
{
    struct nns__token out = {0};
    struct side server;

    side_init(&server, server_config(NNS_PROTECT_SEAL), NNS_SERVER);
    side_open(&server, NULL);
    assert_int_equal(side_step(&server, token, size, &out), code);
    assert_int_equal(server.f.code, code);
    assert_int_equal(server.f.tell_peer, tell_peer);
    if (strstr(server.f.message, words) == NULL)
        fail_msg("'%s' does not say '%s'", server.f.message, words);
    assert_false(server.complete);
    assert_null(out.data);
    assert_int_equal(side_step(&server, token, size, &out), NNS_ERR_PROTOCOL);
    side_free(&server);
}

/* The AP-REQ inside of a token of raw Kerberos: behind the identifier and two bytes. */
static void test_bare_ap_req(void **state)
{
    gss_ctx_id_t ctx;
    gss_buffer_desc token = raw_start(&ctx, &nns__gss_kerberos, ORDERED_FLAGS);
    const uint8_t *bytes = token.value;
    const size_t frame = 4 + 2 + 9 + 2; /* tag and length, identifier, token id */
    OM_uint32 minor;

    (void)state;
    assert_int_equal(bytes[frame], 0x6e);
    expect_rejected(bytes + frame, token.length - frame, NNS_ERR_PROTOCOL,
                    NNS__STATUS_INVALID_TOKEN, "without its frame");
    (void)gss_release_buffer(&minor, &token);
    raw_free(&ctx);
}

static void test_ntlm(void **state)
{
    static const uint8_t raw[] = "NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2";
    /* NegTokenInit, mechTypes NTLM alone, mechToken of 8 bytes */
    static const uint8_t in_spnego[] =
        "\x60\x2a\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x20\x30\x1e\xa0\x0e\x30\x0c\x06\x0a"
        "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa2\x0c\x04\x0aNTLMSSP\0\x01\0";

    (void)state;
    expect_rejected(raw, sizeof(raw) - 1, NNS_ERR_AUTH, NNS__STATUS_UNSUPPORTED_FUNCTION,
                    "it is NTLM");
    expect_rejected(in_spnego, sizeof(in_spnego) - 1, NNS_ERR_AUTH,
                    NNS__STATUS_UNSUPPORTED_FUNCTION, "it is NTLM");
}

static void test_nonsense(void **state)
{
    static const uint8_t iakerb[] = "\x60\x09\x06\x06\x2b\x06\x01\x05\x02\x05\x00";
    static const uint8_t empty_spnego[] =
        "\x60\x0c\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x02\x30\x00";

    (void)state;
    expect_rejected("", 0, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN, "no token");
    expect_rejected("GET /", 5, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN, "no known mechanism");
    expect_rejected(iakerb, sizeof(iakerb) - 1, NNS_ERR_AUTH, NNS__STATUS_UNSUPPORTED_FUNCTION,
                    "not allowed");
    expect_rejected(empty_spnego, sizeof(empty_spnego) - 1, NNS_ERR_AUTH,
                    NNS__STATUS_INTERNAL_ERROR, "accept the client");
}

/* Gives the first token of a client to a server with this configuration; the result of step. */
static int offer(struct side *server, nns_config *cfg, const struct nns__token *token)
{
    struct nns__token answer = {0};
    int rc;

    side_init(server, cfg, NNS_SERVER);
    side_open(server, NULL);
    rc = side_step(server, token->data, token->size, &answer);
    assert_true(rc == NNS_OK || answer.data == NULL);
    side_token_free(server, &answer);
    return rc;
}

/* A client of ours with its first token. */
static void start(struct side *client, const char *target, struct nns__token *token)
{
    side_init(client, client_config(NNS_PROTECT_SEAL), NNS_CLIENT);
    side_open(client, target);
    assert_int_equal(side_step(client, NULL, 0, token), NNS_OK);
}

static void test_replayed_ticket(void **state)
{
    nns_config *lax = server_config(NNS_PROTECT_SEAL);
    struct side client, server;
    struct nns__token token;

    (void)state;
    start(&client, TARGET, &token);
    assert_int_equal(offer(&server, server_config(NNS_PROTECT_SEAL), &token), NNS_OK);
    side_free(&server);
    assert_int_equal(offer(&server, server_config(NNS_PROTECT_SEAL), &token), NNS_ERR_AUTH);
    side_free(&server);
    assert_int_equal(nns_config_insecure_no_replay_cache(lax), NNS_OK);
    assert_int_equal(offer(&server, lax, &token), NNS_OK);
    side_free(&server);
    side_token_free(&client, &token);
    side_free(&client);
}

static void test_acceptor(void **state)
{
    nns_config *one = server_config(NNS_PROTECT_SEAL), *other = server_config(NNS_PROTECT_SEAL);
    struct side client, server;
    struct nns__token token;

    (void)state;
    assert_int_equal(nns_config_set_acceptor(one, "host/localhost"), NNS_OK);
    assert_int_equal(nns_config_set_acceptor(other, "HOST/localhost@" REALM), NNS_OK);
    start(&client, TARGET, &token);
    assert_int_equal(offer(&server, other, &token), NNS_ERR_AUTH);
    side_free(&server);
    assert_int_equal(offer(&server, one, &token), NNS_OK);
    side_free(&server);
    side_token_free(&client, &token);
    side_free(&client);
}

static nns_config *stranger_config(void)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);
    char *keytab = realm_file("stranger.keytab");

    assert_int_equal(nns_config_set_keytab(cfg, keytab), NNS_OK);
    free(keytab);
    return cfg;
}

/* The server's keytab has no key for the ticket: through SPNEGO, and with its exact reason. */
static void test_key_missing(void **state)
{
    struct side client, server;
    struct nns__token token, raw;
    gss_ctx_id_t ctx;
    gss_buffer_desc first = raw_start(&ctx, &nns__gss_kerberos, ORDERED_FLAGS);
    OM_uint32 minor;

    (void)state;
    start(&client, TARGET, &token);
    assert_int_equal(offer(&server, stranger_config(), &token), NNS_ERR_AUTH);
    assert_non_null(strstr(server.f.message, "authenticate: accept the client: "));
    assert_non_null(strstr(server.f.message, "not found in keytab"));
    assert_int_equal(server.f.tell_peer, NNS__STATUS_WRONG_PRINCIPAL);
    assert_non_null(strstr(server.f.hint, "keytab does not have the key"));
    side_free(&server);
    raw = (struct nns__token){first.value, first.length};
    assert_int_equal(offer(&server, stranger_config(), &raw), NNS_ERR_AUTH);
    assert_int_equal(server.f.tell_peer, NNS__STATUS_WRONG_PRINCIPAL);
    assert_non_null(strstr(server.f.hint, "keytab does not have the key"));
    side_free(&server);
    (void)gss_release_buffer(&minor, &first);
    raw_free(&ctx);
    side_token_free(&client, &token);
    side_free(&client);
}

/* ---- what a client refuses ---- */

/* The server's answer altered, cut and empty; and a token after the end. */
static void test_answers(void **state)
{
    static const char *const courses[] = {"altered", "cut", "empty", "second"};

    (void)state;
    for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++) {
        struct side client, server;
        struct nns__token token, answer = {0}, none = {0};
        int expected = i < 2 ? NNS_ERR_AUTH : NNS_ERR_PROTOCOL;
        size_t size;

        start(&client, TARGET, &token);
        side_init(&server, server_config(NNS_PROTECT_SEAL), NNS_SERVER);
        side_open(&server, NULL);
        assert_int_equal(side_step(&server, token.data, token.size, &answer), NNS_OK);
        size = answer.size;
        if (i == 0)
            answer.data[size - 3] ^= 1;
        if (i == 1)
            size -= 20;
        if (i == 2)
            size = 0;
        if (i == 3)
            assert_int_equal(side_step(&client, answer.data, size, &none), NNS_OK);
        assert_int_equal(side_step(&client, answer.data, size, &none), expected);
        assert_false(client.complete);
        assert_int_equal(side_step(&client, answer.data, answer.size, &none), NNS_ERR_PROTOCOL);
        assert_false(client.complete);
        side_token_free(&server, &answer);
        side_token_free(&client, &token);
        side_free(&client);
        side_free(&server);
    }
}

/* ---- missing and wrong credentials ---- */

/* What this thread allocates between the two calls may be lost. */
static void leaks_are_not_ours(bool from_now)
{
#ifdef HAVE_LSAN
    if (from_now)
        __lsan_disable();
    else
        __lsan_enable();
#else
    (void)from_now;
#endif
}

/* Opening must fail. Takes cfg over. */
static void expect_unopened(nns_config *cfg, nns_role role, const char *target, int code,
                            const char *words, const char *hint)
{
    struct nns__auth_request request = {cfg, role, target, {0}};
    struct nns__auth *auth = NULL;
    struct nns__failure f = {0};

    assert_int_equal(nns__auth_gss.open(&auth, &request, &f), code);
    assert_int_equal(f.code, code);
    assert_null(auth);
    if (strstr(f.message, words) == NULL || strstr(f.hint, hint) == NULL)
        fail_msg("'%s' (%s) does not say '%s' (%s)", f.message, f.hint, words, hint);
    assert_int_equal(strncmp(f.message, "authenticate: ", 14), 0);
    nns_config_unref(cfg);
}

static void test_no_ccache(void **state)
{
    nns_config *cfg = client_config(NNS_PROTECT_SEAL);
    char *nowhere = realm_file("nowhere.ccache");

    (void)state;
    assert_int_equal(nns_config_set_ccache(cfg, nowhere), NNS_OK);
    expect_unopened(cfg, NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS, "nowhere.ccache", "run kinit");
    free(nowhere);
}

/* No cache named, and the system's is not there. */
static void test_no_ticket(void **state)
{
    nns_config *cfg = client_config(NNS_PROTECT_SEAL);
    char *nowhere = realm_file("nowhere.ccache");

    (void)state;
    assert_int_equal(nns_config_set_ccache(cfg, NULL), NNS_OK);
    assert_int_equal(setenv("KRB5CCNAME", nowhere, 1), 0);
    expect_unopened(cfg, NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS,
                    "credential cache 'of the system': ", "run kinit");
    assert_int_equal(unsetenv("KRB5CCNAME"), 0);
    free(nowhere);
}

static void test_no_keytab(void **state)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);
    char *nowhere = realm_file("nowhere.keytab");

    (void)state;
    assert_int_equal(nns_config_set_keytab(cfg, nowhere), NNS_OK);
    expect_unopened(cfg, NNS_SERVER, NULL, NNS_ERR_CREDENTIALS, "nowhere.keytab", "keytab");
    free(nowhere);
}

/* MIT krb5 1.20 loses the principal that it did not find. */
static void test_no_acceptor_key(void **state)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);

    (void)state;
    assert_int_equal(nns_config_set_acceptor(cfg, "host/elsewhere"), NNS_OK);
    leaks_are_not_ours(true);
    expect_unopened(cfg, NNS_SERVER, NULL, NNS_ERR_CREDENTIALS, "host/elsewhere", "");
    leaks_are_not_ours(false);
}

static void test_bad_targets(void **state)
{
    (void)state;
    expect_unopened(client_config(NNS_PROTECT_SEAL), NNS_CLIENT, "localhost", NNS_ERR_AUTH,
                    "target 'localhost': it is neither SERVICE/HOST nor user@REALM", "host/");
    expect_unopened(client_config(NNS_PROTECT_SEAL), NNS_CLIENT, "", NNS_ERR_AUTH, "target ''",
                    "host/");
}

static void test_unknown_target(void **state)
{
    struct side client;
    struct nns__token token = {0};

    (void)state;
    side_init(&client, client_config(NNS_PROTECT_SEAL), NNS_CLIENT);
    side_open(&client, "host/nosuch");
    assert_int_equal(side_step(&client, NULL, 0, &token), NNS_ERR_AUTH);
    assert_int_equal(strncmp(client.f.message, "authenticate: ask for host/nosuch: ", 35), 0);
    assert_non_null(strstr(client.f.message, "not found in Kerberos database"));
    assert_non_null(strstr(client.f.hint, "does not know"));
    assert_true(client.f.major != 0 && client.f.minor != 0 && client.f.mech_text[0] != '\0');
    assert_null(token.data);
    side_free(&client);
}

static void check_replay_setting(const char *name, const char *value, bool refused)
{
    nns_config *lax = server_config(NNS_PROTECT_SEAL);
    struct side server;

    assert_int_equal(setenv(name, value, 1), 0);
    if (refused) {
        expect_unopened(server_config(NNS_PROTECT_SEAL), NNS_SERVER, NULL, NNS_ERR_POLICY,
                        "replay cache", "KRB5RCACHENAME");
    } else {
        side_init(&server, server_config(NNS_PROTECT_SEAL), NNS_SERVER);
        side_open(&server, NULL);
        side_free(&server);
    }
    assert_int_equal(nns_config_insecure_no_replay_cache(lax), NNS_OK);
    side_init(&server, lax, NNS_SERVER);
    side_open(&server, NULL);
    side_free(&server);
    assert_int_equal(unsetenv(name), 0);
}

static void test_replay_cache_off(void **state)
{
    (void)state;
    check_replay_setting("KRB5RCACHENAME", "none", true);
    check_replay_setting("KRB5RCACHENAME", "none:", true);
    check_replay_setting("KRB5RCACHENAME", "none:x", true);
    check_replay_setting("KRB5RCACHETYPE", "none", true);
    check_replay_setting("KRB5RCACHENAME", "dfl:", false);
}

/* ---- passwords ---- */

struct password {
    char text[128];
    int answer; /* instead of its length, where it is not 0 */
    int calls;
    char *buf; /* where it went, to see that it was wiped */
};

static int give_password(void *arg, char *buf, size_t size)
{
    struct password *p = arg;

    p->calls++;
    assert_true(strlen(p->text) < size);
    memcpy(buf, p->text, strlen(p->text) + 1);
    return p->answer != 0 ? p->answer : (int)strlen(p->text);
}

static nns_config *password_config(const char *user, struct password *password)
{
    nns_config *cfg = client_config(NNS_PROTECT_SEAL);

    assert_int_equal(nns_config_set_ccache(cfg, NULL), NNS_OK);
    assert_int_equal(nns_config_set_user(cfg, user, give_password, password), NNS_OK);
    return cfg;
}

static struct password password_of_alice(void)
{
    struct password p = {0};
    char *path = realm_file("alice.password");
    FILE *file = fopen(path + 5, "r");

    assert_non_null(file);
    assert_non_null(fgets(p.text, sizeof(p.text), file));
    p.text[strcspn(p.text, "\n")] = '\0';
    (void)fclose(file);
    free(path);
    return p;
}

/* The names of the caches that were made in memory, by our code and by GSSAPI: Kerberos does not
 * list them, so this stands before its function, where SEEN makes it visible. */
static char made[16][128];
static size_t made_count;

SEEN krb5_error_code krb5_cc_new_unique(krb5_context context, const char *type, const char *hint,
                                        krb5_ccache *ret)
{
    typedef krb5_error_code (*fn)(krb5_context, const char *, const char *, krb5_ccache *);
    union {
        void *in;
        fn out;
    } real = {.in = dlsym(RTLD_NEXT, "krb5_cc_new_unique")};
    krb5_error_code error = real.out(context, type, hint, ret);

    if (error == 0 && made_count < sizeof(made) / sizeof(made[0]))
        (void)snprintf(made[made_count++], sizeof(made[0]), "%s:%s", type,
                       krb5_cc_get_name(context, *ret));
    return error;
}

/* How many of them hold somebody's tickets now. */
static int memory_caches(void)
{
    krb5_context context;
    int count = 0;

    assert_int_equal(krb5_init_context(&context), 0);
    for (size_t i = 0; i < made_count; i++) {
        krb5_principal owner = NULL;
        krb5_ccache cache;

        assert_int_equal(krb5_cc_resolve(context, made[i], &cache), 0);
        count += krb5_cc_get_principal(context, cache, &owner) == 0;
        krb5_free_principal(context, owner);
        (void)krb5_cc_close(context, cache);
    }
    krb5_free_context(context);
    return count;
}

static void test_password(void **state)
{
    static const char *const users[] = {"alice", "alice@" REALM, REALM "\\alice"};
    struct password password = password_of_alice();

    (void)state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        struct realm_pair pair;
        struct side open;

        made_count = 0;
        side_init(&open, password_config(users[i], &password), NNS_CLIENT);
        side_open(&open, TARGET);
        assert_int_equal(memory_caches(), 1);
        side_free(&open);
        realm_pair_open(&pair, password_config(users[i], &password),
                        server_config(NNS_PROTECT_SEAL), TARGET);
        assert_string_equal(pair.server.facts.peer_name, "alice@" REALM);
        expect_exchange(&pair);
        assert_true(made_count >= 4); /* at least GSSAPI's and ours, twice */
        assert_int_equal(memory_caches(), 0);
        realm_pair_free(&pair);
    }
    assert_int_equal(password.calls, 6);
}

static void test_password_refused(void **state)
{
    struct password wrong = {.text = "wrong"}, empty = {.text = ""}, none = {.answer = -1},
                    canceled = {.answer = NNS_ERR_CANCELED}, nul = {.text = "a", .answer = 3},
                    longer = {.text = "a", .answer = 100000};

    (void)state;
    made_count = 0;
    expect_unopened(password_config("alice", &wrong), NNS_CLIENT, TARGET, NNS_ERR_AUTH,
                    "log in as 'alice': ", "password is wrong");
    expect_unopened(password_config("nobody", &wrong), NNS_CLIENT, TARGET, NNS_ERR_AUTH,
                    "log in as 'nobody': ", "does not know the user");
    expect_unopened(password_config("alice@NOWHERE.TEST", &wrong), NNS_CLIENT, TARGET, NNS_ERR_AUTH,
                    "log in as 'alice@NOWHERE.TEST': ", "no KDC is known");
    expect_unopened(password_config("a@b@c", &wrong), NNS_CLIENT, TARGET, NNS_ERR_AUTH,
                    "user 'a@b@c'", "");
    expect_unopened(password_config("alice", &empty), NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS,
                    "password of 'alice': it is empty", "");
    expect_unopened(password_config("alice", &nul), NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS,
                    "has a NUL inside", "");
    expect_unopened(password_config("alice", &longer), NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS,
                    "too long", "");
    expect_unopened(password_config("alice", &none), NNS_CLIENT, TARGET, NNS_ERR_CREDENTIALS,
                    "gave none", "");
    expect_unopened(password_config("alice", &canceled), NNS_CLIENT, TARGET, NNS_ERR_CANCELED,
                    "gave none", "");
    assert_int_equal(memory_caches(), 0);
}

/* ---- the process ---- */

/* All of the environment as one string. */
static char *environment(void)
{
    size_t size = 1, at = 0;
    char *all;

    for (char **p = environ; *p != NULL; p++)
        size += strlen(*p) + 1;
    all = calloc(1, size);
    assert_non_null(all);
    for (char **p = environ; *p != NULL; p++)
        at += (size_t)sprintf(all + at, "%s\n", *p);
    return all;
}

static void test_environment(void **state)
{
    struct password password = password_of_alice();
    char *before = environment(), *after;
    struct realm_pair pair;

    (void)state;
    check_level(NNS_PROTECT_SEAL, NNS__FLAG_MUTUAL | NNS__FLAG_CONF | PROTECTED);
    realm_pair_open(&pair, password_config("alice", &password), server_config(NNS_PROTECT_SEAL),
                    TARGET);
    realm_pair_free(&pair);
    after = environment();
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* ---- no memory ---- */

/* A handshake that may fail, with one configuration for both sides. */
static int try_handshake(nns_config *cfg, struct nns__failure *f)
{
    struct realm_pair pair = {0};
    struct nns__token first = {0}, second = {0}, none = {0};
    struct side *client = &pair.client, *server = &pair.server;
    struct nns__auth_request initiator = {cfg, NNS_CLIENT, TARGET, {0}}, acceptor = {.cfg = cfg};
    int rc;

    acceptor.role = NNS_SERVER;
    side_init(client, nns_config_ref(cfg), NNS_CLIENT);
    side_init(server, nns_config_ref(cfg), NNS_SERVER);
    rc = nns__auth_gss.open(&client->auth, &initiator, f);
    if (rc == NNS_OK)
        rc = nns__auth_gss.open(&server->auth, &acceptor, f);
    if (rc == NNS_OK && (rc = side_step(client, NULL, 0, &first)) != NNS_OK)
        *f = client->f;
    if (rc == NNS_OK && (rc = side_step(server, first.data, first.size, &second)) != NNS_OK)
        *f = server->f;
    if (rc == NNS_OK && (rc = side_step(client, second.data, second.size, &none)) != NNS_OK)
        *f = client->f;
    for (int i = 0; i < 2 && rc == NNS_OK; i++) {
        struct side *side = i == 0 ? client : server;

        rc = nns__auth_gss.inquire(side->auth, &side->facts, f);
        if (rc == NNS_OK)
            rc = nns__auth_gss.protect(side->auth, &side->facts, &side->protection, f);
    }
    side_token_free(client, &first);
    side_token_free(server, &second);
    realm_pair_free(&pair);
    return rc;
}

/* Each of our allocations fails once: the right error, and nothing is lost. */
static void test_no_memory(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator alloc = test_allocator(&counter);
    char *ccache = realm_file("alice.ccache"), *keytab = realm_file("keytab");
    struct nns__failure f = {0};
    nns_config *cfg;
    long blocks, n = 0;
    int rc;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, &alloc), NNS_OK);
    assert_int_equal(nns_config_set_record_engine(cfg, realm_engine()), NNS_OK);
    assert_int_equal(nns_config_set_ccache(cfg, ccache), NNS_OK);
    assert_int_equal(nns_config_set_keytab(cfg, keytab), NNS_OK);
    blocks = counter.blocks;
    do {
        counter.fail_at = counter.calls + ++n;
        rc = try_handshake(cfg, &f);
        nns__keep_clear(cfg->keep); /* a kept ticket has its allocations fail, too, and is lost */
        assert_int_equal(counter.blocks, blocks);
        if (rc != NNS_OK)
            assert_int_equal(f.code, NNS_ERR_NOMEM);
        assert_true(rc == NNS_OK || rc == NNS_ERR_NOMEM);
    } while (rc != NNS_OK);
    assert_in_range(n, 10, 100);
    nns_config_unref(cfg);
    assert_int_equal(counter.blocks, 0);
    free(ccache);
    free(keytab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encrypt),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_clients_of_gssapi),
        cmocka_unit_test(test_bare_ap_req),
        cmocka_unit_test(test_ntlm),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_replayed_ticket),
        cmocka_unit_test(test_acceptor),
        cmocka_unit_test(test_key_missing),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_no_ccache),
        cmocka_unit_test(test_no_ticket),
        cmocka_unit_test(test_no_keytab),
        cmocka_unit_test(test_no_acceptor_key),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_unknown_target),
        cmocka_unit_test(test_replay_cache_off),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_password_refused),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_no_memory),
    };

    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
