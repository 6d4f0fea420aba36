/* SPDX-License-Identifier: MIT
 *
 * Two engines over real Kerberos: what the application sets for a connection, and what it gets of
 * it - impersonation, delegated credentials, channel bindings, user principals as targets.
 */
#include "engine/engine_internal.h"
#include "realm/realm_support.h"
#include "support/alloc.h"
#include "support/check.h"

#include <krb5/krb5.h>
#include <nns/gss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct session {
    nns_engine *client;
    nns_engine *server;
};

/* Takes the configurations over. */
static struct session make(nns_config *client, nns_config *server, const char *target)
{
    struct session s = {NULL, NULL};

    assert_int_equal(nns_engine_new(&s.client, client, NNS_CLIENT), NNS_OK);
    assert_int_equal(nns_engine_new(&s.server, server, NNS_SERVER), NNS_OK);
    assert_int_equal(nns_engine_set_target(s.client, target), NNS_OK);
    nns_config_unref(client);
    nns_config_unref(server);
    return s;
}

static bool step(nns_engine *e)
{
    if ((nns_engine_state(e) & NNS_STATE_WANT_STEP) == 0)
        return false;
    (void)!nns_engine_step(e);
    return true;
}

static bool move(nns_engine *from, nns_engine *to)
{
    uint8_t bytes[4096];
    nns_ssize n = nns_engine_send(from, bytes, sizeof(bytes));

    if (n > 0)
        (void)!nns_engine_recv(to, bytes, (size_t)n);
    return n > 0;
}

static void pump(struct session *s)
{
    bool more = true;

    while (more) {
        more = step(s->client);
        more |= move(s->client, s->server);
        more |= step(s->server);
        more |= move(s->server, s->client);
    }
}

static void expect_open(struct session *s)
{
    pump(s);
    assert_string_equal(nns_error_message(nns_engine_error(s->client)), "");
    assert_string_equal(nns_error_message(nns_engine_error(s->server)), "");
    assert_true((nns_engine_state(s->client) & NNS_STATE_OPEN) != 0);
    assert_true((nns_engine_state(s->server) & NNS_STATE_OPEN) != 0);
}

/* The server refuses for reasons of policy, and the client hears 1790. */
static void expect_unmet(struct session *s, const char *words)
{
    const nns_error *err;

    pump(s);
    err = nns_engine_error(s->server);
    if (nns_error_code(err) != NNS_ERR_POLICY || strstr(nns_error_message(err), words) == NULL)
        fail_msg("'%s' instead of '%s'", nns_error_message(err), words);
    assert_int_equal(nns_error_code(nns_engine_error(s->client)), NNS_ERR_PEER);
    assert_int_equal(nns_error_peer_status(nns_engine_error(s->client)), 1790);
}

static void end(struct session *s)
{
    nns_engine_free(s->client);
    nns_engine_free(s->server);
}

static nns_config *client_cfg(void)
{
    return client_config(NNS_PROTECT_SEAL);
}

static nns_config *server_cfg(void)
{
    return server_config(NNS_PROTECT_SEAL);
}

/* ---- the ticket's end ---- */

/* What a server's stream ends with: no earlier than the ticket, later by the clock skew at most. */
static void both_sides_know_when_the_ticket_ends(void **state)
{
    struct session s = make(client_cfg(), server_cfg(), TARGET);
    int64_t client_end, server_end;

    (void)state;
    assert_int_equal(nns_engine_ticket_end(s.server), 0);
    expect_open(&s);
    client_end = nns_engine_ticket_end(s.client);
    server_end = nns_engine_ticket_end(s.server);
    assert_true(client_end > (int64_t)time(NULL));
    assert_true(server_end >= client_end - 2 && server_end <= client_end + 302);
    end(&s);
}

/* ---- impersonation and delegation ---- */

