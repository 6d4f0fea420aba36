/* SPDX-License-Identifier: MIT
 *
 * What applications that use GSSAPI themselves give and get: nns/gss.h. The only file of this
 * folder that knows GSSAPI; the engine passes the objects along without looking into them.
 */
#include "engine/engine_internal.h"

#include "auth/gss_cred.h"
#include "protect/gss.h"

#include <gssapi/gssapi_ext.h>
#include <nns/gss.h>

int nns_config_set_gss_cred(nns_config *cfg, gss_cred_id_t cred)
{
    int rc = nns__config_may_change(cfg);

    if (rc == NNS_OK && cred != GSS_C_NO_CREDENTIAL && !nns__gss_cred_prepare(cred))
        rc = nns__config_refuse(cfg, NNS_ERR_ARGUMENT,
                                "credential: it is not for both SPNEGO and Kerberos");
    if (rc == NNS_OK)
        cfg->gss_cred = cred;
    return rc;
}

/* True once the facts of the context are the engine's. */
static bool is_negotiated(const nns_engine *e)
{
    return nns_engine_mechanism(e) != NULL;
}

static int check_access(const nns_engine *e)
{
    int rc = nns__engine_usable(e);

    return rc == NNS_OK && !is_negotiated(e) ? NNS_ERR_STATE : rc;
}

int nns_engine_take_delegated_cred(nns_engine *e, gss_cred_id_t *ret)
{
    int rc;

    if (e == NULL || ret == NULL)
        return NNS_ERR_ARGUMENT;
    rc = check_access(e);
    if (rc != NNS_OK)
        return rc;
    *ret = e->facts.delegated;
    e->facts.delegated = NULL;
    return NNS_OK;
}

int nns_engine_store_delegated(nns_engine *e, const char *ccache)
{
    gss_key_value_element_desc element = {"ccache", ccache};
    gss_key_value_set_desc store = {1, &element};
    OM_uint32 major, minor;
    int rc;

    if (e == NULL || ccache == NULL || *ccache == '\0')
        return NNS_ERR_ARGUMENT;
    rc = check_access(e);
    if (rc != NNS_OK)
        return rc;
    if (e->facts.delegated == NULL)
        return NNS_ERR_CREDENTIALS;
    major = gss_store_cred_into(&minor, e->facts.delegated, GSS_C_INITIATE, GSS_C_NO_OID, 1, 0,
                                &store, NULL, NULL);
    return major == GSS_S_COMPLETE ? NNS_OK : NNS_ERR_IO;
}

int nns_engine_gss_context(nns_engine *e, gss_ctx_id_t *ret)
{
    gss_ctx_id_t ctx;
    int rc;

    if (e == NULL || ret == NULL)
        return NNS_ERR_ARGUMENT;
    rc = check_access(e);
    if (rc != NNS_OK)
        return rc;
    ctx = nns__protect_gss_context(&e->protection);
    if (ctx == GSS_C_NO_CONTEXT)
        return NNS_ERR_UNSUPPORTED;
    *ret = ctx;
    return NNS_OK;
}
