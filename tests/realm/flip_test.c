/* SPDX-License-Identifier: MIT
 *
 * Every single bit of every record of a session, flipped: the reader gets an error, with what
 * came before intact and nothing after it, or the identical plaintext; never other plaintext,
 * never a wait. The mechanisms are real: Kerberos, opened by GSSAPI and by ourselves, and NTLM, in
 * whose records every bit counts. A handshake for each of twenty thousand bits would be slow, so
 * the receiver's context is exported once and imported for each bit: a rewound session. One record
 * is also tried with a handshake for each bit.
 *
 * NNS_FLIPS=N   flip N random bits of a full record (default 150) beside those of its edges;
 *               "all" flips each of its 516,608.
 */
#include "auth/gss_cred.h"
#include "base/bytes.h"
#include "frame/data_record.h"
#include "protect/gss.h"
#include "protect/gss_call.h"
#include "protect/krb5_export.h"
#include "realm/realm_support.h"
#include "support/check.h"
#include "support/pair.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define FULL ((size_t)64512) /* plaintext of a full record */
#define EDGE ((size_t)64)    /* bytes at either end of a full record whose bits are all flipped */
#define KEY_TYPE 18          /* of the realm's sessions */

/* NTLM's signature: version, checksum, sequence number. */
#define SIGNATURE ((size_t)16)
#define CHECKSUM_AT 4
#define CHECKSUM ((size_t)8)
#define SEQUENCE_AT 12

/* What is flipped: records of a mechanism, at a level, towards one side. */
struct subject {
    const gss_OID_desc *mechanism;
    OM_uint32 asked;   /* of the initiator */
    bool conf;         /* the records are encrypted */
    nns_role receiver; /* the side that reads the altered record */
    bool ours;         /* it opens them itself, without GSSAPI */
};

struct record {
    size_t at; /* in the wire */
    size_t size;
    size_t plain_at;
};

/* A session up to the first record: the sender's records, and the receiver's context to rewind. */
struct session {
    const struct subject *subject;
    nns_config *cfg; /* of the receiver, whose mechanism is the exported context */
    gss_buffer_desc exported;
    struct tape wire, plain;
    struct record records[8];
    size_t count;
    long identical; /* flips that changed nothing for the reader */
};

/* ---- a mechanism that is the imported context ---- */

static bool is_ntlm(const struct subject *s)
{
    return s->mechanism == &nns__gss_ntlm;
}

static uint32_t flags_of(const struct subject *s)
{
    uint32_t flags = NNS__FLAG_INTEG | (s->conf ? NNS__FLAG_CONF : 0);

    if (is_ntlm(s))
        return flags | NNS__FLAG_IDENTIFY;
    flags |= NNS__FLAG_MUTUAL;
    if ((s->asked & GSS_C_SEQUENCE_FLAG) != 0)
        flags |= NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE;
    return flags;
}

struct rewound {
    struct nns__auth base;
    const nns_config *cfg;
};

static const struct nns__auth_ops rewound_ops;

static int rewound_open(struct nns__auth **ret, const struct nns__auth_request *request,
                        struct nns__failure *f)
{
    struct rewound *r = nns__alloc(&request->cfg->mem, sizeof(*r));

    (void)f;
    assert_non_null(r);
    r->base.ops = &rewound_ops;
    r->cfg = request->cfg;
    *ret = &r->base;
    return NNS_OK;
}

static int rewound_step(struct nns__auth *auth, const uint8_t *in, size_t in_size,
                        struct nns__token *out, bool *complete, struct nns__failure *f)
{
    const nns_config *cfg = ((struct rewound *)auth)->cfg;

    (void)in;
    (void)f;
    if (in_size == 0) { /* a client, which has to speak first */
        *out = (struct nns__token){nns__alloc(&cfg->mem, 1), 1};
        assert_non_null(out->data);
    }
    *complete = true;
    return NNS_OK;
}

