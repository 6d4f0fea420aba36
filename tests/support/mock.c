/* SPDX-License-Identifier: MIT
 *
 * The mock mechanism.
 */
#include "support/mock.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_HEAD ((size_t)5) /* "MOCK", turn */

struct mock_auth {
    struct nns__auth base;
    const nns_config *cfg;
    const struct mock *script;
    nns_role role;
    int turn; /* tokens that have passed */
};

static int turns_of(const struct mock *m)
{
    return m->turns == 0 ? 2 : m->turns;
}

static uint32_t flags_of(const struct mock *m)
{
    if (m->level_none)
        return NNS__FLAG_MUTUAL;
    return m->flags == 0 ? MOCK_FLAGS : m->flags;
}

static int mock_open(struct nns__auth **ret, const struct nns__auth_request *request,
                     struct nns__failure *f)
{
    struct mock_auth *a = nns__alloc(&request->cfg->mem, sizeof(*a));

    if (a == NULL)
        return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "mock: open");
    a->base.ops = &mock_auth;
    a->cfg = request->cfg;
    a->script = request->cfg->auth_arg;
    a->role = request->role;
    *ret = &a->base;
    return NNS_OK;
}

static int make_token(struct mock_auth *a, struct nns__token *out, struct nns__failure *f)
{
    a->turn++;
    if (a->script->mute_turn == a->turn)
        return NNS_OK;
    out->size = TOKEN_HEAD + a->script->filler;
    out->data = nns__alloc(&a->cfg->mem, out->size);
    if (out->data == NULL) {
        out->size = 0;
        return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "mock: token");
    }
    memcpy(out->data, "MOCK", 4);
    out->data[4] = (uint8_t)a->turn;
    return NNS_OK;
}

static int mock_step(struct nns__auth *auth, const uint8_t *in, size_t in_size,
                     struct nns__token *out, bool *complete, struct nns__failure *f)
{
    struct mock_auth *a = (struct mock_auth *)auth;
    const struct mock *m = a->script;
    int rc = NNS_OK;

    if (m->on_step != NULL)
        m->on_step(m->arg);
    if (in_size > 0) {
        a->turn++;
        if (in_size < TOKEN_HEAD || memcmp(in, "MOCK", 4) != 0 || in[4] != a->turn)
            return nns__fail(f, NNS_ERR_AUTH, NNS__STATUS_INVALID_TOKEN, "mock: bad token");
    }
    if (m->fail_turn != 0 && a->turn + 1 >= m->fail_turn)
        return nns__fail(f, m->fail_code, m->fail_tell, "mock: told to fail");
    if (a->turn < turns_of(m))
        rc = make_token(a, out, f);
    *complete = a->turn >= turns_of(m) || m->complete_early;
    return rc;
}

static int mock_inquire(struct nns__auth *auth, struct nns__facts *facts, struct nns__failure *f)
{
    struct mock_auth *a = (struct mock_auth *)auth;
    const struct mock *m = a->script;
    const char *peer = m->peer != NULL ? m->peer : "alice@MOCK.TEST";

    if (m->fail_inquire)
        return nns__fail(f, NNS_ERR_INTERNAL, NNS__STATUS_INTERNAL_ERROR, "mock: inquire");
    facts->mechanism = m->unknown_mechanism ? NNS__MECHANISM_UNKNOWN : NNS__MECHANISM_KERBEROS;
    facts->flags = flags_of(m);
    facts->ssf = m->ssf == 0 ? 256 : m->ssf;
    facts->ticket_end = m->ticket_end;
    (void)snprintf(facts->enctype, sizeof(facts->enctype), "mock-enctype");
    facts->target = nns__strdup(&a->cfg->mem, "mock/server@MOCK.TEST");
    if (a->role == NNS_SERVER)
        facts->peer_name = nns__strdup(&a->cfg->mem, peer);
    if (facts->target == NULL || (a->role == NNS_SERVER && facts->peer_name == NULL))
        return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "mock: facts");
    return NNS_OK;
}

