/* SPDX-License-Identifier: MIT
 *
 * The engine's life, its state word, its one error, and what was negotiated. It moves no bytes
 * and knows no message: recv.c, send.c and handshake.c do.
 */
#include "engine/engine_internal.h"

#include "base/process.h"
#include "frame/handshake_record.h"

#include <string.h>

#define TARGET_MOST ((size_t)1024)
#define BINDING_MOST ((size_t)65536)

int nns_engine_new(nns_engine **ret, nns_config *cfg, nns_role role)
{
    nns_engine *e;

    if (ret == NULL || cfg == NULL || (role != NNS_CLIENT && role != NNS_SERVER))
        return NNS_ERR_ARGUMENT;
    e = nns__alloc(&cfg->mem, sizeof(*e));
    if (e == NULL)
        return NNS_ERR_NOMEM;
    nns__config_freeze(cfg);
    e->mem = cfg->mem;
    e->cfg = nns_config_ref(cfg);
    e->role = role;
    atomic_init(&e->phase, NNS_PHASE_HANDSHAKE);
    e->owner = nns__process_mark();
    atomic_init(&e->error, NULL);
    e->send.allowed = NNS__BUFFER_BASE;
    e->handshake.state = role == NNS_CLIENT ? NNS__STEP : NNS__START;
    *ret = e;
    return NNS_OK;
}

void nns_engine_free(nns_engine *e)
{
    struct nns__mem mem;

    if (e == NULL)
        return;
    mem = e->mem;
    if (e->handshake.job != NULL)
        e->handshake.job->engine = NULL;
    if (e->handshake.auth != NULL)
        e->handshake.auth->ops->close(e->handshake.auth);
    nns__token_free(&e->handshake.input, &mem);
    nns__token_free(&e->handshake.reply, &mem);
    nns__protection_free(&e->protection);
    nns__recv_free(e);
    nns__send_free(e);
    nns__facts_free(&e->facts, &mem);
    nns__strfree(&mem, e->handshake.target);
    nns__strfree(&mem, e->target);
    nns__token_free(&e->binding, &mem);
    nns__error_free(&mem, atomic_load(&e->error));
    nns_config_unref(e->cfg);
    nns__free_wiped(&mem, e, sizeof(*e));
}

/* ---- errors ---- */

const nns_error *nns_engine_error(const nns_engine *e)
{
    return e != NULL ? atomic_load_explicit(&e->error, memory_order_acquire) : NULL;
}

int nns__engine_failed(const nns_engine *e)
{
    return nns_error_code(nns_engine_error(e));
}

int nns__engine_usable(const nns_engine *e)
{
    return e->handshake.job != NULL ? NNS_ERR_STATE : nns__engine_owned(e);
}

int nns__engine_owned(const nns_engine *e)
{
    return nns__process_is(e->owner) ? NNS_OK : NNS_ERR_FORKED;
}

/* True if f became the engine's error, false if there was one before. Any thread. */
static bool publish(nns_engine *e, const struct nns__failure *f)
{
    const nns_error *err = nns__error_pack(&e->mem, f, atomic_load(&e->phase)), *none = NULL;

    if (atomic_compare_exchange_strong(&e->error, &none, err))
        return true;
    nns__error_free(&e->mem, err);
    return false;
}

int nns__engine_fail_text(nns_engine *e, const struct nns__failure *f)
{
    (void)publish(e, f);
    return nns__engine_failed(e);
}

int nns__engine_fail(nns_engine *e, const struct nns__failure *f)
{
    uint8_t payload[NNS__HANDSHAKE_STATUS];

    if (publish(e, f) && !nns__engine_is_open(e) && f->tell_peer != NNS__STATUS_NONE) {
        nns__handshake_status_encode(payload, f->tell_peer);
        /* Without memory for the record the peer just sees the connection close. */
        (void)nns__send_handshake(e, NNS__HANDSHAKE_ERROR, payload, sizeof(payload));
    }
    return nns__engine_failed(e);
}

