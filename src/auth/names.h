/* SPDX-License-Identifier: MIT
 *
 * Names as people and .NET write them, made into Kerberos principals and back. Only strings: no
 * library, no DNS, no default realm.
 */
#ifndef NNS_AUTH_NAMES_H
#define NNS_AUTH_NAMES_H

#include "base/failure.h"

#define NNS__NAME_MOST ((size_t)1024) /* bytes of the longest name, in or out */

/* The principal of a target, for GSS_KRB5_NT_PRINCIPAL_NAME: "SERVICE/HOST" becomes
 * "SERVICE/HOST@" (the realm is for the KDC to say), "SERVICE/HOST@REALM" and "user@REALM" stay,
 * "DOMAIN\user" becomes "user@DOMAIN". The caller owns *ret. Errors: AUTH, NOMEM. */
int nns__target_principal(char **ret, const struct nns__mem *mem, const char *target,
                          struct nns__failure *f);

/* The same target as a host-based service ("SERVICE@HOST"), the form that NTLM takes: without its
 * realm; "user@REALM" stays. The target must be one that nns__target_principal() takes. */
int nns__target_hostbased(char **ret, const struct nns__mem *mem, const char *target,
                          struct nns__failure *f);

/* The principal of a user: as above, and "user" alone stays (the default realm). */
int nns__user_principal(char **ret, const struct nns__mem *mem, const char *user,
                        struct nns__failure *f);

/* A name as the mechanism displays it, as a string. Refuses an empty one, one that is too long
 * and one with a NUL inside, which would be shorter for us than for the mechanism. The caller
 * owns *ret. Errors: AUTH, NOMEM. */
int nns__displayed_name(char **ret, const struct nns__mem *mem, const void *text, size_t size,
                        struct nns__failure *f);

#endif
