/* SPDX-License-Identifier: MIT
 *
 * The password of --user: from a file that nobody else can read, from a descriptor, or typed at
 * the terminal; never from the command line or the environment. It is kept from when it was got
 * until the library has taken it, and wiped then.
 */
#ifndef TOOL_PASSWORD_H
#define TOOL_PASSWORD_H

#include "options.h"

/* Gets the password where o asks for one. Answers -1, or the exit status to end with. */
int password_get(const struct options *o);
/* nns_password_fn: hands it over, once, and wipes it. */
int password_give(void *arg, char *buf, size_t size);
void password_wipe(void);

#endif
