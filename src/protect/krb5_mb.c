/* SPDX-License-Identifier: MIT
 *
 * Batches by the multi-buffer library. Its state, a manager, is 200 kB and for one thread at a
 * time: a few of them serve the process, made when first needed and never freed. A thread takes
 * one that is free and never waits; a child that was forked while another thread held one will
 * just not have that one. Only builds of the library that clear their lanes are used (SAFE_DATA,
 * the default): after a batch, a manager knows neither keys nor texts.
 *
 * Each batch is two passes, one for the hash and one for the cipher, over lanes of whole texts.
 * Ciphertext stealing needs one block more for each text, before or behind its pass; that block
 * is done here, by the processor's own instructions, for the library only knows long work.
 */
#include "protect/krb5_mb.h"

#include "protect/krb5_blocks.h"
#include "protect/krb5_ni.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>

#define BLOCK NNS__CRYPT_BLOCK
#define LANES ((size_t)16)           /* of the widest work */
#define LONGEST ((size_t)0xffff - 1) /* bytes that a lane takes: it counts in 16 bits */
#define MANAGERS 8
#define DIGEST ((size_t)64)      /* bytes of the longest hash, and of its state */
#define HASH_BLOCK ((size_t)128) /* bytes of the longest block that is hashed */

struct nns__mb {
    _Alignas(16) uint8_t encrypt[NNS__ROUND_KEYS]; /* the round keys of AES, in order of use */
    _Alignas(16) uint8_t decrypt[NNS__ROUND_KEYS];
    _Alignas(16) uint8_t inner[DIGEST]; /* HMAC's hash states behind the padded key */
    _Alignas(16) uint8_t outer[DIGEST];
};

/* Where a batch is worked on. */
struct lanes {
    atomic_flag busy;
    enum nns__mb_width width; /* that the manager was made for */
    IMB_MGR *manager;
    IMB_JOB jobs[LANES];
    uint8_t tags[LANES][DIGEST];
};

static struct lanes pool[MANAGERS];

/* What a hash is to the library. */
static const struct hash {
    IMB_HASH_ALG algorithm;
    size_t block;
} hashes[] = {
    [NNS__CRYPT_SHA1] = {IMB_AUTH_HMAC_SHA_1, IMB_SHA1_BLOCK_SIZE},
    [NNS__CRYPT_SHA256] = {IMB_AUTH_HMAC_SHA_256, IMB_SHA_256_BLOCK_SIZE},
    [NNS__CRYPT_SHA384] = {IMB_AUTH_HMAC_SHA_384, IMB_SHA_384_BLOCK_SIZE},
};

/* A hash of its own for what follows: krb5_ni.c does one after the other, faster than libcrypto. */
enum {
    SHA1_BESIDE_NI = NNS__CRYPT_SHA384 + 1
};

/* All lanes take as long as the longest text, used or not. So a group of at most so many texts is
 * taken if it fills the lanes as so many half texts of the longest's size would: by measurement,
 * with less one after the other is faster. CBC encryption gains most, being serial; in the other
 * directions hashing decides. Without lanes a group is of none. */
static const struct worth {
    uint8_t group;
    uint8_t encrypt; /* halves */
    uint8_t hash;    /* halves, when decrypting or not ciphering at all */
} worths[][4] = {
    [NNS__MB_AVX2] = {[NNS__CRYPT_SHA1] = {8, 6, 12},
                      [SHA1_BESIDE_NI] = {8, 10, 14},
                      [NNS__CRYPT_SHA256] = {8, 6, 7},
                      [NNS__CRYPT_SHA384] = {4, 5, 7}},
    [NNS__MB_AVX512] = {[NNS__CRYPT_SHA1] = {16, 4, 6},
                        [SHA1_BESIDE_NI] = {16, 6, 7},
                        [NNS__CRYPT_SHA256] = {16, 7, 11},
                        [NNS__CRYPT_SHA384] = {16, 3, 4}},
};

/* A batch on its way. */
struct batch {
    const struct nns__crypt_keys *keys;
    const struct nns__mb *mb;
    struct lanes *lanes;
    const struct nns__text *texts;
    size_t count;
};

