/* SPDX-License-Identifier: MIT
 *
 * Acquiring credentials. Kerberos alone comes first, because SPNEGO hides why it has none; then
 * SPNEGO beside it, limited to Kerberos. With a password the ticket goes from the first into a
 * cache in memory for the second, so that the KDC is asked once; with a client keytab and no cache
 * both use such a cache.
 */
#include "auth/gss_cred.h"

#include "auth/gss_ntlm.h"
#include "auth/gss_text.h"
#include "auth/names.h"
#include "protect/gss_call.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MOST ((size_t)1024) /* room for a password, with its NUL */

static uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static uint8_t kerberos_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};

const gss_OID_desc nns__gss_spnego = {sizeof(spnego_oid), spnego_oid};
const gss_OID_desc nns__gss_kerberos = {sizeof(kerberos_oid), kerberos_oid};

/* GSSAPI's sets are not const; it does not write to them. */
static gss_OID_desc both[] = {{sizeof(spnego_oid), spnego_oid},
                              {sizeof(kerberos_oid), kerberos_oid}};
static gss_OID_set_desc spnego_and_kerberos = {2, both};
static gss_OID_set_desc kerberos_alone = {1, &both[1]};

/* Where credentials come from. */
struct store {
    gss_key_value_element_desc elements[2];
    gss_key_value_set_desc set;
};

static void store_add(struct store *store, const char *key, const char *value)
{
    store->set.elements = store->elements;
    store->elements[store->set.count++] = (gss_key_value_element_desc){key, value};
}

static int failed(struct nns__failure *f, const struct nns__auth_request *request, OM_uint32 major,
                  OM_uint32 minor, const char *what)
{
    struct nns__gss_status status = {major, minor, request->role, true, NNS_ERR_CREDENTIALS};

    return nns__gss_fail(f, &status, "%s", what);
}

int nns__gss_import_principal(gss_name_t *ret, const char *principal, nns_role role,
                              struct nns__failure *f)
{
    gss_buffer_desc text = nns__gss_buffer(principal, strlen(principal));
    struct nns__gss_status status = {.role = role, .exact = true, .code = NNS_ERR_AUTH};

    status.major = gss_import_name(&status.minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, ret);
    if (status.major == GSS_S_COMPLETE)
        return NNS_OK;
    return nns__gss_fail(f, &status, "name '%.100s'", principal);
}

/* MIT's initiator adds confidentiality and integrity to what was asked for unless told not to. */
static int ask_no_more(gss_cred_id_t cred, const struct nns__auth_request *request,
                       struct nns__failure *f)
{
    gss_buffer_desc none = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor;

    if (request->role != NNS_CLIENT || request->cfg->protection == NNS_PROTECT_SEAL)
        return NNS_OK;
    major = gss_set_cred_option(&minor, &cred, GSS_KRB5_CRED_NO_CI_FLAGS_X, &none);
    if (major == GSS_S_COMPLETE || GSS_ROUTINE_ERROR(major) == GSS_S_UNAVAILABLE)
        return NNS_OK;
    return failed(f, request, major, minor, "credentials");
}

static gss_cred_usage_t usage_of(const struct nns__auth_request *request)
{
    return request->role == NNS_CLIENT ? GSS_C_INITIATE : GSS_C_ACCEPT;
}

/* SPNEGO with Kerberos and nothing else to choose from. */
static int acquire_negotiable(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                              gss_name_t name, const struct store *store, struct nns__failure *f)
{
    OM_uint32 major, minor;

    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &spnego_and_kerberos,
                                  usage_of(request), &store->set, &cred->negotiable, NULL, NULL);
    if (major == GSS_S_COMPLETE)
        major = gss_set_neg_mechs(&minor, cred->negotiable, &kerberos_alone);
    if (major != GSS_S_COMPLETE)
        return failed(f, request, major, minor, "credentials for SPNEGO");
    return ask_no_more(cred->negotiable, request, f);
}

static int no_credentials(struct nns__failure *f, const struct nns__auth_request *request,
                          OM_uint32 major, OM_uint32 minor)
{
    struct nns__gss_status status = {major, minor, request->role, true, NNS_ERR_CREDENTIALS};
    bool client = request->role == NNS_CLIENT;
    const nns_config *cfg = request->cfg;
    const char *name = client ? cfg->ccache : cfg->keytab;

    if (client && cfg->client_keytab != NULL)
        return nns__gss_fail(f, &status, "client keytab '%.100s'", cfg->client_keytab);
    return nns__gss_fail(f, &status, "%s '%.100s'", client ? "credential cache" : "keytab",
                         name != NULL ? name : "of the system");
}

