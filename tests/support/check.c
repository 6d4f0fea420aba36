/* SPDX-License-Identifier: MIT
 *
 * Small helpers for test groups.
 */
#include "support/check.h"

#include <string.h>

bool contains(const char *text, const char *part)
{
    return text != NULL && part != NULL && strstr(text, part) != NULL;
}

uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
