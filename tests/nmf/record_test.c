/* SPDX-License-Identifier: MIT
 *
 * The codec of net.tcp: sizes and records, cut anywhere.
 */
#include "duo.h"

#include <string.h>

static const struct {
    uint32_t size;
    size_t length;
    uint8_t bytes[5];
} sizes[] = {
    {0, 1, {0}},
    {1, 1, {1}},
    {127, 1, {0x7f}},
    {128, 2, {0x80, 1}},
    {176, 2, {0xb0, 1}}, /* as WCF wrote them */
    {317, 2, {0xbd, 2}},
    {16383, 2, {0xff, 0x7f}},
    {16384, 3, {0x80, 0x80, 1}},
    {2097151, 3, {0xff, 0xff, 0x7f}},
    {2097152, 4, {0x80, 0x80, 0x80, 1}},
    {268435455, 4, {0xff, 0xff, 0xff, 0x7f}},
    {268435456, 5, {0x80, 0x80, 0x80, 0x80, 1}},
    {0x7fffffff, 5, {0xff, 0xff, 0xff, 0xff, 7}},
};

static void sizes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct nns__nmf_size size = {0};
        uint8_t bytes[NNS__NMF_SIZE_MOST];

        assert_int_equal(nns__nmf_size_encode(bytes, sizes[i].size), sizes[i].length);
        assert_memory_equal(bytes, sizes[i].bytes, sizes[i].length);
        for (size_t k = 0; k < sizes[i].length; k++)
            assert_int_equal(nns__nmf_size_decode(&size, bytes[k]),
                             k + 1 < sizes[i].length ? NNS_WANT_RECV : NNS_OK);
        assert_int_equal(size.value, sizes[i].size);
    }
}

/* The fifth byte has room for three bits and no successor. */
static void sizes_that_are_none(void **state)
{
    (void)state;
    for (unsigned last = 0; last < 256; last++) {
        struct nns__nmf_size size = {0};

        for (int i = 0; i < 4; i++)
            assert_int_equal(nns__nmf_size_decode(&size, 0xff), NNS_WANT_RECV);
        assert_int_equal(nns__nmf_size_decode(&size, (uint8_t)last),
                         last < 8 ? NNS_OK : NNS_ERR_PROTOCOL);
    }
}

/* Longer than needed, as some writers have it; WCF takes that. */
static void sizes_with_leading_zeros(void **state)
{
    struct nns__nmf_size size = {0};

    (void)state;
    assert_int_equal(nns__nmf_size_decode(&size, 0x85), NNS_WANT_RECV);
    assert_int_equal(nns__nmf_size_decode(&size, 0x80), NNS_WANT_RECV);
    assert_int_equal(nns__nmf_size_decode(&size, 0x00), NNS_OK);
    assert_int_equal(size.value, 5);
}

static const struct {
    uint8_t type;
    size_t length; /* behind the type */
    const char *bytes;
    const char *text;
    uint32_t size;
} records[] = {
    {0x00, 2, "\1\0", NULL, 0},
    {0x01, 1, "\2", NULL, 0},
    {0x02, 8, "\7net.tcp", "net.tcp", 7},
    {0x03, 1, "\x08", NULL, 0},
    {0x04, 9, "\x08text/xml", "text/xml", 8},
    {0x05, 0, "", NULL, 0},
    {0x06, 2, "\xb0\1", NULL, 176},
    {0x06, 1, "\0", NULL, 0},
    {0x07, 0, "", NULL, 0},
    {0x08, 4, "\3urn", "urn", 3},
    {0x09, 22,
     "\x15"
     "application/negotiate",
     "application/negotiate", 21},
    {0x09, 1, "\0", "", 0},
    {0x0a, 0, "", NULL, 0},
    {0x0b, 0, "", NULL, 0},
    {0x0c, 0, "", NULL, 0},
};

static void check_record(const struct nns__nmf_mem *mem, size_t i, size_t cut)
{
    const uint8_t *bytes = (const uint8_t *)records[i].bytes;
    struct nns__nmf_decoder d = {.has_type = true, .type = records[i].type};
    size_t used;
    int rc = nns__nmf_decode(&d, mem, 64, bytes, cut, &used);

    assert_int_equal(used, cut);
    assert_int_equal(rc, cut < records[i].length ? NNS_WANT_RECV : NNS_OK);
    if (rc == NNS_WANT_RECV) { /* and what follows is left alone */
        rc = nns__nmf_decode(&d, mem, 64, bytes + cut, records[i].length - cut, &used);
        assert_int_equal(used, records[i].length - cut);
    }
    assert_int_equal(rc, NNS_OK);
    assert_int_equal(d.size.value, records[i].size);
    if (records[i].text != NULL)
        assert_string_equal(d.text, records[i].text);
    else if (records[i].size == 0 && records[i].length > 0 && records[i].type != 0x06)
        assert_memory_equal(d.bytes, bytes, records[i].length);
    nns__nmf_decoder_clear(&d, mem);
}

static void records_cut_everywhere(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator alloc = test_allocator(&counter);
    struct nns__nmf_mem mem;

    (void)state;
    assert_int_equal(nns__nmf_mem_init(&mem, &alloc), NNS_OK);
    for (size_t i = 0; i < COUNT(records); i++) {
        for (size_t cut = 0; cut <= records[i].length; cut++)
            check_record(&mem, i, cut);
    }
    assert_int_equal(counter.bytes, 0);
}

