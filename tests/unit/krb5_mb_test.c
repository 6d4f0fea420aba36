/* SPDX-License-Identifier: MIT
 *
 * Batches of cipher work against the plainest way to do it with libcrypto: one message at a time,
 * everything made anew. Whatever a batch leaves must be as it was, and nothing around a text may
 * change.
 */
#include "protect/krb5_mb.h"
#include "protect/krb5_ni.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/cipher.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEXTS = 32,
    AHEAD = 48, /* canary, and the block that may be overwritten */
    BEHIND = NNS__CRYPT_TAG + 32,
    LONGEST = 65518, /* that lanes take, with RFC 8009's vector before it */
    NEST = 8         /* batches that the process has lanes for */
};

static const struct nns__mem *memory(void)
{
    static struct nns__mem mem;

    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
    return &mem;
}

/* ---- batches ---- */

/* Texts in four copies: what is worked on, and as they are plain, sealed, and forged. */
struct sample {
    struct nns__crypt_keys keys;
    struct nns__text texts[TEXTS];
    uint8_t *plain[TEXTS];
    uint8_t *sealed[TEXTS];
    size_t count;
};

static size_t room(size_t size)
{
    return AHEAD + size + BEHIND;
}

static uint8_t *copy_of(const uint8_t *block, size_t size)
{
    uint8_t *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, block, size);
    return copy;
}

static void random_bytes(uint8_t *p, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)next_random(seed);
}

static void sample_init(struct sample *s, const struct nns__enctype *enctype, bool conf,
                        const size_t *sizes, size_t count, uint32_t *seed)
{
    s->keys.enctype = enctype;
    s->keys.conf = conf;
    random_bytes(s->keys.cipher, sizeof(s->keys.cipher), seed);
    random_bytes(s->keys.integrity, sizeof(s->keys.integrity), seed);
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        s->plain[i] = malloc(room(sizes[i]));
        assert_non_null(s->plain[i]);
        random_bytes(s->plain[i], room(sizes[i]), seed);
        s->sealed[i] = copy_of(s->plain[i], room(sizes[i]));
        cipher_seal(&s->keys, s->sealed[i] + AHEAD, sizes[i]);
        s->texts[i].size = sizes[i];
        s->texts[i].bytes = NULL;
    }
}

/* Puts copies of one kind where they are worked on. */
static void sample_lay_out(struct sample *s, uint8_t *const *from)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->texts[i].bytes != NULL)
            free(s->texts[i].bytes - AHEAD);
        s->texts[i].bytes = copy_of(from[i], room(s->texts[i].size)) + AHEAD;
    }
}

static void sample_free(struct sample *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->texts[i].bytes != NULL)
            free(s->texts[i].bytes - AHEAD);
        free(s->plain[i]);
        free(s->sealed[i]);
    }
}

/* The text is as in expected, with extra bytes of what is behind it; around it nothing changed. */
static void check_text(const struct sample *s, size_t i, const uint8_t *expected, size_t extra)
{
    const size_t size = s->texts[i].size + extra;
    const uint8_t *block = s->texts[i].bytes - AHEAD;

    assert_memory_equal(block + AHEAD, expected + AHEAD, size);
    assert_memory_equal(block, expected, AHEAD - NNS__CRYPT_BLOCK);
    if (!s->keys.conf || !s->keys.enctype->encrypt_then_mac)
        assert_memory_equal(block, expected, AHEAD);
    assert_memory_equal(block + room(s->texts[i].size) - 32, expected + room(s->texts[i].size) - 32,
                        32);
}

/* The text and all around it is as in expected. */
static void check_untouched(const struct sample *s, size_t i, const uint8_t *expected)
{
    assert_memory_equal(s->texts[i].bytes - AHEAD, expected, room(s->texts[i].size));
}

