/* SPDX-License-Identifier: MIT
 *
 * A GSSAPI status made into a failure: our code, what the peer is told, the mechanism's words,
 * and a hint where one is known. What Kerberos says in its minor status counts only where it
 * stands for Kerberos: under SPNEGO minor statuses are numbered anew in each process.
 */
#ifndef NNS_AUTH_GSS_TEXT_H
#define NNS_AUTH_GSS_TEXT_H

#include "base/failure.h"

#include <gssapi/gssapi.h>
#include <stdbool.h>

struct nns__gss_status {
    OM_uint32 major;
    OM_uint32 minor;
    nns_role role;
    bool exact; /* the call was one to Kerberos alone */
    int code;   /* NNS_ERR_ value, where the status does not say more */
};

/* Fills f with "authenticate: what: the mechanism's words"; answers its code. In the thread of
 * the failed call, before any other call of GSSAPI. */
int nns__gss_fail(struct nns__failure *f, const struct nns__gss_status *status, const char *format,
                  ...) NNS__PRINTF(3, 4);

#endif
