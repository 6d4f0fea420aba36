/* SPDX-License-Identifier: MIT
 *
 * Deadlines on a clock that the test turns.
 */
#include "stream/ends.h"

#include <limits.h>

static void test_counts_down_and_passes(void **state)
{
    struct test_clock clock = {.now = 5000};
    struct nns__time time = test_time(&clock);
    int64_t deadline = nns__deadline_after(&time, 300);

    (void)state;
    assert_int_equal(nns__deadline_left(&time, deadline), 300);
    clock.now += 299;
    assert_int_equal(nns__deadline_left(&time, deadline), 1);
    clock.now += 1;
    assert_int_equal(nns__deadline_left(&time, deadline), 0);
    clock.now += 100000;
    assert_int_equal(nns__deadline_left(&time, deadline), 0);
}

static void test_none_is_for_ever(void **state)
{
    struct test_clock clock = {.now = INT64_MAX / 2};
    struct nns__time time = test_time(&clock);

    (void)state;
    assert_true(nns__deadline_after(&time, 0) == NNS__NEVER);
    assert_int_equal(nns__deadline_left(&time, NNS__NEVER), -1);
}

static void test_far_ones_fit_poll(void **state)
{
    struct test_clock clock = {.now = 1};
    struct nns__time time = test_time(&clock);

    (void)state;
    assert_int_equal(nns__deadline_left(&time, (int64_t)1 << 40), INT_MAX);
}

static void test_sooner(void **state)
{
    (void)state;
    assert_true(nns__deadline_sooner(NNS__NEVER, 7) == 7);
    assert_true(nns__deadline_sooner(3, 7) == 3);
}

static void test_system_clock_goes_forward(void **state)
{
    int64_t first = nns__time_system.now(NULL);

    (void)state;
    assert_true(first > 0);
    assert_true(nns__time_system.now(NULL) >= first);
    assert_int_equal(nns__time_system.wait(NULL, NULL, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_down_and_passes),    cmocka_unit_test(test_none_is_for_ever),
        cmocka_unit_test(test_far_ones_fit_poll),         cmocka_unit_test(test_sooner),
        cmocka_unit_test(test_system_clock_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
