/* SPDX-License-Identifier: MIT
 *
 * nns proxy: stands between a net.tcp client and a net.tcp service. Windows security is ended here
 * (--terminate), begun here (--initiate), or both.
 */
#ifndef TOOL_PROXY_H
#define TOOL_PROXY_H

#include "event.h"

/* Serves one client until it has gone; takes the descriptor and the pass. Answers the exit
 * status. */
int proxy_serve(const struct options *o, nns_config *cfg, const char *peer, int fd, nns_pass *pass);

#endif
