/* SPDX-License-Identifier: MIT
 *
 * Looking for a moment before sleeping: how often, what a waiter learns, and how many do so at
 * once.
 */
#include "stream/spin.h"

#include "support/check.h"

#include <errno.h>
#include <sched.h>

/* What poll(2) would answer, and how often it was asked. */
struct looks {
    int count;
    int good;   /* the look that finds something; 0: none does */
    int answer; /* what that one answers */
    struct nns__time time;
    bool nested; /* each look begins another waiter's */
    int64_t now; /* milliseconds */
    int takes;   /* one look; 0: next to nothing */
};

static int64_t now(void *arg)
{
    return ((struct looks *)arg)->now;
}

static int count_looks(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct looks *looks = arg;
    struct nns__spin another = {0};

    assert_int_equal(timeout_ms, 0);
    looks->count++;
    looks->now += looks->takes;
    if (looks->nested)
        (void)nns__spin(&another, &looks->time, fds, count);
    return looks->nested || looks->count == looks->good ? looks->answer : 0;
}

static int look(struct nns__spin *spin, struct looks *looks)
{
    struct pollfd fd = {.fd = -1};

    looks->count = 0;
    looks->time = nns__time_system;
    looks->time.now = now;
    looks->time.wait = count_looks;
    looks->time.arg = looks;
    return nns__spin(spin, &looks->time, &fd, 1);
}

static int processors(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    return CPU_COUNT(&set);
}

static int need_two_processors(void **state)
{
    (void)state;
    if (processors() < 2)
        skip();
    return 0;
}

static void test_looks_until_something_happens(void **state)
{
    struct nns__spin spin = {0};
    struct looks looks = {.good = 7, .answer = 1};

    (void)state;
    assert_int_equal(look(&spin, &looks), 1);
    assert_int_equal(looks.count, 7);
}

static void test_the_moment_ends(void **state)
{
    struct nns__spin spin = {0};
    struct looks looks = {0};

    (void)state;
    assert_int_equal(look(&spin, &looks), 0);
    assert_in_range(looks.count, 2, 1000);
}

/* Who yields to a busy thread comes back a time slice later. */
static void test_the_moment_ends_on_a_busy_processor(void **state)
{
    struct nns__spin spin = {0};
    struct looks looks = {.takes = 3};

    (void)state;
    assert_int_equal(look(&spin, &looks), 0);
    assert_int_equal(looks.count, 1);
}

static void test_an_error_ends_it(void **state)
{
    struct nns__spin spin = {0};
    struct looks looks = {.good = 2, .answer = -1};

    (void)state;
    assert_int_equal(look(&spin, &looks), -1);
    assert_int_equal(looks.count, 2);
}

/* Waits of a waiter that was often disappointed, until it looks again. */
static int waits_without_a_look(struct nns__spin *spin, struct looks *looks)
{
    int waits = 0;

    while (look(spin, looks) == 0 && looks->count == 0) {
        waits++;
        assert_in_range(waits, 1, 1000);
    }
    return waits;
}

static void test_learns_that_it_does_not_pay(void **state)
{
    struct nns__spin spin = {0};
    struct looks never = {0}, soon = {.good = 1, .answer = 1};
    int lost = 0, few;

    (void)state;
    while (look(&spin, &never) == 0 && never.count > 0)
        assert_in_range(++lost, 1, 100);
    few = waits_without_a_look(&spin, &never) + 1;
    assert_true(few > 10);
    assert_int_equal(waits_without_a_look(&spin, &never), few); /* and so on */
    while (look(&spin, &soon) == 0)
        continue;
    for (int i = 0; i < lost; i++) {
        assert_int_equal(look(&spin, &soon), 1); /* and that it does */
        assert_int_equal(look(&spin, &never), 0);
        assert_true(never.count > 0);
    }
}

static void test_half_of_the_processors_at_most(void **state)
{
    struct nns__spin spin = {0};
    struct looks looks = {.answer = 1, .nested = true}, again = {.good = 1, .answer = 1};

    (void)state;
    assert_int_equal(look(&spin, &looks), 1);
    assert_int_equal(looks.count, processors() / 2);
    assert_int_equal(look(&spin, &again), 1); /* all have left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_looks_until_something_happens, need_two_processors),
        cmocka_unit_test_setup(test_the_moment_ends, need_two_processors),
        cmocka_unit_test_setup(test_the_moment_ends_on_a_busy_processor, need_two_processors),
        cmocka_unit_test_setup(test_an_error_ends_it, need_two_processors),
        cmocka_unit_test_setup(test_learns_that_it_does_not_pay, need_two_processors),
        cmocka_unit_test_setup(test_half_of_the_processors_at_most, need_two_processors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
