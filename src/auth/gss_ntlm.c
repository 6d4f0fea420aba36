/* SPDX-License-Identifier: MIT
 *
 * NTLM through gss-ntlmssp. It is asked alone first, for its exact error, then beside SPNEGO. A
 * password goes by its own key of the credential store, which Kerberos inside of SPNEGO does not
 * know: no KDC is asked. A server's credential is acquired without a store, with which gss-ntlmssp
 * makes none.
 */
#include "auth/gss_ntlm.h"

#include "auth/names.h"
#include "protect/gss_call.h"

#include <gssapi/gssapi_ext.h>
#include <stdatomic.h>
#include <string.h>

static uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static uint8_t ntlm_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};

const gss_OID_desc nns__gss_ntlm = {sizeof(ntlm_oid), ntlm_oid};

/* GSSAPI's sets are not const; it does not write to them. */
static gss_OID_desc both[] = {{sizeof(spnego_oid), spnego_oid}, {sizeof(ntlm_oid), ntlm_oid}};
static gss_OID_set_desc spnego_and_ntlm = {2, both};
static gss_OID_set_desc ntlm_alone = {1, &both[1]};

/* ---- what went wrong ---- */

static const char no_library[] = "NTLM needs the library gss-ntlmssp: install the package "
                                 "gss-ntlmssp (Debian, Ubuntu) or gssntlmssp (Fedora)";
static const char no_openssl[] = "gss-ntlmssp cannot use OpenSSL: NTLM needs MD4 and RC4, which "
                                 "OpenSSL 3 has in its legacy provider (legacy.so) alone";

/* The words serve a hint, no decision: under SPNEGO the number means nothing. */
static bool is_openssl(const struct nns__failure *f)
{
    return strstr(f->mech_text, "Crypto routine failure") != NULL;
}

/* A server without those ciphers finds no account, and says so. Once a process it is worth a try,
 * after the first login that failed: who would log in as nobody, and does OpenSSL object? */
static bool has_ciphers(void)
{
    static atomic_bool proved;
    gss_buffer_desc text = nns__gss_buffer("nobody", 6);
    gss_key_value_element_desc element = {"ntlmssp_password", "none"};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor;

    if (atomic_load(&proved))
        return true;
    major = gss_import_name(&minor, &text, GSS_C_NT_USER_NAME, &name);
    if (major == GSS_S_COMPLETE)
        major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &ntlm_alone, GSS_C_INITIATE,
                                      &store, &cred, NULL, NULL);
    (void)gss_release_name(&minor, &name);
    (void)gss_release_cred(&minor, &cred);
    atomic_store(&proved, major == GSS_S_COMPLETE);
    return major == GSS_S_COMPLETE;
}

static const char *hint_of(const struct nns__failure *f, const struct nns__gss_status *status,
                           bool last)
{
    if (GSS_ROUTINE_ERROR(status->major) == GSS_S_BAD_MECH)
        return no_library;
    if (is_openssl(f) || (last && !has_ciphers()))
        return no_openssl;
    if (last)
        return "the user or the password is wrong, or this server does not have the account: its "
               "accounts are in the file that NTLM_USER_FILE names, or come from winbind";
    if (status->code == NNS_ERR_CREDENTIALS)
        return "give a user and a password, or name a file with DOMAIN:USER:PASSWORD in "
               "NTLM_USER_FILE";
    return NULL;
}

int nns__gss_ntlm_fail(struct nns__failure *f, const struct nns__gss_status *status, bool last)
{
    bool denied = last && GSS_ROUTINE_ERROR(status->major) != GSS_S_DEFECTIVE_TOKEN;
    const char *hint;

    (void)nns__gss_fail(f, status, "NTLM");
    hint = hint_of(f, status, denied);
    if (hint != NULL)
        nns__failure_hint(f, "%s", hint);
    if (hint == no_library)
        f->tell_peer = NNS__STATUS_UNSUPPORTED_FUNCTION;
    else if (denied)
        f->tell_peer = NNS__STATUS_LOGON_DENIED;
    return f->code;
}

/* ---- credentials ---- */

static int failed(struct nns__failure *f, nns_role role, OM_uint32 major, OM_uint32 minor)
{
    struct nns__gss_status status = {major, minor, role, false, NNS_ERR_CREDENTIALS};

    return nns__gss_ntlm_fail(f, &status, false);
}

static int acquire(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                   gss_name_t name, const gss_key_value_set_desc *store, struct nns__failure *f)
{
    gss_cred_usage_t usage = request->role == NNS_CLIENT ? GSS_C_INITIATE : GSS_C_ACCEPT;
    gss_cred_id_t alone = GSS_C_NO_CREDENTIAL;
    OM_uint32 major, minor, ignored;

    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &ntlm_alone, usage, store, &alone,
                                  NULL, NULL);
    (void)gss_release_cred(&ignored, &alone);
    if (major == GSS_S_COMPLETE)
        major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &spnego_and_ntlm, usage,
                                      store, &cred->ntlm, NULL, NULL);
    if (major == GSS_S_COMPLETE)
        major = gss_set_neg_mechs(&minor, cred->ntlm, &ntlm_alone);
    if (major == GSS_S_COMPLETE)
        return NNS_OK;
    (void)failed(f, request->role, major, minor);
    (void)gss_release_cred(&ignored, &cred->ntlm);
    return f->code;
}

int nns__gss_ntlm_log_in(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                         const char *password, struct nns__failure *f)
{
    const char *user = request->cfg->user;
    gss_buffer_desc text = nns__gss_buffer(user, strlen(user));
    gss_key_value_element_desc element = {"ntlmssp_password", password};
    gss_key_value_set_desc store = {1, &element};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor;
    int rc;

    major = gss_import_name(&minor, &text, GSS_C_NT_USER_NAME, &name);
    if (major != GSS_S_COMPLETE)
        return failed(f, NNS_CLIENT, major, minor);
    rc = acquire(cred, request, name, &store, f);
    (void)gss_release_name(&minor, &name);
    return rc;
}

int nns__gss_ntlm_acquire(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          struct nns__failure *f)
{
    if (cred->ntlm != GSS_C_NO_CREDENTIAL)
        return NNS_OK;
    if (request->role == NNS_SERVER || request->cfg->user == NULL)
        return acquire(cred, request, GSS_C_NO_NAME, GSS_C_NO_CRED_STORE, f);
    *f = cred->ntlm_failure;
    return f->code;
}

int nns__gss_ntlm_target(gss_name_t *ret, const struct nns__auth_request *request,
                         struct nns__failure *f)
{
    const struct nns__mem *mem = &request->cfg->mem;
    gss_buffer_desc text;
    OM_uint32 major, minor;
    char *service;

    if (nns__target_hostbased(&service, mem, request->target, f) != NNS_OK)
        return f->code;
    text = nns__gss_buffer(service, strlen(service));
    major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, ret);
    if (major != GSS_S_COMPLETE) {
        struct nns__gss_status status = {major, minor, NNS_CLIENT, false, NNS_ERR_AUTH};

        (void)nns__gss_fail(f, &status, "name '%.100s'", service);
    }
    nns__strfree(mem, service);
    return major == GSS_S_COMPLETE ? NNS_OK : f->code;
}
