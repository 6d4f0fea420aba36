/* SPDX-License-Identifier: MIT
 *
 * Streams that face each other.
 */
#include "stream/ends.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PIECE ((size_t)200000) /* bytes a write or a read asks for */

/* ---- streams ---- */

nns_config *ends_config(const struct mock *script)
{
    nns_config *cfg = NULL;

    assert_int_equal(mock_config(&cfg, script, NULL), NNS_OK);
    if (script->level_none) {
        assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
        assert_int_equal(nns_config_set_protection(cfg, NNS_PROTECT_NONE), NNS_OK);
    }
    return cfg;
}

nns_stream *ends_stream(nns_config *cfg, nns_role role)
{
    nns_stream *s = NULL;

    assert_int_equal(nns_stream_new(&s, cfg, role), NNS_OK);
    nns_config_unref(cfg);
    if (role == NNS_CLIENT)
        assert_int_equal(nns_engine_set_target(nns_stream_engine(s), "mock/server"), NNS_OK);
    return s;
}

void ends_make(struct ends *ends)
{
    if (ends->client_cfg == NULL)
        ends->client_cfg = ends_config(&ends->client_script);
    if (ends->server_cfg == NULL)
        ends->server_cfg = ends_config(&ends->server_script);
    ends->client = ends_stream(ends->client_cfg, NNS_CLIENT);
    ends->server = ends_stream(ends->server_cfg, NNS_SERVER);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->fds), 0);
    assert_int_equal(nns_stream_set_fd(ends->client, ends->fds[0], ends->fds[0], NNS_FD_CLOSE),
                     NNS_OK);
    assert_int_equal(nns_stream_set_fd(ends->server, ends->fds[1], ends->fds[1], NNS_FD_CLOSE),
                     NNS_OK);
}

void ends_open(struct ends *ends)
{
    struct actor server = {.act = act_handshake};

    ends_make(ends);
    server.stream = ends->server;
    actor_start(&server);
    assert_int_equal(nns_stream_handshake(ends->client), NNS_OK);
    assert_int_equal(actor_end(&server), NNS_OK);
}

void ends_free(struct ends *ends)
{
    nns_stream_free(ends->client);
    nns_stream_free(ends->server);
}

/* ---- threads ---- */

static void *actor_main(void *arg)
{
    struct actor *actor = arg;

    actor->result = actor->act(actor);
    return NULL;
}

void actor_start(struct actor *actor)
{
    assert_int_equal(pthread_create(&actor->thread, NULL, actor_main, actor), 0);
}

nns_ssize actor_end(struct actor *actor)
{
    assert_int_equal(pthread_join(actor->thread, NULL), 0);
    return actor->result;
}

nns_ssize act_handshake(struct actor *actor)
{
    return nns_stream_handshake(actor->stream);
}

uint8_t pattern_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

nns_ssize act_write(struct actor *actor)
{
    uint8_t *piece = malloc(PIECE);
    size_t done = 0;
    nns_ssize n = 0;

    while (piece != NULL && n >= 0 && done < actor->size) {
        size_t len = actor->size - done < PIECE ? actor->size - done : PIECE;

        for (size_t i = 0; i < len; i++)
            piece[i] = pattern_at(done + i);
        n = nns_stream_write(actor->stream, piece, len);
        done += len;
    }
    free(piece);
    return n < 0 ? n : (nns_ssize)done;
}

nns_ssize act_check(struct actor *actor)
{
    uint8_t *piece = malloc(PIECE);
    size_t done = 0;
    nns_ssize n = 1;

    while (piece != NULL && n > 0 && done < actor->size) {
        size_t most = actor->size - done;

        n = nns_stream_read(actor->stream, piece, most < PIECE ? most : PIECE);
        for (nns_ssize i = 0; i < n; i++) {
            if (piece[i] != pattern_at(done + (size_t)i))
                n = -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    free(piece);
    return n < 0 ? n : (nns_ssize)done;
}

nns_ssize act_read(struct actor *actor)
{
    uint8_t byte;

    return nns_stream_read(actor->stream, &byte, 1);
}

nns_ssize act_echo(struct actor *actor)
{
    uint8_t bytes[4096];
    nns_ssize n;

    while ((n = nns_stream_read(actor->stream, bytes, sizeof(bytes))) > 0) {
        n = nns_stream_write(actor->stream, bytes, (size_t)n);
        if (n < 0)
            return n;
    }
    return n < 0 ? n : nns_stream_shutdown(actor->stream);
}

/* ---- a gate ---- */

void gate_pass(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->lock);
    gate->inside++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->passed++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void gate_await(struct gate *gate, size_t inside)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->inside < inside)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

size_t gate_inside(struct gate *gate)
{
    size_t inside;

    pthread_mutex_lock(&gate->lock);
    inside = gate->inside;
    pthread_mutex_unlock(&gate->lock);
    return inside;
}

size_t gate_passed(struct gate *gate)
{
    size_t passed;

    pthread_mutex_lock(&gate->lock);
    passed = gate->passed;
    pthread_mutex_unlock(&gate->lock);
    return passed;
}

void workers_await_none(void)
{
    size_t busy = 1, idle, waiting = 0;

    while (busy > 0) {
        nns__worker_counts(&busy, &idle, &waiting);
        sched_yield();
    }
    assert_int_equal(waiting, 0);
}

/* ---- time ---- */

static int64_t watched_now(void *arg)
{
    (void)arg;
    return nns__time_system.now(NULL);
}

static int watched_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    gate_pass(arg);
    return poll(fds, count, timeout_ms);
}

struct nns__time watched_time(struct gate *gate)
{
    gate_open(gate);
    return (struct nns__time){.now = watched_now, .wait = watched_wait, .arg = gate};
}

static int64_t test_now(void *arg)
{
    struct test_clock *clock = arg;

    return clock->now;
}

static int test_wait(void *arg, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct test_clock *clock = arg;
    int n = poll(fds, count, timeout_ms < 0 ? -1 : 0);
    size_t busy = 1, idle, waiting;

    while (n == 0 && busy > 0) { /* what a worker does takes no time on this clock */
        nns__worker_counts(&busy, &idle, &waiting);
        n = poll(fds, count, busy > 0 ? 1 : 0);
    }
    clock->waits++;
    clock->last_timeout = timeout_ms;
    if (n == 0)
        clock->now += timeout_ms;
    return n;
}

struct nns__time test_time(struct test_clock *clock)
{
    return (struct nns__time){.now = test_now, .wait = test_wait, .arg = clock, .wall = test_now};
}