static int rewound_inquire(struct nns__auth *auth, struct nns__facts *facts, struct nns__failure *f)
{
    const nns_config *cfg = ((struct rewound *)auth)->cfg;
    const struct session *s = cfg->auth_arg;

    (void)f;
    *facts = (struct nns__facts){.mechanism = is_ntlm(s->subject) ? NNS__MECHANISM_NTLM
                                                                  : NNS__MECHANISM_KERBEROS,
                                 .flags = flags_of(s->subject),
                                 .ssf = is_ntlm(s->subject) ? 64 : 256,
                                 .peer_name = nns__strdup(&cfg->mem, "alice@" REALM)};
    assert_non_null(facts->peer_name);
    return NNS_OK;
}

static int rewound_protect(struct nns__auth *auth, const struct nns__facts *facts,
                           struct nns__protection *ret, struct nns__failure *f)
{
    const nns_config *cfg = ((struct rewound *)auth)->cfg;
    struct session *s = cfg->auth_arg;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor;

    assert_int_equal(gss_import_sec_context(&minor, &s->exported, &ctx), GSS_S_COMPLETE);
    if (s->subject->ours)
        return nns__protect_krb5_export(ret, &cfg->mem, &ctx, KEY_TYPE, s->subject->conf,
                                        cfg->record_engine == NNS__RECORD_ENGINE_KRB5, f);
    return nns__protect_gss_new(ret, &cfg->mem, &ctx, facts->mechanism, facts->flags, f);
}

static void rewound_close(struct nns__auth *auth)
{
    struct rewound *r = (struct rewound *)auth;

    nns__free(&r->cfg->mem, r, sizeof(*r));
}

static const struct nns__auth_ops rewound_ops = {.open = rewound_open,
                                                 .step = rewound_step,
                                                 .inquire = rewound_inquire,
                                                 .protect = rewound_protect,
                                                 .close = rewound_close};

/* ---- the session ---- */

/* NTLM's credential of the file that ntlm_accounts() names. */
static gss_cred_id_t ntlm_cred(const struct subject *s, gss_cred_usage_t usage)
{
    gss_OID_desc mechanism = *s->mechanism;
    gss_OID_set_desc set = {1, &mechanism};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    assert_int_equal(
        gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, usage, &cred, NULL, NULL),
        GSS_S_COMPLETE);
    return cred;
}

/* Two contexts of plain GSSAPI, established with each other. */
static void connect_ntlm(const struct subject *s, gss_ctx_id_t *initiator, gss_ctx_id_t *acceptor)
{
    gss_cred_id_t ours = ntlm_cred(s, GSS_C_INITIATE), theirs = ntlm_cred(s, GSS_C_ACCEPT);
    gss_buffer_desc text = nns__gss_buffer("host@localhost", 14), to = GSS_C_EMPTY_BUFFER;
    gss_OID_desc mechanism = *s->mechanism;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor;

    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name),
                     GSS_S_COMPLETE);
    *initiator = *acceptor = GSS_C_NO_CONTEXT;
    do {
        gss_buffer_desc from = GSS_C_EMPTY_BUFFER;

        major = gss_init_sec_context(&minor, ours, initiator, name, &mechanism, s->asked, 0,
                                     GSS_C_NO_CHANNEL_BINDINGS, &to, NULL, &from, NULL, NULL);
        assert_false(GSS_ERROR(major));
        (void)gss_release_buffer(&minor, &to);
        major = gss_accept_sec_context(&minor, acceptor, theirs, &from, GSS_C_NO_CHANNEL_BINDINGS,
                                       NULL, NULL, &to, NULL, NULL, NULL);
        assert_false(GSS_ERROR(major));
        (void)gss_release_buffer(&minor, &from);
    } while (major != GSS_S_COMPLETE);
    assert_int_equal(to.length, 0);
    (void)gss_release_name(&minor, &name);
    (void)gss_release_cred(&minor, &ours);
    (void)gss_release_cred(&minor, &theirs);
}

static void connect_kerberos(const struct subject *s, gss_ctx_id_t *initiator,
                             gss_ctx_id_t *acceptor)
{
    gss_buffer_desc first = raw_start(initiator, s->mechanism, s->asked);
    gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
    gss_cred_id_t cred = raw_acceptor_cred();
    OM_uint32 minor;

    *acceptor = GSS_C_NO_CONTEXT;
    assert_int_equal(gss_accept_sec_context(&minor, acceptor, cred, &first,
                                            GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &answer, NULL,
                                            NULL, NULL),
                     GSS_S_COMPLETE);
    raw_finish(initiator, s->mechanism, s->asked, answer.value, answer.length);
    (void)gss_release_buffer(&minor, &first);
    (void)gss_release_buffer(&minor, &answer);
    (void)gss_release_cred(&minor, &cred);
}

