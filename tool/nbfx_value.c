/* SPDX-License-Identifier: MIT
 *
 * Binary XML: words, and the values of text records ([MC-NBFX] 2.2.3). Values are written as
 * .NET's text writer writes them.
 */
#include "nbfs.h"
#include "nbfx.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ZERO = 0x80,
    ONE = 0x82,
    FALSE_TEXT = 0x84,
    TRUE_TEXT = 0x86,
    INT8 = 0x88,
    INT16 = 0x8a,
    INT32 = 0x8c,
    INT64 = 0x8e,
    FLOAT = 0x90,
    DOUBLE = 0x92,
    DECIMAL = 0x94,
    DATE_TIME = 0x96,
    CHARS8 = 0x98,
    CHARS32 = 0x9c,
    BYTES8 = 0x9e,
    BYTES32 = 0xa2,
    EMPTY = 0xa8,
    DICTIONARY = 0xaa,
    UNIQUE_ID = 0xac,
    TIME_SPAN = 0xae,
    UUID = 0xb0,
    UINT64 = 0xb2,
    BOOL = 0xb4,
    UNICODE8 = 0xb6,
    UNICODE32 = 0xba,
    QNAME = 0xbc
};

#define TICKS_A_SECOND UINT64_C(10000000)
#define SECONDS_A_DAY UINT64_C(86400)
#define TICKS_A_DAY (TICKS_A_SECOND * SECONDS_A_DAY)
#define TICKS_MOST UINT64_C(3155378975999999999) /* the last of the year 9999 */
#define SCALE_MOST 28
#define DECIMAL_DIGITS 29 /* of 96 bits */

static const char malformed[] = "(malformed)";

static uint64_t load_le(const uint8_t *p, size_t size)
{
    uint64_t value = 0;

    while (size > 0)
        value = value << 8 | p[--size];
    return value;
}

/* ---- words ---- */

bool nbfx_take_number(struct span *s, uint32_t *ret)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 5 && i < s->size; i++) {
        value |= (uint64_t)(s->bytes[i] & 0x7f) << (7 * i);
        if (s->bytes[i] < 0x80) {
            if (value > INT32_MAX)
                return false;
            *ret = (uint32_t)value;
            *s = span_from(*s, i + 1);
            return true;
        }
    }
    return false;
}

struct nbfx_word nbfx_find_word(const struct nbfx_words *words, uint32_t id)
{
    struct nbfx_word word = {.id = id};
    const char *fixed = nbfs_word(id);
    size_t number = id / 2;

    if (fixed != NULL) {
        word.bytes = (struct span){(const uint8_t *)fixed, NULL, strlen(fixed)};
    } else if (words != NULL && id % 2 != 0 && number < words->count) {
        size_t start = number > 0 ? words->ends[number - 1] : 0;

        word.bytes = (struct span){words->bytes + start, NULL, words->ends[number] - start};
    }
    return word;
}

bool nbfx_take_words(struct nbfx_words *words, struct span *envelope)
{
    size_t count = words->count, used = count > 0 ? words->ends[count - 1] : 0;
    struct span rest = *envelope, table;
    uint32_t size;

    if (!nbfx_take_number(&rest, &size) || size > rest.size)
        return false;
    table = span_first(rest, size);
    while (table.size > 0) {
        if (!nbfx_take_number(&table, &size) || size > table.size || count == NBFX_WORDS_MOST ||
            size > NBFX_WORD_BYTES_MOST - used)
            return false;
        memcpy(words->bytes + used, table.bytes, size);
        used += size;
        words->ends[count++] = (uint16_t)used;
        table = span_from(table, size);
    }
    words->count = count;
    *envelope = span_from(rest, (size_t)(table.bytes - rest.bytes));
    return true;
}

void nbfx_add_word(struct text *t, struct nbfx_word word)
{
    if (word.bytes.bytes != NULL)
        nbfx_escape(t, word.bytes, true);
    else
        text_add(t, "word-%" PRIu32, word.id); /* one that the session announced before */
}

/* ---- characters ---- */

