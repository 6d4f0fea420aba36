/* SPDX-License-Identifier: MIT
 *
 * Error objects: packed once, read through accessors, copied, and there even without memory.
 */
#include "base/failure.h"
#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

static struct nns__failure full_failure(void)
{
    struct nns__failure f;

    assert_int_equal(nns__fail(&f, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED, "login: %s", "refused"),
                     NNS_ERR_AUTH);
    nns__failure_hint(&f, "try %d", 7);
    f.os = 13;
    f.major = 0xd0000;
    f.minor = 100001;
    f.peer_status = 0x8009030C;
    (void)strcpy(f.mech_text, "clock skew too great");
    return f;
}

static void expect_full(const nns_error *err)
{
    assert_int_equal(nns_error_code(err), NNS_ERR_AUTH);
    assert_int_equal(nns_error_phase(err), NNS_PHASE_HANDSHAKE);
    assert_string_equal(nns_error_message(err), "login: refused");
    assert_string_equal(nns_error_hint(err), "try 7");
    assert_string_equal(nns_error_mech_text(err), "clock skew too great");
    assert_int_equal(nns_error_mech_major(err), 0xd0000);
    assert_int_equal(nns_error_mech_minor(err), 100001);
    assert_int_equal(nns_error_peer_status(err), 0x8009030C);
    assert_string_equal(nns_error_peer_status_name(err), "SEC_E_LOGON_DENIED");
    assert_int_equal(nns_error_os(err), 13);
}

static void all_that_was_put_in_comes_out_and_is_copied(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    struct nns__failure f = full_failure();
    const nns_error *err;
    struct nns__mem mem;
    nns_error *copy = NULL;

    (void)state;
    assert_int_equal(nns__mem_init(&mem, &allocator), NNS_OK);
    err = nns__error_pack(&mem, &f, NNS_PHASE_HANDSHAKE);
    memset(&f, 0xee, sizeof(f));
    expect_full(err);
    assert_int_equal(counter.blocks, 1);
    assert_int_equal(nns_error_copy(&copy, err), NNS_OK);
    nns__error_free(&mem, err);
    assert_int_equal(counter.blocks, 0);
    expect_full(copy);
    nns_error_free(copy);
}

static void an_error_may_have_only_its_code(void **state)
{
    struct nns__failure f = {.code = NNS_ERR_NOMEM};
    struct nns__mem mem;
    const nns_error *err;
    nns_error *copy = NULL;

    (void)state;
    (void)nns__mem_init(&mem, NULL);
    err = nns__error_pack(&mem, &f, NNS_PHASE_DATA);
    assert_string_equal(nns_error_message(err), nns_strerror(NNS_ERR_NOMEM));
    assert_null(nns_error_hint(err));
    assert_null(nns_error_mech_text(err));
    assert_null(nns_error_peer_status_name(err));
    assert_int_equal(nns_error_copy(&copy, err), NNS_OK);
    nns__error_free(&mem, err);
    assert_string_equal(nns_error_message(copy), nns_strerror(NNS_ERR_NOMEM));
    assert_null(nns_error_hint(copy));
    nns_error_free(copy);
}

static void a_failure_without_a_code_is_an_internal_error(void **state)
{
    struct nns__failure f = {0};
    const nns_error *err;
    struct nns__mem mem;

    (void)state;
    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
    err = nns__error_pack(&mem, &f, NNS_PHASE_DATA);
    assert_int_equal(nns_error_code(err), NNS_ERR_INTERNAL);
    nns__error_free(&mem, err);
}

static void without_memory_the_code_and_its_text_remain(void **state)
{
    static const int codes[] = {
#define NNS_X(name, value, cls, text) value,
        NNS_RESULT_MAP(NNS_X)
#undef NNS_X
    };
    struct test_alloc counter = {.fail_at = 1, .forever = true};
    nns_allocator allocator = test_allocator(&counter);
    struct nns__mem mem;

    (void)state;
    assert_int_equal(nns__mem_init(&mem, &allocator), NNS_OK);
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct nns__failure f = {.code = codes[i], .message = "lost", .hint = "lost"};
        const nns_error *err = nns__error_pack(&mem, &f, NNS_PHASE_DATA);
        nns_error *copy = NULL;

        assert_int_equal(nns_error_code(err), codes[i]);
        assert_string_equal(nns_error_message(err), nns_strerror(codes[i]));
        assert_null(nns_error_hint(err));
        assert_int_equal(nns_error_copy(&copy, err), NNS_OK);
        nns__error_free(&mem, err);
        assert_int_equal(nns_error_code(copy), codes[i]);
        nns_error_free(copy);
    }
    assert_int_equal(counter.blocks, 0);
}

static void text_is_one_line_and_is_cut(void **state)
{
    struct nns__failure f;
    char longer[1000];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)nns__fail(&f, NNS_ERR_IO, NNS__STATUS_NONE, "%s", "a\nb\r\x1b[31m\x7f\tc");
    assert_string_equal(f.message, "a?b??[31m??c");
    nns__failure_hint(&f, "%s", "\x01");
    assert_string_equal(f.hint, "?");
    (void)nns__fail(&f, NNS_ERR_IO, NNS__STATUS_NONE, "%s", longer);
    assert_int_equal(strlen(f.message), sizeof(f.message) - 1);
    assert_string_equal(f.hint, "");
    nns__failure_hint(&f, "%s", longer);
    assert_int_equal(strlen(f.hint), sizeof(f.hint) - 1);
}

static void null_is_no_error(void **state)
{
    nns_error *copy = NULL;

    (void)state;
    assert_int_equal(nns_error_code(NULL), NNS_OK);
    assert_int_equal(nns_error_phase(NULL), NNS_PHASE_NONE);
    assert_string_equal(nns_error_message(NULL), "");
    assert_null(nns_error_hint(NULL));
    assert_null(nns_error_mech_text(NULL));
    assert_int_equal(nns_error_mech_major(NULL), 0);
    assert_int_equal(nns_error_mech_minor(NULL), 0);
    assert_int_equal(nns_error_peer_status(NULL), 0);
    assert_null(nns_error_peer_status_name(NULL));
    assert_int_equal(nns_error_os(NULL), 0);
    assert_int_equal(nns_error_copy(&copy, NULL), NNS_ERR_ARGUMENT);
    assert_null(copy);
    nns_error_free(NULL);
}

static void windows_codes_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(nns_status_name(0x6FE), "ERROR_TRUST_FAILURE");
    assert_string_equal(nns_status_name(0x80090308), "SEC_E_INVALID_TOKEN");
    assert_string_equal(nns_status_name(0x00090317), "SEC_I_CONTEXT_EXPIRED");
    assert_string_equal(nns_status_name(0x80090317), "SEC_E_CONTEXT_EXPIRED");
    assert_string_equal(nns_status_name(0x80004005), "E_FAIL");
    assert_null(nns_status_name(0));
    assert_null(nns_status_name(0x80090399));
    assert_non_null(strstr(nns__status_hint(0x6FE), "policy"));
    assert_non_null(strstr(nns__status_hint(0x80090304), ".NET on Linux"));
    assert_null(nns__status_hint(0));
    assert_null(nns__status_hint(0x80090399));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_put_in_comes_out_and_is_copied),
        cmocka_unit_test(an_error_may_have_only_its_code),
        cmocka_unit_test(a_failure_without_a_code_is_an_internal_error),
        cmocka_unit_test(without_memory_the_code_and_its_text_remain),
        cmocka_unit_test(text_is_one_line_and_is_cut),
        cmocka_unit_test(null_is_no_error),
        cmocka_unit_test(windows_codes_have_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
