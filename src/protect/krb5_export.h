/* SPDX-License-Identifier: MIT
 *
 * The keys of an established context, taken out of the Kerberos library, and the protector "krb5"
 * made of them.
 */
#ifndef NNS_PROTECT_KRB5_EXPORT_H
#define NNS_PROTECT_KRB5_EXPORT_H

#include "protect/krb5.h"

#include <gssapi/gssapi.h>

/* True if the protector can be made of contexts with a key of this type (RFC 3961), as far as can
 * be told without taking the key out. */
bool nns__protect_krb5_takes(int32_t key_type);

/* Makes sealer and opener of an established Kerberos context whose key is of this type, which
 * nns__protect_krb5_takes(); conf: its records are encrypted. one_by_one: as nns__crypt_keys has
 * it. *ctx is deleted and cleared, also on an error, but for UNSUPPORTED: the library exports
 * nothing, and *ctx is as it was. NOMEM, INTERNAL, UNSUPPORTED. */
int nns__protect_krb5_export(struct nns__protection *ret, const struct nns__mem *mem,
                             gss_ctx_id_t *ctx, int32_t key_type, bool conf, bool one_by_one,
                             struct nns__failure *f);

#endif
