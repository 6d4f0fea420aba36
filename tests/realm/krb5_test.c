/* SPDX-License-Identifier: MIT
 *
 * The protector "krb5" with contexts of the Kerberos library, whose gss_wrap() and gss_unwrap() are
 * at the other end: each encryption type, both levels, both roles; and who is left to GSSAPI.
 *
 * NNS_RECORDS=N   random records of each encryption type (default 400), half of them each way, at
 *                 both levels
 */
#include "auth/gss_cred.h"
#include "protect/gss_call.h"
#include "realm/realm_support.h"
#include "support/check.h"
#include "support/memory.h"

#include <krb5.h>
#include <stdlib.h>
#include <string.h>

#define MOST ((size_t)65000)

struct session {
    gss_ctx_id_t raw; /* the library's end */
    struct side ours;
};

/* ---- credentials ---- */

/* A copy of alice's tickets, so that those of other types stay out of the realm's file. */
static void copy_tickets(const char *name)
{
    char *path = realm_file("alice.ccache");
    krb5_principal client;
    krb5_context context;
    krb5_ccache from, to;

    assert_int_equal(krb5_init_context(&context), 0);
    assert_int_equal(krb5_cc_resolve(context, path, &from), 0);
    assert_int_equal(krb5_cc_resolve(context, name, &to), 0);
    assert_int_equal(krb5_cc_get_principal(context, from, &client), 0);
    assert_int_equal(krb5_cc_initialize(context, to, client), 0);
    assert_int_equal(krb5_cc_copy_creds(context, from, to), 0);
    krb5_free_principal(context, client);
    (void)krb5_cc_close(context, from);
    (void)krb5_cc_close(context, to);
    krb5_free_context(context);
    free(path);
}

/* Alice's, for contexts of this encryption type, and of level sign if they are not to encrypt. */
static gss_cred_id_t cred_of_type(int32_t type, bool conf)
{
    gss_buffer_desc none = GSS_C_EMPTY_BUFFER;
    gss_OID_desc kerberos = nns__gss_kerberos;
    gss_OID_set_desc mechanisms = {1, &kerberos};
    gss_key_value_element_desc element = {"ccache", "MEMORY:of-type"};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    krb5_enctype types[] = {type};
    OM_uint32 minor;

    copy_tickets("MEMORY:of-type");
    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
                                           GSS_C_INITIATE, &store, &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_krb5_set_allowable_enctypes(&minor, cred, 1, types), GSS_S_COMPLETE);
    if (!conf)
        assert_int_equal(gss_set_cred_option(&minor, &cred, GSS_KRB5_CRED_NO_CI_FLAGS_X, &none),
                         GSS_S_COMPLETE);
    return cred;
}

/* ---- handshakes ---- */

/* A name that every mechanism knows. */
static gss_name_t service(void)
{
    gss_buffer_desc text = nns__gss_buffer("host@localhost", 14);
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;

    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name),
                     GSS_S_COMPLETE);
    return name;
}

/* The library asks our server, with these mechanisms. Answers how many tokens it took. */
static int ask_server(struct session *s, gss_cred_id_t cred, const gss_OID_desc *mechanism,
                      OM_uint32 flags)
{
    struct nns__token answer = {0};
    gss_OID_desc oid = *mechanism;
    gss_name_t name = service();
    OM_uint32 major = GSS_S_CONTINUE_NEEDED, minor;
    int tokens = 0;

    s->raw = GSS_C_NO_CONTEXT;
    side_init(&s->ours, server_config(NNS_PROTECT_NONE), NNS_SERVER);
    side_open(&s->ours, NULL);
    while (major == GSS_S_CONTINUE_NEEDED) {
        gss_buffer_desc in = nns__gss_buffer(answer.data, answer.size), out = GSS_C_EMPTY_BUFFER;

        major = gss_init_sec_context(&minor, cred, &s->raw, name, &oid, flags, 0,
                                     GSS_C_NO_CHANNEL_BINDINGS, &in, NULL, &out, NULL, NULL);
        assert_false(GSS_ERROR(major));
        side_token_free(&s->ours, &answer);
        if (out.length > 0 && side_step(&s->ours, out.value, out.length, &answer) != NNS_OK)
            fail_msg("accept: %s", s->ours.f.message);
        tokens += out.length > 0;
        (void)gss_release_buffer(&minor, &out);
    }
    side_token_free(&s->ours, &answer);
    (void)gss_release_name(&minor, &name);
    side_finish(&s->ours);
    return tokens;
}