/* From a cache or a keytab. */
static int acquire_stored(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          gss_name_t name, const struct store *store, struct nns__failure *f)
{
    OM_uint32 major, minor;

    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &kerberos_alone,
                                  usage_of(request), &store->set, &cred->kerberos, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return no_credentials(f, request, major, minor);
    return acquire_negotiable(cred, request, name, store, f);
}

/* ---- server ---- */

static bool is_none(const char *name)
{
    return name != NULL && strncmp(name, "none", 4) == 0 && (name[4] == '\0' || name[4] == ':');
}

/* Without a replay cache a ticket that was overheard can be used again. */
int nns__gss_check_replay_cache(const nns_config *cfg, struct nns__failure *f)
{
    const char *name = getenv("KRB5RCACHENAME");

    if (cfg->no_replay_cache || !is_none(name != NULL ? name : getenv("KRB5RCACHETYPE")))
        return NNS_OK;
    (void)nns__fail(f, NNS_ERR_POLICY, NNS__STATUS_INTERNAL_ERROR,
                    "authenticate: replay cache: the environment turns it off");
    nns__failure_hint(f, "unset KRB5RCACHENAME and KRB5RCACHETYPE, or accept replays with "
                         "nns_config_insecure_no_replay_cache()");
    return f->code;
}

static void server_store(struct store *store, const nns_config *cfg, bool replay_cache)
{
    if (cfg->keytab != NULL)
        store_add(store, "keytab", cfg->keytab);
    if (!replay_cache)
        store_add(store, "rcache", "none:");
}

static int acquire_server(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          struct nns__failure *f)
{
    const nns_config *cfg = request->cfg;
    struct store store = {0};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;
    int rc = nns__gss_check_replay_cache(cfg, f);

    if (rc == NNS_OK && cfg->acceptor != NULL)
        rc = nns__gss_import_principal(&name, cfg->acceptor, NNS_SERVER, f);
    if (rc != NNS_OK)
        return rc;
    server_store(&store, cfg, !cfg->no_replay_cache);
    rc = acquire_stored(cred, request, name, &store, f);
    (void)gss_release_name(&minor, &name);
    return rc;
}

int nns__gss_cred_for_reason(gss_cred_id_t *ret, const struct nns__auth_request *request)
{
    struct nns__failure f;
    struct store store = {0};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor;

    if (request->cfg->gss_cred != NULL)
        return NNS_ERR_CREDENTIALS; /* the application's: its replay cache is its own affair */
    if (request->cfg->acceptor != NULL &&
        nns__gss_import_principal(&name, request->cfg->acceptor, NNS_SERVER, &f) != NNS_OK)
        return f.code;
    server_store(&store, request->cfg, false);
    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &kerberos_alone, GSS_C_ACCEPT,
                                  &store.set, ret, NULL, NULL);
    (void)gss_release_name(&minor, &name);
    return major == GSS_S_COMPLETE ? NNS_OK : NNS_ERR_CREDENTIALS;
}

/* ---- client with a cache in memory ---- */

static int krb5_failed(struct nns__failure *f, krb5_error_code minor)
{
    struct nns__gss_status status = {GSS_S_FAILURE, (OM_uint32)minor, NNS_CLIENT, true,
                                     NNS_ERR_CREDENTIALS};

    return nns__gss_fail(f, &status, "credential cache in memory");
}

/* A cache in memory that nobody else knows. *full_name: for krb5_free_string(). */
static int make_private_cache(struct nns__gss_cred *cred, char **full_name, struct nns__failure *f)
{
    krb5_error_code error = krb5_init_context(&cred->krb5);

    if (error == 0)
        error = krb5_cc_new_unique(cred->krb5, "MEMORY", NULL, &cred->cache);
    if (error == 0)
        error = krb5_cc_get_full_name(cred->krb5, cred->cache, full_name);
    return error == 0 ? NNS_OK : krb5_failed(f, error);
}

