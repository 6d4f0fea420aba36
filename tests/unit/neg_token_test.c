/* SPDX-License-Identifier: MIT
 *
 * A client's first SPNEGO token, read strictly: what real ones offer, every cut of one, every byte
 * of one changed, and each way of not being DER. Blocks have exactly their size, so that reading
 * past the end is seen.
 */
#include "auth/neg_token.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define SPNEGO "\x06\x06\x2b\x06\x01\x05\x05\x02"
#define KRB5 "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define KRB5_SHIFTED "\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"
#define KRB5_OLD "\x06\x05\x2b\x05\x01\x05\x02"
#define NTLM "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"

struct token {
    size_t size;
    uint8_t bytes[65600];
};

/* Puts tag and length in front of what is there. */
static void wrap(struct token *t, uint8_t tag)
{
    uint8_t head[5] = {tag};
    size_t used = 2;

    if (t->size < 0x80) {
        head[1] = (uint8_t)t->size;
    } else if (t->size < 0x100) {
        head[1] = 0x81;
        head[used++] = (uint8_t)t->size;
    } else {
        head[1] = 0x82;
        head[used++] = (uint8_t)(t->size >> 8);
        head[used++] = (uint8_t)t->size;
    }
    memmove(t->bytes + used, t->bytes, t->size);
    memcpy(t->bytes, head, used);
    t->size += used;
}

static void append(struct token *t, const void *bytes, size_t size)
{
    assert_true(t->size + size <= sizeof(t->bytes));
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

#define APPEND(t, text) append(t, text, sizeof(text) - 1)

/* A NegTokenInit with these mechanisms, and whatever stands behind them, inside of its frame. */
static void make(struct token *t, const void *mechanisms, size_t size, const struct token *behind)
{
    struct token *inner = calloc(1, sizeof(*inner));

    assert_non_null(inner);
    append(inner, mechanisms, size);
    wrap(inner, 0x30);
    wrap(inner, 0xa0);
    append(inner, behind->bytes, behind->size);
    wrap(inner, 0x30);
    wrap(inner, 0xa0);
    t->size = 0;
    APPEND(t, SPNEGO);
    append(t, inner->bytes, inner->size);
    wrap(t, 0x60);
    free(inner);
}

#define MAKE(t, mechanisms, behind) make(t, mechanisms, sizeof(mechanisms) - 1, behind)

static bool reads(const uint8_t *bytes, size_t size, struct nns__neg_token *ret)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    bool good;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    good = nns__neg_token_read(ret, copy, size);
    if (!good)
        assert_true(!ret->kerberos && !ret->ntlm && !ret->kerberos_first && ret->token == NULL &&
                    ret->token_size == 0);
    else if (ret->token != NULL)
        assert_true(ret->token >= copy && ret->token + ret->token_size <= copy + size);
    free(copy);
    return good;
}

static void expect_refused(const void *bytes, size_t size)
{
    struct nns__neg_token found;

    assert_false(reads(bytes, size, &found));
}

static void mechanisms_are_found(void **state)
{
    static const struct {
        const char *mechanisms;
        size_t size;
        bool kerberos, first, ntlm;
    } rows[] = {
#define ROW(text, k, f, n) {text, sizeof(text) - 1, k, f, n}
        ROW(KRB5, true, true, false),
        ROW(NTLM, false, false, true),
        ROW(KRB5 NTLM, true, true, true),
        ROW(NTLM KRB5, true, false, true),
        ROW(KRB5_SHIFTED, true, true, false),
        ROW(KRB5_OLD, true, true, false),
        ROW("\x06\x01\x2b", false, false, false),
        ROW("\x06\x01\x2b" KRB5_SHIFTED KRB5 NTLM, true, false, true),
        ROW("", false, false, false),
    };
    struct token *t = calloc(2, sizeof(*t)), *behind = t + 1;

    (void)state;
    assert_non_null(t);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nns__neg_token found;

        make(t, rows[i].mechanisms, rows[i].size, behind);
        assert_true(reads(t->bytes, t->size, &found));
        assert_int_equal(found.kerberos, rows[i].kerberos);
        assert_int_equal(found.kerberos_first, rows[i].first);
        assert_int_equal(found.ntlm, rows[i].ntlm);
        assert_null(found.token);
    }
    free(t);
}

/* reqFlags, mechToken of this size, mechListMIC. */
static void put_fields(struct token *behind, size_t size)
{
    struct token *field = calloc(1, sizeof(*field));

    assert_non_null(field);
    behind->size = 0;
    APPEND(behind, "\xa1\x04\x03\x02\x01\x06");
    memset(field->bytes, 'T', size);
    field->size = size;
    wrap(field, 0x04);
    wrap(field, 0xa2);
    append(behind, field->bytes, field->size);
    APPEND(behind, "\xa3\x03\x04\x01m");
    free(field);
}

static void the_token_is_found(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 127, 128, 200, 255, 256, 1000, 60000};
    struct token *t = calloc(2, sizeof(*t)), *behind = t + 1;

    (void)state;
    assert_non_null(t);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct nns__neg_token found;

        put_fields(behind, sizes[i]);
        MAKE(t, KRB5 NTLM, behind);
        assert_true(nns__neg_token_read(&found, t->bytes, t->size));
        assert_int_equal(found.token_size, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(found.token[k], 'T');
    }
    free(t);
}

static void no_cut_is_read(void **state)
{
    struct token *t = calloc(2, sizeof(*t)), *behind = t + 1;
    struct nns__neg_token found;

    (void)state;
    assert_non_null(t);
    put_fields(behind, 200);
    MAKE(t, KRB5 NTLM, behind);
    for (size_t size = 0; size < t->size; size++)
        expect_refused(t->bytes, size);
    assert_true(reads(t->bytes, t->size, &found));
    t->bytes[t->size] = 0;
    expect_refused(t->bytes, t->size + 1);
    free(t);
}

