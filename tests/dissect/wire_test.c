/* SPDX-License-Identifier: MIT
 *
 * Records are found in the two streams of a connection wherever the transport cut them.
 */
#include "wire.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log {
    struct wire wire;
    char text[65536];
    size_t used;
};

/* One line for each unit: direction, kind, bytes that passed / belong to it, the first bytes. */
static void note(void *arg, const struct wire_unit *unit)
{
    struct log *log = arg;
    size_t room = sizeof(log->text) - log->used;
    int n = snprintf(log->text + log->used, room, "%c%c %zu/%zu %02x\n", unit->outgoing ? '>' : '<',
                     "HDRFL"[unit->kind], unit -> present, unit -> total, unit -> head.bytes[0]);

    assert_true(n > 0 && (size_t)n < room);
    assert_true(unit->head.size <= unit->present);
    log->used += (size_t)n;
}

static struct log *start(bool is_client, enum wire_level level)
{
    struct log *log = calloc(1, sizeof(*log));

    assert_non_null(log);
    wire_init(&log->wire, is_client, 20, note, log);
    assert_true(wire_set_level(&log->wire, level));
    return log;
}

/* In a block of exactly this size. */
static void feed(struct log *log, bool outgoing, const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_true(wire_feed(&log->wire, outgoing, (struct span){copy, NULL, size}));
    free(copy);
}

#define SEND(log, literal) feed(log, true, literal, sizeof(literal) - 1)
#define RECV(log, literal) feed(log, false, literal, sizeof(literal) - 1)

static void finish(struct log *log, const char *expected)
{
    wire_end(&log->wire);
    assert_string_equal(log->text, expected);
    free(log);
}

#define IN_PROGRESS "\x16\x01\x00\x00\x03tok"
#define DONE "\x14\x01\x00\x00\x00"
#define RECORD "\x06\x00\x00\x00secret"

static void records_after_the_servers_done(void **state)
{
    struct log *log = start(true, WIRE_LEVEL_RECORDS);

    (void)state;
    SEND(log, IN_PROGRESS);
    RECV(log, "\x14\x01\x00\x00\x01x" RECORD);
    SEND(log, RECORD RECORD);
    finish(log, ">H 8/8 16\n<H 6/6 14\n<D 10/10 06\n>D 10/10 06\n>D 10/10 06\n");
}

static void a_client_may_send_data_behind_its_own_done(void **state)
{
    struct log *log = start(false, WIRE_LEVEL_RECORDS);

    (void)state;
    RECV(log, IN_PROGRESS);
    SEND(log, IN_PROGRESS);
    RECV(log, "\x14\x01\x00\x00\x03tok" RECORD);
    SEND(log, DONE RECORD);
    finish(log, "<H 8/8 16\n>H 8/8 16\n<H 8/8 14\n<D 10/10 06\n>H 5/5 14\n>D 10/10 06\n");
}

/* The client's Done does not end the server's handshake. */
static void the_server_goes_on_after_the_clients_done(void **state)
{
    struct log *log = start(true, WIRE_LEVEL_RECORDS);

    (void)state;
    SEND(log, "\x14\x01\x00\x00\x03tok");
    RECV(log, "\x15\x01\x00\x00\x08"
              "\x0c\x03\x09\x80\xff\xff\xff\xff");
    finish(log, ">H 8/8 14\n<H 13/13 15\n");
}

static void level_none_has_no_records(void **state)
{
    struct log *log = start(true, WIRE_LEVEL_NONE);

    (void)state;
    SEND(log, IN_PROGRESS);
    RECV(log, DONE "hello");
    SEND(log, "x");
    finish(log, ">H 8/8 16\n<H 5/5 14\n<R 5/5 68\n>R 1/1 78\n");
}

static void what_is_held_back_waits_for_the_level(void **state)
{
    static const char *const expected[] = {">H 8/8 16\n<H 5/5 14\n<L 14/14 06\n",
                                           ">H 8/8 16\n<H 5/5 14\n<D 10/10 06\n<D 4/10 06\n",
                                           ">H 8/8 16\n<H 5/5 14\n<R 14/14 06\n"};

    (void)state;
    for (int level = WIRE_LEVEL_UNKNOWN; level <= WIRE_LEVEL_NONE; level++) {
        struct log *log = start(true, WIRE_LEVEL_UNKNOWN);

        SEND(log, IN_PROGRESS);
        RECV(log, DONE "\x06\x00");
        RECV(log, "\x00\x00secret\x06\x00\x00\x00");
        assert_string_equal(log->text, ">H 8/8 16\n<H 5/5 14\n");
        assert_true(wire_set_level(&log->wire, (enum wire_level)level));
        finish(log, expected[level]);
    }
}

/* A peer that never lets the level be known cannot make us hold all it sends. */
static void what_is_held_back_is_bounded(void **state)
{
    static uint8_t chunk[65536];
    struct log *log = start(true, WIRE_LEVEL_UNKNOWN);

    (void)state;
    RECV(log, DONE);
    for (int i = 0; i < 20; i++)
        feed(log, false, chunk, sizeof(chunk));
    assert_true(log->wire.half[0].used <= (size_t)1 << 20);
    finish(log, "<H 5/5 14\n<L 1048576/1048576 00\n<L 65536/65536 00\n<L 65536/65536 00\n"
                "<L 65536/65536 00\n<L 65536/65536 00\n");
}