/* The code point at the beginning of s and its size in bytes; 0: it is not UTF-8 (RFC 3629). */
static size_t decode_utf8(struct span s, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = s.bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = size == 1 ? first : first & (0x7fu >> size);

    if (first >= 0xf8 || (first >= 0x80 && first < 0xc0) || size > s.size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((s.bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s.bytes[i] & 0x3f);
    }
    *ret = code;
    return code >= least[size] && code <= 0x10ffff && (code & 0xfffff800) != 0xd800 ? size : 0;
}

static void add_code(struct text *t, uint32_t code, bool quoted)
{
    if (code == '<')
        text_add(t, "&lt;");
    else if (code == '>')
        text_add(t, "&gt;");
    else if (code == '&')
        text_add(t, "&amp;");
    else if (code == '"' && quoted)
        text_add(t, "&quot;");
    else if (code >= 0x20 && code < 0x7f)
        text_add(t, "%c", (int)code);
    else
        text_add(t, "&#x%" PRIX32 ";", code);
}

static bool is_full(const struct text *t)
{
    return t->used == sizeof(t->bytes) - 1;
}

void nbfx_escape(struct text *t, struct span utf8, bool quoted)
{
    while (utf8.size > 0 && !is_full(t)) {
        uint32_t code = 0;
        size_t size = decode_utf8(utf8, &code);

        if (size > 0)
            add_code(t, code, quoted);
        else
            text_add(t, "\\x%02x", utf8.bytes[0]);
        utf8 = span_from(utf8, size > 0 ? size : 1);
    }
}

static void add_utf16(struct text *t, struct span s, bool quoted)
{
    for (; s.size >= 2 && !is_full(t); s = span_from(s, 2)) {
        uint32_t code = (uint32_t)load_le(s.bytes, 2);

        if ((code & 0xfc00) == 0xd800 && s.size >= 4 && (s.bytes[3] & 0xfc) == 0xdc) {
            code = 0x10000 + ((code & 0x3ff) << 10 | ((uint32_t)load_le(s.bytes + 2, 2) & 0x3ff));
            s = span_from(s, 2);
        }
        add_code(t, code, quoted);
    }
    if (s.size == 1)
        text_add(t, "\\x%02x", s.bytes[0]);
}

static void add_base64(struct text *t, struct span s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; s.size > 0 && !is_full(t); s = span_from(s, 3)) {
        uint32_t group = (uint32_t)s.bytes[0] << 16;

        group |= s.size > 1 ? (uint32_t)s.bytes[1] << 8 : 0;
        group |= s.size > 2 ? s.bytes[2] : 0;
        text_add(t, "%c%c%c%c", digits[group >> 18], digits[group >> 12 & 63],
                 s.size > 1 ? digits[group >> 6 & 63] : '=', s.size > 2 ? digits[group & 63] : '=');
    }
}

static void add_uuid(struct text *t, const uint8_t *p)
{
    text_add(t, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%02x%02x-", load_le(p, 4),
             load_le(p + 4, 2), load_le(p + 6, 2), p[8], p[9]);
    text_hex(t, (struct span){p + 10, NULL, 6});
}

/* ---- numbers ---- */

