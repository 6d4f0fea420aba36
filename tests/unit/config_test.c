/* SPDX-License-Identifier: MIT
 *
 * The configuration: strict defaults, setters that refuse with a message and change nothing,
 * bounds of every limit, freezing, references.
 */
#include "config/config.h"
#include "support/alloc.h"
#include "support/check.h"

#include <nns/engine.h>
#include <nns/gss.h>
#include <stdio.h>
#include <string.h>

static nns_config *make(void)
{
    nns_config *cfg = NULL;

    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    return cfg;
}

static void expect_refusal(const nns_config *cfg, int rc, const char *message)
{
    assert_int_equal(rc, NNS_ERR_ARGUMENT);
    assert_string_equal(nns_config_message(cfg), message);
}

static int password(void *arg, char *buf, size_t size)
{
    (void)arg;
    (void)buf;
    (void)size;
    return NNS_ERR_INTERNAL;
}

static void defaults_are_the_strict_ones(void **state)
{
    nns_config *cfg = make();

    (void)state;
    assert_int_equal(cfg->protection, NNS_PROTECT_SEAL);
    assert_int_equal(cfg->impersonation, NNS_IDENTIFY);
    assert_int_equal(cfg->min_ssf, 128);
    assert_null(cfg->allowed);
    assert_false(cfg->allow_any_peer || cfg->defer_authorization || cfg->allow_unprotected);
    assert_false(cfg->no_replay_cache || cfg->outlive_ticket);
    assert_int_equal(cfg->record_engine, NNS__RECORD_ENGINE_AUTO);
    assert_false(cfg->accept_delegation || cfg->require_channel_binding);
    assert_null(cfg->gss_cred);
    assert_null(cfg->ccache);
    assert_null(cfg->client_keytab);
    assert_null(cfg->keytab);
    assert_null(cfg->acceptor);
    assert_null(cfg->user);
    assert_string_equal(nns_config_message(cfg), "");
    nns_config_unref(cfg);
}

typedef int name_setter(nns_config *cfg, const char *name);

static int set_user(nns_config *cfg, const char *name)
{
    return nns_config_set_user(cfg, name, name != NULL ? password : NULL, NULL);
}

static void names_are_checked_and_copied(void **state)
{
    nns_config *cfg = make();
    const struct {
        name_setter *set;
        char **field;
        const char *what;
    } rows[] = {
        {nns_config_set_ccache, &cfg->ccache, "credential cache"},
        {nns_config_set_client_keytab, &cfg->client_keytab, "client keytab"},
        {nns_config_set_keytab, &cfg->keytab, "keytab"},
        {nns_config_set_acceptor, &cfg->acceptor, "acceptor"},
        {set_user, &cfg->user, "user"},
    };
    char longest[1026], message[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        memset(longest, 'n', 1025);
        longest[1025] = '\0';
        (void)snprintf(message, sizeof(message), "%s: longer than 1024 bytes", rows[i].what);
        expect_refusal(cfg, rows[i].set(cfg, longest), message);
        (void)snprintf(message, sizeof(message), "%s: it is empty", rows[i].what);
        expect_refusal(cfg, rows[i].set(cfg, ""), message);
        (void)snprintf(message, sizeof(message), "%s: it has control characters", rows[i].what);
        expect_refusal(cfg, rows[i].set(cfg, "a\nb"), message);
        expect_refusal(cfg, rows[i].set(cfg, "a\x7f"), message);
        assert_null(*rows[i].field);
        longest[1024] = '\0';
        assert_int_equal(rows[i].set(cfg, longest), NNS_OK);
        assert_string_equal(nns_config_message(cfg), "");
        longest[0] = 'x';
        assert_int_equal((*rows[i].field)[0], 'n');
        assert_int_equal(rows[i].set(cfg, ""), NNS_ERR_ARGUMENT);
        assert_int_equal(strlen(*rows[i].field), 1024); /* as it was */
        assert_int_equal(rows[i].set(cfg, "other"), NNS_OK);
        assert_string_equal(*rows[i].field, "other");
        assert_int_equal(rows[i].set(cfg, NULL), NNS_OK);
        assert_null(*rows[i].field);
        assert_int_equal(rows[i].set(NULL, "name"), NNS_ERR_ARGUMENT);
    }
    nns_config_unref(cfg);
}

