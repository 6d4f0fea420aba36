/* SPDX-License-Identifier: MIT
 *
 * A wake-up: a descriptor that becomes readable so that a thread in poll(2) looks up from it. A
 * stream has one, and a call on a worker thread may outlive the stream, so it is reference
 * counted. It carries no message: whoever wakes looks at the state that was changed before.
 */
#ifndef NNS_STREAM_WAKE_H
#define NNS_STREAM_WAKE_H

#include "base/mem.h"

struct nns__wake;

/* One reference, the caller's. IO: the system has no descriptor left (errno says why); NOMEM. */
int nns__wake_new(struct nns__wake **ret, const struct nns__mem *mem);
struct nns__wake *nns__wake_ref(struct nns__wake *w);
void nns__wake_unref(struct nns__wake *w); /* NULL is nothing */

int nns__wake_fd(const struct nns__wake *w); /* to poll for POLLIN */
void nns__wake_signal(struct nns__wake *w);  /* readable until it is cleared */
void nns__wake_hold(struct nns__wake *w);    /* readable for ever; async-signal-safe */
void nns__wake_clear(struct nns__wake *w);   /* not readable, unless it is held */
/* The same with the signal of somebody who has begun to give it, or has given it: none comes late.
 */
void nns__wake_take(struct nns__wake *w);

#endif
