/* SPDX-License-Identifier: MIT
 *
 * The protector "gss": records are gss_wrap() tokens of an established context, and NTLM's at level
 * sign a MIC and the plaintext. It works for every mechanism that NegotiateStream carries; it
 * costs an allocation and a copy a record.
 */
#ifndef NNS_PROTECT_GSS_H
#define NNS_PROTECT_GSS_H

#include "config/policy.h"
#include "protect/protect.h"

#include <gssapi/gssapi.h>

/* Makes sealer and opener of a context with this mechanism and these negotiated properties
 * (NNS__FLAG_ bits, INTEG or CONF among them). Takes *ctx over and clears it; on an error it is
 * left alone. Errors: NOMEM. */
int nns__protect_gss_new(struct nns__protection *ret, const struct nns__mem *mem, gss_ctx_id_t *ctx,
                         enum nns__mechanism mechanism, uint32_t flags, struct nns__failure *f);

/* The context of a protection that nns__protect_gss_new() made, which keeps it; else
 * GSS_C_NO_CONTEXT. */
gss_ctx_id_t nns__protect_gss_context(const struct nns__protection *protection);

#endif
