/* SPDX-License-Identifier: MIT
 *
 * Why a handshake failed that went through SPNEGO, which does not tell in a way that means
 * anything outside of this process: the same is asked of Kerberos alone, once, for its words. What
 * comes of it changes nothing: the connection has failed.
 */
#ifndef NNS_AUTH_GSS_REASON_H
#define NNS_AUTH_GSS_REASON_H

#include "auth/gss_cred.h"

/* A server, and the client's first token: if Kerberos is inside, f becomes its reason where it
 * finds one. Local, without a replay cache: a token that was refused is not remembered. */
void nns__gss_reason_accept(struct nns__failure *f, const struct nns__auth_request *request,
                            const uint8_t *token, size_t size);

#endif
