/* SPDX-License-Identifier: MIT
 *
 * Results: each has its name, class and text, and the number that callers were promised.
 */
#include "support/check.h"

#include <nns/nns.h>
#include <string.h>

static const struct {
    int value;
    const char *name;
    int cls;
} rows[] = {
    {0, "NNS_OK", NNS_CLASS_NONE},
    {1, "NNS_OK", NNS_CLASS_NONE},
    {INT32_MAX, "NNS_OK", NNS_CLASS_NONE},
    {-2, "NNS_WANT_RECV", NNS_CLASS_RETRY},
    {-3, "NNS_WANT_SEND", NNS_CLASS_RETRY},
    {-4, "NNS_WANT_STEP", NNS_CLASS_RETRY},
    {-5, "NNS_WANT_AUTHORIZE", NNS_CLASS_RETRY},
    {-100, "NNS_ERR_ARGUMENT", NNS_CLASS_USAGE},
    {-101, "NNS_ERR_STATE", NNS_CLASS_USAGE},
    {-102, "NNS_ERR_FROZEN", NNS_CLASS_USAGE},
    {-103, "NNS_ERR_REENTRANT", NNS_CLASS_USAGE},
    {-104, "NNS_ERR_UNSUPPORTED", NNS_CLASS_USAGE},
    {-105, "NNS_ERR_FORKED", NNS_CLASS_USAGE},
    {-200, "NNS_ERR_IO", NNS_CLASS_IO},
    {-201, "NNS_ERR_RESOLVE", NNS_CLASS_IO},
    {-202, "NNS_ERR_TIMEOUT", NNS_CLASS_TIMEOUT},
    {-203, "NNS_ERR_CANCELED", NNS_CLASS_IO},
    {-300, "NNS_ERR_PROTOCOL", NNS_CLASS_PROTOCOL},
    {-301, "NNS_ERR_FOREIGN", NNS_CLASS_PROTOCOL},
    {-302, "NNS_ERR_TOO_LARGE", NNS_CLASS_PROTOCOL},
    {-303, "NNS_ERR_TRUNCATED", NNS_CLASS_PROTOCOL},
    {-304, "NNS_ERR_INTEGRITY", NNS_CLASS_PROTOCOL},
    {-400, "NNS_ERR_AUTH", NNS_CLASS_AUTH},
    {-401, "NNS_ERR_CREDENTIALS", NNS_CLASS_AUTH},
    {-402, "NNS_ERR_POLICY", NNS_CLASS_AUTH},
    {-403, "NNS_ERR_REFUSED", NNS_CLASS_AUTH},
    {-500, "NNS_ERR_PEER", NNS_CLASS_PEER},
    {-600, "NNS_ERR_BUSY", NNS_CLASS_LIMIT},
    {-900, "NNS_ERR_NOMEM", NNS_CLASS_INTERNAL},
    {-901, "NNS_ERR_INTERNAL", NNS_CLASS_INTERNAL},
};

static void names_and_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(nns_result_name(rows[i].value), rows[i].name);
        assert_int_equal(nns_result_class(rows[i].value), rows[i].cls);
        assert_true(strlen(nns_strerror(rows[i].value)) > 5);
    }
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(nns_protection_name(NNS_PROTECT_NONE), "none");
    assert_string_equal(nns_protection_name(NNS_PROTECT_SIGN), "sign");
    assert_string_equal(nns_protection_name(NNS_PROTECT_SEAL), "encrypt");
    assert_string_equal(nns_protection_name(3), "unknown level");
    assert_string_equal(nns_protection_name(-1), "unknown level");
}

static void every_result_is_in_the_table_above(void **state)
{
    size_t known = 0;

    (void)state;
#define NNS_X(name, value, cls, text) known++;
    NNS_RESULT_MAP(NNS_X)
#undef NNS_X
    assert_int_equal(known + 3, COUNT(rows)); /* and three kinds of success */
}

static void unknown_results_are_internal_errors(void **state)
{
    static const int unknown[] = {-1, -6, -99, -106, -1000, INT32_MIN};

    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_string_equal(nns_result_name(unknown[i]), "unknown result");
        assert_int_equal(nns_result_class(unknown[i]), NNS_CLASS_INTERNAL);
        assert_string_equal(nns_strerror(unknown[i]), "unknown result");
    }
}

static void version_of_the_library_is_that_of_the_headers(void **state)
{
    (void)state;
    assert_int_equal(nns_version_num(), NNS_VERSION_NUM);
    assert_string_equal(nns_version_string(), NNS_VERSION_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_classes),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(every_result_is_in_the_table_above),
        cmocka_unit_test(unknown_results_are_internal_errors),
        cmocka_unit_test(version_of_the_library_is_that_of_the_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
