/* SPDX-License-Identifier: MIT
 *
 * The data record of [MS-NNS] 2.2.2 as bytes: a four-byte little-endian length before one
 * protected message. No state, no allocation, no decisions.
 */
#ifndef NNS_FRAME_DATA_RECORD_H
#define NNS_FRAME_DATA_RECORD_H

#include "base/bytes.h"

#include <stddef.h>

#define NNS__RECORD_HEADER ((size_t)4)
#define NNS__RECORD_LEAST ((size_t)5)     /* the shortest message that .NET reads */
#define NNS__RECORD_MOST ((size_t)65536)  /* the longest message that .NET reads */
#define NNS__RECORD_PLAIN ((size_t)64512) /* plaintext in one record: what every .NET writes */
/* A full record on the wire, as Kerberos makes most of them. Only for sizing windows. */
#define NNS__RECORD_COMMON (NNS__RECORD_PLAIN + 64)

static inline size_t nns__record_length(const uint8_t header[4])
{
    return nns__load_le32(header);
}

static inline int nns__record_length_is_legal(size_t length)
{
    return length >= NNS__RECORD_LEAST && length <= NNS__RECORD_MOST;
}

#endif