static void a_user_needs_a_password(void **state)
{
    nns_config *cfg = make();
    int arg;

    (void)state;
    expect_refusal(cfg, nns_config_set_user(cfg, "alice", NULL, NULL),
                   "user: a name and a password function go together");
    expect_refusal(cfg, nns_config_set_user(cfg, NULL, password, NULL),
                   "user: a name and a password function go together");
    assert_int_equal(nns_config_set_user(cfg, "alice", password, &arg), NNS_OK);
    assert_ptr_equal(cfg->password_fn, password);
    assert_ptr_equal(cfg->password_arg, &arg);
    assert_int_equal(nns_config_set_user(cfg, NULL, NULL, NULL), NNS_OK);
    assert_null(cfg->user);
    assert_null(cfg->password_fn);
    nns_config_unref(cfg);
}

static void level_none_has_to_be_permitted_first(void **state)
{
    nns_config *cfg = make();

    (void)state;
    expect_refusal(cfg, nns_config_set_protection(cfg, NNS_PROTECT_NONE),
                   "protection: level none needs nns_config_insecure_allow_unprotected()");
    expect_refusal(cfg, nns_config_set_protection(cfg, 3), "protection: no such level");
    expect_refusal(cfg, nns_config_set_protection(cfg, -1), "protection: no such level");
    assert_int_equal(cfg->protection, NNS_PROTECT_SEAL);
    assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_SIGN), NNS_OK);
    assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
    assert_int_equal(cfg->protection, NNS_PROTECT_SIGN); /* permitted is not chosen */
    assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_NONE), NNS_OK);
    assert_int_equal(cfg->protection, NNS_PROTECT_NONE);
    nns_config_unref(cfg);
}

static void strength_has_a_bound(void **state)
{
    nns_config *cfg = make();

    (void)state;
    expect_refusal(cfg, nns_config_set_min_ssf(cfg, 257),
                   "strength: no mechanism has more than 256 bits");
    assert_int_equal(cfg->min_ssf, 128);
    assert_int_equal(nns_config_set_min_ssf(cfg, 256), NNS_OK);
    expect_refusal(cfg, nns_config_set_impersonation(cfg, 0), "impersonation: no such level");
    expect_refusal(cfg, nns_config_set_impersonation(cfg, 4), "impersonation: no such level");
    assert_int_equal(cfg->impersonation, NNS_IDENTIFY);
    assert_int_equal(nns_config_set_impersonation(cfg, NNS_IMPERSONATE), NNS_OK);
    assert_int_equal(cfg->impersonation, NNS_IMPERSONATE);
    assert_int_equal(nns_config_set_min_ssf(cfg, 0), NNS_OK);
    assert_int_equal(cfg->min_ssf, 0);
    nns_config_unref(cfg);
}

static void patterns_must_name_a_realm(void **state)
{
    static const char *const refused[] = {"alice", "@MOCK", "alice@", "*", "a@b@"};
    static const char *const wild[] = {"*@*", "alice@*", "alice@MO*K", "a@b@*"};
    static const char *const taken[] = {"alice@MOCK", "*@MOCK", "*/host@MOCK", "a*b*@MOCK"};
    nns_config *cfg = make();
    char message[120];

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        (void)snprintf(message, sizeof(message), "allowed peer: '%s' is not NAME@REALM",
                       refused[i]);
        expect_refusal(cfg, nns_config_allow_peer(cfg, refused[i]), message);
    }
    for (size_t i = 0; i < COUNT(wild); i++) {
        (void)snprintf(message, sizeof(message),
                       "allowed peer: '%s': '*' must not stand for a realm", wild[i]);
        expect_refusal(cfg, nns_config_allow_peer(cfg, wild[i]), message);
    }
    expect_refusal(cfg, nns_config_allow_peer(cfg, NULL), "allowed peer: no pattern");
    expect_refusal(cfg, nns_config_allow_peer(cfg, ""), "allowed peer: it is empty");
    expect_refusal(cfg, nns_config_allow_peer(cfg, "a\x01@R"),
                   "allowed peer: it has control characters");
    assert_null(cfg->allowed);
    for (size_t i = 0; i < COUNT(taken); i++)
        assert_int_equal(nns_config_allow_peer(cfg, taken[i]), NNS_OK);
    nns_config_unref(cfg);
}

