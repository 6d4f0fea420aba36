/* SPDX-License-Identifier: MIT
 *
 * Records of RFC 4121, beside the Kerberos library's own crypto (tests/support/reference.h): up to
 * four genuine ones with any flags, EC, RRC and number, altered in a few places, then opened. Ours
 * must take as many from the front as the library takes that also keep to the level, the key and
 * the turn, and hold the same plaintext.
 *
 * The input: the type and the level; the number of records, and of each its flags, EC, RRC, number
 * and size; then places and what is done to them.
 */
#include "protect/krb5.h"
#include "frame/data_record.h"
#include "input.h"
#include "protect/krb5_keys.h"
#include "support/reference.h"

#include <string.h>

#define TYPES 4
#define RECORDS ((size_t)4)
#define PLAIN_MOST ((size_t)600)
#define RECORD_MOST (NNS__RECORD_HEADER + PLAIN_MOST + 256 + REFERENCE_MORE)
#define START ((uint64_t)0xfffffffe)

struct session {
    struct nns__krb5_context context;
    const struct reference *peer;
    uint8_t flags; /* of the peer's records */
    uint8_t plain[PLAIN_MOST];
    size_t starts[RECORDS];
    size_t sizes[RECORDS]; /* with the length */
    size_t count;
    uint8_t records[RECORDS * RECORD_MOST];
    size_t all;
};

static struct nns__mem mem;

/* The library's side of each type, made once. */
static const struct reference *peer_of(const struct nns__krb5_context *context)
{
    static struct reference peers[TYPES];
    struct reference *peer = &peers[context->enctype->number - 17];

    if (peer->context == NULL)
        CHECK(reference_init(peer, context->enctype->number, context->key,
                             context->enctype->key_size));
    return peer;
}

static void open_session(struct session *s, struct input *in)
{
    uint8_t choice = take_byte(in);

    s->context.enctype = nns__enctype_find(17 + choice % TYPES);
    s->context.conf = (choice & 4) != 0;
    s->context.initiator = (choice & 8) != 0;
    s->context.acceptor_subkey = (choice & 16) != 0;
    s->context.receive_sequence = START;
    for (size_t i = 0; i < sizeof(s->context.key); i++)
        s->context.key[i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < PLAIN_MOST; i++)
        s->plain[i] = (uint8_t)(i ^ i >> 8);
    s->peer = peer_of(&s->context);
    s->flags = (uint8_t)((s->context.initiator ? BY_ACCEPTOR : 0) | (s->context.conf ? SEALED : 0) |
                         (s->context.acceptor_subkey ? SUBKEY : 0));
}

static void add_record(struct session *s, struct input *in)
{
    const struct reference_token how = {.flags = take_byte(in) ^ s->flags,
                                        .extra = take_byte(in),
                                        .rotation = take_size(in),
                                        .sequence = START + s->count + take_byte(in)};
    size_t size = take_size(in) % (PLAIN_MOST + 1);
    uint8_t *record = s->records + s->all;
    size_t n = reference_wrap(s->peer, record + NNS__RECORD_HEADER, &how, s->plain, size);

    CHECK(n > 0 && NNS__RECORD_HEADER + n <= RECORD_MOST);
    nns__store_le32(record, (uint32_t)n);
    s->starts[s->count] = s->all;
    s->sizes[s->count] = NNS__RECORD_HEADER + n;
    s->all += s->sizes[s->count];
    s->count++;
}

/* What the rest of the input says: a place of a record, and what is XORed there; or a cut of the
 * last record. */
static void alter(struct session *s, struct input *in)
{
    while (in->size > 0) {
        size_t i = take_byte(in), at = take_size(in), last = s->count - 1;
        uint8_t with = take_byte(in);
        size_t body = s->sizes[i % s->count] - NNS__RECORD_HEADER;

        if ((i & 0x80) == 0) {
            s->records[s->starts[i % s->count] + NNS__RECORD_HEADER + at % body] ^= with;
        } else if (s->sizes[last] > NNS__RECORD_HEADER + NNS__RECORD_LEAST + with) {
            s->sizes[last] -= with;
            s->all -= with;
            nns__store_le32(s->records + s->starts[last],
                            (uint32_t)(s->sizes[last] - NNS__RECORD_HEADER));
        }
    }
}

/* The size of the plaintext that is in record i by the library and our stricter rules, or -1. */
static long expected(const struct session *s, size_t i, uint8_t *plain)
{
    const uint8_t *token = s->records + s->starts[i] + NNS__RECORD_HEADER;
    size_t size = s->sizes[i] - NNS__RECORD_HEADER;
    bool sealed = false;
    long n = reference_unwrap(s->peer, token, size, s->context.initiator, plain, &sealed);

    if (n < 0 || sealed != s->context.conf || ((token[2] ^ s->flags) & 7) != 0 ||
        nns__load_be64(token + 8) != START + i)
        return -1;
    return n;
}

static void compare(const struct session *s)
{
    uint8_t *copy = malloc(s->all), plain[RECORD_MOST];
    struct nns__plain plains[NNS__BATCH];
    struct nns__protection p = {0};
    struct nns__failure f = {0};
    nns_ssize n;

    CHECK(copy != NULL);
    CHECK(nns__protect_krb5_new(&p, &mem, &s->context, &f) == NNS_OK);
    memcpy(copy, s->records, s->all);
    n = p.opener->ops->open(p.opener, copy, s->count, plains, &f);
    CHECK(n > 0 || n == NNS_ERR_INTEGRITY);
    for (size_t i = 0; i < s->count; i++) {
        long size = expected(s, i, plain);

        if (n <= (nns_ssize)i) {
            CHECK(size < 0);
            break;
        }
        CHECK(size >= 0 && plains[i].size == (size_t)size);
        CHECK(size == 0 || memcmp(plains[i].data, plain, (size_t)size) == 0);
    }
    nns__protection_free(&p);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session s;
    struct input in = {data, size};
    size_t count;

    memset(&s, 0, sizeof(s));
    CHECK(nns__mem_init(&mem, NULL) == NNS_OK);
    open_session(&s, &in);
    count = 1 + take_byte(&in) % RECORDS;
    while (s.count < count)
        add_record(&s, &in);
    alter(&s, &in);
    compare(&s);
    return 0;
}
