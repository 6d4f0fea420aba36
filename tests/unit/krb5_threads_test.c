/* SPDX-License-Identifier: MIT
 *
 * The protector "krb5" in two threads: one seals and the other opens, without a lock, while a
 * second connection does the same. For ThreadSanitizer.
 */
#include "frame/data_record.h"
#include "protect/krb5.h"
#include "protect/krb5_keys.h"
#include "support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 200
#define BATCH ((size_t)5)
#define PLAIN ((size_t)100)

struct end {
    struct nns__protection protection;
    uint8_t *sent[ROUNDS]; /* what it sealed, for the other end */
    pthread_t sealing;
    pthread_t opening;
    struct end *peer;
};

static struct nns__mem mem;

static void *seal_all(void *arg)
{
    struct end *end = arg;
    struct nns__sealer *sealer = end->protection.sealer;
    size_t stride = NNS__RECORD_HEADER + sealer->head + PLAIN + sealer->tail;
    struct nns__failure f;

    for (int i = 0; i < ROUNDS; i++) {
        uint8_t *slots = calloc(BATCH, stride);

        if (slots == NULL || sealer->ops->seal(sealer, slots, stride, BATCH, PLAIN, PLAIN, &f) < 0)
            abort();
        if (i % 16 == 0)
            sealer->ops->rest(sealer);
        free(end->sent[i]);
        end->sent[i] = slots;
    }
    return NULL;
}

static void *open_all(void *arg)
{
    struct end *end = arg;
    struct nns__opener *opener = end->protection.opener;
    struct nns__failure f;

    for (int i = 0; i < ROUNDS; i++) {
        struct nns__plain plains[NNS__BATCH];

        if (opener->ops->open(opener, end->peer->sent[i], BATCH, plains, &f) != (nns_ssize)BATCH)
            abort();
        if (i % 16 == 0)
            opener->ops->rest(opener);
        free(end->peer->sent[i]);
        end->peer->sent[i] = NULL;
    }
    return NULL;
}

static void make(struct end *end, int32_t type, bool initiator, bool one_by_one)
{
    struct nns__krb5_context context = {.enctype = nns__enctype_find(type),
                                        .initiator = initiator,
                                        .conf = true,
                                        .one_by_one = one_by_one};
    struct nns__failure f;

    memset(end, 0, sizeof(*end));
    assert_int_equal(nns__protect_krb5_new(&end->protection, &mem, &context, &f), NNS_OK);
}

/* Opens what one end sealed before, while it seals what will be opened next. */
static void two_threads(bool one_by_one)
{
    struct end ends[4], before[4];

    for (size_t i = 0; i < 4; i++) {
        make(&before[i], i < 2 ? 18 : 20, i % 2 == 0, one_by_one);
        make(&ends[i], i < 2 ? 18 : 20, i % 2 == 0, one_by_one);
        (void)seal_all(&before[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        ends[i].peer = &before[i ^ 1];
        assert_int_equal(pthread_create(&ends[i].sealing, NULL, seal_all, &ends[i]), 0);
        assert_int_equal(pthread_create(&ends[i].opening, NULL, open_all, &ends[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(ends[i].sealing, NULL), 0);
        assert_int_equal(pthread_join(ends[i].opening, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        for (int k = 0; k < ROUNDS; k++)
            free(ends[i].sent[k]);
        nns__protection_free(&ends[i].protection);
        nns__protection_free(&before[i].protection);
    }
}

static void test_two_threads(void **state)
{
    (void)state;
    two_threads(false);
}

static void test_with_libcrypto_alone(void **state)
{
    (void)state;
    two_threads(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_with_libcrypto_alone),
    };

    if (nns__mem_init(&mem, NULL) != NNS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