static atomic_int most = NNS__MB_AVX512;

void nns__mb_set_most(enum nns__mb_width width)
{
    atomic_store(&most, (int)width);
}

static enum nns__mb_width processor_width(void)
{
    const uint64_t features = imb_get_feature_flags();
    const uint64_t avx2 = IMB_CPUFLAGS_AVX2 | IMB_FEATURE_SAFE_DATA;

    if ((features & avx2) != avx2)
        return NNS__MB_NONE;
    return (features & IMB_CPUFLAGS_AVX512) == IMB_CPUFLAGS_AVX512 ? NNS__MB_AVX512 : NNS__MB_AVX2;
}

enum nns__mb_width nns__mb_width(void)
{
    static atomic_int known = -1; /* asking takes microseconds */
    int width = atomic_load_explicit(&known, memory_order_relaxed);
    int limit = atomic_load_explicit(&most, memory_order_relaxed);

    if (width < 0) {
        width = (int)processor_width();
        atomic_store_explicit(&known, width, memory_order_relaxed);
    }
    return (enum nns__mb_width)(width < limit ? width : limit);
}

/* Makes the manager, or makes it anew for another width. */
static bool prepare(struct lanes *lanes, enum nns__mb_width width)
{
    if (lanes->manager != NULL && lanes->width == width)
        return true;
    if (lanes->manager == NULL)
        lanes->manager = alloc_mb_mgr(0);
    if (lanes->manager == NULL)
        return false;
    if (width == NNS__MB_AVX512)
        init_mb_mgr_avx512(lanes->manager);
    else
        init_mb_mgr_avx2(lanes->manager);
    lanes->width = width;
    if (imb_get_errno(lanes->manager) == 0)
        return true;
    free_mb_mgr(lanes->manager);
    lanes->manager = NULL;
    return false;
}

/* Lanes for this thread alone, until it releases them; NULL if there are none. */
static struct lanes *acquire(enum nns__mb_width width)
{
    for (size_t i = 0; i < MANAGERS; i++) {
        if (atomic_flag_test_and_set_explicit(&pool[i].busy, memory_order_acquire))
            continue;
        if (prepare(&pool[i], width))
            return &pool[i];
        atomic_flag_clear_explicit(&pool[i].busy, memory_order_release);
        break;
    }
    return NULL;
}

static void release(struct lanes *lanes)
{
    atomic_flag_clear_explicit(&lanes->busy, memory_order_release);
}

/* The state of the hash after the key, padded with one of HMAC's two bytes (RFC 2104). */
static void hash_key(IMB_MGR *manager, const struct nns__crypt_keys *keys, uint8_t pad,
                     uint8_t state[DIGEST])
{
    uint8_t block[HASH_BLOCK];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < keys->enctype->hash_key_size; i++)
        block[i] ^= keys->integrity[i];
    if (keys->enctype->hash == NNS__CRYPT_SHA1)
        IMB_SHA1_ONE_BLOCK(manager, block, state);
    else if (keys->enctype->hash == NNS__CRYPT_SHA256)
        IMB_SHA256_ONE_BLOCK(manager, block, state);
    else
        IMB_SHA384_ONE_BLOCK(manager, block, state);
    nns__wipe(block, sizeof(block));
}

/* The keys as the library wants them; NULL: no memory. */
static struct nns__mb *schedule(IMB_MGR *manager, const struct nns__mem *mem,
                                const struct nns__crypt_keys *keys)
{
    struct nns__mb *mb = nns__alloc(mem, sizeof(*mb));

    if (mb == NULL)
        return NULL;
    hash_key(manager, keys, 0x36, mb->inner);
    hash_key(manager, keys, 0x5c, mb->outer);
    if (keys->conf && keys->enctype->key_size == IMB_KEY_128_BYTES)
        IMB_AES_KEYEXP_128(manager, keys->cipher, mb->encrypt, mb->decrypt);
    else if (keys->conf)
        IMB_AES_KEYEXP_256(manager, keys->cipher, mb->encrypt, mb->decrypt);
    return mb;
}

