/* SPDX-License-Identifier: MIT
 *
 * What fits, and until when. What is kept is made so that nobody need wait for it: a server's
 * credential names its keytab and has read nothing of it, a client's has one ticket.
 */
#include "auth/gss_share.h"

#include "auth/gss_keytab.h"
#include "auth/gss_ticket.h"
#include "auth/names.h"

#include <string.h>
#include <time.h>

struct wanted {
    const struct nns__auth_request *request;
    struct nns__gss_source source;
};

static void free_cred(struct nns__kept *kept)
{
    struct nns__gss_cred *cred = (struct nns__gss_cred *)kept;
    struct nns__mem mem = cred->mem;

    nns__gss_cred_release(cred);
    nns__free(&mem, cred, sizeof(*cred));
}

static enum nns__fit fit(const struct nns__kept *kept, const void *arg)
{
    const struct nns__gss_cred *cred = (const struct nns__gss_cred *)kept;
    const struct wanted *wanted = arg;

    if (cred->role != wanted->request->role)
        return NNS__FITS_OTHERS;
    if (!nns__gss_source_same(&cred->source, &wanted->source) || time(NULL) >= cred->end)
        return NNS__FITS_NOBODY;
    if (cred->role == NNS_CLIENT && strcmp(cred->target, wanted->request->target) != 0)
        return NNS__FITS_OTHERS;
    return NNS__FITS;
}

struct nns__gss_cred *nns__gss_kept(const struct nns__auth_request *request)
{
    struct wanted wanted = {.request = request};
    struct nns__failure f;

    if (request->role == NNS_SERVER && nns__gss_check_replay_cache(request->cfg, &f) != NNS_OK)
        return NULL; /* others are not to be had either, and their error says why */
    if (!nns__gss_source_find(&wanted.source, request->cfg, request->role))
        return NULL;
    return (struct nns__gss_cred *)nns__keep_take(request->cfg->keep, fit, &wanted);
}

/* A server's serves as long as its keytab stays as it is now. */
static void make_lasting(struct nns__gss_cred *cred, const nns_config *cfg)
{
    cred->lasts = cred->role == NNS_SERVER &&
                  nns__gss_source_find(&cred->source, cfg, NNS_SERVER) &&
                  krb5_init_context(&cred->krb5) == 0;
    cred->end = INT64_MAX;
}

struct nns__gss_cred *nns__gss_cred_new(const struct nns__auth_request *request)
{
    const struct nns__mem *mem = &request->cfg->mem;
    struct nns__gss_cred *cred = nns__alloc(mem, sizeof(*cred));

    if (cred == NULL)
        return NULL;
    cred->kept.free = free_cred;
    cred->mem = *mem;
    cred->role = request->role;
    make_lasting(cred, request->cfg);
    if (request->target == NULL)
        return cred;
    cred->target = nns__strdup(mem, request->target);
    if (cred->target != NULL)
        return cred;
    free_cred(&cred->kept);
    return NULL;
}

void nns__gss_give_back(struct nns__gss_cred *cred, const nns_config *cfg, bool worked)
{
    if (cred == NULL)
        return;
    if (worked && cred->lasts && cred->ntlm == GSS_C_NO_CREDENTIAL)
        nns__keep_give(cfg->keep, &cred->kept);
    else
        free_cred(&cred->kept);
}

/* What was read must be what the file has still. */
static bool is_unchanged(const struct nns__gss_cred *cred, const nns_config *cfg)
{
    struct nns__gss_source now;

    return nns__gss_source_find(&now, cfg, cred->role) && nns__gss_source_same(&now, &cred->source);
}

/* ---- a server's name ---- */

const char *nns__gss_only_name(const struct nns__gss_cred *cred, const nns_config *cfg)
{
    return cred->known_as != NULL && is_unchanged(cred, cfg) ? cred->known_as : NULL;
}

void nns__gss_learn_name(struct nns__gss_cred *cred, const nns_config *cfg, const char *name)
{
    if (!cred->lasts || cred->names_read)
        return;
    cred->names_read = true;
    if (nns__gss_keytab_has_only(cred->krb5, cred->source.name, name) && is_unchanged(cred, cfg))
        cred->known_as = nns__strdup(&cred->mem, name);
}

/* ---- a client's ticket ---- */

/* The names, the ticket and the credentials from it. */
static bool fill(struct nns__gss_cred *cred, const struct nns__auth_request *request,
                 const char *known_as)
{
    struct nns__failure f;
    char *principal = NULL;
    int rc = nns__target_principal(&principal, &cred->mem, cred->target, &f);

    if (rc == NNS_OK)
        rc = nns__gss_import_principal(&cred->name, principal, NNS_CLIENT, &f);
    if (rc == NNS_OK && !nns__gss_ticket_copy(cred, principal))
        rc = NNS_ERR_CREDENTIALS;
    if (rc == NNS_OK)
        rc = nns__gss_cred_from_cache(cred, request, &f);
    cred->known_as = nns__strdup(&cred->mem, known_as);
    nns__strfree(&cred->mem, principal);
    return rc == NNS_OK && cred->known_as != NULL;
}

void nns__gss_keep_ticket(const struct nns__gss_cred *cred, const struct nns__auth_request *request,
                          const char *known_as)
{
    const nns_config *cfg = request->cfg;
    struct nns__gss_source source;
    struct nns__gss_cred *copy;

    if (cred->lasts || cfg->impersonation == NNS_DELEGATE) /* which takes more than a ticket */
        return;
    if (!nns__gss_source_find(&source, cfg, NNS_CLIENT) ||
        atomic_fetch_add(&cfg->keep->made, 1) == 0)
        return;
    copy = nns__gss_cred_new(request);
    if (copy == NULL)
        return;
    copy->source = source;
    copy->lasts = fill(copy, request, known_as) && is_unchanged(copy, cfg);
    nns__gss_give_back(copy, cfg, true);
}
