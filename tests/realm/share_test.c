/* SPDX-License-Identifier: MIT
 *
 * Credentials that a configuration keeps between connections: they are used as long as their file
 * is as it was, and never longer; by one connection at a time; on the caller's own thread where
 * nothing can be waited for; and what did not work is not kept.
 */
#include "auth/gss_share.h"
#include "engine/engine_stream.h"
#include "realm/realm_support.h"
#include "support/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BESIDE "host/127.0.0.1" /* another target of the realm's keytab */

/* ---- files of a test's own ---- */

static char *cache, *keytab; /* "FILE:/path" */

static const char *path_of(const char *name)
{
    return name + strlen("FILE:");
}

static void copy(const char *from, const char *to)
{
    char *source = realm_file(from), temporary[1100], block[65536];
    FILE *in = fopen(path_of(source), "rb"), *out;
    size_t n;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", path_of(to));
    out = fopen(temporary, "wb");
    assert_non_null(in);
    assert_non_null(out);
    n = fread(block, 1, sizeof(block), in);
    assert_true(n > 0 && n < sizeof(block));
    assert_int_equal(fwrite(block, 1, n, out), n);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(rename(temporary, path_of(to)), 0);
    free(source);
}

/* Until a further change of the file would show in its time. */
static void settle(const nns_config *cfg, nns_role role)
{
    struct nns__gss_source source;

    while (!nns__gss_source_find(&source, cfg, role))
        sched_yield();
}

static nns_config *client_of(const char *name)
{
    nns_config *cfg = client_config(NNS_PROTECT_SEAL);

    assert_int_equal(nns_config_set_ccache(cfg, name), NNS_OK);
    return cfg;
}

static nns_config *server_of(const char *name)
{
    nns_config *cfg = server_config(NNS_PROTECT_SEAL);

    assert_int_equal(nns_config_set_keytab(cfg, name), NNS_OK);
    return cfg;
}

struct both {
    nns_config *client, *server;
};

static int set_up(void **state)
{
    static struct both both;

    copy("alice.ccache", cache);
    copy("keytab", keytab);
    both = (struct both){client_of(cache), server_of(keytab)};
    *state = &both;
    return 0;
}

static int tear_down(void **state)
{
    struct both *both = *state;

    nns_config_unref(both->client);
    nns_config_unref(both->server);
    (void)unlink(path_of(cache));
    (void)unlink(path_of(keytab));
    return 0;
}

/* ---- handshakes ---- */

struct outcome {
    int rc;
    bool at_once; /* the client's first call was made so */
    char peer[64], target[64], words[400];
    char served[64]; /* the target as the server knows it */
};

static void tell(struct outcome *o, const nns_engine *client, const nns_engine *server)
{
    const nns_error *err = nns_engine_error(server);

    if (nns_error_code(err) == NNS_OK || nns_engine_legs(client) == 0)
        err = nns_engine_error(client);
    o->rc = nns_error_code(err);
    (void)snprintf(o->words, sizeof(o->words), "%s", nns_error_message(err));
    if (o->rc == NNS_OK) {
        (void)snprintf(o->peer, sizeof(o->peer), "%s", nns_engine_peer_name(server));
        (void)snprintf(o->target, sizeof(o->target), "%s", nns_engine_target(client));
        (void)snprintf(o->served, sizeof(o->served), "%s", nns_engine_target(server));
    }
}

