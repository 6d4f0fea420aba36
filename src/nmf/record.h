/* SPDX-License-Identifier: MIT
 *
 * The codec of [MC-NMF] 2.2: record types, sizes, and a decoder that takes bytes as they come, cut
 * anywhere. It knows what a record looks like and nothing of when it may come. What stands behind
 * the size of an envelope or a chunk is not its affair.
 */
#ifndef NNS_NMF_RECORD_H
#define NNS_NMF_RECORD_H

#include "nmf/memory.h"

enum nns__nmf_record {
    NNS__NMF_VERSION = 0x00,
    NNS__NMF_MODE = 0x01,
    NNS__NMF_VIA = 0x02,
    NNS__NMF_KNOWN_ENCODING = 0x03,
    NNS__NMF_CONTENT_TYPE = 0x04,
    NNS__NMF_UNSIZED_ENVELOPE = 0x05,
    NNS__NMF_SIZED_ENVELOPE = 0x06,
    NNS__NMF_RECORD_END = 0x07,
    NNS__NMF_FAULT = 0x08,
    NNS__NMF_UPGRADE_REQUEST = 0x09,
    NNS__NMF_UPGRADE_RESPONSE = 0x0a,
    NNS__NMF_PREAMBLE_ACK = 0x0b,
    NNS__NMF_PREAMBLE_END = 0x0c,
    NNS__NMF_RECORDS /* no record */
};

/* The name of a record, for messages; any other number: "unknown record". */
const char *nns__nmf_record_name(unsigned type);

#define NNS__NMF_SIZE_MOST ((size_t)5)             /* bytes of an encoded size */
#define NNS__NMF_SIZE_VALUE ((uint32_t)0x7fffffff) /* the largest size */

/* A size, 7 bits a byte, the low ones first ([MC-NMF] 2.2.2). Answers how many bytes it took. */
size_t nns__nmf_size_encode(uint8_t to[NNS__NMF_SIZE_MOST], uint32_t size);

/* A size as it arrives. Begins as zeros. */
struct nns__nmf_size {
    uint32_t value;
    unsigned bytes;
};

/* Takes one byte: NNS_OK when the size is whole, NNS_WANT_RECV, or PROTOCOL (over 31 bits). */
int nns__nmf_size_decode(struct nns__nmf_size *size, uint8_t byte);

/* One record as it arrives. Begins as zeros. */
struct nns__nmf_decoder {
    bool has_type;
    bool has_size;
    uint8_t type;
    struct nns__nmf_size size; /* of the text or the envelope */
    uint8_t bytes[2];          /* version, mode, encoding */
    size_t have;               /* of bytes or of text */
    char *text;                /* size.value bytes and a NUL, once the size is known */
};

/* Takes bytes of the record whose type is known, to its end at most; *used says how many. most is
 * the limit of its text. NNS_OK when the record is whole (of an envelope: its size is), or
 * NNS_WANT_RECV; PROTOCOL (a size over 31 bits, a NUL in a text), TOO_LARGE, NOMEM. */
int nns__nmf_decode(struct nns__nmf_decoder *d, const struct nns__nmf_mem *mem, size_t most,
                    const uint8_t *data, size_t size, size_t *used);
/* Ready for the next record. */
void nns__nmf_decoder_clear(struct nns__nmf_decoder *d, const struct nns__nmf_mem *mem);

#endif
