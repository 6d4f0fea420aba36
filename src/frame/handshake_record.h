/* SPDX-License-Identifier: MIT
 *
 * The handshake record of [MS-NNS] 2.2.1 as bytes: a five-byte header before a token, and the
 * eight-byte payload of a HandshakeError. No state, no allocation, no decisions.
 */
#ifndef NNS_FRAME_HANDSHAKE_RECORD_H
#define NNS_FRAME_HANDSHAKE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define NNS__HANDSHAKE_DONE 0x14
#define NNS__HANDSHAKE_ERROR 0x15
#define NNS__HANDSHAKE_IN_PROGRESS 0x16

#define NNS__HANDSHAKE_HEADER ((size_t)5)      /* id, major, minor, size (big-endian) */
#define NNS__HANDSHAKE_PAYLOAD ((size_t)65535) /* the longest token a header can announce */
#define NNS__HANDSHAKE_STATUS ((size_t)8)      /* payload of a HandshakeError */

struct nns__handshake_header {
    uint8_t id;
    uint8_t major; /* ignored on receipt: [MS-NNS] 3.1.5.2 */
    uint8_t minor;
    size_t size; /* of the payload, 0..65,535 */
};

void nns__handshake_header_decode(const uint8_t bytes[NNS__HANDSHAKE_HEADER],
                                  struct nns__handshake_header *ret);
/* Writes version 1.0. size must be at most NNS__HANDSHAKE_PAYLOAD. */
void nns__handshake_header_encode(uint8_t bytes[NNS__HANDSHAKE_HEADER], uint8_t id, size_t size);

/* Reads the code out of an error payload, in any of the forms in use: .NET Framework and the
 * specification (big-endian in the last four bytes), .NET 8 and later (little-endian in the
 * first four), ours (both). 0: none that makes sense. */
uint32_t nns__handshake_status_decode(const uint8_t *payload, size_t size);
/* Writes both, so that every generation of .NET reads the code. */
void nns__handshake_status_encode(uint8_t payload[NNS__HANDSHAKE_STATUS], uint32_t status);

#endif
