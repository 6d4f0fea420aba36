/* SPDX-License-Identifier: MIT
 *
 * DER, element by element.
 */
#include "der.h"

#include <string.h>

#define LENGTH_BYTES_MOST 3 /* no record that holds a token is longer */

bool span_is_known(struct span s)
{
    return s.known == NULL || memchr(s.known, 0, s.size) == NULL;
}

struct span span_from(struct span s, size_t n)
{
    if (n > s.size)
        n = s.size;
    if (n == 0)
        return s;
    s.bytes += n;
    if (s.known != NULL)
        s.known += n;
    s.size -= n;
    return s;
}

struct span span_first(struct span s, size_t n)
{
    if (n < s.size)
        s.size = n;
    return s;
}

/* The length that s, the bytes behind a tag, begins with; answers how many bytes that takes, 0:
 * there is no length in its shortest form. */
static size_t read_length(struct span s, size_t *ret)
{
    size_t count, value = 0;

    if (s.size == 0 || !span_is_known(span_first(s, 1)))
        return 0;
    *ret = s.bytes[0];
    if (s.bytes[0] < 0x80)
        return 1;
    count = s.bytes[0] & 0x7fu;
    if (count == 0 || count > LENGTH_BYTES_MOST || count >= s.size ||
        !span_is_known(span_first(s, 1 + count)))
        return 0;
    for (size_t i = 1; i <= count; i++)
        value = value << 8 | s.bytes[i];
    if (value < 0x80 || value >> (8 * (count - 1)) == 0)
        return 0;
    *ret = value;
    return 1 + count;
}

bool der_next(struct span *rest, struct der *ret)
{
    size_t length, header;

    if (rest->size < 2 || !span_is_known(span_first(*rest, 1)) || (rest->bytes[0] & 0x1f) == 0x1f)
        return false;
    header = read_length(span_from(*rest, 1), &length);
    if (header == 0 || length > rest->size - 1 - header)
        return false;
    ret->tag = rest->bytes[0];
    ret->header = span_first(*rest, 1 + header);
    ret->body = span_first(span_from(*rest, 1 + header), length);
    *rest = span_from(*rest, 1 + header + length);
    return true;
}

bool der_expect(struct span *rest, uint8_t tag, struct der *ret)
{
    struct span after = *rest;
    struct der element;

    if (!der_next(&after, &element) || element.tag != tag)
        return false;
    *rest = after;
    *ret = element;
    return true;
}

bool der_number(struct span body, int64_t *ret)
{
    uint64_t value;

    if (body.size == 0 || body.size > 8 || !span_is_known(body))
        return false;
    value = (body.bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < body.size; i++)
        value = value << 8 | body.bytes[i];
    *ret = (int64_t)value;
    return true;
}
