/* SPDX-License-Identifier: MIT
 *
 * NTLM's part of the credentials: those of a user or of a server, through the library gss-ntlmssp,
 * alone and inside of SPNEGO that may choose nothing else. They never share a credential with
 * Kerberos, so which mechanism is used is our decision, not SPNEGO's.
 */
#ifndef NNS_AUTH_GSS_NTLM_H
#define NNS_AUTH_GSS_NTLM_H

#include "auth/gss_cred.h"
#include "auth/gss_text.h"

/* Client: the configured user with this password (size bytes and a NUL). Goes into cred->ntlm.
 * Errors: CREDENTIALS. */
int nns__gss_ntlm_log_in(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                         const char *password, struct nns__failure *f);
/* Sees to it that cred->ntlm is there: the configured user's, else the system's; a server's own.
 * Errors: CREDENTIALS. */
int nns__gss_ntlm_acquire(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          struct nns__failure *f);
/* Imports a client's target in the form that NTLM takes. Errors: AUTH, NOMEM. */
int nns__gss_ntlm_target(gss_name_t *ret, const struct nns__auth_request *request,
                         struct nns__failure *f);
/* A call to NTLM failed: fills f as nns__gss_fail() does, with hints of its own. last: it was
 * given the client's answer, so the login failed; the peer is told nothing more. */
int nns__gss_ntlm_fail(struct nns__failure *f, const struct nns__gss_status *status, bool last);

#endif
