/* SPDX-License-Identifier: MIT
 *
 * The keys of RFC 4121 tokens: which encryption types there are, and what is derived from a
 * context's key for each direction and each kind of token.
 */
#ifndef NNS_PROTECT_KRB5_KEYS_H
#define NNS_PROTECT_KRB5_KEYS_H

#include "protect/krb5_crypt.h"

/* What Wrap tokens are for, as RFC 4121 section 2 numbers it: who sends them. */
#define NNS__USAGE_ACCEPTOR_SEAL 22u
#define NNS__USAGE_INITIATOR_SEAL 24u

/* AES with SHA-1 (17, 18) or SHA-2 (19, 20); NULL: another. */
const struct nns__enctype *nns__enctype_find(int32_t number);

/* Derives from the protocol key of enctype->key_size bytes: Ke and Ki with conf, else Kc. The
 * caller wipes *ret, also after a failure. INTERNAL: libcrypto refuses. */
int nns__crypt_keys_derive(struct nns__crypt_keys *ret, const struct nns__enctype *enctype,
                           const uint8_t *key, uint32_t usage, bool conf);

/* RFC 3961 5.1. Bytes; in_size at least 1. */
void nns__n_fold(uint8_t *out, size_t out_size, const uint8_t *in, size_t in_size);

#endif
