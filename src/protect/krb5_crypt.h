/* SPDX-License-Identifier: MIT
 *
 * The cipher work on the tokens of RFC 4121, by the simplified profile of RFC 3961: AES-CBC with
 * ciphertext stealing and HMAC, as RFC 3962 (SHA-1, over the plaintext) and RFC 8009 (SHA-2, over
 * the ciphertext) have it; at level sign HMAC alone. Many texts at a time, each by itself. It
 * knows keys and bytes, and nothing of tokens, sequence numbers or contexts.
 */
#ifndef NNS_PROTECT_KRB5_CRYPT_H
#define NNS_PROTECT_KRB5_CRYPT_H

#include "base/mem.h"

#include <stdbool.h>

#define NNS__CRYPT_BLOCK ((size_t)16) /* bytes of an AES block, a confounder, a token header */
#define NNS__CRYPT_TAG ((size_t)24)   /* bytes of the longest tag */
#define NNS__CRYPT_KEY ((size_t)32)   /* bytes of the longest key */

enum nns__crypt_hash {
    NNS__CRYPT_SHA1,
    NNS__CRYPT_SHA256,
    NNS__CRYPT_SHA384
};

/* An encryption type (RFC 3961 section 3): 17 to 20. */
struct nns__enctype {
    int32_t number;
    size_t key_size;      /* bytes of the protocol key, and of the AES key */
    size_t hash_key_size; /* bytes of the HMAC key */
    size_t tag_size;      /* bytes of the truncated HMAC */
    enum nns__crypt_hash hash;
    bool encrypt_then_mac; /* RFC 8009; else RFC 3962 hashes the plaintext */
};

/* The keys of one direction and one kind of token. */
struct nns__crypt_keys {
    const struct nns__enctype *enctype;
    bool conf;                         /* texts are encrypted; else only authenticated */
    bool one_by_one;                   /* by libcrypto, however many texts there are */
    uint8_t cipher[NNS__CRYPT_KEY];    /* Ke; with conf */
    uint8_t integrity[NNS__CRYPT_KEY]; /* Ki with conf, else Kc */
};

/* What is worked on, in place. With conf the block before bytes may be overwritten (RFC 8009 hashes
 * an initial vector of zeros before the ciphertext). The tag stands behind the text. */
struct nns__text {
    uint8_t *bytes;
    size_t size; /* without the tag; with conf at least a block */
};

struct nns__crypt; /* one that has sealed does not open, nor the other way round */

/* libcrypto has all that is needed. From any thread. */
bool nns__crypt_works(void);

/* Copies the keys. NOMEM. */
int nns__crypt_new(struct nns__crypt **ret, const struct nns__mem *mem,
                   const struct nns__crypt_keys *keys);
/* Encrypts (with conf) each text and writes its tag behind it. NOMEM, INTERNAL. */
int nns__crypt_seal(struct nns__crypt *c, const struct nns__text *texts, size_t count);
/* Verifies each text against the tag behind it, in constant time, and decrypts it (with conf).
 * Answers how many from the front are good: the others are neither plaintext nor ciphertext any
 * more. NOMEM, INTERNAL. */
nns_ssize nns__crypt_open(struct nns__crypt *c, const struct nns__text *texts, size_t count);
/* Gives back the key schedules; the next call makes them again. */
void nns__crypt_rest(struct nns__crypt *c);
void nns__crypt_free(struct nns__crypt *c); /* wipes */

#endif
