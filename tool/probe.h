/* SPDX-License-Identifier: MIT
 *
 * nns probe: the handshake alone, and what it says about the peer.
 */
#ifndef TOOL_PROBE_H
#define TOOL_PROBE_H

#include "nettcp.h"

int command_probe(const struct options *o, nns_config *cfg); /* the exit status */

struct probe_endpoint {
    const char *name;
    bool is_there;
    char why[320]; /* it is not */
};

/* What was found at a net.tcp service that has said yes (why is NULL), or why it has not, and what
 * else was asked for there. Answers the exit status. */
int probe_tell_link(const struct options *o, const struct link *l, const struct nettcp_failure *why,
                    const struct probe_endpoint *endpoints, size_t count);

#endif
