/* SPDX-License-Identifier: MIT
 *
 * A process' mark: the same for as long as it lives, and none of those that its ancestors have,
 * however the child was made.
 */
#include "base/process.h"
#include "support/check.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_mark_stays(void **state)
{
    uint32_t mark = nns__process_mark();

    (void)state;
    assert_int_not_equal(mark, 0);
    assert_int_equal(nns__process_mark(), mark);
    assert_true(nns__process_is(mark));
    assert_false(nns__process_is(mark + 1));
}

/* In a child: neither before nor after it has a mark of its own does its parent's pass for it. */
static bool is_told_apart(uint32_t parents)
{
    bool before = nns__process_is(parents);
    uint32_t own = nns__process_mark();

    return !before && own != 0 && own != parents && nns__process_is(own) &&
           !nns__process_is(parents) && nns__process_mark() == own;
}

static void expect_success(pid_t child)
{
    int status;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_child_has_another_mark(void **state)
{
    uint32_t mark = nns__process_mark();
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(is_told_apart(mark) ? 0 : 1);
    expect_success(child);
    assert_true(nns__process_is(mark));
}

static void a_grandchild_has_a_third(void **state)
{
    uint32_t mark = nns__process_mark();
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        uint32_t middle = nns__process_mark();
        pid_t grandchild = fork();
        int status = 1;

        if (grandchild == 0)
            _exit(is_told_apart(middle) && is_told_apart(mark) ? 0 : 1);
        (void)waitpid(grandchild, &status, 0);
        _exit(status == 0 && nns__process_is(middle) ? 0 : 1);
    }
    expect_success(child);
}

#ifdef __linux__
/* A child that no handler of pthread_atfork() has seen. */
static void a_bare_clone_has_another_mark(void **state)
{
    uint32_t mark = nns__process_mark();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    (void)state;
    if (child == 0)
        _exit(is_told_apart(mark) ? 0 : 1);
    expect_success(child);
    assert_true(nns__process_is(mark));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mark_stays),
        cmocka_unit_test(a_child_has_another_mark),
        cmocka_unit_test(a_grandchild_has_a_third),
#ifdef __linux__
        cmocka_unit_test(a_bare_clone_has_another_mark),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
