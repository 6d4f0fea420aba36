/* SPDX-License-Identifier: MIT
 *
 * AES-CBC and HMAC-SHA1 in one stream of instructions. Each is a chain in which every step waits
 * for the one before, while most of the processor is idle; RFC 3962 authenticates the plaintext, so
 * the chains do not wait for each other. To seal, 64 bytes are hashed while they are encrypted; to
 * open, while the next 64 are decrypted. HMAC begins with states kept behind the padded keys (RFC
 * 2104), so nothing is made anew for a text.
 *
 * No address and no branch depends on a secret: the instructions work on registers alone. Stack and
 * registers are cleared before an answer.
 */
#include "protect/krb5_ni.h"

#ifdef __x86_64__

#include "protect/krb5_blocks.h"

#include <cpuid.h>
#include <immintrin.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>

#define BLOCK NNS__CRYPT_BLOCK
#define CHUNK ((size_t)64) /* bytes that SHA-1 takes at once */
#ifdef __OPTIMIZE__
#define STACK 1024 /* bytes that a text's work leaves something in, at most */
#else
#define STACK 8192
#endif

#define NI __attribute__((target("aes,sha,sse4.1,ssse3")))
#define NI_INLINE NI static inline __attribute__((always_inline))

#define load nns__block_load
#define store nns__block_store

/* A state of SHA-1: the words a to d, a highest, and e in the highest place of its own. */
struct sha {
    __m128i abcd, e;
};

struct nns__ni {
    uint8_t keys[NNS__ROUND_KEYS]; /* of AES, in order of use */
    uint8_t inner[2 * BLOCK];      /* HMAC's states behind the padded key */
    uint8_t outer[2 * BLOCK];
};

/* ---- the processor ---- */

static atomic_bool allowed = true;

void nns__ni_allow(bool allow)
{
    atomic_store(&allowed, allow);
}

static bool processor_has_all(void)
{
    const unsigned wanted = bit_AES | bit_SSE4_1 | bit_SSSE3;
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & wanted) != wanted)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

bool nns__ni_takes(const struct nns__enctype *enctype)
{
    static atomic_int known = -1; /* asking takes long, under a hypervisor very long */
    int has = atomic_load_explicit(&known, memory_order_relaxed);

    if (has < 0) {
        has = processor_has_all();
        atomic_store_explicit(&known, has, memory_order_relaxed);
    }
    return has != 0 && enctype->hash == NNS__CRYPT_SHA1 &&
           atomic_load_explicit(&allowed, memory_order_relaxed);
}

/* ---- SHA-1 ---- */

/* A chunk on its way: w0 to w3 are the next 16 words of the schedule, the first highest. */
struct hashing {
    __m128i abcd, before; /* now; and four rounds ago, which is where e comes from */
    __m128i w0, w1, w2, w3;
};

NI_INLINE __m128i load_words(const uint8_t *p)
{
    return _mm_shuffle_epi8(load(p),
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

NI_INLINE void hashing_begin(struct hashing *h, const struct sha *sha, const uint8_t *chunk)
{
    h->abcd = sha->abcd;
    h->before = sha->e;
    h->w0 = load_words(chunk);
    h->w1 = load_words(chunk + BLOCK);
    h->w2 = load_words(chunk + 2 * BLOCK);
    h->w3 = load_words(chunk + 3 * BLOCK);
}

/* Four rounds of the kind that this group of 20 has. */
NI_INLINE __m128i four_rounds(__m128i abcd, __m128i e, int group)
{
    switch (group / 5) {
    case 0:
        return _mm_sha1rnds4_epu32(abcd, e, 0);
    case 1:
        return _mm_sha1rnds4_epu32(abcd, e, 1);
    case 2:
        return _mm_sha1rnds4_epu32(abcd, e, 2);
    default:
        return _mm_sha1rnds4_epu32(abcd, e, 3);
    }
}

/* The last four groups make words that nobody needs; unrolled, they fall away. */
NI_INLINE void hash_group(struct hashing *h, int group)
{
    const __m128i e =
        group == 0 ? _mm_add_epi32(h->before, h->w0) : _mm_sha1nexte_epu32(h->before, h->w0);
    const __m128i next =
        _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(h->w0, h->w1), h->w2), h->w3);

    h->before = h->abcd;
    h->abcd = four_rounds(h->abcd, e, group);
    h->w0 = h->w1;
    h->w1 = h->w2;
    h->w2 = h->w3;
    h->w3 = next;
}

