/* SPDX-License-Identifier: MIT
 *
 * net.tcp connections in memory.
 */
#include "duo.h"

#include <stdio.h>
#include <string.h>

nns_nmf *nmf_make(nns_role role, const struct mock *script, const nns_allocator *alloc)
{
    nns_config *cfg = script != NULL ? config_make(script, alloc) : NULL;
    nns_nmf *n = NULL;

    assert_int_equal(nns_nmf_new(&n, role, cfg, alloc), NNS_OK);
    nns_config_unref(cfg);
    if (role == NNS_CLIENT) {
        assert_int_equal(nns_nmf_set_via(n, VIA), NNS_OK);
        assert_int_equal(nns_nmf_set_target(n, "mock/server"), NNS_OK);
    }
    return n;
}

size_t nmf_feed(nns_nmf *n, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t moved = 0, room;
    uint8_t *to;

    while (moved < size && nns_nmf_recv_buf(n, &to, &room) == NNS_OK && room > 0) {
        room = room < size - moved ? room : size - moved;
        memcpy(to, from + moved, room);
        moved += room;
        if (nns_nmf_recv_ack(n, room) != NNS_OK)
            break;
    }
    return moved;
}

size_t nmf_drain(nns_nmf *n, void *to, size_t room)
{
    uint8_t *at = to;
    const uint8_t *bytes;
    size_t size = 0, part;

    while (size < room && nns_nmf_send_buf(n, &bytes, &part) == NNS_OK && part > 0) {
        part = part < room - size ? part : room - size;
        memcpy(at + size, bytes, part);
        size += part;
        (void)!nns_nmf_send_ack(n, part);
    }
    return size;
}

void nmf_expect(nns_nmf *n, const void *bytes, size_t size)
{
    uint8_t *got = test_malloc(size + 1);

    assert_int_equal(nmf_drain(n, got, size + 1), size);
    assert_memory_equal(got, bytes, size);
    test_free(got);
}

size_t nmf_fault_record(uint8_t to[256], const char *name)
{
    int length = snprintf((char *)to + 2, 254, "%s%s", NNS__NMF_FAULTS, name);

    assert_true(length < 128);
    to[0] = 0x08;
    to[1] = (uint8_t)length;
    return (size_t)length + 2;
}

void nmf_expect_fault(nns_nmf *n, const char *name)
{
    uint8_t record[256];

    nmf_expect(n, record, nmf_fault_record(record, name));
    assert_string_equal(nns_nmf_fault(n), name);
}

void nmf_expect_failure(nns_nmf *n, int code, const char *message_part)
{
    if (nns_nmf_error(n) != code || !contains(nns_nmf_message(n), message_part))
        fail_msg("expected %s with '%s', got %s: %s", nns_result_name(code), message_part,
                 nns_result_name(nns_nmf_error(n)), nns_nmf_message(n));
    assert_true((nns_nmf_state(n) & NNS_STATE_FAILED) != 0);
}

size_t nmf_read_all(nns_nmf *n, void *to, size_t room, int *ends)
{
    const uint8_t *bytes;
    uint8_t *at = to;
    size_t size = 0, part;
    int event;

    *ends = 0;
    while ((event = nns_nmf_next(n)) > NNS_NMF_NOTHING) {
        *ends += event == NNS_NMF_ENVELOPE_END;
        if (event != NNS_NMF_DATA)
            continue;
        assert_int_equal(nns_nmf_read_buf(n, &bytes, &part), NNS_OK);
        assert_true(part > 0 && part <= room - size);
        memcpy(at + size, bytes, part);
        size += part;
        assert_int_equal(nns_nmf_read_ack(n, part), NNS_OK);
    }
    return size;
}

void nmf_write_envelope(nns_nmf *n, const void *bytes, size_t size)
{
    bool unsized = nns_nmf_get_mode(n) == NNS_NMF_SINGLETON;

    assert_int_equal(nns_nmf_begin(n, unsized ? NNS_NMF_UNSIZED : (int64_t)size), NNS_OK);
    assert_int_equal(nns_nmf_write(n, bytes, size), size);
    assert_int_equal(nns_nmf_finish(n), NNS_OK);
}