/* NTLM at level sign: the MIC, and the plaintext. */
static void raw_sign(struct message *to, gss_ctx_id_t ctx, const uint8_t *plain, size_t size)
{
    gss_buffer_desc in = nns__gss_buffer(plain, size), mic = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    assert_int_equal(gss_get_mic(&minor, ctx, GSS_C_QOP_DEFAULT, &in, &mic), GSS_S_COMPLETE);
    assert_int_equal(mic.length, SIGNATURE);
    memcpy(to->bytes, mic.value, SIGNATURE);
    memcpy(to->bytes + SIGNATURE, plain, size);
    to->size = SIGNATURE + size;
    (void)gss_release_buffer(&minor, &mic);
}

static void add_message(struct session *s, const struct message *message, const uint8_t *plain,
                        size_t size)
{
    uint8_t header[NNS__RECORD_HEADER];

    nns__store_le32(header, (uint32_t)message->size);
    s->records[s->count++] =
        (struct record){s->wire.size, sizeof(header) + message->size, s->plain.size};
    tape_add(&s->wire, header, sizeof(header));
    tape_add(&s->wire, message->bytes, message->size);
    tape_add(&s->plain, plain, size);
}

static void add_record(struct session *s, gss_ctx_id_t sender, size_t size)
{
    struct message *message = test_malloc(sizeof(*message));
    uint8_t *plain = test_malloc(size + 1);
    uint32_t seed = (uint32_t)s->count + 1;

    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)next_random(&seed);
    if (is_ntlm(s->subject) && !s->subject->conf)
        raw_sign(message, sender, plain, size);
    else
        raw_wrap(message, sender, s->subject->conf, plain, size);
    add_message(s, message, plain, size);
    test_free(plain);
    test_free(message);
}

/* ---- an empty record of NTLM ---- */

typedef const void *digest_fn(void);
typedef uint8_t *hmac_fn(const void *digest, const void *key, int key_size, const uint8_t *in,
                         size_t size, uint8_t *out, unsigned *out_size);

static void *crypto(const char *name)
{
    static void *library;
    void *symbol;

    if (library == NULL)
        library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL); /* gss-ntlmssp's own */
    assert_non_null(library);
    symbol = dlsym(library, name);
    assert_non_null(symbol);
    return symbol;
}

/* [MS-NLMP] 3.4.4.2: HMAC-MD5 of the sequence number and the text, its first 8 bytes. */
static void checksum(uint8_t out[CHECKSUM], const uint8_t key[16], const uint8_t sequence[4],
                     size_t zeros)
{
    union {
        void *in;
        digest_fn *digest;
        hmac_fn *hmac;
    } md5 = {.in = crypto("EVP_md5")}, hmac = {.in = crypto("HMAC")};
    uint8_t text[4 + 2 * CHECKSUM] = {0}, full[64];
    unsigned size = sizeof(full);

    memcpy(text, sequence, 4);
    assert_non_null(hmac.hmac(md5.digest(), key, 16, text, 4 + zeros, full, &size));
    memcpy(out, full, CHECKSUM);
}

static void exclusive_or(uint8_t to[CHECKSUM], const uint8_t with[CHECKSUM])
{
    for (size_t i = 0; i < CHECKSUM; i++)
        to[i] ^= with[i];
}

/* The key of the sender's signatures is somewhere in its exported context: with it the checksum of
 * these zeros comes out as it was sent. */
static const uint8_t *find_key(const gss_buffer_desc *exported, const uint8_t sequence[4],
                               const uint8_t expected[CHECKSUM])
{
    const uint8_t *bytes = exported->value;
    uint8_t sum[CHECKSUM];

    for (size_t at = 0; at + 16 <= exported->length; at++) {
        checksum(sum, bytes + at, sequence, CHECKSUM);
        if (memcmp(sum, expected, CHECKSUM) == 0)
            return bytes + at;
    }
    fail_msg("the key is not in the context");
    return NULL;
}

