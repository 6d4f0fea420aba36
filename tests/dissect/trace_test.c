/* SPDX-License-Identifier: MIT
 *
 * What a trace says of a net.tcp connection. The engines' records are tests/cli's.
 */
#include "trace.h"

#include "report.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command's own would talk JSON too. */
void report_line(const char *format, ...)
{
    fail_msg("%s", format);
}

int report_usage(const char *format, ...)
{
    fail_msg("%s", format);
    return STATUS_USAGE;
}

static char path[] = "trace_test.XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* The trace's lines without times, from the third on. */
static void expect(const char *expected)
{
    static char text[65536], line[4096];
    FILE *file = fopen(path, "r");
    size_t used = 0;

    assert_non_null(file);
    for (int number = 0; fgets(line, sizeof(line), file) != NULL; number++) {
        const char *from = line[0] == ' ' ? line : line + strcspn(line, " ") + 1;

        if (number >= 2) {
            assert_true(used + strlen(from) < sizeof(text));
            strcpy(text + used, from);
            used += strlen(from);
        }
    }
    text[used] = '\0';
    (void)fclose(file);
    assert_string_equal(text, expected);
}

/* Its words are 1: Say, 3: text; Envelope, Header, Action, Body of SOAP. */
static const char call[] = "\x09\x03Say\x04text"
                           "\x56\x02\x56\x08\x56\x0a\x99\x06urn:up\x01"
                           "\x56\x0e\x42\x01\x42\x03\x99\x05hello\x01\x01\x01";
/* Without words of its own, but with those of the one before. */
static const char again[] = "\x00\x56\x02\x42\x01\x01\x01";

static void converse(struct trace_connection *c)
{
    trace_preamble(c, false, 2, 8, NULL, "net.tcp://h:1/\x1b[2J");
    for (size_t i = 0; i < sizeof(call) - 1; i++)
        trace_envelope(c, false, call + i, 1);
    trace_envelope_end(c, false);
    trace_envelope(c, false, again, sizeof(again) - 1);
    trace_envelope(c, true, again, sizeof(again) - 1);
    trace_envelope_end(c, true);
    trace_envelope_end(c, false);
    trace_framing(c, true, "fault urn:\n<<");
}

#define CONVERSATION(value)                                                                        \
    "1 << preamble: duplex, binary with session dictionary, net.tcp://h:1/\\x1b[2J\n"              \
    "1 << envelope, 41 bytes\n"                                                                    \
    "  <s:Envelope>\n"                                                                             \
    "    <s:Header>\n"                                                                             \
    "      <s:Action>urn:up</s:Action>\n"                                                          \
    "    </s:Header>\n"                                                                            \
    "    <s:Body>\n"                                                                               \
    "      <Say>\n"                                                                                \
    "        <text>" value "</text>\n"                                                             \
    "      </Say>\n"                                                                               \
    "    </s:Body>\n"                                                                              \
    "  </s:Envelope>\n"                                                                            \
    "1 >> envelope, 7 bytes\n"                                                                     \
    "  <s:Envelope>\n"                                                                             \
    "    <word-1/>\n"                                                                              \
    "  </s:Envelope>\n"                                                                            \
    "1 << envelope, 7 bytes\n"                                                                     \
    "  <s:Envelope>\n"                                                                             \
    "    <Say/>\n"                                                                                 \
    "  </s:Envelope>\n"                                                                            \
    "1 >> fault urn:\\x0a<<\n"

static bool secrets;

/* Each direction has its own session. */
static void envelopes_are_lines(void **state)
{
    struct trace_connection *c;

    (void)state;
    assert_int_equal(trace_open(path, secrets), -1);
    c = trace_connect(NNS_SERVER, "127.0.0.1:5");
    assert_non_null(c);
    converse(c);
    trace_disconnect(c);
    expect(secrets ? "1 server 127.0.0.1:5\n" CONVERSATION("hello") "1 end\n"
                   : "1 server 127.0.0.1:5\n" CONVERSATION("(left out)") "1 end\n");
}

/* usage: dissect_trace_test [secrets] */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelopes_are_lines),
    };

    (void)argv;
    secrets = argc > 1;
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
