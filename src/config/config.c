/* SPDX-License-Identifier: MIT
 *
 * The configuration: setters that validate, limits, references, freezing. It decides nothing
 * about a connection; policy.c does.
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MOST ((size_t)1024) /* longest name that any setter takes, bytes */

/* One row a limit: the documented default and bounds. 0 means none where least is 0. */
static const struct {
    const char *name;
    int64_t least;
    int64_t value;
    int64_t most;
} limit_rows[NNS__LIMITS] = {
    [NNS_LIMIT_CONNECT_MS] = {"connect time", 0, 30000, 3600000},
    [NNS_LIMIT_CLIENT_HANDSHAKE_MS] = {"client handshake time", 0, 30000, 300000},
    [NNS_LIMIT_SERVER_HANDSHAKE_MS] = {"server handshake time", 0, 10000, 300000},
    [NNS_LIMIT_IDLE_MS] = {"idle time", 0, 0, 604800000},
    [NNS_LIMIT_HANDSHAKE_BYTES] = {"handshake bytes", 70000, 131072, 524288},
    [NNS_LIMIT_HANDSHAKE_LEGS] = {"handshake legs", 1, 8, 16},
    [NNS_LIMIT_EMPTY_RECORDS] = {"empty records", 0, 16, 1024},
    [NNS_LIMIT_BUFFER_BYTES] = {"buffer bytes", 131072, 1310720, 16777216},
    [NNS_LIMIT_CONNECTIONS] = {"connections", 1, 1000, 1000000},
    [NNS_LIMIT_HANDSHAKES] = {"handshakes", 1, 64, 10000},
    [NNS_LIMIT_HANDSHAKES_PER_SOURCE] = {"handshakes per source", 1, 16, 10000},
};

int nns__config_refuse(nns_config *cfg, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(cfg->message, sizeof(cfg->message), format, args);
    va_end(args);
    return code;
}

int nns_config_new(nns_config **ret, const nns_allocator *alloc)
{
    struct nns__mem mem;
    nns_config *cfg;

    if (ret == NULL || nns__mem_init(&mem, alloc) != NNS_OK)
        return NNS_ERR_ARGUMENT;
    cfg = nns__alloc(&mem, sizeof(*cfg));
    if (cfg == NULL)
        return NNS_ERR_NOMEM;
    cfg->keep = nns__alloc(&mem, sizeof(*cfg->keep));
    if (cfg->keep == NULL) {
        nns__free(&mem, cfg, sizeof(*cfg));
        return NNS_ERR_NOMEM;
    }
    cfg->mem = mem;
    atomic_init(&cfg->references, 1);
    atomic_init(&cfg->frozen, false);
    cfg->protection = NNS_PROTECT_SEAL;
    cfg->impersonation = NNS_IDENTIFY;
    cfg->min_ssf = 128;
    for (size_t i = 0; i < NNS__LIMITS; i++)
        cfg->limits[i] = limit_rows[i].value;
    *ret = cfg;
    return NNS_OK;
}

nns_config *nns_config_ref(nns_config *cfg)
{
    if (cfg != NULL)
        atomic_fetch_add_explicit(&cfg->references, 1, memory_order_relaxed);
    return cfg;
}

void nns_config_unref(nns_config *cfg)
{
    struct nns__mem mem;

    if (cfg == NULL || atomic_fetch_sub_explicit(&cfg->references, 1, memory_order_acq_rel) != 1)
        return;
    mem = cfg->mem;
    nns__keep_clear(cfg->keep);
    nns__free(&mem, cfg->keep, sizeof(*cfg->keep));
    nns__strfree(&mem, cfg->ccache);
    nns__strfree(&mem, cfg->client_keytab);
    nns__strfree(&mem, cfg->keytab);
    nns__strfree(&mem, cfg->acceptor);
    nns__strfree(&mem, cfg->user);
    while (cfg->allowed != NULL) {
        struct nns__pattern *next = cfg->allowed->next;

        nns__strfree(&mem, cfg->allowed->text);
        nns__free(&mem, cfg->allowed, sizeof(*cfg->allowed));
        cfg->allowed = next;
    }
    nns__free_wiped(&mem, cfg, sizeof(*cfg));
}

void nns__config_freeze(nns_config *cfg)
{
    atomic_store_explicit(&cfg->frozen, true, memory_order_relaxed);
}

const char *nns_config_message(const nns_config *cfg)
{
    return cfg != NULL ? cfg->message : "";
}

int nns__config_may_change(nns_config *cfg)
{
    if (cfg == NULL)
        return NNS_ERR_ARGUMENT;
    if (atomic_load_explicit(&cfg->frozen, memory_order_relaxed))
        return NNS_ERR_FROZEN;
    cfg->message[0] = '\0';
    return NNS_OK;
}

static int is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    }
    return 1;
}

