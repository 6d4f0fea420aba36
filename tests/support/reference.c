/* SPDX-License-Identifier: MIT
 *
 * RFC 4121 4.2 by krb5_k_encrypt() and its like.
 */
#include "support/reference.h"

#include <stdlib.h>
#include <string.h>

#define HEADER ((size_t)16)

static krb5_data data_of(uint8_t *bytes, size_t size)
{
    return (krb5_data){.length = (unsigned)size, .data = (char *)bytes};
}

static krb5_keyusage usage_of(bool by_acceptor)
{
    return by_acceptor ? 22 : 24;
}

static krb5_cksumtype checksum_of(int32_t enctype)
{
    switch (enctype) {
    case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
        return CKSUMTYPE_HMAC_SHA1_96_AES128;
    case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
        return CKSUMTYPE_HMAC_SHA1_96_AES256;
    case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
        return CKSUMTYPE_HMAC_SHA256_128_AES128;
    default:
        return CKSUMTYPE_HMAC_SHA384_192_AES256;
    }
}

bool reference_init(struct reference *r, int32_t enctype, const uint8_t *key, size_t size)
{
    uint8_t copy[32];
    krb5_keyblock block = {
        .enctype = enctype, .length = (unsigned)size, .contents = memcpy(copy, key, size)};

    memset(r, 0, sizeof(*r));
    r->checksum = checksum_of(enctype);
    return krb5_init_context(&r->context) == 0 &&
           krb5_k_create_key(r->context, &block, &r->key) == 0 &&
           krb5_c_checksum_length(r->context, r->checksum, &r->tag_size) == 0;
}

void reference_free(struct reference *r)
{
    krb5_k_free_key(r->context, r->key);
    krb5_free_context(r->context);
}

static void write_header(uint8_t *to, const struct reference_token *how, size_t extra,
                         size_t rotation)
{
    to[0] = 5;
    to[1] = 4;
    to[2] = how->flags;
    to[3] = 0xff;
    to[4] = (uint8_t)(extra >> 8);
    to[5] = (uint8_t)extra;
    to[6] = (uint8_t)(rotation >> 8);
    to[7] = (uint8_t)rotation;
    for (int i = 0; i < 8; i++)
        to[8 + i] = (uint8_t)(how->sequence >> (56 - 8 * i));
}

/* One byte after the other, by the words of RFC 4121 4.2.5. */
static void rotate(uint8_t *to, const uint8_t *from, size_t size, size_t right)
{
    for (size_t i = 0; i < size; i++)
        to[(i + right) % size] = from[i];
}

static size_t seal(const struct reference *r, uint8_t *to, const struct reference_token *how,
                   const uint8_t *plain, size_t size)
{
    size_t all = size + how->extra + HEADER, length = 0;
    uint8_t *text = malloc(all);
    krb5_data in = data_of(text, all);
    krb5_enc_data out = {.enctype = krb5_k_key_enctype(r->context, r->key)};
    bool ok = text != NULL && krb5_c_encrypt_length(r->context, out.enctype, all, &length) == 0;

    out.ciphertext = data_of(to, length);
    if (ok) {
        memcpy(text, plain, size);
        memset(text + size, 'x', how->extra);
        write_header(text + size + how->extra, how, how->extra, 0);
        ok = krb5_k_encrypt(r->context, r->key, usage_of(how->flags & BY_ACCEPTOR), NULL, &in,
                            &out) == 0;
    }
    free(text);
    return ok ? length : 0;
}

static size_t sign(const struct reference *r, uint8_t *to, const struct reference_token *how,
                   const uint8_t *plain, size_t size)
{
    uint8_t *text = malloc(size + HEADER);
    krb5_data in = data_of(text, size + HEADER);
    krb5_checksum sum = {0};
    bool ok = text != NULL;

    if (ok) {
        memcpy(text, plain, size);
        write_header(text + size, how, 0, 0);
        ok = krb5_k_make_checksum(r->context, r->checksum, r->key,
                                  usage_of(how->flags & BY_ACCEPTOR), &in, &sum) == 0;
    }
    if (ok) {
        memcpy(to, plain, size);
        memcpy(to + size, sum.contents, sum.length);
        krb5_free_checksum_contents(r->context, &sum);
    }
    free(text);
    return ok ? size + r->tag_size : 0;
}

size_t reference_wrap(const struct reference *r, uint8_t *token, const struct reference_token *how,
                      const uint8_t *plain, size_t size)
{
    uint8_t *body = malloc(size + how->extra + REFERENCE_MORE);
    bool sealed = (how->flags & SEALED) != 0;
    size_t n = 0;

    if (body != NULL)
        n = sealed ? seal(r, body, how, plain, size) : sign(r, body, how, plain, size);
    if (n > 0) {
        rotate(token + HEADER, body, n, how->rotation);
        write_header(token, how, sealed ? how->extra : r->tag_size, how->rotation);
    }
    free(body);
    return n > 0 ? n + HEADER : 0;
}

static long unseal(const struct reference *r, const uint8_t *header, uint8_t *body, size_t size,
                   uint8_t *plain)
{
    krb5_enc_data in = {.enctype = krb5_k_key_enctype(r->context, r->key),
                        .ciphertext = data_of(body, size)};
    krb5_data out = data_of(plain, size);
    size_t extra = (size_t)header[4] << 8 | header[5];
    const uint8_t *copy;

    if (krb5_k_decrypt(r->context, r->key, usage_of(header[2] & BY_ACCEPTOR), NULL, &in, &out) !=
            0 ||
        out.length < HEADER + extra)
        return -1;
    copy = plain + out.length - HEADER;
    if (memcmp(copy, header, 6) != 0 || memcmp(copy + 8, header + 8, 8) != 0)
        return -1;
    return (long)(out.length - HEADER - extra);
}

static long check_sum(const struct reference *r, const uint8_t *header, uint8_t *body, size_t size,
                      uint8_t *plain)
{
    uint8_t *text = malloc(size + HEADER);
    size_t extra = (size_t)header[4] << 8 | header[5];
    krb5_checksum sum = {.checksum_type = r->checksum, .length = (unsigned)extra};
    krb5_data in;
    krb5_boolean valid = 0;
    bool ok = text != NULL && extra == r->tag_size && size >= extra;

    if (ok) {
        memcpy(text, body, size - extra);
        memcpy(text + size - extra, header, HEADER);
        memset(text + size - extra + 4, 0, 4);
        memcpy(plain, body, size - extra);
        in = data_of(text, size - extra + HEADER);
        sum.contents = body + size - extra;
        ok = krb5_k_verify_checksum(r->context, r->key, usage_of(header[2] & BY_ACCEPTOR), &in,
                                    &sum, &valid) == 0 &&
             valid;
    }
    free(text);
    return ok ? (long)(size - extra) : -1;
}

long reference_unwrap(const struct reference *r, const uint8_t *token, size_t size,
                      bool by_acceptor, uint8_t *plain, bool *sealed)
{
    uint8_t *body;
    size_t n, right;
    long rc;

    if (size < HEADER + 1 || token[0] != 5 || token[1] != 4 || token[3] != 0xff ||
        ((token[2] & BY_ACCEPTOR) != 0) != by_acceptor)
        return -1;
    n = size - HEADER;
    right = ((size_t)token[6] << 8 | token[7]) % n;
    body = malloc(n);
    if (body == NULL)
        return -1;
    rotate(body, token + HEADER, n, n - right);
    *sealed = (token[2] & SEALED) != 0;
    rc = *sealed ? unseal(r, token, body, n, plain) : check_sum(r, token, body, n, plain);
    free(body);
    return rc;
}
