/* SPDX-License-Identifier: MIT
 *
 * The bounded buffer: it doubles, keeps to its limit, keeps its bytes, and wipes what it leaves.
 */
#include "base/buffer.h"
#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

/* An allocator whose blocks are looked at when they are freed: all must be zero then. */
static bool freed_clean = true;

static void *watching_realloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    const nns_allocator *inner = arg;
    const uint8_t *bytes = ptr;

    for (size_t i = 0; bytes != NULL && i < old_size; i++)
        freed_clean = freed_clean && bytes[i] == 0;
    ptr = inner->realloc_fn(inner->arg, ptr, old_size, new_size);
    if (ptr != NULL)
        memset(ptr, 0, new_size); /* what is not written to need not be wiped */
    return ptr;
}

struct world {
    struct test_alloc alloc;
    nns_allocator counting;
    struct nns__mem mem;
    struct nns__buffer buffer;
};

static int setup(void **state)
{
    struct world *w = test_calloc(1, sizeof(*w));

    w->counting = test_allocator(&w->alloc);
    w->mem = (struct nns__mem){.realloc_fn = watching_realloc, .arg = &w->counting};
    freed_clean = true;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    nns__buffer_free(&w->buffer, &w->mem);
    assert_int_equal(w->alloc.blocks, 0);
    assert_int_equal(w->alloc.bytes, 0);
    assert_true(freed_clean);
    test_free(w);
    return 0;
}

static void put(struct nns__buffer *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        b->data[b->end + i] = (uint8_t)(b->end - b->start + i + 1);
    b->end += size;
}

static void grows_by_doubling(void **state)
{
    struct world *w = *state;
    static const size_t want[] = {1, 4096, 4097, 20000, 70000};
    static const size_t capacity[] = {4096, 4096, 8192, 32768, 131072};

    for (size_t i = 0; i < COUNT(want); i++) {
        assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, want[i], 131072), NNS_OK);
        assert_int_equal(w->buffer.capacity, capacity[i]);
        assert_int_equal(w->alloc.bytes, capacity[i]);
        assert_int_equal(w->alloc.blocks, 1);
    }
}

static void never_grows_past_its_limit(void **state)
{
    struct world *w = *state;

    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 10001, 10000), NNS_ERR_TOO_LARGE);
    assert_null(w->buffer.data);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 9000, 10000), NNS_OK);
    assert_int_equal(w->buffer.capacity, 10000);
    put(&w->buffer, 9999);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 2, 10000), NNS_ERR_TOO_LARGE);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, SIZE_MAX, 10000), NNS_ERR_TOO_LARGE);
    assert_int_equal(nns__buffer_used(&w->buffer), 9999);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 1, 10000), NNS_OK);
    assert_int_equal(w->buffer.capacity, 10000);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 0, 100), NNS_OK);
}

static void keeps_its_bytes_when_it_moves_and_grows(void **state)
{
    struct world *w = *state;
    struct nns__buffer *b = &w->buffer;

    assert_int_equal(nns__buffer_reserve(b, &w->mem, 4096, 65536), NNS_OK);
    put(b, 4096);
    b->start = 4000;
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 4000, 65536), NNS_OK); /* by moving */
    assert_int_equal(b->capacity, 4096);
    assert_int_equal(b->start, 0);
    assert_int_equal(b->end, 96);
    assert_int_equal(b->data[0], (uint8_t)4001);
    b->start = 10;
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 8000, 65536), NNS_OK); /* by growing */
    assert_int_equal(b->capacity, 16384 / 2);
    assert_int_equal(nns__buffer_used(b), 86);
    assert_int_equal(b->data[b->start], (uint8_t)4011);
    assert_int_equal(b->data[b->end - 1], (uint8_t)4096);
    assert_true(freed_clean);
}

static void without_memory_it_stays_as_it_is(void **state)
{
    struct world *w = *state;
    struct nns__buffer *b = &w->buffer;

    w->alloc.fail_at = 1;
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 10, 65536), NNS_ERR_NOMEM);
    assert_null(b->data);
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 10, 65536), NNS_OK);
    put(b, 100);
    w->alloc.fail_at = 3;
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 5000, 65536), NNS_ERR_NOMEM);
    assert_int_equal(nns__buffer_used(b), 100);
    assert_int_equal(b->data[b->start + 99], 100);
}

