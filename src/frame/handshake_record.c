/* SPDX-License-Identifier: MIT
 *
 * The handshake record codec.
 */
#include "frame/handshake_record.h"

#include "base/bytes.h"

void nns__handshake_header_decode(const uint8_t bytes[NNS__HANDSHAKE_HEADER],
                                  struct nns__handshake_header *ret)
{
    ret->id = bytes[0];
    ret->major = bytes[1];
    ret->minor = bytes[2];
    ret->size = (size_t)bytes[3] << 8 | bytes[4];
}

void nns__handshake_header_encode(uint8_t bytes[NNS__HANDSHAKE_HEADER], uint8_t id, size_t size)
{
    bytes[0] = id;
    bytes[1] = 1;
    bytes[2] = 0;
    bytes[3] = (uint8_t)(size >> 8);
    bytes[4] = (uint8_t)size;
}

/* A code that some generation of .NET is known to send: of the facilities of SSPI, Win32 and COM,
 * SEC_I_CONTEXT_EXPIRED, ERROR_TRUST_FAILURE, and .NET's own 22 for a refused login. */
static int is_plausible(uint32_t status)
{
    switch (status >> 16) {
    case 0x8009:
    case 0x8007:
    case 0x8000:
        return 1;
    default:
        return status == 0x00090317 || status == 0x6FE || status == 22;
    }
}

uint32_t nns__handshake_status_decode(const uint8_t *payload, size_t size)
{
    uint32_t candidates[3];

    if (size < NNS__HANDSHAKE_STATUS)
        return 0;
    candidates[0] = nns__load_be32(payload + 4);
    candidates[1] = nns__load_le32(payload);
    candidates[2] = nns__load_le32(payload + 4);
    for (size_t i = 0; i < 3; i++) {
        if (is_plausible(candidates[i]))
            return candidates[i];
    }
    return 0;
}

void nns__handshake_status_encode(uint8_t payload[NNS__HANDSHAKE_STATUS], uint32_t status)
{
    nns__store_le32(payload, status);
    nns__store_be32(payload + 4, status);
}
