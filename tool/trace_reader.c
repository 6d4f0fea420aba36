/* SPDX-License-Identifier: MIT
 *
 * The trace file, read. Its lines:
 *
 *   nns-trace 1                    the first one
 *   # ...                          for people
 *   TIME CONNECTION WORD [TEXT]    an entry
 *     OFFSET  HH HH .. HH  |...|   bytes of the entry; all others of it were left out
 *     <element>                    text of an entry with the word >> or <<
 */
#include "trace_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "nns-trace 1";

void trace_reader_init(struct trace_reader *r, FILE *file)
{
    *r = (struct trace_reader){.file = file};
}

void trace_reader_free(struct trace_reader *r)
{
    free(r->bytes);
    free(r->known);
    *r = (struct trace_reader){0};
}

static bool wrong(struct trace_reader *r, const char *what)
{
    r->error = what;
    return false;
}

/* The next line, without its end. A last line that has none was cut and does not count. */
static bool next_line(struct trace_reader *r)
{
    size_t size;

    if (r->have_line)
        return true;
    if (fgets(r->line, sizeof(r->line), r->file) == NULL)
        return ferror(r->file) ? wrong(r, strerror(errno)) : false;
    r->line_number++;
    size = strlen(r->line);
    if (size == 0)
        return wrong(r, "a NUL byte");
    if (r->line[size - 1] != '\n')
        return feof(r->file) ? false : wrong(r, "the line is too long, or has a NUL byte");
    r->line[size - 1] = '\0';
    r->have_line = true;
    return true;
}

/* ---- parts of a line ---- */

/* Moves *at past the spaces and behind the next word, which it answers; "" at the end. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " ");

    *at = word + strcspn(word, " ");
    if (**at != '\0')
        *(*at)++ = '\0';
    return word;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* A whole word of digits in a base, at most `most`. */
static bool parse_number(const char *word, unsigned base, size_t most, size_t *ret)
{
    size_t value = 0;

    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++) {
        int d = digit(*word);

        if (d < 0 || (unsigned)d >= base || (size_t)d > most || value > (most - (size_t)d) / base)
            return false;
        value = value * base + (size_t)d;
    }
    *ret = value;
    return true;
}

/* ---- bytes ---- */

static bool reserve(struct trace_reader *r, size_t size)
{
    uint8_t *bytes;

    if (size > r->room) {
        bytes = realloc(r->bytes, size);
        if (bytes == NULL)
            return wrong(r, "out of memory");
        r->bytes = bytes;
        bytes = realloc(r->known, size);
        if (bytes == NULL)
            return wrong(r, "out of memory");
        r->known = bytes;
        r->room = size;
    }
    if (size > 0) {
        memset(r->bytes, 0, size);
        memset(r->known, 0, size);
    }
    return true;
}

/* "  OFFSET  HH .. HH  |...|" */
static bool parse_row(struct trace_reader *r, size_t size)
{
    char *at = r->line, *word;
    size_t offset, value;

    if (!parse_number(next_word(&at), 16, size, &offset))
        return wrong(r, "no offset within the entry");
    for (;; offset++) {
        word = next_word(&at);
        if (*word == '\0' || *word == '|')
            return true;
        if (strlen(word) != 2 || offset >= size)
            return wrong(r, "these are not bytes of the entry");
        if (strcmp(word, "..") == 0)
            continue;
        if (!parse_number(word, 16, 0xff, &value))
            return wrong(r, "these are not bytes");
        r->bytes[offset] = (uint8_t)value;
        r->known[offset] = 1;
    }
}

static bool read_bytes(struct trace_reader *r, const char *word, struct trace_entry *ret)
{
    size_t size;

    if (!parse_number(word, 10, TRACE_ENTRY_MOST, &size))
        return wrong(r, "no size");
    if (!reserve(r, size))
        return false;
    while (next_line(r) && r->line[0] == ' ') {
        r->have_line = false;
        if (!parse_row(r, size))
            return false;
    }
    ret->bytes = (struct span){r->bytes, r->known, size};
    return r->error == NULL;
}

/* ---- entries ---- */

static bool parse_time(const char *word, struct trace_entry *ret)
{
    size_t whole = strspn(word, "0123456789");
    size_t size = strlen(word);

    if (whole == 0 || word[whole] != '.' || size >= sizeof(ret->time) ||
        whole + 1 + strspn(word + whole + 1, "0123456789") != size)
        return false;
    memcpy(ret->time, word, size + 1);
    return true;
}

static bool parse_entry(struct trace_reader *r, struct trace_entry *ret)
{
    static const struct {
        const char *word;
        enum trace_kind kind;
    } words[] = {
        {"client", TRACE_CLIENT},   {"server", TRACE_SERVER}, {"level", TRACE_LEVEL},
        {">", TRACE_SENT},          {"<", TRACE_RECEIVED},    {"end", TRACE_END},
        {"upgrade", TRACE_UPGRADE}, {">>", TRACE_PLAIN_SENT}, {"<<", TRACE_PLAIN_RECEIVED}};
    char *at = r->line, *word;
    size_t i = 0;

    if (r->in_plain && r->line[0] == ' ') {
        ret->kind = TRACE_ROW;
        ret->text = r->line;
        return true;
    }
    *ret = (struct trace_entry){0};
    if (!parse_time(next_word(&at), ret))
        return wrong(r, "no time");
    if (!parse_number(next_word(&at), 10, 1000000000, &ret->connection))
        return wrong(r, "no number of a connection");
    word = next_word(&at);
    while (i < sizeof(words) / sizeof(words[0]) && strcmp(words[i].word, word) != 0)
        i++;
    if (i == sizeof(words) / sizeof(words[0]))
        return wrong(r, "no entry of a trace");
    ret->kind = words[i].kind;
    r->in_plain = ret->kind == TRACE_PLAIN_SENT || ret->kind == TRACE_PLAIN_RECEIVED;
    if (ret->kind == TRACE_SENT || ret->kind == TRACE_RECEIVED)
        return read_bytes(r, at, ret);
    ret->text = at;
    return true;
}

bool trace_reader_next(struct trace_reader *r, struct trace_entry *ret)
{
    if (r->error != NULL)
        return false;
    if (r->line_number == 0) {
        if (!next_line(r) || strcmp(r->line, first_line) != 0)
            return r->error != NULL ? false : wrong(r, "this is not a trace of nns");
        r->have_line = false;
    }
    while (next_line(r)) {
        r->have_line = false;
        if (r->line[0] != '#' && r->line[0] != '\0')
            return parse_entry(r, ret);
    }
    return false;
}
