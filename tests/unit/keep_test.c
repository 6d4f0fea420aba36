/* SPDX-License-Identifier: MIT
 *
 * Things that are kept: each for one at a time, none lost, none freed twice.
 */
#include "base/keep.h"
#include "support/check.h"

#include <pthread.h>

#define MANY 8

struct thing {
    struct nns__kept kept;
    enum nns__fit fits;
    atomic_int users;
    atomic_int freed;
};

static void free_thing(struct nns__kept *kept)
{
    atomic_fetch_add(&((struct thing *)kept)->freed, 1);
}

static enum nns__fit fit(const struct nns__kept *kept, const void *arg)
{
    (void)arg;
    return ((const struct thing *)kept)->fits;
}

static void init(struct thing *things, size_t count)
{
    for (size_t i = 0; i < count; i++)
        things[i] = (struct thing){.kept.free = free_thing, .fits = NNS__FITS};
}

static int freed(struct thing *things, size_t count)
{
    int n = 0;

    for (size_t i = 0; i < count; i++)
        n += atomic_load(&things[i].freed);
    return n;
}

static void test_who_takes_one_has_it_alone(void **state)
{
    struct nns__keep keep = {.slots = {NULL}};
    struct thing thing;

    (void)state;
    init(&thing, 1);
    assert_null(nns__keep_take(&keep, fit, NULL));
    nns__keep_give(&keep, &thing.kept);
    assert_ptr_equal(nns__keep_take(&keep, fit, NULL), &thing.kept);
    assert_null(nns__keep_take(&keep, fit, NULL));
    assert_int_equal(thing.freed, 0);
}

static void test_what_fits_others_stays(void **state)
{
    struct nns__keep keep = {.slots = {NULL}};
    struct thing things[2];

    (void)state;
    init(things, 2);
    things[0].fits = NNS__FITS_OTHERS;
    nns__keep_give(&keep, &things[0].kept);
    nns__keep_give(&keep, &things[1].kept);
    assert_ptr_equal(nns__keep_take(&keep, fit, NULL), &things[1].kept);
    assert_null(nns__keep_take(&keep, fit, NULL));
    things[0].fits = NNS__FITS;
    assert_ptr_equal(nns__keep_take(&keep, fit, NULL), &things[0].kept);
}

static void test_what_fits_nobody_goes(void **state)
{
    struct nns__keep keep = {.slots = {NULL}};
    struct thing thing;

    (void)state;
    init(&thing, 1);
    thing.fits = NNS__FITS_NOBODY;
    nns__keep_give(&keep, &thing.kept);
    assert_null(nns__keep_take(&keep, fit, NULL));
    assert_int_equal(thing.freed, 1);
    nns__keep_clear(&keep);
    assert_int_equal(thing.freed, 1);
}

static void test_a_new_one_takes_an_old_ones_place(void **state)
{
    struct nns__keep keep = {.slots = {NULL}};
    struct thing things[MANY];

    (void)state;
    init(things, MANY);
    for (size_t i = 0; i < MANY; i++)
        nns__keep_give(&keep, &things[i].kept);
    assert_int_equal(freed(things, MANY), MANY - NNS__KEEP_MOST);
    assert_int_equal(things[MANY - 1].freed, 0);
    nns__keep_clear(&keep);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(things[i].freed, 1);
    assert_null(nns__keep_take(&keep, fit, NULL));
}

struct shared {
    struct nns__keep keep;
    atomic_int clashes;
};

static void *use(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < 20000; i++) {
        struct thing *thing = (struct thing *)nns__keep_take(&shared->keep, fit, NULL);

        if (thing == NULL)
            continue;
        atomic_fetch_add(&shared->clashes, atomic_fetch_add(&thing->users, 1) != 0);
        atomic_fetch_sub(&thing->users, 1);
        nns__keep_give(&shared->keep, &thing->kept);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct shared shared = {.keep = {.slots = {NULL}}};
    struct thing things[NNS__KEEP_MOST];
    pthread_t threads[6];

    (void)state;
    init(things, COUNT(things));
    for (size_t i = 0; i < COUNT(things); i++)
        nns__keep_give(&shared.keep, &things[i].kept);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &shared), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(shared.clashes, 0);
    assert_int_equal(freed(things, COUNT(things)), 0);
    nns__keep_clear(&shared.keep);
    assert_int_equal(freed(things, COUNT(things)), COUNT(things));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_takes_one_has_it_alone),
        cmocka_unit_test(test_what_fits_others_stays),
        cmocka_unit_test(test_what_fits_nobody_goes),
        cmocka_unit_test(test_a_new_one_takes_an_old_ones_place),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
