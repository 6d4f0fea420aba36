/* SPDX-License-Identifier: MIT
 *
 * After a failure: the first error stays, what was sealed or opened before is still lent, staged
 * plaintext is wiped, and nothing else goes on.
 */
#include "support/check.h"
#include "support/pair.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct mock two_turns = {.turns = 2};

static void the_first_error_stays(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const nns_error *err;
    uint8_t *room;
    const uint8_t *bytes;
    nns_job *job;
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_fail(e, NNS_ERR_IO, ECONNRESET), NNS_ERR_IO);
    err = nns_engine_error(e);
    assert_int_equal(nns_engine_fail(e, NNS_ERR_TIMEOUT, 0), NNS_ERR_IO);
    assert_ptr_equal(nns_engine_error(e), err);
    assert_int_equal(nns_error_os(err), ECONNRESET);
    assert_string_equal(nns_error_message(err), "data: Connection reset by peer");
    assert_int_equal(nns_error_phase(err), NNS_PHASE_DATA);
    assert_int_equal(nns_engine_state(e), NNS_STATE_OPEN | NNS_STATE_FAILED);
    assert_int_equal(nns_engine_recv_state(e), NNS_STATE_OPEN | NNS_STATE_FAILED);
    assert_int_equal(nns_engine_send_state(e), NNS_STATE_OPEN | NNS_STATE_FAILED);
    assert_int_equal(nns_engine_recv_buf(e, &room, &size), NNS_ERR_IO);
    assert_int_equal(nns_engine_recv_ack(e, 0), NNS_ERR_IO);
    assert_int_equal(nns_engine_recv(e, "x", 1), NNS_ERR_IO);
    assert_int_equal(nns_engine_recv_eof(e), NNS_ERR_IO);
    assert_int_equal(nns_engine_read_buf(e, &bytes, &size), NNS_ERR_IO);
    assert_int_equal(nns_engine_read(e, &room, 1), NNS_ERR_IO);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_ERR_IO);
    assert_int_equal(nns_engine_send(e, &room, 1), NNS_ERR_IO);
    assert_int_equal(nns_engine_write_buf(e, &room, &size), NNS_ERR_IO);
    assert_int_equal(nns_engine_write_ack(e, 0), NNS_ERR_IO);
    assert_int_equal(nns_engine_write(e, "x", 1), NNS_ERR_IO);
    assert_int_equal(nns_engine_close(e), NNS_ERR_IO);
    assert_int_equal(nns_engine_take_rest(e, &bytes, &size), NNS_ERR_IO);
    assert_int_equal(nns_engine_step(e), NNS_ERR_IO);
    assert_int_equal(nns_engine_take_job(e, &job), NNS_ERR_IO);
    assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_ERR_IO);
    assert_int_equal(nns_engine_set_target(e, "a/b"), NNS_ERR_STATE);
    nns_engine_free(e);
}

static void only_a_transport_can_be_said_to_fail(void **state)
{
    static const int codes[] = {NNS_ERR_IO, NNS_ERR_TIMEOUT, NNS_ERR_CANCELED};
    static const int bad[] = {NNS_OK, NNS_ERR_PEER, NNS_ERR_NOMEM, NNS_WANT_RECV, 1};

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        nns_engine *e = engine_make(NNS_SERVER, &two_turns);

        for (size_t k = 0; k < COUNT(bad); k++)
            assert_int_equal(nns_engine_fail(e, bad[k], 0), NNS_ERR_ARGUMENT);
        assert_null(nns_engine_error(e));
        assert_int_equal(nns_engine_fail(e, codes[i], 0), codes[i]);
        engine_expect_failure(e, codes[i], "handshake: ");
        assert_int_equal(nns_error_phase(nns_engine_error(e)), NNS_PHASE_HANDSHAKE);
        engine_expect(e, NULL, 0); /* no record: the transport is gone */
        nns_engine_free(e);
    }
}

/* A usage error is returned and changes nothing. */
static void usage_errors_are_not_sticky(void **state)
{
    nns_engine *e = engine_make(NNS_CLIENT, &two_turns);
    const uint8_t *bytes;
    size_t size;

    (void)state;
    assert_int_equal(nns_engine_write(e, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_engine_close(e), NNS_ERR_STATE);
    assert_int_equal(nns_engine_take_rest(e, &bytes, &size), NNS_ERR_STATE);
    assert_int_equal(nns_engine_authorize(e, NNS_OK), NNS_ERR_STATE);
    assert_int_equal(nns_engine_send_ack(e, 1), NNS_ERR_ARGUMENT);
    assert_null(nns_engine_error(e));
    assert_int_equal(nns_engine_state(e), NNS_STATE_WANT_STEP);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_ERR_STATE);
    assert_null(nns_engine_error(e));
    nns_engine_free(e);
}

