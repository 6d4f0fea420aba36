/* SPDX-License-Identifier: MIT
 *
 * Cipher work by the processor's instructions for AES and SHA-1 against the plainest way to do it
 * with libcrypto (support/cipher.h). Nothing around a text may change, wherever it lies.
 */
#include "protect/krb5_ni.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/cipher.h"
#include "support/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    AHEAD = 48, /* canaries */
    BEHIND = 48,
    TAG = 12,
    LONGEST = 65536,
    TYPES = 2 /* 17 and 18 */
};

/* One text as it is plain and sealed, and the state of both directions. */
struct sample {
    struct nns__crypt_keys keys;
    struct nns__mem mem;
    struct nns__ni *sealing, *opening;
    uint8_t *plain, *sealed, *work; /* with all that is around it */
    size_t room;                    /* bytes of each */
};

static void random_bytes(uint8_t *p, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)next_random(seed);
}

static void sample_init(struct sample *s, const struct nns__enctype *enctype, bool conf,
                        uint32_t *seed)
{
    *s = (struct sample){.keys = {.enctype = enctype, .conf = conf}};
    (void)nns__mem_init(&s->mem, NULL);
    random_bytes(s->keys.cipher, sizeof(s->keys.cipher), seed);
    random_bytes(s->keys.integrity, sizeof(s->keys.integrity), seed);
    s->room = AHEAD + LONGEST + TAG + BEHIND;
    s->plain = malloc(s->room);
    s->sealed = malloc(s->room);
    s->work = malloc(s->room);
    if (s->plain == NULL || s->sealed == NULL || s->work == NULL)
        abort();
    random_bytes(s->plain, s->room, seed);
}

static void sample_free(struct sample *s)
{
    nns__ni_rest(&s->sealing, &s->mem);
    nns__ni_rest(&s->opening, &s->mem);
    free(s->plain);
    free(s->sealed);
    free(s->work);
}

/* The text of so many bytes that begins at this one, sealed as it should be. */
static struct nns__text sample_text(struct sample *s, size_t at, size_t size)
{
    s->room = at + size + TAG + BEHIND;
    memcpy(s->sealed, s->plain, s->room);
    cipher_seal(&s->keys, s->sealed + at, size);
    return (struct nns__text){s->work + at, size};
}

/* Seals and opens a text, and answers whether all bytes are right, those around it too. */
static bool round_trip(struct sample *s, size_t at, size_t size)
{
    const struct nns__text text = sample_text(s, at, size);
    size_t good = 0;
    bool right;

    memcpy(s->work, s->plain, s->room);
    right = nns__ni_seal(&s->sealing, &s->mem, &s->keys, &text, 1) == 1 &&
            memcmp(s->work, s->sealed, s->room) == 0;
    memcpy(s->work, s->sealed, s->room);
    right = right && nns__ni_open(&s->opening, &s->mem, &s->keys, &text, 1, &good) == 1;
    memcpy(s->work + at + size, s->plain + at + size, TAG);
    return right && good == 1 && memcmp(s->work, s->plain, s->room) == 0;
}

static void check_round_trip(struct sample *s, size_t at, size_t size)
{
    if (!round_trip(s, at, size))
        fail_msg("%d, conf %d: %zu bytes at %zu", s->keys.enctype->number, s->keys.conf, size, at);
}

static void for_all(void (*check)(struct sample *s, uint32_t *seed))
{
    uint32_t seed = 5;

    if (!nns__ni_takes(&cipher_types[0]))
        skip();
    for (size_t i = 0; i < TYPES * 2; i++) {
        struct sample s;

        sample_init(&s, &cipher_types[i / 2], i % 2 != 0, &seed);
        check(&s, &seed);
        sample_free(&s);
    }
}

/* ---- tests ---- */

static void sizes(struct sample *s, uint32_t *seed)
{
    (void)seed;
    for (size_t size = s->keys.conf ? NNS__CRYPT_BLOCK : 0; size <= 1100; size++)
        check_round_trip(s, AHEAD, size);
}