static void legal_and_illegal_lengths(void **state)
{
    static const struct {
        const char *header;
        const char *expected;
    } rows[] = {
        {"\x00\x00\x00\x00", "<H 5/5 14\n<D 4/4 00\n<L 3/3 61\n"},
        {"\x04\x00\x00\x00", "<H 5/5 14\n<D 4/8 04\n<L 3/3 61\n"},
        {"\x05\x00\x00\x00", "<H 5/5 14\n<D 7/9 05\n"},
        {"\x00\x00\x01\x00", "<H 5/5 14\n<D 7/65540 00\n"},
        {"\x01\x00\x01\x00", "<H 5/5 14\n<D 4/65541 01\n<L 3/3 61\n"},
        {"\xff\xff\xff\xff", "<H 5/5 14\n<D 4/4294967299 ff\n<L 3/3 61\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct log *log = start(true, WIRE_LEVEL_RECORDS);

        RECV(log, DONE);
        feed(log, false, rows[i].header, 4);
        RECV(log, "abc");
        finish(log, rows[i].expected);
    }
}

static void other_protocols(void **state)
{
    struct log *log = start(true, WIRE_LEVEL_RECORDS);

    (void)state;
    RECV(log, "HTTP/1.1 400");
    RECV(log, "\x14\x01\x00\x00\x00");
    SEND(log, "\x16\x03\x01\x02\x00\x01");
    finish(log, "<F 12/12 48\n<F 5/5 14\n>F 6/6 16\n");
    log = start(true, WIRE_LEVEL_RECORDS);
    RECV(log, "\x15\x03\x03\x00\x02\x02\x28");
    finish(log, "<F 7/7 15\n");
    log = start(true, WIRE_LEVEL_RECORDS);
    RECV(log, "\x16\x03\x03\x00\x01\x60\x17\x01\x00\x00\x00"); /* odd, but NegotiateStream */
    finish(log, "<H 6/6 16\n<H 5/5 17\n");
}

static void cut_records_are_handed_on_at_the_end(void **state)
{
    struct log *log = start(true, WIRE_LEVEL_RECORDS);

    (void)state;
    SEND(log, "\x16\x01");
    finish(log, ">H 2/2 16\n");
    log = start(true, WIRE_LEVEL_RECORDS);
    SEND(log, IN_PROGRESS "\x16\x01\x00\x00\x09tok");
    RECV(log, DONE "\x06\x00\x00");
    finish(log, ">H 8/8 16\n<H 5/5 14\n<D 3/3 06\n>H 8/14 16\n");
}

static void every_split_gives_the_same(void **state)
{
    static const char session[] = "\x16\x01\x00\x00\x03tok\x14\x01\x00\x00\x01y" RECORD RECORD;
    static const char expected[] = "<H 8/8 16\n<H 6/6 14\n<D 10/10 06\n<D 10/10 06\n";
    const size_t size = sizeof(session) - 1;

    (void)state;
    for (size_t a = 0; a <= size; a++) {
        for (size_t b = a; b <= size; b++) {
            struct log *log = start(true, WIRE_LEVEL_RECORDS);

            feed(log, false, session, a);
            feed(log, false, session + a, b - a);
            feed(log, false, session + b, size - b);
            finish(log, expected);
        }
    }
}

/* Of a data record only the first bytes are kept, of a handshake record all. */
static void how_much_is_kept(void **state)
{
    static uint8_t record[4 + 65536] = {0, 0, 1, 0}, token[5 + 65535] = {0x16, 1, 0, 0xff, 0xff};
    struct log *log = start(true, WIRE_LEVEL_RECORDS);

    (void)state;
    feed(log, true, token, sizeof(token) - 1);
    assert_int_equal(log->wire.half[1].used, sizeof(token) - 1);
    feed(log, true, token, 1);
    RECV(log, DONE);
    feed(log, false, record, sizeof(record) - 1);
    assert_int_equal(log->wire.half[0].used, 20);
    feed(log, false, record, 1);
    finish(log, ">H 65540/65540 16\n<H 5/5 14\n<D 65540/65540 00\n");
}

static void any_bytes_are_taken(void **state)
{
    uint32_t random = 42;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct log *log = start((round & 1) != 0, (enum wire_level)(round % 3));

        for (int i = 0; i < 20; i++) {
            uint8_t bytes[40];
            size_t size = next_random(&random) % sizeof(bytes);

            for (size_t k = 0; k < size; k++)
                bytes[k] = (uint8_t)(next_random(&random) % 4 == 0 ? next_random(&random)
                                                                   : next_random(&random) % 24);
            if (i < 2)
                memcpy(bytes, DONE, 5);
            feed(log, (next_random(&random) & 1) != 0, bytes, size);
        }
        wire_end(&log->wire);
        free(log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_after_the_servers_done),
        cmocka_unit_test(a_client_may_send_data_behind_its_own_done),
        cmocka_unit_test(the_server_goes_on_after_the_clients_done),
        cmocka_unit_test(level_none_has_no_records),
        cmocka_unit_test(what_is_held_back_waits_for_the_level),
        cmocka_unit_test(what_is_held_back_is_bounded),
        cmocka_unit_test(legal_and_illegal_lengths),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(cut_records_are_handed_on_at_the_end),
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(how_much_is_kept),
        cmocka_unit_test(any_bytes_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
