/* SPDX-License-Identifier: MIT
 *
 * Records as gss_wrap() tokens; at level sign NTLM's are a MIC and the plaintext, because
 * gss-ntlmssp always encrypts what it wraps. Sealer and opener share one context and use it from
 * two threads. The first gss_wrap() and the first gss_unwrap() fill the key cache of MIT's library,
 * which has no lock: two of them at once abort the process, and one beside a later call of the
 * other direction is a race. So both directions take a lock until each has made its first call;
 * afterwards they run in parallel.
 *
 * GSS_S_COMPLETE is the only success: a replayed or reordered record comes with another status
 * and with its plaintext filled in. After the first failure no call but delete is made.
 */
#include "protect/gss.h"

#include "frame/data_record.h"
#include "protect/gss_call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* Beside the plaintext: RFC 4121 Wrap tokens are at most 76 bytes longer, older ones 48. */
#define HEAD ((size_t)32)
#define TAIL ((size_t)64)

/* What of an RFC 4121 Wrap token is in clear (4.2.6.2). */
#define CFX_HEADER ((size_t)16)
#define CFX_SEQUENCE ((size_t)8)

/* The signature that begins every NTLM message; gss-ntlmssp subtracts it unchecked. */
#define NTLM_SIGNATURE ((size_t)16)

#define OUT_OF_ORDER (GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN | GSS_S_UNSEQ_TOKEN | GSS_S_GAP_TOKEN)

struct shared {
    struct nns__mem mem;
    gss_ctx_id_t ctx;
    pthread_mutex_t lock; /* around every call while a direction is cold */
    atomic_int cold;      /* directions that have not made their first call */
    atomic_int references;
    atomic_int failed;            /* the code of the first failure, or 0 */
    _Atomic(const char *) reason; /* its message (static), once that is known */
    bool conf;
    bool ntlm;
};

struct gss_sealer {
    struct nns__sealer base;
    struct shared *shared;
    bool warm; /* its first call was made */
};

struct gss_opener {
    struct nns__opener base;
    struct shared *shared;
    bool warm;
    bool check_sequence; /* the mechanism was not asked to */
    bool seen;           /* next is known */
    uint64_t next;       /* the sequence number that must come */
};

static void release(struct shared *s)
{
    struct nns__mem mem = s->mem;
    OM_uint32 minor;

    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    (void)gss_delete_sec_context(&minor, &s->ctx, GSS_C_NO_BUFFER);
    (void)pthread_mutex_destroy(&s->lock);
    nns__free(&mem, s, sizeof(*s));
}

/* From here on neither direction calls GSSAPI again. */
static int fail(struct shared *s, struct nns__failure *f, int code, const char *message)
{
    int none = 0;

    if (atomic_compare_exchange_strong(&s->failed, &none, code))
        atomic_store_explicit(&s->reason, message, memory_order_release);
    return nns__fail(f, code, NNS__STATUS_NONE, "%s", message);
}

/* After a failure of either direction both fail, and for the same reason: the other one's thread
 * may be the first to report it. */
static int check_alive(struct shared *s, struct nns__failure *f)
{
    int code = atomic_load(&s->failed);
    const char *reason;

    if (code == 0)
        return NNS_OK;
    reason = atomic_load_explicit(&s->reason, memory_order_acquire);
    return nns__fail(f, code, NNS__STATUS_NONE, "%s",
                     reason != NULL ? reason : "data: the session has failed");
}

static int fail_gss(struct shared *s, struct nns__failure *f, int code, const char *message,
                    OM_uint32 major, OM_uint32 minor)
{
    (void)fail(s, f, code, message);
    f->major = major;
    f->minor = minor;
    nns__gss_words(f->mech_text, sizeof(f->mech_text), major, minor);
    return code;
}

/* The error code of a routine error: a ticket that has ended is nobody's attack. */
static int code_of(OM_uint32 major, int otherwise)
{
    OM_uint32 error = GSS_ROUTINE_ERROR(major);

    return error == GSS_S_CONTEXT_EXPIRED || error == GSS_S_CREDENTIALS_EXPIRED ? NNS_ERR_AUTH
                                                                                : otherwise;
}

static bool is_ntlm_sign(const struct shared *s)
{
    return s->ntlm && !s->conf;
}

/* Before and after each call. */
static bool lock_while_cold(struct shared *s)
{
    bool cold = atomic_load_explicit(&s->cold, memory_order_acquire) > 0;

    if (cold)
        (void)pthread_mutex_lock(&s->lock);
    return cold;
}