static size_t check_seal(struct sample *s, struct nns__mb **mb)
{
    nns_ssize done;

    sample_lay_out(s, s->plain);
    done = nns__mb_seal(mb, memory(), &s->keys, s->texts, s->count);
    assert_in_range(done, 0, s->count);
    for (size_t i = 0; i < s->count; i++) {
        if (i < (size_t)done)
            check_text(s, i, s->sealed[i], s->keys.enctype->tag_size);
        else
            check_untouched(s, i, s->plain[i]);
    }
    return (size_t)done;
}

/* With a bit flipped in text bad, if there is such a one. */
static size_t check_open(struct sample *s, struct nns__mb **mb, size_t bad, size_t bit)
{
    size_t good = 0;
    nns_ssize done;

    sample_lay_out(s, s->sealed);
    if (bad < s->count)
        s->texts[bad].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    done = nns__mb_open(mb, memory(), &s->keys, s->texts, s->count, &good);
    assert_in_range(done, 0, s->count);
    assert_int_equal(good, bad < (size_t)done ? bad : (size_t)done);
    for (size_t i = 0; i < good; i++) {
        assert_memory_equal(s->texts[i].bytes, s->plain[i] + AHEAD, s->texts[i].size);
        memcpy(s->texts[i].bytes + s->texts[i].size, s->plain[i] + AHEAD + s->texts[i].size,
               s->keys.enctype->tag_size);
        check_text(s, i, s->plain[i], s->keys.enctype->tag_size);
    }
    for (size_t i = good; i < (size_t)done; i++) {
        for (size_t k = 0; k < s->texts[i].size; k++)
            assert_int_equal(s->texts[i].bytes[k], 0);
    }
    for (size_t i = (size_t)done; i < s->count && i != bad; i++)
        check_untouched(s, i, s->sealed[i]);
    return (size_t)done;
}

/* All widths there are, and all kinds of keys. */
static void for_all(void (*check)(const struct nns__enctype *enctype, bool conf, uint32_t *seed))
{
    static uint32_t seed = 5; /* no bytes come twice */

    for (int width = NNS__MB_AVX2; width <= NNS__MB_AVX512; width++) {
        nns__mb_set_most((enum nns__mb_width)width);
        if (nns__mb_width() != (enum nns__mb_width)width)
            continue;
        for (size_t i = 0; i < 2 * CIPHER_TYPES; i++)
            check(&cipher_types[i / 2], i % 2 != 0, &seed);
    }
    nns__mb_set_most(NNS__MB_AVX512);
}

/* ---- tests ---- */

static void equal_sizes(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    struct nns__mb *mb = NULL;
    size_t sizes[16];

    for (size_t size = NNS__CRYPT_BLOCK; size <= 600; size += size < 100 ? 1 : 7) {
        struct sample s;

        for (size_t i = 0; i < COUNT(sizes); i++)
            sizes[i] = size;
        sample_init(&s, enctype, conf, sizes, COUNT(sizes), seed);
        nns__mb_rest(&mb, memory());
        assert_int_equal(check_seal(&s, &mb), s.count);
        assert_int_equal(check_open(&s, &mb, s.count, 0), s.count);
        sample_free(&s);
    }
    nns__mb_rest(&mb, memory());
    assert_null(mb);
}

static void sixteen_texts_of_every_size(void **state)
{
    (void)state;
    for_all(equal_sizes);
}

static void mixed_sizes(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    size_t sealed = 0, opened = 0, all = 0;

    for (size_t count = 1; count <= TEXTS; count++) {
        const size_t most = count % 8 == 0 ? LONGEST : 700;
        const size_t least = count % 3 == 0 ? NNS__CRYPT_BLOCK : most / 8 * 7;
        struct nns__mb *mb = NULL;
        size_t sizes[TEXTS];
        struct sample s;

        for (size_t i = 0; i < count; i++)
            sizes[i] = least + next_random(seed) % (most - least + 1);
        sample_init(&s, enctype, conf, sizes, count, seed);
        sealed += check_seal(&s, &mb);
        opened += check_open(&s, &mb, count, 0);
        all += count;
        sample_free(&s);
        nns__mb_rest(&mb, memory());
    }
    assert_true(sealed > all / 4 && opened > all / 4);
}

