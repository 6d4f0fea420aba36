/* SPDX-License-Identifier: MIT
 *
 * Looking for a moment before sleeping. Whoever sends to a thread that sleeps has to wake it, and
 * where its processor sleeps too that takes longer than most answers. So a thread that expects an
 * answer looks for it again and again first, for about 50 us: as long as it learns that this pays,
 * and while at most half of the processors do the same for this process.
 */
#ifndef NNS_STREAM_SPIN_H
#define NNS_STREAM_SPIN_H

#include "stream/deadline.h"

/* What one waiter has learned; zeroed at first, one thread at a time. */
struct nns__spin {
    unsigned lost; /* times in a row that it looked in vain, up to those that are enough */
    unsigned idle; /* times that it did not look since then */
};

/* As poll(2) with no time-out, until something has happened or the moment is over. 0: nothing has
 * happened yet, or it was not worth looking. */
int nns__spin(struct nns__spin *spin, const struct nns__time *time, struct pollfd *fds,
              nfds_t count);

#endif