static void mock_close(struct nns__auth *auth)
{
    struct mock_auth *a = (struct mock_auth *)auth;

    nns__free(&a->cfg->mem, a, sizeof(*a));
}

/* ---- records: "mk", sender, conf, sequence (8, big-endian), checksum (4), payload ---- */

struct mock_sealer {
    struct nns__sealer base;
    struct nns__mem mem;
    nns_role sender;
    bool conf;
    uint64_t sequence;
    int calls;
    int fail_at;
};

struct mock_opener {
    struct nns__opener base;
    struct nns__mem mem;
    nns_role sender;
    bool conf;
    bool failed; /* at a later record of a batch */
    uint64_t sequence;
};

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 16777619u;
    return sum;
}

/* Turns the payload behind a header's place into a message. */
static void protect_message(uint8_t *message, nns_role sender, uint64_t sequence, bool conf,
                            size_t size)
{
    if (conf) {
        for (size_t i = 0; i < size; i++)
            message[MOCK_OVERHEAD + i] ^= 0x5a;
    }
    message[0] = 'm';
    message[1] = 'k';
    message[2] = (uint8_t)sender;
    message[3] = conf;
    nns__store_be64(message + 4, sequence);
    nns__store_be32(message + 12, 0);
    nns__store_be32(message + 12, checksum(message, MOCK_OVERHEAD + size));
}

size_t mock_record(uint8_t *to, nns_role sender, uint64_t sequence, bool conf, const void *plain,
                   size_t size)
{
    nns__store_le32(to, (uint32_t)(MOCK_OVERHEAD + size));
    if (size > 0)
        memcpy(to + 4 + MOCK_OVERHEAD, plain, size);
    protect_message(to + 4, sender, sequence, conf, size);
    return 4 + MOCK_OVERHEAD + size;
}

static nns_ssize mock_seal(struct nns__sealer *sealer, uint8_t *slots, size_t stride, size_t count,
                           size_t plain, size_t last, struct nns__failure *f)
{
    struct mock_sealer *s = (struct mock_sealer *)sealer;
    uint8_t *to = slots;

    if (s->fail_at != 0 && ++s->calls >= s->fail_at)
        return nns__fail(f, NNS_ERR_INTERNAL, NNS__STATUS_NONE, "mock: seal told to fail");
    for (size_t i = 0; i < count; i++) {
        size_t size = i + 1 < count ? plain : last;

        memset(slots + i * stride + 4 + MOCK_OVERHEAD + size, 't', MOCK_TAIL);
        memmove(to + 4 + MOCK_OVERHEAD, slots + i * stride + 4 + MOCK_OVERHEAD, size);
        nns__store_le32(to, (uint32_t)(MOCK_OVERHEAD + size));
        protect_message(to + 4, s->sender, s->sequence++, s->conf, size);
        to += 4 + MOCK_OVERHEAD + size;
    }
    return to - slots;
}

static int open_one(struct mock_opener *o, uint8_t *message, size_t size, struct nns__plain *plain,
                    struct nns__failure *f)
{
    uint32_t sum;

    if (size < MOCK_OVERHEAD)
        return nns__fail(f, NNS_ERR_INTEGRITY, NNS__STATUS_NONE, "mock: short record");
    sum = nns__load_be32(message + 12);
    nns__store_be32(message + 12, 0);
    if (sum != checksum(message, size) || message[2] != o->sender || message[3] != o->conf ||
        nns__load_be64(message + 4) != o->sequence)
        return nns__fail(f, NNS_ERR_INTEGRITY, NNS__STATUS_NONE, "mock: bad record");
    o->sequence++;
    *plain = (struct nns__plain){message + MOCK_OVERHEAD, size - MOCK_OVERHEAD};
    for (size_t i = 0; o->conf && i < plain->size; i++)
        plain->data[i] ^= 0x5a;
    return NNS_OK;
}

