/* SPDX-License-Identifier: MIT
 *
 * The cipher work of protect/krb5_crypt.h in the plainest way there is with libcrypto, one text at
 * a time, to compare with.
 */
#ifndef NNS_TESTS_CIPHER_H
#define NNS_TESTS_CIPHER_H

#include "protect/krb5_crypt.h"

#define CIPHER_TYPES 4

extern const struct nns__enctype cipher_types[CIPHER_TYPES]; /* 17 to 20 */

/* Seals a text, with its tag behind it. */
void cipher_seal(const struct nns__crypt_keys *keys, uint8_t *bytes, size_t size);

#endif