static void what_was_opened_before_is_still_readable(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    const uint8_t *bytes;
    size_t size;
    char got[8];

    (void)state;
    engine_feed_data(e, 0, "abcdef", 6);
    assert_int_equal(nns_engine_read(e, got, 2), 2); /* the record is opened */
    engine_feed_data(e, 1, "never", 5);
    assert_int_equal(nns_engine_fail(e, NNS_ERR_IO, 0), NNS_ERR_IO);
    assert_true((nns_engine_state(e) & NNS_STATE_CAN_READ) != 0);
    assert_int_equal(nns_engine_read_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "cdef", 4);
    assert_int_equal(nns_engine_read_ack(e, 1), NNS_OK);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 3);
    assert_memory_equal(got, "def", 3);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_IO);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_CAN_READ, 0);
    nns_engine_free(e);
}

/* True if the bytes can be found anywhere in what the send half holds. */
static bool is_held(const nns_engine *e, const char *text)
{
    const struct nns__buffer *out = &e->send.out;

    return memmem(out->data, out->capacity, text, strlen(text)) != NULL;
}

static void staged_plaintext_is_wiped_and_sealed_bytes_go_out(void **state)
{
    for (int none = 0; none < 2; none++) {
        struct mock script = {.turns = 2, .level_none = none == 1};
        nns_engine *e = engine_opened(NNS_CLIENT, &script);
        size_t sealed = none == 1 ? 6 : 26;
        const uint8_t *lent, *again;
        uint8_t copy[32];
        size_t size;

        (void)state;
        assert_int_equal(nns_engine_write(e, "sealed", 6), 6);
        assert_int_equal(nns_engine_send_buf(e, &lent, &size), NNS_OK);
        assert_int_equal(size, sealed);
        memcpy(copy, lent, size);
        assert_int_equal(nns_engine_write(e, "staged secret", 13), 13);
        assert_true(is_held(e, "staged secret"));
        assert_int_equal(nns_engine_fail(e, NNS_ERR_CANCELED, 0), NNS_ERR_CANCELED);
        assert_true((nns_engine_state(e) & NNS_STATE_WANT_SEND) != 0);
        assert_int_equal(nns_engine_state(e) & (NNS_STATE_CAN_WRITE | NNS_STATE_SEND_EOF), 0);
        assert_int_equal(nns_engine_send_buf(e, &again, &size), NNS_OK);
        assert_ptr_equal(again, lent);
        assert_int_equal(size, sealed);
        assert_memory_equal(again, copy, sealed);
        assert_false(is_held(e, "staged secret"));
        assert_int_equal(nns_engine_send_ack(e, 2), NNS_OK);
        assert_int_equal(nns_engine_send_buf(e, &again, &size), NNS_OK);
        assert_memory_equal(again, copy + 2, sealed - 2);
        assert_int_equal(nns_engine_send_ack(e, sealed - 2), NNS_OK);
        assert_int_equal(nns_engine_send_buf(e, &again, &size), NNS_ERR_CANCELED);
        assert_int_equal(nns_engine_state(e) & NNS_STATE_WANT_SEND, 0);
        nns_engine_free(e);
    }
}

/* Staged, never sealed, and the failure is found in the other half. */
static void staged_plaintext_is_not_sent_after_a_bad_record(void **state)
{
    nns_engine *e = engine_opened(NNS_CLIENT, &two_turns);
    char got[8];

    (void)state;
    assert_int_equal(nns_engine_write(e, "staged secret", 13), 13);
    engine_feed_data(e, 5, "x", 1); /* out of sequence */
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_INTEGRITY);
    assert_int_equal(nns_engine_state(e) & NNS_STATE_WANT_SEND, 0);
    engine_expect(e, NULL, 0);
    assert_false(is_held(e, "staged secret"));
    nns_engine_free(e);
}

static void a_seal_that_fails_ends_both_directions(void **state)
{
    struct mock script = {.turns = 2, .fail_seal = 2};
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    const uint8_t *bytes;
    size_t size;
    char got[8];

    (void)state;
    engine_feed_data(e, 0, "unread", 6);
    assert_int_equal(nns_engine_write(e, "first", 5), 5);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK);
    assert_int_equal(nns_engine_write(e, "second secret", 13), 13);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_OK); /* what was sealed before */
    assert_int_equal(size, 25);
    engine_expect_failure(e, NNS_ERR_INTERNAL, "mock: seal told to fail");
    assert_false(is_held(e, "second secret"));
    assert_int_equal(nns_engine_send_ack(e, 25), NNS_OK);
    assert_int_equal(nns_engine_send_buf(e, &bytes, &size), NNS_ERR_INTERNAL);
    assert_int_equal(nns_engine_write(e, "x", 1), NNS_ERR_INTERNAL);
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), NNS_ERR_INTERNAL); /* not opened */
    nns_engine_free(e);
}

