/* SPDX-License-Identifier: MIT
 *
 * nns decode: what a trace recorded, in words.
 */
#ifndef TOOL_DECODE_H
#define TOOL_DECODE_H

#include "options.h"

int command_decode(const struct options *o); /* the exit status */

#endif
