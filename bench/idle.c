/* SPDX-License-Identifier: MIT
 *
 * What an idle connection costs a server: one thread with epoll and an engine for each connection,
 * which sends everything back. An engine is trimmed when a turn of the loop leaves it idle. Each
 * line of standard input, whatever it says, is answered with the memory that is resident now:
 *
 *   {"connections": 1000, "rss": 12345678}
 *
 * usage: bench_idle [ENGINE]
 */
#include "common.h"

#include <nns/nns.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64

struct connection {
    int fd;
    nns_engine *engine;
};

/* What epoll answers for what is no connection. */
static struct connection listener, commands;

static nns_config *config;
static int loop;
static size_t connections;

static void check(const nns_engine *e, nns_ssize rc)
{
    if (rc < 0)
        die("%s: %s", nns_result_name((int)rc), nns_error_message(e ? nns_engine_error(e) : NULL));
}

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    if (epoll_ctl(loop, operation, c->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void welcome(void)
{
    struct connection *c = zeros(sizeof(*c));

    c->fd = accept_one(listener.fd);
    check(NULL, nns_engine_new(&c->engine, config, NNS_SERVER));
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    connections++;
}

static void part(struct connection *c)
{
    nns_engine_free(c->engine);
    (void)close(c->fd);
    free(c);
    connections--;
}

static bool would_wait(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* True when something moved. */
static bool send_some(struct connection *c)
{
    const uint8_t *ptr;
    size_t len;
    ssize_t n;

    check(c->engine, nns_engine_send_buf(c->engine, &ptr, &len));
    n = send(c->fd, ptr, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (would_wait(n))
        return false;
    if (n < 0)
        die("send: %s", strerror(errno));
    check(c->engine, nns_engine_send_ack(c->engine, (size_t)n));
    return true;
}

static bool receive_some(struct connection *c)
{
    uint8_t *ptr;
    size_t len;
    ssize_t n;

    check(c->engine, nns_engine_recv_buf(c->engine, &ptr, &len));
    n = recv(c->fd, ptr, len, MSG_DONTWAIT);
    if (n < 0 && !would_wait(n))
        die("recv: %s", strerror(errno));
    /* Also that nothing came: what is lent is not trimmed. */
    check(c->engine, n == 0 ? nns_engine_recv_eof(c->engine)
                            : nns_engine_recv_ack(c->engine, n > 0 ? (size_t)n : 0));
    return n >= 0;
}

static void send_back(nns_engine *e)
{
    const uint8_t *ptr;
    size_t len;
    nns_ssize n;

    check(e, nns_engine_read_buf(e, &ptr, &len));
    n = nns_engine_write(e, ptr, len);
    check(e, n);
    check(e, nns_engine_read_ack(e, (size_t)n));
}

/* Moves what can be moved without waiting. */
static uint32_t drive(struct connection *c)
{
    for (;;) {
        uint32_t state = nns_engine_state(c->engine);
        const uint32_t both = NNS_STATE_CAN_READ | NNS_STATE_CAN_WRITE;

        if (state & NNS_STATE_FAILED)
            check(c->engine, nns_error_code(nns_engine_error(c->engine)));
        if (state & NNS_STATE_RECV_EOF)
            return state;
        if (state & NNS_STATE_WANT_STEP)
            check(c->engine, nns_engine_step(c->engine));
        else if ((state & both) == both)
            send_back(c->engine);
        else if ((state & NNS_STATE_WANT_SEND) && send_some(c))
            continue;
        else if (!(state & NNS_STATE_WANT_RECV) || !receive_some(c))
            return nns_engine_state(c->engine);
    }
}

static void turn(struct connection *c)
{
    uint32_t state = drive(c);

    if (state & NNS_STATE_RECV_EOF) {
        part(c);
        return;
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN | (state & NNS_STATE_WANT_SEND ? (uint32_t)EPOLLOUT : 0));
    if (!(state & (NNS_STATE_WANT_SEND | NNS_STATE_CAN_READ)))
        nns_engine_trim(c->engine);
}

/* Bytes of this process in memory. */
static unsigned long long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1)
        die("/proc/self/statm cannot be read");
    (void)fclose(file);
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void answer(void)
{
    char line[64];

    if (read(commands.fd, line, sizeof(line)) <= 0)
        exit(0);
    printf("{\"connections\": %zu, \"rss\": %llu}\n", connections, resident());
    (void)fflush(stdout);
}

static void prepare(const char *engine)
{
    check(NULL, nns_config_new(&config, NULL));
    check(NULL, nns_config_allow_any_peer(config));
    if (engine != NULL && nns_config_set_record_engine(config, engine) != NNS_OK) {
        (void)fprintf(stderr, "bench: %s\n", nns_config_message(config));
        exit(REFUSED);
    }
    allow_descriptors();
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    int port;

    prepare(argc > 1 ? argv[1] : NULL);
    loop = epoll_create1(EPOLL_CLOEXEC);
    listener.fd = listen_anywhere(&port);
    commands.fd = STDIN_FILENO;
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(&commands, EPOLL_CTL_ADD, EPOLLIN);
    printf("{\"port\": %d}\n", port);
    (void)fflush(stdout);
    for (;;) {
        int n = epoll_wait(loop, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener)
                welcome();
            else if (events[i].data.ptr == &commands)
                answer();
            else
                turn(events[i].data.ptr);
        }
    }
}
