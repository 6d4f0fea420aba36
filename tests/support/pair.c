/* SPDX-License-Identifier: MIT
 *
 * Engines in memory.
 */
#include "support/pair.h"

#include "base/bytes.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- one engine ---- */

nns_config *config_make(const struct mock *script, const nns_allocator *alloc)
{
    nns_config *cfg = NULL;

    assert_int_equal(mock_config(&cfg, script, alloc), NNS_OK);
    if (script->level_none) {
        assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
        assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_NONE), NNS_OK);
    } else if (script->flags != 0 && (script->flags & NNS__FLAG_CONF) == 0) {
        assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_SIGN), NNS_OK);
    }
    return cfg;
}

nns_engine *engine_on(nns_config *cfg, nns_role role)
{
    nns_engine *e = NULL;

    assert_int_equal(nns_engine_new(&e, cfg, role), NNS_OK);
    nns_config_unref(cfg);
    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_set_target(e, "mock/server"), NNS_OK);
    return e;
}

nns_engine *engine_make(nns_role role, const struct mock *script)
{
    return engine_on(config_make(script, NULL), role);
}

int engine_feed(nns_engine *e, const void *bytes, size_t size)
{
    nns_ssize took = nns_engine_recv(e, bytes, size);

    if (took >= 0)
        assert_int_equal(took, size);
    return took < 0 ? (int)took : NNS_OK;
}

size_t engine_drain(nns_engine *e, void *to, size_t room)
{
    uint8_t *at = to;
    size_t size = 0;
    nns_ssize moved;

    while ((moved = nns_engine_send(e, at + size, room - size)) > 0)
        size += (size_t)moved;
    return size;
}

void engine_expect(nns_engine *e, const void *bytes, size_t size)
{
    uint8_t *got = test_malloc(size + 1);

    assert_int_equal(engine_drain(e, got, size + 1), size);
    assert_memory_equal(got, bytes, size);
    test_free(got);
}

void engine_expect_error_record(nns_engine *e, uint32_t status)
{
    uint8_t record[13] = {0x15, 1, 0, 0, 8};

    nns__store_le32(record + 5, status);
    nns__store_be32(record + 9, status);
    engine_expect(e, record, sizeof(record));
}

size_t engine_read_all(nns_engine *e, void *to, size_t room, int *end)
{
    uint8_t *at = to;
    size_t size = 0;
    nns_ssize moved;

    while ((moved = nns_engine_read(e, at + size, room - size)) > 0)
        size += (size_t)moved;
    *end = (int)moved;
    return size;
}

void engine_expect_failure(nns_engine *e, int code, const char *message_part)
{
    const nns_error *err = nns_engine_error(e);

    if (nns_error_code(err) != code || !contains(nns_error_message(err), message_part))
        fail_msg("expected %s with '%s', got %s: %s", nns_result_name(code), message_part,
                 nns_result_name(nns_error_code(err)), nns_error_message(err));
    assert_true((nns_engine_state(e) & NNS_STATE_FAILED) != 0);
}

size_t record_make(uint8_t *to, uint8_t id, const void *token, size_t size)
{
    to[0] = id;
    to[1] = 1;
    to[2] = 0;
    to[3] = (uint8_t)(size >> 8);
    to[4] = (uint8_t)size;
    if (size > 0)
        memcpy(to + 5, token, size);
    return 5 + size;
}

size_t token_record(uint8_t *to, uint8_t id, uint8_t turn)
{
    uint8_t token[5] = {'M', 'O', 'C', 'K', turn};

    return record_make(to, id, token, sizeof(token));
}

int engine_feed_token(nns_engine *e, uint8_t id, uint8_t turn)
{
    uint8_t record[10];

    return engine_feed(e, record, token_record(record, id, turn));
}

nns_engine *engine_opened_on(nns_config *cfg, nns_role role)
{
    nns_engine *e = engine_on(cfg, role);
    uint8_t sent[64];

    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_int_equal(engine_feed_token(e, role == NNS_CLIENT ? RECORD_DONE : RECORD_IN_PROGRESS,
                                       role == NNS_CLIENT ? 2 : 1),
                     NNS_OK);
    assert_int_equal(nns_engine_step(e), NNS_OK);
    assert_true((nns_engine_state(e) & NNS_STATE_OPEN) != 0);
    assert_int_equal(engine_drain(e, sent, sizeof(sent)), 10);
    return e;
}

