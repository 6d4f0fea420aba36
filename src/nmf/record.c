/* SPDX-License-Identifier: MIT
 *
 * Records, sizes and the decoder.
 */
#include "nmf/record.h"

#include <string.h>

enum body {
    NOTHING,
    BYTES,
    TEXT,
    SIZE
};

static const struct {
    const char *name;
    enum body body;
    size_t bytes;
} layout[NNS__NMF_RECORDS] = {
    [NNS__NMF_VERSION] = {"version", BYTES, 2},
    [NNS__NMF_MODE] = {"mode", BYTES, 1},
    [NNS__NMF_VIA] = {"via", TEXT, 0},
    [NNS__NMF_KNOWN_ENCODING] = {"known encoding", BYTES, 1},
    [NNS__NMF_CONTENT_TYPE] = {"extensible encoding", TEXT, 0},
    [NNS__NMF_UNSIZED_ENVELOPE] = {"unsized envelope", NOTHING, 0},
    [NNS__NMF_SIZED_ENVELOPE] = {"sized envelope", SIZE, 0},
    [NNS__NMF_RECORD_END] = {"end", NOTHING, 0},
    [NNS__NMF_FAULT] = {"fault", TEXT, 0},
    [NNS__NMF_UPGRADE_REQUEST] = {"upgrade request", TEXT, 0},
    [NNS__NMF_UPGRADE_RESPONSE] = {"upgrade response", NOTHING, 0},
    [NNS__NMF_PREAMBLE_ACK] = {"preamble acknowledgement", NOTHING, 0},
    [NNS__NMF_PREAMBLE_END] = {"preamble end", NOTHING, 0},
};

const char *nns__nmf_record_name(unsigned type)
{
    return type < NNS__NMF_RECORDS ? layout[type].name : "unknown record";
}

size_t nns__nmf_size_encode(uint8_t to[NNS__NMF_SIZE_MOST], uint32_t size)
{
    size_t bytes = 0;

    for (; size > 0x7f; size >>= 7)
        to[bytes++] = (uint8_t)(size | 0x80);
    to[bytes++] = (uint8_t)size;
    return bytes;
}

int nns__nmf_size_decode(struct nns__nmf_size *size, uint8_t byte)
{
    if (size->bytes == NNS__NMF_SIZE_MOST - 1 && byte > 7) /* bits 28 to 30, and no more bytes */
        return NNS_ERR_PROTOCOL;
    size->value |= (uint32_t)(byte & 0x7f) << (7 * size->bytes);
    size->bytes++;
    return (byte & 0x80) != 0 ? NNS_WANT_RECV : NNS_OK;
}

/* A fixed body. */
static int take_bytes(struct nns__nmf_decoder *d, size_t want, const uint8_t *data, size_t size,
                      size_t *used)
{
    while (d->have < want && *used < size)
        d->bytes[d->have++] = data[(*used)++];
    return d->have == want ? NNS_OK : NNS_WANT_RECV;
}

static int take_size(struct nns__nmf_decoder *d, const uint8_t *data, size_t size, size_t *used)
{
    int rc = NNS_WANT_RECV;

    while (rc == NNS_WANT_RECV && *used < size)
        rc = nns__nmf_size_decode(&d->size, data[(*used)++]);
    d->has_size = rc == NNS_OK;
    return rc;
}

/* The limit comes before the memory. */
static int begin_text(struct nns__nmf_decoder *d, const struct nns__nmf_mem *mem, size_t most)
{
    if (d->size.value > most)
        return NNS_ERR_TOO_LARGE;
    d->text = nns__nmf_alloc(mem, (size_t)d->size.value + 1);
    return d->text != NULL ? NNS_OK : NNS_ERR_NOMEM;
}

static int take_text(struct nns__nmf_decoder *d, const uint8_t *data, size_t size, size_t *used)
{
    size_t want = d->size.value - d->have, part = size - *used < want ? size - *used : want;

    if (part > 0 && memchr(data + *used, 0, part) != NULL)
        return NNS_ERR_PROTOCOL;
    if (part > 0)
        memcpy(d->text + d->have, data + *used, part);
    d->have += part;
    *used += part;
    return part == want ? NNS_OK : NNS_WANT_RECV;
}

int nns__nmf_decode(struct nns__nmf_decoder *d, const struct nns__nmf_mem *mem, size_t most,
                    const uint8_t *data, size_t size, size_t *used)
{
    enum body body = layout[d->type].body;
    int rc = NNS_OK;

    *used = 0;
    if (body == NOTHING)
        return NNS_OK;
    if (body == BYTES)
        return take_bytes(d, layout[d->type].bytes, data, size, used);
    if (!d->has_size) {
        rc = take_size(d, data, size, used);
        if (rc == NNS_OK && body == TEXT)
            rc = begin_text(d, mem, most);
    }
    if (rc == NNS_OK && body == TEXT)
        rc = take_text(d, data, size, used);
    return rc;
}

void nns__nmf_decoder_clear(struct nns__nmf_decoder *d, const struct nns__nmf_mem *mem)
{
    if (d->text != NULL)
        nns__nmf_free(mem, d->text, (size_t)d->size.value + 1);
    *d = (struct nns__nmf_decoder){0};
}
