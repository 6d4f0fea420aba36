/* SPDX-License-Identifier: MIT
 *
 * The inside of a configuration. Whoever holds a reference on a frozen one reads its fields
 * directly: nothing changes any more.
 */
#ifndef NNS_CONFIG_CONFIG_H
#define NNS_CONFIG_CONFIG_H

#include "base/keep.h"
#include "base/mem.h"

#include <nns/config.h>
#include <stdatomic.h>
#include <stdbool.h>

#define NNS__LIMITS 12 /* one more than the last enum nns_limit */

struct nns__auth_ops; /* auth/auth.h */

/* Who makes and checks the records. */
enum nns__record_engine {
    NNS__RECORD_ENGINE_AUTO,
    NNS__RECORD_ENGINE_GSS,
    NNS__RECORD_ENGINE_KRB5 /* where it can; with libcrypto alone */
};

struct nns__pattern {
    struct nns__pattern *next;
    char *text;
};

struct nns_config {
    struct nns__mem mem;
    atomic_int references;
    atomic_bool frozen;

    char *ccache;
    char *client_keytab;
    char *keytab;
    char *acceptor;
    char *user;
    nns_password_fn password_fn;
    void *password_arg;
    void *gss_cred; /* a gss_cred_id_t of the application's, or NULL */

    nns_protection protection;
    nns_impersonation impersonation;
    uint32_t min_ssf;
    struct nns__pattern *allowed;
    bool allow_any_peer;
    bool defer_authorization;
    bool allow_unprotected;
    bool no_replay_cache;
    bool outlive_ticket;
    bool accept_delegation;
    bool require_channel_binding;
    bool no_kerberos;
    bool allow_ntlm;
    enum nns__record_engine record_engine;
    nns_trace_fn trace;
    void *trace_arg;
    int64_t limits[NNS__LIMITS];

    const struct nns__auth_ops *auth; /* NULL: GSSAPI; tests set the mock */
    void *auth_arg;
    struct nns__keep *keep; /* what the mechanism keeps between connections; changes ever on */

    char message[200];
};

void nns__config_freeze(nns_config *cfg);
/* What every setter begins with: NNS_OK, ARGUMENT (cfg is NULL), FROZEN. */
int nns__config_may_change(nns_config *cfg);
/* Leaves the message of a setter that refuses; answers code. */
int nns__config_refuse(nns_config *cfg, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline size_t nns__config_size_limit(const nns_config *cfg, enum nns_limit limit)
{
    return (size_t)cfg->limits[limit];
}

#endif