int nns__engine_fail_memory(nns_engine *e)
{
    struct nns__failure f = {.code = NNS_ERR_NOMEM, .tell_peer = NNS__STATUS_INTERNAL_ERROR};

    return nns__engine_fail(e, &f);
}

/* Whom a handshake waited for when its time was over. */
static void hint_timeout(const nns_engine *e, struct nns__failure *f)
{
    if (e->handshake.job != NULL)
        nns__failure_hint(f,
                          "our own mechanism did not answer in time: Kerberos may wait for a KDC");
    else if (e->handshake.legs_in == 0)
        nns__failure_hint(f, "the peer took the connection and said nothing: it may speak another "
                             "protocol, or be busy");
}

int nns_engine_fail(nns_engine *e, int code, int os_error)
{
    struct nns__failure f;
    int32_t phase;

    if (e == NULL || (code != NNS_ERR_IO && code != NNS_ERR_TIMEOUT && code != NNS_ERR_CANCELED))
        return NNS_ERR_ARGUMENT;
    phase = atomic_load(&e->phase);
    (void)nns__fail(&f, code, NNS__STATUS_NONE, "%s: %s",
                    phase == NNS_PHASE_CONNECT ? "connect"
                    : phase == NNS_PHASE_DATA  ? "data"
                                               : "handshake",
                    os_error != 0 ? strerror(os_error) : nns_strerror(code));
    f.os = os_error;
    if (code == NNS_ERR_TIMEOUT && atomic_load(&e->phase) == NNS_PHASE_HANDSHAKE)
        hint_timeout(e, &f);
    return nns__engine_fail_text(e, &f);
}

void nns__engine_set_phase(nns_engine *e, int32_t phase)
{
    atomic_store(&e->phase, phase);
}

/* ---- before the handshake ---- */

/* True until the mechanism is called for the first time. */
static bool is_before_first_step(const nns_engine *e)
{
    const struct nns__handshake *h = &e->handshake;

    return (h->state == NNS__START || h->state == NNS__STEP) && h->job == NULL && h->auth == NULL &&
           nns__engine_failed(e) == NNS_OK;
}

int nns_engine_set_target(nns_engine *e, const char *name)
{
    char *copy;
    size_t length;

    if (e == NULL || name == NULL || e->role != NNS_CLIENT)
        return NNS_ERR_ARGUMENT;
    length = strnlen(name, TARGET_MOST + 1);
    if (length == 0 || length > TARGET_MOST)
        return NNS_ERR_ARGUMENT;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] <= 0x20 || name[i] == 0x7f)
            return NNS_ERR_ARGUMENT;
    }
    if (!is_before_first_step(e))
        return NNS_ERR_STATE;
    copy = nns__strdup(&e->mem, name);
    if (copy == NULL)
        return NNS_ERR_NOMEM;
    nns__strfree(&e->mem, e->target);
    e->target = copy;
    return NNS_OK;
}

int nns_engine_set_channel_binding(nns_engine *e, const void *data, size_t len)
{
    struct nns__token copy = {.size = len};

    if (e == NULL || (data == NULL && len > 0) || len > BINDING_MOST)
        return NNS_ERR_ARGUMENT;
    if (!is_before_first_step(e))
        return NNS_ERR_STATE;
    if (len > 0 && (copy.data = nns__alloc(&e->mem, len)) == NULL)
        return NNS_ERR_NOMEM;
    if (len > 0)
        memcpy(copy.data, data, len);
    nns__token_free(&e->binding, &e->mem);
    e->binding = copy;
    return NNS_OK;
}

void nns_engine_set_user_data(nns_engine *e, void *ptr)
{
    e->user_data = ptr;
}

void *nns_engine_user_data(const nns_engine *e)
{
    return e->user_data;
}

/* ---- state ---- */