static void batches_of_mixed_sizes(void **state)
{
    (void)state;
    for_all(mixed_sizes);
}

static void longest_texts(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    struct nns__mb *mb = NULL;
    size_t sizes[16];
    struct sample s;

    for (size_t i = 0; i < COUNT(sizes); i++)
        sizes[i] = LONGEST - i % 4;
    sample_init(&s, enctype, conf, sizes, COUNT(sizes), seed);
    assert_int_equal(check_seal(&s, &mb), s.count);
    assert_int_equal(check_open(&s, &mb, s.count, 0), s.count);
    assert_true(check_open(&s, &mb, 3, 8 * LONGEST - 40) > 3);
    sample_free(&s);
    sizes[2] = LONGEST + 1;
    sample_init(&s, enctype, conf, sizes, COUNT(sizes), seed);
    assert_int_equal(check_seal(&s, &mb), 0);
    assert_int_equal(check_open(&s, &mb, s.count, 0), 0);
    sample_free(&s);
    nns__mb_rest(&mb, memory());
}

static void as_long_as_a_lane_takes(void **state)
{
    (void)state;
    for_all(longest_texts);
}

static void flips(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    const size_t bits = 8 * (61 + enctype->tag_size);
    struct nns__mb *mb = NULL;
    size_t sizes[TEXTS];
    struct sample s;

    for (size_t i = 0; i < TEXTS; i++)
        sizes[i] = 61;
    sample_init(&s, enctype, conf, sizes, TEXTS, seed);
    for (size_t bit = 0; bit < bits; bit++)
        assert_true(check_open(&s, &mb, bit % TEXTS, bit) > bit % TEXTS);
    sample_free(&s);
    nns__mb_rest(&mb, memory());
}

static void a_flipped_bit_is_found_in_its_text(void **state)
{
    (void)state;
    for_all(flips);
}

static void lonely(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    const size_t short_one[] = {15, 15, 15, 15, 15, 15, 15, 15};
    const size_t one[] = {1000}, long_one[] = {16, 16, 16, 16, 16, 16, 16, 60000};
    struct nns__mb *mb = NULL;
    struct sample s;

    sample_init(&s, enctype, conf, one, 1, seed);
    assert_int_equal(check_seal(&s, &mb), 0);
    assert_int_equal(check_open(&s, &mb, 1, 0), 0);
    sample_free(&s);
    if (!conf) {
        sample_init(&s, enctype, conf, short_one, COUNT(short_one), seed);
        assert_int_equal(check_seal(&s, &mb), 0);
        sample_free(&s);
    }
    if (enctype->hash != NNS__CRYPT_SHA384) { /* else the first four are a group */
        sample_init(&s, enctype, conf, long_one, COUNT(long_one), seed);
        assert_int_equal(check_seal(&s, &mb), 0);
        sample_free(&s);
    }
    assert_null(mb);
}

static void what_is_not_worth_it_is_left(void **state)
{
    (void)state;
    for_all(lonely);
}

/* With AVX2 three texts are enough beside libcrypto, and five where single texts are faster. */
static void beside(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    const size_t least = nns__mb_width() == NNS__MB_AVX512 ? 2 : 3;
    const size_t sizes[] = {1000, 1000, 1000, 1000, 1000};
    const bool faster = nns__ni_takes(enctype);
    struct nns__mb *mb = NULL;

    if (enctype->hash != NNS__CRYPT_SHA1 || !conf)
        return;
    for (size_t count = 1; count <= COUNT(sizes); count++) {
        const size_t beside_ni = least == 2 ? 3 : 5;
        struct sample s;

        sample_init(&s, enctype, conf, sizes, count, seed);
        assert_int_equal(check_seal(&s, &mb), count < (faster ? beside_ni : least) ? 0 : count);
        nns__ni_allow(false);
        assert_int_equal(check_seal(&s, &mb), count < least ? 0 : count);
        nns__ni_allow(true);
        nns__mb_rest(&mb, memory());
        sample_free(&s);
    }
}

