/* SPDX-License-Identifier: MIT
 *
 * Policy: mechanism, flags, level, strength and mutual authentication; who may come in; and the
 * patterns that say so.
 */
#include "config/policy.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define GOOD_FLAGS (NNS__FLAG_MUTUAL | NNS__FLAG_INTEG | NNS__FLAG_CONF)

static char alice[] = "alice@REALM";

static nns_config *make(void)
{
    nns_config *cfg = NULL;

    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    return cfg;
}

static struct nns__facts good_facts(void)
{
    return (struct nns__facts){
        .mechanism = NNS__MECHANISM_KERBEROS, .flags = GOOD_FLAGS, .ssf = 256, .peer_name = alice};
}

/* Checks the verdict; a refusal always tells the peer 1790. */
static void expect(const nns_config *cfg, nns_role role, const struct nns__facts *facts, int code,
                   const char *message)
{
    struct nns__failure f = {0};

    assert_int_equal(nns__policy_check(cfg, role, facts, &f), code);
    if (code == NNS_OK)
        return;
    assert_int_equal(f.code, code);
    assert_int_equal(f.tell_peer, 1790);
    assert_string_equal(f.message, message);
}

static void level_comes_from_the_flags(void **state)
{
    (void)state;
    assert_int_equal(nns__policy_level(0), NNS_PROTECT_NONE);
    assert_int_equal(nns__policy_level(NNS__FLAG_MUTUAL | NNS__FLAG_REPLAY), NNS_PROTECT_NONE);
    assert_int_equal(nns__policy_level(NNS__FLAG_INTEG), NNS_PROTECT_SIGN);
    assert_int_equal(nns__policy_level(NNS__FLAG_CONF), NNS_PROTECT_SEAL);
    assert_int_equal(nns__policy_level(NNS__FLAG_CONF | NNS__FLAG_INTEG), NNS_PROTECT_SEAL);
}

static void impersonation_comes_from_the_flags(void **state)
{
    (void)state;
    assert_int_equal(nns__policy_impersonation(GOOD_FLAGS), NNS_IMPERSONATE);
    assert_int_equal(nns__policy_impersonation(GOOD_FLAGS | NNS__FLAG_IDENTIFY), NNS_IDENTIFY);
    assert_int_equal(nns__policy_impersonation(NNS__FLAG_DELEGATED), NNS_DELEGATE);
    assert_int_equal(nns__policy_impersonation(NNS__FLAG_DELEGATED | NNS__FLAG_IDENTIFY),
                     NNS_DELEGATE);
}

static void the_level_is_never_below_the_required_one(void **state)
{
    static const char *const names[] = {"none", "sign", "encrypt"};
    static const uint32_t flags[] = {0, NNS__FLAG_INTEG, NNS__FLAG_INTEG | NNS__FLAG_CONF};
    char message[120];

    (void)state;
    for (nns_protection least = 0; least <= 2; least++) {
        nns_config *cfg = make();

        assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
        assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
        assert_int_equal(nns_config_set_protection(cfg, least), NNS_OK);
        for (nns_protection got = 0; got <= 2; got++) {
            struct nns__facts facts = good_facts();

            facts.flags = NNS__FLAG_MUTUAL | flags[got];
            (void)snprintf(message, sizeof(message),
                           "policy: protection: level '%s' is required, '%s' was negotiated",
                           names[least], names[got]);
            expect(cfg, NNS_CLIENT, &facts, got < least ? NNS_ERR_POLICY : NNS_OK, message);
            expect(cfg, NNS_SERVER, &facts, got < least ? NNS_ERR_POLICY : NNS_OK, message);
        }
        nns_config_unref(cfg);
    }
}

