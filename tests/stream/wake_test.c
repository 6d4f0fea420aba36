/* SPDX-License-Identifier: MIT
 *
 * The wake-up: readable after a signal, not after a clear, for ever once held.
 */
#include "stream/ends.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static struct nns__mem mem;

static struct nns__wake *make(void)
{
    struct nns__wake *w = NULL;

    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(nns__wake_new(&w, &mem), NNS_OK);
    return w;
}

static bool is_readable(const struct nns__wake *w)
{
    struct pollfd p = {.fd = nns__wake_fd(w), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void test_signal_and_clear(void **state)
{
    struct nns__wake *w = make();

    (void)state;
    assert_false(is_readable(w));
    nns__wake_signal(w);
    nns__wake_signal(w);
    assert_true(is_readable(w));
    nns__wake_clear(w);
    assert_false(is_readable(w));
    nns__wake_clear(w); /* of nothing does not block */
    nns__wake_unref(w);
}

static void test_hold_survives_clear(void **state)
{
    struct nns__wake *w = make();

    (void)state;
    nns__wake_hold(w);
    nns__wake_hold(w);
    nns__wake_clear(w);
    assert_true(is_readable(w));
    nns__wake_unref(w);
}

static void *signal_it(void *arg)
{
    nns__wake_signal(arg);
    return NULL;
}

/* Whether it comes before or after, nothing is left behind. */
static void test_take_waits_for_the_signal(void **state)
{
    struct nns__wake *w = make();
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(pthread_create(&thread, NULL, signal_it, w), 0);
        nns__wake_take(w);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_false(is_readable(w));
    }
    nns__wake_hold(w);
    nns__wake_take(w);
    assert_true(is_readable(w));
    nns__wake_unref(w);
}

static void test_descriptor_is_not_inherited(void **state)
{
    struct nns__wake *w = make();

    (void)state;
    assert_true((fcntl(nns__wake_fd(w), F_GETFD) & FD_CLOEXEC) != 0);
    nns__wake_unref(w);
}

static void test_last_reference_closes(void **state)
{
    struct nns__wake *w = nns__wake_ref(make());
    int fd = nns__wake_fd(w);

    (void)state;
    nns__wake_unref(w);
    assert_int_not_equal(fcntl(fd, F_GETFD), -1);
    nns__wake_unref(w);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    nns__wake_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_and_clear),
        cmocka_unit_test(test_hold_survives_clear),
        cmocka_unit_test(test_take_waits_for_the_signal),
        cmocka_unit_test(test_descriptor_is_not_inherited),
        cmocka_unit_test(test_last_reference_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
