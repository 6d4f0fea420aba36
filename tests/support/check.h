/* SPDX-License-Identifier: MIT
 *
 * cmocka with the headers that it needs, and small helpers for test groups.
 */
#ifndef NNS_TESTS_CHECK_H
#define NNS_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* True if text contains part; both may be NULL, which contains nothing. */
bool contains(const char *text, const char *part);

/* The same numbers on every run: xorshift. The state must not be 0. */
uint32_t next_random(uint32_t *state);

bool under_valgrind(void);

#endif
