/* SPDX-License-Identifier: MIT
 *
 * The static dictionary of SOAP over .NET's binary XML ([MC-NBFS]): the strings that both ends
 * know.
 */
#ifndef TOOL_NBFS_H
#define TOOL_NBFS_H

#include <stddef.h>
#include <stdint.h>

/* The string of an identifier; NULL: there is none. Static identifiers are even. */
const char *nbfs_word(uint32_t id);

#endif