static void both_sides_see_the_impersonation_level(void **state)
{
    (void)state;
    for (nns_impersonation level = NNS_IDENTIFY; level <= NNS_DELEGATE; level++) {
        nns_config *cfg = client_cfg();
        struct session s;

        assert_int_equal(nns_config_set_impersonation(cfg, level), NNS_OK);
        s = make(cfg, server_cfg(), TARGET);
        assert_int_equal(nns_engine_impersonation(s.client), 0);
        expect_open(&s);
        assert_int_equal(nns_engine_impersonation(s.client), level);
        assert_int_equal(nns_engine_impersonation(s.server), level);
        end(&s);
    }
}

/* alice lets the server act for her; it takes what she gives if take is set. */
static struct session delegated(bool take)
{
    nns_config *client = client_cfg(), *server = server_cfg();
    struct session s;

    assert_int_equal(nns_config_set_impersonation(client, NNS_DELEGATE), NNS_OK);
    assert_int_equal(nns_config_accept_delegation(server, take), NNS_OK);
    s = make(client, server, TARGET);
    expect_open(&s);
    return s;
}

/* Whose credential it is. */
static void expect_name(gss_cred_id_t cred, const char *name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_name_t owner = GSS_C_NO_NAME;
    OM_uint32 minor;

    assert_int_equal(gss_inquire_cred(&minor, cred, &owner, NULL, NULL, NULL), GSS_S_COMPLETE);
    assert_int_equal(gss_display_name(&minor, owner, &text, NULL), GSS_S_COMPLETE);
    assert_int_equal(text.length, strlen(name));
    assert_memory_equal(text.value, name, text.length);
    (void)gss_release_buffer(&minor, &text);
    (void)gss_release_name(&minor, &owner);
}

static void delegated_credentials_are_handed_over_once(void **state)
{
    struct session s = delegated(true);
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    (void)state;
    assert_int_equal(nns_engine_take_delegated_cred(s.server, &cred), NNS_OK);
    assert_ptr_not_equal(cred, GSS_C_NO_CREDENTIAL);
    expect_name(cred, "alice@" REALM);
    (void)gss_release_cred(&minor, &cred);
    assert_int_equal(nns_engine_take_delegated_cred(s.server, &cred), NNS_OK);
    assert_ptr_equal(cred, GSS_C_NO_CREDENTIAL);
    assert_int_equal(nns_engine_take_delegated_cred(s.client, &cred), NNS_OK);
    assert_ptr_equal(cred, GSS_C_NO_CREDENTIAL);
    assert_int_equal(nns_engine_take_delegated_cred(s.server, NULL), NNS_ERR_ARGUMENT);
    end(&s);
}

static void delegated_credentials_that_nobody_takes_are_freed(void **state)
{
    struct session s = delegated(true); /* LeakSanitizer is the judge */

    (void)state;
    end(&s);
}

static void delegated_credentials_are_not_taken_unasked(void **state)
{
    struct session s = delegated(false);
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;

    (void)state;
    assert_int_equal(nns_engine_impersonation(s.server), NNS_DELEGATE);
    assert_int_equal(nns_engine_take_delegated_cred(s.server, &cred), NNS_OK);
    assert_ptr_equal(cred, GSS_C_NO_CREDENTIAL);
    assert_int_equal(nns_engine_store_delegated(s.server, "MEMORY:nobody"), NNS_ERR_CREDENTIALS);
    end(&s);
}

