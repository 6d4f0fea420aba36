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

/* Why a service was not reached. Where the link's engine has an error object, that says more. */
struct nettcp_failure {
    int32_t phase; /* NNS_PHASE_ */
    int code;
    char message[320];
};

/* Connects to the host, sends the preamble, and waits for the answer. True: the service has said
 * yes. The link is the caller's to close. */
bool nettcp_open(struct link *l, const struct options *o, nns_config *cfg,
                 struct nettcp_failure *why);
/* Our End, and the service's for a moment. */
void nettcp_say_goodbye(struct link *l);

#endif
