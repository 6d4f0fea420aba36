/* SPDX-License-Identifier: MIT
 *
 * Single blocks of AES by the processor's own instructions, and what CBC with ciphertext stealing
 * (RFC 3962 section 5) needs of them at a text's end. For krb5_mb.c and krb5_ni.c, which have the
 * round keys of their direction in a row, in order of use. Nothing is looked up in tables.
 */
#ifndef NNS_PROTECT_KRB5_BLOCKS_H
#define NNS_PROTECT_KRB5_BLOCKS_H

#include "protect/krb5_crypt.h"

#include <string.h>
#include <wmmintrin.h>

#define NNS__ROUND_KEYS (15 * NNS__CRYPT_BLOCK) /* bytes of them, at most */

static inline __m128i nns__block_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void nns__block_store(uint8_t *p, __m128i block)
{
    _mm_storeu_si128((__m128i *)(void *)p, block);
}

static inline size_t nns__block_rounds(const struct nns__enctype *enctype)
{
    return enctype->key_size / 4 + 6;
}

__attribute__((target("aes"))) static inline __m128i nns__block_encrypt(const uint8_t *keys,
                                                                        size_t rounds, __m128i x)
{
    x = _mm_xor_si128(x, nns__block_load(keys));
    for (size_t i = 1; i < rounds; i++)
        x = _mm_aesenc_si128(x, nns__block_load(keys + i * NNS__CRYPT_BLOCK));
    return _mm_aesenclast_si128(x, nns__block_load(keys + rounds * NNS__CRYPT_BLOCK));
}

__attribute__((target("aes"))) static inline __m128i nns__block_decrypt(const uint8_t *keys,
                                                                        size_t rounds, __m128i x)
{
    x = _mm_xor_si128(x, nns__block_load(keys));
    for (size_t i = 1; i < rounds; i++)
        x = _mm_aesdec_si128(x, nns__block_load(keys + i * NNS__CRYPT_BLOCK));
    return _mm_aesdeclast_si128(x, nns__block_load(keys + rounds * NNS__CRYPT_BLOCK));
}

/* The bytes of a text that are CBC like any other: all before the last block, which may be short.
 * A text of one block has nothing to steal from. */
static inline size_t nns__block_whole(const struct nns__text *text)
{
    const size_t block = NNS__CRYPT_BLOCK;

    return text->size > block ? (text->size - 1) & ~(block - 1) : block;
}

/* Behind CBC over all but the last block: that one is padded with zeros and encrypted, too; then
 * the two change places, and the last is cut to what the text had. */
__attribute__((target("aes"))) static inline void nns__block_steal(const uint8_t *keys,
                                                                   size_t rounds,
                                                                   const struct nns__text *text)
{
    const size_t lead = nns__block_whole(text), rest = text->size - lead;
    uint8_t *last = text->bytes + lead, *before = last - NNS__CRYPT_BLOCK;
    uint8_t block[NNS__CRYPT_BLOCK];

    if (rest == 0)
        return;
    memcpy(block, before, sizeof(block));
    for (size_t i = 0; i < rest; i++)
        block[i] ^= last[i];
    memcpy(last, before, rest);
    nns__block_store(before, nns__block_encrypt(keys, rounds, nns__block_load(block)));
}

/* The other way, before CBC. The block before the last decrypts to the plaintext's last, XOR what
 * is now last; behind that, where zeros were, stands what was cut. */
__attribute__((target("aes"))) static inline void nns__block_give_back(const uint8_t *keys,
                                                                       size_t rounds,
                                                                       const struct nns__text *text)
{
    const size_t lead = nns__block_whole(text), rest = text->size - lead;
    uint8_t *last = text->bytes + lead, *before = last - NNS__CRYPT_BLOCK;

    if (rest == 0)
        return;
    nns__block_store(before, nns__block_decrypt(keys, rounds, nns__block_load(before)));
    for (size_t i = 0; i < rest; i++) {
        uint8_t cipher = last[i];

        last[i] ^= before[i];
        before[i] = cipher;
    }
}

#endif
