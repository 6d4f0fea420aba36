/* SPDX-License-Identifier: MIT
 *
 * For programs that use GSSAPI themselves: own credentials in, delegated credentials and the
 * security context out. The only header that includes GSSAPI; <nns/nns.h> does not include it.
 */
#ifndef NNS_GSS_H
#define NNS_GSS_H

#include <gssapi/gssapi.h>
#include <nns/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The credential to use in place of a credential cache, a keytab or a password; NULL
 * (GSS_C_NO_CREDENTIAL): none of the caller's. It is borrowed: it must outlive the last reference
 * to cfg. It must be for both SPNEGO and Kerberos, as gss_acquire_cred() gives them by default,
 * because GSSAPI takes the system's own credentials for a mechanism that one does not have. The
 * call limits what SPNEGO may choose with it to Kerberos (gss_set_neg_mechs()).
 * Errors: ARGUMENT (not for both mechanisms), FROZEN. */
NNS_API int nns_config_set_gss_cred(nns_config *cfg, gss_cred_id_t cred);

/* Server: the credentials that the client delegated become the caller's, who releases them with
 * gss_release_cred(). *ret is GSS_C_NO_CREDENTIAL where there are none: not delegated, taken
 * already, or nns_config_accept_delegation() is off. From WANT_AUTHORIZE or OPEN on, on the
 * engine's thread. Errors: ARGUMENT, STATE, FORKED. */
NNS_API int nns_engine_take_delegated_cred(nns_engine *e, gss_cred_id_t *ret);

/* The security context, for inquiries (gss_inquire_context() and its like): borrowed, valid as
 * long as e. To wrap or unwrap with it would break the connection. Only the record engine "gss"
 * keeps one, so ask for it with nns_config_set_record_engine(). From WANT_AUTHORIZE or OPEN on.
 * Errors: ARGUMENT, STATE, FORKED, UNSUPPORTED (another record engine, or level none). */
NNS_API int nns_engine_gss_context(nns_engine *e, gss_ctx_id_t *ret);

#ifdef __cplusplus
}
#endif

#endif
