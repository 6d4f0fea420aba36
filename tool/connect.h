/* SPDX-License-Identifier: MIT
 *
 * nns connect: one connection between standard input and output and a peer.
 */
#ifndef TOOL_CONNECT_H
#define TOOL_CONNECT_H

#include "options.h"

int command_connect(const struct options *o, nns_config *cfg); /* the exit status */

#endif