static void unlock(struct shared *s, bool locked, bool *warm)
{
    if (!*warm)
        atomic_fetch_sub_explicit(&s->cold, 1, memory_order_release);
    *warm = true;
    if (locked)
        (void)pthread_mutex_unlock(&s->lock);
}

/* ---- sealing ---- */

static OM_uint32 wrap(struct gss_sealer *s, gss_buffer_t plain, gss_buffer_t token, int *conf,
                      OM_uint32 *minor)
{
    struct shared *shared = s->shared;
    bool locked = lock_while_cold(shared);
    OM_uint32 major =
        gss_wrap(minor, shared->ctx, shared->conf, GSS_C_QOP_DEFAULT, plain, conf, token);

    unlock(shared, locked, &s->warm);
    return major;
}

static OM_uint32 sign(struct gss_sealer *s, gss_buffer_t plain, gss_buffer_t mic, OM_uint32 *minor)
{
    struct shared *shared = s->shared;
    bool locked = lock_while_cold(shared);
    OM_uint32 major = gss_get_mic(minor, shared->ctx, GSS_C_QOP_DEFAULT, plain, mic);

    unlock(shared, locked, &s->warm);
    return major;
}

/* NTLM at level sign: 16 bytes of MIC, then the plaintext. */
static nns_ssize sign_one(struct gss_sealer *s, uint8_t *to, const uint8_t *plain, size_t size,
                          struct nns__failure *f)
{
    gss_buffer_desc in = nns__gss_buffer(plain, size), mic = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor = 0;
    nns_ssize rc;

    major = sign(s, &in, &mic, &minor);
    if (major != GSS_S_COMPLETE) {
        rc = fail_gss(s->shared, f, code_of(major, NNS_ERR_INTERNAL),
                      "send: the mechanism cannot protect a record", major, minor);
    } else if (mic.length != NTLM_SIGNATURE) {
        rc = fail(s->shared, f, NNS_ERR_INTERNAL, "send: a signature has an unexpected size");
    } else {
        memmove(to + NNS__RECORD_HEADER + NTLM_SIGNATURE, plain, size);
        memcpy(to + NNS__RECORD_HEADER, mic.value, NTLM_SIGNATURE);
        nns__store_le32(to, (uint32_t)(NTLM_SIGNATURE + size));
        rc = (nns_ssize)(NNS__RECORD_HEADER + NTLM_SIGNATURE + size);
    }
    nns__gss_release(&mic, major);
    return rc;
}

/* Seals size bytes at plain and writes the record at to, which may overlap them. */
static nns_ssize seal_one(struct gss_sealer *s, uint8_t *to, const uint8_t *plain, size_t size,
                          struct nns__failure *f)
{
    gss_buffer_desc in = nns__gss_buffer(plain, size), token = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor = 0;
    nns_ssize rc;
    int conf = 0;

    major = wrap(s, &in, &token, &conf, &minor);
    if (major != GSS_S_COMPLETE) {
        rc = fail_gss(s->shared, f, code_of(major, NNS_ERR_INTERNAL),
                      "send: the mechanism cannot protect a record", major, minor);
    } else if (s->shared->conf && conf == 0) {
        rc = fail(s->shared, f, NNS_ERR_INTERNAL, "send: the mechanism did not encrypt a record");
    } else if (token.length > HEAD + size + TAIL || token.length > NNS__RECORD_MOST) {
        rc = fail(s->shared, f, NNS_ERR_INTERNAL, "send: a record grew by more than expected");
    } else {
        nns__store_le32(to, (uint32_t)token.length);
        memcpy(to + NNS__RECORD_HEADER, token.value, token.length);
        rc = (nns_ssize)(NNS__RECORD_HEADER + token.length);
    }
    nns__gss_release(&token, major);
    return rc;
}

static nns_ssize seal(struct nns__sealer *sealer, uint8_t *slots, size_t stride, size_t count,
                      size_t plain, size_t last, struct nns__failure *f)
{
    struct gss_sealer *s = (struct gss_sealer *)sealer;
    size_t written = 0;

    if (check_alive(s->shared, f) != NNS_OK)
        return f->code;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = slots + i * stride + NNS__RECORD_HEADER + HEAD;
        size_t size = i + 1 < count ? plain : last;
        nns_ssize n = is_ntlm_sign(s->shared) ? sign_one(s, slots + written, from, size, f)
                                              : seal_one(s, slots + written, from, size, f);

        if (n < 0)
            return n;
        written += (size_t)n;
    }
    return (nns_ssize)written;
}

