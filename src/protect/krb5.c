/* SPDX-License-Identifier: MIT
 *
 * Wrap tokens of RFC 4121 4.2.6.2, made and checked here. A sealed one is
 *
 *     header | confounder | plaintext | EC bytes | header (RRC 0), encrypted | tag
 *
 * and a signed one header | plaintext | tag over plaintext and header (EC 0, RRC 0); behind the
 * header a sender may have turned it right by RRC bytes. Ours have EC 0 in sealed ones and RRC 0.
 *
 * Stricter than gss_unwrap(): the level, the key and the sequence number must be what they must
 * be, the last one the previous and one. After a failure nothing is sealed or opened any more.
 */
#include "protect/krb5.h"

#include "frame/data_record.h"
#include "protect/krb5_keys.h"
#include "protect/krb5_mb.h"
#include "protect/krb5_ni.h"
#include "protect/krb5_token.h"

#include <openssl/rand.h>
#include <string.h>

#define CONFOUNDER NNS__CRYPT_BLOCK

/* Random bytes are taken by the batch: asking for them costs more than sealing a short record. */
#define RANDOM (NNS__BATCH * CONFOUNDER)

#define ALTERED "receive: a record was altered, or belongs to another session"
#define DISORDER "receive: a record was replayed, reordered or lost"
#define NO_MEMORY "out of memory"

struct krb5_sealer {
    struct nns__sealer base;
    struct nns__mem mem;
    struct nns__crypt *crypt;
    const struct nns__enctype *enctype;
    bool conf;
    uint8_t flags;
    int failed; /* the code of the first failure, or 0 */
    uint64_t sequence;
    size_t random_left;
    uint8_t random[RANDOM];
};

struct krb5_opener {
    struct nns__opener base;
    struct nns__mem mem;
    struct nns__crypt *crypt;
    const struct nns__enctype *enctype;
    bool conf;
    uint8_t flags;      /* that the peer's tokens must have */
    int failed;         /* the code of the first failure, or 0 */
    const char *reason; /* its message */
    uint64_t sequence;  /* that must come */
};

/* ---- sealing ---- */

static nns_ssize seal_failed(struct krb5_sealer *s, int code, struct nns__failure *f)
{
    s->failed = code;
    return nns__fail(f, code, NNS__STATUS_NONE,
                     code == NNS_ERR_NOMEM ? "send: " NO_MEMORY
                                           : "send: libcrypto cannot protect a record");
}

static bool take_confounder(struct krb5_sealer *s, uint8_t *to)
{
    if (s->random_left == 0) {
        if (RAND_bytes(s->random, (int)RANDOM) != 1)
            return false;
        s->random_left = RANDOM;
    }
    s->random_left -= CONFOUNDER;
    memcpy(to, s->random + s->random_left, CONFOUNDER);
    return true;
}

/* Puts around size bytes of plaintext what is encrypted and authenticated with them. */
static bool surround(struct krb5_sealer *s, uint8_t *plain, size_t size, uint64_t sequence,
                     struct nns__text *text)
{
    const struct nns__token_header header = {.flags = s->flags, .sequence = sequence};

    nns__token_header_write(plain + size, &header);
    *text = (struct nns__text){plain, size + NNS__TOKEN_HEADER};
    if (!s->conf)
        return true;
    *text = (struct nns__text){plain - CONFOUNDER, CONFOUNDER + size + NNS__TOKEN_HEADER};
    return take_confounder(s, text->bytes);
}

/* Makes a record at to of a text that is ready: its size. */
static size_t finish(const struct krb5_sealer *s, uint8_t *to, const struct nns__text *text,
                     uint64_t sequence)
{
    const size_t tag_size = s->enctype->tag_size;
    const struct nns__token_header header = {
        .flags = s->flags, .extra = s->conf ? 0 : tag_size, .sequence = sequence};
    uint8_t *body = to + NNS__RECORD_HEADER + NNS__TOKEN_HEADER;
    size_t size = text->size + tag_size;

    if (!s->conf) { /* the tag takes the place of the header that it covers */
        size -= NNS__TOKEN_HEADER;
        memmove(text->bytes + size - tag_size, text->bytes + text->size, tag_size);
    }
    if (body != text->bytes)
        memmove(body, text->bytes, size);
    nns__store_le32(to, (uint32_t)(NNS__TOKEN_HEADER + size));
    nns__token_header_write(to + NNS__RECORD_HEADER, &header);
    return NNS__RECORD_HEADER + NNS__TOKEN_HEADER + size;
}

