/* SPDX-License-Identifier: MIT
 *
 * The worker pool: its caps, its order, and calls that are given up at every moment.
 */
#include "stream/ends.h"
#include "support/alloc.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 80

static struct test_alloc counter;
static struct nns__mem mem;
static struct nns__wake *wake;

static int set_up(void **state)
{
    nns_allocator alloc = test_allocator(&counter);

    (void)state;
    return nns__mem_init(&mem, &alloc) == NNS_OK && nns__wake_new(&wake, &mem) == NNS_OK ? 0 : -1;
}

/* Every call has freed itself. */
static int tear_down(void **state)
{
    (void)state;
    workers_await_none();
    nns__wake_unref(wake);
    return atomic_load(&counter.blocks) == 0 ? 0 : -1;
}

static struct nns__call *start(const char *key, void (*run)(void *arg), void *arg)
{
    const struct nns__work work = {.run = run, .arg = arg};
    struct nns__call *call = NULL;

    assert_int_equal(nns__call_start(&call, &mem, key, &work, wake), NNS_OK);
    return call;
}

static void await_done(const struct nns__call *call)
{
    struct pollfd p = {.fd = nns__wake_fd(wake), .events = POLLIN};

    while (!nns__call_is_done(call)) {
        assert_int_equal(poll(&p, 1, -1), 1);
        nns__wake_clear(wake);
    }
}

static size_t waiting(void)
{
    size_t busy, idle, n;

    nns__worker_counts(&busy, &idle, &n);
    return n;
}

static size_t threads(void)
{
    size_t busy, idle, n;

    nns__worker_counts(&busy, &idle, &n);
    return busy + idle;
}

static void test_runs_once_and_wakes(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *call = start("A", gate_pass, &gate);

    (void)state;
    gate_await(&gate, 1);
    assert_false(nns__call_is_done(call));
    gate_open(&gate);
    await_done(call);
    assert_int_equal(gate_passed(&gate), 1);
    nns__call_release(call);
}

/* A call of which run passes one gate and what comes then another. */
struct two_gates {
    struct gate run, then;
    pthread_t ran_on, then_on;
};

static void pass_first(void *arg)
{
    struct two_gates *gates = arg;

    gates->ran_on = pthread_self();
    gate_pass(&gates->run);
}

static void pass_second(void *owner)
{
    struct two_gates *gates = owner;

    gates->then_on = pthread_self();
    gate_pass(&gates->then);
}

static struct nns__call *start_both(struct two_gates *gates)
{
    const struct nns__work work = {
        .run = pass_first, .arg = gates, .then = pass_second, .owner = gates};
    struct nns__call *call = NULL;

    *gates = (struct two_gates){.run = GATE_INIT, .then = GATE_INIT};
    assert_int_equal(nns__call_start(&call, &mem, NULL, &work, wake), NNS_OK);
    gate_await(&gates->run, 1);
    return call;
}

static void test_then_belongs_to_the_call(void **state)
{
    struct two_gates gates;
    struct nns__call *call = start_both(&gates);

    (void)state;
    gate_open(&gates.run);
    gate_await(&gates.then, 1);
    assert_false(nns__call_is_done(call));
    gate_open(&gates.then);
    await_done(call);
    assert_true(pthread_equal(gates.ran_on, gates.then_on));
    nns__call_keep(call); /* nothing is left to keep */
    nns__call_release(call);
}

static void test_then_is_kept(void **state)
{
    struct two_gates gates;
    struct nns__call *call = start_both(&gates);

    (void)state;
    nns__call_keep(call);
    gate_open(&gates.run);
    await_done(call);
    assert_int_equal(gate_inside(&gates.then), 0);
    nns__call_release(call);
    nns__call_keep(NULL);
}

static void test_then_is_not_for_who_is_gone(void **state)
{
    struct two_gates gates;

    (void)state;
    nns__call_release(start_both(&gates));
    gate_open(&gates.run);
    workers_await_none();
    assert_int_equal(gate_passed(&gates.run), 1);
    assert_int_equal(gate_inside(&gates.then), 0);
}

static void *open_second(void *arg)
{
    gate_open(&((struct two_gates *)arg)->then);
    return NULL;
}

