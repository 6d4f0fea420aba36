/* SPDX-License-Identifier: MIT
 *
 * Binary XML is read as the encoder meant it (nbfx.vectors is what WCF's wrote: name, kind, bytes,
 * and the text that .NET has for the same), and any other bytes end somewhere.
 */
#include "nbfx.h"

#include "nbfs.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log {
    char text[NBFX_OUTPUT_MOST + 8192];
    size_t used;
    bool whole; /* lines as they are, indented; else one after another */
};

static void note(void *arg, unsigned depth, const char *line)
{
    struct log *log = arg;
    size_t room = sizeof(log->text) - log->used;
    int n = snprintf(log->text + log->used, room, "%*s%s%s", log->whole ? (int)(depth * 2) : 0, "",
                     line, log->whole ? "\n" : "");

    assert_true(n >= 0 && (size_t)n < room);
    assert_true(depth <= NBFX_DEPTH_MOST);
    for (const char *c = line; *c != '\0'; c++)
        assert_true(*c >= 0x20 && *c < 0x7f);
    log->used += (size_t)n;
}

/* In a block of exactly this size. */
static struct log *print(const struct nbfx_words *words, const void *bytes, size_t size, bool whole,
                         bool values)
{
    struct log *log = calloc(1, sizeof(*log));
    struct nbfx_printer printer = {.line = note, .arg = log, .values = values};
    uint8_t *copy = malloc(size != 0 ? size : 1);

    assert_non_null(log);
    assert_non_null(copy);
    log->whole = whole;
    memcpy(copy, bytes, size);
    nbfx_print(&printer, words, (struct span){copy, NULL, size});
    free(copy);
    return log;
}

static void expect(const void *bytes, size_t size, const char *expected)
{
    struct log *log = print(NULL, bytes, size, false, true);

    assert_string_equal(log->text, expected);
    free(log);
}

#define EXPECT(literal, expected) expect(literal, sizeof(literal) - 1, expected)

/* ---- what .NET wrote ---- */

#define LINE_MOST 4096

struct vector {
    char line[LINE_MOST];
    const char *name, *kind, *text;
    uint8_t bytes[LINE_MOST / 2];
    size_t size;
};