int nns__gss_cred_from_cache(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                             struct nns__failure *f)
{
    struct store store = {0};
    char *full_name = NULL;
    krb5_error_code error = krb5_cc_get_full_name(cred->krb5, cred->cache, &full_name);
    int rc;

    if (error != 0)
        return krb5_failed(f, error);
    store_add(&store, "ccache", full_name);
    rc = acquire_stored(cred, request, GSS_C_NO_NAME, &store, f);
    krb5_free_string(cred->krb5, full_name);
    return rc;
}

/* Moves the ticket of cred->kerberos to a private cache. The library keeps a copy of the password
 * in that credential, so it goes at once. */
static int store_in_memory(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                           char **full_name, struct nns__failure *f)
{
    struct store store = {0};
    OM_uint32 major, minor;

    if (make_private_cache(cred, full_name, f) != NNS_OK)
        return f->code;
    store_add(&store, "ccache", *full_name);
    major = gss_store_cred_into(&minor, cred->kerberos, GSS_C_INITIATE, &both[1], 1, 1, &store.set,
                                NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(f, request, major, minor, "credential cache in memory");
    (void)gss_release_cred(&minor, &cred->kerberos);
    return NNS_OK;
}

/* The KDC's answer to a password. */
static int log_in(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                  gss_name_t name, const char *password, size_t size, struct nns__failure *f)
{
    gss_buffer_desc secret = nns__gss_buffer(password, size);
    struct nns__gss_status status = {.role = NNS_CLIENT, .exact = true, .code = NNS_ERR_AUTH};

    status.major = gss_acquire_cred_with_password(&status.minor, name, &secret, GSS_C_INDEFINITE,
                                                  &kerberos_alone, GSS_C_INITIATE, &cred->kerberos,
                                                  NULL, NULL);
    if (status.major == GSS_S_COMPLETE)
        return NNS_OK;
    return nns__gss_fail(f, &status, "log in as '%.100s'", request->cfg->user);
}

static int refuse_password(struct nns__failure *f, const nns_config *cfg, int code, const char *why)
{
    return nns__fail(f, code, NNS__STATUS_UNKNOWN_CREDENTIALS,
                     "authenticate: password of '%.100s': %s", cfg->user, why);
}

/* Asks the application; the answer is size bytes in buf. */
static int ask_password(const nns_config *cfg, char buf[PASSWORD_MOST], size_t *size,
                        struct nns__failure *f)
{
    int n = cfg->password_fn(cfg->password_arg, buf, PASSWORD_MOST);

    if (n < 0)
        return refuse_password(f, cfg, n <= NNS_ERR_IO ? n : NNS_ERR_CREDENTIALS,
                               "the application gave none");
    if ((size_t)n >= PASSWORD_MOST)
        return refuse_password(f, cfg, NNS_ERR_CREDENTIALS, "it is too long");
    if (n == 0 || memchr(buf, '\0', (size_t)n) != NULL)
        return refuse_password(f, cfg, NNS_ERR_CREDENTIALS, "it is empty or has a NUL inside");
    *size = (size_t)n;
    return NNS_OK;
}

/* The password is asked for once, and gone afterwards: NTLM's credential is made now or never. */
static int log_in_asking(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                         gss_name_t name, struct nns__failure *f)
{
    const nns_config *cfg = request->cfg;
    char password[PASSWORD_MOST] = {0};
    size_t size = 0;
    int rc = ask_password(cfg, password, &size, &cred->ntlm_failure);

    if (rc != NNS_OK)
        *f = cred->ntlm_failure;
    if (rc == NNS_OK && cfg->allow_ntlm)
        (void)nns__gss_ntlm_log_in(cred, request, password, &cred->ntlm_failure);
    if (rc == NNS_OK && !cfg->no_kerberos)
        rc = log_in(cred, request, name, password, size, f);
    nns__wipe(password, sizeof(password));
    return rc;
}

static int acquire_with_password(struct nns__gss_cred *cred,
                                 const struct nns__auth_request *request, struct nns__failure *f)
{
    const struct nns__mem *mem = &request->cfg->mem;
    gss_name_t name = GSS_C_NO_NAME;
    char *user = NULL, *full_name = NULL;
    OM_uint32 minor;
    int rc = nns__user_principal(&user, mem, request->cfg->user, f);

    if (rc == NNS_OK)
        rc = nns__gss_import_principal(&name, user, NNS_CLIENT, f);
    if (rc == NNS_OK)
        rc = log_in_asking(cred, request, name, f);
    if (rc == NNS_OK && cred->kerberos != GSS_C_NO_CREDENTIAL)
        rc = store_in_memory(cred, request, &full_name, f);
    if (rc == NNS_OK && full_name != NULL)
        rc = nns__gss_cred_from_cache(cred, request, f);
    if (full_name != NULL)
        krb5_free_string(cred->krb5, full_name);
    (void)gss_release_name(&minor, &name);
    nns__strfree(mem, user);
    return rc;
}

/* The library itself gets and renews the ticket, in the cache that it is given. */
static int acquire_with_keytab(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                               struct nns__failure *f)
{
    const nns_config *cfg = request->cfg;
    struct store store = {0};
    char *full_name = NULL;
    int rc = NNS_OK;

    if (cfg->ccache == NULL)
        rc = make_private_cache(cred, &full_name, f);
    if (rc == NNS_OK) {
        store_add(&store, "client_keytab", cfg->client_keytab);
        store_add(&store, "ccache", cfg->ccache != NULL ? cfg->ccache : full_name);
        rc = acquire_stored(cred, request, GSS_C_NO_NAME, &store, f);
    }
    if (full_name != NULL)
        krb5_free_string(cred->krb5, full_name);
    return rc;
}

/* ---- either ---- */

/* The application's own, which is for both mechanisms. */
static int borrow(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                  struct nns__failure *f)
{
    cred->kerberos = cred->negotiable = request->cfg->gss_cred;
    cred->borrowed = true;
    if (request->role == NNS_SERVER)
        return nns__gss_check_replay_cache(request->cfg, f);
    return ask_no_more(cred->negotiable, request, f);
}

static bool has_mechanism(const gss_OID_set_desc *set, const gss_OID_desc *wanted)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        const gss_OID_desc *oid = &set->elements[i];

        if (oid->length == wanted->length &&
            memcmp(oid->elements, wanted->elements, wanted->length) == 0)
            return true;
    }
    return false;
}

