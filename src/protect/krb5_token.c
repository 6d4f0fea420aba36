/* SPDX-License-Identifier: MIT
 *
 * Wrap tokens as bytes.
 */
#include "protect/krb5_token.h"

#include "base/bytes.h"

#include <string.h>

#define ID_FIRST 0x05
#define ID_SECOND 0x04
#define FILLER 0xff

#define ASIDE ((size_t)128) /* what is turned by no more than this is moved once */

static void store_be16(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static size_t load_be16(const uint8_t *from)
{
    return (size_t)from[0] << 8 | from[1];
}

void nns__token_header_write(uint8_t to[NNS__TOKEN_HEADER], const struct nns__token_header *header)
{
    to[0] = ID_FIRST;
    to[1] = ID_SECOND;
    to[2] = header->flags;
    to[3] = FILLER;
    store_be16(to + 4, header->extra);
    store_be16(to + 6, header->rotation);
    nns__store_be64(to + 8, header->sequence);
}

bool nns__token_header_read(struct nns__token_header *ret, const uint8_t from[NNS__TOKEN_HEADER])
{
    ret->flags = from[2];
    ret->extra = load_be16(from + 4);
    ret->rotation = load_be16(from + 6);
    ret->sequence = nns__load_be64(from + 8);
    return from[0] == ID_FIRST && from[1] == ID_SECOND && from[3] == FILLER;
}

static void reverse(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        uint8_t byte = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

void nns__rotate_left(uint8_t *bytes, size_t size, size_t by)
{
    uint8_t aside[ASIDE];

    by = size == 0 ? 0 : by % size;
    if (by == 0)
        return;
    if (by > ASIDE) {
        reverse(bytes, by);
        reverse(bytes + by, size - by);
        reverse(bytes, size);
        return;
    }
    memcpy(aside, bytes, by);
    memmove(bytes, bytes + by, size - by);
    memcpy(bytes + size - by, aside, by);
}
