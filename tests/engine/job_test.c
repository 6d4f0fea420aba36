/* SPDX-License-Identifier: MIT
 *
 * Jobs: a mechanism call on another thread, abandoned or outlived at every moment. The threads
 * meet at fixed points in the call, so that each course is played on purpose.
 */
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#include <pthread.h>
#include <semaphore.h>

struct world {
    struct test_alloc alloc;
    struct mock script;
    sem_t entered, go;
    nns_engine *e;
    nns_job *job;
    pthread_t thread;
};

/* In the mechanism's call: says that it is in, and stays until it may go on. */
static void stop_in_step(void *arg)
{
    struct world *w = arg;

    (void)sem_post(&w->entered);
    while (sem_wait(&w->go) != 0)
        ;
}

static void *run_job(void *arg)
{
    nns_job_run(arg);
    return NULL;
}

static void make_world(struct world *w, bool blocking)
{
    nns_allocator allocator;

    *w = (struct world){0};
    allocator = test_allocator(&w->alloc);
    assert_int_equal(sem_init(&w->entered, 0, 0), 0);
    assert_int_equal(sem_init(&w->go, 0, 0), 0);
    w->script = (struct mock){.turns = 2, .on_step = blocking ? stop_in_step : NULL, .arg = w};
    w->e = engine_on(config_make(&w->script, &allocator), NNS_CLIENT);
    assert_int_equal(nns_engine_take_job(w->e, &w->job), NNS_OK);
}

/* The job is in the mechanism, on a thread of its own. */
static void start_job(struct world *w)
{
    assert_int_equal(pthread_create(&w->thread, NULL, run_job, w->job), 0);
    while (sem_wait(&w->entered) != 0)
        ;
}

static void end_job(struct world *w)
{
    assert_int_equal(sem_post(&w->go), 0);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
}

static void end_world(struct world *w)
{
    nns_engine_free(w->e);
    assert_int_equal(w->alloc.blocks, 0);
    assert_int_equal(w->alloc.bytes, 0);
    (void)sem_destroy(&w->entered);
    (void)sem_destroy(&w->go);
}

static void a_job_runs_on_another_thread(void **state)
{
    struct world w;

    (void)state;
    make_world(&w, true);
    start_job(&w);
    assert_int_equal(nns_engine_finish_job(w.e, w.job), NNS_ERR_STATE); /* still running */
    assert_int_equal(nns_engine_state(w.e), NNS_STATE_STEPPING);
    end_job(&w);
    assert_int_equal(nns_engine_finish_job(w.e, w.job), NNS_OK);
    engine_expect(w.e, "\x16\x01\0\0\x05MOCK\x01", 10);
    end_world(&w);
}