/* Checks a name that is not NULL; what names the setting in the message. */
static int check_name(nns_config *cfg, const char *what, const char *name)
{
    size_t length = strnlen(name, NAME_MOST + 1);

    if (length == 0)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "%s: it is empty", what);
    if (length > NAME_MOST)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "%s: longer than %zu bytes", what,
                                  NAME_MOST);
    if (!is_printable(name))
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "%s: it has control characters", what);
    return NNS_OK;
}

/* Replaces *field by a copy of name, or by NULL. */
static int set_name(nns_config *cfg, char **field, const char *what, const char *name)
{
    char *copy = NULL;
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK && name != NULL) {
        rc = check_name(cfg, what, name);
        if (rc == NNS_OK && (copy = nns__strdup(&cfg->mem, name)) == NULL)
            rc = nns__config_refuse(cfg, NNS_ERR_NOMEM, "%s: out of memory", what);
    }
    if (rc != NNS_OK)
        return rc;
    nns__strfree(&cfg->mem, *field);
    *field = copy;
    return NNS_OK;
}

int nns_config_set_ccache(nns_config *cfg, const char *name)
{
    return set_name(cfg, cfg != NULL ? &cfg->ccache : NULL, "credential cache", name);
}

int nns_config_set_client_keytab(nns_config *cfg, const char *name)
{
    return set_name(cfg, cfg != NULL ? &cfg->client_keytab : NULL, "client keytab", name);
}

int nns_config_set_keytab(nns_config *cfg, const char *name)
{
    return set_name(cfg, cfg != NULL ? &cfg->keytab : NULL, "keytab", name);
}

int nns_config_set_acceptor(nns_config *cfg, const char *principal)
{
    return set_name(cfg, cfg != NULL ? &cfg->acceptor : NULL, "acceptor", principal);
}

int nns_config_set_user(nns_config *cfg, const char *user, nns_password_fn fn, void *arg)
{
    int rc = nns__config_may_change(cfg);

    if (rc != NNS_OK)
        return rc;
    if ((user == NULL) != (fn == NULL))
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                  "user: a name and a password function go together");
    rc = set_name(cfg, &cfg->user, "user", user);
    if (rc != NNS_OK)
        return rc;
    cfg->password_fn = fn;
    cfg->password_arg = arg;
    return NNS_OK;
}

int nns_config_set_protection(nns_config *cfg, nns_protection least)
{
    int rc = nns__config_may_change(cfg);

    if (rc != NNS_OK)
        return rc;
    if (least < NNS_PROTECT_NONE || least > NNS_PROTECT_SEAL)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "protection: no such level");
    if (least == NNS_PROTECT_NONE && !cfg->allow_unprotected)
        return nns__config_refuse(
            cfg, NNS_ERR_ARGUMENT,
            "protection: level none needs nns_config_insecure_allow_unprotected()");
    cfg->protection = least;
    return NNS_OK;
}

int nns_config_set_impersonation(nns_config *cfg, nns_impersonation level)
{
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK && (level < NNS_IDENTIFY || level > NNS_DELEGATE))
        rc = nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "impersonation: no such level");
    if (rc == NNS_OK)
        cfg->impersonation = level;
    return rc;
}

int nns_config_set_min_ssf(nns_config *cfg, uint32_t bits)
{
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK && bits > 256)
        rc = nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                "strength: no mechanism has more than 256 bits");
    if (rc == NNS_OK)
        cfg->min_ssf = bits;
    return rc;
}

static int add_pattern(nns_config *cfg, const char *text)
{
    struct nns__pattern *pattern = nns__alloc(&cfg->mem, sizeof(*pattern));

    if (pattern != NULL)
        pattern->text = nns__strdup(&cfg->mem, text);
    if (pattern == NULL || pattern->text == NULL) {
        nns__free(&cfg->mem, pattern, sizeof(*pattern));
        return nns__config_refuse(cfg, NNS_ERR_NOMEM, "allowed peer: out of memory");
    }
    pattern->next = cfg->allowed;
    cfg->allowed = pattern;
    return NNS_OK;
}

/* DOMAIN\name, for NTLM. Its names have none of the characters that Kerberos' are made with, so a
 * pattern can never match a name of the other mechanism. */
static int allow_ntlm_peer(nns_config *cfg, const char *pattern)
{
    size_t domain = strcspn(pattern, "\\");
    const char *name = pattern + domain + 1;

    if (!cfg->allow_ntlm)
        return nns__config_refuse(
            cfg, NNS_ERR_ARGUMENT,
            "allowed peer: '%.100s' is NTLM's form, and NTLM is not allowed: say "
            "NAME@REALM",
            pattern);
    if (domain == 0 || *name == '\0' || strpbrk(name, "\\") != NULL ||
        strpbrk(pattern, "@/") != NULL)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                  "allowed peer: '%.100s' is not DOMAIN\\NAME", pattern);
    if (strcspn(pattern, "*") < domain)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                  "allowed peer: '%.100s': '*' must not stand for a domain",
                                  pattern);
    return add_pattern(cfg, pattern);
}