/* ---- two ---- */

void duo_make(struct duo *d)
{
    const struct mock *script = d->secured ? &d->script : NULL;

    d->client = nmf_make(NNS_CLIENT, script, NULL);
    d->server = nmf_make(NNS_SERVER, script, NULL);
    if (d->mode != 0)
        assert_int_equal(nns_nmf_set_mode(d->client, d->mode), NNS_OK);
}

static bool step(const struct duo *d, nns_nmf *n)
{
    uint32_t state = nns_nmf_state(n);

    if ((state & NNS_STATE_WANT_STEP) != 0) {
        (void)!nns_engine_step(nns_nmf_engine(n));
        return true;
    }
    if ((state & NNS_NMF_WANT_ACCEPT) != 0 && !d->refusing) {
        int rc = nns_nmf_accept(n);

        assert_true(rc == NNS_OK || d->tolerant);
        return true;
    }
    return false;
}

static bool move(struct duo *d, nns_nmf *from, nns_nmf *to, struct tape *tape)
{
    size_t size, room, most = d->first > 0 ? d->first : d->chunk;
    const uint8_t *bytes;
    uint8_t *at;

    (void)nns_nmf_send_buf(from, &bytes, &size);
    if (size == 0 || nns_nmf_recv_buf(to, &at, &room) != NNS_OK || room == 0)
        return false;
    size = size < room ? size : room;
    size = most > 0 && size > most ? most : size;
    d->first = 0;
    memcpy(at, bytes, size);
    if (tape != NULL)
        tape_add(tape, bytes, size);
    (void)!nns_nmf_send_ack(from, size);
    (void)!nns_nmf_recv_ack(to, size);
    return true;
}

void duo_pump(struct duo *d)
{
    bool moved = true;

    while (moved) {
        moved = step(d, d->client);
        moved |= step(d, d->server);
        moved |= move(d, d->client, d->server, d->from_client);
        moved |= move(d, d->server, d->client, d->from_server);
    }
}

void duo_open(struct duo *d)
{
    duo_make(d);
    assert_int_equal(nns_nmf_start(d->client), NNS_OK);
    duo_pump(d);
    if ((nns_nmf_state(d->client) & nns_nmf_state(d->server) & NNS_STATE_OPEN) == 0)
        fail_msg("not open: client '%s', server '%s'", nns_nmf_message(d->client),
                 nns_nmf_message(d->server));
}

void duo_transfer(struct duo *d, nns_nmf *from, nns_nmf *to, const void *bytes, size_t size)
{
    bool unsized = nns_nmf_get_mode(from) == NNS_NMF_SINGLETON;
    uint8_t *got = test_malloc(size + 1);
    size_t written = 0, read = 0;
    int ends, sum = 0, finished = NNS_WANT_SEND;

    assert_int_equal(nns_nmf_begin(from, unsized ? NNS_NMF_UNSIZED : (int64_t)size), NNS_OK);
    while (written < size || finished != NNS_OK) {
        if (written < size) {
            nns_ssize n = nns_nmf_write(from, (const uint8_t *)bytes + written, size - written);

            assert_true(n > 0 || n == NNS_WANT_SEND);
            written += n > 0 ? (size_t)n : 0;
        } else {
            finished = nns_nmf_finish(from);
            assert_true(finished == NNS_OK || finished == NNS_WANT_SEND);
        }
        duo_pump(d);
        read += nmf_read_all(to, got + read, size + 1 - read, &ends);
        sum += ends;
        assert_int_equal(nns_nmf_error(to), NNS_OK);
    }
    assert_int_equal(sum, 1);
    assert_int_equal(read, size);
    assert_memory_equal(got, bytes, size);
    test_free(got);
}

void duo_free(struct duo *d)
{
    nns_nmf_free(d->client);
    nns_nmf_free(d->server);
    d->client = d->server = NULL;
}