/* The stored ticket makes alice the client of another connection. */
static void stored_credentials_work_elsewhere(void **state)
{
    struct session s = delegated(true), next;
    nns_config *cfg = client_cfg();

    (void)state;
    assert_int_equal(nns_engine_store_delegated(s.server, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_store_delegated(s.server, "FILE:/nonexistent/x"), NNS_ERR_IO);
    assert_int_equal(nns_engine_store_delegated(s.server, "MEMORY:delegated"), NNS_OK);
    assert_int_equal(nns_engine_error(s.server) == NULL, 1);
    end(&s);
    assert_int_equal(nns_config_set_ccache(cfg, "MEMORY:delegated"), NNS_OK);
    next = make(cfg, server_cfg(), TARGET);
    expect_open(&next);
    assert_string_equal(nns_engine_peer_name(next.server), "alice@" REALM);
    end(&next);
}

/* ---- objects of GSSAPI ---- */

static void nothing_is_given_before_it_is_there(void **state)
{
    struct session s = make(client_cfg(), server_cfg(), TARGET);
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;

    (void)state;
    assert_int_equal(nns_engine_take_delegated_cred(s.server, &cred), NNS_ERR_STATE);
    assert_int_equal(nns_engine_store_delegated(s.server, "MEMORY:x"), NNS_ERR_STATE);
    assert_int_equal(nns_engine_gss_context(s.server, &ctx), NNS_ERR_STATE);
    assert_int_equal(nns_engine_gss_context(s.server, NULL), NNS_ERR_ARGUMENT);
    end(&s);
}

static void the_context_can_be_inquired(void **state)
{
    nns_config *client = client_cfg(), *server = server_cfg();
    struct session s;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor, flags = 0;

    (void)state;
    assert_int_equal(nns_config_set_record_engine(client, "gss"), NNS_OK);
    assert_int_equal(nns_config_set_record_engine(server, "gss"), NNS_OK);
    s = make(client, server, TARGET);
    expect_open(&s);
    assert_int_equal(nns_engine_gss_context(s.server, &ctx), NNS_OK);
    assert_int_equal(gss_inquire_context(&minor, ctx, NULL, NULL, NULL, NULL, &flags, NULL, NULL),
                     GSS_S_COMPLETE);
    assert_true((flags & GSS_C_MUTUAL_FLAG) != 0);
    end(&s);
}

static void level_none_keeps_no_context(void **state)
{
    struct session s =
        make(client_config(NNS_PROTECT_NONE), server_config(NNS_PROTECT_NONE), TARGET);
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;

    (void)state;
    expect_open(&s);
    assert_int_equal(nns_engine_gss_context(s.server, &ctx), NNS_ERR_UNSUPPORTED);
    end(&s);
}

/* bob's credential, acquired by the application, although the configuration names alice's. */
static gss_cred_id_t bobs_credential(const gss_OID_set_desc *mechanisms)
{
    union {
        const gss_OID_set_desc *in;
        gss_OID_set out;
    } set = {.in = mechanisms};
    char *path = realm_file("bob.ccache");
    gss_key_value_element_desc element = {"ccache", path};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, set.out,
                                           GSS_C_INITIATE, &store, &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    free(path);
    return cred;
}

static void an_own_credential_is_used_and_stays_the_callers(void **state)
{
    gss_cred_id_t cred = bobs_credential(GSS_C_NO_OID_SET);
    OM_uint32 minor;

    (void)state;
    for (int round = 0; round < 2; round++) {
        nns_config *cfg = client_cfg();
        struct session s;

        assert_int_equal(nns_config_set_gss_cred(cfg, cred), NNS_OK);
        s = make(cfg, server_cfg(), TARGET);
        expect_open(&s);
        assert_string_equal(nns_engine_peer_name(s.server), "bob@" REALM);
        end(&s);
    }
    assert_int_equal(gss_release_cred(&minor, &cred), GSS_S_COMPLETE);
}

/* Under SPNEGO the library would use alice's or anybody's instead of it. */
static void a_credential_for_one_mechanism_is_refused(void **state)
{
    gss_OID_set_desc kerberos = {1, gss_mech_krb5};
    gss_cred_id_t cred = bobs_credential(&kerberos);
    nns_config *cfg = client_cfg();
    OM_uint32 minor;

    (void)state;
    assert_int_equal(nns_config_set_gss_cred(cfg, cred), NNS_ERR_ARGUMENT);
    assert_string_equal(nns_config_message(cfg),
                        "credential: it is not for both SPNEGO and Kerberos");
    assert_null(cfg->gss_cred);
    (void)gss_release_cred(&minor, &cred);
    nns_config_unref(cfg);
}

/* ---- channel bindings ---- */

static struct session bound(const char *client, const char *server, bool required)
{
    nns_config *cfg = server_cfg();
    struct session s;

    assert_int_equal(nns_config_require_channel_binding(cfg, required), NNS_OK);
    s = make(client_cfg(), cfg, TARGET);
    assert_int_equal(nns_engine_set_channel_binding(s.client, client, strlen(client)), NNS_OK);
    assert_int_equal(nns_engine_set_channel_binding(s.server, server, strlen(server)), NNS_OK);
    return s;
}

static void channel_bindings_must_match(void **state)
{
    static const struct {
        const char *client, *server;
        bool required;
        const char *refusal; /* NULL: the connection opens */
    } rows[] = {
        {"", "", false, NULL},
        {"one", "one", false, NULL},
        {"one", "one", true, NULL},
        {"one", "", false, NULL}, /* the server compares nothing */
        {"", "one", false, NULL}, /* and this one does not insist */
        {"one", "two", false, "channel bindings"},
        {"one", "two", true, "channel bindings"},
        {"", "one", true, "not bound to the channel"},
        {"one", "", true, "not bound to the channel"},
        {"", "", true, "not bound to the channel"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct session s = bound(rows[i].client, rows[i].server, rows[i].required);

        if (rows[i].refusal == NULL)
            expect_open(&s);
        else
            expect_unmet(&s, rows[i].refusal);
        end(&s);
    }
}

static void channel_bindings_are_set_before_the_first_step(void **state)
{
    struct session s = bound("one", "one", true);
    char *huge = calloc(1, 65537);

    (void)state;
    assert_non_null(huge);
    assert_int_equal(nns_engine_set_channel_binding(s.client, huge, 65537), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_channel_binding(s.client, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_channel_binding(NULL, huge, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_set_channel_binding(s.client, huge, 65536), NNS_OK);
    assert_int_equal(nns_engine_set_channel_binding(s.client, "one", 3), NNS_OK);
    expect_open(&s);
    assert_int_equal(nns_engine_set_channel_binding(s.client, "two", 3), NNS_ERR_STATE);
    assert_int_equal(nns_engine_set_channel_binding(s.server, "two", 3), NNS_ERR_STATE);
    free(huge);
    end(&s);
}

/* ---- a client's own keytab ---- */

static nns_config *robot_cfg(const char *ccache)
{
    nns_config *cfg = client_cfg();
    char *keytab = realm_file("robot.keytab");

    assert_int_equal(nns_config_set_ccache(cfg, ccache), NNS_OK);
    assert_int_equal(nns_config_set_client_keytab(cfg, keytab), NNS_OK);
    free(keytab);
    return cfg;
}

/* A connection of robot's, which must open. */
static void robot_connects(const char *ccache)
{
    struct session s = make(robot_cfg(ccache), server_cfg(), TARGET);

    expect_open(&s);
    assert_string_equal(nns_engine_peer_name(s.server), "robot@" REALM);
    assert_string_equal(nns_engine_target(s.client), TARGET "@" REALM);
    end(&s);
}

struct cache {
    krb5_context context;
    krb5_ccache cache;
    krb5_principal robot, tgs;
};

static void cache_open(struct cache *c, const char *name)
{
    assert_int_equal(krb5_init_context(&c->context), 0);
    assert_int_equal(krb5_cc_resolve(c->context, name, &c->cache), 0);
    assert_int_equal(krb5_parse_name(c->context, "robot@" REALM, &c->robot), 0);
    assert_int_equal(krb5_parse_name(c->context, "krbtgt/" REALM "@" REALM, &c->tgs), 0);
}

static void cache_close(struct cache *c, bool destroy)
{
    krb5_free_principal(c->context, c->robot);
    krb5_free_principal(c->context, c->tgs);
    assert_int_equal((destroy ? krb5_cc_destroy : krb5_cc_close)(c->context, c->cache), 0);
    krb5_free_context(c->context);
}

/* The ticket-granting ticket of the cache: for krb5_free_cred_contents(). */
static krb5_creds cache_ticket(struct cache *c)
{
    krb5_creds wanted = {.client = c->robot, .server = c->tgs}, found = {0};

    assert_int_equal(krb5_cc_retrieve_cred(c->context, c->cache, 0, &wanted, &found), 0);
    return found;
}

/* The cache as it is some time after the ticket ended, with nothing else in it. */
static void let_ticket_end(const char *name)
{
    struct cache c;
    krb5_creds ticket;

    cache_open(&c, name);
    ticket = cache_ticket(&c);
    ticket.times.starttime = ticket.times.authtime = (krb5_timestamp)1000000000;
    ticket.times.endtime = (krb5_timestamp)1000003600;
    assert_int_equal(krb5_cc_initialize(c.context, c.cache, c.robot), 0);
    assert_int_equal(krb5_cc_store_cred(c.context, c.cache, &ticket), 0);
    krb5_free_cred_contents(c.context, &ticket);
    cache_close(&c, false);
}

static krb5_timestamp ticket_end(const char *name)
{
    struct cache c;
    krb5_creds ticket;
    krb5_timestamp end_time;

    cache_open(&c, name);
    ticket = cache_ticket(&c);
    end_time = ticket.times.endtime;
    krb5_free_cred_contents(c.context, &ticket);
    cache_close(&c, false);
    return end_time;
}

static void destroy_cache(const char *name)
{
    struct cache c;

    cache_open(&c, name);
    cache_close(&c, true);
}

static void a_client_keytab_fills_a_named_cache(void **state)
{
    static const char name[] = "MEMORY:robot-empty";
    krb5_timestamp first;

    (void)state;
    robot_connects(name);
    first = ticket_end(name);
    robot_connects(name);
    assert_int_equal(ticket_end(name), first); /* the second connection used the same */
    destroy_cache(name);
}

static void a_ticket_that_has_ended_is_renewed(void **state)
{
    static const char name[] = "MEMORY:robot-ended";
    nns_config *without = client_cfg();
    struct session s;

    (void)state;
    robot_connects(name);
    let_ticket_end(name);
    assert_int_equal(nns_config_set_ccache(without, name), NNS_OK);
    s = make(without, server_cfg(), TARGET);
    pump(&s);
    assert_int_equal(nns_error_code(nns_engine_error(s.client)), NNS_ERR_CREDENTIALS);
    end(&s);
    robot_connects(name);
    assert_true(ticket_end(name) > (krb5_timestamp)1000003600);
    destroy_cache(name);
}

/* The library notes in the cache when the ticket is to be renewed: halfway. */
static void a_ticket_is_renewed_before_it_ends(void **state)
{
    static const char name[] = "MEMORY:robot-due";
    krb5_data due = {.data = (char[]){"1000000000"}, .length = 10};
    krb5_data noted = {0};
    struct cache c;

    (void)state;
    robot_connects(name);
    cache_open(&c, name);
    assert_int_equal(krb5_cc_get_config(c.context, c.cache, NULL, "refresh_time", &noted), 0);
    krb5_free_data_contents(c.context, &noted);
    assert_int_equal(krb5_cc_set_config(c.context, c.cache, NULL, "refresh_time", &due), 0);
    cache_close(&c, false);
    robot_connects(name);
    cache_open(&c, name);
    assert_int_equal(krb5_cc_get_config(c.context, c.cache, NULL, "refresh_time", &noted), 0);
    assert_memory_not_equal(noted.data, due.data, 10);
    krb5_free_data_contents(c.context, &noted);
    cache_close(&c, true);
}

static void a_client_keytab_needs_no_cache(void **state)
{
    (void)state;
    robot_connects(NULL);
    robot_connects(NULL);
}

static void a_client_keytab_that_is_missing_is_named(void **state)
{
    nns_config *cfg = client_cfg();
    struct session s;

    (void)state;
    assert_int_equal(nns_config_set_ccache(cfg, NULL), NNS_OK);
    assert_int_equal(nns_config_set_client_keytab(cfg, "FILE:/nonexistent/k"), NNS_OK);
    s = make(cfg, server_cfg(), TARGET);
    pump(&s);
    assert_int_equal(nns_error_code(nns_engine_error(s.client)), NNS_ERR_CREDENTIALS);
    assert_non_null(strstr(nns_error_message(nns_engine_error(s.client)), "/nonexistent/k"));
    end(&s);
}

/* ---- memory ---- */

/* One full record. */
static void send_record(struct session *s, nns_engine *from, nns_engine *to)
{
    uint8_t *bytes = test_calloc(64512, 1);
    nns_ssize got = 0, n;

    assert_int_equal(nns_engine_write(from, bytes, 64512), 64512);
    pump(s);
    while ((n = nns_engine_read(to, bytes, 64512)) > 0)
        got += n;
    assert_int_equal(got, 64512);
    test_free(bytes);
}

/* Our own, beside the configuration and what its connections share, which the first ones make. What
 * GSSAPI keeps for its context is not in it. */
static void an_idle_connection_is_small(void **state)
{
    const long most = 2048;
    struct test_alloc counts[2] = {{0}, {0}};
    nns_allocator allocators[2] = {test_allocator(&counts[0]), test_allocator(&counts[1])};
    nns_config *client, *server;
    struct session s;
    long held[2];

    (void)state;
    realm_use_allocator(&allocators[0]);
    client = client_cfg();
    realm_use_allocator(&allocators[1]);
    server = server_cfg();
    realm_use_allocator(NULL);
    for (int i = 0; i < 2; i++) { /* the configurations keep credentials from now on */
        s = make(nns_config_ref(client), nns_config_ref(server), TARGET);
        expect_open(&s);
        end(&s);
    }
    for (int i = 0; i < 2; i++)
        held[i] = counts[i].bytes;
    s = make(client, server, TARGET);
    expect_open(&s);
    for (int records = 0; records < 2; records++) {
        nns_engine_trim(s.client);
        nns_engine_trim(s.server);
        for (int i = 0; i < 2; i++)
            if (counts[i].bytes - held[i] > most || counts[i].bytes <= held[i])
                fail_msg("side %d holds %ld bytes", i, counts[i].bytes - held[i]);
        send_record(&s, s.client, s.server);
        send_record(&s, s.server, s.client);
        assert_true(counts[0].bytes - held[0] > most);
    }
    end(&s);
    assert_int_equal(counts[0].blocks + counts[1].blocks, 0);
}

/* ---- targets ---- */

static void a_service_may_run_under_a_user_principal(void **state)
{
    static const char *const targets[] = {"service@" REALM, REALM "\\service"};

    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct session s = make(client_cfg(), server_cfg(), targets[i]);

        expect_open(&s);
        assert_string_equal(nns_engine_target(s.client), "service@" REALM);
        assert_string_equal(nns_engine_target(s.server), "service@" REALM);
        assert_int_equal(nns_engine_is_mutual(s.client), 1);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_know_when_the_ticket_ends),
        cmocka_unit_test(both_sides_see_the_impersonation_level),
        cmocka_unit_test(delegated_credentials_are_handed_over_once),
        cmocka_unit_test(delegated_credentials_that_nobody_takes_are_freed),
        cmocka_unit_test(delegated_credentials_are_not_taken_unasked),
        cmocka_unit_test(stored_credentials_work_elsewhere),
        cmocka_unit_test(nothing_is_given_before_it_is_there),
        cmocka_unit_test(the_context_can_be_inquired),
        cmocka_unit_test(level_none_keeps_no_context),
        cmocka_unit_test(an_own_credential_is_used_and_stays_the_callers),
        cmocka_unit_test(a_credential_for_one_mechanism_is_refused),
        cmocka_unit_test(channel_bindings_must_match),
        cmocka_unit_test(channel_bindings_are_set_before_the_first_step),
        cmocka_unit_test(a_client_keytab_fills_a_named_cache),
        cmocka_unit_test(a_ticket_that_has_ended_is_renewed),
        cmocka_unit_test(a_ticket_is_renewed_before_it_ends),
        cmocka_unit_test(a_client_keytab_needs_no_cache),
        cmocka_unit_test(a_client_keytab_that_is_missing_is_named),
        cmocka_unit_test(an_idle_connection_is_small),
        cmocka_unit_test(a_service_may_run_under_a_user_principal),
    };
    int skip = realm_prepare();

    return skip != 0 ? skip : cmocka_run_group_tests(tests, NULL, NULL);
}