/* All that it has is the context. */
static void rest_sealer(struct nns__sealer *sealer)
{
    (void)sealer;
}

static void free_sealer(struct nns__sealer *sealer)
{
    struct gss_sealer *s = (struct gss_sealer *)sealer;
    struct nns__mem mem = s->shared->mem;

    release(s->shared);
    nns__free(&mem, s, sizeof(*s));
}

/* ---- opening ---- */

static OM_uint32 unwrap(struct gss_opener *o, gss_buffer_t token, gss_buffer_t plain, int *conf,
                        OM_uint32 *minor)
{
    struct shared *shared = o->shared;
    bool locked = lock_while_cold(shared);
    OM_uint32 major = gss_unwrap(minor, shared->ctx, token, plain, conf, NULL);

    unlock(shared, locked, &o->warm);
    return major;
}

static OM_uint32 verify(struct gss_opener *o, gss_buffer_t text, gss_buffer_t mic, OM_uint32 *minor)
{
    struct shared *shared = o->shared;
    bool locked = lock_while_cold(shared);
    OM_uint32 major = gss_verify_mic(minor, shared->ctx, text, mic, NULL);

    unlock(shared, locked, &o->warm);
    return major;
}

static int refuse(struct shared *s, OM_uint32 major, OM_uint32 minor, struct nns__failure *f)
{
    const char *message = "receive: a record was altered, or belongs to another session";

    if (GSS_ROUTINE_ERROR(major) == 0 && (major & OUT_OF_ORDER) != 0)
        message = "receive: a record was replayed, reordered or lost";
    else if (code_of(major, NNS_ERR_INTEGRITY) == NNS_ERR_AUTH)
        message = "receive: the ticket has expired";
    return fail_gss(s, f, code_of(major, NNS_ERR_INTEGRITY), message, major, minor);
}

/* RFC 4121 4.2.6.2: the sequence number of a Wrap token stands in clear and is verified with it.
 * Clients that do not ask for REPLAY and SEQUENCE (all of .NET's) leave this check to us. The
 * acceptor does not know the first number. */
static int check_sequence(struct gss_opener *o, const uint8_t header[CFX_HEADER],
                          struct nns__failure *f)
{
    uint64_t sequence = nns__load_be64(header + CFX_SEQUENCE);

    if (header[0] != 0x05 || header[1] != 0x04)
        return fail(o->shared, f, NNS_ERR_INTEGRITY,
                    "receive: a record of this kind has no sequence number to check");
    if (o->seen && sequence != o->next)
        return fail(o->shared, f, NNS_ERR_INTEGRITY,
                    "receive: a record was replayed, reordered or lost");
    o->seen = true;
    o->next = sequence + 1;
    return NNS_OK;
}

/* What GSSAPI says of a token that it has verified, against what was negotiated. */
static int check(struct gss_opener *o, const uint8_t header[CFX_HEADER], int conf,
                 size_t plain_size, size_t size, struct nns__failure *f)
{
    if (o->shared->conf && conf == 0)
        return fail(o->shared, f, NNS_ERR_INTEGRITY, "receive: a record is not encrypted");
    if (plain_size > size)
        return fail(o->shared, f, NNS_ERR_INTERNAL, "receive: a record grew");
    return o->check_sequence ? check_sequence(o, header, f) : NNS_OK;
}

/* NTLM at level sign. gss-ntlmssp can neither sign nor check an empty text. */
static int open_signed(struct gss_opener *o, uint8_t *message, size_t size,
                       struct nns__plain *plain, struct nns__failure *f)
{
    gss_buffer_desc mic = nns__gss_buffer(message, NTLM_SIGNATURE);
    gss_buffer_desc text = nns__gss_buffer(message + NTLM_SIGNATURE, size - NTLM_SIGNATURE);
    OM_uint32 minor = 0, major = verify(o, &text, &mic, &minor);

    if (major != GSS_S_COMPLETE)
        return refuse(o->shared, major, minor, f);
    *plain = (struct nns__plain){message + NTLM_SIGNATURE, size - NTLM_SIGNATURE};
    return NNS_OK;
}