static void beside_faster_single_texts_a_batch_is_larger(void **state)
{
    (void)state;
    for_all(beside);
}

static void no_lanes_no_batches(void **state)
{
    const size_t sizes[] = {100, 100, 100, 100, 100, 100, 100, 100};
    struct nns__mb *mb = NULL;
    uint32_t seed = 9;
    struct sample s;

    (void)state;
    nns__mb_set_most(NNS__MB_NONE);
    sample_init(&s, &cipher_types[1], true, sizes, COUNT(sizes), &seed);
    assert_int_equal(check_seal(&s, &mb), 0);
    assert_int_equal(check_open(&s, &mb, s.count, 0), 0);
    assert_null(mb);
    sample_free(&s);
    nns__mb_set_most(NNS__MB_AVX512);
}

static void without_memory_a_batch_is_left(void **state)
{
    const size_t sizes[] = {100, 100, 100, 100, 100, 100, 100, 100};
    struct test_alloc counter = {.fail_at = 1};
    nns_allocator alloc = test_allocator(&counter);
    struct nns__mb *mb = NULL;
    uint32_t seed = 10;
    struct nns__mem mem;
    struct sample s;

    (void)state;
    if (nns__mb_width() == NNS__MB_NONE)
        skip();
    assert_int_equal(nns__mem_init(&mem, &alloc), NNS_OK);
    sample_init(&s, &cipher_types[3], true, sizes, COUNT(sizes), &seed);
    sample_lay_out(&s, s.plain);
    assert_int_equal(nns__mb_seal(&mb, &mem, &s.keys, s.texts, s.count), 0);
    for (size_t i = 0; i < s.count; i++)
        check_untouched(&s, i, s.plain[i]);
    assert_int_equal(nns__mb_seal(&mb, &mem, &s.keys, s.texts, s.count), s.count);
    assert_int_equal(counter.blocks, 1);
    nns__mb_rest(&mb, &mem);
    assert_int_equal(counter.blocks, 0);
    sample_free(&s);
}

/* ---- what is left in memory ---- */

enum {
    PART = 12,   /* bytes that are enough to know a secret by */
    PARTS = 128, /* at most */
    LAST = 1000, /* bytes of a text */
    PAGE = 65536 /* bytes that are looked at together */
};

/* Secrets, inverted: this list is not to be found. */
struct secrets {
    uint8_t parts[PARTS][PART];
    size_t count;
    uint8_t *schedules; /* as the library has them */
    size_t schedules_size;
};

static void remember(struct secrets *secrets, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + 16 <= size; at += 16) {
        uint8_t any = 0;

        assert_true(secrets->count < PARTS);
        for (size_t i = 0; i < PART; i++) {
            any |= bytes[at + i];
            secrets->parts[secrets->count][i] = (uint8_t)~bytes[at + i];
        }
        secrets->count += any != 0;
    }
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
    secrets->schedules = malloc(new_size);
    secrets->schedules_size = new_size;
    return secrets->schedules;
}

static bool is_secret(const struct secrets *secrets, const uint8_t *bytes)
{
    for (size_t i = 0; i < secrets->count; i++) {
        size_t k = 0;

        while (k < PART && bytes[k] + secrets->parts[i][k] == 0xff)
            k++;
        if (k == PART)
            return true;
    }
    return false;
}

