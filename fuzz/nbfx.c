/* SPDX-License-Identifier: MIT
 *
 * .NET's binary XML, as decode and --trace print it. The input is the envelopes of a session, each
 * behind its size (two bytes); the first byte of all says whether values are shown. Lines are
 * printable, and bounded in size, depth and number.
 */
#include "nbfx.h"
#include "input.h"
#include "text.h"

#include <string.h>

static size_t printed;

/* nbfx_printer.line */
static void check_line(void *arg, unsigned depth, const char *line)
{
    size_t size = strlen(line);

    (void)arg;
    CHECK(depth <= NBFX_DEPTH_MOST && size < TEXT_MOST && size > 0);
    for (size_t i = 0; i < size; i++)
        CHECK(line[i] >= 0x20 && line[i] < 0x7f);
    printed += size;
}

/* In a block of exactly its size. */
static void print(const struct nbfx_printer *printer, struct nbfx_words *words, const uint8_t *data,
                  size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct span s = {copy, NULL, size};
    size_t count = words->count;

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    printed = 0;
    if (nbfx_take_words(words, &s))
        CHECK(words->count >= count && words->count <= NBFX_WORDS_MOST && s.size < size);
    else
        CHECK(words->count == count && s.size == size);
    nbfx_print(printer, words, s);
    CHECK(printed <= NBFX_OUTPUT_MOST + 3 * TEXT_MOST);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nbfx_words words;
    struct input in = {data, size};
    const struct nbfx_printer printer = {.line = check_line, .values = take_byte(&in) % 2 != 0};

    memset(&words, 0, sizeof(words));
    while (in.size > 0) {
        size_t most = take_size(&in), part = most < in.size ? most : in.size;

        print(&printer, &words, in.data, part);
        in.data += part;
        in.size -= part;
    }
    return 0;
}