static void texts_of_every_size(void **state)
{
    (void)state;
    for_all(sizes);
}

static void places(struct sample *s, uint32_t *seed)
{
    static const size_t some[] = {16, 17, 32, 63, 64, 65, 80, 96, 127, 128, 129, 144, 145, 1000};

    (void)seed;
    for (size_t i = 0; i < COUNT(some); i++) {
        for (size_t at = AHEAD - NNS__CRYPT_BLOCK; at <= AHEAD; at++)
            check_round_trip(s, at, some[i]);
    }
}

static void texts_at_every_place(void **state)
{
    (void)state;
    for_all(places);
}

static void large(struct sample *s, uint32_t *seed)
{
    check_round_trip(s, AHEAD, LONGEST);
    check_round_trip(s, AHEAD, 64544);
    for (size_t i = 0; i < 100; i++) {
        const size_t at = AHEAD - next_random(seed) % NNS__CRYPT_BLOCK;

        nns__ni_rest(&s->sealing, &s->mem);
        nns__ni_rest(&s->opening, &s->mem);
        random_bytes(s->keys.cipher, sizeof(s->keys.cipher), seed);
        random_bytes(s->keys.integrity, sizeof(s->keys.integrity), seed);
        check_round_trip(s, at, NNS__CRYPT_BLOCK + next_random(seed) % (LONGEST - 16));
    }
}

static void large_texts_and_other_keys(void **state)
{
    (void)state;
    for_all(large);
}

/* The text with one bit flipped is refused and wiped. */
static void check_flip(struct sample *s, struct nns__text text, size_t bit)
{
    uint8_t *behind = s->work + s->room - BEHIND;
    size_t good = 1;

    memcpy(s->work, s->sealed, s->room);
    text.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(nns__ni_open(&s->opening, &s->mem, &s->keys, &text, 1, &good), 1);
    assert_int_equal(good, 0);
    for (size_t i = 0; i < text.size; i++)
        assert_int_equal(text.bytes[i], 0);
    assert_memory_equal(s->work, s->plain, AHEAD);
    assert_memory_equal(behind, s->plain + s->room - BEHIND, BEHIND);
}

static void flips(struct sample *s, uint32_t *seed)
{
    static const size_t some[] = {16, 17, 31, 32, 61, 64, 80, 81, 128, 200};

    for (size_t i = 0; i < COUNT(some); i++) {
        const struct nns__text text = sample_text(s, AHEAD, some[i]);

        for (size_t bit = 0; bit < 8 * (some[i] + TAG); bit++)
            check_flip(s, text, bit);
    }
    for (size_t i = 0; i < 50; i++) {
        const size_t size = LONGEST - next_random(seed) % 200;

        check_flip(s, sample_text(s, AHEAD, size), next_random(seed) % (8 * (size + TAG)));
    }
}

static void a_flipped_bit_is_found(void **state)
{
    (void)state;
    for_all(flips);
}

static void several(struct sample *s, uint32_t *seed)
{
    enum {
        TEXTS = 5,
        BAD = 3,
        SIZE = 100,
        STRIDE = AHEAD + SIZE + TAG
    };
    struct nns__text texts[TEXTS];
    size_t good = 0;

    (void)seed;
    memcpy(s->sealed, s->plain, TEXTS * STRIDE);
    memcpy(s->work, s->plain, TEXTS * STRIDE);
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i] = (struct nns__text){s->work + i * STRIDE + AHEAD, SIZE};
        cipher_seal(&s->keys, s->sealed + i * STRIDE + AHEAD, SIZE);
    }
    assert_int_equal(nns__ni_seal(&s->sealing, &s->mem, &s->keys, texts, TEXTS), TEXTS);
    assert_memory_equal(s->work, s->sealed, TEXTS * STRIDE);
    texts[BAD].bytes[SIZE] ^= 1;
    assert_int_equal(nns__ni_open(&s->opening, &s->mem, &s->keys, texts, TEXTS, &good), TEXTS);
    assert_int_equal(good, BAD);
    for (size_t i = 0; i < BAD; i++)
        assert_memory_equal(texts[i].bytes, s->plain + i * STRIDE + AHEAD, SIZE);
    assert_memory_equal(texts[BAD + 1].bytes, s->sealed + (BAD + 1) * STRIDE + AHEAD, SIZE);
}

