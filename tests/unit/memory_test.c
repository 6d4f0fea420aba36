/* SPDX-License-Identifier: MIT
 *
 * The allocator behind every object: the caller's structure is checked, blocks come zeroed, sizes
 * go back with them, secrets are wiped; and integers in wire order.
 */
#include "base/bytes.h"
#include "base/mem.h"
#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

static void malformed_allocators_are_refused(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator good = test_allocator(&counter), bad;
    struct nns__mem mem;

    (void)state;
    bad = good;
    bad.size = sizeof(bad) - 1;
    assert_int_equal(nns__mem_init(&mem, &bad), NNS_ERR_ARGUMENT);
    bad = good;
    bad.realloc_fn = NULL;
    assert_int_equal(nns__mem_init(&mem, &bad), NNS_ERR_ARGUMENT);
    good.size += 8; /* of a later version */
    assert_int_equal(nns__mem_init(&mem, &good), NNS_OK);
    assert_int_equal(nns__mem_init(&mem, NULL), NNS_OK);
}

static void blocks_come_zeroed_and_sizes_go_back(void **state)
{
    static const uint8_t zero[64];
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    struct nns__mem mems[2];

    (void)state;
    assert_int_equal(nns__mem_init(&mems[0], &allocator), NNS_OK);
    assert_int_equal(nns__mem_init(&mems[1], NULL), NNS_OK);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *block = nns__alloc(&mems[i], sizeof(zero));
        char *text = nns__strdup(&mems[i], "text");

        assert_memory_equal(block, zero, sizeof(zero));
        memset(block, 7, sizeof(zero));
        assert_string_equal(text, "text");
        nns__free_wiped(&mems[i], block, sizeof(zero));
        nns__strfree(&mems[i], text);
        nns__free(&mems[i], NULL, 0);
        nns__free_wiped(&mems[i], NULL, 0);
        nns__strfree(&mems[i], NULL);
        nns__wipe(NULL, 0);
    }
    assert_int_equal(counter.blocks, 0);
    assert_int_equal(counter.bytes, 0);
    assert_int_equal(counter.calls, 2);
}

static void no_memory_is_an_answer(void **state)
{
    struct test_alloc counter = {.fail_at = 2, .forever = true};
    nns_allocator allocator = test_allocator(&counter);
    struct nns__mem mem;
    uint8_t *block;

    (void)state;
    assert_int_equal(nns__mem_init(&mem, &allocator), NNS_OK);
    block = nns__alloc(&mem, 10);
    block[9] = 9;
    assert_null(nns__alloc(&mem, 10));
    assert_null(nns__strdup(&mem, "text"));
    assert_int_equal(block[9], 9);
    nns__free(&mem, block, 10);
    assert_int_equal(counter.blocks, 0);
}

static void integers_in_both_wire_orders(void **state)
{
    uint8_t bytes[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}, out[8];

    (void)state;
    assert_int_equal(nns__load_be32(bytes), 0x01234567);
    assert_int_equal(nns__load_le32(bytes), 0x67452301);
    assert_int_equal(nns__load_le32(bytes + 4), 0xefcdab89);
    assert_true(nns__load_be64(bytes) == UINT64_C(0x0123456789abcdef));
    nns__store_be64(out, UINT64_C(0x0123456789abcdef));
    assert_memory_equal(out, bytes, 8);
    nns__store_le32(out, 0xefcdab89);
    assert_memory_equal(out, bytes + 4, 4);
    nns__store_be32(out, 0x89abcdef);
    assert_memory_equal(out, bytes + 4, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_allocators_are_refused),
        cmocka_unit_test(blocks_come_zeroed_and_sizes_go_back),
        cmocka_unit_test(no_memory_is_an_answer),
        cmocka_unit_test(integers_in_both_wire_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