/* In a handshake the record for the peer goes out behind what was queued before. */
static void the_error_record_follows_what_was_queued(void **state)
{
    nns_engine *e = engine_make(NNS_CLIENT, &two_turns);
    uint8_t got[32];

    (void)state;
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed(e, "\x99\x01\0\0\0", 5), NNS_ERR_FOREIGN);
    assert_true((nns_engine_state(e) & NNS_STATE_WANT_SEND) != 0);
    assert_int_equal(nns_engine_send(e, got, 4), 4); /* errors do not eat counts */
    assert_int_equal(nns_engine_send(e, got + 4, sizeof(got) - 4), 19);
    assert_memory_equal(got, "\x16\x01\0\0\x05MOCK\x01\x15\x01\0\0\x08\x08\x03\x09\x80", 19);
    assert_int_equal(nns_engine_send(e, got, sizeof(got)), NNS_ERR_FOREIGN);
    assert_int_equal(nns_error_phase(nns_engine_error(e)), NNS_PHASE_HANDSHAKE);
    nns_engine_free(e);
}

/* ---- fork ---- */

static int in_child(int (*check)(nns_engine *e), nns_engine *e)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0)
        _exit(check(e));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Answers the number of the first call that was not refused, or 0. */
static int open_engine_in_child(nns_engine *e)
{
    const uint8_t *bytes;
    uint8_t *room, byte;
    size_t size;
    const int results[] = {
        nns_engine_recv_buf(e, &room, &size),
        nns_engine_recv_ack(e, 0),
        (int)nns_engine_recv(e, "x", 1),
        nns_engine_recv_eof(e),
        nns_engine_read_buf(e, &bytes, &size),
        nns_engine_read_ack(e, 0),
        (int)nns_engine_read(e, &byte, 1),
        nns_engine_send_buf(e, &bytes, &size),
        nns_engine_send_ack(e, 0),
        (int)nns_engine_send(e, &byte, 1),
        nns_engine_write_buf(e, &room, &size),
        nns_engine_write_ack(e, 0),
        (int)nns_engine_write(e, "x", 1),
        nns_engine_close(e),
        nns_engine_take_rest(e, &bytes, &size),
    };

    for (size_t i = 0; i < COUNT(results); i++) {
        if (results[i] != NNS_ERR_FORKED)
            return (int)i + 1;
    }
    nns_engine_free(e); /* which is allowed */
    return 0;
}

static int step_in_child(nns_engine *e)
{
    nns_job *job;

    return nns_engine_take_job(e, &job) != NNS_ERR_FORKED || nns_engine_step(e) != NNS_ERR_FORKED;
}

static int authorize_in_child(nns_engine *e)
{
    return nns_engine_authorize(e, NNS_OK) != NNS_ERR_FORKED;
}

static int finish_in_child(nns_engine *e)
{
    return nns_engine_finish_job(e, e->handshake.job) != NNS_ERR_FORKED;
}

static void a_child_process_cannot_use_it(void **state)
{
    struct mock script = two_turns;
    nns_engine *e = engine_opened(NNS_CLIENT, &script);
    nns_config *cfg = config_make(&script, NULL);
    nns_job *job = NULL;
    char got[8];

    (void)state;
    assert_int_equal(nns_engine_write(e, "mine", 4), 4);
    engine_feed_data(e, 0, "mine", 4);
    assert_int_equal(in_child(open_engine_in_child, e), 0);
    assert_null(nns_engine_error(e)); /* the parent goes on */
    assert_int_equal(nns_engine_read(e, got, sizeof(got)), 4);
    assert_int_equal(nns_engine_write(e, " too", 4), 4);
    nns_engine_free(e);
    e = engine_make(NNS_CLIENT, &script);
    assert_int_equal(in_child(step_in_child, e), 0);
    assert_int_equal(nns_engine_take_job(e, &job), NNS_OK);
    nns_job_run(job);
    assert_int_equal(in_child(finish_in_child, e), 0);
    assert_int_equal(nns_engine_finish_job(e, job), NNS_OK);
    nns_engine_free(e);
    assert_int_equal(nns_config_defer_authorization(cfg, 1), NNS_OK);
    e = engine_on(cfg, NNS_SERVER);
    assert_int_equal(engine_feed_token(e, RECORD_IN_PROGRESS, 1), NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(in_child(authorize_in_child, e), 0);
    nns_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(only_a_transport_can_be_said_to_fail),
        cmocka_unit_test(usage_errors_are_not_sticky),
        cmocka_unit_test(what_was_opened_before_is_still_readable),
        cmocka_unit_test(staged_plaintext_is_wiped_and_sealed_bytes_go_out),
        cmocka_unit_test(staged_plaintext_is_not_sent_after_a_bad_record),
        cmocka_unit_test(a_seal_that_fails_ends_both_directions),
        cmocka_unit_test(the_error_record_follows_what_was_queued),
        cmocka_unit_test(a_child_process_cannot_use_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
