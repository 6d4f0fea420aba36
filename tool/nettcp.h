/* SPDX-License-Identifier: MIT
 *
 * connect, listen and probe with --nettcp: NegotiateStream inside of WCF's framing. Envelopes of
 * duplex mode are, on descriptors, four bytes of length, the highest first, and their bytes.
 */
#ifndef TOOL_NETTCP_H
#define TOOL_NETTCP_H

#include "event.h"

/* Each answers the exit status. */
int nettcp_connect(const struct options *o, nns_config *cfg);
int nettcp_probe(const struct options *o, nns_config *cfg);
/* One client until it has gone; takes the descriptor and the pass. */
int nettcp_serve(const struct options *o, nns_config *cfg, const char *peer, int fd,
                 nns_pass *pass);

#endif
