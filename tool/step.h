/* SPDX-License-Identifier: MIT
 *
 * A call of the mechanism, within a time although it may wait for a KDC: then it is made on a
 * thread of its own, which is left behind when the time is over.
 */
#ifndef TOOL_STEP_H
#define TOOL_STEP_H

#include <nns/nmf.h>
#include <stdbool.h>

/* The step that the engine inside wants. apart: on a thread of its own, until deadline (of
 * link_now()); n has then failed with TIMEOUT. A few dozen at once; more run here and now, whatever
 * the deadline is, so that a silent KDC does not gather threads. */
void step(nns_nmf *n, bool apart, int64_t deadline);

#endif
