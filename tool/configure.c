/* SPDX-License-Identifier: MIT
 *
 * Options become a configuration.
 */
#include "configure.h"

#include "password.h"
#include "report.h"
#include "trace.h"

static int set_times(nns_config *cfg, const struct options *o)
{
    int handshake = o->command == COMMAND_LISTEN
                        ? NNS_LIMIT_SERVER_HANDSHAKE_MS
                        : NNS_LIMIT_CLIENT_HANDSHAKE_MS; /* a proxy's own */
    int rc = NNS_OK;

    if (o->connect_ms >= 0)
        rc = nns_config_set_limit(cfg, NNS_LIMIT_CONNECT_MS, o->connect_ms);
    if (rc == NNS_OK && o->handshake_ms >= 0)
        rc = nns_config_set_limit(cfg, handshake, o->handshake_ms);
    if (rc == NNS_OK && o->idle_ms >= 0)
        rc = nns_config_set_limit(cfg, NNS_LIMIT_IDLE_MS, o->idle_ms);
    return rc;
}

static int set_counts(nns_config *cfg, const struct options *o)
{
    const struct {
        int32_t limit;
        int value;
    } rows[] = {{NNS_LIMIT_CONNECTIONS, o->max_connections},
                {NNS_LIMIT_HANDSHAKES, o->max_handshakes},
                {NNS_LIMIT_HANDSHAKES_PER_SOURCE, o->max_handshakes_per_source}};
    int rc = NNS_OK;

    for (size_t i = 0; rc == NNS_OK && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value >= 0)
            rc = nns_config_set_limit(cfg, rows[i].limit, rows[i].value);
    }
    return rc;
}

static int set_mechanism(nns_config *cfg, const struct options *o)
{
    if (o->mechanism == MECHANISM_KERBEROS)
        return NNS_OK;
    if (!o->quiet)
        report_line("NTLM is allowed: it does not authenticate servers, and its keys are weak");
    return o->mechanism == MECHANISM_NTLM ? nns_config_insecure_ntlm_only(cfg)
                                          : nns_config_insecure_allow_ntlm(cfg);
}

static int set_policy(nns_config *cfg, const struct options *o)
{
    int rc = set_mechanism(cfg, o);

    if (rc == NNS_OK && o->protection == NNS_PROTECT_NONE)
        rc = nns_config_insecure_allow_unprotected(cfg);
    if (rc == NNS_OK)
        rc = nns_config_set_protection(cfg, o->protection);
    if (rc == NNS_OK)
        rc = nns_config_set_impersonation(cfg, o->impersonation);
    if (rc == NNS_OK && o->accept_delegation)
        rc = nns_config_accept_delegation(cfg, 1);
    for (int i = 0; rc == NNS_OK && i < o->allow_count; i++)
        rc = nns_config_allow_peer(cfg, o->allow[i]);
    if (rc == NNS_OK && o->allow_all)
        rc = nns_config_allow_any_peer(cfg);
    return rc;
}

static int set_credentials(nns_config *cfg, const struct options *o)
{
    int rc = nns_config_set_ccache(cfg, o->ccache);

    if (rc == NNS_OK)
        rc = nns_config_set_client_keytab(cfg, o->client_keytab);
    if (rc == NNS_OK)
        rc = nns_config_set_keytab(cfg, o->keytab);
    if (rc == NNS_OK)
        rc = nns_config_set_acceptor(cfg, o->service);
    if (rc == NNS_OK && o->user != NULL)
        rc = nns_config_set_user(cfg, o->user, password_give, NULL);
    return rc;
}

int configure(nns_config **ret, const struct options *o)
{
    nns_config *cfg;
    int status = password_get(o), rc;

    if (status < 0 && o->trace != NULL)
        status = trace_open(o->trace, o->trace_secrets);
    if (status >= 0) {
        password_wipe();
        return status;
    }
    rc = nns_config_new(&cfg, NULL);
    if (rc != NNS_OK)
        return report_result("configuration", rc);
    rc = set_policy(cfg, o);
    if (rc == NNS_OK)
        rc = set_times(cfg, o);
    if (rc == NNS_OK)
        rc = set_counts(cfg, o);
    if (rc == NNS_OK)
        rc = set_credentials(cfg, o);
    if (rc == NNS_OK && o->record_engine != NULL)
        rc = nns_config_set_record_engine(cfg, o->record_engine);
    if (rc == NNS_OK)
        rc = trace_attach(cfg);
    if (rc == NNS_OK) {
        *ret = cfg;
        return -1;
    }
    status = report_usage("%s", nns_config_message(cfg));
    configure_end(cfg);
    return status;
}

void configure_end(nns_config *cfg)
{
    nns_config_unref(cfg);
    password_wipe();
}