static void a_bad_text_ends_what_is_good(void **state)
{
    (void)state;
    for_all(several);
}

/* Nothing is taken, and nothing changes. */
static void expect_left(struct sample *s, const struct nns__mem *mem)
{
    const struct nns__text text = {s->work + AHEAD, 100};
    struct nns__ni *ni = NULL;
    size_t good = 1;

    memcpy(s->work, s->plain, s->room);
    assert_int_equal(nns__ni_seal(&ni, mem, &s->keys, &text, 1), 0);
    assert_int_equal(nns__ni_open(&ni, mem, &s->keys, &text, 1, &good), 0);
    assert_int_equal(good, 0);
    assert_null(ni);
    assert_memory_equal(s->work, s->plain, s->room);
}

static void others_are_left(void **state)
{
    uint32_t seed = 6;

    (void)state;
    for (size_t i = 0; i < CIPHER_TYPES; i++) {
        struct sample s;

        nns__ni_allow(i >= TYPES); /* the others never */
        sample_init(&s, &cipher_types[i], false, &seed);
        assert_false(nns__ni_takes(s.keys.enctype));
        expect_left(&s, &s.mem);
        sample_free(&s);
    }
    nns__ni_allow(true);
}

static void without_memory(struct sample *s, uint32_t *seed)
{
    struct test_alloc counter = {.fail_at = 1, .forever = true};
    nns_allocator alloc = test_allocator(&counter);
    struct nns__ni *ni = NULL;
    struct nns__text text;
    struct nns__mem mem;

    (void)seed;
    assert_int_equal(nns__mem_init(&mem, &alloc), NNS_OK);
    expect_left(s, &mem);
    counter.fail_at = 0;
    counter.forever = false;
    text = sample_text(s, AHEAD, 100);
    memcpy(s->work, s->plain, s->room);
    assert_int_equal(nns__ni_seal(&ni, &mem, &s->keys, &text, 1), 1);
    assert_memory_equal(s->work, s->sealed, s->room);
    assert_int_equal(counter.blocks, 1);
    assert_in_range(counter.bytes, 1, 700);
    nns__ni_rest(&ni, &mem);
    assert_int_equal(counter.blocks, 0);
    assert_null(ni);
}

static void without_memory_texts_are_left(void **state)
{
    (void)state;
    for_all(without_memory);
}

/* ---- what is left in memory ---- */

enum {
    PART = 12, /* bytes that are enough to know a secret by */
    PARTS = 40
};

/* As they are not, so that the search does not find itself. */
struct secrets {
    uint8_t parts[PARTS][PART];
    size_t count;
    uint8_t *schedules[2];
    size_t schedules_size, schedules_count;
};

static void remember(struct secrets *secrets, const uint8_t *bytes, size_t size)
{
    static const uint8_t nothing[PART];

    for (size_t at = 0; at + PART <= size; at += NNS__CRYPT_BLOCK) {
        if (memcmp(bytes + at, nothing, PART) == 0)
            continue;
        assert_true(secrets->count < PARTS);
        memcpy(secrets->parts[secrets->count], bytes + at, PART);
        memory_invert(secrets->parts[secrets->count++], PART);
    }
}

static size_t find(const struct secrets *secrets)
{
    size_t found = 0;

    for (size_t i = 0; i < secrets->count; i++)
        found += memory_find_inverted(secrets->parts[i], PART);
    return found;
}

static void *remembering_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    struct secrets *secrets = arg;

    if (new_size == 0) {
        for (size_t i = 0; i < old_size; i++)
            assert_int_equal(((uint8_t *)ptr)[i], 0);
        free(ptr);
        return NULL;
    }
    secrets->schedules_size = new_size;
    return secrets->schedules[secrets->schedules_count++] = malloc(new_size);
}

