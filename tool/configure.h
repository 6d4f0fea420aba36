/* SPDX-License-Identifier: MIT
 *
 * From options to a configuration of the library, with the password where one is needed. What
 * cannot be used is a usage error: one line, exit status 2.
 */
#ifndef TOOL_CONFIGURE_H
#define TOOL_CONFIGURE_H

#include "options.h"

/* Answers -1 and *ret, or the exit status to end with. */
int configure(nns_config **ret, const struct options *o);
void configure_end(nns_config *cfg); /* also wipes a password that was not used */

#endif
