/* SPDX-License-Identifier: MIT
 *
 * nns probe: the handshake alone, and what it says about the peer.
 */
#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

#include "options.h"

int command_probe(const struct options *o, nns_config *cfg); /* the exit status */

#endif
