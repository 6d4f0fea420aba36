/* SPDX-License-Identifier: MIT
 *
 * Keys and cipher work against the vectors of RFC 3961 A.1, RFC 3962 B and RFC 8009 A, and the
 * layout of tokens.
 */
#include "protect/krb5_keys.h"
#include "protect/krb5_token.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

static size_t from_hex(uint8_t *to, const char *hex)
{
    size_t n = 0;
    unsigned byte;

    for (; *hex != '\0'; hex += 2) {
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        to[n++] = (uint8_t)byte;
    }
    return n;
}

static void expect_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    uint8_t expected[200];

    assert_int_equal(from_hex(expected, hex), size);
    assert_memory_equal(bytes, expected, size);
}

/* RFC 3961 A.1 */
static void test_n_fold(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"012345", "be072631276b1955"},
        {"password", "78a07b6caf85fa"},
        {"Rough Consensus, and Running Code", "bb6ed30870b7f0e0"},
        {"password", "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"},
        {"Q", "518a54a215a8452a518a54a215a8452a518a54a215"},
        {"ba", "fb25d531ae8974499f52fd92ea9857c4ba24cf297e"},
        {"kerberos", "6b65726265726f737b9b5b2b93132b93"},
        {"kerberos", "8372c236344e5f1550cd0747e15d62ca7a5a3bcea4"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t size = strlen(rows[i].out) / 2;
        uint8_t out[32];

        nns__n_fold(out, size, (const uint8_t *)rows[i].in, strlen(rows[i].in));
        expect_hex(out, size, rows[i].out);
    }
}

/* RFC 8009 A: keys for usage 2. */
static void test_derived_with_sha2(void **state)
{
    static const struct {
        int32_t number;
        const char *key, *kc, *ke, *ki;
    } rows[] = {
        {19, "3705d96080c17728a0e800eab6e0d23c", "b31a018a48f54776f403e9a396325dc3",
         "9b197dd1e8c5609d6e67c3e37c62c72e", "9fda0e56ab2d85e1569a688696c26a6c"},
        {20, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
         "ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d",
         "56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49",
         "69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct nns__enctype *enctype = nns__enctype_find(rows[i].number);
        struct nns__crypt_keys keys;
        uint8_t key[32];

        assert_int_equal(from_hex(key, rows[i].key), enctype->key_size);
        assert_int_equal(nns__crypt_keys_derive(&keys, enctype, key, 2, false), NNS_OK);
        expect_hex(keys.integrity, enctype->hash_key_size, rows[i].kc);
        assert_int_equal(nns__crypt_keys_derive(&keys, enctype, key, 2, true), NNS_OK);
        expect_hex(keys.cipher, enctype->key_size, rows[i].ke);
        expect_hex(keys.integrity, enctype->hash_key_size, rows[i].ki);
    }
}

static struct nns__crypt *make_crypt(const struct nns__crypt_keys *keys)
{
    struct nns__crypt *c = NULL;
    struct nns__mem mem;

    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(nns__crypt_new(&c, &mem, keys), NNS_OK);
    return c;
}

/* One text there and back; what was sealed is compared, and the tag if it is known. */
static void check_text(const struct nns__crypt_keys *keys, const char *plain, const char *sealed,
                       const char *tag)
{
    struct nns__crypt *seals = make_crypt(keys), *opens = make_crypt(keys);
    uint8_t bytes[200] = {0}, before[200];
    struct nns__text text = {bytes + 16, from_hex(bytes + 16, plain)};

    memcpy(before, text.bytes, text.size);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(nns__crypt_seal(seals, &text, 1), NNS_OK);
        expect_hex(text.bytes, text.size, sealed);
        if (tag != NULL)
            expect_hex(text.bytes + text.size, keys->enctype->tag_size, tag);
        assert_int_equal(nns__crypt_open(opens, &text, 1), 1);
        assert_memory_equal(text.bytes, before, text.size);
        nns__crypt_rest(seals);
        nns__crypt_rest(opens);
    }
    nns__crypt_free(seals);
    nns__crypt_free(opens);
}

