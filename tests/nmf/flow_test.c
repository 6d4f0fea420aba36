/* SPDX-License-Identifier: MIT
 *
 * Whole conversations in memory: every mode, with and without NegotiateStream, in pieces of every
 * size, ended at every byte, and again on the same connection.
 */
#include "duo.h"

#include <string.h>

#define BIG ((size_t)300000)

static uint8_t *pattern(size_t size)
{
    uint8_t *bytes = test_malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    return bytes;
}

/* Both say End, and the connection is clear again. */
static void end_both(struct duo *d)
{
    assert_int_equal(nns_nmf_end(d->client), NNS_OK);
    duo_pump(d);
    if (d->mode != NNS_NMF_SIMPLEX) /* whose server has nothing to end */
        assert_int_equal(nns_nmf_state(d->server) & NNS_NMF_PEER_ENDED, 0);
    assert_int_equal(nns_nmf_next(d->server), NNS_NMF_END);
    assert_int_equal(nns_nmf_next(d->server), NNS_NMF_NOTHING);
    assert_int_equal(nns_nmf_end(d->server), NNS_OK);
    duo_pump(d);
    if (d->mode != NNS_NMF_SIMPLEX)
        assert_int_equal(nns_nmf_next(d->client), NNS_NMF_END);
    assert_true((nns_nmf_state(d->client) & NNS_NMF_ENDED) != 0);
    assert_true((nns_nmf_state(d->server) & NNS_NMF_ENDED) != 0);
    assert_null(nns_nmf_engine(d->client));
    assert_null(nns_nmf_engine(d->server));
}

static void converse(struct duo *d)
{
    uint8_t *big = pattern(BIG);

    assert_string_equal(nns_nmf_via(d->server), VIA);
    assert_int_equal(nns_nmf_get_mode(d->server), d->mode != 0 ? d->mode : NNS_NMF_DUPLEX);
    assert_int_equal(nns_nmf_encoding(d->server), 8);
    if (d->secured)
        assert_string_equal(nns_engine_peer_name(nns_nmf_engine(d->server)), "alice@MOCK.TEST");
    duo_transfer(d, d->client, d->server, big, BIG);
    if (d->mode != NNS_NMF_SIMPLEX)
        duo_transfer(d, d->server, d->client, big, BIG);
    if (d->mode != NNS_NMF_SINGLETON) {
        duo_transfer(d, d->client, d->server, "", 0);
        duo_transfer(d, d->client, d->server, "x", 1);
        duo_transfer(d, d->client, d->server, big, 128);
    }
    test_free(big);
}

static void every_mode_and_reuse(void **state)
{
    static const nns_nmf_mode modes[] = {0, NNS_NMF_SINGLETON, NNS_NMF_SIMPLEX};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(modes) + 1; i++) {
        struct duo d = {.secured = i % 2 == 0 && i < 4, .mode = modes[i / 2 % 3]};

        d.script.level_none = false;
        if (i == 6) { /* duplex again, at level none */
            d.secured = true;
            d.mode = 0;
            d.script.level_none = true;
        }
        if (d.secured && d.mode == NNS_NMF_SIMPLEX)
            continue;
        duo_open(&d);
        for (int times = 0; times < 3; times++) {
            converse(&d);
            end_both(&d);
            assert_int_equal(nns_nmf_restart(d.server), NNS_OK);
            assert_int_equal(nns_nmf_restart(d.client), NNS_OK);
            assert_null(nns_nmf_via(d.server));
            assert_int_equal(nns_nmf_start(d.client), NNS_OK);
            duo_pump(&d);
        }
        duo_free(&d);
    }
}

