/* SPDX-License-Identifier: MIT
 *
 * Credentials that a configuration's connections use one after another, until their file changes:
 * a server's from its keytab, and a client's copy of the one ticket for its target. Each
 * connection at a time has its own, since the library locks a credential for as long as it
 * accepts a client, which a replay cache that somebody else holds can make long. Only what served
 * a handshake to its end is kept: no failure is, and nothing that a password gave.
 */
#ifndef NNS_AUTH_GSS_SHARE_H
#define NNS_AUTH_GSS_SHARE_H

#include "auth/gss_cred.h"

/* Kept credentials that fit the request: the same role, target and file. NULL: there are none. */
struct nns__gss_cred *nns__gss_kept(const struct nns__auth_request *request);
/* A structure to acquire others in. NULL: no memory. */
struct nns__gss_cred *nns__gss_cred_new(const struct nns__auth_request *request);
/* Gives either back: to the configuration, if a handshake with Kerberos came to its end (worked)
 * and the next one may use it. NULL is nothing. */
void nns__gss_give_back(struct nns__gss_cred *cred, const nns_config *cfg, bool worked);

/* The name that a server's clients ask for when its keytab has no other, so that the context need
 * not be asked: who has got through has a ticket for one of the keys. NULL: it must be. Learnt
 * from a first connection, whose context gave this name. */
const char *nns__gss_only_name(const struct nns__gss_cred *cred, const nns_config *cfg);
void nns__gss_learn_name(struct nns__gss_cred *cred, const nns_config *cfg, const char *name);

/* After a client's handshake with Kerberos, whose target is known as this: has its configuration
 * keep a copy of the ticket. Not after its first one; most programs make no other. May wait for
 * the cache. */
void nns__gss_keep_ticket(const struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          const char *known_as);

#endif