NI_INLINE void hashing_end(const struct hashing *h, struct sha *sha)
{
    sha->e = _mm_sha1nexte_epu32(h->before, sha->e);
    sha->abcd = _mm_add_epi32(sha->abcd, h->abcd);
}

NI_INLINE void hash_groups(struct hashing *h, struct sha *sha)
{
#pragma GCC unroll 20
    for (int group = 0; group < 20; group++)
        hash_group(h, group);
    hashing_end(h, sha);
}

NI static void hash_chunk(struct sha *sha, const uint8_t *chunk)
{
    struct hashing h;

    hashing_begin(&h, sha, chunk);
    hash_groups(&h, sha);
}

/* ---- HMAC ---- */

NI_INLINE struct sha load_state(const uint8_t *from)
{
    return (struct sha){load(from), load(from + BLOCK)};
}

/* The state of the hash after the key, padded with one of HMAC's two bytes. */
NI static void hash_key(const struct nns__crypt_keys *keys, uint8_t pad, uint8_t state[2 * BLOCK])
{
    struct sha sha = {_mm_set_epi32(0x67452301, (int)0xefcdab89, (int)0x98badcfe, 0x10325476),
                      _mm_set_epi32((int)0xc3d2e1f0, 0, 0, 0)};
    uint8_t chunk[CHUNK];

    memset(chunk, pad, sizeof(chunk));
    for (size_t i = 0; i < keys->enctype->hash_key_size; i++)
        chunk[i] ^= keys->integrity[i];
    hash_chunk(&sha, chunk);
    store(state, sha.abcd);
    store(state + BLOCK, sha.e);
    nns__wipe(chunk, sizeof(chunk));
}

/* The end of the inner hash: what is left, which behind the key is the end of size bytes. */
NI static void hash_rest(struct sha *sha, const uint8_t *rest, size_t count, size_t size)
{
    uint8_t last[2 * CHUNK] = {0};
    size_t end;

    for (; count >= CHUNK; rest += CHUNK, count -= CHUNK)
        hash_chunk(sha, rest);
    memcpy(last, rest, count);
    last[count] = 0x80;
    end = count < CHUNK - 8 ? CHUNK : 2 * CHUNK;
    for (size_t i = 0; i < 8; i++)
        last[end - 1 - i] = (uint8_t)(8 * (CHUNK + size) >> 8 * i);
    hash_chunk(sha, last);
    if (end > CHUNK)
        hash_chunk(sha, last + CHUNK);
    nns__wipe(last, sizeof(last));
}

/* The outer hash over the inner one, which is a chunk as it stands. The tag is the front of it. */
NI static void make_tag(const struct nns__ni *ni, const struct sha *inner, uint8_t tag[BLOCK])
{
    struct sha sha = load_state(ni->outer);
    struct hashing h = {.abcd = sha.abcd,
                        .before = sha.e,
                        .w0 = inner->abcd,
                        .w1 = _mm_or_si128(inner->e, _mm_set_epi32(0, INT32_MIN, 0, 0)),
                        .w2 = _mm_setzero_si128(),
                        .w3 = _mm_set_epi32(0, 0, 0, 8 * (64 + 20))};

    hash_groups(&h, &sha);
    store(tag, sha.abcd);
    store(tag, load_words(tag));
}

/* ---- AES ---- */

/* Each word of a key, XOR all before it in its block. */
NI_INLINE __m128i add_up(__m128i x)
{
    x = _mm_xor_si128(x, _mm_slli_si128(x, 4));
    return _mm_xor_si128(x, _mm_slli_si128(x, 8));
}

/* FIPS 197 section 5.2. A key of 256 bits is two blocks, and every other new one of its own kind.
 */
