/* SPDX-License-Identifier: MIT
 *
 * Which process this is, for a connection that must not be used on both sides of a fork. getpid()
 * would say it too, but is a system call (glibc has not remembered its answer since 2.25), and
 * every call that moves bytes asks.
 */
#ifndef NNS_BASE_PROCESS_H
#define NNS_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* This process' mark, which no process that it comes from has; never 0. */
uint32_t nns__process_mark(void);
/* True if mark is this process' own. Cheap: a load. The mark was made here or in an ancestor. */
bool nns__process_is(uint32_t mark);

#endif
