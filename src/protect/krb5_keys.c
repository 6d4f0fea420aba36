/* SPDX-License-Identifier: MIT
 *
 * Key derivation: DK of RFC 3961 5.1 with AES, for SHA-1's types, and the KDF of RFC 8009 section 3
 * for SHA-2's.
 */
#include "protect/krb5_keys.h"

#include "base/bytes.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* What a derived key is for (RFC 3961 5.3). */
#define FOR_CHECKSUM 0x99
#define FOR_ENCRYPTION 0xaa
#define FOR_INTEGRITY 0x55

#define CONSTANT ((size_t)5) /* bytes: the usage and what the key is for */

static const struct nns__enctype enctypes[] = {
    {.number = 17, .key_size = 16, .hash_key_size = 16, .tag_size = 12, .hash = NNS__CRYPT_SHA1},
    {.number = 18, .key_size = 32, .hash_key_size = 32, .tag_size = 12, .hash = NNS__CRYPT_SHA1},
    {.number = 19,
     .key_size = 16,
     .hash_key_size = 16,
     .tag_size = 16,
     .hash = NNS__CRYPT_SHA256,
     .encrypt_then_mac = true},
    {.number = 20,
     .key_size = 32,
     .hash_key_size = 24,
     .tag_size = 24,
     .hash = NNS__CRYPT_SHA384,
     .encrypt_then_mac = true},
};

const struct nns__enctype *nns__enctype_find(int32_t number)
{
    for (size_t i = 0; i < sizeof(enctypes) / sizeof(enctypes[0]); i++) {
        if (enctypes[i].number == number)
            return &enctypes[i];
    }
    return NULL;
}

static size_t least_common_multiple(size_t a, size_t b)
{
    size_t multiple = a;

    while (multiple % b != 0)
        multiple += a;
    return multiple;
}

/* The text that follows when in is written again and again, each time turned right by 13 bits
 * more; read from its end, a handshake's keys being many and divisions slow. */
struct unfolded {
    const uint8_t *in;
    size_t size;
    size_t copy;  /* that is being read; the first is 0 */
    size_t left;  /* bytes, of it */
    size_t byte;  /* of in, in which the byte begins that was read last */
    size_t shift; /* and the bit of that */
};

static uint8_t byte_before(struct unfolded *u)
{
    size_t bits = u->size * 8, first, next = u->byte;
    unsigned pair;

    if (u->left == 0) {
        u->copy--;
        u->left = u->size;
        first = (bits - u->copy * 13 % bits) % bits;
        next = first / 8;
        u->shift = first % 8;
    }
    u->left--;
    u->byte = next > 0 ? next - 1 : u->size - 1;
    pair = (unsigned)u->in[u->byte] << 8 | u->in[next];
    return (uint8_t)(pair >> (8 - u->shift));
}

/* Adds that text up in pieces of out_size bytes, with one's complement's carry around the end. */
void nns__n_fold(uint8_t *out, size_t out_size, const uint8_t *in, size_t in_size)
{
    size_t all = least_common_multiple(in_size, out_size);
    struct unfolded text = {.in = in, .size = in_size, .copy = all / in_size};
    unsigned carry = 0;

    memset(out, 0, out_size);
    for (size_t piece = 0; piece < all; piece += out_size) {
        for (size_t i = out_size; i-- > 0;) {
            carry += out[i] + (unsigned)byte_before(&text);
            out[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    while (carry != 0) {
        for (size_t i = out_size; i-- > 0;) {
            carry += out[i];
            out[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
}

/* RFC 3961 5.1: DR is the constant encrypted once, and that encrypted again, as much as a key
 * needs; AES keys are any bytes. */
static bool derive_key(uint8_t *ret, const struct nns__enctype *enctype, const uint8_t *key,
                       const uint8_t constant[CONSTANT])
{
    const EVP_CIPHER *aes = enctype->key_size == 16 ? EVP_aes_128_ecb() : EVP_aes_256_ecb();
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t block[NNS__CRYPT_BLOCK];
    bool ok = cipher != NULL && EVP_EncryptInit_ex2(cipher, aes, key, NULL, NULL) == 1;

    nns__n_fold(block, sizeof(block), constant, CONSTANT);
    for (size_t at = 0; ok && at < enctype->key_size; at += sizeof(block)) {
        int written = 0;

        ok = EVP_EncryptUpdate(cipher, block, &written, block, sizeof(block)) == 1 &&
             written == sizeof(block);
        memcpy(ret + at, block, sizeof(block));
    }
    nns__wipe(block, sizeof(block));
    EVP_CIPHER_CTX_free(cipher);
    return ok;
}

/* RFC 8009 section 3: HMAC(key, 1 | constant | 0 | bits), its front. */
static bool derive_hmac(uint8_t *ret, size_t size, const struct nns__enctype *enctype,
                        const uint8_t *key, const uint8_t constant[CONSTANT])
{
    const EVP_MD *hash = enctype->hash == NNS__CRYPT_SHA256 ? EVP_sha256() : EVP_sha384();
    uint8_t input[4 + CONSTANT + 1 + 4] = {0, 0, 0, 1}, output[EVP_MAX_MD_SIZE];
    bool ok;

    memcpy(input + 4, constant, CONSTANT);
    nns__store_be32(input + 4 + CONSTANT + 1, (uint32_t)size * 8);
    ok = HMAC(hash, key, (int)enctype->key_size, input, sizeof(input), output, NULL) != NULL;
    if (ok)
        memcpy(ret, output, size);
    nns__wipe(output, sizeof(output));
    return ok;
}

static bool derive(uint8_t *ret, size_t size, const struct nns__enctype *enctype,
                   const uint8_t *key, uint32_t usage, uint8_t purpose)
{
    uint8_t constant[CONSTANT];

    nns__store_be32(constant, usage);
    constant[4] = purpose;
    return enctype->encrypt_then_mac ? derive_hmac(ret, size, enctype, key, constant)
                                     : derive_key(ret, enctype, key, constant);
}

int nns__crypt_keys_derive(struct nns__crypt_keys *ret, const struct nns__enctype *enctype,
                           const uint8_t *key, uint32_t usage, bool conf)
{
    uint8_t purpose = conf ? FOR_INTEGRITY : FOR_CHECKSUM;
    bool ok;

    *ret = (struct nns__crypt_keys){.enctype = enctype, .conf = conf};
    ok = derive(ret->integrity, enctype->hash_key_size, enctype, key, usage, purpose);
    if (ok && conf)
        ok = derive(ret->cipher, enctype->key_size, enctype, key, usage, FOR_ENCRYPTION);
    return ok ? NNS_OK : NNS_ERR_INTERNAL;
}
