/* SPDX-License-Identifier: MIT
 *
 * Full duplex: two engines, each with one thread on its receive half and one on its send half,
 * over pipes in memory; whole, and failing in the middle.
 */
#include "support/check.h"
#include "support/pair.h"

#include <pthread.h>
#include <string.h>

#define AMOUNT ((size_t)8 << 20) /* bytes each way */

/* A pipe of bytes between two threads. */
struct pipe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint8_t bytes[50000];
    size_t size, passed;
    size_t flip_at; /* the byte with this number changes on its way, 0: none */
    bool closed;    /* by the writer: there will be no more */
    bool broken;    /* by the reader: nobody takes any more */
};

static void pipe_close(struct pipe *p, bool by_reader)
{
    (void)pthread_mutex_lock(&p->lock);
    p->closed = p->closed || !by_reader;
    p->broken = p->broken || by_reader;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

static bool pipe_write(struct pipe *p, const uint8_t *bytes, size_t size)
{
    (void)pthread_mutex_lock(&p->lock);
    while (size > 0 && !p->broken) {
        size_t part = sizeof(p->bytes) - p->size;

        if (part == 0) {
            (void)pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        part = part < size ? part : size;
        memcpy(p->bytes + p->size, bytes, part);
        if (p->flip_at >= p->passed && p->flip_at - p->passed < part)
            p->bytes[p->size + p->flip_at - p->passed] ^= p->flip_at > 0 ? 1 : 0;
        p->passed += part;
        p->size += part;
        bytes += part;
        size -= part;
        (void)pthread_cond_broadcast(&p->changed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return size == 0;
}

/* Answers 0 at the end. */
static size_t pipe_read(struct pipe *p, uint8_t *to, size_t room)
{
    size_t size;

    (void)pthread_mutex_lock(&p->lock);
    while (p->size == 0 && !p->closed)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    size = p->size < room ? p->size : room;
    memcpy(to, p->bytes, size);
    memmove(p->bytes, p->bytes + size, p->size - size);
    p->size -= size;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return size;
}

struct side {
    nns_engine *e;
    struct pipe *in, *out;
    size_t amount;  /* bytes to write */
    size_t read;    /* bytes read, all of them right */
    int read_end;   /* 0 or the error */
    int write_end;  /* 0 or the error */
    bool is_wrong;  /* a wrong byte was read */
    size_t fail_at; /* the reader calls nns_engine_fail() after so many bytes, 0: never */
};

static uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 167 + position / 251);
}

static int send_all(struct side *s)
{
    const uint8_t *bytes;
    size_t size;
    int rc;

    while ((rc = nns_engine_send_buf(s->e, &bytes, &size)) == NNS_OK && size > 0) {
        bool went = pipe_write(s->out, bytes, size);

        rc = nns_engine_send_ack(s->e, size);
        if (rc != NNS_OK || !went)
            return rc != NNS_OK ? rc : NNS_ERR_IO;
    }
    return rc;
}

static void *write_side(void *arg)
{
    struct side *s = arg;
    uint8_t part[10007];
    size_t written = 0;
    int rc = NNS_OK;

    while (rc == NNS_OK && written < s->amount) {
        size_t size = s->amount - written < sizeof(part) ? s->amount - written : sizeof(part);
        nns_ssize moved;

        for (size_t i = 0; i < size; i++)
            part[i] = byte_at(written + i);
        moved = nns_engine_write(s->e, part, size);
        if (moved >= 0)
            written += (size_t)moved;
        if (moved == NNS_WANT_SEND || moved > 5000)
            rc = send_all(s);
        else if (moved < 0)
            rc = (int)moved;
    }
    if (rc == NNS_OK)
        rc = nns_engine_close(s->e);
    if (rc == NNS_OK)
        rc = send_all(s);
    s->write_end = rc;
    pipe_close(s->out, false);
    return NULL;
}

static int read_some(struct side *s)
{
    uint8_t part[9001];
    nns_ssize moved;

    while ((moved = nns_engine_read(s->e, part, sizeof(part))) > 0) {
        for (size_t i = 0; i < (size_t)moved; i++)
            s->is_wrong |= part[i] != byte_at(s->read + i);
        s->read += (size_t)moved;
    }
    if (s->fail_at > 0 && s->read >= s->fail_at)
        (void)nns_engine_fail(s->e, NNS_ERR_IO, 0);
    return (int)moved;
}

static void *read_side(void *arg)
{
    struct side *s = arg;
    int end = NNS_WANT_RECV;
    uint8_t *room;
    size_t size, got;

    while (end == NNS_WANT_RECV) {
        int rc = nns_engine_recv_buf(s->e, &room, &size);

        if (rc == NNS_OK && size > 0) {
            got = pipe_read(s->in, room, size);
            rc = got > 0 ? nns_engine_recv_ack(s->e, got) : nns_engine_recv_eof(s->e);
        }
        end = rc == NNS_OK ? read_some(s) : rc;
    }
    s->read_end = end;
    pipe_close(s->in, true);
    return NULL;
}

/* Runs four threads until both directions of both engines are over. */
static void run(struct side *a, struct side *b, struct pair *p, size_t flip_at)
{
    static struct pipe pipes[2];
    pthread_t threads[4];

    for (size_t i = 0; i < 2; i++) {
        memset(&pipes[i], 0, sizeof(pipes[i]));
        (void)pthread_mutex_init(&pipes[i].lock, NULL);
        (void)pthread_cond_init(&pipes[i].changed, NULL);
    }
    pipes[0].flip_at = flip_at;
    a->e = p->client;
    b->e = p->server;
    a->out = b->in = &pipes[0];
    a->in = b->out = &pipes[1];
    assert_int_equal(pthread_create(&threads[0], NULL, write_side, a), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, read_side, a), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, write_side, b), 0);
    assert_int_equal(pthread_create(&threads[3], NULL, read_side, b), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(a->is_wrong || b->is_wrong);
    for (size_t i = 0; i < 2; i++) {
        (void)pthread_cond_destroy(&pipes[i].changed);
        (void)pthread_mutex_destroy(&pipes[i].lock);
    }
}

static void both_directions_at_once(void **state)
{
    static const struct mock scripts[] = {{.turns = 2}, {.turns = 2, .level_none = true}};

    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct pair p = {.client_script = scripts[i], .server_script = scripts[i]};
        struct side a = {.amount = AMOUNT}, b = {.amount = AMOUNT + 12345};

        pair_open(&p);
        run(&a, &b, &p, 0);
        assert_int_equal(a.write_end, NNS_OK);
        assert_int_equal(b.write_end, NNS_OK);
        assert_int_equal(a.read_end, 0);
        assert_int_equal(b.read_end, 0);
        assert_int_equal(a.read, AMOUNT + 12345);
        assert_int_equal(b.read, AMOUNT);
        assert_true((nns_engine_state(p.client) & NNS_STATE_SEND_EOF) != 0);
        assert_true((nns_engine_state(p.client) & NNS_STATE_RECV_EOF) != 0);
        pair_free(&p);
    }
}