static void an_empty_buffer_can_be_freed_and_used_again(void **state)
{
    struct world *w = *state;

    nns__buffer_compact(&w->buffer);
    nns__buffer_free(&w->buffer, &w->mem);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 1, 65536), NNS_OK);
    put(&w->buffer, 50);
    nns__buffer_free(&w->buffer, &w->mem);
    assert_null(w->buffer.data);
    assert_int_equal(nns__buffer_room(&w->buffer), 0);
    assert_int_equal(nns__buffer_reserve(&w->buffer, &w->mem, 1, 65536), NNS_OK);
}

static void is_wiped_as_far_as_it_was_used(void **state)
{
    struct world *w = *state;
    struct nns__buffer *b = &w->buffer;

    assert_int_equal(nns__buffer_reserve(b, &w->mem, 1000000, 1000000), NNS_OK);
    put(b, 100);
    nns__buffer_restart(b, &w->mem);
    put(b, 10);
    nns__buffer_soil(b, 200); /* lent to somebody who wrote more than he told */
    b->data[199] = 1;
    nns__buffer_free(b, &w->mem);
    assert_true(freed_clean);
    assert_int_equal(nns__buffer_reserve(b, &w->mem, 1000000, 1000000), NNS_OK);
    put(b, 100);
    b->data[100] = 1; /* nobody has said so */
    nns__buffer_free(b, &w->mem);
    assert_false(freed_clean);
    freed_clean = true;
}

static void halves_when_little_is_used(void **state)
{
    struct world *w = *state;
    struct nns__buffer *b = &w->buffer;

    assert_int_equal(nns__buffer_reserve(b, &w->mem, 65536, 65536), NNS_OK);
    for (int i = 0; i < 7; i++) {
        put(b, 16383);
        nns__buffer_restart(b, &w->mem);
        nns__buffer_restart(b, &w->mem); /* with nothing in between it counts for nothing */
    }
    put(b, 16384); /* a quarter is enough */
    nns__buffer_restart(b, &w->mem);
    for (int i = 0; i < 7; i++) {
        put(b, 1);
        nns__buffer_restart(b, &w->mem);
    }
    assert_int_equal(b->capacity, 65536);
    put(b, 1);
    w->alloc.fail_at = w->alloc.calls + 1;
    nns__buffer_restart(b, &w->mem); /* no memory to become smaller */
    assert_int_equal(b->capacity, 65536);
    for (int i = 0; i < 8; i++) {
        put(b, 1);
        nns__buffer_restart(b, &w->mem);
    }
    assert_int_equal(b->capacity, 32768);
    for (int i = 0; i < 100; i++) {
        put(b, 1);
        nns__buffer_restart(b, &w->mem);
    }
    assert_int_equal(b->capacity, 4096);
}

static void trim_keeps_what_is_used(void **state)
{
    struct world *w = *state;
    struct nns__buffer *b = &w->buffer;

    assert_int_equal(nns__buffer_reserve(b, &w->mem, 65536, 65536), NNS_OK);
    put(b, 60000);
    b->start = 50000;
    nns__buffer_trim(b, &w->mem, 0);
    assert_int_equal(b->capacity, 16384);
    assert_int_equal(nns__buffer_used(b), 10000);
    assert_int_equal(b->data[b->start], (uint8_t)50001);
    assert_int_equal(b->data[b->end - 1], (uint8_t)60000);
    b->start = b->end - 4096;
    nns__buffer_trim(b, &w->mem, 1);
    assert_int_equal(b->capacity, 8192);
    nns__buffer_trim(b, &w->mem, 0);
    assert_int_equal(b->capacity, 4096);
    w->alloc.fail_at = w->alloc.calls + 1;
    b->start = b->end - 1;
    nns__buffer_trim(b, &w->mem, 0);
    assert_int_equal(b->data[b->start], (uint8_t)60000);
    b->start = b->end;
    nns__buffer_trim(b, &w->mem, 0);
    assert_null(b->data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(grows_by_doubling),
        TEST(never_grows_past_its_limit),
        TEST(keeps_its_bytes_when_it_moves_and_grows),
        TEST(without_memory_it_stays_as_it_is),
        TEST(an_empty_buffer_can_be_freed_and_used_again),
        TEST(is_wiped_as_far_as_it_was_used),
        TEST(halves_when_little_is_used),
        TEST(trim_keeps_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
