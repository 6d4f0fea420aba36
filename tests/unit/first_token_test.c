/* SPDX-License-Identifier: MIT
 *
 * The kind of a client's first token, told from its first bytes.
 */
#include "auth/first_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In a block of exactly this size, so that reading past it is seen. */
static enum nns__first_token kind(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    enum nns__first_token found;

    assert_non_null(copy);
    if (size != 0)
        memcpy(copy, bytes, size);
    found = nns__first_token(copy, size);
    free(copy);
    return found;
}

#define KIND(literal) kind(literal, sizeof(literal) - 1)
#define SPNEGO "\x06\x06\x2b\x06\x01\x05\x05\x02"
#define KERBEROS "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"

static void test_known(void **state)
{
    (void)state;
    assert_int_equal(KIND("\x60\x08" SPNEGO), NNS__FIRST_TOKEN_SPNEGO);
    assert_int_equal(KIND("\x60\x81\xf0" SPNEGO "rest"), NNS__FIRST_TOKEN_SPNEGO);
    assert_int_equal(KIND("\x60\x82\x02\xf8" SPNEGO "rest"), NNS__FIRST_TOKEN_SPNEGO);
    assert_int_equal(KIND("\x60\x83\x00\x02\xf8" SPNEGO "rest"), NNS__FIRST_TOKEN_SPNEGO);
    assert_int_equal(KIND("\x60\x0b" KERBEROS), NNS__FIRST_TOKEN_KERBEROS);
    assert_int_equal(KIND("\x60\x82\x02\xc1" KERBEROS "\x01\x00"), NNS__FIRST_TOKEN_KERBEROS);
    assert_int_equal(KIND("\x6e\x82\x02\xaf"), NNS__FIRST_TOKEN_AP_REQ);
    assert_int_equal(KIND("NTLMSSP\0\x01\0\0\0"), NNS__FIRST_TOKEN_NTLM);
}

static void test_other_mechanisms(void **state)
{
    (void)state;
    /* Microsoft's shifted Kerberos, user to user, IAKERB, NTLM in a frame */
    assert_int_equal(KIND("\x60\x0b\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"),
                     NNS__FIRST_TOKEN_OTHER);
    assert_int_equal(KIND("\x60\x0c\x06\x0a\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03"),
                     NNS__FIRST_TOKEN_OTHER);
    assert_int_equal(KIND("\x60\x08\x06\x06\x2b\x06\x01\x05\x02\x05"), NNS__FIRST_TOKEN_OTHER);
    assert_int_equal(KIND("\x60\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"),
                     NNS__FIRST_TOKEN_OTHER);
    assert_int_equal(KIND("\x60\x03\x06\x01\x2b"), NNS__FIRST_TOKEN_OTHER);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_int_equal(kind(NULL, 0), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60\x80" SPNEGO), NNS__FIRST_TOKEN_UNKNOWN); /* indefinite length */
    assert_int_equal(KIND("\x60\x84\x00\x00\x00\x08" SPNEGO), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60\x02\x05\x00"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60\x02\x06\x00"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60\x08\x06\x07\x2b\x06\x01\x05\x05\x02"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x60\x08\x06\x86\x2b\x06\x01\x05\x05\x02"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\xa1\x14\x30\x12"), NNS__FIRST_TOKEN_UNKNOWN); /* NegTokenResp */
    assert_int_equal(KIND("NTLMSSP"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("NTLMSSPx"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\x16\x03\x01"), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(KIND("\0\0\0\0"), NNS__FIRST_TOKEN_UNKNOWN);
}

/* Cut anywhere before its mechanism is whole, a token is of no kind. */
static void test_cut(void **state)
{
    static const uint8_t token[] = "\x60\x82\x02\xf8" KERBEROS "rest";

    (void)state;
    for (size_t size = 0; size < 15; size++)
        assert_int_equal(kind(token, size), NNS__FIRST_TOKEN_UNKNOWN);
    assert_int_equal(kind(token, 15), NNS__FIRST_TOKEN_KERBEROS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_other_mechanisms),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
