/* SPDX-License-Identifier: MIT
 *
 * The mechanisms of GSSAPI: Kerberos through SPNEGO, which a server also takes without, and NTLM
 * where that is allowed. One connection has one mechanism: a client begins with Kerberos and turns
 * to NTLM only before it has sent anything, a server picks by the client's first token, and SPNEGO
 * never has two to choose from. Tokens go to the library and what came out is reported; whether
 * that is good enough is policy's to say, never decided here.
 *
 * Error tokens that the library makes are dropped: the peer gets a HandshakeError record.
 */
#include "protect/gss.h"
#include "auth/auth.h"
#include "auth/first_token.h"
#include "auth/gss_facts.h"
#include "auth/gss_ntlm.h"
#include "auth/gss_reason.h"
#include "auth/gss_share.h"
#include "auth/gss_text.h"
#include "auth/gss_ticket.h"
#include "auth/names.h"
#include "auth/neg_token.h"
#include "frame/handshake_record.h"
#include "protect/gss_call.h"
#include "protect/krb5_export.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A client's call that took longer than this is not made again to learn why it failed. */
#define DIAGNOSE_SECONDS 3

struct gss_auth {
    struct nns__auth base;
    struct nns__auth_request request;
    struct nns__gss_cred *cred;
    gss_ctx_id_t ctx;
    gss_cred_id_t delegated; /* server */
    gss_name_t peer;         /* server, Kerberos: the client, once the context is complete */
    bool ntlm;               /* it is the mechanism, not Kerberos */
    bool mic;                /* the peer may have sent a mechListMIC */
    bool started;            /* a token went through the mechanism */
    bool finished;           /* it is complete, or it failed: no token any more */
    bool worked;             /* it is complete */
    struct nns__failure
        kerberos; /* NTLM allowed: why there is no Kerberos; code NNS_OK: there is */
};

static int no_memory(struct nns__failure *f)
{
    return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "authenticate: out of memory");
}

static void close_auth(struct nns__auth *auth)
{
    struct gss_auth *a = (struct gss_auth *)auth;
    OM_uint32 minor;

    (void)gss_delete_sec_context(&minor, &a->ctx, GSS_C_NO_BUFFER);
    (void)gss_release_cred(&minor, &a->delegated);
    (void)gss_release_name(&minor, &a->peer);
    nns__gss_give_back(a->cred, a->request.cfg, a->worked && !a->ntlm);
    nns__free(&a->request.cfg->mem, a, sizeof(*a));
}

static int import_target(struct gss_auth *a, struct nns__failure *f)
{
    const struct nns__mem *mem = &a->request.cfg->mem;
    char *principal = NULL;
    int rc = nns__target_principal(&principal, mem, a->request.target, f);

    if (rc == NNS_OK)
        rc = nns__gss_import_principal(&a->cred->name, principal, NNS_CLIENT, f);
    nns__strfree(mem, principal);
    return rc;
}

/* From here on the mechanism is NTLM. */
static int use_ntlm(struct gss_auth *a, struct nns__failure *f)
{
    OM_uint32 minor;
    int rc = nns__gss_ntlm_acquire(a->cred, &a->request, f);

    a->ntlm = true;
    if (rc != NNS_OK || a->request.role == NNS_SERVER)
        return rc;
    (void)gss_release_name(&minor, &a->cred->name);
    return nns__gss_ntlm_target(&a->cred->name, &a->request, f);
}

/* Kerberos cannot begin, for the reason f. True if NTLM may take its place: the reason is kept. A
 * kept ticket that does not do says nothing of others; the call is made again without it. */
static bool may_do_without(struct gss_auth *a, const struct nns__failure *f)
{
    if (!a->request.cfg->allow_ntlm || a->request.cfg->no_kerberos || a->cred->known_as != NULL ||
        (f->code != NNS_ERR_AUTH && f->code != NNS_ERR_CREDENTIALS))
        return false;
    a->kerberos = *f;
    return true;
}

