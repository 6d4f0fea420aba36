/* SPDX-License-Identifier: MIT
 *
 * nns probe: the handshake alone, and what it says about the peer.
 */
#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

#include "options.h"

int command_probe(const struct options *o, nns_config *cfg); /* the exit status */

struct probe_endpoint {
    const char *name;
    bool is_there;
    char why[200]; /* it is not */
};

/* What was found at a net.tcp service that has said yes, and what else was asked for there. */
void probe_tell_nettcp(const struct options *o, const nns_engine *e,
                       const struct probe_endpoint *endpoints, size_t count);

#endif
