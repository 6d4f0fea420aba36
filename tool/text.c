/* SPDX-License-Identifier: MIT
 *
 * Lines, bounded and escaped.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut[] = "...";

void text_add(struct text *t, const char *format, ...)
{
    size_t room = sizeof(t->bytes) - t->used;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->bytes + t->used, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < room) {
        t->used += (size_t)n;
    } else {
        t->used = sizeof(t->bytes) - 1;
        memcpy(t->bytes + t->used - (sizeof(cut) - 1), cut, sizeof(cut));
    }
}

static bool is_full(const struct text *t)
{
    return t->used == sizeof(t->bytes) - 1;
}

static bool left_out(struct text *t, struct span s)
{
    if (span_is_known(s))
        return false;
    text_add(t, "(left out)");
    return true;
}

void text_escape(struct text *t, struct span s)
{
    if (left_out(t, s))
        return;
    for (size_t i = 0; i < s.size && !is_full(t); i++) {
        bool plain = s.bytes[i] >= 0x20 && s.bytes[i] < 0x7f;

        text_add(t, plain ? "%c" : "\\x%02x", s.bytes[i]);
    }
}

void text_escape_utf16(struct text *t, struct span s)
{
    if (left_out(t, s))
        return;
    for (size_t i = 0; i + 1 < s.size && !is_full(t); i += 2) {
        unsigned unit = s.bytes[i] | (unsigned)s.bytes[i + 1] << 8;
        bool plain = unit >= 0x20 && unit < 0x7f;

        if (plain)
            text_add(t, "%c", (int)unit);
        else
            text_add(t, "\\u%04x", unit);
    }
    if (s.size % 2 != 0)
        text_add(t, "\\x%02x", s.bytes[s.size - 1]);
}

void text_hex(struct text *t, struct span s)
{
    if (left_out(t, s))
        return;
    for (size_t i = 0; i < s.size && !is_full(t); i++)
        text_add(t, "%02x", s.bytes[i]);
}