/* Whole batches; it stops before a record whose number is not the next, and leaves it alone. */
static nns_ssize mock_open_records(struct nns__opener *opener, uint8_t *records, size_t count,
                                   struct nns__plain *plains, struct nns__failure *f)
{
    struct mock_opener *o = (struct mock_opener *)opener;
    size_t i = 0;

    if (o->failed)
        return nns__fail(f, NNS_ERR_INTEGRITY, NNS__STATUS_NONE, "mock: bad record in a batch");
    while (i < count && i < NNS__BATCH) {
        size_t size = nns__load_le32(records);

        if (i > 0 && (size < MOCK_OVERHEAD || nns__load_be64(records + 4 + 4) != o->sequence))
            break;
        if (open_one(o, records + 4, size, &plains[i], f) != NNS_OK) {
            o->failed = true;
            return i > 0 ? (nns_ssize)i : f->code;
        }
        records += 4 + size;
        i++;
    }
    return (nns_ssize)i;
}

static void sealer_rest(struct nns__sealer *sealer)
{
    (void)sealer;
}

static void opener_rest(struct nns__opener *opener)
{
    (void)opener;
}

static void sealer_free(struct nns__sealer *sealer)
{
    struct mock_sealer *s = (struct mock_sealer *)sealer;
    struct nns__mem mem = s->mem;

    nns__free(&mem, s, sizeof(*s));
}

static void opener_free(struct nns__opener *opener)
{
    struct mock_opener *o = (struct mock_opener *)opener;
    struct nns__mem mem = o->mem;

    nns__free(&mem, o, sizeof(*o));
}

static const struct nns__sealer_ops sealer_ops = {
    .seal = mock_seal, .rest = sealer_rest, .free = sealer_free};
static const struct nns__opener_ops opener_ops = {
    .open = mock_open_records, .rest = opener_rest, .free = opener_free};

static int mock_protect(struct nns__auth *auth, const struct nns__facts *facts,
                        struct nns__protection *ret, struct nns__failure *f)
{
    struct mock_auth *a = (struct mock_auth *)auth;
    struct mock_sealer *s;
    struct mock_opener *o;

    if (a->script->fail_protect)
        return nns__fail(f, NNS_ERR_INTERNAL, NNS__STATUS_INTERNAL_ERROR, "mock: protect");
    ret->name = "raw";
    if (nns__policy_level(facts->flags) == NNS_PROTECT_NONE)
        return NNS_OK;
    s = nns__alloc(&a->cfg->mem, sizeof(*s));
    o = nns__alloc(&a->cfg->mem, sizeof(*o));
    if (s == NULL || o == NULL) {
        nns__free(&a->cfg->mem, s, sizeof(*s));
        nns__free(&a->cfg->mem, o, sizeof(*o));
        return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "mock: protect");
    }
    s->base = (struct nns__sealer){&sealer_ops, MOCK_OVERHEAD, MOCK_TAIL};
    o->base.ops = &opener_ops;
    s->mem = o->mem = a->cfg->mem;
    s->sender = a->role;
    s->fail_at = a->script->fail_seal;
    o->sender = a->role == NNS_CLIENT ? NNS_SERVER : NNS_CLIENT;
    s->conf = o->conf = (facts->flags & NNS__FLAG_CONF) != 0;
    *ret = (struct nns__protection){.sealer = &s->base, .opener = &o->base, .name = "mock"};
    return NNS_OK;
}

const struct nns__auth_ops mock_auth = {.open = mock_open,
                                        .step = mock_step,
                                        .inquire = mock_inquire,
                                        .protect = mock_protect,
                                        .close = mock_close};

int mock_config(nns_config **ret, const struct mock *script, const nns_allocator *alloc)
{
    union {
        const struct mock *in;
        void *out;
    } view = {.in = script};
    nns_config *cfg;
    int rc = nns_config_new(&cfg, alloc);

    if (rc != NNS_OK)
        return rc;
    cfg->auth = &mock_auth;
    cfg->auth_arg = view.out;
    cfg->allow_any_peer = true;
    *ret = cfg;
    return NNS_OK;
}
