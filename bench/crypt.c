/* SPDX-License-Identifier: MIT
 *
 * The cipher work of records alone, without records, beside what the libraries that do it can do at
 * most: AES-CBC without ciphertext stealing and HMAC over the same bytes. It reaches into the
 * library, so its figures are never those of libnns; they say what is lost on the way.
 *
 * usage: bench_crypt [ENCTYPE [SIZE [COUNT [ROUNDS]]]]
 *
 *   ENCTYPE  17, 18 (the default), 19, 20
 *   SIZE     bytes of a text, at least 16; default 64544, that of a full record
 *   COUNT    texts in a batch, 1 to 64; default 16
 *   ROUNDS   in each, all take turns; default 9. The medians are printed, a line each:
 *
 *   {"name": "WHAT.seal", "enctype": 18, "size": 64544, "count": 16, "mb_per_s": 1234.5}
 *
 *   WHAT     ours.libcrypto   nns__crypt one text after the other
 *            ours.mb          nns__crypt as it is by itself
 *            libcrypto.limit  its EVP functions, contexts made once
 *            mb.jobs          chained jobs of the multi-buffer library (where it is there)
 *            mb.bursts        its bursts
 *
 * and the same with "WHAT.open". Megabytes are of 10^6 bytes of texts.
 */
#include "protect/krb5_crypt.h"
#include "protect/krb5_mb.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef NNS_HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

enum {
    MOST = 64,
    AROUND = 4 + 16,    /* before a text: length field and token header */
    TIME = 20 * 1000000 /* nanoseconds that one thing is measured at a time */
};

static const struct nns__enctype enctypes[] = {
    {17, 16, 16, 12, NNS__CRYPT_SHA1, false},
    {18, 32, 32, 12, NNS__CRYPT_SHA1, false},
    {19, 16, 16, 16, NNS__CRYPT_SHA256, true},
    {20, 32, 24, 24, NNS__CRYPT_SHA384, true},
};

static struct nns__crypt_keys keys;
static struct nns__text texts[MOST];
static size_t count = 16;
static uint8_t tags[MOST][64];
static const uint8_t zeros[16];

static void need(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "crypt: %s failed\n", what);
    exit(1);
}

static bool cipher_last(bool open)
{
    return open == keys.enctype->encrypt_then_mac;
}

/* ---- libnns ---- */

static struct nns__crypt *ours[2][2]; /* of all, one by one; to seal, to open */

static void make_ours(void)
{
    struct nns__mem mem;

    need(nns__mem_init(&mem, NULL) == NNS_OK, "memory");
    for (int i = 0; i < 4; i++) {
        keys.one_by_one = i / 2 != 0;
        need(nns__crypt_new(&ours[i / 2][i % 2], &mem, &keys) == NNS_OK, "nns__crypt_new");
    }
}

static void our_seal(void)
{
    need(nns__crypt_seal(ours[0][0], texts, count) == NNS_OK, "nns__crypt_seal");
}

static void our_open(void)
{
    need(nns__crypt_open(ours[0][1], texts, count) == (nns_ssize)count, "nns__crypt_open");
}

static void our_seal_one_by_one(void)
{
    need(nns__crypt_seal(ours[1][0], texts, count) == NNS_OK, "nns__crypt_seal");
}

static void our_open_one_by_one(void)
{
    need(nns__crypt_open(ours[1][1], texts, count) == (nns_ssize)count, "nns__crypt_open");
}

/* ---- libcrypto ---- */

static EVP_CIPHER_CTX *cipher[2];
static EVP_MAC_CTX *mac;

static void make_libcrypto(void)
{
    static char digests[][8] = {"SHA1", "SHA256", "SHA384"};
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digests[keys.enctype->hash], 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_CIPHER *aes =
        EVP_CIPHER_fetch(NULL, keys.enctype->key_size == 16 ? "AES-128-CBC" : "AES-256-CBC", NULL);

    mac = EVP_MAC_CTX_new(hmac);
    need(EVP_MAC_init(mac, keys.integrity, keys.enctype->hash_key_size, params), "HMAC");
    for (int open = 0; open < 2; open++) {
        cipher[open] = EVP_CIPHER_CTX_new();
        need(EVP_CipherInit_ex2(cipher[open], aes, keys.cipher, zeros, !open, NULL), "AES");
        EVP_CIPHER_CTX_set_padding(cipher[open], 0);
    }
}

