/* SPDX-License-Identifier: MIT
 *
 * The protector "krb5" beside the Kerberos library's own crypto (support/reference.h): the same
 * plaintext there and back for any size, filler and rotation, and nothing taken that the library
 * does not take. NNS_RECORDS is the number of random records for each encryption type (default
 * 200), half of them each way. All that once with everything that does the cipher work.
 */
#include "frame/data_record.h"
#include "protect/krb5.h"
#include "protect/krb5_keys.h"
#include "protect/krb5_mb.h"
#include "protect/krb5_ni.h"
#include "protect/krb5_token.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TYPE 17
#define LAST_TYPE 20
#define START ((uint64_t)0xfffffff0) /* so that numbers go beyond 32 bits soon */
#define ROOM ((size_t)70000)

#define ALTERED "receive: a record was altered, or belongs to another session"
#define DISORDER "receive: a record was replayed, reordered or lost"

/* One context as we and as the library see it. We are the acceptor; the peer is the library. */
struct fixture {
    struct nns__krb5_context context;
    struct reference peer;
};

static struct nns__mem mem;

static void fixture_init(struct fixture *x, int32_t type, bool conf)
{
    *x = (struct fixture){.context = {.enctype = nns__enctype_find(type),
                                      .acceptor_subkey = true,
                                      .conf = conf,
                                      .send_sequence = START,
                                      .receive_sequence = START}};
    for (size_t i = 0; i < sizeof(x->context.key); i++)
        x->context.key[i] = (uint8_t)(i * 7 + (size_t)type);
    assert_true(reference_init(&x->peer, type, x->context.key, x->context.enctype->key_size));
}

static void fixture_free(struct fixture *x)
{
    reference_free(&x->peer);
}

static const char *expected_name(const struct nns__krb5_context *context)
{
    if (context->one_by_one)
        return "krb5";
    if (nns__mb_width() != NNS__MB_NONE)
        return "krb5+mb";
    return nns__ni_takes(context->enctype) ? "krb5+ni" : "krb5";
}

static struct nns__protection protect(const struct nns__krb5_context *context)
{
    struct nns__protection p = {0};
    struct nns__failure f;

    if (nns__protect_krb5_new(&p, &mem, context, &f) != NNS_OK)
        fail_msg("%s", f.message);
    assert_string_equal(p.name, expected_name(context));
    return p;
}

static uint8_t flags_of(const struct fixture *x, bool by_acceptor)
{
    return (uint8_t)((by_acceptor ? BY_ACCEPTOR : 0) | (x->context.conf ? SEALED : 0) |
                     (x->context.acceptor_subkey ? SUBKEY : 0));
}

static void fill(uint8_t *to, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)next_random(seed);
}

/* A record of the peer's, as it wants; its size with the length. */
static size_t peer_record(const struct fixture *x, uint8_t *record,
                          const struct reference_token *how, const uint8_t *plain, size_t size)
{
    size_t n = reference_wrap(&x->peer, record + NNS__RECORD_HEADER, how, plain, size);

    assert_int_not_equal(n, 0);
    nns__store_le32(record, (uint32_t)n);
    return n + NNS__RECORD_HEADER;
}

/* As the peer sends it. */
static size_t peer_plain_record(const struct fixture *x, uint8_t *record, uint64_t sequence,
                                const uint8_t *plain, size_t size)
{
    const struct reference_token how = {.flags = flags_of(x, false), .sequence = sequence};

    return peer_record(x, record, &how, plain, size);
}

/* Opens one record in a block of its size, so that writing past it is seen. Answers the size of
 * its plaintext, which it compares, or the error. */
static long open_one(struct nns__opener *opener, const uint8_t *record, size_t size,
                     const uint8_t *expected, struct nns__failure *f)
{
    uint8_t *copy = malloc(size);
    struct nns__plain plain = {0};
    nns_ssize n;
    long rc;

    assert_non_null(copy);
    memcpy(copy, record, size);
    nns__store_le32(copy, (uint32_t)(size - NNS__RECORD_HEADER));
    n = opener->ops->open(opener, copy, 1, &plain, f);
    if (n == 1) {
        assert_true(plain.data >= copy + 4 && plain.data + plain.size <= copy + size);
        assert_memory_equal(plain.data, expected, plain.size);
        rc = (long)plain.size;
    } else {
        assert_true(n < 0);
        assert_null(plain.data);
        assert_int_equal(f->code, n);
        rc = (long)n;
    }
    free(copy);
    return rc;
}