int nns_config_allow_peer(nns_config *cfg, const char *pattern)
{
    const char *realm;
    int rc = nns__config_may_change(cfg);

    if (rc != NNS_OK)
        return rc;
    if (pattern == NULL)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "allowed peer: no pattern");
    rc = check_name(cfg, "allowed peer", pattern);
    if (rc != NNS_OK)
        return rc;
    if (strchr(pattern, '\\') != NULL)
        return allow_ntlm_peer(cfg, pattern);
    realm = strrchr(pattern, '@');
    if (realm == NULL || realm == pattern || realm[1] == '\0')
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "allowed peer: '%.100s' is not NAME@REALM",
                                  pattern);
    if (strchr(realm, '*') != NULL)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                  "allowed peer: '%.100s': '*' must not stand for a realm",
                                  pattern);
    return add_pattern(cfg, pattern);
}

static int set_flag(nns_config *cfg, bool *field, bool on)
{
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK)
        *field = on;
    return rc;
}

int nns_config_allow_any_peer(nns_config *cfg)
{
    return set_flag(cfg, cfg != NULL ? &cfg->allow_any_peer : NULL, true);
}

int nns_config_defer_authorization(nns_config *cfg, int on)
{
    return set_flag(cfg, cfg != NULL ? &cfg->defer_authorization : NULL, on != 0);
}

int nns_config_accept_delegation(nns_config *cfg, int on)
{
    return set_flag(cfg, cfg != NULL ? &cfg->accept_delegation : NULL, on != 0);
}

int nns_config_require_channel_binding(nns_config *cfg, int on)
{
    return set_flag(cfg, cfg != NULL ? &cfg->require_channel_binding : NULL, on != 0);
}

int nns_config_insecure_allow_unprotected(nns_config *cfg)
{
    return set_flag(cfg, cfg != NULL ? &cfg->allow_unprotected : NULL, true);
}

int nns_config_insecure_allow_ntlm(nns_config *cfg)
{
    return set_flag(cfg, cfg != NULL ? &cfg->allow_ntlm : NULL, true);
}

int nns_config_insecure_ntlm_only(nns_config *cfg)
{
    int rc = nns_config_insecure_allow_ntlm(cfg);

    return rc == NNS_OK ? set_flag(cfg, &cfg->no_kerberos, true) : rc;
}

int nns_config_insecure_no_replay_cache(nns_config *cfg)
{
    return set_flag(cfg, cfg != NULL ? &cfg->no_replay_cache : NULL, true);
}

int nns_config_insecure_outlive_ticket(nns_config *cfg)
{
    return set_flag(cfg, cfg != NULL ? &cfg->outlive_ticket : NULL, true);
}

int nns_config_set_record_engine(nns_config *cfg, const char *name)
{
    static const char *const names[] = {[NNS__RECORD_ENGINE_AUTO] = "auto",
                                        [NNS__RECORD_ENGINE_GSS] = "gss",
                                        [NNS__RECORD_ENGINE_KRB5] = "krb5"};
    int rc = nns__config_may_change(cfg);

    if (rc != NNS_OK)
        return rc;
    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            cfg->record_engine = (enum nns__record_engine)i;
            return NNS_OK;
        }
    }
    return nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                              "record engine: it is 'auto', 'gss' or 'krb5'");
}

int nns_config_set_trace(nns_config *cfg, nns_trace_fn fn, void *arg)
{
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK) {
        cfg->trace = fn;
        cfg->trace_arg = arg;
    }
    return rc;
}

int nns_config_set_limit(nns_config *cfg, int32_t limit, int64_t value)
{
    int rc = nns__config_may_change(cfg);

    if (rc != NNS_OK)
        return rc;
    if (limit < 1 || limit >= NNS__LIMITS)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "limit: there is no number %d",
                                  (int)limit);
    if (value < limit_rows[limit].least || value > limit_rows[limit].most)
        return nns__config_refuse(cfg, NNS_ERR_ARGUMENT, "limit: %s: %lld is not in %lld..%lld",
                                  limit_rows[limit].name, (long long)value,
                                  (long long)limit_rows[limit].least,
                                  (long long)limit_rows[limit].most);
    cfg->limits[limit] = value;
    return NNS_OK;
}

int nns_config_limit(const nns_config *cfg, int32_t limit, int64_t *value)
{
    if (cfg == NULL || value == NULL || limit < 1 || limit >= NNS__LIMITS)
        return NNS_ERR_ARGUMENT;
    *value = cfg->limits[limit];
    return NNS_OK;
}
