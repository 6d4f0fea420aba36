/* SPDX-License-Identifier: MIT
 *
 * Integers in wire order. NegotiateStream has both: the size of a handshake record is big-endian,
 * the length of a data record little-endian, and error codes come either way.
 */
#ifndef NNS_BASE_BYTES_H
#define NNS_BASE_BYTES_H

#include <stdint.h>

static inline uint32_t nns__load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t nns__load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline uint64_t nns__load_be64(const uint8_t *p)
{
    return (uint64_t)nns__load_be32(p) << 32 | nns__load_be32(p + 4);
}

static inline void nns__store_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static inline void nns__store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void nns__store_be64(uint8_t *p, uint64_t v)
{
    nns__store_be32(p, (uint32_t)(v >> 32));
    nns__store_be32(p + 4, (uint32_t)v);
}

#endif
