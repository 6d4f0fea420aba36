/* SPDX-License-Identifier: MIT
 *
 * Credentials for one connection: from a credential cache, a keytab, or a user name with a
 * password, as the configuration says; NTLM's are in gss_ntlm.h. They go to GSSAPI by its
 * credential store; the environment of the process is never changed. The configuration keeps
 * those from a file for later connections (gss_share.h).
 */
#ifndef NNS_AUTH_GSS_CRED_H
#define NNS_AUTH_GSS_CRED_H

#include "auth/auth.h"
#include "auth/gss_source.h"
#include "base/keep.h"

#include <gssapi/gssapi.h>
#include <krb5/krb5.h>

struct nns__gss_cred {
    struct nns__kept kept;
    struct nns__mem mem;
    nns_role role;
    bool lasts;                    /* the configuration may keep it, as long as... */
    struct nns__gss_source source; /* ...this is as it was, */
    int64_t end;                   /* and the wall clock has not come to this */

    char *target;    /* client: as it was asked for */
    gss_name_t name; /* client: the target, imported; Kerberos' or NTLM's form */
    char *known_as;  /* what a kept ticket's target is called, or all keys of the keytab are */
    bool names_read; /* server: of the keytab's keys */

    gss_cred_id_t kerberos;   /* Kerberos alone; kept for its exact errors */
    gss_cred_id_t negotiable; /* SPNEGO that may choose Kerberos only, and Kerberos itself */
    bool borrowed;            /* both are the application's */
    gss_cred_id_t ntlm;       /* the same of NTLM; acquired when it is needed */
    struct nns__failure ntlm_failure; /* with a password: why there is none */
    krb5_context krb5; /* owns the private cache; while there is one, krb5.conf is not read anew */
    krb5_ccache
        cache; /* in memory, ours alone: with a password, a client keytab or a copied ticket */
};

/* Acquires Kerberos', unless the configuration is for NTLM alone; with a password also NTLM's where
 * that is allowed, whose failure is only kept. What cred then holds must be released, also after a
 * failure. May ask the KDC. Errors: CREDENTIALS, AUTH, POLICY, NOMEM, or what the password function
 * answered. */
int nns__gss_cred_acquire(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          struct nns__failure *f);
void nns__gss_cred_release(struct nns__gss_cred *cred);

/* Acquires a client's from cred->cache, whose ticket somebody has put there. Errors: CREDENTIALS.
 */
int nns__gss_cred_from_cache(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                             struct nns__failure *f);

/* Before each handshake of a server: the environment, which may change, does not turn off what it
 * relies on. Errors: POLICY. */
int nns__gss_check_replay_cache(const nns_config *cfg, struct nns__failure *f);

/* A server's, of Kerberos alone and without a replay cache, to learn why a client was refused. */
int nns__gss_cred_for_reason(gss_cred_id_t *ret, const struct nns__auth_request *request);

/* Limits an application's credential to Kerberos under SPNEGO. False: it is not for both. */
bool nns__gss_cred_prepare(gss_cred_id_t cred);

/* Imports a Kerberos principal. Errors: AUTH. */
int nns__gss_import_principal(gss_name_t *ret, const char *principal, nns_role role,
                              struct nns__failure *f);

extern const gss_OID_desc nns__gss_spnego;
extern const gss_OID_desc nns__gss_kerberos;
extern const gss_OID_desc nns__gss_ntlm; /* gss_ntlm.c */

#endif