/* The bytes of protocol.md and of a WCF client. */
static void the_clients_bytes(void **state)
{
    nns_nmf *n = nmf_make(NNS_CLIENT, NULL, NULL);
    struct mock script = {0};

    (void)state;
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    nmf_expect(n, "\0\1\0\1\2\2\x1c" VIA "\3\x08\x0c", 39 - 1);
    assert_int_equal(nmf_feed(n, "\x0b", 1), 1);
    nmf_write_envelope(n, "abc", 3);
    assert_int_equal(nns_nmf_end(n), NNS_OK);
    nmf_expect(n,
               "\6\3"
               "abc\7",
               6);
    nns_nmf_free(n);
    n = nmf_make(NNS_CLIENT, &script, NULL);
    assert_int_equal(nns_nmf_set_mode(n, NNS_NMF_SINGLETON), NNS_OK);
    assert_int_equal(nns_nmf_set_content_type(n, "text/xml"), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    nmf_expect(n,
               "\0\1\0\1\1\2\x1c" VIA "\4\x08text/xml\x09\x15"
               "application/negotiate",
               5 + 2 + 28 + 10 + 23);
    nns_nmf_free(n);
}

/* The bytes of WCF's queue channels, the one place where simplex mode is used: no upgrade, and
 * envelopes without waiting for an answer. */
static void simplex_bytes(void **state)
{
    nns_nmf *n = nmf_make(NNS_CLIENT, NULL, NULL);
    static const char wire[] = "\0\1\0\1\3\2\x1c" VIA "\3\x08\x0c"
                               "\6\3"
                               "abc\7";

    (void)state;
    assert_int_equal(nns_nmf_set_mode(n, NNS_NMF_SIMPLEX), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    assert_true((nns_nmf_state(n) & NNS_STATE_OPEN) != 0);
    nmf_write_envelope(n, "abc", 3);
    assert_int_equal(nns_nmf_end(n), NNS_OK);
    nmf_expect(n, wire, sizeof(wire) - 1);
    assert_true((nns_nmf_state(n) & NNS_NMF_ENDED) != 0);
    nns_nmf_free(n);
}

static void unsized_bytes(void **state)
{
    nns_nmf *n = nmf_make(NNS_CLIENT, NULL, NULL);
    uint8_t got[16];
    int ends;

    (void)state;
    assert_int_equal(nns_nmf_set_mode(n, NNS_NMF_SINGLETON), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    nmf_expect(n, "\0\1\0\1\1\2\x1c" VIA "\3\x08\x0c", 38);
    assert_int_equal(nmf_feed(n, "\x0b\5\2ab\1c\0\7", 9), 9);
    assert_int_equal(nns_nmf_next(n), NNS_NMF_ENVELOPE);
    assert_int_equal(nns_nmf_envelope_size(n), NNS_NMF_UNSIZED);
    assert_int_equal(nmf_read_all(n, got, sizeof(got), &ends), 3);
    assert_memory_equal(got, "abc", 3);
    assert_int_equal(ends, 1);
    assert_true((nns_nmf_state(n) & NNS_NMF_PEER_ENDED) != 0);
    assert_int_equal(nns_nmf_begin(n, 5), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_begin(n, NNS_NMF_UNSIZED), NNS_OK);
    assert_int_equal(nns_nmf_write(n, "ab", 2), 2);
    assert_int_equal(nns_nmf_end(n), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_write(n, "c", 1), 1);
    assert_int_equal(nns_nmf_finish(n), NNS_OK);
    assert_int_equal(nns_nmf_begin(n, NNS_NMF_UNSIZED), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_end(n), NNS_OK);
    nmf_expect(n, "\5\2ab\1c\0\7", 8);
    nns_nmf_free(n);
}

/* The same conversation in pieces. */
static void small_conversation(struct duo *d)
{
    duo_open(d);
    duo_transfer(d, d->client, d->server, "question", 8);
    duo_transfer(d, d->server, d->client, "answer", 6);
    end_both(d);
}

static void every_split(void **state)
{
    struct tape tape = {0};

    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        size_t total;
        struct duo whole = {.secured = kind % 3 > 0,
                            .script = {.level_none = kind % 3 == 2},
                            .mode = kind < 3 ? NNS_NMF_DUPLEX : NNS_NMF_SINGLETON,
                            .from_client = &tape};

        small_conversation(&whole);
        duo_free(&whole);
        total = tape.size;
        tape_free(&tape);
        for (size_t cut = 1; cut < total; cut++) {
            struct duo d = {.secured = whole.secured, .script = whole.script, .mode = whole.mode};

            d.first = cut;
            small_conversation(&d);
            duo_free(&d);
            d.chunk = cut;
            d.first = 0;
            small_conversation(&d);
            duo_free(&d);
        }
    }
}

/* What a server does next of its own. False: nothing. */
static bool act(nns_nmf *n, int *envelopes)
{
    uint32_t bits = nns_nmf_state(n);
    uint8_t bytes[4096];
    int ends = 0;

    if ((bits & NNS_STATE_WANT_STEP) != 0)
        return nns_engine_step(nns_nmf_engine(n)) == NNS_OK;
    if ((bits & NNS_NMF_WANT_ACCEPT) != 0)
        return nns_nmf_accept(n) == NNS_OK;
    if ((bits & NNS_STATE_CAN_READ) != 0) {
        (void)nmf_read_all(n, bytes, sizeof(bytes), &ends);
        *envelopes += ends;
        return true;
    }
    return nmf_drain(n, bytes, sizeof(bytes)) > 0;
}

/* A server that gets the client's wire up to a byte, and then the end. */
static void truncate_at(const struct duo *d, const struct tape *tape, size_t cut)
{
    const struct mock *script = d->secured ? &d->script : NULL;
    nns_nmf *n = nmf_make(NNS_SERVER, script, NULL);
    size_t at = 0, took;
    int envelopes = 0;

    do
        took = nmf_feed(n, tape->bytes + at, cut - at);
    while (at += took, act(n, &envelopes) || (took > 0 && at < cut));
    assert_int_equal(at, cut);
    (void)nns_nmf_recv_eof(n);
    while (act(n, &envelopes))
        ;
    if (cut == 0 || cut == tape->size) {
        assert_int_equal(nns_nmf_error(n), NNS_OK);
        assert_true((nns_nmf_state(n) & NNS_STATE_RECV_EOF) != 0);
        assert_int_equal(envelopes, cut > 0);
    } else if (nns_nmf_error(n) != NNS_ERR_TRUNCATED &&
               !(d->secured && contains(nns_nmf_message(n), "handshake: the peer closed"))) {
        fail_msg("cut at %zu: %s", cut, nns_nmf_message(n));
    }
    nns_nmf_free(n);
}

static void every_truncation(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct tape tape = {0};
        struct duo d = {
            .secured = kind > 0, .script = {.level_none = kind == 2}, .from_client = &tape};

        small_conversation(&d);
        duo_free(&d);
        for (size_t cut = 0; cut <= tape.size; cut++)
            truncate_at(&d, &tape, cut);
        tape_free(&tape);
    }
}

/* The next preamble came with the last record, against the rules: kept, not taken for a record. */
static void a_preamble_behind_the_end_is_clear(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        struct duo d = {.secured = true, .script = {.level_none = level == 0}};
        uint8_t wire[512], preamble[] = "\0\1\0\1\2\2\x1c" VIA "\3\x08\x09\x15"
                                        "application/negotiate";
        size_t size;

        duo_open(&d);
        assert_int_equal(nns_nmf_end(d.client), NNS_OK);
        size = nmf_drain(d.client, wire, sizeof(wire));
        memcpy(wire + size, preamble, sizeof(preamble) - 1);
        size += sizeof(preamble) - 1;
        assert_int_equal(nmf_feed(d.server, wire, size), size);
        assert_int_equal(nns_nmf_next(d.server), NNS_NMF_END);
        assert_int_equal(nns_nmf_end(d.server), NNS_OK);
        (void)nmf_drain(d.server, wire, sizeof(wire));
        assert_true((nns_nmf_state(d.server) & NNS_NMF_ENDED) != 0);
        assert_int_equal(nns_nmf_restart(d.server), NNS_OK);
        nmf_expect(d.server, "\x0a", 1);
        assert_non_null(nns_nmf_engine(d.server));
        duo_free(&d);
    }
}