/* What the context, rewound, makes of zeros. RC4 is an exclusive or, so this is its key stream,
 * behind the signature; the checksum is encrypted after the text. */
static void wrap_zeros(struct message *to, gss_buffer_t exported, size_t size)
{
    static const uint8_t zeros[2 * CHECKSUM];
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor;

    assert_int_equal(gss_import_sec_context(&minor, exported, &ctx), GSS_S_COMPLETE);
    raw_wrap(to, ctx, 1, zeros, size);
    raw_free(&ctx);
}

/* gss-ntlmssp cannot seal nothing, others can. Ends the sender, so it is the last record. */
static void add_empty_record(struct session *s, gss_ctx_id_t *sender)
{
    struct message *eight = test_malloc(sizeof(*eight)), *sixteen = test_malloc(sizeof(*sixteen));
    gss_buffer_desc exported = GSS_C_EMPTY_BUFFER;
    uint8_t *sum = eight->bytes + CHECKSUM_AT;
    const uint8_t *sequence = eight->bytes + SEQUENCE_AT, *stream = sixteen->bytes + SIGNATURE;
    OM_uint32 minor;

    assert_int_equal(gss_export_sec_context(&minor, sender, &exported), GSS_S_COMPLETE);
    wrap_zeros(eight, &exported, CHECKSUM);
    wrap_zeros(sixteen, &exported, 2 * CHECKSUM);
    exclusive_or(sum, stream + CHECKSUM);
    checksum(sum, find_key(&exported, sequence, sum), sequence, 0);
    exclusive_or(sum, stream);
    eight->size = SIGNATURE;
    add_message(s, eight, NULL, 0);
    (void)gss_release_buffer(&minor, &exported);
    test_free(eight);
    test_free(sixteen);
}

/* ---- the whole session ---- */

static void session_make(struct session *s, const struct subject *subject, const size_t *sizes,
                         size_t count)
{
    gss_ctx_id_t initiator, acceptor, *to, *from;
    OM_uint32 minor;

    *s = (struct session){.subject = subject};
    if (is_ntlm(subject))
        connect_ntlm(subject, &initiator, &acceptor);
    else
        connect_kerberos(subject, &initiator, &acceptor);
    to = subject->receiver == NNS_CLIENT ? &initiator : &acceptor;
    from = subject->receiver == NNS_CLIENT ? &acceptor : &initiator;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > 0 || !is_ntlm(subject))
            add_record(s, *from, sizes[i]);
        else if (subject->conf)
            add_empty_record(s, from);
    }
    assert_int_equal(gss_export_sec_context(&minor, to, &s->exported), GSS_S_COMPLETE);
    if (*from != GSS_C_NO_CONTEXT)
        raw_free(from);
    assert_int_equal(nns_config_new(&s->cfg, NULL), NNS_OK);
    assert_int_equal(
        nns_config_set_protection(s->cfg, subject->conf ? NNS_PROTECT_SEAL : NNS_PROTECT_SIGN),
        NNS_OK);
    assert_int_equal(nns_config_allow_any_peer(s->cfg), NNS_OK);
    assert_int_equal(nns_config_insecure_allow_ntlm(s->cfg), NNS_OK);
    assert_int_equal(nns_config_set_record_engine(s->cfg, realm_engine()), NNS_OK);
    s->cfg->auth = &rewound_ops;
    s->cfg->auth_arg = s;
}

static void session_free(struct session *s)
{
    OM_uint32 minor;

    tape_free(&s->wire);
    tape_free(&s->plain);
    (void)gss_release_buffer(&minor, &s->exported);
    nns_config_unref(s->cfg);
}

/* The receiver, open and before its first record. */
static nns_engine *rewind_receiver(struct session *s)
{
    nns_engine *e = engine_on(nns_config_ref(s->cfg), s->subject->receiver);
    uint8_t sent[16];

    if (s->subject->receiver == NNS_CLIENT) {
        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(engine_drain(e, sent, sizeof(sent)), 6);
        assert_int_equal(engine_feed(e, "\x14\x01\0\0\0", 5), NNS_OK);
    } else {
        assert_int_equal(engine_feed(e, "\x16\x01\0\0\x01x", 6), NNS_OK);
        assert_int_equal(nns_engine_step(e), NNS_OK);
        assert_int_equal(engine_drain(e, sent, sizeof(sent)), 5);
    }
    assert_true((nns_engine_state(e) & NNS_STATE_OPEN) != 0);
    return e;
}