static void ntlm_has_patterns_of_its_own(void **state)
{
    static const char *const refused[] = {"\\alice",   "NNS\\",    "N*\\alice",  "*\\*",
                                          "NNS\\a\\b", "NNS\\a@R", "a/b\\alice", "\\"};
    nns_config *cfg = NULL;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    expect_refusal(cfg, nns_config_allow_peer(cfg, "NNS\\alice"),
                   "allowed peer: 'NNS\\alice' is NTLM's form, and NTLM is not allowed: say "
                   "NAME@REALM");
    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "NNS\\alice"), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "NNS\\*"), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "alice@R"), NNS_OK);
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (nns_config_allow_peer(cfg, refused[i]) != NNS_ERR_ARGUMENT)
            fail_msg("'%s' was taken", refused[i]);
    }
    nns_config_unref(cfg);
}

static void ntlm_is_off_until_asked_for(void **state)
{
    nns_config *cfg = NULL;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    assert_false(cfg->allow_ntlm || cfg->no_kerberos);
    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    assert_true(cfg->allow_ntlm && !cfg->no_kerberos);
    assert_int_equal(nns_config_insecure_ntlm_only(cfg), NNS_OK);
    assert_true(cfg->allow_ntlm && cfg->no_kerberos);
    assert_int_equal(nns_config_insecure_allow_ntlm(NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_config_insecure_ntlm_only(NULL), NNS_ERR_ARGUMENT);
    nns__config_freeze(cfg);
    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_ERR_FROZEN);
    assert_int_equal(nns_config_insecure_ntlm_only(cfg), NNS_ERR_FROZEN);
    nns_config_unref(cfg);
}

static void the_record_engine_has_three_names(void **state)
{
    nns_config *cfg = make();

    (void)state;
    expect_refusal(cfg, nns_config_set_record_engine(cfg, "krb"),
                   "record engine: it is 'auto', 'gss' or 'krb5'");
    expect_refusal(cfg, nns_config_set_record_engine(cfg, NULL),
                   "record engine: it is 'auto', 'gss' or 'krb5'");
    assert_int_equal(nns_config_set_record_engine(cfg, "gss"), NNS_OK);
    assert_int_equal(cfg->record_engine, NNS__RECORD_ENGINE_GSS);
    assert_int_equal(nns_config_set_record_engine(cfg, "krb5"), NNS_OK);
    assert_int_equal(cfg->record_engine, NNS__RECORD_ENGINE_KRB5);
    assert_int_equal(nns_config_set_record_engine(cfg, "auto"), NNS_OK);
    assert_int_equal(cfg->record_engine, NNS__RECORD_ENGINE_AUTO);
    nns_config_unref(cfg);
}

/* The table of include/nns/config.h. */
static const struct {
    int32_t limit;
    int64_t value, least, most;
    const char *name;
} limits[] = {
    {NNS_LIMIT_CONNECT_MS, 30000, 0, 3600000, "connect time"},
    {NNS_LIMIT_CLIENT_HANDSHAKE_MS, 30000, 0, 300000, "client handshake time"},
    {NNS_LIMIT_SERVER_HANDSHAKE_MS, 10000, 0, 300000, "server handshake time"},
    {NNS_LIMIT_IDLE_MS, 0, 0, 7 * 24 * 3600 * INT64_C(1000), "idle time"},
    {NNS_LIMIT_HANDSHAKE_BYTES, 131072, 70000, 524288, "handshake bytes"},
    {NNS_LIMIT_HANDSHAKE_LEGS, 8, 1, 16, "handshake legs"},
    {NNS_LIMIT_EMPTY_RECORDS, 16, 0, 1024, "empty records"},
    {NNS_LIMIT_BUFFER_BYTES, 1310720, 131072, 16777216, "buffer bytes"},
    {NNS_LIMIT_CONNECTIONS, 1000, 1, 1000000, "connections"},
    {NNS_LIMIT_HANDSHAKES, 64, 1, 10000, "handshakes"},
    {NNS_LIMIT_HANDSHAKES_PER_SOURCE, 16, 1, 10000, "handshakes per source"},
};

