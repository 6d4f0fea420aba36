/* SPDX-License-Identifier: MIT
 *
 * DER elements at the bounds of what is taken, in blocks of exactly their size so that reading
 * past one is seen.
 */
#include "der.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define NO_LENGTH SIZE_MAX

/* The length of the body of the first element, or NO_LENGTH. */
static size_t first_length(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    struct span rest = {copy, NULL, size};
    struct der element = {.tag = 0};
    size_t length = NO_LENGTH;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    if (der_next(&rest, &element)) {
        length = element.body.size;
        assert_int_equal(element.tag, copy[0]);
        assert_ptr_equal(element.header.bytes, copy);
        assert_int_equal(element.header.size + length + rest.size, size);
    } else {
        assert_ptr_equal(rest.bytes, copy);
        assert_int_equal(rest.size, size);
    }
    free(copy);
    return length;
}

#define LENGTH(literal) first_length(literal, sizeof(literal) - 1)

static void lengths_in_their_shortest_form_are_taken(void **state)
{
    static uint8_t big[4 + 65536];

    (void)state;
    assert_int_equal(LENGTH("\x04\x00"), 0);
    assert_int_equal(LENGTH("\x04\x01x"), 1);
    assert_int_equal(LENGTH("\x04\x01xy"), 1);
    memcpy(big, "\x04\x7f", 2);
    assert_int_equal(first_length(big, 2 + 127), 127);
    memcpy(big, "\x04\x81\x80", 3);
    assert_int_equal(first_length(big, 3 + 128), 128);
    memcpy(big, "\x04\x81\xff", 3);
    assert_int_equal(first_length(big, 3 + 255), 255);
    memcpy(big, "\x04\x82\x01\x00", 4);
    assert_int_equal(first_length(big, 4 + 256), 256);
    memcpy(big, "\x04\x82\xff\xff", 4);
    assert_int_equal(first_length(big, 4 + 65535), 65535);
}

static void other_lengths_are_refused(void **state)
{
    static uint8_t big[5 + 65536] = "\x04\x83\x01\x00\x00";
    static uint8_t four[6 + 128] = "\x04\x84\x00\x00\x00\x80";

    (void)state;
    assert_int_equal(first_length(big, 5 + 65535), NO_LENGTH); /* one byte is missing */
    assert_int_equal(first_length(big, 5 + 65536), 65536);
    assert_int_equal(first_length(four, sizeof(four)), NO_LENGTH);
    assert_int_equal(LENGTH(""), NO_LENGTH);
    assert_int_equal(LENGTH("\x04"), NO_LENGTH);
    assert_int_equal(LENGTH("\x04\x01"), NO_LENGTH);
    assert_int_equal(LENGTH("\x04\x80\x00\x00"), NO_LENGTH);     /* indefinite */
    assert_int_equal(LENGTH("\x04\x81\x01x"), NO_LENGTH);        /* not the shortest */
    assert_int_equal(LENGTH("\x04\x82\x00\x01x"), NO_LENGTH);    /* neither */
    assert_int_equal(LENGTH("\x04\x81"), NO_LENGTH);             /* cut */
    assert_int_equal(LENGTH("\x04\x82\x01"), NO_LENGTH);         /* cut */
    assert_int_equal(LENGTH("\x04\xff\xff\xff\xff"), NO_LENGTH); /* reserved */
    assert_int_equal(LENGTH("\x1f\x01\x00"), NO_LENGTH);         /* tag of several bytes */
    assert_int_equal(LENGTH("\xbf\x21\x00"), NO_LENGTH);
}

/* A length that is not the shortest is refused with all its bytes there, too. */
static void long_form_of_a_short_length_is_refused(void **state)
{
    static uint8_t bytes[3 + 127] = "\x04\x81\x7f";

    (void)state;
    assert_int_equal(first_length(bytes, sizeof(bytes)), NO_LENGTH);
}

static void an_element_with_another_tag_stays(void **state)
{
    const uint8_t bytes[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    struct span rest = {bytes, NULL, sizeof(bytes)};
    struct der sequence, number;
    int64_t value = 0;

    (void)state;
    assert_false(der_expect(&rest, DER_INTEGER, &sequence));
    assert_int_equal(rest.size, sizeof(bytes));
    assert_true(der_expect(&rest, DER_SEQUENCE, &sequence));
    assert_int_equal(rest.size, 0);
    assert_true(der_expect(&sequence.body, DER_INTEGER, &number));
    assert_true(der_number(number.body, &value));
    assert_int_equal(value, 5);
}

static void numbers_are_signed(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        int64_t value;
    } rows[] = {
        {"\x00", 1, 0},
        {"\x7f", 1, 127},
        {"\x80", 1, -128},
        {"\xff", 1, -1},
        {"\x00\x80", 2, 128},
        {"\xff\x79", 2, -135},
        {"\x7f\xff\xff\xff\xff\xff\xff\xff", 8, INT64_MAX},
        {"\x80\x00\x00\x00\x00\x00\x00\x00", 8, INT64_MIN},
    };
    static const uint8_t nine[9];
    int64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct span body = {(const uint8_t *)rows[i].bytes, NULL, rows[i].size};

        assert_true(der_number(body, &value));
        assert_true(value == rows[i].value);
    }
    assert_false(der_number((struct span){nine, NULL, 0}, &value));
    assert_false(der_number((struct span){nine, NULL, 9}, &value));
}

/* Whatever of tag, length or number was left out of a trace is not read. */
static void left_out_bytes_are_not_read(void **state)
{
    static uint8_t bytes[4 + 256] = "\x04\x82\x01\x00";
    static uint8_t known[sizeof(bytes)];
    struct span rest = {bytes, known, sizeof(bytes)};
    struct der element;
    int64_t value;

    (void)state;
    for (size_t missing = 0; missing < 4; missing++) {
        memset(known, 1, 4);
        known[missing] = 0;
        assert_false(der_next(&rest, &element));
    }
    memset(known, 1, 4);
    assert_true(der_next(&rest, &element));
    assert_int_equal(element.body.size, 256);
    assert_false(span_is_known(element.body));
    assert_false(der_number(span_first(element.body, 1), &value));
}

static void spans_are_cut_to_their_size(void **state)
{
    const uint8_t bytes[3] = {1, 2, 3};
    struct span s = {bytes, NULL, 3}, nothing = {NULL, NULL, 0};

    (void)state;
    assert_int_equal(span_from(s, 4).size, 0);
    assert_int_equal(span_from(s, 2).bytes[0], 3);
    assert_int_equal(span_first(s, 4).size, 3);
    assert_int_equal(span_from(nothing, 1).size, 0);
    assert_true(span_is_known(nothing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_in_their_shortest_form_are_taken),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(long_form_of_a_short_length_is_refused),
        cmocka_unit_test(an_element_with_another_tag_stays),
        cmocka_unit_test(numbers_are_signed),
        cmocka_unit_test(left_out_bytes_are_not_read),
        cmocka_unit_test(spans_are_cut_to_their_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