/* ---- one flip ---- */

/* Every class of error that a flipped bit may lead to. */
static bool is_refusal(int code)
{
    return code == NNS_ERR_INTEGRITY || code == NNS_ERR_PROTOCOL || code == NNS_ERR_TOO_LARGE ||
           code == NNS_ERR_TRUNCATED;
}

/* The session is over, and says so again. */
static void expect_over(nns_engine *e, int code)
{
    char got = 0;

    assert_int_equal(nns_engine_read(e, &got, 1), code);
    assert_int_equal(nns_engine_write(e, "x", 1), code);
    assert_int_equal(nns_engine_state(e), NNS_STATE_OPEN | NNS_STATE_FAILED);
}

/* Feeds the wire with the transport's end behind it, reads, and judges. before: plaintext that
 * precedes the flipped record. Answers false if the reader saw nothing of the flip. */
static bool judge(nns_engine *e, const struct tape *wire, const struct tape *plain, size_t before)
{
    uint8_t *got = test_malloc(plain->size + 1);
    size_t size;
    int end;

    assert_int_equal(engine_feed(e, wire->bytes, wire->size), NNS_OK);
    assert_int_equal(nns_engine_recv_eof(e), NNS_OK);
    size = engine_read_all(e, got, plain->size + 1, &end);
    assert_true(end == 0 || is_refusal(end)); /* after the end of file nobody waits */
    assert_int_equal(size, end == 0 ? plain->size : before);
    assert_memory_equal(got, plain->bytes, size);
    if (end != 0)
        expect_over(e, end);
    test_free(got);
    return end != 0;
}

/* The library takes what we took: it opens all records up to this one. */
static void expect_unwrapped(const struct session *s, const struct record *r)
{
    gss_buffer_desc exported = s->exported;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor;

    assert_int_equal(gss_import_sec_context(&minor, &exported, &ctx), GSS_S_COMPLETE);
    for (const struct record *i = s->records; i <= r; i++) {
        size_t size = i->size - NNS__RECORD_HEADER;
        gss_buffer_desc in = {size, test_malloc(size)}, out = GSS_C_EMPTY_BUFFER;

        memcpy(in.value, s->wire.bytes + i->at + NNS__RECORD_HEADER, size); /* it writes there */
        assert_int_equal(gss_unwrap(&minor, ctx, &in, &out, NULL, NULL), GSS_S_COMPLETE);
        nns__gss_release(&out, GSS_S_COMPLETE);
        test_free(in.value);
    }
    raw_free(&ctx);
}

static void flip(struct session *s, const struct record *r, size_t bit)
{
    nns_engine *e = rewind_receiver(s);
    uint8_t *byte = s->wire.bytes + r->at + bit / 8;

    *byte ^= (uint8_t)(1u << bit % 8);
    if (!judge(e, &s->wire, &s->plain, r->plain_at)) {
        s->identical++;
        if (is_ntlm(s->subject) || bit / 8 < 4 + 4 ||
            bit / 8 >= 4 + 8) /* EC and RRC only say how a token is folded */
            fail_msg("bit %zu of a record of %zu bytes is not looked at", bit, r->size);
        if (s->subject->ours)
            expect_unwrapped(s, r);
    }
    *byte ^= (uint8_t)(1u << bit % 8);
    nns_engine_free(e);
}

/* Not one bit flipped: all is read, so what the flips met was the flip. */
static void expect_intact(struct session *s)
{
    nns_engine *e = rewind_receiver(s);

    assert_false(judge(e, &s->wire, &s->plain, 0));
    nns_engine_free(e);
}

static void every_bit_of_small_records(void **state)
{
    static const size_t kerberos[] = {0, 1, 16, 20, 100, 3}, ntlm[] = {1, 16, 20, 100, 3, 0};
    struct session s;

    session_make(&s, *state, is_ntlm(*state) ? ntlm : kerberos, COUNT(ntlm));
    expect_intact(&s);
    for (size_t i = 0; i < s.count; i++) {
        for (size_t bit = 0; bit < s.records[i].size * 8; bit++)
            flip(&s, &s.records[i], bit);
    }
    expect_intact(&s);
    if (!is_ntlm(*state))
        assert_true(s.identical > 0); /* 20 bytes fold into the same after half the flips in RRC */
    session_free(&s);
}