/* A client goes on with NTLM. If that cannot begin either, Kerberos' reason counts. */
static int fall_back(struct gss_auth *a, struct nns__failure *f)
{
    struct nns__failure ntlm;
    char hint[sizeof(f->hint)];

    if (use_ntlm(a, &ntlm) == NNS_OK)
        return NNS_OK;
    (void)snprintf(hint, sizeof(hint), "%s", f->hint);
    nns__failure_hint(f, "%.150s%sNTLM is allowed, but: %.150s", hint, hint[0] != '\0' ? "; " : "",
                      ntlm.message);
    return f->code;
}

static int prepare_client(struct gss_auth *a, struct nns__failure *f)
{
    int rc = import_target(a, f);

    if (rc != NNS_OK)
        return rc;
    rc = nns__gss_cred_acquire(a->cred, &a->request, f);
    if (rc == NNS_OK)
        return a->request.cfg->no_kerberos ? use_ntlm(a, f) : NNS_OK;
    return may_do_without(a, f) ? fall_back(a, f) : rc;
}

/* Without a keytab a server may still take NTLM: what comes first will tell. */
static int prepare_server(struct gss_auth *a, struct nns__failure *f)
{
    int rc = nns__gss_cred_acquire(a->cred, &a->request, f);

    return rc == NNS_OK || may_do_without(a, f) ? NNS_OK : rc;
}

/* With these credentials, or NULL: then with none, and without memory. */
static struct gss_auth *auth_new(const struct nns__auth_request *request,
                                 struct nns__gss_cred *cred)
{
    struct gss_auth *a = cred != NULL ? nns__alloc(&request->cfg->mem, sizeof(*a)) : NULL;

    if (a == NULL) {
        nns__gss_give_back(cred, request->cfg, false);
        return NULL;
    }
    a->base.ops = &nns__auth_gss;
    a->request = *request;
    a->cred = cred;
    return a;
}

/* Kept credentials of a client are those of a ticket in memory: neither they nor a KDC need be
 * waited for. A server's look for replays in a file that others lock. */
static bool at_once(struct nns__auth **auth, const struct nns__auth_request *request)
{
    struct nns__gss_cred *cred = NULL;
    struct gss_auth *a = (struct gss_auth *)*auth;

    if (request->role == NNS_CLIENT && a == NULL)
        cred = nns__gss_kept(request);
    if (cred != NULL) {
        a = auth_new(request, cred);
        *auth = a != NULL ? &a->base : NULL;
    }
    return a != NULL && a->request.role == NNS_CLIENT && a->cred->lasts;
}

static int open_auth(struct nns__auth **ret, const struct nns__auth_request *request,
                     struct nns__failure *f)
{
    struct nns__gss_cred *kept = request->role == NNS_SERVER ? nns__gss_kept(request) : NULL;
    struct gss_auth *a = auth_new(request, kept != NULL ? kept : nns__gss_cred_new(request));
    int rc = NNS_OK;

    if (a == NULL)
        return no_memory(f);
    if (kept == NULL)
        rc = request->role == NNS_CLIENT ? prepare_client(a, f) : prepare_server(a, f);
    if (rc != NNS_OK) {
        close_auth(&a->base);
        return rc;
    }
    *ret = &a->base;
    return NNS_OK;
}

/* ---- one leg of a client ---- */

/* What a client asks for ([MS-NNS] 3.1.4.1). REPLAY and SEQUENCE say nothing where records are
 * not protected; gss-ntlmssp would sign then. NTLM has no mutual authentication. */
static OM_uint32 wanted_flags(const struct gss_auth *a)
{
    const nns_config *cfg = a->request.cfg;
    OM_uint32 flags = a->ntlm ? 0 : GSS_C_MUTUAL_FLAG;

    if (cfg->impersonation == NNS_IDENTIFY)
        flags |= GSS_C_IDENTIFY_FLAG;
    if (cfg->impersonation == NNS_DELEGATE && !a->ntlm)
        flags |= GSS_C_DELEG_FLAG;
    if (cfg->protection >= NNS_PROTECT_SIGN)
        flags |= GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    if (cfg->protection >= NNS_PROTECT_SEAL)
        flags |= GSS_C_CONF_FLAG;
    return flags;
}

/* Any other status is a failure, those with supplementary bits too. */
static bool went_well(OM_uint32 major)
{
    return major == GSS_S_COMPLETE || major == GSS_S_CONTINUE_NEEDED;
}