static void expect_refused(struct nns__opener *opener, const uint8_t *record, size_t size,
                           const char *message)
{
    struct nns__failure f = {0};

    assert_int_equal(open_one(opener, record, size, NULL, &f), NNS_ERR_INTEGRITY);
    assert_string_equal(f.message, message);
}

/* Seals count records in one call and answers where the size of all of them went. */
static uint8_t *seal_some(struct nns__sealer *sealer, size_t count, const uint8_t *plain,
                          size_t size, size_t last, size_t *all)
{
    size_t stride = NNS__RECORD_HEADER + sealer->head + size + sealer->tail;
    size_t end = (count - 1) * stride + NNS__RECORD_HEADER + sealer->head + last + sealer->tail;
    uint8_t *slots = malloc(end);
    struct nns__failure f;
    nns_ssize n;

    assert_non_null(slots);
    for (size_t i = 0; i < count; i++)
        memcpy(slots + i * stride + NNS__RECORD_HEADER + sealer->head, plain + i,
               i + 1 < count ? size : last);
    n = sealer->ops->seal(sealer, slots, stride, count, size, last, &f);
    assert_true(n > 0 && (size_t)n <= end);
    *all = (size_t)n;
    return slots;
}

/* What we sealed, as the library opens it. */
static void expect_sealed(const struct fixture *x, const uint8_t *record, uint64_t sequence,
                          const uint8_t *plain, size_t size)
{
    size_t token_size = nns__record_length(record), tag_size = x->context.enctype->tag_size;
    uint8_t *out = malloc(token_size), header[16] = {5, 4, flags_of(x, true), 0xff};
    bool sealed = !x->context.conf;

    assert_non_null(out);
    header[5] = x->context.conf ? 0 : (uint8_t)tag_size;
    nns__store_be64(header + 8, sequence);
    assert_memory_equal(record + NNS__RECORD_HEADER, header, sizeof(header));
    assert_int_equal(token_size, size + tag_size + (x->context.conf ? 48 : 16));
    assert_int_equal(
        reference_unwrap(&x->peer, record + NNS__RECORD_HEADER, token_size, true, out, &sealed),
        size);
    assert_memory_equal(out, plain, size);
    assert_int_equal(sealed, x->context.conf);
    free(out);
}

/* Each type, at both levels, in batches and one by one. */
static void for_each(void (*check)(struct fixture *x))
{
    for (int32_t type = FIRST_TYPE; type <= LAST_TYPE; type++) {
        for (int how = 0; how < 4; how++) {
            struct fixture x;

            fixture_init(&x, type, how % 2 != 0);
            x.context.one_by_one = how >= 2;
            check(&x);
            fixture_free(&x);
        }
    }
}

/* ---- there and back ---- */

static long records_wanted(void)
{
    const char *text = getenv("NNS_RECORDS");

    return (text != NULL ? atol(text) : 400) / 8; /* two levels, two ways, with batches or not */
}

static size_t random_size(uint32_t *seed)
{
    return next_random(seed) % (next_random(seed) % 4 == 0 ? 65000 : 600);
}

static void check_random(struct fixture *x)
{
    struct nns__protection p = protect(&x->context);
    uint8_t *plain = malloc(ROOM), *record = malloc(ROOM);
    uint32_t seed = 1 + (uint32_t)x->context.enctype->number;
    struct nns__failure f = {0};

    assert_true(plain != NULL && record != NULL);
    for (long i = 0; i < records_wanted(); i++) {
        const struct reference_token how = {flags_of(x, false), next_random(&seed) % 81,
                                            next_random(&seed) % 65536, START + (uint64_t)i};
        size_t size = random_size(&seed), all;
        uint8_t *sealed;

        fill(plain, size, &seed);
        sealed = seal_some(p.sealer, 1, plain, size, size, &all);
        assert_int_equal(all, nns__record_length(sealed) + NNS__RECORD_HEADER);
        expect_sealed(x, sealed, START + (uint64_t)i, plain, size);
        free(sealed);
        all = peer_record(x, record, &how, plain, size);
        assert_int_equal(open_one(p.opener, record, all, plain, &f), size);
    }
    free(plain);
    free(record);
    nns__protection_free(&p);
}