/* Nothing is read outside of the block, whatever stands in it. */
static void changed_bytes_do_no_harm(void **state)
{
    struct token *t = calloc(2, sizeof(*t)), *behind = t + 1;
    struct nns__neg_token found;

    (void)state;
    assert_non_null(t);
    put_fields(behind, 40);
    MAKE(t, KRB5 NTLM, behind);
    for (size_t at = 0; at < t->size; at++) {
        uint8_t was = t->bytes[at];

        for (int value = 0; value < 256; value++) {
            t->bytes[at] = (uint8_t)value;
            (void)reads(t->bytes, t->size, &found);
        }
        t->bytes[at] = was;
    }
    free(t);
}

static void it_must_be_der(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("\x60\x80" SPNEGO "\xa0\x04\x30\x02\xa0\x00\x00\x00"),     /* indefinite length */
        BAD("\x60\x81\x10" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00"), /* longer than needed */
        BAD("\x60\x82\x00\x10" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00"),
        BAD("\x60\x84\x00\x00\x00\x10" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00"),
        BAD("\x60\x11" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00"),         /* longer than it is */
        BAD("\x60\x10" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x31\x00"),         /* a set */
        BAD("\x60\x10" SPNEGO "\xa1\x06\x30\x04\xa0\x02\x30\x00"),         /* a NegTokenResp */
        BAD("\x60\x0c" SPNEGO "\xa0\x02\x30\x00"),                         /* no mechanisms */
        BAD("\x60\x12" SPNEGO "\xa0\x08\x30\x06\xa0\x04\x30\x02\x06\x00"), /* an empty one */
        BAD("\x60\x12" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00\x05\x00"), /* more behind */
        BAD("\x60\x12" SPNEGO "\xa0\x08\x30\x06\xa0\x02\x30\x00\x05\x00"), /* an unknown field */
        BAD("\x60\x12" SPNEGO "\xa0\x08\x30\x04\xa0\x02\x30\x00\x05\x00"),
        BAD("\x60\x14" SPNEGO "\xa0\x0a\x30\x08\xa0\x02\x30\x00\xa2\x02\x05\x00"), /* no string */
        BAD("\x60\x13\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\xa0\x06\x30\x04\xa0\x02\x30\x00"),
        BAD("NTLMSSP"),
    };
    struct nns__neg_token found;

    (void)state;
    assert_true(
        reads((const uint8_t *)"\x60\x10" SPNEGO "\xa0\x06\x30\x04\xa0\x02\x30\x00", 18, &found));
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(rows[i].bytes, rows[i].size);
}

static void too_many_mechanisms_are_refused(void **state)
{
    struct token *t = calloc(3, sizeof(*t)), *behind = t + 1, *list = t + 2;
    struct nns__neg_token found;

    (void)state;
    assert_non_null(t);
    for (int i = 0; i < 32; i++)
        APPEND(list, NTLM);
    make(t, list->bytes, list->size, behind);
    assert_true(reads(t->bytes, t->size, &found));
    APPEND(list, NTLM);
    make(t, list->bytes, list->size, behind);
    expect_refused(t->bytes, t->size);
    free(t);
}

/* Whether what stands in a block of its size may have a mechListMIC. */
static bool may_have_mic(const void *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    bool answer;

    assert_non_null(exact);
    if (size > 0)
        memcpy(exact, bytes, size);
    answer = nns__neg_token_may_have_mic(exact, size);
    free(exact);
    return answer;
}

#define MAY_HAVE_MIC(text) may_have_mic(text, sizeof(text) - 1)

/* An answer: its state, the mechanism, a token, the MIC. What cannot be read counts as one. */
static void a_mic_is_found(void **state)
{
    static const char init[] = "\x60\x1b" SPNEGO "\xa0\x11\x30\x0f\xa0\x0d\x30\x0b" KRB5;

    (void)state;
    assert_false(MAY_HAVE_MIC("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"));
    assert_false(MAY_HAVE_MIC("\xa1\x14\x30\x12\xa0\x03\x0a\x01\x01\xa1\x0b" KRB5));
    assert_false(MAY_HAVE_MIC("\xa1\x07\x30\x05\xa2\x03\x04\x01x"));
    assert_true(MAY_HAVE_MIC("\xa1\x07\x30\x05\xa3\x03\x04\x01x"));
    assert_true(MAY_HAVE_MIC("\xa1\x0c\x30\x0a\xa2\x03\x04\x01x\xa3\x03\x04\x01x"));
    assert_true(MAY_HAVE_MIC("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00x"));
    assert_true(MAY_HAVE_MIC("\xa1\x07\x30\x06\xa0\x03\x0a\x01\x00"));
    assert_true(MAY_HAVE_MIC("\xa1"));
    assert_true(MAY_HAVE_MIC(""));
    assert_true(MAY_HAVE_MIC("TlRM"));
    assert_int_equal(sizeof(init) - 1, 0x1b + 2);
    assert_false(MAY_HAVE_MIC(init));
    assert_true(may_have_mic(init, sizeof(init) - 2));
    /* The same with something behind the token. */
    assert_true(MAY_HAVE_MIC("\x60\x20" SPNEGO "\xa0\x16\x30\x14\xa0\x0d\x30\x0b" KRB5
                             "\xa3\x03\x04\x01x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mechanisms_are_found), cmocka_unit_test(the_token_is_found),
        cmocka_unit_test(no_cut_is_read),       cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(it_must_be_der),       cmocka_unit_test(too_many_mechanisms_are_refused),
        cmocka_unit_test(a_mic_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