/* The channel that this connection is bound to, in *room, or none. */
static gss_channel_bindings_t bindings(const struct gss_auth *a,
                                       struct gss_channel_bindings_struct *room)
{
    const struct nns__token *binding = &a->request.binding;

    if (binding->size == 0)
        return GSS_C_NO_CHANNEL_BINDINGS;
    *room = (struct gss_channel_bindings_struct){.application_data =
                                                     nns__gss_buffer(binding->data, binding->size)};
    return room;
}

static OM_uint32 initiate(const struct gss_auth *a, gss_cred_id_t cred, gss_ctx_id_t *ctx,
                          const gss_OID_desc *mechanism, gss_buffer_t in, gss_buffer_t out,
                          OM_uint32 *minor)
{
    union {
        const gss_OID_desc *in;
        gss_OID out;
    } oid = {.in = mechanism};
    struct gss_channel_bindings_struct room;

    return gss_init_sec_context(minor, cred, ctx, a->cred->name, oid.out, wanted_flags(a),
                                GSS_C_INDEFINITE, bindings(a, &room), in, NULL, out, NULL, NULL);
}

/* SPNEGO does not tell why it failed in a way that means something outside of this process. If
 * no token was exchanged yet, Kerberos alone is asked the same, for its reason only: whatever
 * comes of it, the connection has failed. */
