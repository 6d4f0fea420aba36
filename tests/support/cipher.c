/* SPDX-License-Identifier: MIT
 *
 * Everything is made anew for each text.
 */
#include "support/cipher.h"

#include "support/check.h"

#include <openssl/evp.h>
#include <string.h>

const struct nns__enctype cipher_types[CIPHER_TYPES] = {
    {17, 16, 16, 12, NNS__CRYPT_SHA1, false},
    {18, 32, 32, 12, NNS__CRYPT_SHA1, false},
    {19, 16, 16, 16, NNS__CRYPT_SHA256, true},
    {20, 32, 24, 24, NNS__CRYPT_SHA384, true},
};

static void make_mac(const struct nns__crypt_keys *keys, const uint8_t *bytes, size_t size,
                     uint8_t tag[NNS__CRYPT_TAG])
{
    static const char *const names[] = {"SHA1", "SHA256", "SHA384"};
    const bool vector = keys->conf && keys->enctype->encrypt_then_mac;
    uint8_t zeros[NNS__CRYPT_BLOCK] = {0}, mac[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, keys->integrity,
                                                 keys->enctype->hash_key_size);
    size_t written = sizeof(mac);

    assert_int_equal(
        EVP_DigestSignInit_ex(md, NULL, names[keys->enctype->hash], NULL, NULL, key, NULL), 1);
    if (vector)
        assert_int_equal(EVP_DigestSignUpdate(md, zeros, sizeof(zeros)), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, bytes, size), 1);
    assert_int_equal(EVP_DigestSignFinal(md, mac, &written), 1);
    memcpy(tag, mac, keys->enctype->tag_size);
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(md);
}

static void encrypt(const struct nns__crypt_keys *keys, uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[NNS__CRYPT_BLOCK];
    EVP_CIPHER *aes = EVP_CIPHER_fetch(
        NULL, keys->enctype->key_size == 16 ? "AES-128-CBC-CTS" : "AES-256-CBC-CTS", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    char mode[] = "CS3";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("cts_mode", mode, 0),
                           OSSL_PARAM_construct_end()};
    int written = 0;

    assert_int_equal(EVP_EncryptInit_ex2(c, aes, keys->cipher, zeros, params), 1);
    assert_int_equal(EVP_EncryptUpdate(c, bytes, &written, bytes, (int)size), 1);
    assert_int_equal(written, size);
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(aes);
}

void cipher_seal(const struct nns__crypt_keys *keys, uint8_t *bytes, size_t size)
{
    if (keys->conf && keys->enctype->encrypt_then_mac)
        encrypt(keys, bytes, size);
    make_mac(keys, bytes, size, bytes + size);
    if (keys->conf && !keys->enctype->encrypt_then_mac)
        encrypt(keys, bytes, size);
}