bool nns__gss_cred_prepare(gss_cred_id_t cred)
{
    gss_OID_set mechanisms = GSS_C_NO_OID_SET;
    OM_uint32 major, minor;
    bool good;

    major = gss_inquire_cred(&minor, cred, NULL, NULL, NULL, &mechanisms);
    good = major == GSS_S_COMPLETE && has_mechanism(mechanisms, &nns__gss_spnego) &&
           has_mechanism(mechanisms, &nns__gss_kerberos) &&
           gss_set_neg_mechs(&minor, cred, &kerberos_alone) == GSS_S_COMPLETE;
    (void)gss_release_oid_set(&minor, &mechanisms);
    return good;
}

int nns__gss_cred_acquire(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          struct nns__failure *f)
{
    struct store store = {0};

    if (request->role == NNS_CLIENT && request->cfg->user != NULL && request->cfg->gss_cred == NULL)
        return acquire_with_password(cred, request, f);
    if (request->cfg->no_kerberos)
        return NNS_OK;
    if (request->cfg->gss_cred != NULL)
        return borrow(cred, request, f);
    if (request->role == NNS_SERVER)
        return acquire_server(cred, request, f);
    if (request->cfg->client_keytab != NULL)
        return acquire_with_keytab(cred, request, f);
    if (request->cfg->ccache != NULL)
        store_add(&store, "ccache", request->cfg->ccache);
    return acquire_stored(cred, request, GSS_C_NO_NAME, &store, f);
}

void nns__gss_cred_release(struct nns__gss_cred *cred)
{
    OM_uint32 minor;

    if (!cred->borrowed) {
        (void)gss_release_cred(&minor, &cred->negotiable);
        (void)gss_release_cred(&minor, &cred->kerberos);
    }
    (void)gss_release_cred(&minor, &cred->ntlm);
    (void)gss_release_name(&minor, &cred->name);
    if (cred->cache != NULL)
        (void)krb5_cc_destroy(cred->krb5, cred->cache);
    if (cred->krb5 != NULL)
        krb5_free_context(cred->krb5);
    nns__strfree(&cred->mem, cred->target);
    nns__strfree(&cred->mem, cred->known_as);
}