void nns__mb_rest(struct nns__mb **mb, const struct nns__mem *mem)
{
    nns__free_wiped(mem, *mb, sizeof(**mb));
    *mb = NULL;
}

/* How many texts from the front make a group that is worth the lanes; 0: none. */
static size_t worth(enum nns__mb_width width, bool encrypt, const struct nns__crypt_keys *keys,
                    const struct nns__text *texts, size_t count)
{
    const struct nns__enctype *enctype = keys->enctype;
    const struct worth *worth =
        &worths[width][nns__ni_takes(enctype) ? SHA1_BESIDE_NI : (int)enctype->hash];
    const size_t fill = encrypt && keys->conf ? worth->encrypt : worth->hash;
    size_t longest = 0, sum = 0;

    if (count > worth->group)
        count = worth->group;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].size < BLOCK || texts[i].size > LONGEST - BLOCK)
            return 0;
        if (texts[i].size > longest)
            longest = texts[i].size;
        sum += texts[i].size;
    }
    return 2 * sum >= fill * longest ? count : 0;
}

/* Every tag, whole or longer, into the lanes' tags. False: the library did not do it. */
static bool hash_all(const struct batch *b)
{
    const struct nns__enctype *enctype = b->keys->enctype;
    const size_t ahead = b->keys->conf && enctype->encrypt_then_mac ? BLOCK : 0;
    const IMB_HASH_ALG algorithm = hashes[enctype->hash].algorithm;

    for (size_t i = 0; i < b->count; i++) {
        IMB_JOB *job = &b->lanes->jobs[i];

        memset(b->texts[i].bytes - ahead, 0, ahead); /* RFC 8009 section 5: the vector */
        job->src = b->texts[i].bytes - ahead;
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_hash_in_bytes = b->texts[i].size + ahead;
        job->auth_tag_output = b->lanes->tags[i];
        job->auth_tag_output_len_in_bytes = enctype->tag_size;
        job->u.HMAC._hashed_auth_key_xor_ipad = b->mb->inner;
        job->u.HMAC._hashed_auth_key_xor_opad = b->mb->outer;
        job->hash_alg = algorithm;
    }
    return IMB_SUBMIT_HASH_BURST_NOCHECK(b->lanes->manager, b->lanes->jobs, (uint32_t)b->count,
                                         algorithm) == b->count;
}

static bool cipher_all(const struct batch *b, IMB_CIPHER_DIRECTION direction)
{
    static const uint8_t zeros[BLOCK];
    const size_t key_size = b->keys->enctype->key_size;

    for (size_t i = 0; i < b->count; i++) {
        IMB_JOB *job = &b->lanes->jobs[i];

        job->enc_keys = b->mb->encrypt;
        job->dec_keys = b->mb->decrypt;
        job->key_len_in_bytes = key_size;
        job->src = b->texts[i].bytes;
        job->dst = b->texts[i].bytes;
        job->cipher_start_src_offset_in_bytes = 0;
        job->msg_len_to_cipher_in_bytes = nns__block_whole(&b->texts[i]);
        job->iv = zeros;
        job->iv_len_in_bytes = BLOCK;
        job->cipher_mode = IMB_CIPHER_CBC;
        job->cipher_direction = direction;
    }
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->lanes->manager, b->lanes->jobs, (uint32_t)b->count,
                                           IMB_CIPHER_CBC, direction,
                                           (IMB_KEY_SIZE_BYTES)key_size) == b->count;
}

static bool encrypt_all(const struct batch *b)
{
    const size_t rounds = nns__block_rounds(b->keys->enctype);

    if (!cipher_all(b, IMB_DIR_ENCRYPT))
        return false;
    for (size_t i = 0; i < b->count; i++)
        nns__block_steal(b->mb->encrypt, rounds, &b->texts[i]);
    return true;
}

static bool decrypt_all(const struct batch *b)
{
    const size_t rounds = nns__block_rounds(b->keys->enctype);

    for (size_t i = 0; i < b->count; i++)
        nns__block_give_back(b->mb->decrypt, rounds, &b->texts[i]);
    return cipher_all(b, IMB_DIR_DECRYPT);
}