/* How many bytes of the process's writable memory a secret begins at. */
static size_t find_secrets(const struct secrets *secrets)
{
    static uint8_t page[PAGE + PART];
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long from, to;
    size_t found = 0;
    char line[512];

    assert_true(fd >= 0 && maps != NULL);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || strstr(line, " rw") == NULL)
            continue;
        for (unsigned long at = from; at < to; at += PAGE) {
            const size_t wanted = to - at < sizeof(page) ? to - at : sizeof(page);
            ssize_t n = pread(fd, page, wanted, (off_t)at);

            for (ssize_t i = 0; i + PART <= n; i++)
                found += is_secret(secrets, page + i);
        }
    }
    explicit_bzero(page, sizeof(page));
    (void)fclose(maps);
    (void)close(fd);
    return found;
}

static void forgotten(const struct nns__enctype *enctype, bool conf, uint32_t *seed)
{
    static uint8_t texts[16][AHEAD + LAST + BEHIND];
    static struct secrets secrets;
    const nns_allocator alloc = {
        .size = sizeof(alloc), .realloc_fn = remembering_realloc, .arg = &secrets};
    struct nns__crypt_keys keys = {.enctype = enctype, .conf = conf};
    struct nns__text list[16];
    struct nns__mb *mb = NULL;
    struct nns__mem mem;
    size_t good = 0;

    memset(&secrets, 0, sizeof(secrets));
    assert_int_equal(nns__mem_init(&mem, &alloc), NNS_OK);
    random_bytes(keys.cipher, sizeof(keys.cipher), seed);
    random_bytes(keys.integrity, sizeof(keys.integrity), seed);
    for (size_t i = 0; i < COUNT(list); i++) {
        list[i] = (struct nns__text){texts[i] + AHEAD, LAST};
        random_bytes(list[i].bytes, LAST, seed);
        if (i % 4 == 0)
            remember(&secrets, list[i].bytes + LAST - 64, 64);
    }
    assert_int_equal(nns__mb_seal(&mb, &mem, &keys, list, COUNT(list)), COUNT(list));
    assert_int_equal(nns__mb_open(&mb, &mem, &keys, list, COUNT(list), &good), COUNT(list));
    assert_int_equal(good, COUNT(list));
    remember(&secrets, secrets.schedules, secrets.schedules_size);
    assert_true(find_secrets(&secrets) >= secrets.count);
    nns__mb_rest(&mb, &mem);
    explicit_bzero(&keys, sizeof(keys));
    explicit_bzero(texts, sizeof(texts));
    assert_int_equal(find_secrets(&secrets), 0);
}

static void neither_keys_nor_texts_stay_in_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their memory is large, as valgrind's is, and keeps what was freed: label plain */
#endif
    if (under_valgrind())
        skip();
    for_all(forgotten);
}

/* ---- lanes that others have ---- */

/* The allocator is called while a batch has its lanes: from inside it, one batch more. */
struct nest {
    struct sample samples[NEST + 1];
    size_t done[NEST + 1];
    size_t depth;
    bool forks;
    int child_status;
};

static void *nesting_realloc(void *arg, void *ptr, size_t old_size, size_t new_size);

static void nest_deeper(struct nest *nest)
{
    const nns_allocator alloc = {.size = sizeof(alloc), .realloc_fn = nesting_realloc, .arg = nest};
    const size_t at = nest->depth++;
    struct sample *s = &nest->samples[at];
    struct nns__mb *mb = NULL;
    struct nns__mem mem;

    assert_int_equal(nns__mem_init(&mem, &alloc), NNS_OK);
    nest->done[at] = (size_t)nns__mb_seal(&mb, &mem, &s->keys, s->texts, s->count);
    nns__mb_rest(&mb, &mem);
}

/* In the child of a fork the lanes that the parent's threads held stay taken: no waiting. */
static int in_child(struct nest *nest)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        struct nns__mb *mb = NULL;
        struct sample *s = &nest->samples[NEST];

        _exit(nns__mb_seal(&mb, memory(), &s->keys, s->texts, s->count) == 0 ? 0 : 1);
    }
    if (pid > 0)
        (void)waitpid(pid, &status, 0);
    return status;
}

