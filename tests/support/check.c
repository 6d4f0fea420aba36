/* SPDX-License-Identifier: MIT
 *
 * Small helpers for test groups.
 */
#include "support/check.h"

#include <stdio.h>
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

bool under_valgrind(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    char line[512];

    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps) != NULL)
        found = strstr(line, "/vgpreload") != NULL;
    (void)fclose(maps);
    return found;
}