static void limits_have_their_defaults_and_bounds(void **state)
{
    nns_config *cfg = make();
    int64_t value;
    char message[120];

    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        const int64_t bad[] = {limits[i].least - 1, limits[i].most + 1, INT64_MIN, INT64_MAX};

        assert_int_equal(nns_config_limit(cfg, limits[i].limit, &value), NNS_OK);
        assert_int_equal(value, limits[i].value);
        for (size_t b = 0; b < COUNT(bad); b++) {
            (void)snprintf(message, sizeof(message), "limit: %s: %lld is not in %lld..%lld",
                           limits[i].name, (long long)bad[b], (long long)limits[i].least,
                           (long long)limits[i].most);
            expect_refusal(cfg, nns_config_set_limit(cfg, limits[i].limit, bad[b]), message);
        }
        assert_int_equal(nns_config_limit(cfg, limits[i].limit, &value), NNS_OK);
        assert_int_equal(value, limits[i].value);
        assert_int_equal(nns_config_set_limit(cfg, limits[i].limit, limits[i].least), NNS_OK);
        assert_int_equal(nns_config_set_limit(cfg, limits[i].limit, limits[i].most), NNS_OK);
        assert_int_equal(nns_config_limit(cfg, limits[i].limit, &value), NNS_OK);
        assert_int_equal(value, limits[i].most);
    }
    expect_refusal(cfg, nns_config_set_limit(cfg, 0, 1), "limit: there is no number 0");
    expect_refusal(cfg, nns_config_set_limit(cfg, 12, 1), "limit: there is no number 12");
    expect_refusal(cfg, nns_config_set_limit(cfg, -1, 1), "limit: there is no number -1");
    assert_int_equal(nns_config_limit(cfg, 0, &value), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_config_limit(cfg, 12, &value), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_config_limit(cfg, 1, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_config_limit(NULL, 1, &value), NNS_ERR_ARGUMENT);
    nns_config_unref(cfg);
}

static int call_setter(nns_config *cfg, int which)
{
    switch (which) {
    case 0:
        return nns_config_set_ccache(cfg, "x");
    case 1:
        return nns_config_set_keytab(cfg, NULL);
    case 2:
        return nns_config_set_acceptor(cfg, "");
    case 3:
        return nns_config_set_user(cfg, "x", NULL, NULL);
    case 4:
        return nns_config_set_protection(cfg, NNS_PROTECT_SIGN);
    case 5:
        return nns_config_set_min_ssf(cfg, 56);
    case 6:
        return nns_config_allow_peer(cfg, "x@R");
    case 7:
        return nns_config_allow_any_peer(cfg);
    case 8:
        return nns_config_defer_authorization(cfg, 1);
    case 9:
        return nns_config_insecure_allow_unprotected(cfg);
    case 10:
        return nns_config_insecure_no_replay_cache(cfg);
    case 11:
        return nns_config_set_record_engine(cfg, "gss");
    case 12:
        return nns_config_set_trace(cfg, NULL, NULL);
    case 13:
        return nns_config_set_impersonation(cfg, NNS_DELEGATE);
    case 14:
        return nns_config_require_channel_binding(cfg, 1);
    case 15:
        return nns_config_accept_delegation(cfg, 1);
    case 16:
        return nns_config_set_client_keytab(cfg, "x");
    case 17:
        return nns_config_insecure_outlive_ticket(cfg);
    case 18:
        return nns_config_set_gss_cred(cfg, GSS_C_NO_CREDENTIAL);
    default:
        return nns_config_set_limit(cfg, NNS_LIMIT_IDLE_MS, 1);
    }
}

