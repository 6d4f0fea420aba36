/* SPDX-License-Identifier: MIT
 *
 * The search reads memory where it lies: a copy of it would be found as well.
 */
#include "support/memory.h"

#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REGIONS 1000
#define REGION_MOST ((uintptr_t)1 << 32) /* a sanitizer's shadow is larger */

struct region {
    uintptr_t from, to;
};

void memory_invert(void *bytes, size_t size)
{
    uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)~at[i];
}

static size_t list_regions(struct region regions[REGIONS])
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    size_t n = 0;

    assert_non_null(file);
    while (n < REGIONS && fgets(line, sizeof(line), file) != NULL) {
        struct region r;
        char mode[5];

        assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &r.from, &r.to, mode), 3);
        if (mode[0] == 'r' && mode[1] == 'w' && r.to - r.from < REGION_MOST)
            regions[n++] = r;
    }
    (void)fclose(file);
    return n;
}

/* Freed memory is not to be read, which a sanitizer would say. */
__attribute__((no_sanitize("address", "thread"))) static size_t count_in(
    const volatile uint8_t *from, const volatile uint8_t *to, const uint8_t *bytes, size_t size)
{
    const uint8_t first = (uint8_t)~bytes[0];
    size_t found = 0;

    for (; from + size <= to; from++) {
        size_t i = 0;

        if (*from != first)
            continue;
        while (i < size && (from[i] ^ bytes[i]) == 0xff)
            i++;
        found += i == size;
    }
    return found;
}

size_t memory_find_inverted(const void *bytes, size_t size)
{
    static struct region regions[REGIONS];
    size_t n = list_regions(regions), found = 0;

    for (size_t i = 0; i < n; i++) {
        union {
            uintptr_t number;
            const uint8_t *bytes;
        } from = {regions[i].from}, to = {regions[i].to};

        found += count_in(from.bytes, to.bytes, bytes, size);
    }
    return found;
}