static void test_random_records(void **state)
{
    (void)state;
    for_each(check_random);
}

/* The initiator's side of a pair of ours, without the acceptor's subkey. */
static void check_pair(struct fixture *x)
{
    struct nns__protection acceptor, initiator;
    struct nns__failure f = {0};
    size_t all;
    uint8_t *record;

    x->context.acceptor_subkey = false;
    acceptor = protect(&x->context);
    x->context.initiator = true;
    initiator = protect(&x->context);
    for (int i = 0; i < 40; i++) { /* beyond 2^32 */
        record = seal_some(initiator.sealer, 1, (const uint8_t *)"there", 5, 5, &all);
        assert_int_equal(record[6], x->context.conf ? 2 : 0);
        assert_int_equal(open_one(acceptor.opener, record, all, (const uint8_t *)"there", &f), 5);
        free(record);
        record = seal_some(acceptor.sealer, 1, (const uint8_t *)"back", 4, 4, &all);
        assert_int_equal(record[6], x->context.conf ? 3 : 1);
        assert_int_equal(open_one(initiator.opener, record, all, (const uint8_t *)"back", &f), 4);
        free(record);
    }
    nns__protection_free(&acceptor);
    nns__protection_free(&initiator);
}

static void test_pair(void **state)
{
    (void)state;
    for_each(check_pair);
}

/* ---- filler and rotation ---- */

static void check_extra_and_rotation(struct fixture *x, size_t extra, size_t rotation)
{
    const struct reference_token how = {flags_of(x, false), extra, rotation, START};
    struct nns__protection p = protect(&x->context);
    struct nns__failure f = {0};
    const uint8_t *plain = (const uint8_t *)"twenty-five bytes of text";
    uint8_t record[400];
    size_t size = peer_record(x, record, &how, plain, 25);

    if (open_one(p.opener, record, size, plain, &f) != 25)
        fail_msg("EC %zu RRC %zu: %s", extra, rotation, f.message);
    nns__protection_free(&p);
}

static void check_extras_and_rotations(struct fixture *x)
{
    static const size_t rotations[] = {28, 44, 60, 127, 128, 129, 255, 4095, 65534, 65535};

    for (size_t extra = 0; extra <= (x->context.conf ? 80 : 0); extra++) {
        for (size_t rotation = 0; rotation <= 80; rotation++)
            check_extra_and_rotation(x, extra, rotation);
        for (size_t i = 0; i < COUNT(rotations); i++)
            check_extra_and_rotation(x, extra, rotations[i]);
    }
}

/* Among them those of Windows: 0/28, 16/28, 16/0, 0/60 and 16/44 sealed, 12 signed. */
static void test_every_extra_and_rotation(void **state)
{
    (void)state;
    for_each(check_extras_and_rotations);
}

/* ---- what is no record ---- */

/* What was made of a record of the peer's is refused, or the library takes it too and it says the
 * same. Answers whether it was taken. */
static bool check_changed(const struct fixture *x, const uint8_t *record, size_t size,
                          const uint8_t *plain, size_t plain_size)
{
    struct nns__protection p = protect(&x->context);
    uint8_t *out = malloc(size);
    struct nns__failure f = {0};
    long n = open_one(p.opener, record, size, plain, &f);
    bool sealed = false;

    assert_non_null(out);
    if (n >= 0) {
        assert_int_equal(n, plain_size);
        assert_int_equal(reference_unwrap(&x->peer, record + NNS__RECORD_HEADER,
                                          size - NNS__RECORD_HEADER, false, out, &sealed),
                         plain_size);
        assert_memory_equal(out, plain, plain_size);
        assert_int_equal(sealed, x->context.conf);
    } else {
        assert_int_equal(n, NNS_ERR_INTEGRITY);
    }
    nns__protection_free(&p);
    free(out);
    return n >= 0;
}