static void weak_or_strange_contexts_are_refused(void **state)
{
    static const struct {
        uint32_t flags;
        const char *message;
    } rows[] = {
        {NNS__FLAG_ANONYMOUS, "policy: an anonymous peer is not allowed"},
        {NNS__FLAG_DCE_STYLE, "policy: a context of DCE style or for datagrams is not allowed"},
        {NNS__FLAG_DATAGRAM, "policy: a context of DCE style or for datagrams is not allowed"},
    };
    nns_config *cfg = make();
    struct nns__facts facts = good_facts();

    (void)state;
    assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            facts = good_facts();
            facts.flags |= rows[i].flags;
            expect(cfg, role, &facts, NNS_ERR_POLICY, rows[i].message);
        }
        facts = good_facts();
        facts.mechanism = NNS__MECHANISM_UNKNOWN;
        expect(cfg, role, &facts, NNS_ERR_POLICY,
               "policy: the negotiated mechanism is not allowed");
        facts = good_facts();
        facts.ssf = 64;
        expect(cfg, role, &facts, NNS_ERR_POLICY,
               "policy: the session key has 64 bits, min SSF is 128");
        facts.ssf = 127;
        expect(cfg, role, &facts, NNS_ERR_POLICY,
               "policy: the session key has 127 bits, min SSF is 128");
        facts.ssf = 128;
        expect(cfg, role, &facts, NNS_OK, NULL);
    }
    nns_config_unref(cfg);
}

static struct nns__facts ntlm_facts(char *peer)
{
    return (struct nns__facts){.mechanism = NNS__MECHANISM_NTLM,
                               .flags = NNS__FLAG_INTEG | NNS__FLAG_CONF,
                               .ssf = 64,
                               .peer_name = peer};
}

/* Each mechanism where it was allowed, and there alone. */
static void ntlm_has_to_be_allowed(void **state)
{
    static const char refused[] = "policy: the negotiated mechanism is not allowed";
    struct nns__facts kerberos = good_facts(), ntlm = ntlm_facts(alice);

    (void)state;
    for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
        nns_config *strict = make(), *both = make(), *only = make();

        assert_int_equal(nns_config_allow_any_peer(strict), NNS_OK);
        assert_int_equal(nns_config_allow_any_peer(both), NNS_OK);
        assert_int_equal(nns_config_allow_any_peer(only), NNS_OK);
        assert_int_equal(nns_config_insecure_allow_ntlm(both), NNS_OK);
        assert_int_equal(nns_config_insecure_ntlm_only(only), NNS_OK);
        expect(strict, role, &ntlm, NNS_ERR_POLICY, refused);
        expect(both, role, &ntlm, NNS_OK, NULL);
        expect(only, role, &ntlm, NNS_OK, NULL);
        expect(both, role, &kerberos, NNS_OK, NULL);
        expect(only, role, &kerberos, NNS_ERR_POLICY, refused);
        nns_config_unref(strict);
        nns_config_unref(both);
        nns_config_unref(only);
    }
}

/* Allowing NTLM changes nothing for Kerberos: neither its strength nor its mutual authentication.
 */
static void ntlm_lowers_the_bar_for_itself_alone(void **state)
{
    nns_config *cfg = make();
    struct nns__facts facts = good_facts();

    (void)state;
    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    facts.ssf = 64;
    expect(cfg, NNS_CLIENT, &facts, NNS_ERR_POLICY,
           "policy: the session key has 64 bits, min SSF is 128");
    facts = good_facts();
    facts.flags &= ~NNS__FLAG_MUTUAL;
    expect(cfg, NNS_CLIENT, &facts, NNS_ERR_POLICY, "policy: the server has not proved who it is");
    facts = ntlm_facts(alice);
    facts.flags = 0;
    expect(cfg, NNS_CLIENT, &facts, NNS_ERR_POLICY,
           "policy: protection: level 'encrypt' is required, 'none' was negotiated");
    nns_config_unref(cfg);
}

static void expect_peer(const nns_config *cfg, enum nns__mechanism mechanism, const char *name,
                        bool allowed)
{
    char peer[64], message[160];
    struct nns__facts facts;

    (void)snprintf(peer, sizeof(peer), "%s", name);
    facts = mechanism == NNS__MECHANISM_NTLM ? ntlm_facts(peer) : good_facts();
    facts.peer_name = peer;
    (void)snprintf(message, sizeof(message), "policy: '%s' is not allowed to connect", name);
    expect(cfg, NNS_SERVER, &facts, allowed ? NNS_OK : NNS_ERR_REFUSED, message);
}

static void patterns_belong_to_one_mechanism(void **state)
{
    nns_config *cfg = make();

    (void)state;
    assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "NNS\\a*"), NNS_OK);
    assert_int_equal(nns_config_allow_peer(cfg, "*@REALM"), NNS_OK);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "NNS\\alice", true);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "nns\\ALICE", true);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "NNS\\bob", false);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "OTHER\\alice", false);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "alice", false);
    expect_peer(cfg, NNS__MECHANISM_NTLM, "alice@REALM", false);
    expect_peer(cfg, NNS__MECHANISM_KERBEROS, "alice@REALM", true);
    expect_peer(cfg, NNS__MECHANISM_KERBEROS, "alice@realm", false);
    expect_peer(cfg, NNS__MECHANISM_KERBEROS, "NNS\\alice", false);
    nns_config_unref(cfg);
}