/* Read nothing behind the End: it may be the next preamble, which is another engine's. */
static void nothing_is_received_between_the_ends(void **state)
{
    (void)state;
    for (int secured = 0; secured < 2; secured++) {
        struct duo d = {.secured = secured == 1};
        uint8_t *room;
        size_t size;

        duo_open(&d);
        assert_true((nns_nmf_state(d.server) & NNS_STATE_WANT_RECV) != 0);
        assert_int_equal(nns_nmf_end(d.client), NNS_OK);
        duo_pump(&d);
        assert_int_equal(nns_nmf_next(d.server), NNS_NMF_END);
        assert_int_equal(nns_nmf_state(d.server) & NNS_STATE_WANT_RECV, 0);
        assert_int_equal(nns_nmf_recv_buf(d.server, &room, &size), NNS_OK);
        assert_int_equal(size, 0);
        nmf_write_envelope(d.server, "more", 4); /* it may still write */
        duo_free(&d);
    }
}

/* What was lent is no more, whatever its borrower thinks. */
static void a_restart_takes_back_what_was_lent(void **state)
{
    struct duo d = {.secured = false};
    uint8_t *room, wire[16];
    size_t size;

    (void)state;
    duo_open(&d);
    assert_int_equal(nns_nmf_end(d.client), NNS_OK);
    duo_pump(&d);
    assert_int_equal(nns_nmf_recv_buf(d.server, &room, &size), NNS_OK);
    assert_true(size > 0);
    assert_int_equal(nns_nmf_next(d.server), NNS_NMF_END);
    assert_int_equal(nns_nmf_end(d.server), NNS_OK);
    assert_int_equal(nmf_drain(d.server, wire, sizeof(wire)), 1);
    assert_int_equal(nns_nmf_restart(d.server), NNS_OK);
    assert_int_equal(nns_nmf_recv_ack(d.server, 1), NNS_ERR_ARGUMENT);
    duo_free(&d);
}

