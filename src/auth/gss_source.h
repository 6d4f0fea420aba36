/* SPDX-License-Identifier: MIT
 *
 * The file that credentials come from, and whether it is still as it was: what was acquired from
 * it may be used again only then.
 */
#ifndef NNS_AUTH_GSS_SOURCE_H
#define NNS_AUTH_GSS_SOURCE_H

#include "config/config.h"

#include <sys/stat.h>

#define NNS__SOURCE_NAME ((size_t)1040) /* a name of the configuration fits */

struct nns__gss_source {
    char name[NNS__SOURCE_NAME]; /* "FILE:/path" */
    struct stat state;
    uid_t reader; /* whose rights it was read with */
};

/* The ticket cache of a client or the keytab of a server. False: credentials of this configuration
 * are for one connection alone. So are those of a password, of a client's keytab and of the
 * application, all from a cache that is no file or has been named for this thread alone
 * (gss_krb5_ccache_name()), and from a file that is missing or was changed just now, since its time
 * may not show another change. */
bool nns__gss_source_find(struct nns__gss_source *source, const nns_config *cfg, nns_role role);
/* The same file, unchanged, for the same user. */
bool nns__gss_source_same(const struct nns__gss_source *a, const struct nns__gss_source *b);

#endif
