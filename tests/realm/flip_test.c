/* SPDX-License-Identifier: MIT
 *
 * Every single bit of every record of a session, flipped: the reader gets an error, with what
 * came before intact and nothing after it, or the identical plaintext; never other plaintext,
 * never a wait. The mechanism is real. A handshake for each of ten thousand bits would be slow,
 * so the receiver's context is exported once and imported for each bit: a rewound session. One
 * record is also tried with a handshake for each bit.
 *
 * NNS_FLIPS=N   flip N random bits of a full record (default 150) beside those of its edges;
 *               "all" flips each of its 516,608.
 */
#include "auth/gss_cred.h"
#include "base/bytes.h"
#include "frame/data_record.h"
#include "protect/gss.h"
#include "protect/gss_call.h"
#include "realm/realm_support.h"
#include "support/check.h"
#include "support/pair.h"

#include <stdlib.h>
#include <string.h>

#define EDGE ((size_t)64) /* bytes at either end of a full record whose bits are all flipped */

/* What is flipped: records of a mechanism, at a level, towards one side. */
struct subject {
    const gss_OID_desc *mechanism;
    OM_uint32 asked;   /* of the initiator */
    bool conf;         /* the records are encrypted */
    nns_role receiver; /* the side that reads the altered record */
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

static uint32_t flags_of(const struct subject *s)
{
    uint32_t flags = NNS__FLAG_MUTUAL | NNS__FLAG_INTEG | (s->conf ? NNS__FLAG_CONF : 0);

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
    *facts = (struct nns__facts){.mechanism = NNS__MECHANISM_KERBEROS,
                                 .flags = flags_of(s->subject),
                                 .ssf = 256,
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

/* Two contexts of plain GSSAPI, established with each other. */
static void connect_raw(const struct subject *s, gss_ctx_id_t *initiator, gss_ctx_id_t *acceptor)
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

static void add_record(struct session *s, gss_ctx_id_t sender, size_t size)
{
    struct message *message = test_malloc(sizeof(*message));
    uint8_t *plain = test_malloc(size + 1), header[NNS__RECORD_HEADER];
    struct record *r = &s->records[s->count];
    uint32_t seed = (uint32_t)s->count + 1;

    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)next_random(&seed);
    raw_wrap(message, sender, s->subject->conf, plain, size);
    nns__store_le32(header, (uint32_t)message->size);
    *r = (struct record){s->wire.size, sizeof(header) + message->size, s->plain.size};
    tape_add(&s->wire, header, sizeof(header));
    tape_add(&s->wire, message->bytes, message->size);
    tape_add(&s->plain, plain, size);
    s->count++;
    test_free(plain);
    test_free(message);
}

static void session_make(struct session *s, const struct subject *subject, const size_t *sizes,
                         size_t count)
{
    gss_ctx_id_t initiator, acceptor, *to, *from;
    OM_uint32 minor;

    *s = (struct session){.subject = subject};
    connect_raw(subject, &initiator, &acceptor);
    to = subject->receiver == NNS_CLIENT ? &initiator : &acceptor;
    from = subject->receiver == NNS_CLIENT ? &acceptor : &initiator;
    for (size_t i = 0; i < count; i++)
        add_record(s, *from, sizes[i]);
    assert_int_equal(gss_export_sec_context(&minor, to, &s->exported), GSS_S_COMPLETE);
    raw_free(from);
    assert_int_equal(nns_config_new(&s->cfg, NULL), NNS_OK);
    assert_int_equal(
        nns_config_set_protection(s->cfg, subject->conf ? NNS_PROTECT_SEAL : NNS_PROTECT_SIGN),
        NNS_OK);
    assert_int_equal(nns_config_allow_any_peer(s->cfg), NNS_OK);
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

static void flip(struct session *s, const struct record *r, size_t bit)
{
    nns_engine *e = rewind_receiver(s);
    uint8_t *byte = s->wire.bytes + r->at + bit / 8;

    *byte ^= (uint8_t)(1u << bit % 8);
    if (!judge(e, &s->wire, &s->plain, r->plain_at)) {
        s->identical++;
        if (bit / 8 < 4 + 4 || bit / 8 >= 4 + 8) /* EC and RRC only say how a token is folded */
            fail_msg("bit %zu of a record of %zu bytes is not looked at", bit, r->size);
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
    static const size_t sizes[] = {0, 1, 16, 20, 100, 3};
    struct session s;

    session_make(&s, *state, sizes, COUNT(sizes));
    expect_intact(&s);
    for (size_t i = 0; i < s.count; i++) {
        for (size_t bit = 0; bit < s.records[i].size * 8; bit++)
            flip(&s, &s.records[i], bit);
    }
    expect_intact(&s);
    assert_true(s.identical > 0); /* 20 bytes fold into the same after half the flips in RRC */
    session_free(&s);
}

static void bits_of_a_full_record(void **state)
{
    static const size_t sizes[] = {1, 64512, 1};
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
        flip(&s, full, next_random(&seed) % (full->size * 8));
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

static struct kind kinds[] = {
    {client_config, server_config, NNS_PROTECT_SEAL, 4 + 60 + 1},
    {client_config, server_config, NNS_PROTECT_SIGN, 4 + 28 + 1},
};

/* ---- the subjects ---- */

#define SUBJECT(asked, conf, receiver)                                                             \
    {                                                                                              \
        &nns__gss_kerberos, (asked), (conf), (receiver)                                            \
    }

static struct subject subjects[] = {
    SUBJECT(ORDERED_FLAGS, true, NNS_SERVER),  SUBJECT(ORDERED_FLAGS, true, NNS_CLIENT),
    SUBJECT(ORDERED_FLAGS, false, NNS_SERVER), SUBJECT(ORDERED_FLAGS, false, NNS_CLIENT),
    SUBJECT(DOTNET_FLAGS, true, NNS_SERVER),   SUBJECT(DOTNET_FLAGS, true, NNS_CLIENT),
    SUBJECT(DOTNET_FLAGS, false, NNS_SERVER),  SUBJECT(DOTNET_FLAGS, false, NNS_CLIENT),
};

#define OF(test, i)                                                                                \
    {                                                                                              \
#test " " #i, test, NULL, NULL, &subjects[i]                                               \
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
        OF(bits_of_a_full_record, 0),
        OF(bits_of_a_full_record, 1),
        OF(bits_of_a_full_record, 2),
        OF(bits_of_a_full_record, 3),
        {"with a handshake each, encrypt", every_bit_with_a_handshake_each, NULL, NULL, &kinds[0]},
        {"with a handshake each, sign", every_bit_with_a_handshake_each, NULL, NULL, &kinds[1]},
    };

    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
