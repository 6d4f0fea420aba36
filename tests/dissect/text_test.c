/* SPDX-License-Identifier: MIT
 *
 * Lines are printable and end within their bound, whatever goes into them.
 */
#include "text.h"

#include "support/check.h"

#include <string.h>

static struct span bytes_of(const char *literal, size_t size)
{
    return (struct span){(const uint8_t *)literal, NULL, size};
}

#define BYTES(literal) bytes_of(literal, sizeof(literal) - 1)

static void what_could_steer_a_terminal_is_escaped(void **state)
{
    struct text t = {0};

    (void)state;
    text_escape(&t, BYTES("a\\b ~\x1b[31m\r\n\x7f\x80\xc3\xa9\xff\x00"));
    assert_string_equal(t.bytes, "a\\b ~\\x1b[31m\\x0d\\x0a\\x7f\\x80\\xc3\\xa9\\xff\\x00");
}

static void utf16_is_escaped(void **state)
{
    struct text t = {0};

    (void)state;
    text_escape_utf16(&t, BYTES("b\0o\0\xe9\0\x1b\0\xac\x20\x00\xd8x"));
    assert_string_equal(t.bytes, "bo\\u00e9\\u001b\\u20ac\\ud800\\x78");
}

static void hexadecimal(void **state)
{
    struct text t = {0};

    (void)state;
    text_hex(&t, BYTES("\x00\xff\x10"));
    assert_string_equal(t.bytes, "00ff10");
}

static void left_out_is_said(void **state)
{
    const uint8_t bytes[2] = {'a', 'b'}, known[2] = {1, 0};
    struct span s = {bytes, known, 2};
    struct text t = {0};

    (void)state;
    text_escape(&t, s);
    text_escape_utf16(&t, s);
    text_hex(&t, s);
    assert_string_equal(t.bytes, "(left out)(left out)(left out)");
}

/* Filled from every length near the end, with escapes of every size. */
static void a_line_is_cut_at_its_bound(void **state)
{
    static const uint8_t control[300] = {1};
    static char filler[TEXT_MOST];

    (void)state;
    memset(filler, 'x', sizeof(filler) - 1);
    for (size_t size = TEXT_MOST - 20; size < TEXT_MOST - 1; size++) {
        struct text t = {0};

        text_add(&t, "%.*s", (int)size, filler);
        assert_int_equal(t.used, size);
        text_escape(&t, (struct span){control, NULL, sizeof(control)});
        text_escape_utf16(&t, (struct span){control, NULL, sizeof(control)});
        text_hex(&t, (struct span){control, NULL, sizeof(control)});
        text_add(&t, "more");
        assert_int_equal(t.used, TEXT_MOST - 1);
        assert_int_equal(strlen(t.bytes), TEXT_MOST - 1);
        assert_string_equal(t.bytes + TEXT_MOST - 4, "...");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
        cmocka_unit_test(utf16_is_escaped),
        cmocka_unit_test(hexadecimal),
        cmocka_unit_test(left_out_is_said),
        cmocka_unit_test(a_line_is_cut_at_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