/* Who keeps it, or gives the call back, while it happens waits for its end. */
static void test_then_is_waited_for(void **state)
{
    struct two_gates gates;
    struct nns__call *call;
    pthread_t opener;

    (void)state;
    for (int i = 0; i < 2; i++) {
        call = start_both(&gates);
        gate_open(&gates.run);
        gate_await(&gates.then, 1);
        assert_int_equal(pthread_create(&opener, NULL, open_second, &gates), 0);
        if (i == 0)
            nns__call_keep(call);
        else
            nns__call_release(call);
        assert_int_equal(gate_passed(&gates.then), 1);
        assert_int_equal(pthread_join(opener, NULL), 0);
        if (i == 0) {
            await_done(call);
            nns__call_release(call);
        }
        workers_await_none();
    }
}

static void test_four_at_once(void **state)
{
    static const char *const keys[] = {"A", "B", "C", "D", "E", "F", NULL, NULL};
    struct gate gate = GATE_INIT;
    struct nns__call *calls[COUNT(keys)];

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++)
        calls[i] = start(keys[i], gate_pass, &gate);
    gate_await(&gate, NNS__WORKER_THREADS);
    assert_int_equal(waiting(), COUNT(keys) - NNS__WORKER_THREADS);
    assert_int_equal(gate_inside(&gate), NNS__WORKER_THREADS);
    gate_open(&gate);
    for (size_t i = 0; i < COUNT(keys); i++) {
        await_done(calls[i]);
        nns__call_release(calls[i]);
    }
    assert_int_equal(gate_passed(&gate), COUNT(keys));
}

static void test_two_with_the_same_key(void **state)
{
    struct gate dead = GATE_INIT, alive = GATE_INIT;
    struct nns__call *stuck[3], *other;

    (void)state;
    for (size_t i = 0; i < COUNT(stuck); i++)
        stuck[i] = start("DEAD.TEST", gate_pass, &dead);
    gate_await(&dead, NNS__WORKER_PER_KEY);
    gate_open(&alive);
    other = start("ALIVE.TEST", gate_pass, &alive); /* goes past the one that waits */
    await_done(other);
    assert_int_equal(waiting(), 1);
    assert_int_equal(gate_inside(&dead), NNS__WORKER_PER_KEY);
    gate_open(&dead);
    for (size_t i = 0; i < COUNT(stuck); i++) {
        await_done(stuck[i]);
        nns__call_release(stuck[i]);
    }
    nns__call_release(other);
}

static void test_calls_without_key_share_no_limit(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *calls[NNS__WORKER_THREADS];

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = start(NULL, gate_pass, &gate);
    gate_await(&gate, NNS__WORKER_THREADS);
    gate_open(&gate);
    for (size_t i = 0; i < COUNT(calls); i++)
        nns__call_release(calls[i]);
    workers_await_none();
}

/* ---- order ---- */

struct order {
    pthread_mutex_t lock;
    char seen[MANY];
    size_t count;
};

struct place {
    struct order *order;
    char name;
};

static void note(void *arg)
{
    struct place *place = arg;

    pthread_mutex_lock(&place->order->lock);
    place->order->seen[place->order->count++] = place->name;
    pthread_mutex_unlock(&place->order->lock);
}

static void test_order_is_that_of_arrival(void **state)
{
    static struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct gate gates[NNS__WORKER_THREADS] = {GATE_INIT, GATE_INIT, GATE_INIT, GATE_INIT};
    struct nns__call *stuck[NNS__WORKER_THREADS], *calls[6];
    struct place places[6];

    (void)state;
    for (size_t i = 0; i < COUNT(stuck); i++) {
        stuck[i] = start(NULL, gate_pass, &gates[i]);
        gate_await(&gates[i], 1);
    }
    for (size_t i = 0; i < COUNT(calls); i++) {
        places[i] = (struct place){&order, (char)('a' + i)};
        calls[i] = start(i % 2 == 0 ? "X" : NULL, note, &places[i]);
    }
    gate_open(&gates[0]); /* one thread now does them all */
    for (size_t i = 0; i < COUNT(calls); i++) {
        await_done(calls[i]);
        nns__call_release(calls[i]);
    }
    assert_memory_equal(order.seen, "abcdef", COUNT(calls));
    for (size_t i = 0; i < COUNT(stuck); i++) {
        gate_open(&gates[i]);
        nns__call_release(stuck[i]);
    }
    workers_await_none();
}

/* ---- giving up ---- */

