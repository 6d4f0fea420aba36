/* SPDX-License-Identifier: MIT
 *
 * Policy: is what was negotiated good enough, and may this peer come in? It works on facts that
 * the mechanism reported after it was complete, before the peer hears of success. It knows no
 * mechanism's library and no wire.
 */
#ifndef NNS_CONFIG_POLICY_H
#define NNS_CONFIG_POLICY_H

#include "base/failure.h"
#include "config/config.h"

/* Properties of a security context; bits of our own. */
#define NNS__FLAG_MUTUAL (1u << 0)
#define NNS__FLAG_INTEG (1u << 1)
#define NNS__FLAG_CONF (1u << 2)
#define NNS__FLAG_REPLAY (1u << 3)
#define NNS__FLAG_SEQUENCE (1u << 4)
#define NNS__FLAG_ANONYMOUS (1u << 5)
#define NNS__FLAG_DCE_STYLE (1u << 6)
#define NNS__FLAG_DATAGRAM (1u << 7)
#define NNS__FLAG_IDENTIFY (1u << 8)
#define NNS__FLAG_DELEGATED (1u << 9)
#define NNS__FLAG_CHANNEL_BOUND (1u << 10)

enum nns__mechanism {
    NNS__MECHANISM_UNKNOWN, /* none of ours: never allowed */
    NNS__MECHANISM_KERBEROS,
    NNS__MECHANISM_NTLM
};

/* "Kerberos", "NTLM"; NULL for another. */
const char *nns__mechanism_name(enum nns__mechanism mechanism);

/* What the mechanism says when it is complete. Strings are owned, or NULL. */
struct nns__facts {
    enum nns__mechanism mechanism;
    uint32_t flags;     /* NNS__FLAG_ bits */
    uint32_t ssf;       /* strength of the session key, bits */
    int64_t ticket_end; /* seconds since 1970, 0: unknown */
    int32_t key_type;   /* of the session key, as RFC 3961 numbers it; 0: unknown */
    char enctype[48];   /* its name, "": unknown */
    char *peer_name;    /* server: the client's */
    char *target;       /* whom the client asked for */
    void *delegated;    /* server: the client's credentials, the mechanism's own object, or NULL */
    void (*delegated_free)(void *delegated);
    char *why_ntlm; /* why it is not Kerberos, which is allowed too */
};

void nns__facts_free(struct nns__facts *facts, const struct nns__mem *mem);

/* The level that flags give: CONF, else INTEG, else none ([MS-NNS] 3.1.4.1). */
nns_protection nns__policy_level(uint32_t flags);
/* What the client lets the server do, from the same flags ([MS-NNS] 3.2.4.1). */
nns_impersonation nns__policy_impersonation(uint32_t flags);
/* NNS_OK, or NNS_ERR_POLICY or NNS_ERR_REFUSED in f, which tell the peer 1790. */
int nns__policy_check(const nns_config *cfg, nns_role role, const struct nns__facts *facts,
                      struct nns__failure *f);
/* True if name matches pattern: '*' stands for a run without '/', '@' and '\'. fold: case of ASCII
 * letters does not matter. */
bool nns__pattern_matches(const char *pattern, const char *name, bool fold);

#endif
