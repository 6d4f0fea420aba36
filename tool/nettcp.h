/* SPDX-License-Identifier: MIT
 *
 * connect, listen and probe with --nettcp: NegotiateStream inside of WCF's framing. Envelopes of
 * duplex mode are, on descriptors, four bytes of length, the highest first, and their bytes.
 */
#ifndef TOOL_NETTCP_H
#define TOOL_NETTCP_H

#include "event.h"
#include "link.h"

/* Each answers the exit status. */
int nettcp_connect(const struct options *o, nns_config *cfg);
int nettcp_probe(const struct options *o, nns_config *cfg);
/* One client until it has gone; takes the descriptor and the pass. */
int nettcp_serve(const struct options *o, nns_config *cfg, const char *peer, int fd,
                 nns_pass *pass);

/* ---- for other clients ---- */

/* Connects to the host and sends the preamble. NNS_OK, or an error, told. */
int nettcp_start(struct link *l, const struct options *o, nns_config *cfg, bool streamed);
/* Waits for the answer. True: the service has said yes. */
bool nettcp_is_taken(struct link *l);
/* Our End, and the service's for a moment. */
void nettcp_say_goodbye(struct link *l);

#endif
