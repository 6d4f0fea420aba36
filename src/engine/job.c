/* SPDX-License-Identifier: MIT
 *
 * A job: one call of the mechanism, with all that it touches, so that it can run on any thread
 * and outlive its engine. Two parties hold it, whoever runs it and whoever finishes or abandons
 * it; the later of them frees it.
 */
#include "engine/engine_internal.h"

static void job_free(nns_job *job)
{
    struct nns__mem mem = job->mem;

    if (job->auth != NULL)
        job->auth->ops->close(job->auth);
    nns__token_free(&job->input, &mem);
    nns__token_free(&job->output, &mem);
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
    job->request = (struct nns__auth_request){.cfg = e->cfg, .role = e->role, .target = e->target};
    atomic_init(&job->owners, 2);
    atomic_init(&job->abandoned, false);
    atomic_init(&job->done, false);
    return job;
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
    h->job = job_new(e);
    if (h->job == NULL)
        return nns__engine_fail_memory(e);
    h->job->engine = e;
    h->job->auth = h->auth;
    h->job->target = e->target;
    h->job->input = h->input;
    h->auth = NULL;
    e->target = NULL;
    h->input = (struct nns__token){0};
    *ret = h->job;
    return NNS_OK;
}

/* The mechanism's leg, and after its last one all that the data phase needs. */
static int call_mechanism(nns_job *job)
{
    const struct nns__auth_ops *ops = job->cfg->auth != NULL ? job->cfg->auth : &nns__auth_gss;
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

void nns_job_run(nns_job *job)
{
    if (job == NULL)
        return;
    if (!atomic_load_explicit(&job->abandoned, memory_order_acquire))
        job->result = call_mechanism(job);
    atomic_store_explicit(&job->done, true, memory_order_release);
    let_go(job);
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
    e->handshake.auth = job->auth;
    e->target = job->target;
    job->auth = NULL;
    job->target = NULL;
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