/* At most a batch, from slots to to; the last record holds last bytes. */
static nns_ssize seal_batch(struct krb5_sealer *s, uint8_t *to, uint8_t *slots, size_t stride,
                            size_t count, size_t plain, size_t last)
{
    struct nns__text texts[NNS__BATCH];
    size_t written = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        uint8_t *at = slots + i * stride + NNS__RECORD_HEADER + s->base.head;

        if (!surround(s, at, i + 1 < count ? plain : last, s->sequence + i, &texts[i]))
            return NNS_ERR_INTERNAL;
    }
    rc = nns__crypt_seal(s->crypt, texts, count);
    if (rc != NNS_OK)
        return rc;
    for (size_t i = 0; i < count; i++)
        written += finish(s, to + written, &texts[i], s->sequence + i);
    s->sequence += count;
    return (nns_ssize)written;
}

static nns_ssize seal(struct nns__sealer *sealer, uint8_t *slots, size_t stride, size_t count,
                      size_t plain, size_t last, struct nns__failure *f)
{
    struct krb5_sealer *s = (struct krb5_sealer *)sealer;
    size_t written = 0;

    if (s->failed != 0)
        return seal_failed(s, s->failed, f);
    for (size_t i = 0; i < count; i += NNS__BATCH) {
        size_t some = count - i < NNS__BATCH ? count - i : NNS__BATCH;
        nns_ssize n = seal_batch(s, slots + written, slots + i * stride, stride, some, plain,
                                 i + some < count ? plain : last);

        if (n < 0)
            return seal_failed(s, (int)n, f);
        written += (size_t)n;
    }
    return (nns_ssize)written;
}

static void rest_sealer(struct nns__sealer *sealer)
{
    struct krb5_sealer *s = (struct krb5_sealer *)sealer;

    nns__crypt_rest(s->crypt);
    nns__wipe(s->random, sizeof(s->random));
    s->random_left = 0;
}

static void free_sealer(struct nns__sealer *sealer)
{
    struct krb5_sealer *s = (struct krb5_sealer *)sealer;
    struct nns__mem mem = s->mem;

    nns__crypt_free(s->crypt);
    nns__free_wiped(&mem, s, sizeof(*s));
}

/* ---- opening ---- */

/* A record that is being opened. */
struct candidate {
    uint8_t *token;
    size_t size;
    struct nns__token_header header;
    uint8_t inner[NNS__TOKEN_HEADER]; /* the header as it is authenticated */
    struct nns__text text;
};

static nns_ssize open_failed(struct krb5_opener *o, int code, const char *reason,
                             struct nns__failure *f)
{
    if (o->failed == 0) {
        o->failed = code;
        o->reason = reason;
    }
    return nns__fail(f, o->failed, NNS__STATUS_NONE, "%s", o->reason);
}

/* What stands in clear, before the record is believed. False: it cannot be one of the peer's. */
static bool look(const struct krb5_opener *o, struct candidate *c)
{
    struct nns__token_header *header = &c->header;
    size_t room, tag_size = o->enctype->tag_size;

    if (c->size < NNS__TOKEN_HEADER || !nns__token_header_read(header, c->token) ||
        ((header->flags ^ o->flags) & NNS__TOKEN_FLAGS) != 0)
        return false;
    room = c->size - NNS__TOKEN_HEADER;
    if (o->conf)
        return room >= CONFOUNDER + header->extra + NNS__TOKEN_HEADER + tag_size;
    return room >= tag_size && header->extra == tag_size;
}

/* Brings text and tag into the order in which they were authenticated. */
static void arrange(const struct krb5_opener *o, struct candidate *c)
{
    const struct nns__token_header inner = {.flags = c->header.flags,
                                            .extra = o->conf ? c->header.extra : 0,
                                            .sequence = c->header.sequence};
    const size_t tag_size = o->enctype->tag_size;
    uint8_t *body = c->token + NNS__TOKEN_HEADER;
    size_t room = c->size - NNS__TOKEN_HEADER;

    nns__token_header_write(c->inner, &inner);
    nns__rotate_left(body, room, c->header.rotation);
    c->text = (struct nns__text){body, room - tag_size};
    if (o->conf)
        return;
    /* The header goes behind the plaintext. */
    memmove(c->token, body, room - tag_size);
    memcpy(c->token + room - tag_size, c->inner, NNS__TOKEN_HEADER);
    c->text = (struct nns__text){c->token, c->size - tag_size};
}

