/* SPDX-License-Identifier: MIT
 *
 * A server's session ends with the client's ticket: what arrived before is delivered, what was
 * begun goes out in whole records, and nothing after that. The clock is the test's.
 */
#include "stream/ends.h"

#include <string.h>

#define START_MS INT64_C(1000000)
#define TICKET_END 4600 /* seconds: an hour after the start */
#define END_MS (INT64_C(1000) * TICKET_END)
#define GRACE_MS 5000
#define BULK ((size_t)4000000) /* more than a socket takes */

/* Stands still until the handshake is over; then a wait in which nothing happens passes at once. */
struct clock {
    struct test_clock base;
    bool runs;
    struct actor *reader; /* whom late_wait() starts */
};

static int64_t clock_now(void *arg)
{
    struct clock *clock = arg;

    return clock->base.now;
}

static int clock_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct clock *clock = arg;
    int n = poll(fds, count, clock->runs ? 0 : -1);

    if (n == 0)
        clock->base.now += timeout_ms;
    return n;
}

static struct clock the_clock;

static const struct nns__time the_time = {
    .now = clock_now, .wait = clock_wait, .arg = &the_clock, .wall = clock_now};

/* Two streams that are open, the server's on the clock. */
static void open_ends(struct ends *ends)
{
    struct actor client = {.act = act_handshake};

    the_clock = (struct clock){.base = {.now = START_MS}};
    ends->server_script.ticket_end = TICKET_END;
    ends->client_script.ticket_end = TICKET_END;
    ends_make(ends);
    nns__stream_set_time(ends->server, &the_time);
    client.stream = ends->client;
    actor_start(&client);
    assert_int_equal(nns_stream_handshake(ends->server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    the_clock.runs = true;
}

static void expect_ended(const nns_stream *s)
{
    assert_int_equal(nns_error_code(nns_stream_error(s)), NNS_ERR_TIMEOUT);
    assert_string_equal(nns_error_message(nns_stream_error(s)),
                        "data: the client's ticket has ended");
    assert_int_equal(nns_error_phase(nns_stream_error(s)), NNS_PHASE_DATA);
}

static void free_server(struct ends *ends)
{
    nns_stream_free(ends->server);
    ends->server = NULL;
}

static void test_a_read_waits_no_longer(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char c;

    (void)state;
    open_ends(&ends);
    assert_int_equal(nns_stream_read(ends.server, &c, 1), NNS_ERR_TIMEOUT);
    assert_int_equal(the_clock.base.now, END_MS);
    expect_ended(ends.server);
    assert_int_equal(nns_stream_write(ends.server, "x", 1), NNS_ERR_TIMEOUT);
    free_server(&ends);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), 0); /* a clean end for the peer */
    ends_free(&ends);
}

static void test_what_arrived_before_is_delivered(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char text[8] = "";

    (void)state;
    open_ends(&ends);
    assert_int_equal(nns_stream_write(ends.client, "one", 3), 3);
    assert_int_equal(nns_stream_write(ends.client, "two", 3), 3);
    the_clock.base.now = END_MS - 1;
    assert_int_equal(nns_stream_read(ends.server, text, 1), 1);
    the_clock.base.now = END_MS;
    assert_int_equal(nns_stream_write(ends.client, "late", 4), 4);
    assert_int_equal(nns_stream_read(ends.server, text + 1, 7), 5);
    assert_string_equal(text, "onetwo");
    assert_int_equal(nns_stream_read(ends.server, text, 8), NNS_ERR_TIMEOUT);
    expect_ended(ends.server);
    ends_free(&ends);
}

static void test_a_write_begins_nothing_afterwards(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char text[8] = "";

    (void)state;
    open_ends(&ends);
    the_clock.base.now = END_MS - 1;
    assert_int_equal(nns_stream_write(ends.server, "early", 5), 5);
    the_clock.base.now = END_MS;
    assert_int_equal(nns_stream_write(ends.server, "late", 4), NNS_ERR_TIMEOUT);
    expect_ended(ends.server);
    free_server(&ends);
    assert_int_equal(nns_stream_read(ends.client, text, 8), 5);
    assert_string_equal(text, "early");
    assert_int_equal(nns_stream_read(ends.client, text, 8), 0);
    ends_free(&ends);
}

/* A peer that takes nothing gets a moment, not for ever. */
static void test_a_peer_that_takes_nothing(void **state)
{
    static uint8_t bytes[BULK];
    struct ends ends = {.fds = {-1, -1}};

    (void)state;
    open_ends(&ends);
    assert_int_equal(nns_stream_write(ends.server, bytes, sizeof(bytes)), NNS_ERR_TIMEOUT);
    assert_int_equal(the_clock.base.now, END_MS + GRACE_MS);
    expect_ended(ends.server);
    ends_free(&ends);
}

/* Reads to the end: 0, or what failed. size tells how much came. */
static nns_ssize act_drain(struct actor *actor)
{
    static uint8_t bytes[65536];
    nns_ssize n;

    while ((n = nns_stream_read(actor->stream, bytes, sizeof(bytes))) > 0)
        actor->size += (size_t)n;
    return n;
}

