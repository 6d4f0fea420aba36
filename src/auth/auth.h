/* SPDX-License-Identifier: MIT
 *
 * Who are you? One security mechanism as the engine sees it: tokens in, tokens out, and at the
 * end facts about the peer and a way to protect data. Every call may block and is made from a
 * job, never from the engine itself.
 */
#ifndef NNS_AUTH_AUTH_H
#define NNS_AUTH_AUTH_H

#include "base/failure.h"
#include "config/config.h"
#include "config/policy.h"
#include "protect/protect.h"

/* Bytes made with the configuration's allocator. */
struct nns__token {
    uint8_t *data; /* NULL when size is 0 */
    size_t size;
};

/* What a mechanism is opened for. Borrowed; what it points to outlives the mechanism. */
struct nns__auth_request {
    const nns_config *cfg;
    nns_role role;
    const char *target;        /* client: never NULL; server: NULL */
    struct nns__token binding; /* to the channel below; size 0: none */
};

struct nns__auth {
    const struct nns__auth_ops *ops;
};

struct nns__auth_ops {
    int (*open)(struct nns__auth **ret, const struct nns__auth_request *request,
                struct nns__failure *f);
    /* One leg. in is the peer's token (size 0 at the client's first); *out becomes ours (perhaps
     * empty), owned by the caller also after a failure; *complete tells that no token of the
     * peer's is wanted any more. */
    int (*step)(struct nns__auth *auth, const uint8_t *in, size_t in_size, struct nns__token *out,
                bool *complete, struct nns__failure *f);
    /* Once, after completion. The caller owns what facts holds, also after a failure. */
    int (*inquire)(struct nns__auth *auth, struct nns__facts *facts, struct nns__failure *f);
    /* Once, after inquire: how data will be protected at this level. The mechanism keeps no part
     * in it; the protection outlives close. */
    int (*protect)(struct nns__auth *auth, const struct nns__facts *facts,
                   struct nns__protection *ret, struct nns__failure *f);
    void (*close)(struct nns__auth *auth);
    /* True if the next call has nobody to wait for, neither a KDC nor who holds a file, so that the
     * caller's own thread may make it. Opens the mechanism where it is not yet and this can be
     * said of it; what comes of such a first call must be forgotten if it fails, and made again
     * as any other. The operation may be NULL. */
    bool (*at_once)(struct nns__auth **auth, const struct nns__auth_request *request);
    /* Between steps: why NTLM is tried although Kerberos is allowed, or NULL. Borrowed, until the
     * next call. The operation may be NULL. */
    const char *(*why_ntlm)(const struct nns__auth *auth);
};

extern const struct nns__auth_ops nns__auth_gss;

#endif