/* The bits that both halves show. */
static uint32_t shared_bits(const nns_engine *e)
{
    const struct nns__handshake *h = &e->handshake;
    uint32_t bits = 0;

    if (nns__engine_is_open(e))
        bits |= NNS_STATE_OPEN;
    if (h->job != NULL)
        bits |= NNS_STATE_STEPPING;
    if (nns__engine_failed(e) != NNS_OK)
        return bits | NNS_STATE_FAILED;
    if (h->state == NNS__STEP && h->job == NULL)
        bits |= NNS_STATE_WANT_STEP;
    if (h->state == NNS__AUTHORIZE)
        bits |= NNS_STATE_WANT_AUTHORIZE;
    return bits;
}

uint32_t nns_engine_recv_state(const nns_engine *e)
{
    return shared_bits(e) | nns__recv_bits(e);
}

uint32_t nns_engine_send_state(const nns_engine *e)
{
    return shared_bits(e) | nns__send_bits(e);
}

uint32_t nns_engine_state(const nns_engine *e)
{
    return nns_engine_recv_state(e) | nns_engine_send_state(e);
}

int nns_engine_authorize(nns_engine *e, int verdict)
{
    struct nns__failure f;
    int rc;

    if (e == NULL || (verdict != NNS_OK && verdict != NNS_ERR_REFUSED))
        return NNS_ERR_ARGUMENT;
    rc = nns__engine_usable(e);
    if (rc == NNS_OK)
        rc = nns__engine_failed(e);
    if (rc != NNS_OK)
        return rc;
    if (e->handshake.state != NNS__AUTHORIZE)
        return NNS_ERR_STATE;
    if (verdict == NNS_OK)
        return nns__handshake_authorized(e);
    (void)nns__fail(&f, NNS_ERR_REFUSED, NNS__STATUS_TRUST_FAILURE,
                    "authorize: the application refused '%s'",
                    e->facts.peer_name != NULL ? e->facts.peer_name : e->target);
    return nns__engine_fail(e, &f);
}

/* ---- what was negotiated ---- */

static bool is_negotiated(const nns_engine *e)
{
    switch (e->handshake.state) {
    case NNS__AUTHORIZE:
    case NNS__OPEN:
        return true;
    case NNS__EXPECT_DONE:
        return e->cfg->defer_authorization; /* it was shown before the application said yes */
    case NNS__START:
    case NNS__STEP:
    case NNS__EXPECT_TOKEN:
    case NNS__HANDSHAKE_STATES:
        break;
    }
    return false;
}

nns_protection nns_engine_protection(const nns_engine *e)
{
    return is_negotiated(e) ? nns__policy_level(e->facts.flags) : NNS_PROTECT_NONE;
}

nns_impersonation nns_engine_impersonation(const nns_engine *e)
{
    return is_negotiated(e) ? nns__policy_impersonation(e->facts.flags) : 0;
}

const char *nns_engine_mechanism(const nns_engine *e)
{
    return is_negotiated(e) ? nns__mechanism_name(e->facts.mechanism) : NULL;
}

const char *nns_engine_why_ntlm(const nns_engine *e)
{
    return is_negotiated(e) ? e->facts.why_ntlm : NULL;
}

const char *nns_engine_peer_name(const nns_engine *e)
{
    return is_negotiated(e) ? e->facts.peer_name : NULL;
}

const char *nns_engine_target(const nns_engine *e)
{
    return is_negotiated(e) && e->facts.target != NULL ? e->facts.target : e->target;
}

int nns_engine_is_mutual(const nns_engine *e)
{
    return is_negotiated(e) && (e->facts.flags & NNS__FLAG_MUTUAL) != 0;
}

uint32_t nns_engine_ssf(const nns_engine *e)
{
    return is_negotiated(e) ? e->facts.ssf : 0;
}

int32_t nns_engine_legs(const nns_engine *e)
{
    return e->handshake.legs_in + e->handshake.legs_out;
}

int64_t nns_engine_ticket_end(const nns_engine *e)
{
    return is_negotiated(e) ? e->facts.ticket_end : 0;
}

const char *nns_engine_enctype(const nns_engine *e)
{
    return is_negotiated(e) && e->facts.enctype[0] != '\0' ? e->facts.enctype : NULL;
}

const char *nns_engine_record_engine(const nns_engine *e)
{
    return is_negotiated(e) ? e->protection.name : NULL;
}
