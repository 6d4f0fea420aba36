/* SPDX-License-Identifier: MIT
 *
 * Keeps one source from filling the log: of the lines about it, some in each period are written,
 * and the first one after a pause tells how many were left out. Bounded memory: of more sources
 * than it has room for the one that was quiet longest is forgotten. Any thread.
 */
#ifndef TOOL_THROTTLE_H
#define TOOL_THROTTLE_H

#include <stdbool.h>

#define THROTTLE_LINES 5   /* written in one period */
#define THROTTLE_PERIOD 10 /* seconds */

/* True: write the line. *left_out: how many lines about this source were not written since the
 * last one that was. source is an address without its port. */
bool throttle_allows(const char *source, unsigned *left_out);

#endif
