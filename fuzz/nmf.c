/* SPDX-License-Identifier: MIT
 *
 * A peer's bytes at a net.tcp connection, client or server, with and without the upgrade, in
 * pieces. The first byte chooses which; in each later step one byte says what is done and how much.
 * Where NegotiateStream is wanted the input speaks the mock's, or, when it says so, an honest
 * engine stands in for the peer and the input is what it sends inside.
 */
#include "input.h"
#include "support/alloc.h"
#include "support/mock.h"

#include <nns/nmf.h>
#include <string.h>

#define BYTES_MOST ((long)3 << 20)

enum {
    IS_CLIENT = 1,
    IS_SECURED = 2,
    IS_HONEST = 4, /* the peer's NegotiateStream */
    IS_STREAMED = 8,
    IS_NONE = 16 /* level none */
};

struct world {
    struct test_alloc counter;
    struct mock script;
    nns_config *cfg;
    nns_nmf *nmf;
    nns_engine *peer; /* honest */
    int error;
};

static void make(struct world *w, unsigned flags)
{
    nns_allocator alloc = test_allocator(&w->counter);

    w->script.level_none = (flags & IS_NONE) != 0;
    if ((flags & IS_SECURED) != 0) {
        CHECK(mock_config(&w->cfg, &w->script, &alloc) == NNS_OK);
        if (w->script.level_none)
            CHECK(nns_config_insecure_allow_unprotected(w->cfg) == NNS_OK &&
                  nns_config_set_protection(w->cfg, NNS_PROTECT_NONE) == NNS_OK);
    }
    CHECK(nns_nmf_new(&w->nmf, (flags & IS_CLIENT) != 0 ? NNS_CLIENT : NNS_SERVER, w->cfg,
                      &alloc) == NNS_OK);
    CHECK(nns_nmf_set_limit(w->nmf, NNS_NMF_LIMIT_ENVELOPE_BYTES, 100000) == NNS_OK);
    if ((flags & IS_CLIENT) == 0)
        return;
    CHECK(nns_nmf_set_via(w->nmf, "net.tcp://h/p") == NNS_OK);
    CHECK(nns_nmf_set_target(w->nmf, "mock/server") == NNS_OK);
    if ((flags & IS_STREAMED) != 0)
        CHECK(nns_nmf_set_mode(w->nmf, NNS_NMF_SINGLETON) == NNS_OK);
    CHECK(nns_nmf_start(w->nmf) == NNS_OK);
}

/* What is always so. */
static void check(struct world *w)
{
    uint32_t state = nns_nmf_state(w->nmf);
    int error = nns_nmf_error(w->nmf);

    CHECK(w->error == NNS_OK || error == w->error); /* the first one stays */
    w->error = error;
    CHECK((error != NNS_OK) == ((state & NNS_STATE_FAILED) != 0));
    CHECK(error == NNS_OK || (state & ~(NNS_STATE_FAILED | NNS_STATE_WANT_SEND)) == 0);
    CHECK(error == NNS_OK || nns_nmf_message(w->nmf)[0] != '\0');
    CHECK((state & NNS_STATE_CAN_WRITE) == 0 || (state & NNS_STATE_OPEN) != 0);
    CHECK((state & NNS_STATE_WANT_RECV) == 0 || (state & NNS_NMF_PEER_ENDED) == 0);
    CHECK((state & NNS_NMF_ENDED) == 0 || nns_nmf_engine(w->nmf) == NULL);
    CHECK(error != NNS_ERR_INTERNAL && error != NNS_ERR_ARGUMENT && error != NNS_ERR_STATE);
    CHECK(w->counter.bytes < BYTES_MOST);
}

static void feed(struct world *w, const uint8_t *from, size_t size)
{
    uint8_t *room;
    size_t part;

    while (size > 0 && nns_nmf_recv_buf(w->nmf, &room, &part) == NNS_OK && part > 0) {
        part = part < size ? part : size;
        memcpy(room, from, part);
        (void)!nns_nmf_recv_ack(w->nmf, part);
        from += part;
        size -= part;
    }
}

/* What it says goes to the honest peer, if there is one by now, or nowhere. */
static void drain(struct world *w)
{
    const uint8_t *bytes;
    size_t size;

    while (nns_nmf_send_buf(w->nmf, &bytes, &size) == NNS_OK && size > 0) {
        if (w->peer != NULL)
            (void)!nns_engine_recv(w->peer, bytes, size);
        CHECK(nns_nmf_send_ack(w->nmf, size) == NNS_OK || nns_nmf_error(w->nmf) != NNS_OK);
    }
}

