/* SPDX-License-Identifier: MIT
 *
 * The work of krb5_crypt.h for encryption types 17 and 18 by the processor's own instructions for
 * AES and SHA-1 (AES-NI, SHA extensions), one text after the other, both passes at once. It takes
 * all texts or none; what it leaves, krb5_crypt.c does. The bytes are the same. Built for another
 * processor than x86-64, or on one without those instructions, it takes nothing.
 */
#ifndef NNS_PROTECT_KRB5_NI_H
#define NNS_PROTECT_KRB5_NI_H

#include "protect/krb5_crypt.h"

/* The round keys of AES in one direction, and the states of HMAC. Belongs to whom the keys belong
 * to; *ni is NULL until the first text, and after nns__ni_rest(). What sealed does not open. */
struct nns__ni;

#ifdef __x86_64__

/* This processor does texts of this type, unless nns__ni_allow() says otherwise. */
bool nns__ni_takes(const struct nns__enctype *enctype);
void nns__ni_allow(bool allowed); /* tests; any thread, from the next text on */

/* Seals and answers how many: all, or 0 (another type or processor; no memory). */
size_t nns__ni_seal(struct nns__ni **ni, const struct nns__mem *mem,
                    const struct nns__crypt_keys *keys, const struct nns__text *texts,
                    size_t count);
/* The same for opening. *good from the front are good; where that is fewer, the next is bad, and
 * the others are wiped or as they were. */
size_t nns__ni_open(struct nns__ni **ni, const struct nns__mem *mem,
                    const struct nns__crypt_keys *keys, const struct nns__text *texts, size_t count,
                    size_t *good);
void nns__ni_rest(struct nns__ni **ni, const struct nns__mem *mem); /* wipes */

#else

static inline bool nns__ni_takes(const struct nns__enctype *enctype)
{
    (void)enctype;
    return false;
}

static inline void nns__ni_allow(bool allowed)
{
    (void)allowed;
}

static inline size_t nns__ni_seal(struct nns__ni **ni, const struct nns__mem *mem,
                                  const struct nns__crypt_keys *keys, const struct nns__text *texts,
                                  size_t count)
{
    (void)ni, (void)mem, (void)keys, (void)texts, (void)count;
    return 0;
}

static inline size_t nns__ni_open(struct nns__ni **ni, const struct nns__mem *mem,
                                  const struct nns__crypt_keys *keys, const struct nns__text *texts,
                                  size_t count, size_t *good)
{
    (void)ni, (void)mem, (void)keys, (void)texts, (void)count;
    *good = 0;
    return 0;
}

static inline void nns__ni_rest(struct nns__ni **ni, const struct nns__mem *mem)
{
    (void)ni, (void)mem;
}

#endif
#endif