/* Only a rotation that comes to the same, or that swaps what is equal, may be taken. */
static void check_flips(struct fixture *x)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 196}; /* 256 bytes and more, sealed */
    uint8_t plain[200], record[300];
    uint32_t seed = 5;

    fill(plain, sizeof(plain), &seed);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t size = peer_plain_record(x, record, START, plain, sizes[i]);

        assert_true(check_changed(x, record, size, plain, sizes[i]));
        for (size_t bit = 32; bit < size * 8; bit++) {
            record[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (check_changed(x, record, size, plain, sizes[i]))
                assert_in_range(bit / 8, NNS__RECORD_HEADER + 6, NNS__RECORD_HEADER + 7);
            record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void test_every_flipped_bit(void **state)
{
    (void)state;
    for_each(check_flips);
}

/* Samples of a full record. */
static void check_full(struct fixture *x)
{
    uint8_t *plain = malloc(ROOM), *record = malloc(ROOM);
    uint32_t seed = 9;
    size_t size;

    assert_true(plain != NULL && record != NULL);
    fill(plain, NNS__RECORD_PLAIN, &seed);
    size = peer_plain_record(x, record, START, plain, NNS__RECORD_PLAIN);
    for (int i = 0; i < 60; i++) {
        size_t bit = 32 + 8 * NNS__TOKEN_HEADER + next_random(&seed) % ((size - 20) * 8);

        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(check_changed(x, record, size, plain, NNS__RECORD_PLAIN));
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(check_changed(x, record, size, plain, NNS__RECORD_PLAIN));
    free(plain);
    free(record);
}

static void test_flipped_bits_of_a_full_record(void **state)
{
    (void)state;
    for_each(check_full);
}

static void check_lengths(struct fixture *x)
{
    uint8_t plain[120], record[1000];
    uint32_t seed = 6;
    size_t size;

    fill(plain, sizeof(plain), &seed);
    fill(record, sizeof(record), &seed);
    size = peer_plain_record(x, record, START, plain, sizeof(plain));
    for (size_t cut = NNS__RECORD_HEADER + 1; cut < sizeof(record); cut++)
        assert_int_equal(check_changed(x, record, cut, plain, sizeof(plain)), cut == size);
}

static void test_truncated_and_extended(void **state)
{
    (void)state;
    for_each(check_lengths);
}

/* ---- the wrong flags ---- */

static void check_flags(struct fixture *x)
{
    for (unsigned flags = 0; flags < 256; flags++) {
        const struct reference_token how = {.flags = (uint8_t)flags, .sequence = START};
        struct nns__protection p = protect(&x->context);
        uint8_t record[200];
        size_t size = peer_record(x, record, &how, (const uint8_t *)"x", 1);
        struct nns__failure f = {0};

        /* Bits that mean nothing are to be ignored; they are authenticated all the same. */
        if ((flags & 7) == flags_of(x, false))
            assert_int_equal(open_one(p.opener, record, size, (const uint8_t *)"x", &f), 1);
        else
            expect_refused(p.opener, record, size, ALTERED);
        nns__protection_free(&p);
    }
}

/* Among them the peer's reflection of ours, and a signed record where all are sealed. */
static void test_flags(void **state)
{
    (void)state;
    for_each(check_flags);
}

/* ---- order ---- */

static void check_order(struct fixture *x)
{
    static const char *const orders[] = {"00", "1", "02", "0120", "0122", "013", "3", "0123"};
    uint8_t records[4][200];
    size_t size = 0;

    for (size_t i = 0; i < 4; i++)
        size = peer_plain_record(x, records[i], START + 14 + i, (const uint8_t *)&"0123"[i], 1);
    x->context.receive_sequence = START + 14; /* 2^32 - 2 */
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct nns__protection p = protect(&x->context);
        struct nns__failure f = {0};
        size_t next = 0;

        for (const char *c = orders[i]; *c != '\0'; c++) {
            size_t k = (size_t)(*c - '0');

            if (k == next && open_one(p.opener, records[k], size, (const uint8_t *)c, &f) == 1)
                next++;
            else
                expect_refused(p.opener, records[k], size, DISORDER);
        }
        /* After a refusal nothing is taken any more, not even what should have come. */
        if (next < 4)
            expect_refused(p.opener, records[next], size, DISORDER);
        nns__protection_free(&p);
    }
}

static void test_order(void **state)
{
    (void)state;
    for_each(check_order);
}

/* A wrong number in a record that is not genuine is no matter of order. */
static void check_forged_number(struct fixture *x)
{
    struct nns__protection p = protect(&x->context);
    uint8_t record[200];
    size_t size = peer_plain_record(x, record, START + 1, (const uint8_t *)"x", 1);

    record[size - 1] ^= 1;
    expect_refused(p.opener, record, size, ALTERED);
    nns__protection_free(&p);
}

static void test_forged_number(void **state)
{
    (void)state;
    for_each(check_forged_number);
}

/* ---- batches ---- */

#define MANY ((size_t)40)

static void check_sealed_batches(struct fixture *x)
{
    static const size_t counts[] = {1, 2, 15, 16, 17, 40};
    struct nns__protection p = protect(&x->context);
    uint8_t plain[1100];
    uint32_t seed = 8;
    uint64_t sequence = START;

    fill(plain, sizeof(plain), &seed);
    for (size_t i = 0; i < COUNT(counts); i++) {
        size_t all, at = 0;
        uint8_t *records = seal_some(p.sealer, counts[i], plain, 1000, 7, &all);

        for (size_t k = 0; k < counts[i]; k++) {
            expect_sealed(x, records + at, sequence++, plain + k, k + 1 < counts[i] ? 1000 : 7);
            at += NNS__RECORD_HEADER + nns__record_length(records + at);
        }
        assert_int_equal(at, all);
        free(records);
        p.sealer->ops->rest(p.sealer);
        p.opener->ops->rest(p.opener);
    }
    nns__protection_free(&p);
}

static void test_sealed_batches(void **state)
{
    (void)state;
    for_each(check_sealed_batches);
}

/* MANY records of the peer's one behind the other; ends[i] is where record i ends. */
static uint8_t *peer_records(const struct fixture *x, size_t ends[MANY])
{
    uint8_t *records = malloc(MANY * 200), plain[MANY];
    size_t at = 0;

    assert_non_null(records);
    for (size_t i = 0; i < MANY; i++) {
        memset(plain, (int)i, i);
        at += peer_plain_record(x, records + at, START + i, plain, i);
        ends[i] = at;
    }
    return records;
}

/* Opens until it ends; how many were good. */
static size_t open_all(struct nns__opener *opener, uint8_t *records, size_t count,
                       const size_t *ends, struct nns__failure *f)
{
    size_t done = 0;

    while (done < count) {
        struct nns__plain plains[NNS__BATCH];
        nns_ssize n = opener->ops->open(opener, records + (done == 0 ? 0 : ends[done - 1]),
                                        count - done, plains, f);

        if (n < 0)
            return done;
        assert_in_range(n, 1, NNS__BATCH);
        for (size_t i = 0; i < (size_t)n; i++, done++) {
            assert_int_equal(plains[i].size, done);
            for (size_t k = 0; k < done; k++)
                assert_int_equal(plains[i].data[k], done);
        }
    }
    return done;
}

static void check_opened_batches(struct fixture *x)
{
    struct nns__protection p = protect(&x->context);
    struct nns__failure f = {0};
    size_t ends[MANY];
    uint8_t *records = peer_records(x, ends);

    assert_int_equal(open_all(p.opener, records, MANY, ends, &f), MANY);
    free(records);
    nns__protection_free(&p);
    for (size_t bad = 0; bad < 18; bad++) {
        p = protect(&x->context);
        records = peer_records(x, ends);
        records[ends[bad] - 1] ^= 0x80;
        assert_int_equal(open_all(p.opener, records, MANY, ends, &f), bad);
        assert_int_equal(f.code, NNS_ERR_INTEGRITY);
        assert_string_equal(f.message, ALTERED);
        free(records);
        nns__protection_free(&p);
    }
}

static void test_opened_batches(void **state)
{
    (void)state;
    for_each(check_opened_batches);
}

/* What follows a record that cannot be the peer's is not touched: the stream below may have been
 * handed to somebody else. */
static void check_other_bytes(struct fixture *x)
{
    for (size_t other = 1; other < 12; other++) {
        struct nns__protection p = protect(&x->context);
        size_t ends[MANY], from;
        uint8_t *records = peer_records(x, ends), *before = malloc(ends[MANY - 1]);
        struct nns__plain plains[NNS__BATCH];
        struct nns__failure f = {0};

        assert_non_null(before);
        from = ends[other - 1];
        records[from + NNS__RECORD_HEADER + other] ^= 4; /* identifier, flags, filler ... number */
        if (other == 4 || other == 5)                    /* EC beyond the record */
            records[from + NNS__RECORD_HEADER + 4] ^= 0x80;
        if (other != 6 && other != 7) { /* RRC may be anything */
            memcpy(before, records, ends[MANY - 1]);
            assert_int_equal(p.opener->ops->open(p.opener, records, MANY, plains, &f), other);
            assert_memory_equal(records + from, before + from, ends[MANY - 1] - from);
        }
        free(before);
        free(records);
        nns__protection_free(&p);
    }
}

static void test_other_bytes(void **state)
{
    (void)state;
    for_each(check_other_bytes);
}

/* A tag is right, but what was encrypted says that the header was another: a bit of its flags that
 * means nothing has changed. Of what was decrypted with it nothing stays readable. */
static void check_wiped_behind(struct fixture *x)
{
    struct nns__protection p = protect(&x->context);
    struct nns__plain plains[NNS__BATCH];
    struct nns__failure f = {0};
    uint8_t *records = malloc(NNS__BATCH * 400), plain[256];
    size_t all = 0, second = 0;

    assert_non_null(records);
    memset(plain, 'p', sizeof(plain));
    for (size_t i = 0; i < NNS__BATCH; i++) {
        second = i == 1 ? all : second;
        all += peer_plain_record(x, records + all, START + i, plain, sizeof(plain));
    }
    records[second + NNS__RECORD_HEADER + 2] ^= 0x80;
    assert_int_equal(p.opener->ops->open(p.opener, records, NNS__BATCH, plains, &f), 1);
    if (x->context.conf)
        assert_null(memmem(records + second, all - second, "pppppppp", 8));
    assert_int_equal(p.opener->ops->open(p.opener, records + second, NNS__BATCH - 1, plains, &f),
                     NNS_ERR_INTEGRITY);
    free(records);
    nns__protection_free(&p);
}

static void test_wiped_behind(void **state)
{
    (void)state;
    for_each(check_wiped_behind);
}

/* ---- memory ---- */

static void test_no_memory(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    struct nns__protection p = {0};
    struct nns__failure f;
    struct nns__mem counted;
    struct fixture x;
    long n = 0;
    int rc;

    (void)state;
    fixture_init(&x, 20, true);
    assert_int_equal(nns__mem_init(&counted, &allocator), NNS_OK);
    do {
        counter.calls = 0;
        counter.fail_at = ++n;
        rc = nns__protect_krb5_new(&p, &counted, &x.context, &f);
        assert_true(rc == NNS_OK || rc == NNS_ERR_NOMEM);
        assert_true(rc == NNS_OK || (counter.blocks == 0 && p.sealer == NULL));
    } while (rc != NNS_OK);
    assert_int_equal(n, 5);
    assert_in_range(counter.bytes, 1, 1500); /* of an idle connection */
    nns__protection_free(&p);
    assert_int_equal(counter.blocks, 0);
    fixture_free(&x);
}

static int with_all(void **state)
{
    (void)state;
    nns__mb_set_most(NNS__MB_AVX512);
    nns__ni_allow(true);
    return 0;
}

static int without_lanes(void **state)
{
    (void)state;
    nns__mb_set_most(NNS__MB_NONE);
    return 0;
}

static int with_libcrypto_alone(void **state)
{
    nns__ni_allow(false);
    return without_lanes(state);
}

int main(void)
{
    int failed = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_records),
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_every_extra_and_rotation),
        cmocka_unit_test(test_every_flipped_bit),
        cmocka_unit_test(test_flipped_bits_of_a_full_record),
        cmocka_unit_test(test_truncated_and_extended),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_forged_number),
        cmocka_unit_test(test_sealed_batches),
        cmocka_unit_test(test_opened_batches),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_wiped_behind),
        cmocka_unit_test(test_no_memory),
    };

    if (nns__mem_init(&mem, NULL) != NNS_OK)
        return 1;
    failed += cmocka_run_group_tests_name("all", tests, with_all, NULL);
    failed += cmocka_run_group_tests_name("without lanes", tests, without_lanes, NULL);
    failed += cmocka_run_group_tests_name("libcrypto", tests, with_libcrypto_alone, NULL);
    return failed;
}