NI static void expand_key(const struct nns__enctype *enctype, const uint8_t *key, uint8_t *keys)
{
    const size_t step = enctype->key_size / BLOCK, rounds = nns__block_rounds(enctype);
    int constant = 1;

    memcpy(keys, key, enctype->key_size);
    for (size_t i = step; i <= rounds; i++) {
        __m128i x = add_up(load(keys + (i - step) * BLOCK));
        __m128i last = _mm_aeskeygenassist_si128(load(keys + (i - 1) * BLOCK), 0);

        if (i % step == 0) {
            last = _mm_xor_si128(_mm_shuffle_epi32(last, 0xff), _mm_set1_epi32(constant));
            constant = constant << 1 ^ (constant >> 7) * 0x11b;
        } else {
            last = _mm_shuffle_epi32(last, 0xaa);
        }
        store(keys + i * BLOCK, _mm_xor_si128(x, last));
    }
}

/* The round keys of decryption, from those of encryption. */
NI static void turn_round(size_t rounds, uint8_t *keys)
{
    for (size_t i = 0; i <= rounds / 2; i++) {
        uint8_t *front = keys + i * BLOCK, *back = keys + (rounds - i) * BLOCK;
        __m128i first = load(back), second = load(front);

        if (i > 0) {
            first = _mm_aesimc_si128(first);
            second = _mm_aesimc_si128(second);
        }
        store(back, second);
        store(front, first);
    }
}

/* The blocks of a chunk on their way through encryption, one after the other. */
struct encrypting {
    __m128i x, cipher; /* the block that is; and the last that was */
};

NI_INLINE void encrypting_begin(struct encrypting *e, const uint8_t *keys, __m128i chain,
                                const uint8_t *chunk)
{
    e->x = _mm_xor_si128(_mm_xor_si128(load(chunk), load(keys)), chain);
    e->cipher = chain;
}

/* One round of so many for each block. The last adds a key; when what the next block begins with is
 * added together with that, the next need not wait for an XOR. */
NI_INLINE void encrypt_round(struct encrypting *e, const uint8_t *keys, size_t rounds,
                             uint8_t *chunk, size_t n)
{
    const size_t round = n % rounds + 1;
    uint8_t *block = chunk + n / rounds * BLOCK;
    __m128i key;

    if (n >= CHUNK / BLOCK * rounds)
        return;
    key = load(keys + round * BLOCK);
    if (round < rounds) {
        e->x = _mm_aesenc_si128(e->x, key);
        return;
    }
    e->cipher = _mm_aesenclast_si128(e->x, key);
    store(block, e->cipher);
    if (block == chunk + CHUNK - BLOCK)
        return;
    key = _mm_xor_si128(key, _mm_xor_si128(load(block + BLOCK), load(keys)));
    e->x = _mm_aesenclast_si128(e->x, key);
}

/* Four blocks of a chunk on their way through decryption. */
struct decrypting {
    __m128i x0, x1, x2, x3;
};

NI_INLINE void decrypting_begin(struct decrypting *d, const uint8_t *keys, const uint8_t *chunk)
{
    const __m128i key = load(keys);

    d->x0 = _mm_xor_si128(load(chunk), key);
    d->x1 = _mm_xor_si128(load(chunk + BLOCK), key);
    d->x2 = _mm_xor_si128(load(chunk + 2 * BLOCK), key);
    d->x3 = _mm_xor_si128(load(chunk + 3 * BLOCK), key);
}

NI_INLINE void decrypt_round(struct decrypting *d, const uint8_t *keys, size_t round)
{
    const __m128i key = load(keys + round * BLOCK);

    d->x0 = _mm_aesdec_si128(d->x0, key);
    d->x1 = _mm_aesdec_si128(d->x1, key);
    d->x2 = _mm_aesdec_si128(d->x2, key);
    d->x3 = _mm_aesdec_si128(d->x3, key);
}

/* Answers the ciphertext that the next block is chained to. */
NI_INLINE __m128i decrypting_end(const struct decrypting *d, const uint8_t *keys, size_t rounds,
                                 __m128i chain, uint8_t *chunk)
{
    const __m128i key = load(keys + rounds * BLOCK);
    const __m128i c0 = load(chunk), c1 = load(chunk + BLOCK), c2 = load(chunk + 2 * BLOCK);
    const __m128i c3 = load(chunk + 3 * BLOCK);

    store(chunk, _mm_xor_si128(_mm_aesdeclast_si128(d->x0, key), chain));
    store(chunk + BLOCK, _mm_xor_si128(_mm_aesdeclast_si128(d->x1, key), c0));
    store(chunk + 2 * BLOCK, _mm_xor_si128(_mm_aesdeclast_si128(d->x2, key), c1));
    store(chunk + 3 * BLOCK, _mm_xor_si128(_mm_aesdeclast_si128(d->x3, key), c2));
    return c3;
}