static bool step(nns_engine *e, bool *at_once)
{
    nns_job *job;

    if ((nns_engine_state(e) & NNS_STATE_WANT_STEP) == 0 || nns_engine_take_job(e, &job) != NNS_OK)
        return false;
    *at_once = nns__job_run_at_once(job);
    if (!*at_once)
        nns_job_run(job);
    (void)!nns_engine_finish_job(e, job);
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

static struct outcome connect_to(const struct both *both, const char *target)
{
    struct outcome o = {0};
    nns_engine *client, *server;
    bool more = true, ignored;

    assert_int_equal(nns_engine_new(&client, both->client, NNS_CLIENT), NNS_OK);
    assert_int_equal(nns_engine_new(&server, both->server, NNS_SERVER), NNS_OK);
    assert_int_equal(nns_engine_set_target(client, target), NNS_OK);
    (void)step(client, &o.at_once);
    while (more) {
        more = move(client, server);
        more |= step(server, &ignored);
        more |= move(server, client);
        more |= step(client, &ignored);
    }
    tell(&o, client, server);
    nns_engine_free(client);
    nns_engine_free(server);
    return o;
}

static void expect_peer(const struct both *both, const char *peer, bool at_once)
{
    struct outcome o = connect_to(both, TARGET);

    assert_string_equal(o.words, "");
    assert_string_equal(o.peer, peer);
    assert_string_equal(o.target, TARGET "@" REALM);
    assert_string_equal(o.served, TARGET "@" REALM);
    assert_int_equal(o.at_once, at_once);
}

/* Until both sides keep what they have: after two handshakes with files that have settled. */
static void warm(const struct both *both)
{
    for (int i = 0; i < 3; i++) {
        settle(both->client, NNS_CLIENT);
        settle(both->server, NNS_SERVER);
        assert_int_equal(connect_to(both, TARGET).rc, NNS_OK);
    }
    expect_peer(both, "alice@" REALM, true);
}

static struct nns__gss_cred *kept(const nns_config *cfg)
{
    for (size_t i = 0; i < NNS__KEEP_MOST; i++) {
        struct nns__kept *found = atomic_load(&cfg->keep->slots[i]);

        if (found != NULL)
            return (struct nns__gss_cred *)found;
    }
    return NULL;
}

static struct nns__gss_cred *must_keep(const nns_config *cfg)
{
    struct nns__gss_cred *cred = kept(cfg);

    if (cred == NULL)
        abort();
    return cred;
}

/* ---- a client's ---- */

static void test_first_connection_keeps_no_ticket(void **state)
{
    const struct both *both = *state;
    struct both other = {client_of(cache), both->server};

    assert_int_equal(connect_to(&other, TARGET).rc, NNS_OK); /* the file has the ticket now */
    nns_config_unref(other.client);
    settle(both->client, NNS_CLIENT);
    expect_peer(both, "alice@" REALM, false);
    assert_null(kept(both->client));
    expect_peer(both, "alice@" REALM, false);
    assert_non_null(kept(both->client));
}

static void test_ticket_is_kept(void **state)
{
    const struct both *both = *state;
    struct nns__gss_cred *first;

    warm(both);
    first = kept(both->client);
    for (int i = 0; i < 3; i++)
        expect_peer(both, "alice@" REALM, true);
    assert_ptr_equal(kept(both->client), first);
}

/* Nothing but one ticket: what is kept cannot ask a KDC. */
static void test_kept_cache_has_one_ticket(void **state)
{
    const struct both *both = *state;
    struct nns__gss_cred *cred;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    char *name = NULL;
    int count = 0;

    warm(both);
    cred = must_keep(both->client);
    assert_int_equal(krb5_cc_start_seq_get(cred->krb5, cred->cache, &cursor), 0);
    while (krb5_cc_next_cred(cred->krb5, cred->cache, &cursor, &creds) == 0) {
        if (!krb5_is_config_principal(cred->krb5, creds.server)) {
            assert_int_equal(krb5_unparse_name(cred->krb5, creds.server, &name), 0);
            assert_int_equal(strncmp(name, TARGET "@", strlen(TARGET "@")), 0);
            krb5_free_unparsed_name(cred->krb5, name);
            count++;
        }
        krb5_free_cred_contents(cred->krb5, &creds);
    }
    (void)krb5_cc_end_seq_get(cred->krb5, cred->cache, &cursor);
    assert_int_equal(count, 1);
}

static void test_another_user_logs_in(void **state)
{
    const struct both *both = *state;

    warm(both);
    copy("bob.ccache", cache);
    expect_peer(both, "bob@" REALM, false);
    copy("alice.ccache", cache);
    expect_peer(both, "alice@" REALM, false);
}

static void test_cache_is_destroyed(void **state)
{
    const struct both *both = *state;
    struct outcome o;

    warm(both);
    assert_int_equal(unlink(path_of(cache)), 0);
    o = connect_to(both, TARGET);
    assert_int_equal(o.rc, NNS_ERR_CREDENTIALS);
    assert_non_null(strstr(o.words, "credential cache"));
}

static void test_ticket_ends(void **state)
{
    const struct both *both = *state;
    struct nns__gss_cred *cred;

    warm(both);
    cred = must_keep(both->client);
    assert_true(cred->end > time(NULL) + 3600 && cred->end < time(NULL) + 2 * 86400);
    cred->end = time(NULL);
    expect_peer(both, "alice@" REALM, false);
}

static void test_targets_do_not_share(void **state)
{
    const struct both *both = *state;
    struct outcome o;

    warm(both);
    o = connect_to(both, BESIDE);
    assert_int_equal(o.rc, NNS_OK);
    assert_false(o.at_once);
    assert_string_equal(o.target, BESIDE "@" REALM);
    assert_string_equal(o.served, BESIDE "@" REALM);
}

static void test_delegation_and_passwords_keep_nothing(void **state)
{
    static char password[] = "alice.password";
    struct both *both = *state;
    nns_config *plain = both->client;

    for (int i = 0; i < 2; i++) {
        both->client = client_of(cache);
        if (i == 0)
            assert_int_equal(nns_config_set_impersonation(both->client, NNS_DELEGATE), NNS_OK);
        else
            assert_int_equal(nns_config_set_user(both->client, "alice", password_of_file, password),
                             NNS_OK);
        for (int n = 0; n < 4; n++) {
            settle(plain, NNS_CLIENT);
            expect_peer(both, "alice@" REALM, false);
        }
        assert_null(kept(both->client));
        nns_config_unref(both->client);
    }
    both->client = plain;
}

/* A kept ticket that does not do is no reason to do without Kerberos, where that is allowed. */
static void test_kept_ticket_fails(void **state)
{
    struct both *both = *state;
    struct both other = {client_of(cache), both->server};
    struct nns__gss_cred *cred;
    struct nns__failure f;
    OM_uint32 minor;

    ntlm_accounts(true);
    assert_int_equal(nns_config_insecure_allow_ntlm(other.client), NNS_OK);
    warm(&other);
    cred = must_keep(other.client);
    (void)gss_release_name(&minor, &cred->name);
    assert_int_equal(nns__gss_import_principal(&cred->name, BESIDE "@" REALM, NNS_CLIENT, &f),
                     NNS_OK);
    expect_peer(&other, "alice@" REALM, false);
    ntlm_accounts(false);
    nns_config_unref(other.client);
}

/* Who can no longer read the file does not get what was read of it. */
static void test_rights_are_dropped(void **state)
{
    const struct both *both = *state;
    const struct nns__auth_request request = {both->client, NNS_CLIENT, TARGET, {0}};
    const char *folder = getenv("NNS_REALM_DIR");
    struct nns__gss_source source;
    struct nns__gss_cred *cred;
    bool found;

    if (geteuid() != 0)
        skip();
    warm(both);
    assert_int_equal(chmod(folder, 0711), 0);
    assert_int_equal(seteuid(65534), 0);
    found = nns__gss_source_find(&source, both->client, NNS_CLIENT);
    cred = nns__gss_kept(&request);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(found);
    assert_null(cred);
    expect_peer(both, "alice@" REALM, false);
}

/* A program may name a cache for its thread, and another one later: only GSSAPI knows of it. */
static void test_thread_has_its_own_cache(void **state)
{
    const struct both *both = *state;
    struct both other = {NULL, both->server};
    char *bob = realm_file("bob.ccache");
    OM_uint32 minor;

    assert_int_equal(nns_config_new(&other.client, NULL), NNS_OK);
    assert_int_equal(setenv("KRB5CCNAME", cache, 1), 0);
    warm(&other);
    assert_int_equal(gss_krb5_ccache_name(&minor, bob, NULL), GSS_S_COMPLETE);
    for (int i = 0; i < 4; i++)
        expect_peer(&other, "bob@" REALM, false);
    assert_int_equal(gss_krb5_ccache_name(&minor, NULL, NULL), GSS_S_COMPLETE);
    expect_peer(&other, "alice@" REALM, true);
    assert_int_equal(unsetenv("KRB5CCNAME"), 0);
    nns_config_unref(other.client);
    free(bob);
}

/* Somebody holds the cache; a kept ticket does not care. */
static void test_kept_ticket_waits_for_nobody(void **state)
{
    const struct both *both = *state;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd, status = -1;
    pid_t pid;

    warm(both);
    fd = open(path_of(cache), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    pid = fork();
    if (pid == 0) {
        if (fcntl(fd, F_SETLK, &lock) == 0)
            (void)pause();
        _exit(1);
    }
    do {
        lock.l_type = F_WRLCK;
        assert_int_equal(fcntl(fd, F_GETLK, &lock), 0);
    } while (lock.l_type == F_UNLCK && sched_yield() == 0);
    expect_peer(both, "alice@" REALM, true);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(fd);
}

/* ---- a server's ---- */

static void test_acceptor_is_kept(void **state)
{
    const struct both *both = *state;
    struct nns__gss_cred *first;

    warm(both);
    first = kept(both->server);
    assert_non_null(first);
    expect_peer(both, "alice@" REALM, true);
    assert_ptr_equal(kept(both->server), first);
}

static void test_keytab_is_replaced(void **state)
{
    const struct both *both = *state;
    struct outcome o;

    warm(both);
    copy("stranger.keytab", keytab);
    for (int i = 0; i < 2; i++) {
        o = connect_to(both, TARGET);
        assert_int_equal(o.rc, NNS_ERR_AUTH);
        assert_non_null(strstr(o.words, "accept the client"));
        settle(both->server, NNS_SERVER);
    }
    assert_null(kept(both->server)); /* neither the old one nor what has failed */
    copy("keytab", keytab);
    settle(both->server, NNS_SERVER);
    assert_int_equal(connect_to(both, TARGET).rc, NNS_OK);
    assert_non_null(kept(both->server));
}

static void test_keytab_is_removed(void **state)
{
    const struct both *both = *state;
    struct outcome o;

    warm(both);
    assert_int_equal(unlink(path_of(keytab)), 0);
    for (int i = 0; i < 2; i++) {
        o = connect_to(both, TARGET);
        assert_int_equal(o.rc, NNS_ERR_CREDENTIALS);
        assert_non_null(strstr(o.words, "keytab"));
    }
    copy("keytab", keytab);
    assert_int_equal(connect_to(both, TARGET).rc, NNS_OK);
}

/* What a new credential is refused for is not done with a kept one. */
static void test_replay_cache_is_turned_off(void **state)
{
    const struct both *both = *state;
    struct outcome o;

    warm(both);
    assert_int_equal(setenv("KRB5RCACHENAME", "none:", 1), 0);
    o = connect_to(both, TARGET);
    assert_int_equal(unsetenv("KRB5RCACHENAME"), 0);
    assert_int_equal(o.rc, NNS_ERR_POLICY);
    assert_non_null(strstr(o.words, "replay cache"));
    assert_int_equal(connect_to(both, TARGET).rc, NNS_OK);
}

static void keep_names(const char *path, const char *name)
{
    char temporary[1100];
    krb5_context context;
    krb5_keytab from, to;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char *text;

    (void)snprintf(temporary, sizeof(temporary), "FILE:%s.new", path_of(path));
    assert_int_equal(krb5_init_context(&context), 0);
    assert_int_equal(krb5_kt_resolve(context, path, &from), 0);
    assert_int_equal(krb5_kt_resolve(context, temporary, &to), 0);
    assert_int_equal(krb5_kt_start_seq_get(context, from, &cursor), 0);
    while (krb5_kt_next_entry(context, from, &entry, &cursor) == 0) {
        assert_int_equal(krb5_unparse_name(context, entry.principal, &text), 0);
        if (strcmp(text, name) == 0)
            assert_int_equal(krb5_kt_add_entry(context, to, &entry), 0);
        krb5_free_unparsed_name(context, text);
        (void)krb5_free_keytab_entry_contents(context, &entry);
    }
    assert_int_equal(krb5_kt_end_seq_get(context, from, &cursor), 0);
    (void)krb5_kt_close(context, from);
    (void)krb5_kt_close(context, to);
    krb5_free_context(context);
    assert_int_equal(rename(path_of(temporary), path_of(path)), 0);
}

/* A keytab with one name tells whom every client asked for; one with several does not. */
static void test_only_name_is_known(void **state)
{
    const struct both *both = *state;
    struct nns__gss_cred *cred;

    warm(both);
    assert_null(nns__gss_only_name(must_keep(both->server), both->server));
    keep_names(keytab, TARGET "@" REALM);
    warm(both);
    cred = must_keep(both->server);
    assert_string_equal(nns__gss_only_name(cred, both->server), TARGET "@" REALM);
    nns__strfree(&cred->mem, cred->known_as);
    cred->known_as = nns__strdup(&cred->mem, "marked");
    assert_string_equal(connect_to(both, TARGET).served, "marked"); /* it is used */
    copy("keytab", keytab);
    assert_null(nns__gss_only_name(cred, both->server)); /* replaced while a client logs in */
    settle(both->server, NNS_SERVER);
    assert_null(nns__gss_only_name(cred, both->server));
    expect_peer(both, "alice@" REALM, true);
    assert_string_equal(connect_to(both, BESIDE).served, BESIDE "@" REALM);
}

/* ---- threads and processes ---- */

static void *connect_often(void *arg)
{
    const struct both *both = arg;
    intptr_t failed = 0;

    for (int i = 0; i < 25; i++) {
        struct outcome o = connect_to(both, i % 5 == 0 ? BESIDE : TARGET);

        failed += o.rc != NNS_OK || strcmp(o.peer, "alice@" REALM) != 0;
    }
    return (void *)failed; /* NOLINT(performance-no-int-to-ptr) */
}

static void test_threads_share(void **state)
{
    struct both *both = *state;
    pthread_t threads[6];
    void *failed;

    if (under_valgrind()) /* whoever waits for the replay cache's lock then stops all threads */
        skip();
    warm(both);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, connect_often, both), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void test_child_shares(void **state)
{
    const struct both *both = *state;
    int status = -1;
    pid_t pid;

    warm(both);
    pid = fork();
    if (pid == 0) {
        struct outcome o = connect_to(both, TARGET);

        _exit(o.rc == NNS_OK && o.at_once ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_peer(both, "alice@" REALM, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_first_connection_keeps_no_ticket),
        TEST(test_ticket_is_kept),
        TEST(test_kept_cache_has_one_ticket),
        TEST(test_another_user_logs_in),
        TEST(test_cache_is_destroyed),
        TEST(test_ticket_ends),
        TEST(test_targets_do_not_share),
        TEST(test_delegation_and_passwords_keep_nothing),
        TEST(test_kept_ticket_fails),
        TEST(test_rights_are_dropped),
        TEST(test_thread_has_its_own_cache),
        TEST(test_kept_ticket_waits_for_nobody),
        TEST(test_acceptor_is_kept),
        TEST(test_keytab_is_replaced),
        TEST(test_keytab_is_removed),
        TEST(test_replay_cache_is_turned_off),
        TEST(test_only_name_is_known),
        TEST(test_threads_share),
        TEST(test_child_shares),
    };
    int skip = realm_prepare(), rc;

    if (skip != 0)
        return skip;
    cache = realm_file("share.ccache");
    keytab = realm_file("share.keytab");
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(cache);
    free(keytab);
    return rc;
}