/* Our client asks the library. */
static void ask_library(struct session *s, nns_protection level)
{
    gss_cred_id_t cred = raw_acceptor_cred();
    struct nns__token token = {0};
    OM_uint32 minor;

    s->raw = GSS_C_NO_CONTEXT;
    side_init(&s->ours, client_config(level), NNS_CLIENT);
    side_open(&s->ours, TARGET);
    assert_int_equal(side_step(&s->ours, NULL, 0, &token), NNS_OK);
    while (token.size > 0) {
        gss_buffer_desc in = nns__gss_buffer(token.data, token.size), out = GSS_C_EMPTY_BUFFER;

        assert_false(
            GSS_ERROR(gss_accept_sec_context(&minor, &s->raw, cred, &in, GSS_C_NO_CHANNEL_BINDINGS,
                                             NULL, NULL, &out, NULL, NULL, NULL)));
        side_token_free(&s->ours, &token);
        if (out.length > 0)
            assert_int_equal(side_step(&s->ours, out.value, out.length, &token), NNS_OK);
        (void)gss_release_buffer(&minor, &out);
    }
    (void)gss_release_cred(&minor, &cred);
    side_finish(&s->ours);
}

static void session_free(struct session *s)
{
    raw_free(&s->raw);
    side_free(&s->ours);
}

/* ---- records ---- */

static void expect_unwrapped(const struct session *s, struct message *message, int conf,
                             const uint8_t *plain, size_t size)
{
    gss_buffer_desc in = {message->size, message->bytes}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int sealed = -1;

    assert_int_equal(gss_unwrap(&minor, s->raw, &in, &out, &sealed, NULL), GSS_S_COMPLETE);
    assert_int_equal(sealed, conf);
    assert_int_equal(out.length, size);
    if (size > 0)
        assert_memory_equal(out.value, plain, size);
    nns__gss_release(&out, GSS_S_COMPLETE);
}

/* Random records, there and back. */
static void exchange(struct session *s, int conf, long records)
{
    struct message *message = malloc(sizeof(*message));
    uint8_t *plain = malloc(MOST + 1);
    uint32_t seed = 77;

    assert_true(message != NULL && plain != NULL);
    for (size_t i = 0; i <= MOST; i++)
        plain[i] = (uint8_t)next_random(&seed);
    for (long i = 0; i < records; i++) {
        size_t size = next_random(&seed) % MOST % (i % 4 == 0 ? MOST + 1 : 700);
        const uint8_t *from = plain + next_random(&seed) % (MOST + 1 - size);

        raw_wrap(message, s->raw, conf, from, size);
        expect_opened(&s->ours, message, from, size);
        seal_message(message, &s->ours, from, size);
        expect_unwrapped(s, message, conf, from, size);
    }
    free(plain);
    free(message);
}

static long records_wanted(void)
{
    const char *text = getenv("NNS_RECORDS");

    return (text != NULL ? atol(text) : 400) / 4;
}

static void test_every_type(void **state)
{
    const OM_uint32 flags[] = {ORDERED_FLAGS & ~(OM_uint32)GSS_C_CONF_FLAG, DOTNET_FLAGS};

    (void)state;
    for (int32_t type = 17; type <= 20; type++) {
        for (int conf = 0; conf < 2; conf++) {
            gss_cred_id_t cred = cred_of_type(type, conf != 0);
            struct session s;
            OM_uint32 minor;

            assert_int_equal(ask_server(&s, cred, &nns__gss_kerberos, flags[conf]), 1);
            assert_int_equal(s.ours.facts.key_type, type);
            expect_kerberos_engine(s.ours.protection.name);
            exchange(&s, conf, records_wanted());
            session_free(&s);
            (void)gss_release_cred(&minor, &cred);
        }
    }
}

static void test_client(void **state)
{
    (void)state;
    for (int conf = 0; conf < 2; conf++) {
        struct session s;

        ask_library(&s, conf != 0 ? NNS_PROTECT_SEAL : NNS_PROTECT_SIGN);
        expect_kerberos_engine(s.ours.protection.name);
        exchange(&s, conf, 50);
        session_free(&s);
    }
}

/* Without mutual authentication there is no subkey of the acceptor's. */
static void test_without_subkey(void **state)
{
    gss_cred_id_t cred = cred_of_type(18, true);
    struct session s;
    OM_uint32 minor;

    (void)state;
    assert_int_equal(
        ask_server(&s, cred, &nns__gss_kerberos, DOTNET_FLAGS & ~(OM_uint32)GSS_C_MUTUAL_FLAG), 1);
    expect_kerberos_engine(s.ours.protection.name);
    exchange(&s, 1, 20);
    session_free(&s);
    (void)gss_release_cred(&minor, &cred);
}

