/* SPDX-License-Identifier: MIT
 *
 * A trace is read back as it was written, one that was cut gives what is there, and anything else
 * ends with a message that names the line.
 */
#include "trace_reader.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static void open_text(struct trace_reader *r, const char *text, size_t size)
{
    FILE *file = fmemopen(NULL, size + 1, "w+");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    trace_reader_init(r, file);
}

static void close_text(struct trace_reader *r)
{
    (void)fclose(r->file);
    trace_reader_free(r);
}

#define HEADER "nns-trace 1\n# for people\n\n"

static void entries_are_read(void **state)
{
    static const char text[] = HEADER "0.000001 7 client 127.0.0.1:1 x\n"
                                      "0.5 7 > 18\n"
                                      "  000000  16 .. 00 |. .|\n"
                                      "  000010  61 ff |a.|\n"
                                      "1.0 7 < 0\n"
                                      "1.0 7 level none\n"
                                      "1.0 8 server\n"
                                      "12345678901.000001 7 end\n";
    struct trace_reader r;
    struct trace_entry e;

    (void)state;
    open_text(&r, text, sizeof(text) - 1);
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_CLIENT);
    assert_int_equal(e.connection, 7);
    assert_string_equal(e.time, "0.000001");
    assert_string_equal(e.text, "127.0.0.1:1 x");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_SENT);
    assert_int_equal(e.bytes.size, 18);
    assert_memory_equal(e.bytes.bytes, "\x16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x61\xff", 18);
    assert_memory_equal(e.bytes.known, "\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1", 18);
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_RECEIVED);
    assert_int_equal(e.bytes.size, 0);
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_LEVEL);
    assert_string_equal(e.text, "none");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_SERVER);
    assert_int_equal(e.connection, 8);
    assert_string_equal(e.text, "");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_END);
    assert_false(trace_reader_next(&r, &e));
    assert_null(r.error);
    close_text(&r);
}

static void text_is_read(void **state)
{
    static const char text[] = HEADER "0.5 7 << envelope, 5 bytes\n"
                                      "  <a>\n"
                                      "    <b/>\n"
                                      "0.6 7 upgrade\n"
                                      "0.7 7 >> end\n"
                                      "0.8 7 end\n"
                                      "  <c/>\n";
    struct trace_reader r;
    struct trace_entry e;

    (void)state;
    open_text(&r, text, sizeof(text) - 1);
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_PLAIN_RECEIVED);
    assert_int_equal(e.connection, 7);
    assert_string_equal(e.text, "envelope, 5 bytes");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_ROW);
    assert_string_equal(e.text, "  <a>");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_ROW);
    assert_string_equal(e.text, "    <b/>");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_UPGRADE);
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_PLAIN_SENT);
    assert_string_equal(e.text, "end");
    assert_true(trace_reader_next(&r, &e));
    assert_int_equal(e.kind, TRACE_END);
    assert_false(trace_reader_next(&r, &e)); /* a row of nothing */
    assert_string_equal(r.error, "no time");
    close_text(&r);
}

/* Reads all of it; answers how many entries there were, *error why it ended. */
static size_t count(const char *text, size_t size, const char **error, size_t *line)
{
    struct trace_reader r;
    struct trace_entry e;
    size_t entries = 0;

    open_text(&r, text, size);
    while (trace_reader_next(&r, &e))
        entries++;
    assert_false(trace_reader_next(&r, &e)); /* and it stays so */
    *error = r.error;
    *line = r.line_number;
    close_text(&r);
    return entries;
}