NI_INLINE __m128i decrypt_chunk(const uint8_t *keys, size_t rounds, __m128i chain, uint8_t *chunk)
{
    struct decrypting d;

    decrypting_begin(&d, keys, chunk);
    for (size_t round = 1; round < rounds; round++)
        decrypt_round(&d, keys, round);
    return decrypting_end(&d, keys, rounds, chain, chunk);
}

/* ---- both at once ---- */

/* Hashes a chunk and encrypts it: three rounds of AES for each group, as long as there are any. */
NI_INLINE __m128i seal_chunk(const uint8_t *keys, size_t rounds, struct sha *sha, __m128i chain,
                             uint8_t *chunk)
{
    struct encrypting x;
    struct hashing h;

    hashing_begin(&h, sha, chunk);
    encrypting_begin(&x, keys, chain, chunk);
#pragma GCC unroll 20
    for (int group = 0; group < 20; group++) {
        hash_group(&h, group);
        encrypt_round(&x, keys, rounds, chunk, 3 * (size_t)group);
        encrypt_round(&x, keys, rounds, chunk, 3 * (size_t)group + 1);
        encrypt_round(&x, keys, rounds, chunk, 3 * (size_t)group + 2);
    }
    hashing_end(&h, sha);
    return x.cipher;
}

/* Decrypts a chunk and hashes the one before it: one round of the four blocks for each group. */
NI_INLINE __m128i open_chunk(const uint8_t *keys, size_t rounds, struct sha *sha, __m128i chain,
                             uint8_t *chunk)
{
    struct decrypting d;
    struct hashing h;

    hashing_begin(&h, sha, chunk - CHUNK);
    decrypting_begin(&d, keys, chunk);
#pragma GCC unroll 20
    for (int group = 0; group < 20; group++) {
        hash_group(&h, group);
        if (group > 0 && (size_t)group < rounds)
            decrypt_round(&d, keys, (size_t)group);
    }
    hashing_end(&h, sha);
    return decrypting_end(&d, keys, rounds, chain, chunk);
}

/* Encrypts a text and answers its inner hash. The rounds are a constant wherever this is. */
NI_INLINE struct sha seal_rounds(const struct nns__ni *ni, size_t rounds,
                                 const struct nns__text *text)
{
    const size_t lead = nns__block_whole(text);
    struct sha sha = load_state(ni->inner);
    __m128i chain = _mm_setzero_si128();
    size_t at = 0;

    for (; at + CHUNK <= lead; at += CHUNK)
        chain = seal_chunk(ni->keys, rounds, &sha, chain, text->bytes + at);
    hash_rest(&sha, text->bytes + at, text->size - at, text->size);
    for (; at < lead; at += BLOCK) {
        chain = nns__block_encrypt(ni->keys, rounds, _mm_xor_si128(load(text->bytes + at), chain));
        store(text->bytes + at, chain);
    }
    nns__block_steal(ni->keys, rounds, text);
    return sha;
}

/* Decrypts a text and answers its inner hash. */
NI_INLINE struct sha open_rounds(const struct nns__ni *ni, size_t rounds,
                                 const struct nns__text *text)
{
    const size_t lead = nns__block_whole(text);
    struct sha sha = load_state(ni->inner);
    __m128i chain = _mm_setzero_si128();
    size_t at = 0, hashed;

    nns__block_give_back(ni->keys, rounds, text);
    if (lead >= CHUNK)
        chain = decrypt_chunk(ni->keys, rounds, chain, text->bytes);
    for (at = CHUNK; at + CHUNK <= lead; at += CHUNK)
        chain = open_chunk(ni->keys, rounds, &sha, chain, text->bytes + at);
    hashed = at - CHUNK;
    for (at = lead < CHUNK ? 0 : at; at < lead; at += BLOCK) {
        __m128i cipher = load(text->bytes + at);

        store(text->bytes + at, _mm_xor_si128(nns__block_decrypt(ni->keys, rounds, cipher), chain));
        chain = cipher;
    }
    hash_rest(&sha, text->bytes + hashed, text->size - hashed, text->size);
    return sha;
}

/* ---- a text ---- */