static void a_record_takes_no_more_than_its_own(void **state)
{
    struct nns__nmf_decoder d = {.has_type = true, .type = NNS__NMF_VIA};
    struct nns__nmf_mem mem;
    size_t used;

    (void)state;
    assert_int_equal(nns__nmf_mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(nns__nmf_decode(&d, &mem, 64, (const uint8_t *)"\3abc\3\x08", 6, &used),
                     NNS_OK);
    assert_int_equal(used, 4);
    nns__nmf_decoder_clear(&d, &mem);
}

/* The limit is looked at before memory is taken. */
static void a_text_over_its_limit_takes_no_memory(void **state)
{
    struct nns__nmf_decoder d = {.has_type = true, .type = NNS__NMF_VIA};
    struct test_alloc counter = {0};
    nns_allocator alloc = test_allocator(&counter);
    struct nns__nmf_mem mem;
    size_t used;

    (void)state;
    assert_int_equal(nns__nmf_mem_init(&mem, &alloc), NNS_OK);
    assert_int_equal(nns__nmf_decode(&d, &mem, 3, (const uint8_t *)"\4abcd", 5, &used),
                     NNS_ERR_TOO_LARGE);
    assert_int_equal(counter.calls, 0);
    nns__nmf_decoder_clear(&d, &mem);
    d = (struct nns__nmf_decoder){.has_type = true, .type = NNS__NMF_VIA};
    counter.fail_at = 1;
    assert_int_equal(nns__nmf_decode(&d, &mem, 4, (const uint8_t *)"\4abcd", 5, &used),
                     NNS_ERR_NOMEM);
    nns__nmf_decoder_clear(&d, &mem);
}

static void a_text_has_no_nul(void **state)
{
    struct nns__nmf_decoder d = {.has_type = true, .type = NNS__NMF_FAULT};
    struct nns__nmf_mem mem;
    size_t used;

    (void)state;
    assert_int_equal(nns__nmf_mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(nns__nmf_decode(&d, &mem, 9, (const uint8_t *)"\3a\0b", 4, &used),
                     NNS_ERR_PROTOCOL);
    nns__nmf_decoder_clear(&d, &mem);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(nns__nmf_record_name(0x09), "upgrade request");
    assert_string_equal(nns__nmf_record_name(0x0d), "unknown record");
    assert_string_equal(nns__nmf_fault_name(NNS__NMF_FAULTS "EndpointNotFound"),
                        "EndpointNotFound");
    assert_string_equal(nns__nmf_fault_name(NNS__NMF_FAULTS "Other"), NNS__NMF_FAULTS "Other");
    assert_string_equal(nns__nmf_fault_name("urn:x"), "urn:x");
}

static void a_buffer_keeps_its_limit_and_its_bytes(void **state)
{
    struct nns__nmf_buffer b = {0};
    struct test_alloc counter = {0};
    nns_allocator alloc = test_allocator(&counter);
    struct nns__nmf_mem mem;
    uint8_t bytes[3000];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(nns__nmf_mem_init(&mem, &alloc), NNS_OK);
    assert_int_equal(nns__nmf_append(&b, &mem, bytes, 3000, 5000), NNS_OK);
    assert_int_equal(nns__nmf_append(&b, &mem, bytes, 2001, 5000), NNS_ERR_TOO_LARGE);
    assert_int_equal(nns__nmf_append(&b, &mem, bytes, 2000, 5000), NNS_OK);
    nns__nmf_take(&b, 2500);
    assert_int_equal(nns__nmf_append(&b, &mem, bytes, 2500, 5000), NNS_OK);
    assert_int_equal(b.capacity, 5000);
    assert_memory_equal(b.data + b.start, bytes + 2500, 500);
    assert_memory_equal(b.data + b.start + 500, bytes, 2000);
    assert_memory_equal(b.data + b.start + 2500, bytes, 2500);
    nns__nmf_buffer_free(&b, &mem);
    assert_int_equal(counter.bytes, 0);
}

/* Bytes that come and go a few at a time do not each cost a move of all that is kept. */
static void a_full_buffer_is_seldom_moved(void **state)
{
    const size_t full = 65536, most = full + full / 4, piece = 16;
    struct nns__nmf_buffer b = {0};
    struct nns__nmf_mem mem;
    uint8_t *bytes = test_calloc(1, full);
    size_t moved = 0, passed = 0;

    (void)state;
    assert_int_equal(nns__nmf_mem_init(&mem, NULL), NNS_OK);
    assert_int_equal(nns__nmf_append(&b, &mem, bytes, full, most), NNS_OK);
    for (; passed < 2 * full; passed += piece) {
        size_t start;

        nns__nmf_take(&b, piece);
        start = b.start;
        assert_int_equal(nns__nmf_append(&b, &mem, bytes, piece, most), NNS_OK);
        moved += b.start < start ? nns__nmf_used(&b) : 0;
    }
    assert_true(moved < 8 * passed);
    nns__nmf_buffer_free(&b, &mem);
    test_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_both_ways),
        cmocka_unit_test(sizes_that_are_none),
        cmocka_unit_test(sizes_with_leading_zeros),
        cmocka_unit_test(records_cut_everywhere),
        cmocka_unit_test(a_record_takes_no_more_than_its_own),
        cmocka_unit_test(a_text_over_its_limit_takes_no_memory),
        cmocka_unit_test(a_text_has_no_nul),
        cmocka_unit_test(names),
        cmocka_unit_test(a_buffer_keeps_its_limit_and_its_bytes),
        cmocka_unit_test(a_full_buffer_is_seldom_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