/* ---- keys ---- */

/* The key of a context, inverted. */
static size_t key_of(gss_ctx_id_t ctx, uint8_t key[32])
{
    gss_buffer_set_t answer = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor;
    size_t size;

    assert_int_equal(
        gss_inquire_sec_context_by_oid(&minor, ctx, GSS_C_INQ_SSPI_SESSION_KEY, &answer),
        GSS_S_COMPLETE);
    size = answer->elements[0].length;
    assert_true(size <= 32);
    memcpy(key, answer->elements[0].value, size);
    memory_invert(key, size);
    explicit_bzero(answer->elements[0].value, size);
    (void)gss_release_buffer_set(&minor, &answer);
    return size;
}

/* Neither ours nor the exported copy, nor the library's. */
static void test_no_key_stays(void **state)
{
    gss_cred_id_t cred;
    struct session s;
    OM_uint32 minor;
    uint8_t key[32];
    size_t size;

    (void)state;
    if (under_valgrind()) /* it tells of every read of memory that was freed */
        skip();
    cred = cred_of_type(18, true);
    (void)ask_server(&s, cred, &nns__gss_kerberos, DOTNET_FLAGS);
    size = key_of(s.raw, key);
    exchange(&s, 1, 2);
    assert_int_not_equal(memory_find_inverted(key, size), 0);
    session_free(&s);
    (void)gss_release_cred(&minor, &cred);
    assert_int_equal(memory_find_inverted(key, size), 0);
}

/* ---- who is left to GSSAPI ---- */

/* Alice's, for NTLM and then Kerberos by SPNEGO. */
static gss_cred_id_t cred_of_two(void)
{
    gss_OID_desc all[] = {nns__gss_kerberos, nns__gss_ntlm, nns__gss_spnego};
    gss_OID_desc order[] = {nns__gss_ntlm, nns__gss_kerberos};
    gss_OID_set_desc mechanisms = {3, all}, offered = {2, order};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    char *path = realm_file("alice.ccache");
    OM_uint32 minor;

    assert_int_equal(setenv("KRB5CCNAME", path, 1), 0);
    assert_int_equal(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
                                      GSS_C_INITIATE, &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_set_neg_mechs(&minor, cred, &offered), GSS_S_COMPLETE);
    free(path);
    return cred;
}

/* The client's optimistic token is NTLM's, so Kerberos has to be confirmed by a mechListMIC, which
 * takes a sequence number. */
static void test_mechanism_list_mic(void **state)
{
    gss_cred_id_t cred;
    struct session s;
    OM_uint32 minor;

    (void)state;
    ntlm_accounts(true);
    cred = cred_of_two();
    assert_in_range(ask_server(&s, cred, &nns__gss_spnego, DOTNET_FLAGS), 2, 3);
    assert_int_equal(s.ours.facts.mechanism, NNS__MECHANISM_KERBEROS);
    assert_string_equal(s.ours.protection.name, "gss");
    exchange(&s, 1, 4);
    session_free(&s);
    (void)gss_release_cred(&minor, &cred);
    (void)unsetenv("KRB5CCNAME");
    ntlm_accounts(false);
}

static void test_asked_for_gss(void **state)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);
    struct realm_pair pair;
    struct message *message = malloc(sizeof(*message));

    (void)state;
    assert_non_null(message);
    assert_int_equal(nns_config_set_record_engine(cfg, "gss"), NNS_OK);
    realm_pair_open(&pair, client_config(NNS_PROTECT_SEAL), cfg, TARGET);
    expect_kerberos_engine(pair.client.protection.name);
    assert_string_equal(pair.server.protection.name, "gss");
    seal_message(message, &pair.client, "there", 5);
    expect_opened(&pair.server, message, "there", 5);
    seal_message(message, &pair.server, "back", 4);
    expect_opened(&pair.client, message, "back", 4);
    realm_pair_free(&pair);
    free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),     cmocka_unit_test(test_client),
        cmocka_unit_test(test_without_subkey), cmocka_unit_test(test_mechanism_list_mic),
        cmocka_unit_test(test_asked_for_gss),  cmocka_unit_test(test_no_key_stays),
    };
    const char *engine = getenv("NNS_TEST_RECORD_ENGINE");

    if (engine != NULL && strcmp(engine, "gss") == 0)
        realm_use_engine("krb5");
    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
