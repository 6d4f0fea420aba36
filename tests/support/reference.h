/* SPDX-License-Identifier: MIT
 *
 * Wrap tokens of RFC 4121 by the Kerberos library's crypto calls: slow, and independent of ours.
 * It makes tokens that no sender makes, and takes what gss_unwrap() takes.
 */
#ifndef NNS_TESTS_REFERENCE_H
#define NNS_TESTS_REFERENCE_H

#include <krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_MORE ((size_t)80) /* bytes of a token beside plaintext and filler, at most */

/* Flags of a token. */
#define BY_ACCEPTOR 1u
#define SEALED 2u
#define SUBKEY 4u

struct reference {
    krb5_context context;
    krb5_key key;
    krb5_cksumtype checksum;
    size_t tag_size;
};

struct reference_token {
    uint8_t flags;
    size_t extra; /* EC of a sealed one */
    size_t rotation;
    uint64_t sequence;
};

/* False: the library refuses. */
bool reference_init(struct reference *r, int32_t enctype, const uint8_t *key, size_t size);
void reference_free(struct reference *r);

/* Writes a token of size + extra + REFERENCE_MORE bytes at most; its size, or 0. */
size_t reference_wrap(const struct reference *r, uint8_t *token, const struct reference_token *how,
                      const uint8_t *plain, size_t size);
/* The plaintext of a token that this side sent, in plain, which is as long as the token; *sealed
 * whether it was encrypted. -1: it is no token. The sequence number is not looked at. */
long reference_unwrap(const struct reference *r, const uint8_t *token, size_t size,
                      bool by_acceptor, uint8_t *plain, bool *sealed);

#endif
