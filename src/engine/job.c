/* SPDX-License-Identifier: MIT
 *
 * A job: one call of the mechanism, with all that it touches, so that it can run on any thread
 * and outlive its engine. Two parties hold it, whoever runs it and whoever finishes or abandons
 * it; the later of them frees it.
 */
#include "engine/engine_internal.h"
#include "engine/engine_stream.h"

static void job_free(nns_job *job)
{
    struct nns__mem mem = job->mem;

    if (job->auth != NULL)
        job->auth->ops->close(job->auth);
    nns__token_free(&job->input, &mem);
    nns__token_free(&job->output, &mem);
    nns__token_free(&job->binding, &mem);
    nns__protection_free(&job->protection);
    nns__facts_free(&job->facts, &mem);
    nns__strfree(&mem, job->target);
    nns_config_unref(job->cfg);
    nns__free_wiped(&mem, job, sizeof(*job));
}

static void let_go(nns_job *job)
{
    if (atomic_fetch_sub_explicit(&job->owners, 1, memory_order_acq_rel) == 1)
        job_free(job);
}

static nns_job *job_new(nns_engine *e)
{
    nns_job *job = nns__alloc(&e->mem, sizeof(*job));

    if (job == NULL)
        return NULL;
    job->mem = e->mem;
    job->cfg = nns_config_ref(e->cfg);
    atomic_init(&job->owners, 2);
    atomic_init(&job->abandoned, false);
    atomic_init(&job->done, false);
    return job;
}

/* Moves what the mechanism works with from the handshake to the job, or back. The mechanism keeps
 * pointers to its target, which therefore goes along with it. */
static void move_mechanism(struct nns__auth **to_auth, char **to_target, struct nns__auth **auth,
                           char **target)
{
    *to_auth = *auth;
    *to_target = *target;
    *auth = NULL;
    *target = NULL;
}

/* Before the first job: the mechanism's own copy of the target. */
static int copy_target(nns_engine *e)
{
    struct nns__handshake *h = &e->handshake;

    if (e->target == NULL || h->target != NULL)
        return NNS_OK;
    h->target = nns__strdup(&e->mem, e->target);
    return h->target != NULL ? NNS_OK : NNS_ERR_NOMEM;
}

int nns_engine_take_job(nns_engine *e, nns_job **ret)
{
    struct nns__handshake *h;
    int rc;

    if (e == NULL || ret == NULL)
        return NNS_ERR_ARGUMENT;
    h = &e->handshake;
    rc = nns__engine_owned(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc != NNS_OK)
        return rc;
    if (h->state != NNS__STEP || h->job != NULL)
        return NNS_ERR_STATE;
    if (e->role == NNS_CLIENT && e->target == NULL)
        return NNS_ERR_STATE;
    h->job = copy_target(e) == NNS_OK ? job_new(e) : NULL;
    if (h->job == NULL)
        return nns__engine_fail_memory(e);
    h->job->engine = e;
    move_mechanism(&h->job->auth, &h->job->target, &h->auth, &h->target);
    h->job->binding = e->binding;
    e->binding = (struct nns__token){0};
    h->job->request = (struct nns__auth_request){
        .cfg = e->cfg, .role = e->role, .target = h->job->target, .binding = h->job->binding};
    h->job->input = h->input;
    h->input = (struct nns__token){0};
    *ret = h->job;
    return NNS_OK;
}

static const struct nns__auth_ops *ops_of(const nns_job *job)
{
    return job->cfg->auth != NULL ? job->cfg->auth : &nns__auth_gss;
}

/* The mechanism's leg, and after its last one all that the data phase needs. */
static int call_mechanism(nns_job *job)
{
    const struct nns__auth_ops *ops = ops_of(job);
    int rc = NNS_OK;

    if (job->auth == NULL)
        rc = ops->open(&job->auth, &job->request, &job->failure);
    if (rc == NNS_OK)
        rc = ops->step(job->auth, job->input.data, job->input.size, &job->output, &job->complete,
                       &job->failure);
    if (rc != NNS_OK || !job->complete)
        return rc;
    rc = ops->inquire(job->auth, &job->facts, &job->failure);
    if (rc == NNS_OK)
        rc = ops->protect(job->auth, &job->facts, &job->protection, &job->failure);
    return rc;
}

/* The first call, made at once, has failed. */
static void forget(nns_job *job)
{
    job->auth->ops->close(job->auth);
    job->auth = NULL;
    nns__token_free(&job->output, &job->mem);
    job->failure = (struct nns__failure){0};
}

/* Without anybody to wait for, if the mechanism can. */
static bool call_at_once(nns_job *job)
{
    const struct nns__auth_ops *ops = ops_of(job);
    bool first = job->auth == NULL;

    if (ops->at_once == NULL || !ops->at_once(&job->auth, &job->request))
        return false;
    job->result = call_mechanism(job);
    if (!first || job->result == NNS_OK)
        return true;
    forget(job);
    return false;
}

static void done(nns_job *job)
{
    atomic_store_explicit(&job->done, true, memory_order_release);
    let_go(job);
}

void nns_job_run(nns_job *job)
{
    if (job == NULL)
        return;
    if (!atomic_load_explicit(&job->abandoned, memory_order_acquire) && !call_at_once(job))
        job->result = call_mechanism(job);
    done(job);
}

bool nns__job_run_at_once(nns_job *job)
{
    if (!call_at_once(job))
        return false;
    done(job);
    return true;
}

int nns_engine_finish_job(nns_engine *e, nns_job *job)
{
    int rc;

    if (e == NULL || job == NULL || job->engine != e)
        return NNS_ERR_ARGUMENT;
    if (!atomic_load_explicit(&job->done, memory_order_acquire))
        return NNS_ERR_STATE;
    rc = nns__engine_owned(e);
    if (rc != NNS_OK)
        return rc;
    e->handshake.job = NULL;
    move_mechanism(&e->handshake.auth, &e->handshake.target, &job->auth, &job->target);
    e->binding = job->binding;
    job->binding = (struct nns__token){0};
    rc = nns__engine_failed(e);
    if (rc == NNS_OK)
        rc = nns__handshake_stepped(e, job);
    let_go(job);
    return rc;
}

void nns_job_abandon(nns_job *job)
{
    if (job == NULL)
        return;
    if (job->engine != NULL) {
        job->engine->handshake.job = NULL;
        (void)nns_engine_fail(job->engine, NNS_ERR_CANCELED, 0);
        job->engine = NULL;
    }
    atomic_store_explicit(&job->abandoned, true, memory_order_release);
    let_go(job);
}

int nns_engine_step(nns_engine *e)
{
    nns_job *job = NULL;
    int rc = nns_engine_take_job(e, &job);

    if (rc != NNS_OK)
        return rc;
    nns_job_run(job);
    return nns_engine_finish_job(e, job);
}