/* Seals and opens where the search will not overwrite the stack; good: the tag stays right. */
static __attribute__((noinline)) void use_deep(struct nns__ni *ni[2], const struct nns__mem *mem,
                                               const struct nns__crypt_keys *keys,
                                               const struct nns__text *text, bool good)
{
    volatile uint8_t above[16384];
    size_t opened = 2;

    above[0] = 0;
    assert_int_equal(nns__ni_seal(&ni[0], mem, keys, text, 1), 1);
    text->bytes[text->size] ^= !good;
    assert_int_equal(nns__ni_open(&ni[1], mem, keys, text, 1, &opened), 1);
    assert_int_equal(opened, good);
    assert_int_equal(above[0], 0);
}

/* The keys are new ones, and nowhere but here. */
static void forgotten(const struct nns__enctype *enctype, bool conf, bool good, uint32_t *seed)
{
    static struct secrets secrets;
    static uint8_t bytes[1000 + TAG];
    const struct nns__text text = {bytes, 1000};
    const nns_allocator alloc = {
        .size = sizeof(alloc), .realloc_fn = remembering_realloc, .arg = &secrets};
    struct nns__crypt_keys keys = {.enctype = enctype, .conf = conf};
    struct nns__ni *ni[2] = {NULL};
    struct nns__mem mem;

    memset(&secrets, 0, sizeof(secrets));
    assert_int_equal(nns__mem_init(&mem, &alloc), NNS_OK);
    random_bytes(keys.cipher, sizeof(keys.cipher), seed);
    random_bytes(keys.integrity, sizeof(keys.integrity), seed);
    random_bytes(bytes, text.size, seed);
    remember(&secrets, bytes + text.size - 28, 28); /* that it is hashed with padding */
    use_deep(ni, &mem, &keys, &text, good);
    for (size_t i = 0; i < secrets.schedules_count; i++)
        remember(&secrets, secrets.schedules[i], secrets.schedules_size);
    assert_true(find(&secrets) >= secrets.count - 2);
    nns__ni_rest(&ni[0], &mem);
    nns__ni_rest(&ni[1], &mem);
    nns__wipe(&keys, sizeof(keys));
    nns__wipe(bytes, sizeof(bytes));
    assert_int_equal(find(&secrets), 0);
}

static void neither_keys_nor_texts_stay_in_memory(void **state)
{
    uint32_t seed = 8;

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their frames are larger, and elsewhere */
#endif
    if (!nns__ni_takes(&cipher_types[0]))
        skip();
    for (size_t i = 0; i < TYPES * 2; i++) {
        forgotten(&cipher_types[i / 2], i % 2 != 0, true, &seed);
        forgotten(&cipher_types[i / 2], i % 2 != 0, false, &seed);
    }
}

/* ---- threads ---- */

/* Without the assertions of cmocka, which belong to one thread. */
static void *work(void *arg)
{
    size_t *wrong = arg;
    uint32_t seed = (uint32_t)*wrong + 1;

    *wrong = 0;
    for (size_t i = 0; i < TYPES * 2; i++) {
        struct sample s;

        sample_init(&s, &cipher_types[i / 2], i % 2 != 0, &seed);
        for (size_t round = 0; round < 50; round++)
            *wrong += !round_trip(&s, AHEAD, 16 + next_random(&seed) % 2000);
        sample_free(&s);
    }
    return NULL;
}

static void two_threads_at_once(void **state)
{
    pthread_t threads[2];
    size_t wrong[2] = {1, 2}; /* seeds, at first */

    (void)state;
    if (!nns__ni_takes(&cipher_types[0]))
        skip();
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &wrong[i]), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(wrong[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_every_size),
        cmocka_unit_test(texts_at_every_place),
        cmocka_unit_test(large_texts_and_other_keys),
        cmocka_unit_test(a_flipped_bit_is_found),
        cmocka_unit_test(a_bad_text_ends_what_is_good),
        cmocka_unit_test(others_are_left),
        cmocka_unit_test(without_memory_texts_are_left),
        cmocka_unit_test(neither_keys_nor_texts_stay_in_memory),
        cmocka_unit_test(two_threads_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