static bool next_vector(FILE *file, struct vector *v)
{
    char *at, *hex;

    if (fgets(v->line, sizeof(v->line), file) == NULL)
        return false;
    v->line[strcspn(v->line, "\n")] = '\0';
    v->name = strtok_r(v->line, "\t", &at);
    v->kind = strtok_r(NULL, "\t", &at);
    hex = strtok_r(NULL, "\t", &at);
    v->text = strtok_r(NULL, "\t", &at);
    assert_non_null(v->text);
    v->size = strlen(hex) / 2;
    for (size_t i = 0; i < v->size; i++) {
        char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

        v->bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

static FILE *open_vectors(void)
{
    FILE *file = fopen(NBFX_VECTORS, "r");

    assert_non_null(file);
    return file;
}

/* The document in a vector, after its string table. */
static struct span document(const struct vector *v, struct nbfx_words *words)
{
    struct span s = {v->bytes, NULL, v->size};

    if (strcmp(v->kind, "session") == 0)
        assert_true(nbfx_take_words(words, &s));
    return s;
}

/* A line is cut at its bound; all else is the same text. */
static void the_text_is_that_of_dotnet(void **state)
{
    static struct nbfx_words words;
    static struct vector v;
    FILE *file = open_vectors();
    int count = 0;

    (void)state;
    for (; next_vector(file, &v); count++) {
        struct span s = document(&v, &words);
        struct log *log = print(&words, s.bytes, s.size, false, true);

        if (strcmp(log->text, v.text) != 0)
            fail_msg("%s:\n%s\nexpected:\n%s", v.name, log->text, v.text);
        free(log);
    }
    (void)fclose(file);
    assert_int_equal(count, 36);
}

static struct log *find_and_print(const char *name, bool values)
{
    static struct nbfx_words words;
    static struct vector v;
    FILE *file = open_vectors();
    struct log *log = NULL;

    memset(&words, 0, sizeof(words));
    while (log == NULL && next_vector(file, &v)) {
        struct span s = document(&v, &words);

        if (strcmp(v.name, name) == 0)
            log = print(&words, s.bytes, s.size, true, values);
    }
    (void)fclose(file);
    assert_non_null(log);
    return log;
}

static void an_envelope_for_people(void **state)
{
    struct log *log = find_and_print("call 1", true);

    (void)state;
    assert_string_equal(
        log->text, "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
                   "xmlns:a=\"http://www.w3.org/2005/08/addressing\">\n"
                   "  <s:Header>\n"
                   "    <a:Action s:mustUnderstand=\"1\">http://tempuri.org/IEcho/Say</a:Action>\n"
                   "    <a:MessageID>urn:uuid:00112233-4455-6677-8899-aabbccddeeff</a:MessageID>\n"
                   "    <a:ReplyTo>\n"
                   "      <a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address>\n"
                   "    </a:ReplyTo>\n"
                   "    <a:To s:mustUnderstand=\"1\">net.tcp://localhost:8523/echo</a:To>\n"
                   "  </s:Header>\n"
                   "  <s:Body>\n"
                   "    <Say xmlns=\"http://tempuri.org/\">\n"
                   "      <text>hello</text>\n"
                   "    </Say>\n"
                   "  </s:Body>\n"
                   "</s:Envelope>\n");
    free(log);
}

static void an_envelope_without_its_values(void **state)
{
    struct log *log = find_and_print("call 1", false);

    (void)state;
    assert_null(strstr(log->text, "hello"));
    assert_non_null(strstr(log->text, "      <text>(left out)</text>\n"));
    assert_non_null(strstr(log->text, ">http://tempuri.org/IEcho/Say</a:Action>\n"));
    assert_non_null(strstr(log->text, ">net.tcp://localhost:8523/echo</a:To>\n"));
    assert_non_null(strstr(log->text, ">http://www.w3.org/2005/08/addressing/anonymous<"));
    free(log);
    log = find_and_print("fault", false);
    assert_non_null(strstr(log->text, "<s:Value>s:Detail</s:Value>"));
    assert_non_null(strstr(log->text, "<s:Text>(left out)</s:Text>"));
    free(log);
}

/* Everything that has a value or could have one. */
static void what_is_left_out(void **state)
{
    static const char *const names[] = {"arrays", "bool", "typed attributes", "comment", "words"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct log *log = find_and_print(names[i], false);

        for (const char *at = log->text; (at = strpbrk(at, ">\"")) != NULL; at++) {
            size_t size = strcspn(at + 1, "<\n\"");

            if (*at == '>' && size > 0)
                assert_memory_equal(at + 1, "(left out)", 10);
        }
        assert_null(strstr(log->text, "true"));
        assert_null(strstr(log->text, "-70000"));
        assert_null(strstr(log->text, "a comment"));
        assert_null(strstr(log->text, "anonymous"));
        assert_null(strstr(log->text, "Detail"));
        free(log);
    }
}

/* ---- what WCF's encoder does not write ---- */

static void other_forms_of_text(void **state)
{
    (void)state;
    EXPECT("\x40\x01"
           "a\x9d\x02\x00\x00\x00hi",
           "<a>hi</a>");
    EXPECT("\x40\x01"
           "a\xa3\x01\x00\x00\x00\xff",
           "<a>/w==</a>");
    EXPECT("\x40\x01"
           "a\xb7\x0c"
           "h\0\xe9\0\x3d\xd8\x12\xdd\x00\xd8<\0",
           "<a>h&#xE9;&#x1F512;&#xD800;&lt;</a>");
    EXPECT("\x40\x01"
           "a\xb9\x03\x00h\0i",
           "<a>h\\x69</a>");
    EXPECT("\x40\x01"
           "a\xbb\x02\x00\x00\x00h\0",
           "<a>h</a>");
    EXPECT("\x40\x01"
           "a\xa4\x88\x05\x86\x98\x01x\xa7",
           "<a>5 true x</a>");
    EXPECT("\x40\x01"
           "a\xa9",
           "<a></a>");
    EXPECT("\x40\x01"
           "a\xb5\x02",
           "<a>(malformed)</a>");
}

static void malformed_numbers(void **state)
{
    (void)state;
    EXPECT("\x40\x01"
           "a\x95\x00\x00\x1d\x00"
           "123456789012",
           "<a>(malformed)</a>");
    EXPECT("\x40\x01"
           "a\x95\x01\x00\x00\x00"
           "123456789012",
           "<a>(malformed)</a>");
    EXPECT("\x40\x01"
           "a\x95\x00\x00\x1c\x80\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
           "<a>-0.0000000000000000000000000001</a>");
    EXPECT("\x40\x01"
           "a\x97\x00\x40\x37\xf4\x75\x28\xca\x2b",
           "<a>(malformed)</a>");
    EXPECT("\x40\x01"
           "a\x97\x00\x80\xb5\xf7\xf5\x7f\x9f\x88",
           "<a>1970-01-01T00:00:00Z</a>");
}

static void minus_zero(void **state)
{
    (void)state;
    EXPECT("\x40\x01"
           "a\x93\x00\x00\x00\x00\x00\x00\x00\x80",
           "<a>-0</a>");
}

static void what_is_not_utf8(void **state)
{
    (void)state;
    EXPECT("\x40\x01"
           "a\x99\x0f"
           "\xc3\x28\x80\xf8\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\x1b\xe2",
           "<a>\\xc3(\\x80\\xf8\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80&#x1B;\\xe2</a>");
}

static void unknown_words(void **state)
{
    (void)state;
    EXPECT("\x42\x03\x01", "<word-3/>");
    EXPECT("\x42\xce\x07\x01", "<word-974/>");
    EXPECT("\x42\xcc\x07\x01", "<detail/>");
    assert_null(nbfs_word(3));
    assert_null(nbfs_word(974));
    assert_null(nbfs_word(UINT32_MAX));
    assert_string_equal(nbfs_word(0), "mustUnderstand");
}

static void what_is_malformed_is_said(void **state)
{
    (void)state;
    EXPECT("", "");
    EXPECT("\x01", "(byte 1: an end without an element)");
    EXPECT("\x40\x01"
           "a",
           "<a>(byte 3: elements have no end)");
    EXPECT("\x40\x02"
           "a",
           "(byte 2: a string is longer than the rest)");
    EXPECT("\x40\xff\xff\xff\xff\x0f"
           "a",
           "(byte 1: a string is longer than the rest)");
    EXPECT("\x40\x80\x80\x80\x80\x80\x00"
           "a",
           "(byte 1: a string is longer than the rest)");
    EXPECT("\x78", "(byte 1: no record is of this type)");
    EXPECT("\x00", "(byte 1: no record is of this type)");
    EXPECT("\xbe", "(byte 1: a value is malformed or unknown)");
    EXPECT("\xa6", "(byte 1: a value is malformed or unknown)");
    EXPECT("\x8a\x00", "(byte 1: a value is malformed or unknown)");
    EXPECT("\xbc\x1a\x00", "(byte 3: a value is malformed or unknown)");
    EXPECT("\xaa", "(byte 1: a value is malformed or unknown)");
    EXPECT("\x98\x05"
           "abc",
           "abc(byte 5: it ends inside a value)");
    EXPECT("\x04\x01"
           "a\x80",
           "(byte 1: an attribute outside of a start tag)");
    EXPECT("\x40\x01"
           "a\x04\x01"
           "b\x81",
           "<a>(byte 7: an attribute's value ends an element)");
    EXPECT("\x40\x01"
           "a\xa4\xa4",
           "<a>(byte 5: this is not for a list)");
    EXPECT("\x40\x01"
           "a\xa4\x81",
           "<a>(byte 5: this is not for a list)");
    EXPECT("\x40\x01"
           "a\xa4",
           "<a>(byte 4: it ends inside a record)");
    EXPECT("\x03\x80", "(byte 2: an array without an element)");
    EXPECT("\x03\x40\x01"
           "a\x80",
           "<a>(byte 5: an array without items)");
    EXPECT("\x03\x40\x01"
           "a\x01\x8b\x00",
           "<a>(byte 7: an array without items)");
    EXPECT("\x03\x40\x01"
           "a\x01\x8b\x02\x05\x00",
           "<a>5</a><a>(byte 9: a value is malformed or unknown)");
}

static void depth_is_bounded(void **state)
{
    static uint8_t bytes[3 * 10000];
    struct log *log;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i += 3)
        memcpy(bytes + i,
               "\x40\x01"
               "a",
               3);
    log = print(NULL, bytes, sizeof(bytes), false, true);
    assert_non_null(strstr(log->text, "<a>(byte 193: it is nested too deeply)"));
    free(log);
}

/* Few bytes that make many, long lines: items without bytes. */
static void output_is_bounded(void **state)
{
    static uint8_t bytes[1100] = {0x03, 0x40, 0xe8, 0x07};
    struct log *log;

    (void)state;
    memset(bytes + 4, 'n', 1000);
    memcpy(bytes + 1004, "\x01\x87\xff\xff\xff\xff\x07", 7);
    log = print(NULL, bytes, 1011, false, true);
    assert_non_null(strstr(log->text, "(byte 1011: this is too much to print)"));
    assert_true(log->used > NBFX_OUTPUT_MOST && log->used < NBFX_OUTPUT_MOST + 2048);
    free(log);
}

/* ---- sessions ---- */

static void string_tables(void **state)
{
    static struct nbfx_words words;
    static const uint8_t table[] = "\x07\x03one\x00\x01x\x42";
    static const char *const bad[] = {"", "\x02", "\x02\x02x", "\x80\x80\x80\x80\x80", "\x01\x80"};
    struct span s = {table, NULL, sizeof(table) - 1};
    struct nbfx_word word;

    (void)state;
    assert_true(nbfx_take_words(&words, &s));
    assert_int_equal(s.size, 1);
    assert_int_equal(words.count, 3);
    word = nbfx_find_word(&words, 1);
    assert_int_equal(word.bytes.size, 3);
    assert_memory_equal(word.bytes.bytes, "one", 3);
    word = nbfx_find_word(&words, 3);
    assert_non_null(word.bytes.bytes);
    assert_int_equal(word.bytes.size, 0);
    assert_null(nbfx_find_word(&words, 7).bytes.bytes);
    for (size_t i = 0; i < COUNT(bad); i++) {
        s = (struct span){(const uint8_t *)bad[i], NULL, strlen(bad[i])};
        assert_false(nbfx_take_words(&words, &s));
        assert_ptr_equal(s.bytes, bad[i]);
        assert_int_equal(words.count, 3);
    }
}

static void string_tables_are_bounded(void **state)
{
    static struct nbfx_words words;
    static uint8_t table[3 + 2 * NBFX_WORDS_MOST] = {0x80, 0x20, 1}; /* 4,096 bytes: 01 01 ... */
    struct span s = {table, NULL, 2 + 2 * NBFX_WORDS_MOST};

    (void)state;
    memset(table + 2, 1, sizeof(table) - 2);
    assert_true(nbfx_take_words(&words, &s));
    assert_int_equal(words.count, NBFX_WORDS_MOST);
    s = (struct span){(const uint8_t *)"\x01\x00", NULL, 2};
    assert_false(nbfx_take_words(&words, &s));
    memset(&words, 0, sizeof(words));
    words.count = 1;
    words.ends[0] = NBFX_WORD_BYTES_MOST - 1;
    s = (struct span){(const uint8_t *)"\x03\x02xy", NULL, 4};
    assert_false(nbfx_take_words(&words, &s));
    s = (struct span){(const uint8_t *)"\x02\x01x", NULL, 3};
    assert_true(nbfx_take_words(&words, &s));
}

/* ---- hostile bytes ---- */

static void every_truncation_ends(void **state)
{
    static struct nbfx_words words;
    static struct vector v;
    FILE *file = open_vectors();

    (void)state;
    while (next_vector(file, &v)) {
        struct span s = document(&v, &words);

        for (size_t size = 1; size < s.size; size++) {
            struct log *log = print(&words, s.bytes, size, true, size % 2 != 0);

            assert_non_null(strstr(log->text, "(byte "));
            free(log);
        }
    }
    (void)fclose(file);
}

static void any_bytes_are_taken(void **state)
{
    static struct vector v;
    FILE *file = open_vectors();
    uint32_t random = 7;

    (void)state;
    while (next_vector(file, &v)) {
        for (int round = 0; round < 300; round++) {
            uint8_t bytes[sizeof(v.bytes)];

            memcpy(bytes, v.bytes, v.size);
            for (int i = 0; i < 3; i++)
                bytes[next_random(&random) % v.size] = (uint8_t)next_random(&random);
            free(print(NULL, bytes, v.size, true, true));
        }
    }
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_that_of_dotnet),
        cmocka_unit_test(an_envelope_for_people),
        cmocka_unit_test(an_envelope_without_its_values),
        cmocka_unit_test(what_is_left_out),
        cmocka_unit_test(other_forms_of_text),
        cmocka_unit_test(malformed_numbers),
        cmocka_unit_test(minus_zero),
        cmocka_unit_test(what_is_not_utf8),
        cmocka_unit_test(unknown_words),
        cmocka_unit_test(what_is_malformed_is_said),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(string_tables),
        cmocka_unit_test(string_tables_are_bounded),
        cmocka_unit_test(every_truncation_ends),
        cmocka_unit_test(any_bytes_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