static void bits_of_a_full_record(void **state)
{
    static const size_t sizes[] = {1, FULL, 1};
    const char *wanted = getenv("NNS_FLIPS");
    bool all = wanted != NULL && strcmp(wanted, "all") == 0;
    long samples = wanted != NULL ? strtol(wanted, NULL, 10) : 150;
    const struct record *full;
    struct session s;
    uint32_t seed = 11;

    session_make(&s, *state, sizes, COUNT(sizes));
    expect_intact(&s);
    full = &s.records[1];
    for (size_t bit = 0; bit < full->size * 8; bit++) {
        if (all || bit < EDGE * 8 || bit >= (full->size - EDGE) * 8)
            flip(&s, full, bit);
    }
    for (long i = 0; !all && i < samples; i++)
        flip(&s, full, next_random(&seed) % (FULL * 8)); /* the rest is edge */
    session_free(&s);
}

/* ---- a handshake for each bit ---- */

/* A mechanism by its configurations, and what one byte weighs at a level. */
struct kind {
    nns_config *(*client)(nns_protection level);
    nns_config *(*server)(nns_protection level);
    nns_protection level;
    size_t record; /* bytes of a record with one byte of plaintext */
};

static void open_fresh(struct pair *p, const struct kind *kind)
{
    *p = (struct pair){0};
    p->client_cfg = kind->client(kind->level);
    p->server_cfg = kind->server(kind->level);
    assert_int_equal(nns_config_insecure_no_replay_cache(p->server_cfg), NNS_OK);
    pair_make(p);
    assert_int_equal(nns_engine_set_target(p->client, TARGET), NNS_OK);
    pair_pump(p);
    assert_true((nns_engine_state(p->client) & NNS_STATE_OPEN) != 0);
    assert_true((nns_engine_state(p->server) & NNS_STATE_OPEN) != 0);
}

/* Both engines are ours from their first byte to the flipped one, in either direction. */
static void every_bit_with_a_handshake_each(void **state)
{
    const struct kind *kind = *state;

    for (size_t flips = 0; flips < 2 * kind->record * 8; flips++) {
        struct tape wire = {0}, plain = {0};
        uint8_t record[256];
        struct pair p;
        size_t size;
        bool down = flips % 2 != 0;
        size_t bit = flips / 2;

        open_fresh(&p, kind);
        assert_int_equal(nns_engine_write(down ? p.server : p.client, "x", 1), 1);
        size = engine_drain(down ? p.server : p.client, record, sizeof(record));
        assert_int_equal(size, kind->record);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        tape_add(&wire, record, size);
        tape_add(&plain, "x", 1);
        (void)judge(down ? p.client : p.server, &wire, &plain, 0);
        tape_free(&wire);
        tape_free(&plain);
        pair_free(&p);
    }
}

static nns_config *ntlm_client(nns_protection level)
{
    return ntlm_client_config(level, false);
}

static nns_config *ntlm_server(nns_protection level)
{
    return ntlm_server_config(level, false);
}

static nns_config *ntlm_only_client(nns_protection level)
{
    return ntlm_client_config(level, true);
}

static nns_config *ntlm_only_server(nns_protection level)
{
    return ntlm_server_config(level, true);
}

static struct kind kinds[] = {
    {client_config, server_config, NNS_PROTECT_SEAL, 4 + 60 + 1},
    {client_config, server_config, NNS_PROTECT_SIGN, 4 + 28 + 1},
    {ntlm_client, ntlm_server, NNS_PROTECT_SEAL, 4 + SIGNATURE + 1},
    {ntlm_client, ntlm_server, NNS_PROTECT_SIGN, 4 + SIGNATURE + 1},
    {ntlm_only_client, ntlm_only_server, NNS_PROTECT_SEAL, 4 + SIGNATURE + 1},
    {ntlm_only_client, ntlm_only_server, NNS_PROTECT_SIGN, 4 + SIGNATURE + 1},
};