static void finish_wants_its_own_job(void **state)
{
    struct world w, other;
    nns_job *job = NULL;

    (void)state;
    make_world(&w, false);
    make_world(&other, false);
    nns_job_run(w.job);
    nns_job_run(other.job);
    nns_job_run(NULL);
    nns_job_abandon(NULL);
    assert_int_equal(nns_engine_finish_job(w.e, other.job), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_finish_job(w.e, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_finish_job(NULL, w.job), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_take_job(w.e, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_take_job(NULL, &job), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_engine_finish_job(w.e, w.job), NNS_OK);
    assert_int_equal(nns_engine_finish_job(other.e, other.job), NNS_OK);
    end_world(&w);
    end_world(&other);
}

static void the_target_stays_readable(void **state)
{
    struct world w;
    const char *target;

    (void)state;
    make_world(&w, false);
    target = nns_engine_target(w.e);
    assert_non_null(target);
    nns_job_abandon(w.job);
    nns_job_run(w.job); /* frees it */
    assert_ptr_equal(nns_engine_target(w.e), target);
    assert_true(*target != '\0');
    end_world(&w);
}

static void abandoned_before_it_runs(void **state)
{
    struct world w;

    (void)state;
    make_world(&w, true); /* it would block for ever if the mechanism were called */
    nns_job_abandon(w.job);
    engine_expect_failure(w.e, NNS_ERR_CANCELED, "handshake: canceled");
    assert_int_equal(nns_engine_state(w.e), NNS_STATE_FAILED);
    assert_int_equal(nns_engine_step(w.e), NNS_ERR_CANCELED);
    nns_job_run(w.job);
    end_world(&w);
}

static void abandoned_while_it_runs(void **state)
{
    struct world w;

    (void)state;
    make_world(&w, true);
    start_job(&w);
    nns_job_abandon(w.job);
    engine_expect_failure(w.e, NNS_ERR_CANCELED, "handshake: canceled");
    engine_expect(w.e, NULL, 0);
    end_job(&w);
    end_world(&w);
}

static void abandoned_after_it_ran(void **state)
{
    struct world w;

    (void)state;
    make_world(&w, true);
    start_job(&w);
    end_job(&w);
    nns_job_abandon(w.job);
    engine_expect_failure(w.e, NNS_ERR_CANCELED, "handshake: canceled");
    end_world(&w);
}

/* The engine goes first; the job lives on with all it needs. */
static void the_engine_is_freed_while_the_job_runs(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct world w;

        make_world(&w, true);
        if (when > 0)
            start_job(&w);
        if (when > 1)
            end_job(&w);
        nns_engine_free(w.e);
        w.e = NULL;
        nns_job_abandon(w.job);
        if (when == 0)
            nns_job_run(w.job);
        if (when == 1)
            end_job(&w);
        end_world(&w);
    }
}

/* Abandon and the end of run at the same time: whoever is later frees it. */
static void abandoned_as_it_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct world w;

        make_world(&w, true);
        start_job(&w);
        assert_int_equal(sem_post(&w.go), 0);
        if (i % 2 == 0) {
            nns_engine_free(w.e);
            w.e = NULL;
        }
        nns_job_abandon(w.job);
        assert_int_equal(pthread_join(w.thread, NULL), 0);
        end_world(&w);
    }
}

static void a_time_out_while_it_runs(void **state)
{
    struct world w;

    (void)state;
    make_world(&w, true);
    start_job(&w);
    assert_int_equal(nns_engine_fail(w.e, NNS_ERR_TIMEOUT, 0), NNS_ERR_TIMEOUT);
    assert_int_equal(nns_engine_state(w.e), NNS_STATE_FAILED | NNS_STATE_STEPPING);
    end_job(&w);
    assert_int_equal(nns_engine_finish_job(w.e, w.job), NNS_ERR_TIMEOUT);
    engine_expect_failure(w.e, NNS_ERR_TIMEOUT, "timed out");
    engine_expect(w.e, NULL, 0); /* nor does its token go out */
    end_world(&w);
    make_world(&w, true);
    start_job(&w);
    assert_int_equal(nns_engine_fail(w.e, NNS_ERR_TIMEOUT, 0), NNS_ERR_TIMEOUT);
    nns_job_abandon(w.job);
    engine_expect_failure(w.e, NNS_ERR_TIMEOUT, "timed out"); /* the first one stays */
    end_job(&w);
    end_world(&w);
}

static void *fail_engine(void *arg)
{
    (void)nns_engine_fail(arg, NNS_ERR_CANCELED, 0);
    return NULL;
}

/* Another thread says that it is over, at any moment of a handshake and of its first records. */
static void a_failure_from_another_thread_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct mock script = {.turns = 1 + i % 4};
        struct pair p = {.client_script = script, .server_script = script, .chunk = 1};
        pthread_t thread;
        char got[8];

        pair_make(&p);
        assert_int_equal(pthread_create(&thread, NULL, fail_engine, p.client), 0);
        pair_pump(&p);
        (void)!nns_engine_write(p.client, "x", 1);
        pair_pump(&p);
        (void)!nns_engine_read(p.client, got, sizeof(got));
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(nns_error_code(nns_engine_error(p.client)), NNS_ERR_CANCELED);
        pair_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_on_another_thread),
        cmocka_unit_test(finish_wants_its_own_job),
        cmocka_unit_test(the_target_stays_readable),
        cmocka_unit_test(abandoned_before_it_runs),
        cmocka_unit_test(abandoned_while_it_runs),
        cmocka_unit_test(abandoned_after_it_ran),
        cmocka_unit_test(the_engine_is_freed_while_the_job_runs),
        cmocka_unit_test(abandoned_as_it_ends),
        cmocka_unit_test(a_time_out_while_it_runs),
        cmocka_unit_test(a_failure_from_another_thread_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
