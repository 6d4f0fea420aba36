/* SPDX-License-Identifier: MIT
 *
 * The first record sent beside the first record received, on two threads, in many fresh contexts.
 * Without the lock of src/protect/gss.c the library's key cache aborts the process about once in
 * four thousand.
 *
 * NNS_FIRST_CALLS: how many contexts, instead of the default.
 */
#include "auth/gss_cred.h"
#include "config/policy.h"
#include "protect/gss.h"
#include "realm/realm_support.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONTEXTS 20000
#define FLAGS                                                                                      \
    (NNS__FLAG_INTEG | NNS__FLAG_CONF | NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE | NNS__FLAG_MUTUAL)

/* Credentials for all contexts. */
static gss_cred_id_t initiator, acceptor;
static gss_name_t target;

/* The two threads meet before each pair of calls; they spin, because a lock would part them. */
static atomic_long turn;
static atomic_long arrived;
static atomic_bool over;
static struct nns__protection client;
static struct message received;
static atomic_long mismatches;

static void meet(long number)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < 2 * number)
        ;
}

static void seal_first(void)
{
    struct message sent;
    struct side side = {.protection = client};

    seal_message(&sent, &side, "first", 5);
}

static void open_first(void)
{
    struct nns__failure f;
    struct nns__plain plain = {0};
    uint8_t *copy;

    if (open_message(client.opener, &received, &copy, &plain, &f) != 1 || plain.size != 6 ||
        memcmp(plain.data, "answer", 6) != 0)
        atomic_fetch_add(&mismatches, 1);
    free(copy);
}

static void *receiver(void *arg)
{
    (void)arg;
    for (long number = 1;; number++) {
        while (atomic_load(&turn) < number) {
            if (atomic_load(&over))
                return NULL;
        }
        meet(2 * number - 1);
        open_first();
        meet(2 * number);
    }
}

static gss_OID kerberos(void)
{
    static gss_OID_desc oid;

    oid = nns__gss_kerberos;
    return &oid;
}

/* A context with Kerberos alone; the server's end makes the record that will be received. */
static gss_ctx_id_t fresh_context(void)
{
    gss_ctx_id_t ours = GSS_C_NO_CONTEXT, theirs = GSS_C_NO_CONTEXT;
    gss_buffer_desc request = GSS_C_EMPTY_BUFFER, answer = GSS_C_EMPTY_BUFFER,
                    none = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    assert_int_equal(gss_init_sec_context(&minor, initiator, &ours, target, kerberos(),
                                          ORDERED_FLAGS, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                          GSS_C_NO_BUFFER, NULL, &request, NULL, NULL),
                     GSS_S_CONTINUE_NEEDED);
    assert_int_equal(gss_accept_sec_context(&minor, &theirs, acceptor, &request,
                                            GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &answer, NULL,
                                            NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_init_sec_context(&minor, initiator, &ours, target, kerberos(),
                                          ORDERED_FLAGS, 0, GSS_C_NO_CHANNEL_BINDINGS, &answer,
                                          NULL, &none, NULL, NULL),
                     GSS_S_COMPLETE);
    raw_wrap(&received, theirs, 1, "answer", 6);
    raw_free(&theirs);
    (void)gss_release_buffer(&minor, &request);
    (void)gss_release_buffer(&minor, &answer);
    return ours;
}

static void test_first_calls(void **state)
{
    const char *asked = getenv("NNS_FIRST_CALLS");
    long contexts = asked != NULL ? strtol(asked, NULL, 10) : CONTEXTS;
    struct nns__failure f;
    struct nns__mem mem;
    pthread_t thread;

    (void)state;
    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(pthread_create(&thread, NULL, receiver, NULL), 0);
    for (long number = 1; number <= contexts; number++) {
        gss_ctx_id_t ctx = fresh_context();

        assert_int_equal(
            nns__protect_gss_new(&client, &mem, &ctx, NNS__MECHANISM_KERBEROS, FLAGS, &f), NNS_OK);
        atomic_store(&turn, number);
        meet(2 * number - 1);
        seal_first();
        meet(2 * number);
        nns__protection_free(&client);
    }
    atomic_store(&over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(mismatches, 0);
}

static int setup(void **state)
{
    (void)state;
    initiator = raw_initiator_cred();
    acceptor = raw_acceptor_cred();
    target = raw_name(TARGET "@");
    return 0;
}

static int teardown(void **state)
{
    OM_uint32 minor;

    (void)state;
    (void)gss_release_cred(&minor, &initiator);
    (void)gss_release_cred(&minor, &acceptor);
    (void)gss_release_name(&minor, &target);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_calls)};

    realm_use_engine("gss");
    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, setup, teardown);
}