/* ---- the subjects ---- */

#define NTLM_FLAGS (GSS_C_INTEG_FLAG | GSS_C_IDENTIFY_FLAG)

#define SUBJECT(asked, conf, receiver, ours)                                                       \
    {                                                                                              \
        &nns__gss_kerberos, (asked), (conf), (receiver), (ours)                                    \
    }

#define NTLM_SUBJECT(asked, conf, receiver)                                                        \
    {                                                                                              \
        &nns__gss_ntlm, (asked), (conf), (receiver), false                                         \
    }

static struct subject subjects[] = {
    SUBJECT(ORDERED_FLAGS, true, NNS_SERVER, false),
    SUBJECT(ORDERED_FLAGS, true, NNS_CLIENT, false),
    SUBJECT(ORDERED_FLAGS, false, NNS_SERVER, false),
    SUBJECT(ORDERED_FLAGS, false, NNS_CLIENT, false),
    SUBJECT(DOTNET_FLAGS, true, NNS_SERVER, false),
    SUBJECT(DOTNET_FLAGS, true, NNS_CLIENT, false),
    SUBJECT(DOTNET_FLAGS, false, NNS_SERVER, false),
    SUBJECT(DOTNET_FLAGS, false, NNS_CLIENT, false),
    NTLM_SUBJECT(NTLM_FLAGS | GSS_C_CONF_FLAG, true, NNS_SERVER),
    NTLM_SUBJECT(NTLM_FLAGS | GSS_C_CONF_FLAG, true, NNS_CLIENT),
    NTLM_SUBJECT(NTLM_FLAGS, false, NNS_SERVER),
    NTLM_SUBJECT(NTLM_FLAGS, false, NNS_CLIENT),
    SUBJECT(ORDERED_FLAGS, true, NNS_SERVER, true),
    SUBJECT(ORDERED_FLAGS, true, NNS_CLIENT, true),
    SUBJECT(ORDERED_FLAGS, false, NNS_SERVER, true),
    SUBJECT(ORDERED_FLAGS, false, NNS_CLIENT, true),
};

#define OF(test, i)                                                                                \
    {                                                                                              \
#test " " #i, test, NULL, NULL, &subjects[i]                                               \
    }

#define HANDSHAKES(name, i)                                                                        \
    {                                                                                              \
        "with a handshake each, " name, every_bit_with_a_handshake_each, NULL, NULL, &kinds[i]     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF(every_bit_of_small_records, 0),
        OF(every_bit_of_small_records, 1),
        OF(every_bit_of_small_records, 2),
        OF(every_bit_of_small_records, 3),
        OF(every_bit_of_small_records, 4),
        OF(every_bit_of_small_records, 5),
        OF(every_bit_of_small_records, 6),
        OF(every_bit_of_small_records, 7),
        OF(every_bit_of_small_records, 8),
        OF(every_bit_of_small_records, 9),
        OF(every_bit_of_small_records, 10),
        OF(every_bit_of_small_records, 11),
        OF(every_bit_of_small_records, 12),
        OF(every_bit_of_small_records, 13),
        OF(every_bit_of_small_records, 14),
        OF(every_bit_of_small_records, 15),
        OF(bits_of_a_full_record, 0),
        OF(bits_of_a_full_record, 1),
        OF(bits_of_a_full_record, 2),
        OF(bits_of_a_full_record, 3),
        OF(bits_of_a_full_record, 8),
        OF(bits_of_a_full_record, 9),
        OF(bits_of_a_full_record, 10),
        OF(bits_of_a_full_record, 11),
        OF(bits_of_a_full_record, 12),
        OF(bits_of_a_full_record, 13),
        OF(bits_of_a_full_record, 14),
        OF(bits_of_a_full_record, 15),
        HANDSHAKES("encrypt", 0),
        HANDSHAKES("sign", 1),
        HANDSHAKES("encrypt, NTLM", 2),
        HANDSHAKES("sign, NTLM", 3),
        HANDSHAKES("encrypt, NTLM alone", 4),
        HANDSHAKES("sign, NTLM alone", 5),
    };

    if (realm_prepare() != 0)
        return 77;
    ntlm_accounts(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
