/* SPDX-License-Identifier: MIT
 *
 * The Wrap token of RFC 4121 4.2.6.2 as bytes: its header, and the turning of what follows. No
 * keys, no decisions.
 */
#ifndef NNS_PROTECT_KRB5_TOKEN_H
#define NNS_PROTECT_KRB5_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NNS__TOKEN_HEADER ((size_t)16)

/* Flags (4.2.2). */
#define NNS__TOKEN_BY_ACCEPTOR 0x01u
#define NNS__TOKEN_SEALED 0x02u
#define NNS__TOKEN_ACCEPTOR_SUBKEY 0x04u
#define NNS__TOKEN_FLAGS 0x07u /* the others are to be ignored */

struct nns__token_header {
    uint8_t flags;
    size_t extra;    /* EC: bytes of filler, or of the checksum where it is not sealed */
    size_t rotation; /* RRC */
    uint64_t sequence;
};

void nns__token_header_write(uint8_t to[NNS__TOKEN_HEADER], const struct nns__token_header *header);
/* False: it is not the header of a Wrap token. */
bool nns__token_header_read(struct nns__token_header *ret, const uint8_t from[NNS__TOKEN_HEADER]);

/* Turns bytes left, in place: those that a sender turned right come back. By any number. */
void nns__rotate_left(uint8_t *bytes, size_t size, size_t by);

#endif
