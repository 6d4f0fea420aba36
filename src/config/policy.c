/* SPDX-License-Identifier: MIT
 *
 * Policy: the checks between "the mechanism is complete" and "the connection is open".
 */
#include "config/policy.h"

#include <string.h>

void nns__facts_free(struct nns__facts *facts, const struct nns__mem *mem)
{
    nns__strfree(mem, facts->peer_name);
    nns__strfree(mem, facts->target);
    if (facts->delegated != NULL)
        facts->delegated_free(facts->delegated);
    nns__strfree(mem, facts->why_ntlm);
    *facts = (struct nns__facts){0};
}

const char *nns__mechanism_name(enum nns__mechanism mechanism)
{
    switch (mechanism) {
    case NNS__MECHANISM_KERBEROS:
        return "Kerberos";
    case NNS__MECHANISM_NTLM:
        return "NTLM";
    case NNS__MECHANISM_UNKNOWN:
        break;
    }
    return NULL;
}

nns_protection nns__policy_level(uint32_t flags)
{
    if ((flags & NNS__FLAG_CONF) != 0)
        return NNS_PROTECT_SEAL;
    return (flags & NNS__FLAG_INTEG) != 0 ? NNS_PROTECT_SIGN : NNS_PROTECT_NONE;
}

nns_impersonation nns__policy_impersonation(uint32_t flags)
{
    if ((flags & NNS__FLAG_DELEGATED) != 0)
        return NNS_DELEGATE;
    return (flags & NNS__FLAG_IDENTIFY) != 0 ? NNS_IDENTIFY : NNS_IMPERSONATE;
}

static int unmet(struct nns__failure *f, const char *what)
{
    return nns__fail(f, NNS_ERR_POLICY, NNS__STATUS_TRUST_FAILURE, "policy: %s", what);
}

static bool is_mechanism_allowed(const nns_config *cfg, enum nns__mechanism mechanism)
{
    switch (mechanism) {
    case NNS__MECHANISM_KERBEROS:
        return !cfg->no_kerberos;
    case NNS__MECHANISM_NTLM:
        return cfg->allow_ntlm;
    case NNS__MECHANISM_UNKNOWN:
        break;
    }
    return false;
}

/* Who allows NTLM takes its strength, and for NTLM alone. */
static int check_strength(const nns_config *cfg, const struct nns__facts *facts,
                          struct nns__failure *f)
{
    if (facts->mechanism == NNS__MECHANISM_NTLM || facts->ssf >= cfg->min_ssf)
        return NNS_OK;
    (void)nns__fail(f, NNS_ERR_POLICY, NNS__STATUS_TRUST_FAILURE,
                    "policy: the session key has %u bits, min SSF is %u", (unsigned)facts->ssf,
                    (unsigned)cfg->min_ssf);
    nns__failure_hint(f, "the service's account has only weak keys (RC4 has 64 bits): give it AES "
                         "keys, or lower min SSF");
    return f->code;
}

/* Kerberos keys of less than 128 bits (RC4, DES) make tokens of RFC 1964, whose sequence number is
 * encrypted: where GSSAPI was not asked to check it, as no .NET client does, nobody can. */
static bool is_order_unknown(const struct nns__facts *facts)
{
    const uint32_t ordered = NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE;

    return facts->mechanism == NNS__MECHANISM_KERBEROS && facts->ssf < 128 &&
           nns__policy_level(facts->flags) != NNS_PROTECT_NONE &&
           (facts->flags & ordered) != ordered;
}

static int check_security(const nns_config *cfg, nns_role role, const struct nns__facts *facts,
                          struct nns__failure *f)
{
    nns_protection level = nns__policy_level(facts->flags);

    if (!is_mechanism_allowed(cfg, facts->mechanism))
        return unmet(f, "the negotiated mechanism is not allowed");
    if ((facts->flags & NNS__FLAG_ANONYMOUS) != 0)
        return unmet(f, "an anonymous peer is not allowed");
    if ((facts->flags & (NNS__FLAG_DCE_STYLE | NNS__FLAG_DATAGRAM)) != 0)
        return unmet(f, "a context of DCE style or for datagrams is not allowed");
    if (level < cfg->protection)
        return nns__fail(f, NNS_ERR_POLICY, NNS__STATUS_TRUST_FAILURE,
                         "policy: protection: level '%s' is required, '%s' was negotiated",
                         nns_protection_name(cfg->protection), nns_protection_name(level));
    /* NTLM cannot: allowing it is to do without. */
    if (role == NNS_CLIENT && facts->mechanism != NNS__MECHANISM_NTLM &&
        (facts->flags & NNS__FLAG_MUTUAL) == 0)
        return unmet(f, "the server has not proved who it is");
    if (role == NNS_SERVER && cfg->require_channel_binding &&
        (facts->flags & NNS__FLAG_CHANNEL_BOUND) == 0)
        return unmet(f, "the client is not bound to the channel");
    if (check_strength(cfg, facts, f) != NNS_OK)
        return f->code;
    if (is_order_unknown(facts))
        return unmet(f, "records with a weak key could be replayed: the client asked for no check");
    return NNS_OK;
}

static int folded(char c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool nns__pattern_matches(const char *pattern, const char *name, bool fold)
{
    const char *star = NULL, *mark = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            mark = name;
        } else if (folded(*pattern, fold) == folded(*name, fold)) {
            pattern++;
            name++;
        } else if (star != NULL && strchr("/@\\", *mark) == NULL) {
            pattern = star + 1;
            name = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* A pattern with a backslash is for NTLM, any other for Kerberos. */
static bool is_allowed(const nns_config *cfg, const struct nns__facts *facts)
{
    bool ntlm = facts->mechanism == NNS__MECHANISM_NTLM;

    if (cfg->allow_any_peer)
        return true;
    if (cfg->allowed == NULL)
        return cfg->defer_authorization;
    for (const struct nns__pattern *p = cfg->allowed; p != NULL; p = p->next) {
        if ((strchr(p->text, '\\') != NULL) == ntlm &&
            nns__pattern_matches(p->text, facts->peer_name, ntlm))
            return true;
    }
    return false;
}

/* No control characters, those of UTF-8 (C2 80 to C2 9F) included: names end up in logs. */
static bool is_printable(const char *name)
{
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name, next = (unsigned char)name[1];

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
            return false;
    }
    return true;
}

static int check_peer(const nns_config *cfg, const struct nns__facts *facts, struct nns__failure *f)
{
    if (facts->peer_name == NULL || !is_printable(facts->peer_name))
        return nns__fail(f, NNS_ERR_REFUSED, NNS__STATUS_TRUST_FAILURE,
                         "policy: the peer's name is empty or unprintable");
    if (is_allowed(cfg, facts))
        return NNS_OK;
    (void)nns__fail(f, NNS_ERR_REFUSED, NNS__STATUS_TRUST_FAILURE,
                    "policy: '%s' is not allowed to connect", facts->peer_name);
    if (cfg->allowed == NULL)
        nns__failure_hint(f, "this server lets nobody in: allow a peer, or defer authorization");
    return f->code;
}

int nns__policy_check(const nns_config *cfg, nns_role role, const struct nns__facts *facts,
                      struct nns__failure *f)
{
    int rc = check_security(cfg, role, facts, f);

    if (rc == NNS_OK && role == NNS_SERVER)
        rc = check_peer(cfg, facts, f);
    return rc;
}
