/* SPDX-License-Identifier: MIT
 *
 * Slots that are emptied and filled atomically.
 */
#include "base/keep.h"

#include <stdbool.h>
#include <stddef.h>

static bool put(struct nns__keep *keep, size_t slot, struct nns__kept *kept)
{
    struct nns__kept *empty = NULL;

    return atomic_compare_exchange_strong(&keep->slots[slot], &empty, kept);
}

struct nns__kept *nns__keep_take(struct nns__keep *keep,
                                 enum nns__fit (*fit)(const struct nns__kept *kept,
                                                      const void *arg),
                                 const void *arg)
{
    for (size_t i = 0; i < NNS__KEEP_MOST; i++) {
        struct nns__kept *kept = atomic_exchange(&keep->slots[i], NULL);
        enum nns__fit fits = kept != NULL ? fit(kept, arg) : NNS__FITS_OTHERS;

        if (fits == NNS__FITS)
            return kept;
        if (fits == NNS__FITS_NOBODY)
            kept->free(kept);
        else if (kept != NULL && !put(keep, i, kept))
            nns__keep_give(keep, kept);
    }
    return NULL;
}

void nns__keep_give(struct nns__keep *keep, struct nns__kept *kept)
{
    size_t slot;

    for (size_t i = 0; i < NNS__KEEP_MOST; i++) {
        if (put(keep, i, kept))
            return;
    }
    slot = atomic_fetch_add(&keep->turn, 1) % NNS__KEEP_MOST;
    kept = atomic_exchange(&keep->slots[slot], kept);
    if (kept != NULL)
        kept->free(kept);
}

void nns__keep_clear(struct nns__keep *keep)
{
    for (size_t i = 0; i < NNS__KEEP_MOST; i++) {
        struct nns__kept *kept = atomic_exchange(&keep->slots[i], NULL);

        if (kept != NULL)
            kept->free(kept);
    }
}
