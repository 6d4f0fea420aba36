/* SPDX-License-Identifier: MIT
 *
 * What an established context says of itself and of the peer, in the terms of policy.
 */
#ifndef NNS_AUTH_GSS_FACTS_H
#define NNS_AUTH_GSS_FACTS_H

#include "config/policy.h"

#include <gssapi/gssapi.h>

/* Fills facts, but for Kerberos' names; the caller owns what it then holds, also after a failure.
 * Errors: AUTH, NOMEM. */
int nns__gss_facts(struct nns__facts *facts, const struct nns__mem *mem, gss_ctx_id_t ctx,
                   nns_role role, struct nns__failure *f);
/* Kerberos' names: to a server the peer, as the completed context gave it out, and the target.
 * Errors: AUTH, NOMEM. */
int nns__gss_facts_peer(struct nns__facts *facts, const struct nns__mem *mem, gss_name_t name,
                        struct nns__failure *f);
int nns__gss_facts_target(struct nns__facts *facts, const struct nns__mem *mem, gss_ctx_id_t ctx,
                          nns_role role, struct nns__failure *f);

#endif
