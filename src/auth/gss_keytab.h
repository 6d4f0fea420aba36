/* SPDX-License-Identifier: MIT
 *
 * The names in a keytab.
 */
#ifndef NNS_AUTH_GSS_KEYTAB_H
#define NNS_AUTH_GSS_KEYTAB_H

#include <krb5/krb5.h>
#include <stdbool.h>

/* True if all keys are those of one principal, which is called name. */
bool nns__gss_keytab_has_only(krb5_context context, const char *keytab, const char *name);

#endif
