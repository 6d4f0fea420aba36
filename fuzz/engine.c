/* SPDX-License-Identifier: MIT
 *
 * The engine with the mock mechanism, either role. The input is a script: how the mechanism
 * behaves, then calls of the API in any order and bytes of the peer, good and bad, in any pieces.
 * A model that knows the mock's records says what may be read and what may be sent.
 *
 * Checked: no plaintext that the peer did not seal, in order; nothing read or written before OPEN;
 * nothing sent that was not written, in order; all of it when nothing failed; the first error
 * stays; bounded memory, and all of it given back.
 */
#include "base/bytes.h"
#include "engine/engine_internal.h"
#include "frame/data_record.h"
#include "frame/handshake_record.h"
#include "input.h"
#include "support/alloc.h"
#include "support/mock.h"

#include <string.h>

#define MEMORY_MOST ((long)768 << 10)    /* of one engine: two buffers that grow, and tokens */
#define TRAFFIC_MOST ((size_t)400 << 10) /* bytes of one run, each way */

struct bytes {
    uint8_t *data;
    size_t size;
};

struct run {
    struct mock script;
    struct test_alloc counter;
    nns_engine *e;
    nns_role role, peer;
    nns_job *job;           /* taken and not yet finished */
    const nns_error *error; /* the first */
    bool open;
    bool rest_taken;
    struct bytes inbox;   /* from the peer, on its way */
    struct bytes wire;    /* what of that the engine took */
    struct bytes got;     /* plaintext read */
    struct bytes written; /* plaintext taken over by the engine */
    struct bytes sent;    /* bytes for the peer */
    uint64_t sequence;    /* of the peer's next record */
    struct bytes last;    /* the peer's last record */
    uint8_t turn;         /* tokens that have passed, for the peer's next good one */
};

