/* SPDX-License-Identifier: MIT
 *
 * Asking for a password on the terminal, without echo. The terminal is as before on every way out,
 * also when a signal ends or stops the command meanwhile. For use before there are threads.
 */
#ifndef TOOL_PROMPT_H
#define TOOL_PROMPT_H

#include <stddef.h>

/* Writes the password and a NUL to buf. Answers -1, or the exit status to end with: there is no
 * terminal, or nothing usable was typed; it has said so. */
int prompt_password(const char *user, char *buf, size_t size);

#endif