static void libcrypto_cipher(const struct nns__text *text, bool open)
{
    int written;

    need(EVP_CipherInit_ex2(cipher[open], NULL, NULL, zeros, -1, NULL), "AES");
    need(EVP_CipherUpdate(cipher[open], text->bytes, &written, text->bytes,
                          (int)(text->size & ~(size_t)15)),
         "AES");
}

static void libcrypto_all(bool open)
{
    size_t written;

    for (size_t i = 0; i < count; i++) {
        if (!cipher_last(open))
            libcrypto_cipher(&texts[i], open);
        need(EVP_MAC_init(mac, NULL, 0, NULL), "HMAC");
        need(EVP_MAC_update(mac, texts[i].bytes, texts[i].size), "HMAC");
        need(EVP_MAC_final(mac, tags[i], &written, sizeof(tags[i])), "HMAC");
        if (cipher_last(open))
            libcrypto_cipher(&texts[i], open);
    }
}

static void libcrypto_seal(void)
{
    libcrypto_all(false);
}

static void libcrypto_open(void)
{
    libcrypto_all(true);
}

/* ---- the multi-buffer library ---- */

#ifdef NNS_HAVE_IPSEC_MB

static IMB_MGR *manager;
static IMB_JOB job[2]; /* what all jobs have in common; to seal, to open */
static _Alignas(16) uint8_t schedules[2][240], states[2][64];

static void hash_pad(uint8_t pad, uint8_t *state)
{
    uint8_t block[128];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < keys.enctype->hash_key_size; i++)
        block[i] ^= keys.integrity[i];
    if (keys.enctype->hash == NNS__CRYPT_SHA1)
        IMB_SHA1_ONE_BLOCK(manager, block, state);
    else if (keys.enctype->hash == NNS__CRYPT_SHA256)
        IMB_SHA256_ONE_BLOCK(manager, block, state);
    else
        IMB_SHA384_ONE_BLOCK(manager, block, state);
}

static void make_mb(void)
{
    static const IMB_HASH_ALG hashes[] = {IMB_AUTH_HMAC_SHA_1, IMB_AUTH_HMAC_SHA_256,
                                          IMB_AUTH_HMAC_SHA_384};

    manager = alloc_mb_mgr(0);
    need(manager != NULL, "alloc_mb_mgr");
    init_mb_mgr_auto(manager, NULL);
    if (keys.enctype->key_size == 16)
        IMB_AES_KEYEXP_128(manager, keys.cipher, schedules[0], schedules[1]);
    else
        IMB_AES_KEYEXP_256(manager, keys.cipher, schedules[0], schedules[1]);
    hash_pad(0x36, states[0]);
    hash_pad(0x5c, states[1]);
    for (int open = 0; open < 2; open++) {
        job[open].enc_keys = schedules[0];
        job[open].dec_keys = schedules[1];
        job[open].key_len_in_bytes = keys.enctype->key_size;
        job[open].iv = zeros;
        job[open].iv_len_in_bytes = 16;
        job[open].cipher_mode = IMB_CIPHER_CBC;
        job[open].cipher_direction = open ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
        job[open].chain_order = cipher_last(open) ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
        job[open].hash_alg = hashes[keys.enctype->hash];
        job[open].auth_tag_output_len_in_bytes = keys.enctype->tag_size;
        job[open].u.HMAC._hashed_auth_key_xor_ipad = states[0];
        job[open].u.HMAC._hashed_auth_key_xor_opad = states[1];
    }
}

static void fill(IMB_JOB *to, size_t i, bool open)
{
    *to = job[open];
    to->src = texts[i].bytes;
    to->dst = texts[i].bytes;
    to->msg_len_to_cipher_in_bytes = texts[i].size & ~(uint64_t)15;
    to->msg_len_to_hash_in_bytes = texts[i].size;
    to->auth_tag_output = tags[i];
}

static void mb_jobs(bool open)
{
    size_t done = 0;

    for (size_t i = 0; i < count; i++) {
        fill(IMB_GET_NEXT_JOB(manager), i, open);
        for (IMB_JOB *j = IMB_SUBMIT_JOB_NOCHECK(manager); j != NULL;
             j = IMB_GET_COMPLETED_JOB(manager))
            done++;
    }
    while (IMB_FLUSH_JOB(manager) != NULL)
        done++;
    need(done == count, "jobs");
}