static void *nesting_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    struct nest *nest = arg;

    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (nest->depth < COUNT(nest->samples)) {
        if (nest->depth == NEST)
            nest->child_status = in_child(nest);
        nest_deeper(nest);
    }
    return malloc(new_size);
}

static void when_all_lanes_are_taken_a_batch_is_left(void **state)
{
    const size_t sizes[] = {100, 90, 80, 100, 100, 100, 100, 100};
    static struct nest nest;
    uint32_t seed = 11;

    (void)state;
    if (nns__mb_width() == NNS__MB_NONE)
        skip();
    for (size_t i = 0; i < COUNT(nest.samples); i++) {
        sample_init(&nest.samples[i], &cipher_types[1], true, sizes, COUNT(sizes), &seed);
        sample_lay_out(&nest.samples[i], nest.samples[i].plain);
    }
    nest_deeper(&nest);
    assert_int_equal(nest.child_status, 0);
    for (size_t i = 0; i < COUNT(nest.samples); i++) {
        struct sample *s = &nest.samples[i];

        assert_int_equal(nest.done[i], i < NEST ? s->count : 0);
        for (size_t k = 0; k < s->count; k++)
            check_text(s, k, i < NEST ? s->sealed[k] : s->plain[k], s->keys.enctype->tag_size);
        sample_free(s);
    }
}

/* ---- threads ---- */

struct worker {
    pthread_t thread;
    uint32_t seed;
    size_t wrong;
    size_t done;
};

/* Without the assertions of cmocka, which belong to one thread. */
static void *work(void *arg)
{
    struct worker *w = arg;
    struct nns__mem mem;
    struct sample s;
    size_t sizes[16];

    (void)nns__mem_init(&mem, NULL);
    for (size_t i = 0; i < COUNT(sizes); i++)
        sizes[i] = 400 + i;
    for (size_t round = 0; round < 40; round++) {
        struct nns__mb *mb = NULL;
        size_t good = 0;
        nns_ssize done;

        sample_init(&s, &cipher_types[round % CIPHER_TYPES], true, sizes, COUNT(sizes), &w->seed);
        sample_lay_out(&s, s.plain);
        done = nns__mb_seal(&mb, &mem, &s.keys, s.texts, s.count);
        for (size_t i = 0; i < (size_t)done; i++)
            w->wrong += memcmp(s.texts[i].bytes, s.sealed[i] + AHEAD,
                               sizes[i] + s.keys.enctype->tag_size) != 0;
        sample_lay_out(&s, s.sealed);
        w->done += (size_t)done;
        done = nns__mb_open(&mb, &mem, &s.keys, s.texts, s.count, &good);
        w->wrong += good != (size_t)done;
        for (size_t i = 0; i < good; i++)
            w->wrong += memcmp(s.texts[i].bytes, s.plain[i] + AHEAD, sizes[i]) != 0;
        w->done += good;
        nns__mb_rest(&mb, &mem);
        sample_free(&s);
    }
    return NULL;
}

static void threads_share_the_lanes(void **state)
{
    struct worker workers[NEST + 4] = {0};
    size_t done = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(workers); i++) {
        workers[i].seed = (uint32_t)i + 1;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(workers); i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        done += workers[i].done;
    }
    assert_true(done > 0 || nns__mb_width() == NNS__MB_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_texts_of_every_size),
        cmocka_unit_test(batches_of_mixed_sizes),
        cmocka_unit_test(as_long_as_a_lane_takes),
        cmocka_unit_test(a_flipped_bit_is_found_in_its_text),
        cmocka_unit_test(what_is_not_worth_it_is_left),
        cmocka_unit_test(beside_faster_single_texts_a_batch_is_larger),
        cmocka_unit_test(no_lanes_no_batches),
        cmocka_unit_test(without_memory_a_batch_is_left),
        cmocka_unit_test(neither_keys_nor_texts_stay_in_memory),
        cmocka_unit_test(when_all_lanes_are_taken_a_batch_is_left),
        cmocka_unit_test(threads_share_the_lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