static void diagnose(const struct gss_auth *a, struct nns__failure *f)
{
    struct nns__gss_status status = {.role = NNS_CLIENT, .exact = true, .code = NNS_ERR_AUTH};
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    status.major = initiate(a, a->cred->kerberos, &ctx, &nns__gss_kerberos, GSS_C_NO_BUFFER, &out,
                            &status.minor);
    if (!went_well(status.major))
        (void)nns__gss_fail(f, &status, "ask for %.100s", a->request.target);
    nns__gss_release(&out, GSS_S_FAILURE);
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

static time_t now(void)
{
    struct timespec at = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec;
}

/* A client's call of Kerberos failed. Before its first token it may turn to NTLM. */
static int kerberos_failed(struct gss_auth *a, const struct nns__gss_status *status, time_t start,
                           struct nns__failure *f)
{
    OM_uint32 minor;

    if (a->started)
        return nns__gss_fail(f, status, "answer of %.100s", a->request.target);
    (void)nns__gss_fail(f, status, "ask for %.100s", a->request.target);
    if (now() - start <= DIAGNOSE_SECONDS)
        diagnose(a, f);
    if (!may_do_without(a, f))
        return f->code;
    (void)gss_delete_sec_context(&minor, &a->ctx, GSS_C_NO_BUFFER);
    return fall_back(a, f);
}

static int step_ntlm_client(struct gss_auth *a, gss_buffer_t in, gss_buffer_t out, OM_uint32 *major,
                            struct nns__failure *f)
{
    struct nns__gss_status status = {.role = NNS_CLIENT, .code = NNS_ERR_AUTH};
    bool alone = a->request.cfg->no_kerberos;

    *major = initiate(a, a->cred->ntlm, &a->ctx, alone ? &nns__gss_ntlm : &nns__gss_spnego, in, out,
                      &status.minor);
    if (went_well(*major))
        return NNS_OK;
    status.major = *major;
    return nns__gss_ntlm_fail(f, &status, false);
}

static int step_client(struct gss_auth *a, gss_buffer_t in, gss_buffer_t out, OM_uint32 *major,
                       struct nns__failure *f)
{
    struct nns__gss_status status = {.role = NNS_CLIENT, .code = NNS_ERR_AUTH};
    time_t start = now();

    if (a->ntlm)
        return step_ntlm_client(a, in, out, major, f);
    *major = initiate(a, a->cred->negotiable, &a->ctx, &nns__gss_spnego, in, out, &status.minor);
    if (went_well(*major))
        return NNS_OK;
    status.major = *major;
    if (kerberos_failed(a, &status, start, f) != NNS_OK)
        return f->code;
    nns__gss_release(out, *major);
    return step_ntlm_client(a, in, out, major, f);
}

/* ---- one leg of a server ---- */

static int refuse_first(struct nns__failure *f, int code, uint32_t tell_peer, const char *why)
{
    return nns__fail(f, code, tell_peer, "authenticate: client's first token: %s", why);
}

static int refuse_mechanism(struct nns__failure *f, const char *why)
{
    return refuse_first(f, NNS_ERR_AUTH, NNS__STATUS_UNSUPPORTED_FUNCTION, why);
}

/* The client has nothing but NTLM to offer. */
static int pick_ntlm(struct gss_auth *a, struct nns__failure *f)
{
    if (a->request.cfg->allow_ntlm)
        return use_ntlm(a, f);
    (void)refuse_mechanism(f, "it is NTLM, and only Kerberos is allowed");
    nns__failure_hint(f, "the client found no Kerberos ticket: check the target it asks for");
    return f->code;
}

static int pick_kerberos(struct gss_auth *a, struct nns__failure *f)
{
    if (a->request.cfg->no_kerberos)
        return refuse_mechanism(f, "it is Kerberos, and only NTLM is allowed");
    if (a->kerberos.code == NNS_OK)
        return NNS_OK;
    *f = a->kerberos;
    return f->code;
}

/* SPNEGO: Kerberos if the client offers it and we have it, else NTLM. What we cannot read is for
 * the library to refuse. */
static int pick_offered(struct gss_auth *a, const uint8_t *token, size_t size,
                        struct nns__failure *f)
{
    bool kerberos = !a->request.cfg->no_kerberos && a->kerberos.code == NNS_OK;
    struct nns__neg_token offered;

    if (!nns__neg_token_read(&offered, token, size))
        return kerberos ? NNS_OK : use_ntlm(a, f);
    if (offered.kerberos && kerberos)
        return NNS_OK;
    if (offered.ntlm && (a->request.cfg->allow_ntlm || !offered.kerberos))
        return pick_ntlm(a, f);
    if (offered.kerberos)
        return pick_kerberos(a, f);
    return refuse_mechanism(f, "it offers no mechanism that is allowed");
}

/* Decides on a client's first token before GSSAPI sees it. */
static int pick_mechanism(struct gss_auth *a, const uint8_t *token, size_t size,
                          struct nns__failure *f)
{
    switch (nns__first_token(token, size)) {
    case NNS__FIRST_TOKEN_SPNEGO:
        return pick_offered(a, token, size, f);
    case NNS__FIRST_TOKEN_KERBEROS:
        return pick_kerberos(a, f);
    case NNS__FIRST_TOKEN_NTLM:
        return pick_ntlm(a, f);
    case NNS__FIRST_TOKEN_OTHER:
        return refuse_mechanism(f, "it is of a mechanism that is not allowed");
    case NNS__FIRST_TOKEN_AP_REQ:
        return refuse_first(f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN,
                            "it is a Kerberos AP-REQ without its frame");
    case NNS__FIRST_TOKEN_UNKNOWN:
    default:
        return refuse_first(f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN,
                            "it is of no known mechanism");
    }
}

/* A client that does without SPNEGO gives the reasons of Kerberos itself. */
static int not_accepted(struct gss_auth *a, const gss_buffer_desc *in,
                        struct nns__gss_status *status, struct nns__failure *f)
{
    if (a->ntlm)
        return nns__gss_ntlm_fail(f, status, a->started);
    status->exact = nns__first_token(in->value, in->length) == NNS__FIRST_TOKEN_KERBEROS;
    (void)nns__gss_fail(f, status, "accept the client");
    if (!status->exact && !a->started)
        nns__gss_reason_accept(f, &a->request, in->value, in->length);
    return f->code;
}

static int step_server(struct gss_auth *a, gss_buffer_t in, gss_buffer_t out, OM_uint32 *major,
                       struct nns__failure *f)
{
    struct nns__gss_status status = {.role = NNS_SERVER, .code = NNS_ERR_AUTH};
    struct gss_channel_bindings_struct room;
    OM_uint32 ignored;

    if (!a->started && pick_mechanism(a, in->value, in->length, f) != NNS_OK)
        return f->code;
    (void)gss_release_name(&ignored, &a->peer);
    *major = gss_accept_sec_context(&status.minor, &a->ctx,
                                    a->ntlm ? a->cred->ntlm : a->cred->negotiable, in,
                                    bindings(a, &room), a->ntlm ? NULL : &a->peer, NULL, out, NULL,
                                    NULL, a->request.cfg->accept_delegation ? &a->delegated : NULL);
    if (went_well(*major))
        return NNS_OK;
    status.major = *major;
    if (GSS_ROUTINE_ERROR(*major) == GSS_S_BAD_BINDINGS)
        status.code = NNS_ERR_POLICY;
    return not_accepted(a, in, &status, f);
}

/* ---- either ---- */

/* Copies what the mechanism wants to send. */
static int take_token(struct gss_auth *a, const gss_buffer_desc *from, struct nns__token *to,
                      struct nns__failure *f)
{
    if (from->length == 0)
        return NNS_OK;
    if (from->length > NNS__HANDSHAKE_PAYLOAD) {
        (void)nns__fail(f, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
                        "authenticate: own token: %zu bytes do not fit into a handshake record",
                        from->length);
        nns__failure_hint(f, "the ticket may hold too many groups");
        return f->code;
    }
    to->data = nns__alloc(&a->request.cfg->mem, from->length);
    if (to->data == NULL)
        return no_memory(f);
    memcpy(to->data, from->value, from->length);
    to->size = from->length;
    return NNS_OK;
}

/* A mechListMIC takes a sequence number, and who exports the context is not told that it did. */
static void watch_for_mic(struct gss_auth *a, const uint8_t *token, size_t size)
{
    if (size > 0 && (a->started || nns__first_token(token, size) != NNS__FIRST_TOKEN_KERBEROS))
        a->mic |= nns__neg_token_may_have_mic(token, size);
}

static int step(struct nns__auth *auth, const uint8_t *in, size_t in_size, struct nns__token *out,
                bool *complete, struct nns__failure *f)
{
    struct gss_auth *a = (struct gss_auth *)auth;
    gss_buffer_desc input = nns__gss_buffer(in, in_size), output = GSS_C_EMPTY_BUFFER;
    OM_uint32 major = GSS_S_FAILURE;
    int rc;

    *out = (struct nns__token){0};
    *complete = false;
    if (a->finished)
        return nns__fail(f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN,
                         "authenticate: a token came after the last one");
    if (in_size == 0 && (a->started || a->request.role == NNS_SERVER))
        rc = nns__fail(f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN,
                       "authenticate: the peer sent no token");
    else if (a->request.role == NNS_CLIENT)
        rc = step_client(a, &input, &output, &major, f);
    else
        rc = step_server(a, &input, &output, &major, f);
    watch_for_mic(a, in, in_size);
    a->started = true;
    if (rc == NNS_OK)
        rc = take_token(a, &output, out, f);
    *complete = rc == NNS_OK && major == GSS_S_COMPLETE;
    a->worked = *complete;
    a->finished = rc != NNS_OK || *complete;
    nns__gss_release(&output, major);
    return rc;
}

/* A target that was asked for without a realm gets the one of its ticket. */
static int complete_target(struct gss_auth *a, struct nns__facts *facts, struct nns__failure *f)
{
    const char *realm = facts->target != NULL ? strchr(facts->target, '@') : NULL;
    char *full = NULL;

    if (realm == NULL || realm[1] != '\0')
        return NNS_OK;
    if (nns__gss_ticket_server(&full, a->request.cfg, a->cred, facts->target, f) != NNS_OK)
        return f->code;
    nns__strfree(&a->request.cfg->mem, facts->target);
    facts->target = full;
    return NNS_OK;
}

static int copy_name(char **ret, const struct gss_auth *a, const char *name, struct nns__failure *f)
{
    *ret = nns__strdup(&a->request.cfg->mem, name);
    return *ret != NULL ? NNS_OK : no_memory(f);
}

/* A client's context has the name that it was given, and that of a kept ticket is known. */
static int inquire_server(struct gss_auth *a, struct nns__facts *facts, struct nns__failure *f)
{
    int rc;

    if (a->cred->known_as != NULL)
        return copy_name(&facts->target, a, a->cred->known_as, f);
    rc = nns__gss_facts_target(facts, &a->request.cfg->mem, a->ctx, NNS_CLIENT, f);
    if (rc == NNS_OK)
        rc = complete_target(a, facts, f);
    if (rc == NNS_OK && facts->target != NULL)
        nns__gss_keep_ticket(a->cred, &a->request, facts->target);
    return rc;
}

/* The client, and which of the server's names it asked for. */
static int inquire_client(struct gss_auth *a, struct nns__facts *facts, struct nns__failure *f)
{
    const struct nns__mem *mem = &a->request.cfg->mem;
    const char *known = nns__gss_only_name(a->cred, a->request.cfg);
    int rc = nns__gss_facts_peer(facts, mem, a->peer, f);

    if (rc != NNS_OK)
        return rc;
    if (known != NULL)
        return copy_name(&facts->target, a, known, f);
    rc = nns__gss_facts_target(facts, mem, a->ctx, NNS_SERVER, f);
    if (rc == NNS_OK && facts->target != NULL)
        nns__gss_learn_name(a->cred, a->request.cfg, facts->target);
    return rc;
}

static void free_delegated(void *delegated)
{
    gss_cred_id_t cred = delegated;
    OM_uint32 minor;

    (void)gss_release_cred(&minor, &cred);
}

/* Why the mechanism is not Kerberos, where that was allowed. */
static int tell_why(const struct gss_auth *a, struct nns__facts *facts, struct nns__failure *f)
{
    const char *why =
        a->kerberos.code != NNS_OK ? a->kerberos.message : "the client did not offer Kerberos";

    if (a->request.cfg->no_kerberos)
        return NNS_OK;
    facts->why_ntlm = nns__strdup(&a->request.cfg->mem, why);
    return facts->why_ntlm != NULL ? NNS_OK : no_memory(f);
}

static const char *why_ntlm(const struct nns__auth *auth)
{
    const struct gss_auth *a = (const struct gss_auth *)auth;

    return a->ntlm && a->kerberos.code != NNS_OK ? a->kerberos.message : NULL;
}

static int inquire(struct nns__auth *auth, struct nns__facts *facts, struct nns__failure *f)
{
    struct gss_auth *a = (struct gss_auth *)auth;
    int rc = nns__gss_facts(facts, &a->request.cfg->mem, a->ctx, a->request.role, f);

    facts->delegated = a->delegated;
    facts->delegated_free = free_delegated;
    a->delegated = GSS_C_NO_CREDENTIAL;
    if (rc != NNS_OK)
        return rc;
    if (facts->mechanism == NNS__MECHANISM_NTLM)
        return tell_why(a, facts, f);
    if (facts->mechanism != NNS__MECHANISM_KERBEROS)
        return NNS_OK;
    return a->request.role == NNS_CLIENT ? inquire_server(a, facts, f)
                                         : inquire_client(a, facts, f);
}

/* Records without GSSAPI: all that may stand in the way is found out before it is too late. */
static bool may_export(const struct gss_auth *a, const struct nns__facts *facts)
{
    return a->request.cfg->record_engine != NNS__RECORD_ENGINE_GSS &&
           facts->mechanism == NNS__MECHANISM_KERBEROS && !a->mic &&
           nns__protect_krb5_takes(facts->key_type);
}

static int protect(struct nns__auth *auth, const struct nns__facts *facts,
                   struct nns__protection *ret, struct nns__failure *f)
{
    struct gss_auth *a = (struct gss_auth *)auth;
    const nns_config *cfg = a->request.cfg;
    int rc = NNS_ERR_UNSUPPORTED;

    if (nns__policy_level(facts->flags) == NNS_PROTECT_NONE) {
        *ret = (struct nns__protection){.name = "raw"};
        return NNS_OK;
    }
    if (may_export(a, facts))
        rc = nns__protect_krb5_export(ret, &cfg->mem, &a->ctx, facts->key_type,
                                      (facts->flags & NNS__FLAG_CONF) != 0,
                                      cfg->record_engine == NNS__RECORD_ENGINE_KRB5, f);
    if (rc == NNS_ERR_UNSUPPORTED)
        rc = nns__protect_gss_new(ret, &cfg->mem, &a->ctx, facts->mechanism, facts->flags, f);
    return rc;
}

const struct nns__auth_ops nns__auth_gss = {.open = open_auth,
                                            .step = step,
                                            .inquire = inquire,
                                            .protect = protect,
                                            .close = close_auth,
                                            .at_once = at_once,
                                            .why_ntlm = why_ntlm};
