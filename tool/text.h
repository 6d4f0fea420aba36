/* SPDX-License-Identifier: MIT
 *
 * A line of text that grows up to a bound; what does not fit is cut and the line ends in "...".
 * What came from the wire is added escaped: nothing in it can steer a terminal.
 */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include "der.h"

#define TEXT_MOST ((size_t)1024)

struct text {
    size_t used;
    char bytes[TEXT_MOST]; /* ends with a NUL */
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Printable ASCII as it is, all else as \xNN, or "(left out)". */
void text_escape(struct text *t, struct span s);
/* The same for UTF-16LE: all else as \uNNNN. */
void text_escape_utf16(struct text *t, struct span s);
void text_hex(struct text *t, struct span s);

#endif
