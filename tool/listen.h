/* SPDX-License-Identifier: MIT
 *
 * nns listen: a server.
 */
#ifndef TOOL_LISTEN_H
#define TOOL_LISTEN_H

#include "options.h"

int command_listen(const struct options *o, nns_config *cfg); /* the exit status */

#endif