static bool seal_group(const struct batch *b)
{
    const struct nns__enctype *enctype = b->keys->enctype;
    bool done = true;

    if (b->keys->conf && enctype->encrypt_then_mac)
        done = encrypt_all(b);
    done = done && hash_all(b);
    if (b->keys->conf && !enctype->encrypt_then_mac)
        done = done && encrypt_all(b);
    for (size_t i = 0; done && i < b->count; i++)
        memcpy(b->texts[i].bytes + b->texts[i].size, b->lanes->tags[i], enctype->tag_size);
    return done;
}

/* How many from the front have the right tag behind them. */
static size_t compare_all(const struct batch *b)
{
    size_t i = 0;

    while (i < b->count && CRYPTO_memcmp(b->texts[i].bytes + b->texts[i].size, b->lanes->tags[i],
                                         b->keys->enctype->tag_size) == 0)
        i++;
    return i;
}

/* Answers how many are good; the others are wiped. The tag of RFC 8009 is compared before anything
 * is decrypted. */
static nns_ssize open_group(struct batch *b)
{
    const struct nns__enctype *enctype = b->keys->enctype;
    size_t count;

    if (b->keys->conf && !enctype->encrypt_then_mac && !decrypt_all(b))
        return NNS_ERR_INTERNAL;
    if (!hash_all(b))
        return NNS_ERR_INTERNAL;
    count = compare_all(b);
    for (size_t i = count; i < b->count; i++)
        nns__wipe(b->texts[i].bytes, b->texts[i].size);
    b->count = count;
    if (b->keys->conf && enctype->encrypt_then_mac && b->count > 0 && !decrypt_all(b))
        return NNS_ERR_INTERNAL;
    return (nns_ssize)b->count;
}

/* Takes lanes, and the keys' schedules where there are none yet. False: no batch today. */
static bool begin(struct batch *b, enum nns__mb_width width, struct nns__mb **mb,
                  const struct nns__mem *mem)
{
    b->lanes = acquire(width);
    if (b->lanes == NULL)
        return false;
    if (*mb == NULL)
        *mb = schedule(b->lanes->manager, mem, b->keys);
    b->mb = *mb;
    if (b->mb != NULL)
        return true;
    release(b->lanes);
    b->lanes = NULL;
    return false;
}

static void end(struct batch *b)
{
    if (b->lanes == NULL)
        return;
    nns__wipe(b->lanes->tags, sizeof(b->lanes->tags));
    release(b->lanes);
}

nns_ssize nns__mb_seal(struct nns__mb **mb, const struct nns__mem *mem,
                       const struct nns__crypt_keys *keys, const struct nns__text *texts,
                       size_t count)
{
    const enum nns__mb_width width = nns__mb_width();
    struct batch b = {.keys = keys};
    size_t done = 0;
    bool sealed = true;

    while (sealed && (b.count = worth(width, true, keys, texts + done, count - done)) > 0) {
        if (b.lanes == NULL && !begin(&b, width, mb, mem))
            break;
        b.texts = texts + done;
        sealed = seal_group(&b);
        done += b.count;
    }
    end(&b);
    return sealed ? (nns_ssize)done : NNS_ERR_INTERNAL;
}

nns_ssize nns__mb_open(struct nns__mb **mb, const struct nns__mem *mem,
                       const struct nns__crypt_keys *keys, const struct nns__text *texts,
                       size_t count, size_t *good)
{
    const enum nns__mb_width width = nns__mb_width();
    struct batch b = {.keys = keys};
    size_t done = 0, taken;
    nns_ssize opened = 0;

    *good = 0;
    while (*good == done && (taken = worth(width, false, keys, texts + done, count - done)) > 0) {
        if (b.lanes == NULL && !begin(&b, width, mb, mem))
            break;
        b.texts = texts + done;
        b.count = taken;
        opened = open_group(&b);
        if (opened < 0)
            break;
        *good += (size_t)opened;
        done += taken;
    }
    end(&b);
    return opened < 0 ? opened : (nns_ssize)done;
}