static void note_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
}

static void test_given_up_before_it_runs(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *first = start("A", gate_pass, &gate);
    struct nns__call *second = start("A", gate_pass, &gate);
    pthread_t ran_on = 0;
    struct nns__call *call = start("A", note_thread, &ran_on);

    (void)state;
    gate_await(&gate, 2);
    assert_int_equal(waiting(), 1);
    nns__call_release(call);
    assert_true(pthread_equal(ran_on, pthread_self())); /* here, so that its owner can free it */
    assert_int_equal(waiting(), 0);
    gate_open(&gate);
    nns__call_release(first);
    nns__call_release(second);
    workers_await_none();
}

static void test_given_up_while_it_runs(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *call = start("A", gate_pass, &gate);

    (void)state;
    gate_await(&gate, 1);
    nns__call_release(call); /* returns at once */
    assert_int_equal(gate_passed(&gate), 0);
    gate_open(&gate);
    workers_await_none();
    assert_int_equal(gate_passed(&gate), 1);
}

static void test_given_up_call_still_counts(void **state)
{
    struct gate gate = GATE_INIT, open = GATE_INIT;
    struct nns__call *call;

    (void)state;
    nns__call_release(start("A", gate_pass, &gate));
    nns__call_release(start("A", gate_pass, &gate));
    gate_await(&gate, 2);
    gate_open(&open);
    call = start("A", gate_pass, &open);
    assert_int_equal(waiting(), 1); /* its threads are held as ever */
    gate_open(&gate);
    await_done(call);
    nns__call_release(call);
    workers_await_none();
}

static void test_given_up_at_any_moment(void **state)
{
    struct gate gate = GATE_INIT;

    (void)state;
    gate_open(&gate);
    for (int i = 0; i < 2000; i++)
        nns__call_release(start(i % 3 == 0 ? "A" : NULL, gate_pass, &gate));
    workers_await_none();
    assert_int_equal(gate_passed(&gate), 2000);
}

static void test_queue_has_an_end(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *calls[NNS__WORKER_THREADS + NNS__WORKER_QUEUE], *refused = NULL;
    const struct nns__work work = {.run = gate_pass, .arg = &gate};
    size_t n = 0;

    (void)state;
    for (; n < COUNT(calls); n++)
        calls[n] = start(NULL, gate_pass, &gate);
    assert_int_equal(nns__call_start(&refused, &mem, NULL, &work, wake), NNS_ERR_BUSY);
    assert_null(refused);
    gate_await(&gate, NNS__WORKER_THREADS);
    assert_int_equal(waiting(), NNS__WORKER_QUEUE);
    gate_open(&gate);
    while (n > 0)
        nns__call_release(calls[--n]);
    workers_await_none();
    assert_int_equal(gate_passed(&gate), COUNT(calls));
}

static void test_no_memory(void **state)
{
    struct gate gate = GATE_INIT;
    const struct nns__work work = {.run = gate_pass, .arg = &gate};
    struct nns__call *call = NULL;

    (void)state;
    for (long i = 1; i <= 2; i++) {
        atomic_store(&counter.fail_at, atomic_load(&counter.calls) + i);
        assert_int_equal(nns__call_start(&call, &mem, "A", &work, wake), NNS_ERR_NOMEM);
    }
    atomic_store(&counter.fail_at, 0);
    assert_null(call);
    assert_int_equal(gate_inside(&gate), 0);
}

/* ---- threads ---- */

static void note_signals(void *arg)
{
    sigset_t *blocked = arg;

    (void)pthread_sigmask(SIG_SETMASK, NULL, blocked);
}

static void test_signals_are_blocked(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM, SIGPIPE};
    sigset_t blocked, ours;
    struct nns__call *call = start(NULL, note_signals, &blocked);

    (void)state;
    await_done(call);
    nns__call_release(call);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &ours);
    for (size_t i = 0; i < COUNT(signals); i++) {
        assert_int_equal(sigismember(&blocked, signals[i]), 1);
        assert_int_equal(sigismember(&ours, signals[i]), 0);
    }
}

static void test_a_thread_does_more_than_one_call(void **state)
{
    pthread_t first = 0, then = 0;
    struct nns__call *call = start("A", note_thread, &first);

    (void)state;
    await_done(call);
    nns__call_release(call);
    for (int i = 0; i < 100; i++) {
        workers_await_none();
        call = start("B", note_thread, &then);
        await_done(call);
        nns__call_release(call);
        assert_true(pthread_equal(first, then));
    }
}