/* The session ends while a write waits for the peer, who goes on then. */
static int late_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct clock *clock = arg;

    (void)timeout_ms;
    if (clock->base.now < END_MS) {
        clock->base.now = END_MS;
        actor_start(clock->reader);
    }
    return poll(fds, count, -1);
}

static void test_a_write_is_not_cut_inside_a_record(void **state)
{
    static uint8_t bytes[BULK];
    struct ends ends = {.fds = {-1, -1}};
    struct actor reader = {.act = act_drain};
    struct nns__time late = the_time;

    (void)state;
    open_ends(&ends);
    reader.stream = ends.client;
    the_clock.reader = &reader;
    late.wait = late_wait;
    nns__stream_set_time(ends.server, &late);
    assert_int_equal(nns_stream_write(ends.server, bytes, sizeof(bytes)), NNS_ERR_TIMEOUT);
    expect_ended(ends.server);
    free_server(&ends);
    assert_int_equal(actor_end(&reader), 0); /* not TRUNCATED */
    assert_true(reader.size > 0 && reader.size < BULK);
    ends_free(&ends);
}

/* ---- a reader and a writer ---- */

static int64_t shortly_before_the_end(void *arg)
{
    (void)arg;
    return END_MS - 100;
}

/* The writer could wait: its wake-up was not held, which would have had it spin. */
static void expect_no_wake(const nns_stream *s)
{
    struct pollfd fd = {.fd = nns__wake_fd(s->wake), .events = POLLIN};

    nns__wake_clear(s->wake);
    assert_int_equal(poll(&fd, 1, 0), 0);
}

/* The reader meets the end, in real time, while the writer is in the middle of a record. */
static void test_the_reader_does_not_cut_the_writer(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    struct actor client = {.act = act_handshake}, reader = {.act = act_drain};
    struct actor writer = {.act = act_write, .size = BULK};
    struct nns__time real = nns__time_system;
    char c;

    (void)state;
    ends.server_script.ticket_end = TICKET_END;
    real.wall = shortly_before_the_end;
    ends_make(&ends);
    nns__stream_set_time(ends.server, &real);
    client.stream = reader.stream = ends.client;
    writer.stream = ends.server;
    actor_start(&client);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    actor_start(&writer);
    assert_int_equal(nns_stream_read(ends.server, &c, 1), NNS_ERR_TIMEOUT);
    actor_start(&reader);
    assert_int_equal(actor_end(&writer), NNS_ERR_TIMEOUT);
    expect_ended(ends.server);
    expect_no_wake(ends.server);
    free_server(&ends);
    assert_int_equal(actor_end(&reader), 0); /* not TRUNCATED */
    assert_true(reader.size < BULK);
    ends_free(&ends);
}

/* ---- who is not concerned ---- */

static void test_a_client_goes_on(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char c;

    (void)state;
    open_ends(&ends);
    the_clock.base.now = END_MS + 1;
    nns__stream_set_time(ends.client, &the_time);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
    free_server(&ends);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_IO); /* unread: a reset */
    ends_free(&ends);
}

static void test_a_server_that_lets_sessions_outlive_the_ticket(void **state)
{
    static const struct mock script = {.ticket_end = TICKET_END};
    struct ends ends = {.server_cfg = ends_config(&script)};
    char c;

    (void)state;
    assert_int_equal(nns_config_insecure_outlive_ticket(ends.server_cfg), NNS_OK);
    open_ends(&ends);
    the_clock.base.now = END_MS + 1;
    assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
    assert_int_equal(nns_stream_read(ends.server, &c, 1), 1);
    assert_int_equal(nns_stream_write(ends.server, "y", 1), 1);
    ends_free(&ends);
}

static void test_poll_tells_how_long(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    nns_pollfd fds[3];
    int32_t timeout;
    char c;

    (void)state;
    open_ends(&ends);
    ends.server->blocking = false;
    assert_int_equal(nns_stream_read(ends.server, &c, 1), NNS_WANT_RECV);
    assert_true(nns_stream_poll(ends.server, fds, &timeout) > 0);
    assert_int_equal(timeout, END_MS - START_MS);
    the_clock.base.now = END_MS;
    assert_int_equal(nns_stream_read(ends.server, &c, 1), NNS_ERR_TIMEOUT);
    expect_ended(ends.server);
    ends_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_waits_no_longer),
        cmocka_unit_test(test_what_arrived_before_is_delivered),
        cmocka_unit_test(test_a_write_begins_nothing_afterwards),
        cmocka_unit_test(test_a_peer_that_takes_nothing),
        cmocka_unit_test(test_a_write_is_not_cut_inside_a_record),
        cmocka_unit_test(test_the_reader_does_not_cut_the_writer),
        cmocka_unit_test(test_a_client_goes_on),
        cmocka_unit_test(test_a_server_that_lets_sessions_outlive_the_ticket),
        cmocka_unit_test(test_poll_tells_how_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
