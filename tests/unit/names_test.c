/* SPDX-License-Identifier: MIT
 *
 * Names as people write them become principals; names as mechanisms display them become strings.
 */
#include "auth/names.h"

#include "support/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef int name_fn(char **ret, const struct nns__mem *mem, const char *name,
                    struct nns__failure *f);

static struct nns__mem mem;
static struct test_alloc counter;

static int setup(void **state)
{
    nns_allocator alloc = test_allocator(&counter);

    (void)state;
    return nns__mem_init(&mem, &alloc);
}

/* name becomes expected, or is refused where that is NULL; nothing stays allocated. */
static void expect(name_fn *fn, const char *name, const char *expected)
{
    struct nns__failure f = {0};
    char *principal = NULL;
    int rc = fn(&principal, &mem, name, &f);

    assert_int_equal(rc, expected != NULL ? NNS_OK : NNS_ERR_AUTH);
    if (expected != NULL)
        assert_string_equal(principal, expected);
    else
        assert_null(principal);
    assert_int_equal(f.code, rc);
    nns__strfree(&mem, principal);
    assert_int_equal(counter.blocks, 0);
    assert_int_equal(counter.bytes, 0);
}

static void test_targets(void **state)
{
    (void)state;
    expect(nns__target_principal, "host/localhost", "host/localhost@");
    expect(nns__target_principal, "HTTP/db1.example.com", "HTTP/db1.example.com@");
    expect(nns__target_principal, "svc/host/instance", "svc/host/instance@");
    expect(nns__target_principal, "host/::1", "host/::1@");
    expect(nns__target_principal, "host/localhost@NNS.TEST", "host/localhost@NNS.TEST");
    expect(nns__target_principal, "alice@NNS.TEST", "alice@NNS.TEST");
    expect(nns__target_principal, "NNS.TEST\\alice", "alice@NNS.TEST");
}

static void test_targets_hostbased(void **state)
{
    (void)state;
    expect(nns__target_hostbased, "host/localhost", "host@localhost");
    expect(nns__target_hostbased, "svc/host/instance", "svc@host/instance");
    expect(nns__target_hostbased, "host/localhost@NNS.TEST", "host@localhost");
    expect(nns__target_hostbased, "alice@NNS.TEST", "alice@NNS.TEST");
    expect(nns__target_hostbased, "NNS.TEST\\alice", "alice@NNS.TEST");
    expect(nns__target_hostbased, "localhost", NULL);
    expect(nns__target_hostbased, "host/", NULL);
    expect(nns__target_hostbased, "", NULL);
}

static void test_targets_refused(void **state)
{
    static const char *const names[] = {
        "",        "localhost",  "host/",      "/localhost",  "/",      "host//x",
        "@REALM",  "alice@",     "host/x@",    "a@b@C",       "a@B/C",  "host/@REALM",
        "\\alice", "DOMAIN\\",   "\\",         "A\\b\\c",     "A\\b@C", "A\\host/x",
        "a/b\\c",  "host/x\\@y", "host\\/x@R", "host/x\\0@R", "a@B\\c",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect(nns__target_principal, names[i], NULL);
}

static void test_users(void **state)
{
    (void)state;
    expect(nns__user_principal, "alice", "alice");
    expect(nns__user_principal, "alice/admin", "alice/admin");
    expect(nns__user_principal, "alice@NNS.TEST", "alice@NNS.TEST");
    expect(nns__user_principal, "NNS.TEST\\alice", "alice@NNS.TEST");
    expect(nns__user_principal, "N\\a", "a@N");
}

static void test_users_refused(void **state)
{
    static const char *const names[] = {"",    "@R",  "alice@",  "a@b@c",    "/",      "a//b",
                                        "\\a", "A\\", "A\\b\\c", "A\\b@C",   "A\\b/c", "a@B\\c",
                                        "a/",  "/a",  "a@/",     "alice\\@x"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect(nns__user_principal, names[i], NULL);
}

static void test_length(void **state)
{
    char name[NNS__NAME_MOST + 2];
    char target[NNS__NAME_MOST + 2];

    (void)state;
    memset(name, 'a', sizeof(name));
    memcpy(name, "host/", 5);
    name[NNS__NAME_MOST] = '\0';
    memcpy(target, name, sizeof(name));
    target[NNS__NAME_MOST] = '@';
    target[NNS__NAME_MOST + 1] = '\0';
    expect(nns__user_principal, name, name);
    expect(nns__target_principal, name, target);
    name[NNS__NAME_MOST] = 'a';
    name[NNS__NAME_MOST + 1] = '\0';
    expect(nns__user_principal, name, NULL);
    expect(nns__target_principal, name, NULL);
}

static void expect_displayed(const void *text, size_t size, const char *expected)
{
    struct nns__failure f = {0};
    char *name = NULL;
    int rc = nns__displayed_name(&name, &mem, text, size, &f);

    assert_int_equal(rc, expected != NULL ? NNS_OK : NNS_ERR_AUTH);
    if (expected != NULL)
        assert_string_equal(name, expected);
    nns__strfree(&mem, name);
    assert_int_equal(counter.bytes, 0);
}

static void test_displayed(void **state)
{
    char longest[NNS__NAME_MOST + 2];

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[NNS__NAME_MOST] = '\0';
    expect_displayed("alice@NNS.TEST, and more", 14, "alice@NNS.TEST");
    expect_displayed(longest, NNS__NAME_MOST, longest);
    expect_displayed("alice@NNS.TEST\0.EVIL", 20, NULL);
    expect_displayed("alice@NNS.TEST", 15, NULL);
    expect_displayed("\0", 1, NULL);
    expect_displayed("", 0, NULL);
    expect_displayed(NULL, 0, NULL);
    longest[NNS__NAME_MOST] = 'a';
    expect_displayed(longest, NNS__NAME_MOST + 1, NULL);
}

static void test_no_memory(void **state)
{
    static name_fn *const fns[] = {nns__target_principal, nns__user_principal};
    static const char *const names[] = {"host/x@R", "R\\alice"};
    struct nns__failure f = {0};
    char *name = NULL;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        counter.fail_at = counter.calls + 1;
        assert_int_equal(fns[i / 2](&name, &mem, names[i % 2], &f), NNS_ERR_NOMEM);
    }
    counter.fail_at = counter.calls + 1;
    assert_int_equal(nns__displayed_name(&name, &mem, "a", 1, &f), NNS_ERR_NOMEM);
    counter.fail_at = 0;
    assert_null(name);
    assert_int_equal(counter.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_hostbased), cmocka_unit_test(test_targets),
        cmocka_unit_test(test_targets_refused),   cmocka_unit_test(test_users),
        cmocka_unit_test(test_users_refused),     cmocka_unit_test(test_length),
        cmocka_unit_test(test_displayed),         cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