static void read_all(struct world *w)
{
    const uint8_t *bytes;
    size_t size;
    int event;

    while ((event = nns_nmf_next(w->nmf)) > NNS_NMF_NOTHING) {
        if (event != NNS_NMF_DATA)
            continue;
        CHECK(nns_nmf_read_buf(w->nmf, &bytes, &size) == NNS_OK && size > 0);
        CHECK(nns_nmf_read_ack(w->nmf, size) == NNS_OK);
    }
    CHECK(event == NNS_NMF_NOTHING || event == NNS_ERR_STATE || event == nns_nmf_error(w->nmf));
}

static void write_some(struct world *w, size_t size)
{
    static const uint8_t bytes[256];
    int64_t announced =
        nns_nmf_get_mode(w->nmf) == NNS_NMF_SINGLETON ? NNS_NMF_UNSIZED : (int64_t)size;
    nns_ssize n;

    if (nns_nmf_begin(w->nmf, announced) != NNS_OK)
        return;
    n = nns_nmf_write(w->nmf, bytes, size);
    CHECK((n >= 0 && n <= (nns_ssize)size) || n == NNS_WANT_SEND || n == nns_nmf_error(w->nmf));
    (void)!nns_nmf_finish(w->nmf);
}

/* The handshake with an honest peer, once the upgrade has begun. */
static void shake_hands(struct world *w, unsigned flags)
{
    nns_engine *e = nns_nmf_engine(w->nmf);
    uint8_t wire[4096];
    nns_ssize n;

    if (w->peer == NULL && e != NULL && (flags & IS_HONEST) != 0) {
        CHECK(nns_engine_new(&w->peer, w->cfg,
                             (flags & IS_CLIENT) != 0 ? NNS_SERVER : NNS_CLIENT) == NNS_OK);
        if ((flags & IS_CLIENT) == 0)
            CHECK(nns_engine_set_target(w->peer, "mock/server") == NNS_OK);
    }
    for (int i = 0; i < 8; i++) {
        if (e != NULL && (nns_engine_state(e) & NNS_STATE_WANT_STEP) != 0)
            (void)!nns_engine_step(e);
        if (w->peer != NULL && (nns_engine_state(w->peer) & NNS_STATE_WANT_STEP) != 0)
            (void)!nns_engine_step(w->peer);
        while (w->peer != NULL && (n = nns_engine_send(w->peer, wire, sizeof(wire))) > 0)
            feed(w, wire, (size_t)n);
        if (w->peer != NULL)
            drain(w);
        e = nns_nmf_engine(w->nmf);
    }
}

/* Bytes of the input's, inside of what the honest peer has opened. */
static void say(struct world *w, const uint8_t *bytes, size_t size)
{
    uint8_t wire[4096];
    nns_ssize n;

    if (w->peer == NULL || (nns_engine_state(w->peer) & NNS_STATE_OPEN) == 0) {
        feed(w, bytes, size);
        return;
    }
    (void)!nns_engine_write(w->peer, bytes, size);
    while ((n = nns_engine_send(w->peer, wire, sizeof(wire))) > 0)
        feed(w, wire, (size_t)n);
}

static void act(struct world *w, unsigned flags, unsigned what, struct input *in)
{
    switch (what) {
    case 0:
        drain(w);
        break;
    case 1:
        (void)!nns_nmf_accept(w->nmf);
        break;
    case 2:
        read_all(w);
        break;
    case 3:
        write_some(w, take_byte(in));
        break;
    case 4:
        (void)!nns_nmf_end(w->nmf);
        break;
    case 5:
        (void)!nns_nmf_send_fault(w->nmf, "ServerTooBusy");
        break;
    case 6:
        if (nns_nmf_restart(w->nmf) == NNS_OK && (flags & IS_CLIENT) != 0)
            CHECK(nns_nmf_start(w->nmf) == NNS_OK);
        break;
    default:
        shake_hands(w, flags);
        break;
    }
    if (nns_nmf_engine(w->nmf) == NULL) {
        nns_engine_free(w->peer);
        w->peer = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct world w = {.cfg = NULL};
    unsigned flags = take_byte(&in);

    make(&w, flags);
    while (in.size > 0) {
        unsigned step = take_byte(&in);
        size_t part = (step & 0x7f) < in.size ? step & 0x7f : in.size;

        if ((step & 0x80) != 0) {
            act(&w, flags, step & 7, &in);
        } else {
            say(&w, in.data, part);
            in.data += part;
            in.size -= part;
        }
        check(&w);
    }
    (void)nns_nmf_recv_eof(w.nmf);
    read_all(&w);
    drain(&w);
    check(&w);
    nns_engine_free(w.peer);
    nns_nmf_free(w.nmf);
    nns_config_unref(w.cfg);
    CHECK(w.counter.bytes == 0);
    return 0;
}