static void append(struct bytes *to, const void *data, size_t size)
{
    CHECK(to->size + size <= 4 * TRAFFIC_MOST);
    if (size == 0)
        return;
    to->data = realloc(to->data, to->size + size);
    CHECK(to->data != NULL);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void drop_front(struct bytes *b, size_t size)
{
    if (size > 0)
        memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
}

/* ---- the model ---- */

static bool is_conf(const struct run *r)
{
    return (r->e->facts.flags & NNS__FLAG_CONF) != 0;
}

/* The plaintext of a message, if the sender's mechanism made it with this number. */
static bool decode(const struct run *r, nns_role sender, uint64_t sequence, const uint8_t *message,
                   size_t size, struct bytes *plain)
{
    size_t payload = size - MOCK_OVERHEAD;
    uint8_t *copy, *again;
    bool same;

    if (size < MOCK_OVERHEAD)
        return false;
    copy = malloc(payload + 1);
    again = malloc(size + NNS__RECORD_HEADER);
    CHECK(copy != NULL && again != NULL);
    for (size_t i = 0; i < payload; i++)
        copy[i] = is_conf(r) ? message[MOCK_OVERHEAD + i] ^ 0x5a : message[MOCK_OVERHEAD + i];
    (void)mock_record(again, sender, sequence, is_conf(r), copy, payload);
    same = memcmp(again + NNS__RECORD_HEADER, message, size) == 0;
    if (same)
        append(plain, copy, payload);
    free(copy);
    free(again);
    return same;
}

/* Decodes whole records from the front; answers where it stopped. */
static size_t decode_all(const struct run *r, nns_role sender, const uint8_t *data, size_t size,
                         struct bytes *plain)
{
    uint64_t sequence = 0;
    size_t at = 0;

    while (size - at >= NNS__RECORD_HEADER) {
        size_t length = nns__load_le32(data + at);

        if (length < 5 || length > 65536 || size - at - NNS__RECORD_HEADER < length)
            break;
        if (!decode(r, sender, sequence++, data + at + NNS__RECORD_HEADER, length, plain))
            break;
        at += NNS__RECORD_HEADER + length;
    }
    return at;
}

/* True if what stands there could become a record: it is cut short, and legal so far. */
static bool is_cut(const uint8_t *data, size_t size)
{
    size_t length;

    if (size < NNS__RECORD_HEADER)
        return true;
    length = nns__load_le32(data);
    return length >= 5 && length <= 65536 && size - NNS__RECORD_HEADER < length;
}

static void check_prefix(const struct bytes *part, const struct bytes *whole)
{
    CHECK(part->size <= whole->size);
    CHECK(part->size == 0 || memcmp(part->data, whole->data, part->size) == 0);
}

/* What was read against what the peer sealed. complete: all that came was also read. */
static void check_received(const struct run *r, bool complete)
{
    size_t skip = r->e->handshake.bytes_in, rest, at;
    struct bytes sealed = {0};
    const uint8_t *data;

    if (!r->open || r->wire.size == skip) {
        CHECK(r->got.size == 0);
        return;
    }
    CHECK(skip < r->wire.size);
    data = r->wire.data + skip;
    at = rest = r->wire.size - skip;
    if (r->e->protection.sealer == NULL)
        append(&sealed, data, rest);
    else
        at = decode_all(r, r->peer, data, rest, &sealed);
    check_prefix(&r->got, &sealed);
    if (complete && !r->rest_taken)
        CHECK(r->got.size == sealed.size && is_cut(data + at, rest - at));
    /* A failure of the records needs a bad one. */
    if (nns_error_code(r->error) == NNS_ERR_INTEGRITY)
        CHECK(!is_cut(data + at, rest - at));
    free(sealed.data);
}

/* The size of the handshake records at the front, at most so many. */
static size_t skip_handshake(const struct bytes *sent, int32_t records)
{
    size_t at = 0;

    for (int32_t i = 0; i < records && sent->size - at >= NNS__HANDSHAKE_HEADER; i++) {
        struct nns__handshake_header header;

        nns__handshake_header_decode(sent->data + at, &header);
        CHECK(header.id >= NNS__HANDSHAKE_DONE && header.id <= NNS__HANDSHAKE_IN_PROGRESS);
        CHECK(header.major == 1 && header.minor == 0);
        at += NNS__HANDSHAKE_HEADER + header.size;
        if (at >= sent->size)
            return sent->size;
    }
    return at;
}

/* What was sent against what was written. */
static void check_sent(const struct run *r, bool complete)
{
    size_t at = skip_handshake(&r->sent, r->open ? r->e->handshake.legs_out : INT32_MAX);
    size_t rest = r->sent.size - at, end = rest;
    struct bytes plain = {0};

    if (!r->open) {
        CHECK(rest < NNS__HANDSHAKE_HEADER && r->written.size == 0);
        return;
    }
    if (rest > 0 && r->e->protection.sealer == NULL)
        append(&plain, r->sent.data + at, rest);
    else if (rest > 0)
        end = decode_all(r, r->role, r->sent.data + at, rest, &plain);
    check_prefix(&plain, &r->written);
    CHECK(rest == end || is_cut(r->sent.data + at + end, rest - end)); /* nothing else at all */
    if (complete)
        CHECK(plain.size == r->written.size && rest == end);
    free(plain.data);
}

/* What holds after every call. */
static void check_state(struct run *r)
{
    uint32_t state = nns_engine_state(r->e);
    const nns_error *error = nns_engine_error(r->e);

    CHECK(r->error == NULL || r->error == error);
    r->error = error;
    CHECK((error != NULL) == ((state & NNS_STATE_FAILED) != 0));
    CHECK(!r->open || (state & NNS_STATE_OPEN) != 0);
    if ((state & NNS_STATE_OPEN) != 0) {
        CHECK(nns_engine_legs(r->e) >= 2);
        r->open = true;
    }
    CHECK((r->job != NULL) == ((state & NNS_STATE_STEPPING) != 0));
    if (error != NULL)
        CHECK((state & (NNS_STATE_WANT_RECV | NNS_STATE_CAN_WRITE | NNS_STATE_WANT_STEP |
                        NNS_STATE_RECV_EOF | NNS_STATE_SEND_EOF)) == 0);
    CHECK(r->counter.most <= MEMORY_MOST);
}

/* ---- what the peer says ---- */

static void say(struct run *r, const void *data, size_t size)
{
    if (r->inbox.size + r->wire.size + size <= TRAFFIC_MOST)
        append(&r->inbox, data, size);
}

static void say_raw(struct run *r, struct input *in)
{
    size_t size = take_byte(in);

    size = size < in->size ? size : in->size;
    say(r, in->data, size);
    in->data += size;
    in->size -= size;
}

static void say_handshake(struct run *r, uint8_t id, const void *token, size_t size)
{
    uint8_t header[NNS__HANDSHAKE_HEADER];

    nns__handshake_header_encode(header, id, size);
    say(r, header, sizeof(header));
    say(r, token, size);
}

/* The token that the mechanism waits for, in the record where it belongs, or the bare Done. */
static void say_good_token(struct run *r, struct input *in)
{
    uint8_t token[] = {'M', 'O', 'C', 'K', ++r->turn};
    bool last = r->role == NNS_CLIENT && r->turn >= r->script.turns;

    (void)in;
    if (r->turn > r->script.turns)
        say_handshake(r, NNS__HANDSHAKE_DONE, NULL, 0);
    else
        say_handshake(r, last ? NNS__HANDSHAKE_DONE : NNS__HANDSHAKE_IN_PROGRESS, token,
                      sizeof(token));
    r->turn++;
}

static void say_any_token(struct run *r, struct input *in)
{
    static const uint8_t ids[] = {NNS__HANDSHAKE_DONE, NNS__HANDSHAKE_ERROR,
                                  NNS__HANDSHAKE_IN_PROGRESS, 0};
    static const uint8_t zeros[65535];
    uint8_t choice = take_byte(in);
    size_t size = choice % 8 == 0 ? take_size(in) : choice >> 5;

    say_handshake(r, ids[choice / 8 % 4], zeros, size);
}

/* A record as the peer's mechanism makes it. */
static void say_record(struct run *r, struct input *in)
{
    uint8_t choice = take_byte(in);
    size_t size = choice < 250 ? choice % 64 : take_size(in) % (65536 - MOCK_OVERHEAD + 1);
    uint8_t *plain = malloc(size + 1);
    uint8_t *record = malloc(size + MOCK_OVERHEAD + NNS__RECORD_HEADER);

    CHECK(plain != NULL && record != NULL);
    memset(plain, choice, size + 1);
    free(r->last.data);
    r->last.size =
        mock_record(record, r->peer, r->sequence++, (choice & 1) == 0 || is_conf(r), plain, size);
    r->last.data = record;
    say(r, record, r->last.size);
    free(plain);
}

static void say_again(struct run *r, struct input *in)
{
    (void)in;
    say(r, r->last.data, r->last.size);
}

/* The last record with one bit flipped. */
static void say_altered(struct run *r, struct input *in)
{
    size_t at = take_size(in);

    if (r->last.size == 0)
        return;
    r->last.data[at / 8 % r->last.size] ^= (uint8_t)(1u << at % 8);
    say(r, r->last.data, r->last.size);
}

/* ---- calls ---- */

static void note_received(struct run *r, const uint8_t *data, nns_ssize took)
{
    append(&r->wire, data, took > 0 ? (size_t)took : 0);
}

static void call_recv(struct run *r, struct input *in)
{
    size_t size = take_size(in) % (r->inbox.size + 1);
    nns_ssize took = nns_engine_recv(r->e, r->inbox.data, size);

    CHECK(took <= (nns_ssize)size);
    if (took < 0 && took != NNS_ERR_STATE) { /* it failed; the bytes are gone */
        drop_front(&r->inbox, size);
        return;
    }
    note_received(r, r->inbox.data, took);
    drop_front(&r->inbox, took > 0 ? (size_t)took : 0);
}

static void call_recv_buf(struct run *r, struct input *in)
{
    bool offered = (nns_engine_recv_state(r->e) & NNS_STATE_WANT_RECV) != 0;
    size_t want = take_byte(in), room;
    uint8_t *to;

    if (nns_engine_recv_buf(r->e, &to, &room) != NNS_OK) {
        CHECK(!offered);
        return;
    }
    CHECK(offered == (room > 0));
    want = want < room ? want : room;
    want = want < r->inbox.size ? want : r->inbox.size;
    if (want > 0)
        memcpy(to, r->inbox.data, want);
    CHECK(nns_engine_recv_ack(r->e, room + 1) == NNS_ERR_ARGUMENT);
    note_received(r, to, (nns_ssize)want);
    drop_front(&r->inbox, want);
    (void)!nns_engine_recv_ack(r->e, want);
}

static void call_eof(struct run *r, struct input *in)
{
    (void)in;
    (void)nns_engine_recv_eof(r->e);
}

static void call_step(struct run *r, struct input *in)
{
    bool offered = (nns_engine_state(r->e) & NNS_STATE_WANT_STEP) != 0;
    const nns_error *before = nns_engine_error(r->e);
    int rc = nns_engine_step(r->e);

    (void)in;
    CHECK(offered || rc != NNS_OK);
    CHECK(!offered || before == NULL);
}

static void call_take_job(struct run *r, struct input *in)
{
    (void)in;
    if (r->job == NULL && nns_engine_take_job(r->e, &r->job) != NNS_OK)
        CHECK(r->job == NULL);
}

static void call_finish_job(struct run *r, struct input *in)
{
    (void)in;
    if (r->job == NULL)
        return;
    nns_job_run(r->job);
    (void)!nns_engine_finish_job(r->e, r->job);
    r->job = NULL;
}

static void call_authorize(struct run *r, struct input *in)
{
    (void)nns_engine_authorize(r->e, take_byte(in) % 4 != 0 ? NNS_OK : NNS_ERR_REFUSED);
}

static void call_write(struct run *r, struct input *in)
{
    static uint8_t text[70000];
    size_t size = take_size(in) * 2 % sizeof(text);
    nns_ssize took;

    if (r->written.size + size > TRAFFIC_MOST)
        return;
    memset(text, (int)size & 0x7f, size);
    took = nns_engine_write(r->e, text, size);
    CHECK(took <= (nns_ssize)size && (took < 0 || r->open || size == 0));
    append(&r->written, text, took > 0 ? (size_t)took : 0);
}

static void call_write_buf(struct run *r, struct input *in)
{
    bool offered = (nns_engine_send_state(r->e) & NNS_STATE_CAN_WRITE) != 0;
    size_t size = take_byte(in), room;
    uint8_t *to;

    if (r->written.size + size > TRAFFIC_MOST)
        return;
    if (nns_engine_write_buf(r->e, &to, &room) != NNS_OK) {
        CHECK(!offered);
        return;
    }
    CHECK(!offered || room > 0);
    size = size < room ? size : room;
    if (size > 0)
        memset(to, (int)size, size);
    CHECK(nns_engine_write_ack(r->e, room + 1) == NNS_ERR_ARGUMENT);
    if (size > 0)
        append(&r->written, to, size);
    CHECK(nns_engine_write_ack(r->e, size) == NNS_OK);
}

static void call_close(struct run *r, struct input *in)
{
    (void)in;
    CHECK(nns_engine_close(r->e) != NNS_OK || r->open);
}

static void call_send(struct run *r, struct input *in)
{
    static uint8_t out[65536];
    size_t size = take_size(in);
    nns_ssize took = nns_engine_send(r->e, out, size);

    CHECK(took <= (nns_ssize)size);
    append(&r->sent, out, took > 0 ? (size_t)took : 0);
}

/* What is lent once is lent again until it is acknowledged, and stays as it is. */
static void call_send_buf(struct run *r, struct input *in)
{
    size_t size, part = take_byte(in);
    const uint8_t *from, *again;

    if (nns_engine_send_buf(r->e, &from, &size) != NNS_OK || size == 0)
        return;
    part = part < size ? part : size;
    append(&r->sent, from, part);
    CHECK(nns_engine_send_ack(r->e, size + 1) == NNS_ERR_ARGUMENT);
    CHECK(nns_engine_send_buf(r->e, &again, &size) == NNS_OK && size >= part);
    CHECK(part == 0 || memcmp(again, r->sent.data + r->sent.size - part, part) == 0);
    (void)!nns_engine_send_ack(r->e, part);
}

static void call_read(struct run *r, struct input *in)
{
    static uint8_t out[65536];
    size_t size = take_size(in);
    nns_ssize took = nns_engine_read(r->e, out, size);

    CHECK(took <= (nns_ssize)size && (took <= 0 || r->open));
    append(&r->got, out, took > 0 ? (size_t)took : 0);
}

static void call_read_buf(struct run *r, struct input *in)
{
    size_t size, part = take_byte(in);
    const uint8_t *from;

    if (nns_engine_read_buf(r->e, &from, &size) != NNS_OK || size == 0)
        return;
    CHECK(r->open);
    part = part < size ? part : size;
    append(&r->got, from, part);
    CHECK(nns_engine_read_ack(r->e, size + 1) == NNS_ERR_ARGUMENT);
    CHECK(nns_engine_read_ack(r->e, part) == NNS_OK);
}

static void call_take_rest(struct run *r, struct input *in)
{
    const uint8_t *rest;
    size_t size;

    if (take_byte(in) % 8 != 0) /* seldom: it ends a half */
        return;
    if (nns_engine_take_rest(r->e, &rest, &size) != NNS_OK)
        return;
    CHECK(r->open && size <= r->wire.size);
    CHECK(size == 0 || memcmp(rest, r->wire.data + r->wire.size - size, size) == 0);
    r->rest_taken = true;
}

static void call_fail(struct run *r, struct input *in)
{
    static const int codes[] = {NNS_ERR_IO, NNS_ERR_TIMEOUT, NNS_ERR_CANCELED, NNS_ERR_PROTOCOL};
    int code = codes[take_byte(in) % 4], before = nns_error_code(nns_engine_error(r->e));
    int rc = nns_engine_fail(r->e, code, 0);

    CHECK(rc == (code == NNS_ERR_PROTOCOL ? NNS_ERR_ARGUMENT : before != NNS_OK ? before : code));
}

static void call_trim(struct run *r, struct input *in)
{
    (void)in;
    nns_engine_trim(r->e);
}

/* Whatever is due, as an ordinary caller does it. */
static void do_what_is_due(struct run *r, struct input *in)
{
    static uint8_t out[65536];
    nns_ssize moved;

    call_finish_job(r, in);
    for (int i = 0; i < 4; i++) {
        if ((nns_engine_state(r->e) & NNS_STATE_WANT_STEP) != 0)
            (void)!nns_engine_step(r->e);
        if ((nns_engine_state(r->e) & NNS_STATE_WANT_AUTHORIZE) != 0)
            (void)nns_engine_authorize(r->e, NNS_OK);
        while ((moved = nns_engine_send(r->e, out, sizeof(out))) > 0)
            append(&r->sent, out, (size_t)moved);
        check_state(r);
        moved = nns_engine_recv(r->e, r->inbox.data, r->inbox.size);
        note_received(r, r->inbox.data, moved);
        drop_front(&r->inbox, moved > 0 ? (size_t)moved : 0);
        check_state(r);
    }
}

typedef void operation(struct run *r, struct input *in);

static operation *const operations[] = {
    do_what_is_due,  say_good_token, say_any_token, say_record,     say_again,  say_altered,
    say_raw,         call_recv,      call_recv_buf, call_eof,       call_step,  call_take_job,
    call_finish_job, call_authorize, call_write,    call_write_buf, call_close, call_send,
    call_send_buf,   call_read,      call_read_buf, call_take_rest, call_fail,  call_trim,
};

/* ---- a planted bug ---- */

#ifdef NNS_FUZZ_PLANTED
/* The weakness that the fuzzer must find: an opener whose failures are taken for success. */
static struct nns__opener *strict;

static nns_ssize weak_open(struct nns__opener *opener, uint8_t *records, size_t count,
                           struct nns__plain *plains, struct nns__failure *f)
{
    nns_ssize opened = strict->ops->open(strict, records, count, plains, f);
    size_t size = nns__record_length(records);

    (void)opener;
    if (opened > 0)
        return opened;
    if (size < MOCK_OVERHEAD)
        return f->code;
    plains[0] =
        (struct nns__plain){records + NNS__RECORD_HEADER + MOCK_OVERHEAD, size - MOCK_OVERHEAD};
    return 1;
}

static void weak_rest(struct nns__opener *opener)
{
    (void)opener;
}

static void weak_free(struct nns__opener *opener)
{
    (void)opener;
    strict->ops->free(strict);
}

static int weak_protect(struct nns__auth *auth, const struct nns__facts *facts,
                        struct nns__protection *ret, struct nns__failure *f)
{
    static const struct nns__opener_ops ops = {
        .open = weak_open, .rest = weak_rest, .free = weak_free};
    static struct nns__opener weak = {.ops = &ops};
    int rc = mock_auth.protect(auth, facts, ret, f);

    if (rc == NNS_OK && ret->opener != NULL) {
        strict = ret->opener;
        ret->opener = &weak;
    }
    return rc;
}

static void plant(nns_config *cfg)
{
    static struct nns__auth_ops ops;

    ops = mock_auth;
    ops.protect = weak_protect;
    cfg->auth = &ops;
}
#else
static void plant(nns_config *cfg)
{
    (void)cfg;
}
#endif

/* ---- a run ---- */

/* Four bytes of the input say how the mechanism behaves; most values are well-behaved. */
static void choose_script(struct run *r, struct input *in)
{
    uint8_t shape = take_byte(in), level = take_byte(in), odd = take_byte(in),
            where = take_byte(in);

    r->role = (shape & 1) != 0 ? NNS_CLIENT : NNS_SERVER;
    r->peer = r->role == NNS_CLIENT ? NNS_SERVER : NNS_CLIENT;
    r->turn = r->role == NNS_CLIENT ? 1 : 0;
    r->script.turns = 1 + shape / 2 % 4;
    r->script.level_none = level % 8 == 7;
    if (level % 8 == 6)
        r->script.flags = MOCK_FLAGS & ~NNS__FLAG_CONF;
    r->script.filler = shape / 8 == 31 ? 65530 : shape / 8;
    switch (odd % 16) {
    case 15:
        r->script.fail_turn = 1 + where % 4;
        r->script.fail_code = NNS_ERR_AUTH;
        r->script.fail_tell = NNS__STATUS_LOGON_DENIED;
        break;
    case 14:
        r->script.mute_turn = 1 + where % 4;
        break;
    case 13:
        r->script.complete_early = true;
        break;
    case 12:
        r->script.fail_seal = 1 + where % 8;
        break;
    case 11:
        r->script.fail_protect = true;
        break;
    case 10:
        r->script.unknown_mechanism = true;
        break;
    default:
        break;
    }
}

static void start(struct run *r, bool ask)
{
    nns_allocator allocator = test_allocator(&r->counter);
    nns_config *cfg;

    CHECK(mock_config(&cfg, &r->script, &allocator) == NNS_OK);
    CHECK(nns_config_insecure_allow_unprotected(cfg) == NNS_OK);
    CHECK(nns_config_set_protection(cfg, NNS_PROTECT_NONE) == NNS_OK);
    CHECK(nns_config_defer_authorization(cfg, ask) == NNS_OK);
    plant(cfg);
    CHECK(nns_engine_new(&r->e, cfg, r->role) == NNS_OK);
    if (r->role == NNS_CLIENT)
        CHECK(nns_engine_set_target(r->e, "mock/server") == NNS_OK);
    nns_config_unref(cfg);
}

/* Everything that can still be read and sent, then the accounts. */
static void finish(struct run *r, struct input *in)
{
    static uint8_t out[65536];
    nns_ssize moved;
    bool intact;

    do_what_is_due(r, in);
    while ((moved = nns_engine_read(r->e, out, sizeof(out))) > 0)
        append(&r->got, out, (size_t)moved);
    while ((moved = nns_engine_send(r->e, out, sizeof(out))) > 0)
        append(&r->sent, out, (size_t)moved);
    check_state(r);
    intact = r->error == NULL && r->open;
    check_received(r, intact);
    check_sent(r, intact);
    nns_engine_free(r->e);
    CHECK(r->counter.blocks == 0 && r->counter.bytes == 0);
    free(r->inbox.data);
    free(r->wire.data);
    free(r->got.data);
    free(r->written.data);
    free(r->sent.data);
    free(r->last.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct run r = {0};

    choose_script(&r, &in);
    start(&r, take_byte(&in) % 4 == 3);
    check_state(&r);
    while (in.size > 0) {
        operations[take_byte(&in) % (sizeof(operations) / sizeof(operations[0]))](&r, &in);
        check_state(&r);
    }
    finish(&r, &in);
    return 0;
}