/* Writing goes on until the buffers are full, and no further. */
static void back_pressure(void **state)
{
    (void)state;
    for (int secured = 0; secured < 2; secured++) {
        struct duo d = {.secured = secured == 1};
        uint8_t *big = pattern(4 * 1024 * 1024);
        size_t written = 0;
        nns_ssize n;

        duo_open(&d);
        assert_int_equal(nns_nmf_begin(d.client, 4 * 1024 * 1024), NNS_OK);
        while ((n = nns_nmf_write(d.client, big, 100000)) > 0)
            written += (size_t)n;
        assert_int_equal(n, NNS_WANT_SEND);
        assert_int_equal(nns_nmf_state(d.client) & NNS_STATE_CAN_WRITE, 0);
        assert_true(written > 100000 && written < 3 * 1024 * 1024);
        duo_pump(&d);
        test_free(big);
        duo_free(&d);
    }
}

/* One byte read makes room for one, and that is no reason to move all the others. */
static void a_slow_reader_moves_little(void **state)
{
    struct duo d = {.secured = false};
    uint8_t *bytes = test_calloc(1, 65536);
    size_t moved = 0, read = 0, room;
    const uint8_t *data;
    uint8_t *to;

    (void)state;
    duo_make(&d);
    assert_int_equal(nns_nmf_set_limit(d.server, NNS_NMF_LIMIT_BUFFER_BYTES, 4096), NNS_OK);
    assert_int_equal(nns_nmf_start(d.client), NNS_OK);
    duo_pump(&d);
    assert_int_equal(nmf_feed(d.server, "\6\x80\x80\4", 4), 4);
    assert_int_equal(nns_nmf_next(d.server), NNS_NMF_ENVELOPE);
    for (; read < 20000; read++) {
        size_t start = d.server->in.start;

        assert_int_equal(nns_nmf_recv_buf(d.server, &to, &room), NNS_OK);
        moved += d.server->in.start < start ? nns__nmf_used(&d.server->in) : 0;
        if (room > 0) {
            memcpy(to, bytes, room);
            assert_int_equal(nns_nmf_recv_ack(d.server, room), NNS_OK);
        }
        assert_int_equal(nns_nmf_next(d.server), NNS_NMF_DATA);
        assert_int_equal(nns_nmf_read_buf(d.server, &data, &room), NNS_OK);
        assert_int_equal(nns_nmf_read_ack(d.server, 1), NNS_OK);
    }
    assert_true(moved < 8 * read);
    test_free(bytes);
    duo_free(&d);
}