/* One bit changes on the way from the client to the server: the server's reader finds out, its
 * writer hears of it, and the client sees a connection that ends. */
static void one_bit_in_the_middle(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct mock script = {.turns = 2};
        struct pair p = {.client_script = script, .server_script = script};
        struct side a = {.amount = AMOUNT / 8}, b = {.amount = (size_t)1 << 40};

        pair_open(&p);
        run(&a, &b, &p, 50000 + i * 100003);
        assert_int_equal(nns_result_class(b.read_end), NNS_CLASS_PROTOCOL);
        assert_int_equal(b.write_end, b.read_end); /* the same error, in the other half */
        assert_true(b.read < 50000 + i * 100003);
        assert_int_equal(a.write_end == NNS_OK || a.write_end == NNS_ERR_IO, 1);
        assert_true(a.read_end == 0 || a.read_end == NNS_ERR_TRUNCATED);
        pair_free(&p);
    }
}

/* The owner says that it is over while both halves are at work. */
static void failed_from_outside_in_the_middle(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 8; i++) {
        struct mock script = {.turns = 2};
        struct pair p = {.client_script = script, .server_script = script};
        struct side a = {.amount = (size_t)1 << 40}, b = {.amount = (size_t)1 << 40};

        b.fail_at = i * 70001;
        pair_open(&p);
        run(&a, &b, &p, 0);
        assert_int_equal(b.read_end, NNS_ERR_IO);
        assert_int_equal(b.write_end, NNS_ERR_IO);
        assert_true(a.read_end == 0 || a.read_end == NNS_ERR_TRUNCATED);
        pair_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_at_once),
        cmocka_unit_test(one_bit_in_the_middle),
        cmocka_unit_test(failed_from_outside_in_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