NI static struct sha authenticate(const struct nns__ni *ni, const struct nns__text *text)
{
    struct sha sha = load_state(ni->inner);

    hash_rest(&sha, text->bytes, text->size, text->size);
    return sha;
}

/* Not inlined, so that what it leaves on the stack is where forget() wipes. */
NI static __attribute__((noinline)) void seal_text(const struct nns__ni *ni,
                                                   const struct nns__crypt_keys *keys,
                                                   const struct nns__text *text)
{
    uint8_t tag[BLOCK];
    struct sha sha;

    if (!keys->conf)
        sha = authenticate(ni, text);
    else if (keys->enctype->key_size == BLOCK)
        sha = seal_rounds(ni, 10, text);
    else
        sha = seal_rounds(ni, 14, text);
    make_tag(ni, &sha, tag);
    memcpy(text->bytes + text->size, tag, keys->enctype->tag_size);
}

/* False: it is not what its tag says, and wiped. */
NI static __attribute__((noinline)) bool open_text(const struct nns__ni *ni,
                                                   const struct nns__crypt_keys *keys,
                                                   const struct nns__text *text)
{
    uint8_t tag[BLOCK];
    struct sha sha;

    if (!keys->conf)
        sha = authenticate(ni, text);
    else if (keys->enctype->key_size == BLOCK)
        sha = open_rounds(ni, 10, text);
    else
        sha = open_rounds(ni, 14, text);
    make_tag(ni, &sha, tag);
    if (CRYPTO_memcmp(tag, text->bytes + text->size, keys->enctype->tag_size) == 0)
        return true;
    nns__wipe(text->bytes, text->size);
    return false;
}

/* The keys as the instructions want them; NULL: no memory. */
NI static __attribute__((noinline)) struct nns__ni *schedule(const struct nns__mem *mem,
                                                             const struct nns__crypt_keys *keys,
                                                             bool decrypt)
{
    struct nns__ni *ni = nns__alloc(mem, sizeof(*ni));

    if (ni == NULL)
        return NULL;
    hash_key(keys, 0x36, ni->inner);
    hash_key(keys, 0x5c, ni->outer);
    if (keys->conf)
        expand_key(keys->enctype, keys->cipher, ni->keys);
    if (keys->conf && decrypt)
        turn_round(nns__block_rounds(keys->enctype), ni->keys);
    return ni;
}

/* Wipes where the functions above had their variables: below the caller's own, and in registers. */
static __attribute__((noinline)) void forget(void)
{
    uint8_t stack[STACK];

    nns__wipe(stack, sizeof(stack));
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\t"
                     "pxor %%xmm3, %%xmm3\n\tpxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
                     "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\tpxor %%xmm8, %%xmm8\n\t"
                     "pxor %%xmm9, %%xmm9\n\tpxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
                     "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\tpxor %%xmm14, %%xmm14\n\t"
                     "pxor %%xmm15, %%xmm15" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* ---- the contract ---- */

/* False: nothing is taken. */
static bool begin(struct nns__ni **ni, const struct nns__mem *mem,
                  const struct nns__crypt_keys *keys, bool decrypt)
{
    if (!nns__ni_takes(keys->enctype))
        return false;
    if (*ni == NULL)
        *ni = schedule(mem, keys, decrypt);
    return *ni != NULL;
}

size_t nns__ni_seal(struct nns__ni **ni, const struct nns__mem *mem,
                    const struct nns__crypt_keys *keys, const struct nns__text *texts, size_t count)
{
    if (!begin(ni, mem, keys, false))
        return 0;
    for (size_t i = 0; i < count; i++)
        seal_text(*ni, keys, &texts[i]);
    forget();
    return count;
}

size_t nns__ni_open(struct nns__ni **ni, const struct nns__mem *mem,
                    const struct nns__crypt_keys *keys, const struct nns__text *texts, size_t count,
                    size_t *good)
{
    size_t done = 0;

    *good = 0;
    if (!begin(ni, mem, keys, true))
        return 0;
    while (done < count && open_text(*ni, keys, &texts[done]))
        done++;
    forget();
    *good = done;
    return count;
}

void nns__ni_rest(struct nns__ni **ni, const struct nns__mem *mem)
{
    nns__free_wiped(mem, *ni, sizeof(**ni));
    *ni = NULL;
}

#endif
