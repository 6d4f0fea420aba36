/* SPDX-License-Identifier: MIT
 *
 * Runs a harness over the files named on the command line, without libFuzzer: the seeds, and
 * inputs that once found something, in the ordinary tests.
 */
#include "input.h"

#include <errno.h>
#include <string.h>

#define INPUT_MOST ((size_t)1 << 20)

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MOST), *exact;
    size_t size;

    if (file == NULL || data == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    size = fread(data, 1, INPUT_MOST, file);
    (void)fclose(file);
    exact = malloc(size > 0 ? size : 1); /* so that reading past the end is seen */
    if (exact == NULL)
        return 1;
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            return 1;
    }
    if (argc < 2)
        (void)fprintf(stderr, "usage: %s FILE...\n", argv[0]);
    return argc < 2;
}
