/* SPDX-License-Identifier: MIT
 *
 * Threads that nobody waits for.
 */
#ifndef TOOL_THREAD_H
#define TOOL_THREAD_H

#include <stdbool.h>

/* Runs main_of(arg) on a new thread with a small stack. False: there is none to be had. */
bool thread_start(void *(*main_of)(void *arg), void *arg);

#endif
