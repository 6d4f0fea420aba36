/* SPDX-License-Identifier: MIT
 *
 * The codec: handshake headers, the status in a HandshakeError in all its encodings, and the
 * length of a data record.
 */
#include "frame/data_record.h"
#include "frame/handshake_record.h"
#include "support/check.h"

#include <string.h>

static void header_is_big_endian(void **state)
{
    static const struct {
        size_t size;
        uint8_t bytes[5];
    } rows[] = {
        {0, {0x14, 1, 0, 0, 0}},           {1, {0x14, 1, 0, 0, 1}},
        {258, {0x14, 1, 0, 0x01, 0x02}}, /* the little-endian trap: also 513 */
        {513, {0x14, 1, 0, 0x02, 0x01}},   {256, {0x14, 1, 0, 0x01, 0x00}},
        {65535, {0x14, 1, 0, 0xff, 0xff}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct nns__handshake_header header;
        uint8_t bytes[5];

        nns__handshake_header_encode(bytes, NNS__HANDSHAKE_DONE, rows[i].size);
        assert_memory_equal(bytes, rows[i].bytes, sizeof(bytes));
        nns__handshake_header_decode(rows[i].bytes, &header);
        assert_int_equal(header.id, 0x14);
        assert_int_equal(header.size, rows[i].size);
    }
}

static void every_header_is_decoded_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < 65536; i++) {
        uint8_t bytes[5] = {(uint8_t)i, (uint8_t)(i >> 3), (uint8_t)(i >> 5), (uint8_t)(i >> 8),
                            (uint8_t)i};
        struct nns__handshake_header header;

        nns__handshake_header_decode(bytes, &header);
        assert_int_equal(header.id, bytes[0]);
        assert_int_equal(header.major, bytes[1]);
        assert_int_equal(header.minor, bytes[2]);
        assert_int_equal(header.size, i);
    }
}

/* Every code that some .NET or SSPI is known to send. */
static const uint32_t codes[] = {
    22,         0x6FE,      0x80004005, 0x80070005, 0x80090020, 0x80090300, 0x80090301, 0x80090302,
    0x80090303, 0x80090304, 0x80090305, 0x80090308, 0x8009030A, 0x8009030C, 0x8009030D, 0x8009030E,
    0x8009030F, 0x80090310, 0x80090311, 0x00090317, 0x80090317, 0x80090318, 0x80090320, 0x80090322,
    0x80090324, 0x80090328, 0x80090332, 0x80090342, 0x80090346, 0x80090350};

static void put(uint8_t *to, uint32_t v, bool little)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> 8 * (little ? i : 3 - i));
}

static void status_is_read_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        uint8_t payload[12] = {0};

        put(payload + 4, codes[i], false); /* .NET Framework, Core..7, the specification */
        assert_int_equal(nns__handshake_status_decode(payload, 8), codes[i]);
        memset(payload, 0, sizeof(payload));
        put(payload + 4, codes[i], true); /* the specification to the letter */
        assert_int_equal(nns__handshake_status_decode(payload, 8), codes[i]);
        put(payload, codes[i], true); /* .NET 8 and later: an int64, sign-extended */
        put(payload + 4, (codes[i] >> 31) != 0 ? 0xFFFFFFFF : 0, true);
        assert_int_equal(nns__handshake_status_decode(payload, 8), codes[i]);
        put(payload + 4, codes[i], false); /* ours */
        assert_int_equal(nns__handshake_status_decode(payload, 8), codes[i]);
        memset(payload + 8, 0xee, 4);
        assert_int_equal(nns__handshake_status_decode(payload, 12), codes[i]);
    }
}

static void status_of_the_documented_vectors(void **state)
{
    static const struct {
        uint8_t payload[8];
        uint32_t status;
    } rows[] = {
        {{0, 0, 0, 0, 0x80, 0x09, 0x03, 0x0C}, 0x8009030C},
        {{0x0C, 0x03, 0x09, 0x80, 0xFF, 0xFF, 0xFF, 0xFF}, 0x8009030C},
        {{0x0C, 0x03, 0x09, 0x80, 0x80, 0x09, 0x03, 0x0C}, 0x8009030C},
        {{0, 0, 0, 0, 0, 0, 0x06, 0xFE}, 0x6FE},
        {{0xFE, 0x06, 0, 0, 0, 0, 0, 0}, 0x6FE},
        {{0xFE, 0x06, 0, 0, 0, 0, 0x06, 0xFE}, 0x6FE},
        {{0, 0, 0, 0, 0x80, 0, 0x40, 0x05}, 0x80004005},
        {{0x16, 0, 0, 0, 0, 0, 0, 0}, 22},
        {{0x17, 0x03, 0x09, 0, 0, 0, 0, 0}, 0x00090317},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(nns__handshake_status_decode(rows[i].payload, 8), rows[i].status);
}

static void status_that_makes_no_sense_is_none(void **state)
{
    static const uint8_t rows[][8] = {
        {0},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {1, 2, 3, 4, 5, 6, 7, 8},
        {0, 0, 0, 0, 0, 0, 0, 1},
        "garbage",
    };
    static const uint8_t denied[8] = {0x0C, 0x03, 0x09, 0x80, 0x80, 0x09, 0x03, 0x0C};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(nns__handshake_status_decode(rows[i], 8), 0);
    for (size_t size = 0; size < 8; size++)
        assert_int_equal(nns__handshake_status_decode(denied, size), 0);
    assert_int_equal(nns__handshake_status_decode(NULL, 0), 0);
}

static void status_is_written_in_mirror_form(void **state)
{
    static const uint8_t denied[8] = {0x0C, 0x03, 0x09, 0x80, 0x80, 0x09, 0x03, 0x0C};
    static const uint8_t trust[8] = {0xFE, 0x06, 0, 0, 0, 0, 0x06, 0xFE};
    uint8_t payload[8];

    (void)state;
    nns__handshake_status_encode(payload, 0x8009030C);
    assert_memory_equal(payload, denied, 8);
    nns__handshake_status_encode(payload, 0x6FE);
    assert_memory_equal(payload, trust, 8);
}

static bool is_legal(uint32_t length)
{
    uint8_t header[4];

    put(header, length, true);
    assert_int_equal(nns__record_length(header), length);
    return nns__record_length_is_legal(nns__record_length(header));
}

static void data_lengths_from_5_to_65536_are_legal(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 65600; length++)
        assert_int_equal(is_legal(length), length >= 5 && length <= 65536);
    for (unsigned k = 17; k < 32; k++) {
        for (uint32_t d = 0; d < 3; d++)
            assert_false(is_legal((UINT32_C(1) << k) - 1 + d));
    }
    assert_false(is_legal(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_big_endian),
        cmocka_unit_test(every_header_is_decoded_as_it_is),
        cmocka_unit_test(status_is_read_in_every_form),
        cmocka_unit_test(status_of_the_documented_vectors),
        cmocka_unit_test(status_that_makes_no_sense_is_none),
        cmocka_unit_test(status_is_written_in_mirror_form),
        cmocka_unit_test(data_lengths_from_5_to_65536_are_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
