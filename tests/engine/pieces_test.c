/* SPDX-License-Identifier: MIT
 *
 * A recorded conversation, played to each side in every cutting: byte by byte, at every two-way
 * split, at many three-way splits, and cut off at every byte. However it is cut, the same happens;
 * cut off, a strict prefix happens and then the right end.
 */
#include "base/bytes.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

#define TEXT_MOST 4096

/* All that can be observed of one side. */
struct transcript {
    uint8_t sent[256];
    size_t sent_size;
    uint8_t text[TEXT_MOST];
    size_t text_size;
    bool opened;
    int end; /* last answer of read */
    char message[400];
};

struct recording {
    struct mock script;
    struct tape from_client, from_server;
};

static const struct mock conversations[] = {
    {.turns = 1},
    {.turns = 2},
    {.turns = 3, .filler = 40},
    {.turns = 4, .flags = NNS__FLAG_MUTUAL | NNS__FLAG_INTEG},
    {.turns = 2, .level_none = true},
};

static void record(struct recording *r, const struct mock *script)
{
    uint8_t bytes[300] = {0};
    struct pair p = {.client_script = *script, .server_script = *script};

    *r = (struct recording){.script = *script};
    p.from_client = &r->from_client;
    p.from_server = &r->from_server;
    pair_open(&p);
    for (size_t i = 1; i < sizeof(bytes); i *= 3) {
        memset(bytes, (int)i, i);
        pair_transfer(&p, p.client, p.server, bytes, i);
        pair_transfer(&p, p.server, p.client, bytes, i + 1);
    }
    pair_free(&p);
}

static void forget(struct recording *r)
{
    tape_free(&r->from_client);
    tape_free(&r->from_server);
}

/* Does all that the engine asks for, except to receive. */
static void serve(nns_engine *e, struct transcript *t)
{
    uint32_t bits;

    while (((bits = nns_engine_state(e)) &
            (NNS_STATE_WANT_STEP | NNS_STATE_WANT_SEND | NNS_STATE_CAN_READ)) != 0) {
        if ((bits & NNS_STATE_WANT_STEP) != 0)
            (void)!nns_engine_step(e);
        t->sent_size += engine_drain(e, t->sent + t->sent_size, sizeof(t->sent) - t->sent_size);
        t->text_size +=
            engine_read_all(e, t->text + t->text_size, TEXT_MOST - t->text_size, &t->end);
        assert_true(t->text_size < TEXT_MOST && t->sent_size < sizeof(t->sent));
    }
}

static void play_piece(nns_engine *e, struct transcript *t, const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        nns_ssize took = nns_engine_recv(e, bytes + at, size - at);

        serve(e, t);
        if (took < 0)
            return;
        at += (size_t)took;
    }
}

/* Plays the first size bytes of a tape to an engine, cut at two places, and then the end. */
static void play(const struct recording *r, nns_role role, size_t size, size_t first, size_t second,
                 struct transcript *t)
{
    const uint8_t *bytes = role == NNS_CLIENT ? r->from_server.bytes : r->from_client.bytes;
    nns_engine *e = engine_make(role, &r->script);

    memset(t, 0, sizeof(*t));
    serve(e, t);
    play_piece(e, t, bytes, first);
    play_piece(e, t, bytes + first, second - first);
    play_piece(e, t, bytes + second, size - second);
    t->opened = (nns_engine_state(e) & NNS_STATE_OPEN) != 0;
    (void)nns_engine_recv_eof(e);
    serve(e, t);
    t->text_size += engine_read_all(e, t->text + t->text_size, TEXT_MOST - t->text_size, &t->end);
    (void)strncpy(t->message, nns_error_message(nns_engine_error(e)), sizeof(t->message) - 1);
    nns_engine_free(e);
}

static size_t tape_size(const struct recording *r, nns_role role)
{
    return role == NNS_CLIENT ? r->from_server.size : r->from_client.size;
}

static void expect_same(const struct transcript *got, const struct transcript *want, size_t first,
                        size_t second)
{
    if (memcmp(got, want, sizeof(*got)) != 0)
        fail_msg("cut at %zu and %zu: %zu bytes read, %zu sent, end %s '%s'; whole: %zu, %zu, %s",
                 first, second, got->text_size, got->sent_size, nns_result_name(got->end),
                 got->message, want->text_size, want->sent_size, nns_result_name(want->end));
}

