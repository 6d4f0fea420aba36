/* SPDX-License-Identifier: MIT
 *
 * A few things kept for the next one that can use them. Who takes one has it alone until it is
 * given back. There is no lock: neither a thread that is stuck nor a fork() at a bad moment can
 * hold anybody up; the worst is that nothing is found.
 */
#ifndef NNS_BASE_KEEP_H
#define NNS_BASE_KEEP_H

#include <stdatomic.h>

#define NNS__KEEP_MOST 4

/* What is kept begins with this. */
struct nns__kept {
    void (*free)(struct nns__kept *kept);
};

struct nns__keep {
    _Atomic(struct nns__kept *) slots[NNS__KEEP_MOST];
    atomic_uint turn; /* whose place is taken when all are */
    atomic_uint made; /* for the caller: how many could have been kept */
};

enum nns__fit {
    NNS__FITS,
    NNS__FITS_OTHERS, /* it stays */
    NNS__FITS_NOBODY  /* any more: it goes */
};

/* One that fits, now the caller's; or NULL. */
struct nns__kept *nns__keep_take(struct nns__keep *keep,
                                 enum nns__fit (*fit)(const struct nns__kept *kept,
                                                      const void *arg),
                                 const void *arg);
/* Keeps it, perhaps in the place of another one. */
void nns__keep_give(struct nns__keep *keep, struct nns__kept *kept);
void nns__keep_clear(struct nns__keep *keep);

#endif