nns_engine *engine_opened(nns_role role, const struct mock *script)
{
    return engine_opened_on(config_make(script, NULL), role);
}

void engine_feed_data(nns_engine *e, uint64_t sequence, const void *plain, size_t size)
{
    uint8_t *record = test_malloc(size + 20);
    nns_role peer = e->role == NNS_CLIENT ? NNS_SERVER : NNS_CLIENT;
    bool conf = (e->facts.flags & NNS__FLAG_CONF) != 0;

    assert_int_equal(engine_feed(e, record, mock_record(record, peer, sequence, conf, plain, size)),
                     NNS_OK);
    test_free(record);
}

/* ---- two engines ---- */

void pair_make(struct pair *p)
{
    if (p->client_cfg == NULL)
        p->client_cfg = config_make(&p->client_script, NULL);
    if (p->server_cfg == NULL)
        p->server_cfg = config_make(&p->server_script, NULL);
    p->client = engine_on(p->client_cfg, NNS_CLIENT);
    p->server = engine_on(p->server_cfg, NNS_SERVER);
    p->client_cfg = p->server_cfg = NULL;
}

void tape_add(struct tape *tape, const void *bytes, size_t size)
{
    while (tape->room - tape->size < size) {
        tape->room = tape->room == 0 ? 4096 : tape->room * 2;
        tape->bytes = realloc(tape->bytes, tape->room);
        assert_non_null(tape->bytes);
    }
    if (size > 0)
        memcpy(tape->bytes + tape->size, bytes, size);
    tape->size += size;
}

void tape_free(struct tape *tape)
{
    free(tape->bytes);
    *tape = (struct tape){0};
}

/* A peer that has failed still takes bytes from its transport: they are lost. */
static bool move(const struct pair *p, nns_engine *from, nns_engine *to, struct tape *tape)
{
    const uint8_t *bytes;
    size_t size;
    nns_ssize took;

    if (nns_engine_send_buf(from, &bytes, &size) != NNS_OK || size == 0)
        return false;
    if (p->chunk > 0 && size > p->chunk)
        size = p->chunk;
    took = nns_engine_recv(to, bytes, size);
    if (took < 0)
        took = (nns_ssize)size;
    if (tape != NULL)
        tape_add(tape, bytes, (size_t)took);
    assert_int_equal(nns_engine_send_ack(from, (size_t)took), NNS_OK);
    return took > 0;
}

static bool step(nns_engine *e)
{
    if ((nns_engine_state(e) & NNS_STATE_WANT_STEP) == 0)
        return false;
    (void)!nns_engine_step(e);
    return true;
}

void pair_pump(struct pair *p)
{
    bool more = true;

    while (more) {
        more = step(p->client);
        more |= move(p, p->client, p->server, p->from_client);
        more |= step(p->server);
        more |= move(p, p->server, p->client, p->from_server);
    }
}

void pair_open(struct pair *p)
{
    pair_make(p);
    pair_pump(p);
    assert_string_equal(nns_error_message(nns_engine_error(p->client)), "");
    assert_string_equal(nns_error_message(nns_engine_error(p->server)), "");
    assert_true((nns_engine_state(p->client) & NNS_STATE_OPEN) != 0);
    assert_true((nns_engine_state(p->server) & NNS_STATE_OPEN) != 0);
}

void pair_free(struct pair *p)
{
    nns_engine_free(p->client);
    nns_engine_free(p->server);
    p->client = p->server = NULL;
}

void pair_transfer(struct pair *p, nns_engine *from, nns_engine *to, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint8_t *got = test_malloc(size + 1);
    size_t written = 0, read = 0, before;
    nns_ssize moved;
    int end;

    do {
        before = written + read;
        moved = nns_engine_write(from, at + written, size - written);
        assert_true(moved >= 0 || moved == NNS_WANT_SEND);
        written += moved > 0 ? (size_t)moved : 0;
        pair_pump(p);
        read += engine_read_all(to, got + read, size + 1 - read, &end);
        assert_int_equal(end, NNS_WANT_RECV);
    } while (written + read > before);
    assert_int_equal(written, size);
    assert_int_equal(read, size);
    assert_memory_equal(got, bytes, size);
    test_free(got);
}
