/* SPDX-License-Identifier: MIT
 *
 * Reads DER (X.690) as far as security tokens use it: tags of one byte, definite lengths in their
 * shortest form, of at most three bytes. Bounded and without allocation or recursion: an element
 * never reaches beyond the bytes that it was found in. Bytes that a trace left out are not read.
 */
#ifndef TOOL_DER_H
#define TOOL_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. known has one byte for each, 0: its value was left out; NULL: all are known. */
struct span {
    const uint8_t *bytes;
    const uint8_t *known;
    size_t size;
};

bool span_is_known(struct span s);
/* s without its first n bytes, and the first n bytes of s; n is cut to the size. */
struct span span_from(struct span s, size_t n);
struct span span_first(struct span s, size_t n);

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_OBJECT_IDENTIFIER 0x06
#define DER_ENUMERATED 0x0a
#define DER_GENERALIZED_TIME 0x18
#define DER_GENERAL_STRING 0x1b
#define DER_SEQUENCE 0x30
#define DER_APPLICATION(n) (0x60 | (n)) /* constructed, n up to 30 */
#define DER_CONTEXT(n) (0xa0 | (n))

struct der {
    uint8_t tag;
    struct span header; /* tag and length */
    struct span body;
};

/* Takes the first element off rest. False, with rest and *ret as they were: there is no whole one.
 */
bool der_next(struct span *rest, struct der *ret);
/* The same; an element with another tag is left where it is. */
bool der_expect(struct span *rest, uint8_t tag, struct der *ret);
/* The number in the body of an INTEGER or ENUMERATED of at most eight bytes. */
bool der_number(struct span body, int64_t *ret);

#endif