/* After the tag was verified. False: what was encrypted belongs to another header. */
static bool unpack(const struct krb5_opener *o, const struct candidate *c, struct nns__plain *plain)
{
    const struct nns__text *text = &c->text;
    uint8_t *copy = text->bytes + text->size - NNS__TOKEN_HEADER;
    size_t around = NNS__TOKEN_HEADER + (o->conf ? CONFOUNDER + c->header.extra : 0);

    if (o->conf) {
        memset(copy + 6, 0, 2); /* RRC: whoever turned the token may have left it either way */
        if (memcmp(copy, c->inner, NNS__TOKEN_HEADER) != 0)
            return false;
    }
    *plain = (struct nns__plain){text->bytes + (o->conf ? CONFOUNDER : 0), text->size - around};
    return true;
}

/* The records from the front that can be what must come. The first may have a wrong number, and
 * is alone then. */
static size_t gather(const struct krb5_opener *o, struct candidate *candidates, uint8_t *records,
                     size_t count)
{
    size_t n = 0;

    while (n < count && n < NNS__BATCH) {
        struct candidate *c = &candidates[n];

        c->size = nns__record_length(records);
        c->token = records + NNS__RECORD_HEADER;
        if (!look(o, c))
            break;
        if (c->header.sequence != o->sequence + n)
            return n == 0 ? 1 : n;
        records += NNS__RECORD_HEADER + c->size;
        n++;
    }
    return n;
}

/* How many from the front are good, or an error. What was decrypted behind them is wiped. */
static nns_ssize verify(const struct krb5_opener *o, struct candidate *candidates, size_t count,
                        struct nns__plain *plains)
{
    struct nns__text texts[NNS__BATCH];
    nns_ssize opened, good = 0;

    for (size_t i = 0; i < count; i++) {
        arrange(o, &candidates[i]);
        texts[i] = candidates[i].text;
    }
    opened = nns__crypt_open(o->crypt, texts, count);
    if (opened < 0)
        return opened;
    while (good < opened && unpack(o, &candidates[good], &plains[good]))
        good++;
    for (nns_ssize i = good; i < opened; i++)
        nns__wipe(candidates[i].text.bytes, candidates[i].text.size);
    return good;
}

/* A genuine record in the wrong place is told from one that was altered. */
static nns_ssize refuse_number(struct krb5_opener *o, struct nns__plain *plain,
                               struct nns__failure *f)
{
    nns__wipe(plain->data, plain->size);
    *plain = (struct nns__plain){0};
    return open_failed(o, NNS_ERR_INTEGRITY, DISORDER, f);
}

static nns_ssize open_batch(struct nns__opener *opener, uint8_t *records, size_t count,
                            struct nns__plain *plains, struct nns__failure *f)
{
    struct krb5_opener *o = (struct krb5_opener *)opener;
    struct candidate candidates[NNS__BATCH];
    nns_ssize good;
    size_t n;

    if (o->failed != 0)
        return open_failed(o, o->failed, o->reason, f);
    n = gather(o, candidates, records, count);
    if (n == 0)
        return open_failed(o, NNS_ERR_INTEGRITY, ALTERED, f);
    good = verify(o, candidates, n, plains);
    if (good < 0)
        return open_failed(o, (int)good,
                           good == NNS_ERR_NOMEM ? "receive: " NO_MEMORY
                                                 : "receive: libcrypto cannot open a record",
                           f);
    if (good > 0 && candidates[0].header.sequence != o->sequence)
        return refuse_number(o, plains, f);
    o->sequence += (uint64_t)good;
    /* The records before a bad one are good all the same; the next call tells of it. */
    if ((size_t)good < n)
        (void)open_failed(o, NNS_ERR_INTEGRITY, ALTERED, f);
    return good > 0 ? good : o->failed;
}

static void rest_opener(struct nns__opener *opener)
{
    nns__crypt_rest(((struct krb5_opener *)opener)->crypt);
}

static void free_opener(struct nns__opener *opener)
{
    struct krb5_opener *o = (struct krb5_opener *)opener;
    struct nns__mem mem = o->mem;

    nns__crypt_free(o->crypt);
    nns__free_wiped(&mem, o, sizeof(*o));
}