/* Who sees the call done before the signal is given still gets that one alone. */
static void test_no_signal_comes_late(void **state)
{
    struct pollfd p = {.fd = nns__wake_fd(wake), .events = POLLIN};
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct nns__call *call = start(NULL, note_thread, &thread);

        while (!nns__call_is_done(call))
            continue;
        nns__call_release(call);
        nns__wake_take(wake);
        if (i % 2 != 0)
            workers_await_none();
        assert_int_equal(poll(&p, 1, 0), 0);
    }
}

static void test_idle_threads_are_used_before_new_ones(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *calls[NNS__WORKER_THREADS];

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = start(NULL, gate_pass, &gate);
    gate_open(&gate);
    for (size_t i = 0; i < COUNT(calls); i++)
        nns__call_release(calls[i]);
    workers_await_none();
    assert_int_equal(threads(), NNS__WORKER_THREADS);
    gate = (struct gate)GATE_INIT;
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = start(NULL, gate_pass, &gate);
    gate_await(&gate, NNS__WORKER_THREADS);
    assert_int_equal(threads(), NNS__WORKER_THREADS);
    gate_open(&gate);
    for (size_t i = 0; i < COUNT(calls); i++)
        nns__call_release(calls[i]);
    workers_await_none();
}

/* Of a library that is not used there is no thread. */
static void test_idle_threads_end(void **state)
{
    struct gate gate = GATE_INIT;

    (void)state;
    gate_open(&gate);
    nns__call_release(start(NULL, gate_pass, &gate));
    workers_await_none();
    assert_true(threads() > 0);
    while (threads() > 0)
        sched_yield();
}

#if !defined(__SANITIZE_THREAD__) /* which forbids threads after such a fork */
static void count_run(void *arg)
{
    ++*(int *)arg;
}

static int child(struct nns__call *running, struct nns__call *queued, const int *runs)
{
    struct gate own = GATE_INIT;
    const struct nns__work work = {.run = gate_pass, .arg = &own};
    struct nns__call *call = NULL;

    if (threads() != 0 || waiting() != 0)
        return 1;
    gate_open(&own);
    if (nns__call_start(&call, &mem, "A", &work, wake) != NNS_OK)
        return 2;
    while (!nns__call_is_done(call))
        continue;
    nns__call_release(call);
    nns__call_release(queued);
    nns__call_release(running); /* left as half done as it is */
    return *runs == 1 ? 0 : 3;
}

static void test_child_starts_afresh(void **state)
{
    struct gate gate = GATE_INIT;
    struct nns__call *calls[3];
    int status = -1, runs = 0;
    pid_t pid;

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = start("A", i < 2 ? gate_pass : count_run, i < 2 ? (void *)&gate : &runs);
    gate_await(&gate, 2);
    pid = fork();
    if (pid == 0)
        _exit(child(calls[0], calls[2], &runs));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(waiting(), 1); /* the parent's pool is as it was */
    gate_open(&gate);
    for (size_t i = 0; i < COUNT(calls); i++)
        nns__call_release(calls[i]);
    workers_await_none();
}
#else
static void test_child_starts_afresh(void **state)
{
    (void)state;
    skip();
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_runs_once_and_wakes),
        TEST(test_then_belongs_to_the_call),
        TEST(test_then_is_kept),
        TEST(test_then_is_not_for_who_is_gone),
        TEST(test_then_is_waited_for),
        TEST(test_four_at_once),
        TEST(test_two_with_the_same_key),
        TEST(test_calls_without_key_share_no_limit),
        TEST(test_order_is_that_of_arrival),
        TEST(test_given_up_before_it_runs),
        TEST(test_given_up_while_it_runs),
        TEST(test_given_up_call_still_counts),
        TEST(test_given_up_at_any_moment),
        TEST(test_queue_has_an_end),
        TEST(test_no_memory),
        TEST(test_signals_are_blocked),
        TEST(test_a_thread_does_more_than_one_call),
        TEST(test_no_signal_comes_late),
        TEST(test_idle_threads_are_used_before_new_ones),
        TEST(test_idle_threads_end),
        TEST(test_child_starts_afresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