/* Whether the text reads back as the same number. */
static bool is_exact(const char *text, double value, bool is_float)
{
    return is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* Digits without a point, the point's place counted from before the first, as .NET prints "R". */
static void add_digits(struct text *t, const char *digits, int place, int most)
{
    int count = (int)strlen(digits);

    if (place > most || place < -3) {
        text_add(t, "%c%s%s", digits[0], count > 1 ? "." : "", digits + 1);
        text_add(t, "E%c%02d", place > 0 ? '+' : '-', abs(place - 1));
    } else if (place <= 0) {
        text_add(t, "0.%.*s%s", -place, "000", digits);
    } else if (place >= count) {
        text_add(t, "%s%.*s", digits, place - count, "0000000000000000");
    } else {
        text_add(t, "%.*s.%s", place, digits, digits + place);
    }
}

/* The fewest digits that read back as the same. */
static void add_real(struct text *t, double value, bool is_float)
{
    const int most = is_float ? 9 : 17;
    char e[40], digits[20];
    int count = 0;

    if (isnan(value) || isinf(value)) {
        text_add(t, isnan(value) ? "NaN" : value > 0 ? "INF" : "-INF");
        return;
    }
    text_add(t, "%s", signbit(value) ? "-" : "");
    value = fabs(value);
    if (value == 0) {
        text_add(t, "0");
        return;
    }
    do {
        (void)snprintf(e, sizeof(e), "%.*e", count, value);
        count++;
    } while (count < most && !is_exact(e, value, is_float));
    digits[0] = e[0];
    (void)snprintf(digits + 1, sizeof(digits) - 1, "%.*s", count - 1, e + 2);
    add_digits(t, digits, (int)strtol(strchr(e, 'e') + 1, NULL, 10) + 1, most);
}

static void add_float(struct text *t, const uint8_t *p)
{
    uint32_t bits = (uint32_t)load_le(p, 4);
    float value;

    memcpy(&value, &bits, sizeof(value));
    add_real(t, (double)value, true);
}

static void add_double(struct text *t, const uint8_t *p)
{
    uint64_t bits = load_le(p, 8);
    double value;

    memcpy(&value, &bits, sizeof(value));
    add_real(t, value, false);
}

/* 96 bits and a power of ten: [MC-NBFX] 2.2.3.11, [MS-OAUT] 2.2.26. */
static void add_decimal(struct text *t, const uint8_t *p)
{
    uint32_t parts[] = {(uint32_t)load_le(p + 4, 4), (uint32_t)load_le(p + 12, 4),
                        (uint32_t)load_le(p + 8, 4)};
    char digits[DECIMAL_DIGITS + 1] = "";
    int scale = p[2], first;

    if (p[0] != 0 || p[1] != 0 || scale > SCALE_MOST || (p[3] & 0x7f) != 0) {
        text_add(t, "%s", malformed);
        return;
    }
    for (int i = DECIMAL_DIGITS; i-- > 0;) {
        uint64_t rest = 0;

        for (size_t k = 0; k < 3; k++) {
            rest = rest << 32 | parts[k];
            parts[k] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        digits[i] = (char)('0' + rest);
    }
    first = (int)strspn(digits, "0");
    if (first > DECIMAL_DIGITS - scale - 1)
        first = DECIMAL_DIGITS - scale - 1;
    text_add(t, "%s%.*s", p[3] != 0 ? "-" : "", DECIMAL_DIGITS - scale - first, digits + first);
    if (scale > 0)
        text_add(t, ".%s", digits + DECIMAL_DIGITS - scale);
}

/* ---- times ---- */

/* A part of a second, without its last zeros. */
static void add_fraction(struct text *t, uint64_t ticks)
{
    int digits = 7;

    for (; ticks != 0 && ticks % 10 == 0; ticks /= 10)
        digits--;
    if (ticks != 0)
        text_add(t, ".%0*" PRIu64, digits, ticks);
}

/* The date of a day counted from the year 1 (years that begin in March end with the odd day). */
static void add_date(struct text *t, uint64_t day)
{
    uint64_t era, year, month;

    day += 306;
    era = day / 146097;
    day %= 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    text_add(t, "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64, year + era * 400 + (month >= 10),
             month < 10 ? month + 3 : month - 9, day + 1);
}

/* Ticks of 100 ns since the year 1, and two bits of which time zone ([MC-NBFX] 2.2.3.12); a local
 * time was made UTC. */
static void add_date_time(struct text *t, uint64_t value)
{
    uint64_t ticks = value & (UINT64_MAX >> 2), second = ticks / TICKS_A_SECOND % SECONDS_A_DAY;

    if (ticks > TICKS_MOST) {
        text_add(t, "%s", malformed);
        return;
    }
    add_date(t, ticks / TICKS_A_DAY);
    text_add(t, "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, second / 3600, second / 60 % 60,
             second % 60);
    add_fraction(t, ticks % TICKS_A_SECOND);
    text_add(t, value >> 62 != 0 ? "Z" : "");
}

static void add_time_span(struct text *t, uint64_t value)
{
    bool negative = value >> 63 != 0;
    uint64_t ticks = negative ? 0 - value : value;
    uint64_t days = ticks / TICKS_A_DAY, seconds = ticks / TICKS_A_SECOND % SECONDS_A_DAY;

    text_add(t, negative ? "-P" : "P");
    if (days > 0)
        text_add(t, "%" PRIu64 "D", days);
    if (ticks % TICKS_A_DAY == 0 && days > 0)
        return;
    text_add(t, "T");
    if (seconds >= 3600)
        text_add(t, "%" PRIu64 "H", seconds / 3600);
    if (seconds / 60 % 60 > 0)
        text_add(t, "%" PRIu64 "M", seconds / 60 % 60);
    if (seconds % 60 == 0 && ticks % TICKS_A_SECOND == 0 && ticks > 0)
        return;
    text_add(t, "%" PRIu64, seconds % 60);
    add_fraction(t, ticks % TICKS_A_SECOND);
    text_add(t, "S");
}

/* ---- values ---- */

/* The bytes of a value of fixed size, or of the length before the others. */
static bool find_size(uint8_t type, size_t *size, size_t *length)
{
    static const uint8_t sizes[] = {0, 0, 0, 0, 1, 2, 4,  8, 4,  8, 16, 8, 1, 2, 4, 1,
                                    2, 4, 0, 0, 0, 0, 16, 8, 16, 8, 1,  1, 2, 4, 1};
    size_t number = (type - (size_t)ZERO) / 2;

    if (type < ZERO || type % 2 != 0 || number >= sizeof(sizes) / sizeof(sizes[0]) ||
        type == NBFX_START_LIST || type == NBFX_END_LIST)
        return false;
    *size = *length = 0;
    if ((type >= CHARS8 && type <= BYTES32) || (type >= UNICODE8 && type <= UNICODE32))
        *length = sizes[number];
    else
        *size = sizes[number];
    return true;
}

bool nbfx_take_value(struct span *s, const struct nbfx_words *words, uint8_t type,
                     struct nbfx_value *ret)
{
    size_t size, length;
    uint32_t id;

    *ret = (struct nbfx_value){.type = type};
    if (!find_size(type, &size, &length) || length > s->size)
        return false;
    if (length > 0) {
        size = load_le(s->bytes, length);
        *s = span_from(*s, length);
        ret->cut = size > s->size;
    } else if (size > s->size) {
        return false;
    }
    ret->bytes = span_first(*s, size);
    *s = span_from(*s, size);
    if (type != DICTIONARY && type != QNAME)
        return true;
    if (!nbfx_take_number(s, &id))
        return false;
    ret->word = nbfx_find_word(words, id);
    return type == DICTIONARY || ret->bytes.bytes[0] < 26;
}

/* Integers of 1, 2, 4 or 8 bytes. */
static int64_t extended(struct span s)
{
    bool negative = s.size > 0 && s.bytes[s.size - 1] >= 0x80;
    uint64_t value = negative ? UINT64_MAX : 0;

    for (size_t i = s.size; i-- > 0;)
        value = value << 8 | s.bytes[i];
    return (int64_t)value;
}

static void add_number(struct text *t, const struct nbfx_value *value)
{
    const uint8_t *p = value->bytes.bytes;

    switch (value->type) {
    case FLOAT:
        add_float(t, p);
        break;
    case DOUBLE:
        add_double(t, p);
        break;
    case DECIMAL:
        add_decimal(t, p);
        break;
    case DATE_TIME:
        add_date_time(t, load_le(p, 8));
        break;
    case TIME_SPAN:
        add_time_span(t, load_le(p, 8));
        break;
    case UINT64:
        text_add(t, "%" PRIu64, load_le(p, 8));
        break;
    case BOOL:
        text_add(t, p[0] == 0 ? "false" : p[0] == 1 ? "true" : malformed);
        break;
    default: /* INT8 to INT64 */
        text_add(t, "%" PRId64, extended(value->bytes));
        break;
    }
}

static const char *constant(uint8_t type)
{
    switch (type) {
    case ZERO:
        return "0";
    case ONE:
        return "1";
    case FALSE_TEXT:
        return "false";
    case TRUE_TEXT:
        return "true";
    case EMPTY:
        return "";
    default:
        return NULL;
    }
}

void nbfx_add_value(struct text *t, const struct nbfx_value *value, bool quoted)
{
    uint8_t type = value->type;

    if (constant(type) != NULL) {
        text_add(t, "%s", constant(type));
    } else if (type >= CHARS8 && type <= CHARS32) {
        nbfx_escape(t, value->bytes, quoted);
    } else if (type >= BYTES8 && type <= BYTES32) {
        add_base64(t, value->bytes);
    } else if (type >= UNICODE8 && type <= UNICODE32) {
        add_utf16(t, value->bytes, quoted);
    } else if (type == UUID || type == UNIQUE_ID) {
        text_add(t, type == UUID ? "" : "urn:uuid:");
        add_uuid(t, value->bytes.bytes);
    } else if (type == DICTIONARY || type == QNAME) {
        if (type == QNAME)
            text_add(t, "%c:", 'a' + value->bytes.bytes[0]);
        nbfx_add_word(t, value->word);
    } else {
        add_number(t, value);
    }
}