/* RFC 3962 B: CBC with ciphertext stealing, "I would like the General Gau's Chicken, please, ". */
static void test_ciphertext_stealing(void **state)
{
    static const struct {
        size_t size;
        const char *sealed;
    } rows[] = {
        {17, "c6353568f2bf8cb4d8a580362da7ff7f97"},
        {31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"},
        {32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"},
        {47, "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e"
             "39312523a78662d5be7fcbcc98ebf5"},
        {48, "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd8"
             "39312523a78662d5be7fcbcc98ebf5a8"},
        {64, "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8"
             "4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8"},
    };
    static const char plain[] = "4920776f756c64206c696b65207468652047656e6572616c2047617527732043"
                                "6869636b656e2c20706c656173652c20616e6420776f6e746f6e20736f75702e";
    struct nns__crypt_keys keys = {.enctype = nns__enctype_find(17), .conf = true};

    (void)state;
    memcpy(keys.cipher, "chicken teriyaki", 16);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char part[sizeof(plain)];

        (void)snprintf(part, sizeof(part), "%.*s", (int)rows[i].size * 2, plain);
        check_text(&keys, part, rows[i].sealed, NULL);
    }
}

/* RFC 8009 A: confounder and plaintext, ciphertext, tag. */
static void test_sealed_with_sha2(void **state)
{
    struct nns__crypt_keys keys = {.enctype = nns__enctype_find(19), .conf = true};

    (void)state;
    (void)from_hex(keys.cipher, "9b197dd1e8c5609d6e67c3e37c62c72e");
    (void)from_hex(keys.integrity, "9fda0e56ab2d85e1569a688696c26a6c");
    check_text(&keys, "7e5895eaf2672435bad817f545a37148", "ef85fb890bb8472f4dab20394dca781d",
               "ad877eda39d50c870c0d5a0a8e48c718");
    check_text(&keys, "7bca285e2fd4130fb55b1a5c83bc5b24000102030405",
               "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6", "877ce99e247e52d16ed4421dfdf8976c");
}

static void test_types(void **state)
{
    (void)state;
    for (int32_t number = -200; number < 200; number++) {
        const struct nns__enctype *enctype = nns__enctype_find(number);

        assert_int_equal(enctype != NULL, number >= 17 && number <= 20);
        assert_true(enctype == NULL || enctype->number == number);
    }
}

/* By all numbers, beside one byte after the other. */
static void test_rotation(void **state)
{
    static const size_t sizes[] = {1, 2, 28, 127, 128, 129, 300};
    uint8_t bytes[300];

    (void)state;
    nns__rotate_left(bytes, 0, 5);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t by = 0; by < 700; by++) {
            for (size_t k = 0; k < sizes[i]; k++)
                bytes[(k + by) % sizes[i]] = (uint8_t)(k ^ k >> 8);
            nns__rotate_left(bytes, sizes[i], by);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(bytes[k], (uint8_t)(k ^ k >> 8));
        }
    }
}

static void test_header(void **state)
{
    const struct nns__token_header header = {6, 0x1234, 0xfedc, 0x0102030405060708};
    struct nns__token_header read;
    uint8_t bytes[NNS__TOKEN_HEADER];

    (void)state;
    nns__token_header_write(bytes, &header);
    expect_hex(bytes, sizeof(bytes), "050406ff1234fedc0102030405060708");
    assert_true(nns__token_header_read(&read, bytes));
    assert_int_equal(read.flags, 6);
    assert_int_equal(read.extra, 0x1234);
    assert_int_equal(read.rotation, 0xfedc);
    assert_true(read.sequence == header.sequence);
    for (size_t i = 0; i < 4; i++) {
        bytes[i] ^= 1;
        assert_int_equal(nns__token_header_read(&read, bytes), i == 2);
        bytes[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_n_fold),
        cmocka_unit_test(test_derived_with_sha2),
        cmocka_unit_test(test_ciphertext_stealing),
        cmocka_unit_test(test_sealed_with_sha2),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