/* ---- making ---- */

static const struct nns__sealer_ops sealer_ops = {
    .seal = seal, .rest = rest_sealer, .free = free_sealer};
static const struct nns__opener_ops opener_ops = {
    .open = open_batch, .rest = rest_opener, .free = free_opener};

/* The flags of tokens that one side sends. */
static uint8_t flags_of(const struct nns__krb5_context *context, bool by_acceptor)
{
    return (uint8_t)((by_acceptor ? NNS__TOKEN_BY_ACCEPTOR : 0) |
                     (context->conf ? NNS__TOKEN_SEALED : 0) |
                     (context->acceptor_subkey ? NNS__TOKEN_ACCEPTOR_SUBKEY : 0));
}

/* The cipher work of tokens that one side sends. */
static int make_crypt(struct nns__crypt **ret, const struct nns__mem *mem,
                      const struct nns__krb5_context *context, bool by_acceptor)
{
    struct nns__crypt_keys keys;
    int rc = nns__crypt_keys_derive(
        &keys, context->enctype, context->key,
        by_acceptor ? NNS__USAGE_ACCEPTOR_SEAL : NNS__USAGE_INITIATOR_SEAL, context->conf);

    keys.one_by_one = context->one_by_one;
    if (rc == NNS_OK)
        rc = nns__crypt_new(ret, mem, &keys);
    nns__wipe(&keys, sizeof(keys));
    return rc;
}

static int make_sealer(struct nns__sealer **ret, const struct nns__mem *mem,
                       const struct nns__krb5_context *context)
{
    const size_t around = NNS__TOKEN_HEADER + context->enctype->tag_size;
    struct krb5_sealer *s = nns__alloc(mem, sizeof(*s));
    int rc;

    if (s == NULL)
        return NNS_ERR_NOMEM;
    rc = make_crypt(&s->crypt, mem, context, !context->initiator);
    if (rc != NNS_OK) {
        nns__free(mem, s, sizeof(*s));
        return rc;
    }
    s->base.ops = &sealer_ops;
    s->base.head = NNS__TOKEN_HEADER + (context->conf ? CONFOUNDER : 0);
    s->base.tail = around;
    s->mem = *mem;
    s->enctype = context->enctype;
    s->conf = context->conf;
    s->flags = flags_of(context, !context->initiator);
    s->sequence = context->send_sequence;
    *ret = &s->base;
    return NNS_OK;
}

static int make_opener(struct nns__opener **ret, const struct nns__mem *mem,
                       const struct nns__krb5_context *context)
{
    struct krb5_opener *o = nns__alloc(mem, sizeof(*o));
    int rc;

    if (o == NULL)
        return NNS_ERR_NOMEM;
    rc = make_crypt(&o->crypt, mem, context, context->initiator);
    if (rc != NNS_OK) {
        nns__free(mem, o, sizeof(*o));
        return rc;
    }
    o->base.ops = &opener_ops;
    o->mem = *mem;
    o->enctype = context->enctype;
    o->conf = context->conf;
    o->flags = flags_of(context, context->initiator);
    o->sequence = context->receive_sequence;
    *ret = &o->base;
    return NNS_OK;
}

/* After what makes it fast. */
static const char *name_of(const struct nns__krb5_context *context)
{
    if (context->one_by_one)
        return "krb5";
    if (nns__mb_width() != NNS__MB_NONE)
        return "krb5+mb";
    return nns__ni_takes(context->enctype) ? "krb5+ni" : "krb5";
}

int nns__protect_krb5_new(struct nns__protection *ret, const struct nns__mem *mem,
                          const struct nns__krb5_context *context, struct nns__failure *f)
{
    struct nns__protection made = {.name = name_of(context)};
    int rc = make_sealer(&made.sealer, mem, context);

    if (rc == NNS_OK)
        rc = make_opener(&made.opener, mem, context);
    if (rc != NNS_OK) {
        nns__protection_free(&made);
        return nns__fail(f, rc, NNS__STATUS_INTERNAL_ERROR,
                         rc == NNS_ERR_NOMEM ? "protect: " NO_MEMORY
                                             : "protect: libcrypto cannot derive the keys");
    }
    *ret = made;
    return NNS_OK;
}