static void only_a_client_needs_mutual_authentication(void **state)
{
    nns_config *cfg = make();
    struct nns__facts facts = good_facts();

    (void)state;
    assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
    facts.flags = NNS__FLAG_INTEG | NNS__FLAG_CONF;
    expect(cfg, NNS_CLIENT, &facts, NNS_ERR_POLICY, "policy: the server has not proved who it is");
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
    assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_NONE), NNS_OK);
    facts.flags = 0; /* at every level */
    expect(cfg, NNS_CLIENT, &facts, NNS_ERR_POLICY, "policy: the server has not proved who it is");
    nns_config_unref(cfg);
}

static void a_server_lets_in_whom_it_was_told(void **state)
{
    struct nns__facts facts = good_facts();
    nns_config *cfg = make();

    (void)state;
    expect(cfg, NNS_CLIENT, &facts, NNS_OK, NULL); /* a client asks nobody */
    expect(cfg, NNS_SERVER, &facts, NNS_ERR_REFUSED,
           "policy: 'alice@REALM' is not allowed to connect");
    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    assert_int_equal(nns_config_allow_peer(cfg, "bob@REALM"), NNS_OK);
    expect(cfg, NNS_SERVER, &facts, NNS_ERR_REFUSED, /* patterns must agree as well */
           "policy: 'alice@REALM' is not allowed to connect");
    assert_int_equal(nns_config_allow_peer(cfg, "al*@REALM"), NNS_OK);
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    assert_int_equal(nns_config_defer_authorization(cfg, 0), NNS_OK);
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    nns_config_unref(cfg);
}

static void an_empty_server_says_what_to_do(void **state)
{
    struct nns__facts facts = good_facts();
    struct nns__failure f = {0};
    nns_config *cfg = make();

    (void)state;
    assert_int_equal(nns__policy_check(cfg, NNS_SERVER, &facts, &f), NNS_ERR_REFUSED);
    assert_string_equal(f.hint, "this server lets nobody in: allow a peer, or defer authorization");
    assert_int_equal(nns_config_allow_peer(cfg, "bob@REALM"), NNS_OK);
    assert_int_equal(nns__policy_check(cfg, NNS_SERVER, &facts, &f), NNS_ERR_REFUSED);
    assert_string_equal(f.hint, "");
    nns_config_unref(cfg);
}

static void weak_keys_need_the_sequence_checked(void **state)
{
    static const uint32_t ordered = NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE;
    static const char refused[] =
        "policy: records with a weak key could be replayed: the client asked for no check";
    struct nns__facts facts = good_facts();
    nns_config *cfg = make();

    (void)state;
    assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
    assert_int_equal(nns_config_set_min_ssf(cfg, 64), NNS_OK);
    facts.ssf = 64;
    facts.flags |= ordered;
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    facts.flags &= ~(uint32_t)NNS__FLAG_SEQUENCE;
    expect(cfg, NNS_SERVER, &facts, NNS_ERR_POLICY, refused);
    facts.flags &= ~ordered;
    expect(cfg, NNS_SERVER, &facts, NNS_ERR_POLICY, refused);
    facts.ssf = 128;
    expect(cfg, NNS_SERVER, &facts, NNS_OK, NULL);
    nns_config_unref(cfg);
}

static void names_that_cannot_be_shown_are_refused(void **state)
{
    char bad[][8] = {"", "a\n@R", "\x01", "a@R\x1f", "a\x7f@R", "\ta@R", "\xc2\x9b@R"};
    nns_config *cfg = make();
    struct nns__facts facts = good_facts();

    (void)state;
    assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        facts.peer_name = bad[i];
        expect(cfg, NNS_SERVER, &facts, NNS_ERR_REFUSED,
               "policy: the peer's name is empty or unprintable");
    }
    facts.peer_name = NULL;
    expect(cfg, NNS_SERVER, &facts, NNS_ERR_REFUSED,
           "policy: the peer's name is empty or unprintable");
    nns_config_unref(cfg);
}