static void the_first_engine_freezes_it(void **state)
{
    nns_config *cfg = make();
    nns_engine *e = NULL;

    (void)state;
    assert_int_equal(nns_engine_new(&e, cfg, 3), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_config_set_min_ssf(cfg, 100), NNS_OK);
    assert_int_equal(nns_engine_new(&e, cfg, NNS_SERVER), NNS_OK);
    for (int which = 0; which < 19; which++) {
        assert_int_equal(call_setter(cfg, which), NNS_ERR_FROZEN);
        assert_int_equal(call_setter(NULL, which), NNS_ERR_ARGUMENT);
    }
    assert_int_equal(cfg->min_ssf, 100);
    assert_int_equal(cfg->protection, NNS_PROTECT_SEAL);
    assert_null(cfg->allowed);
    assert_false(cfg->allow_any_peer || cfg->defer_authorization || cfg->allow_unprotected);
    nns_engine_free(e);
    assert_int_equal(call_setter(cfg, 0), NNS_ERR_FROZEN); /* and stays so */
    nns_config_unref(cfg);
}

static void the_last_reference_frees_it(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    nns_config *cfg = NULL;
    nns_engine *e = NULL;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, &allocator), NNS_OK);
    assert_int_equal(nns_config_set_user(cfg, "alice", password, NULL), NNS_OK);
    assert_int_equal(nns_config_set_keytab(cfg, "FILE:x"), NNS_OK);
    assert_int_equal(nns_config_set_ccache(cfg, "FILE:x"), NNS_OK);
    assert_int_equal(nns_config_set_acceptor(cfg, "host/x"), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "a@R"), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "b@R"), NNS_OK);
    assert_ptr_equal(nns_config_ref(cfg), cfg);
    nns_config_unref(cfg);
    assert_int_equal(nns_engine_new(&e, cfg, NNS_CLIENT), NNS_OK);
    nns_config_unref(cfg);
    assert_true(counter.blocks > 0);
    nns_engine_free(e);
    assert_int_equal(counter.blocks, 0);
    assert_null(nns_config_ref(NULL));
    nns_config_unref(NULL);
    assert_string_equal(nns_config_message(NULL), "");
    assert_int_equal(nns_config_new(NULL, NULL), NNS_ERR_ARGUMENT);
}

static void without_memory_a_setter_changes_nothing(void **state)
{
    struct test_alloc counter = {.fail_at = 1};
    nns_allocator allocator = test_allocator(&counter);
    nns_config *cfg = NULL;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, &allocator), NNS_ERR_NOMEM);
    assert_null(cfg);
    assert_int_equal(nns_config_new(&cfg, &allocator), NNS_OK);
    assert_int_equal(nns_config_set_keytab(cfg, "first"), NNS_OK);
    counter.fail_at = counter.calls + 1;
    assert_int_equal(nns_config_set_keytab(cfg, "second"), NNS_ERR_NOMEM);
    assert_string_equal(nns_config_message(cfg), "keytab: out of memory");
    assert_string_equal(cfg->keytab, "first");
    for (int i = 1; i <= 2; i++) {
        counter.fail_at = counter.calls + i;
        assert_int_equal(nns_config_allow_peer(cfg, "a@R"), NNS_ERR_NOMEM);
        assert_string_equal(nns_config_message(cfg), "allowed peer: out of memory");
        assert_null(cfg->allowed);
    }
    nns_config_unref(cfg);
    assert_int_equal(counter.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_strict_ones),
        cmocka_unit_test(names_are_checked_and_copied),
        cmocka_unit_test(a_user_needs_a_password),
        cmocka_unit_test(level_none_has_to_be_permitted_first),
        cmocka_unit_test(strength_has_a_bound),
        cmocka_unit_test(patterns_must_name_a_realm),
        cmocka_unit_test(ntlm_is_off_until_asked_for),
        cmocka_unit_test(ntlm_has_patterns_of_its_own),
        cmocka_unit_test(the_record_engine_has_three_names),
        cmocka_unit_test(limits_have_their_defaults_and_bounds),
        cmocka_unit_test(the_first_engine_freezes_it),
        cmocka_unit_test(the_last_reference_frees_it),
        cmocka_unit_test(without_memory_a_setter_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
