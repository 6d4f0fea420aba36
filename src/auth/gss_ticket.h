/* SPDX-License-Identifier: MIT
 *
 * The ticket that a client used: its server's name, and a copy. "SERVICE/HOST" goes to Kerberos
 * without a realm, and GSSAPI gives it back so; which realm it was found in stands in the ticket
 * alone.
 */
#ifndef NNS_AUTH_GSS_TICKET_H
#define NNS_AUTH_GSS_TICKET_H

#include "auth/gss_cred.h"

/* Whom the ticket for principal ("SERVICE/HOST@") is for: "SERVICE/HOST@REALM", or "SERVICE/HOST"
 * where the ticket is not found. For display: nothing is decided by it. The caller owns *ret.
 * Errors: AUTH, NOMEM. */
int nns__gss_ticket_server(char **ret, const nns_config *cfg, const struct nns__gss_cred *cred,
                           const char *principal, struct nns__failure *f);

/* Copies the ticket for principal, and nothing else, from cred->source into a private cache of
 * cred: no KDC can be asked with it, and no file is read. cred->end becomes the time until which
 * it serves, a while before it ends. False: there is none, or what the cache has is more than it
 * takes; cred must be released all the same. */
bool nns__gss_ticket_copy(struct nns__gss_cred *cred, const char *principal);

#endif
