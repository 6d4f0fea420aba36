/* SPDX-License-Identifier: MIT
 *
 * What a stream holds and does while nothing comes: a reader that waits for long gives the buffers
 * of both directions back, but for those that a writer works with, a small message costs one wait
 * and no more, and only who expects an answer looks for it before the wait.
 */
#include "stream/ends.h"

#include "engine/engine_internal.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Time that is always over where a wait has an end, which here only a patient reader's has. */
struct hurry {
    struct gate gate; /* whoever has nothing left to do but wait passes it */
    atomic_size_t waits;
    atomic_size_t looks; /* of those, without sleeping */
};

static int64_t hurried_now(void *arg)
{
    (void)arg;
    return 0;
}

static int hurried_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct hurry *hurry = arg;
    int n = poll(fds, count, 0);

    atomic_fetch_add(&hurry->waits, 1);
    atomic_fetch_add(&hurry->looks, timeout_ms == 0);
    if (n != 0 || timeout_ms >= 0)
        return n;
    gate_pass(&hurry->gate);
    return poll(fds, count, -1);
}

/* Whoever comes to wait does so in the gate, so that a test may look at the stream. */
static void gate_close(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = false;
    pthread_mutex_unlock(&gate->lock);
}

static void open_in_a_hurry(struct ends *ends, struct hurry *hurry)
{
    const struct nns__time time = {.now = hurried_now, .wait = hurried_wait, .arg = hurry};

    *hurry = (struct hurry){.gate = GATE_INIT};
    gate_open(&hurry->gate);
    ends_open(ends);
    nns__stream_set_time(ends->client, &time);
}

static size_t window_of(nns_stream *s)
{
    return nns_stream_engine(s)->recv.window.capacity;
}

static size_t queue_of(nns_stream *s)
{
    return nns_stream_engine(s)->send.out.capacity;
}

static void test_a_reader_that_waits_holds_no_buffers(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor reader = {.act = act_read};
    struct hurry hurry;
    char bytes[100] = "";

    (void)state;
    open_in_a_hurry(&ends, &hurry);
    reader.stream = ends.client;
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(nns_stream_write(ends.client, bytes, 100), 100);
        assert_int_equal(nns_stream_read(ends.server, bytes, 100), 100);
        assert_true(queue_of(ends.client) > 0);
        gate_close(&hurry.gate);
        actor_start(&reader);
        gate_await(&hurry.gate, i);
        assert_int_equal(window_of(ends.client), 0);
        assert_int_equal(queue_of(ends.client), 0);
        gate_open(&hurry.gate);
        assert_int_equal(nns_stream_write(ends.server, "x", 1), 1);
        assert_int_equal(actor_end(&reader), 1);
        assert_true(window_of(ends.client) > 0);
    }
    ends_free(&ends);
}

/* The transport takes nothing: the writer waits with little in a large queue, and then the reader
 * waits, too. */
static void test_a_writer_keeps_its_queue(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor check = {.act = act_check, .size = 60000};
    struct actor writer = {.act = act_write, .size = 60000};
    struct actor reader = {.act = act_read};
    const uint8_t *before;
    struct hurry hurry;

    (void)state;
    open_in_a_hurry(&ends, &hurry);
    check.stream = ends.server;
    reader.stream = writer.stream = ends.client;
    actor_start(&check);
    assert_int_equal(act_write(&writer), writer.size);
    assert_int_equal(actor_end(&check), check.size);
    while (send(ends.fds[0], "junk", 4, MSG_DONTWAIT) > 0)
        continue;
    gate_close(&hurry.gate);
    writer.size = 100;
    actor_start(&writer);
    gate_await(&hurry.gate, 1);
    before = nns_stream_engine(ends.client)->send.out.data;
    assert_true(queue_of(ends.client) > 8192); /* giving back would move it */
    actor_start(&reader);
    gate_await(&hurry.gate, 2);
    assert_int_equal(window_of(ends.client), 0);
    assert_ptr_equal(nns_stream_engine(ends.client)->send.out.data, before);
    nns_stream_cancel(ends.client);
    gate_open(&hurry.gate);
    assert_int_equal(actor_end(&writer), NNS_ERR_CANCELED);
    assert_int_equal(actor_end(&reader), NNS_ERR_CANCELED);
    ends_free(&ends);
}

/* A writer that comes while buffers are given back, as often as that can be had. */
static void test_a_writer_and_an_idle_reader(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor echo = {.act = act_echo};
    struct actor reader = {.act = act_check, .size = 300000};
    struct actor writer = {.act = act_write, .size = 300000};
    struct hurry hurry;

    (void)state;
    open_in_a_hurry(&ends, &hurry);
    reader.stream = writer.stream = ends.client;
    echo.stream = ends.server;
    actor_start(&echo);
    actor_start(&writer);
    assert_int_equal(act_check(&reader), reader.size);
    assert_int_equal(actor_end(&writer), writer.size);
    for (int i = 0; i < 2000; i++) {
        struct actor one = {.act = act_read, .stream = ends.client};

        actor_start(&one);
        assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
        assert_int_equal(actor_end(&one), 1);
    }
    assert_int_equal(nns_stream_shutdown(ends.client), NNS_OK);
    assert_int_equal(actor_end(&echo), NNS_OK);
    ends_free(&ends);
}

static void test_a_small_message_is_one_wait(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct hurry hurry;
    char bytes[100] = "";

    (void)state;
    open_in_a_hurry(&ends, &hurry);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(nns_stream_write(ends.server, bytes, 100), 100);
        assert_int_equal(nns_stream_read(ends.client, bytes, 100), 100);
        assert_in_range(hurry.waits, i, i + 1);
    }
    ends_free(&ends);
}

/* How often the client's reader looks before it sleeps; it is woken by a byte from the server. */
static size_t looks_before_sleep(struct ends *ends, struct hurry *hurry, size_t wait)
{
    struct actor reader = {.act = act_read, .stream = ends->client};
    size_t before = hurry->looks, looks;

    gate_close(&hurry->gate);
    actor_start(&reader);
    gate_await(&hurry->gate, wait);
    looks = hurry->looks - before;
    gate_open(&hurry->gate);
    assert_int_equal(nns_stream_write(ends->server, "x", 1), 1);
    assert_int_equal(actor_end(&reader), 1);
    return looks;
}

static void test_looks_for_an_answer_alone(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct hurry hurry;

    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    open_in_a_hurry(&ends, &hurry);
    assert_int_equal(looks_before_sleep(&ends, &hurry, 1), 0);
    assert_int_equal(nns_stream_write(ends.client, "a", 1), 1);
    assert_true(looks_before_sleep(&ends, &hurry, 2) > 1);
    assert_int_equal(looks_before_sleep(&ends, &hurry, 3), 0);
    ends_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reader_that_waits_holds_no_buffers),
        cmocka_unit_test(test_a_writer_keeps_its_queue),
        cmocka_unit_test(test_a_writer_and_an_idle_reader),
        cmocka_unit_test(test_a_small_message_is_one_wait),
        cmocka_unit_test(test_looks_for_an_answer_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
