/* SPDX-License-Identifier: MIT
 *
 * The work of krb5_crypt.h on several texts at once, in parallel lanes of the processor, by the
 * Intel multi-buffer library (libipsec-mb). It takes a batch only where it is faster than one text
 * after the other, and only from the front: what it leaves, krb5_crypt.c does. The bytes are the
 * same. Built without the library, or on a processor without AVX2, it takes nothing.
 */
#ifndef NNS_PROTECT_KRB5_MB_H
#define NNS_PROTECT_KRB5_MB_H

#include "protect/krb5_crypt.h"

/* How wide the lanes are. */
enum nns__mb_width {
    NNS__MB_NONE, /* there are none */
    NNS__MB_AVX2,
    NNS__MB_AVX512
};

/* What the library wants keys turned into: the AES key schedules and the states of HMAC. Belongs
 * to whom the keys belong to; *mb is NULL until the first batch, and after nns__mb_rest(). */
struct nns__mb;

#ifdef NNS_HAVE_IPSEC_MB

/* Of this process: what the processor can, but no more than nns__mb_set_most() allows. */
enum nns__mb_width nns__mb_width(void);
void nns__mb_set_most(enum nns__mb_width width); /* tests; any thread, from the next batch on */

/* Seals texts from the front and answers how many, perhaps 0: not worth it, no memory, or other
 * threads have all the lanes. INTERNAL. */
nns_ssize nns__mb_seal(struct nns__mb **mb, const struct nns__mem *mem,
                       const struct nns__crypt_keys *keys, const struct nns__text *texts,
                       size_t count);
/* Opens texts from the front and answers how many, as nns__mb_seal(). *good of them, from the
 * front, are good; where that is fewer, the next is bad. INTERNAL. */
nns_ssize nns__mb_open(struct nns__mb **mb, const struct nns__mem *mem,
                       const struct nns__crypt_keys *keys, const struct nns__text *texts,
                       size_t count, size_t *good);
void nns__mb_rest(struct nns__mb **mb, const struct nns__mem *mem); /* wipes */

#else

static inline enum nns__mb_width nns__mb_width(void)
{
    return NNS__MB_NONE;
}

static inline void nns__mb_set_most(enum nns__mb_width width)
{
    (void)width;
}

static inline nns_ssize nns__mb_seal(struct nns__mb **mb, const struct nns__mem *mem,
                                     const struct nns__crypt_keys *keys,
                                     const struct nns__text *texts, size_t count)
{
    (void)mb, (void)mem, (void)keys, (void)texts, (void)count;
    return 0;
}

static inline nns_ssize nns__mb_open(struct nns__mb **mb, const struct nns__mem *mem,
                                     const struct nns__crypt_keys *keys,
                                     const struct nns__text *texts, size_t count, size_t *good)
{
    (void)mb, (void)mem, (void)keys, (void)texts, (void)count;
    *good = 0;
    return 0;
}

static inline void nns__mb_rest(struct nns__mb **mb, const struct nns__mem *mem)
{
    (void)mb, (void)mem;
}

#endif
#endif