static void mb_bursts(bool open)
{
    static IMB_JOB jobs[MOST];
    const IMB_JOB *common = &job[open];

    for (size_t i = 0; i < count; i++)
        fill(&jobs[i], i, open);
    for (int pass = 0; pass < 2; pass++) {
        uint32_t done;

        if ((pass == 1) == cipher_last(open))
            done = IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs, (uint32_t)count, IMB_CIPHER_CBC,
                                                   common->cipher_direction,
                                                   (IMB_KEY_SIZE_BYTES)common->key_len_in_bytes);
        else
            done = IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, (uint32_t)count, common->hash_alg);
        need(done == count, "burst");
    }
}

static void mb_jobs_seal(void)
{
    mb_jobs(false);
}

static void mb_jobs_open(void)
{
    mb_jobs(true);
}

static void mb_bursts_seal(void)
{
    mb_bursts(false);
}

static void mb_bursts_open(void)
{
    mb_bursts(true);
}

#endif

/* ---- measuring ---- */

static const struct thing {
    const char *name;
    void (*run)(void);
    void (*before)(void); /* each time, and not measured */
} things[] = {
    {"ours.libcrypto.seal", our_seal_one_by_one, NULL},
    {"libcrypto.limit.seal", libcrypto_seal, NULL},
    {"ours.mb.seal", our_seal, NULL},
#ifdef NNS_HAVE_IPSEC_MB
    {"mb.jobs.seal", mb_jobs_seal, NULL},
    {"mb.bursts.seal", mb_bursts_seal, NULL},
#endif
    {"ours.libcrypto.open", our_open_one_by_one, our_seal},
    {"libcrypto.limit.open", libcrypto_open, our_seal},
    {"ours.mb.open", our_open, our_seal},
#ifdef NNS_HAVE_IPSEC_MB
    {"mb.jobs.open", mb_jobs_open, our_seal},
    {"mb.bursts.open", mb_bursts_open, our_seal},
#endif
};

#define THINGS (sizeof(things) / sizeof(things[0]))
#define ROUNDS ((size_t)99) /* at most */

static int64_t now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Megabytes a second. */
static double measure(const struct thing *thing)
{
    int64_t spent = 0;
    double bytes = 0;

    while (spent < TIME) {
        int64_t start;

        if (thing->before != NULL)
            thing->before();
        start = now();
        thing->run();
        spent += now() - start;
        bytes += (double)(count * texts[0].size);
    }
    return bytes * 1e3 / (double)spent;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static size_t number(int argc, char **argv, int i, size_t otherwise, size_t least, size_t most)
{
    unsigned long value = argc > i ? strtoul(argv[i], NULL, 10) : otherwise;

    need(value >= least && value <= most, "an argument's range");
    return value;
}

int main(int argc, char **argv)
{
    const size_t enctype = number(argc, argv, 1, 18, 17, 20);
    const size_t size = number(argc, argv, 2, 64544, 16, 1 << 20);
    const size_t rounds = number(argc, argv, 4, 9, 1, ROUNDS);
    static double results[THINGS][ROUNDS];
    size_t stride = AROUND + size + NNS__CRYPT_TAG;
    uint8_t *bytes;

    count = number(argc, argv, 3, 16, 1, MOST);
    bytes = calloc(count, stride);
    need(bytes != NULL, "memory");
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct nns__text){bytes + i * stride + AROUND, size};
    keys = (struct nns__crypt_keys){.enctype = &enctypes[enctype - 17], .conf = true};
    memset(keys.cipher, 1, sizeof(keys.cipher));
    memset(keys.integrity, 2, sizeof(keys.integrity));
    make_ours();
    make_libcrypto();
#ifdef NNS_HAVE_IPSEC_MB
    make_mb();
#endif
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < THINGS; i++)
            results[i][round] = measure(&things[i]);
    }
    for (size_t i = 0; i < THINGS; i++) {
        qsort(results[i], rounds, sizeof(results[i][0]), by_value);
        printf("{\"name\": \"%s\", \"enctype\": %zu, \"size\": %zu, \"count\": %zu, "
               "\"mb_per_s\": %.1f}\n",
               things[i].name, enctype, size, count, results[i][rounds / 2]);
    }
    return 0;
}