static void every_two_way_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        struct recording r;

        record(&r, &conversations[i]);
        for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
            size_t size = tape_size(&r, role);
            struct transcript whole, cut;

            play(&r, role, size, 0, 0, &whole);
            assert_true(whole.opened);
            assert_int_equal(whole.end, 0);
            assert_int_equal(whole.text_size, 364 + (role == NNS_CLIENT ? 6 : 0));
            for (size_t at = 1; at < size; at++) {
                play(&r, role, size, at, at, &cut);
                expect_same(&cut, &whole, at, at);
            }
        }
        forget(&r);
    }
}

static void ten_thousand_three_way_splits(void **state)
{
    uint32_t seed = 4711;

    (void)state;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        struct recording r;

        record(&r, &conversations[i]);
        for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
            size_t size = tape_size(&r, role);
            struct transcript whole, cut;

            play(&r, role, size, 0, 0, &whole);
            for (int k = 0; k < 1000; k++) {
                size_t second = next_random(&seed) % (size + 1);
                size_t first = next_random(&seed) % (second + 1);

                play(&r, role, size, first, second, &cut);
                expect_same(&cut, &whole, first, second);
            }
        }
        forget(&r);
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        struct recording r;

        record(&r, &conversations[i]);
        for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
            const struct tape *tape = role == NNS_CLIENT ? &r.from_server : &r.from_client;
            nns_engine *e = engine_make(role, &r.script);
            struct transcript whole, t = {0};

            play(&r, role, tape->size, 0, 0, &whole);
            serve(e, &t);
            for (size_t at = 0; at < tape->size; at++)
                play_piece(e, &t, tape->bytes + at, 1);
            t.opened = (nns_engine_state(e) & NNS_STATE_OPEN) != 0;
            assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
            t.end = (int)nns_engine_read(e, t.text + t.text_size, 1);
            expect_same(&t, &whole, 0, 0);
            nns_engine_free(e);
        }
        forget(&r);
    }
}

/* What the end must be after this many bytes of a tape. */
static int right_end(const struct recording *r, const struct tape *tape, size_t size)
{
    size_t at = 0;
    int handshake = (r->script.turns + 1) / 2;

    if (tape == &r->from_server)
        handshake = r->script.turns / 2 + r->script.turns % 2; /* its Done, with or without token */
    for (; handshake > 0; handshake--) {
        if (at == size)
            return NNS_ERR_PROTOCOL;
        if (size - at < 5 + (size_t)tape->bytes[at + 4])
            return NNS_ERR_TRUNCATED;
        at += 5 + (size_t)tape->bytes[at + 4];
    }
    while (!r->script.level_none && at < size) {
        if (size - at < 4 || size - at - 4 < nns__load_le32(tape->bytes + at))
            return NNS_ERR_TRUNCATED;
        at += 4 + nns__load_le32(tape->bytes + at);
    }
    return 0;
}

static void cut_off_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        struct recording r;

        record(&r, &conversations[i]);
        for (nns_role role = NNS_CLIENT; role <= NNS_SERVER; role++) {
            const struct tape *tape = role == NNS_CLIENT ? &r.from_server : &r.from_client;
            struct transcript whole, t;
            size_t before = 0;

            play(&r, role, tape->size, 0, 0, &whole);
            for (size_t size = 0; size <= tape->size; size++) {
                play(&r, role, size, 0, 0, &t);
                if (t.end != right_end(&r, tape, size))
                    fail_msg("conversation %zu, role %d, after %zu bytes: %s", i, role, size,
                             nns_result_name(t.end));
                assert_true(t.text_size <= whole.text_size && t.text_size >= before);
                assert_memory_equal(t.text, whole.text, t.text_size);
                assert_true(t.sent_size <= whole.sent_size);
                assert_memory_equal(t.sent, whole.sent, t.sent_size);
                before = t.text_size;
            }
        }
        forget(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_two_way_split),
        cmocka_unit_test(ten_thousand_three_way_splits),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(cut_off_at_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