static void what_is_not_a_trace_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t line;
        const char *part;
    } rows[] = {
        {"", 0, "not a trace"},
        {"nns-trace 2\n", 1, "not a trace"},
        {"\x7f"
         "ELF\n",
         1, "not a trace"},
        {HEADER "x\n", 4, "no time"},
        {HEADER "1 1 end\n", 4, "no time"},
        {HEADER ".5 1 end\n", 4, "no time"},
        {HEADER "1.5x 1 end\n", 4, "no time"},
        {HEADER "1.1234567890123456789012345 1 end\n", 4, "no time"},
        {HEADER "0.0 x end\n", 4, "no number"},
        {HEADER "0.0 -1 end\n", 4, "no number"},
        {HEADER "0.0 1000000001 end\n", 4, "no number"},
        {HEADER "0.0 99999999999999999999999999 end\n", 4, "no number"},
        {HEADER "0.0 1 stop\n", 4, "no entry"},
        {HEADER "0.0 1\n", 4, "no entry"},
        {HEADER "0.0 1 >\n", 4, "no size"},
        {HEADER "0.0 1 > -1\n", 4, "no size"},
        {HEADER "0.0 1 > 2097153\n", 4, "no size"},
        {HEADER "0.0 1 > 99999999999999999999\n", 4, "no size"},
        {HEADER "0.0 1 > 2\n  000003  00\n", 5, "no offset"},
        {HEADER "0.0 1 > 2\n  xyz  00\n", 5, "no offset"},
        {HEADER "0.0 1 > 2\n  000000  00 01 02\n", 5, "not bytes of the entry"},
        {HEADER "0.0 1 > 2\n  000002  ..\n", 5, "not bytes of the entry"},
        {HEADER "0.0 1 > 2\n  000000  000\n", 5, "not bytes of the entry"},
        {HEADER "0.0 1 > 2\n  000000  0g\n", 5, "not bytes"},
        {HEADER "  000000  00\n", 4, "no time"},
    };
    const char *error;
    size_t line;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)count(rows[i].text, strlen(rows[i].text), &error, &line);
        if (!contains(error, rows[i].part) || line != rows[i].line)
            fail_msg("row %zu: line %zu: %s", i, line, error != NULL ? error : "no error");
    }
}

static void long_lines_and_nul_bytes_are_refused(void **state)
{
    static char text[4096] = HEADER;
    const char *error;
    size_t line;

    (void)state;
    memset(text + strlen(HEADER), 'x', 3000);
    memcpy(text + strlen(HEADER) + 3000, "\n", 2);
    (void)count(text, strlen(text), &error, &line);
    assert_true(contains(error, "too long"));
    memcpy(text + strlen(HEADER), "0.0 1 end\0\n0.0 1 end\n", 22);
    (void)count(text, strlen(HEADER) + 21, &error, &line);
    assert_true(contains(error, "NUL"));
    memcpy(text + strlen(HEADER), "\0\n0.0 1 end\n", 13);
    (void)count(text, strlen(HEADER) + 12, &error, &line);
    assert_true(contains(error, "NUL"));
}

/* Cut anywhere, a trace gives its whole lines and no error. */
static void a_cut_trace_gives_what_is_there(void **state)
{
    static const char text[] = HEADER "0.0 1 client x\n0.5 1 > 18\n  000000  16 .. 00 |. .|\n"
                                      "  000010  61 ff |a.|\n1.0 1 end\n";
    const char *error;
    size_t line, most = 0;

    (void)state;
    for (size_t size = strlen("nns-trace 1\n"); size < sizeof(text); size++) {
        size_t entries = count(text, size, &error, &line);

        if (error != NULL)
            fail_msg("cut after %zu bytes: %s", size, error);
        assert_true(entries >= most && entries <= 3);
        most = entries;
    }
    assert_int_equal(most, 3);
}

static void any_text_is_taken(void **state)
{
    static const char alphabet[] = "0123456789abcdef.. <>|\n\n xend#";
    char text[400] = "nns-trace 1\n";
    uint32_t random = 7;
    const char *error;
    size_t line;

    (void)state;
    for (int round = 0; round < 5000; round++) {
        size_t size = 12 + next_random(&random) % (sizeof(text) - 12);

        for (size_t i = 12; i < size; i++)
            text[i] = alphabet[next_random(&random) % (sizeof(alphabet) - 1)];
        if (round % 2 == 0 && size > 40)
            memcpy(text + 12, "0.0 1 > 40\n  000000", 19);
        (void)count(text, size, &error, &line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(text_is_read),
        cmocka_unit_test(what_is_not_a_trace_is_refused),
        cmocka_unit_test(long_lines_and_nul_bytes_are_refused),
        cmocka_unit_test(a_cut_trace_gives_what_is_there),
        cmocka_unit_test(any_text_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