static void what_is_not_allowed_changes_nothing(void **state)
{
    struct duo d = {.secured = false};
    const uint8_t *bytes;
    size_t size;

    (void)state;
    assert_null(nns_nmf_engine(NULL));
    assert_null(nns_nmf_fault(NULL));
    duo_make(&d);
    assert_int_equal(nns_nmf_next(d.client), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_begin(d.client, 1), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_accept(d.server), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_restart(d.server), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_send_fault(d.server, "EndpointNotFound"), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_start(d.server), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_via(d.server, VIA), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_via(d.client, ""), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_encoding(d.client, 9), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_mode(d.client, 4), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_limit(d.client, 7, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_set_limit(d.client, NNS_NMF_LIMIT_BUFFER_BYTES, 4095),
                     NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_recv_ack(d.client, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_send_ack(d.client, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_start(d.client), NNS_OK);
    assert_int_equal(nns_nmf_start(d.client), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_set_via(d.client, VIA), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_set_limit(d.client, NNS_NMF_LIMIT_VIA_BYTES, 9), NNS_ERR_STATE);
    duo_pump(&d);
    assert_int_equal(nns_nmf_read_buf(d.server, &bytes, &size), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_write(d.client, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_finish(d.client), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_begin(d.client, NNS_NMF_UNSIZED), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_begin(d.client, -2), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_begin(d.client, 0x80000000), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_begin(d.client, 2), NNS_OK);
    assert_int_equal(nns_nmf_begin(d.client, 2), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_write(d.client, "abc", 3), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_finish(d.client), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_end(d.client), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_write(d.client, "ab", 2), 2);
    assert_int_equal(nns_nmf_finish(d.client), NNS_OK);
    assert_int_equal(nns_nmf_end(d.client), NNS_OK);
    assert_int_equal(nns_nmf_end(d.client), NNS_OK);
    assert_int_equal(nns_nmf_begin(d.client, 2), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_error(d.client), NNS_OK);
    duo_free(&d);
}

static void a_client_needs_via_and_target(void **state)
{
    struct mock script = {0};
    nns_config *cfg = config_make(&script, NULL);
    nns_nmf *n = NULL;

    (void)state;
    assert_int_equal(nns_nmf_new(&n, NNS_CLIENT, cfg, NULL), NNS_OK);
    nns_config_unref(cfg);
    assert_int_equal(nns_nmf_start(n), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_set_via(n, VIA), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_set_target(n, "mock/server"), NNS_OK);
    assert_int_equal(nns_nmf_set_mode(n, NNS_NMF_SIMPLEX), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_set_mode(n, NNS_NMF_DUPLEX), NNS_OK);
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    nns_nmf_free(n);
}

static void an_owner_can_end_it(void **state)
{
    struct duo d = {.secured = true};

    (void)state;
    duo_open(&d);
    assert_int_equal(nns_nmf_fail(d.client, NNS_ERR_AUTH, 0), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_fail(d.client, NNS_ERR_TIMEOUT, 0), NNS_ERR_TIMEOUT);
    assert_int_equal(nns_nmf_fail(d.client, NNS_ERR_CANCELED, 0), NNS_ERR_TIMEOUT);
    assert_int_equal(nns_nmf_end(d.client), NNS_ERR_TIMEOUT);
    nmf_expect_failure(d.client, NNS_ERR_TIMEOUT, "timed out");
    duo_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_and_reuse),
        cmocka_unit_test(the_clients_bytes),
        cmocka_unit_test(simplex_bytes),
        cmocka_unit_test(unsized_bytes),
        cmocka_unit_test(every_split),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(a_preamble_behind_the_end_is_clear),
        cmocka_unit_test(nothing_is_received_between_the_ends),
        cmocka_unit_test(a_restart_takes_back_what_was_lent),
        cmocka_unit_test(back_pressure),
        cmocka_unit_test(a_slow_reader_moves_little),
        cmocka_unit_test(what_is_not_allowed_changes_nothing),
        cmocka_unit_test(a_client_needs_via_and_target),
        cmocka_unit_test(an_owner_can_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
