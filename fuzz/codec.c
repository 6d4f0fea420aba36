/* SPDX-License-Identifier: MIT
 *
 * The codec: bytes of a peer as handshake header, status, data length, foreign opening and first
 * token, each against what must be true of any answer.
 */
#include "auth/first_token.h"
#include "frame/data_record.h"
#include "frame/foreign.h"
#include "frame/handshake_record.h"
#include "input.h"

#include <string.h>

static void check_handshake_header(const uint8_t *data, size_t size)
{
    uint8_t again[NNS__HANDSHAKE_HEADER];
    struct nns__handshake_header header;

    if (size < NNS__HANDSHAKE_HEADER)
        return;
    nns__handshake_header_decode(data, &header);
    CHECK(header.size <= NNS__HANDSHAKE_PAYLOAD);
    nns__handshake_header_encode(again, header.id, header.size);
    CHECK(again[0] == data[0] && again[3] == data[3] && again[4] == data[4]);
    CHECK(again[1] == 1 && again[2] == 0);
}

static void check_status(const uint8_t *data, size_t size)
{
    uint32_t status = nns__handshake_status_decode(data, size);
    uint8_t payload[NNS__HANDSHAKE_STATUS];

    CHECK(size >= NNS__HANDSHAKE_STATUS || status == 0);
    if (status == 0)
        return;
    nns__handshake_status_encode(payload, status);
    CHECK(nns__handshake_status_decode(payload, sizeof(payload)) == status);
    /* Only the first eight bytes count. */
    CHECK(nns__handshake_status_decode(data, NNS__HANDSHAKE_STATUS) == status);
}

static void check_data_length(const uint8_t *data, size_t size)
{
    size_t length;

    if (size < NNS__RECORD_HEADER)
        return;
    length = nns__record_length(data);
    CHECK(length ==
          ((size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 | (size_t)data[3] << 24));
    CHECK(nns__record_length_is_legal(length) == (length > 4 && length < 65537));
}

static void check_foreign(const uint8_t *data, size_t size)
{
    const char *name = nns__foreign_name(data, size);

    if (name == NULL)
        return;
    CHECK(size > 0 && name[0] != '\0');
    /* What may be NegotiateStream of any version is TLS at most. */
    if (data[0] == NNS__HANDSHAKE_DONE || data[0] == NNS__HANDSHAKE_IN_PROGRESS ||
        data[0] == NNS__HANDSHAKE_ERROR)
        CHECK(strcmp(name, "TLS") == 0 && data[1] == 3 && data[0] != NNS__HANDSHAKE_DONE);
}

static int holds(const uint8_t *data, size_t size, const char *part, size_t part_size)
{
    for (size_t i = 0; i + part_size <= size; i++) {
        if (memcmp(data + i, part, part_size) == 0)
            return 1;
    }
    return 0;
}

static void check_first_token(const uint8_t *data, size_t size)
{
    switch (nns__first_token(data, size)) {
    case NNS__FIRST_TOKEN_SPNEGO:
        CHECK(data[0] == 0x60 && holds(data, size, "\x06\x06\x2b\x06\x01\x05\x05\x02", 8));
        break;
    case NNS__FIRST_TOKEN_KERBEROS:
        CHECK(data[0] == 0x60 &&
              holds(data, size, "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 11));
        break;
    case NNS__FIRST_TOKEN_NTLM:
        CHECK(size >= 8 && memcmp(data, "NTLMSSP", 8) == 0);
        break;
    case NNS__FIRST_TOKEN_AP_REQ:
        CHECK(data[0] == 0x6e);
        break;
    case NNS__FIRST_TOKEN_OTHER:
        CHECK(data[0] == 0x60 && size > 4);
        break;
    case NNS__FIRST_TOKEN_UNKNOWN:
        break;
    }
}

#ifdef NNS_FUZZ_PLANTED
/* A planted bug, which the fuzzer must find: the length inside is believed. */
static void check_planted(const uint8_t *data, size_t size)
{
    static volatile uint8_t last;

    if (size > 6 && data[0] == NNS__HANDSHAKE_ERROR && data[4] >= 8)
        last = data[NNS__HANDSHAKE_HEADER + data[4] - 1];
    (void)last;
}
#else
static void check_planted(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_handshake_header(data, size);
    check_status(data, size);
    check_data_length(data, size);
    check_foreign(data, size);
    check_first_token(data, size);
    check_planted(data, size);
    return 0;
}
