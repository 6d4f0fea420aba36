/* SPDX-License-Identifier: MIT
 *
 * What the harnesses share: the entry that libFuzzer and replay.c call, an input that is eaten
 * from its front, and a check whose failure ends the process with the line it stands in.
 */
#ifndef NNS_FUZZ_INPUT_H
#define NNS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : ((void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition),  \
                    abort()))

struct input {
    const uint8_t *data;
    size_t size;
};

/* An exhausted input gives zeros. */
static inline uint8_t take_byte(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

static inline size_t take_size(struct input *in)
{
    size_t high = take_byte(in);

    return high << 8 | take_byte(in);
}

#endif