static const struct {
    const char *pattern, *name;
    bool matches;
} patterns[] = {
    {"alice@R", "alice@R", true},
    {"alice@R", "Alice@R", false},
    {"alice@R", "alice@r", false},
    {"alice@R", "alice@R2", false},
    {"alice@R", "alice@", false},
    {"*@R", "alice@R", true},
    {"*@R", "@R", true},
    {"*@R", "alice/admin@R", false},
    {"*@R", "alice@R@R", false},
    {"*@R", "alice@EVIL\\@R", false},
    {"*@R", "al\\ice@R", false},
    {"*@R", "alice@S", false},
    {"*@R", "alice", false},
    {"a*b@R", "ab@R", true},
    {"a*b@R", "axxbxb@R", true},
    {"a*b@R", "axxbx@R", false},
    {"a*b@R", "a/b@R", false},
    {"a*b@R", "a@b@R", false},
    {"*/host@R", "svc/host@R", true},
    {"*/host@R", "/host@R", true},
    {"*/host@R", "a/b/host@R", false},
    {"*/host@R", "host@R", false},
    {"svc/*@R", "svc/a.b-c@R", true},
    {"svc/*@R", "svc/a/b@R", false},
    {"*/*@R", "a/b@R", true},
    {"*/*@R", "a/b/c@R", false},
    {"**@R", "alice@R", true},
    {"*a*a*a@R", "aaaa@R", true},
    {"*a*a*a@R", "aa@R", false},
    {"*\\*@R", "DOM\\alice@R", true},
    {"\\*@R", "*@R", false},
    {"", "", true},
    {"*", "", true},
    {"", "a", false},
};

static void patterns_match_within_a_component(void **state)
{
    (void)state;
    assert_true(nns__pattern_matches("NnS\\A*Z", "nNs\\aLICEz", true));
    assert_false(nns__pattern_matches("NnS\\A*Z", "nNs\\aLICEz", false));
    assert_false(nns__pattern_matches("[", "{", true));
    for (size_t i = 0; i < COUNT(patterns); i++) {
        if (nns__pattern_matches(patterns[i].pattern, patterns[i].name, false) !=
            patterns[i].matches)
            fail_msg("'%s' against '%s'", patterns[i].pattern, patterns[i].name);
    }
}

/* The plain definition: a '*' is nothing, or one character that is no separator and a '*'. */
static bool defined_match(const char *pattern, const char *name)
{
    if (*pattern == '*')
        return defined_match(pattern + 1, name) ||
               (*name != '\0' && strchr("/@\\", *name) == NULL && defined_match(pattern, name + 1));
    if (*pattern == '\0' || *name == '\0')
        return *pattern == *name;
    return *pattern == *name && defined_match(pattern + 1, name + 1);
}

static void random_patterns_match_as_defined(void **state)
{
    uint32_t seed = 20240601;
    size_t matches = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char pattern[8] = {0}, name[10] = {0};
        size_t pattern_size = next_random(&seed) % 8, name_size = next_random(&seed) % 10;

        for (size_t k = 0; k < pattern_size; k++)
            pattern[k] = "**ab/@\\"[next_random(&seed) % 7];
        for (size_t k = 0; k < name_size; k++)
            name[k] = "aabb/@\\*"[next_random(&seed) % 8];
        if (nns__pattern_matches(pattern, name, false) != defined_match(pattern, name))
            fail_msg("'%s' against '%s'", pattern, name);
        matches += defined_match(pattern, name);
    }
    assert_true(matches > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_comes_from_the_flags),
        cmocka_unit_test(impersonation_comes_from_the_flags),
        cmocka_unit_test(the_level_is_never_below_the_required_one),
        cmocka_unit_test(weak_or_strange_contexts_are_refused),
        cmocka_unit_test(ntlm_has_to_be_allowed),
        cmocka_unit_test(ntlm_lowers_the_bar_for_itself_alone),
        cmocka_unit_test(patterns_belong_to_one_mechanism),
        cmocka_unit_test(only_a_client_needs_mutual_authentication),
        cmocka_unit_test(a_server_lets_in_whom_it_was_told),
        cmocka_unit_test(an_empty_server_says_what_to_do),
        cmocka_unit_test(weak_keys_need_the_sequence_checked),
        cmocka_unit_test(names_that_cannot_be_shown_are_refused),
        cmocka_unit_test(patterns_match_within_a_component),
        cmocka_unit_test(random_patterns_match_as_defined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