static int open_wrapped(struct gss_opener *o, uint8_t *message, size_t size,
                        struct nns__plain *plain, struct nns__failure *f)
{
    gss_buffer_desc token = nns__gss_buffer(message, size), out = GSS_C_EMPTY_BUFFER;
    uint8_t header[CFX_HEADER] = {0};
    OM_uint32 major, minor = 0;
    int conf = 0, rc;

    /* A copy: gss_unwrap() works inside the message. It is believed after it verified. */
    memcpy(header, message, size < sizeof(header) ? size : sizeof(header));
    major = unwrap(o, &token, &out, &conf, &minor);
    if (major != GSS_S_COMPLETE)
        rc = refuse(o->shared, major, minor, f);
    else
        rc = check(o, header, conf, out.length, size, f);
    if (rc == NNS_OK) {
        if (out.length > 0)
            memcpy(message, out.value, out.length);
        *plain = (struct nns__plain){message, out.length};
    }
    nns__gss_release(&out, major);
    return rc;
}

/* One record, however many there are: GSSAPI knows no batches. */
static nns_ssize open_first(struct nns__opener *opener, uint8_t *records, size_t count,
                            struct nns__plain *plains, struct nns__failure *f)
{
    struct gss_opener *o = (struct gss_opener *)opener;
    size_t size = nns__record_length(records);
    uint8_t *message = records + NNS__RECORD_HEADER;
    int rc;

    (void)count;
    if (check_alive(o->shared, f) != NNS_OK)
        return f->code;
    if (o->shared->ntlm && size < NTLM_SIGNATURE)
        return fail(o->shared, f, NNS_ERR_INTEGRITY,
                    "receive: a record is shorter than its signature");
    rc = is_ntlm_sign(o->shared) ? open_signed(o, message, size, plains, f)
                                 : open_wrapped(o, message, size, plains, f);
    return rc == NNS_OK ? 1 : rc;
}

static void rest_opener(struct nns__opener *opener)
{
    (void)opener;
}

static void free_opener(struct nns__opener *opener)
{
    struct gss_opener *o = (struct gss_opener *)opener;
    struct nns__mem mem = o->shared->mem;

    release(o->shared);
    nns__free(&mem, o, sizeof(*o));
}

/* ---- making ---- */

static const struct nns__sealer_ops sealer_ops = {
    .seal = seal, .rest = rest_sealer, .free = free_sealer};
static const struct nns__opener_ops opener_ops = {
    .open = open_first, .rest = rest_opener, .free = free_opener};

int nns__protect_gss_new(struct nns__protection *ret, const struct nns__mem *mem, gss_ctx_id_t *ctx,
                         enum nns__mechanism mechanism, uint32_t flags, struct nns__failure *f)
{
    const uint32_t ordered = NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE;
    struct shared *shared = nns__alloc(mem, sizeof(*shared));
    struct gss_sealer *sealer = nns__alloc(mem, sizeof(*sealer));
    struct gss_opener *opener = nns__alloc(mem, sizeof(*opener));

    if (shared == NULL || sealer == NULL || opener == NULL ||
        pthread_mutex_init(&shared->lock, NULL) != 0) {
        nns__free(mem, shared, sizeof(*shared));
        nns__free(mem, sealer, sizeof(*sealer));
        nns__free(mem, opener, sizeof(*opener));
        return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "protect: out of memory");
    }
    shared->mem = *mem;
    shared->ctx = *ctx;
    shared->conf = (flags & NNS__FLAG_CONF) != 0;
    shared->ntlm = mechanism == NNS__MECHANISM_NTLM;
    atomic_init(&shared->cold, 2);
    atomic_init(&shared->references, 2);
    atomic_init(&shared->failed, 0);
    atomic_init(&shared->reason, NULL);
    sealer->base = (struct nns__sealer){&sealer_ops, HEAD, TAIL};
    sealer->shared = shared;
    opener->base.ops = &opener_ops;
    opener->shared = shared;
    /* NTLM's number is part of its signature, and always checked. */
    opener->check_sequence = !shared->ntlm && (flags & ordered) != ordered;
    *ret = (struct nns__protection){&sealer->base, &opener->base, "gss"};
    *ctx = GSS_C_NO_CONTEXT;
    return NNS_OK;
}

gss_ctx_id_t nns__protect_gss_context(const struct nns__protection *protection)
{
    if (protection->sealer == NULL || protection->sealer->ops != &sealer_ops)
        return GSS_C_NO_CONTEXT;
    return ((const struct gss_sealer *)protection->sealer)->shared->ctx;
}
