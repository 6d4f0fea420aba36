/* SPDX-License-Identifier: MIT
 *
 * Blocking streams: a conversation from the first byte to the last, over each kind of transport,
 * and what a side gets to know when the other one breaks off.
 */
#include "stream/ends.h"
#include "support/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB ((size_t)1048576)

/* size bytes to an echo and back, then both ends close. */
static void converse(struct ends *ends, size_t size)
{
    struct actor echo = {.stream = ends->server, .act = act_echo};
    struct actor writer = {.stream = ends->client, .act = act_write, .size = size};
    struct actor reader = {.stream = ends->client, .act = act_check, .size = size};
    char c;

    actor_start(&echo);
    assert_int_equal(nns_stream_handshake(ends->client), NNS_OK);
    actor_start(&writer);
    assert_int_equal(act_check(&reader), size);
    assert_int_equal(actor_end(&writer), size);
    assert_int_equal(nns_stream_shutdown(ends->client), NNS_OK);
    assert_int_equal(nns_stream_read(ends->client, &c, 1), 0);
    assert_int_equal(nns_stream_read(ends->client, &c, 1), 0);
    assert_int_equal(actor_end(&echo), NNS_OK);
    assert_null(nns_stream_error(ends->client));
    assert_null(nns_stream_error(ends->server));
}

static void test_echo_over_a_socket(void **state)
{
    struct ends ends = {.fds = {-1, -1}};

    (void)state;
    ends_make(&ends);
    converse(&ends, 3 * MIB);
    ends_free(&ends);
}

static void test_echo_at_level_none(void **state)
{
    struct ends ends = {.client_script = {.level_none = true},
                        .server_script = {.level_none = true}};

    (void)state;
    ends_make(&ends);
    converse(&ends, MIB);
    ends_free(&ends);
}

static void test_echo_after_four_turns(void **state)
{
    struct ends ends = {.client_script = {.turns = 4, .filler = 60000},
                        .server_script = {.turns = 4, .filler = 60000}};

    (void)state;
    ends_make(&ends);
    converse(&ends, 10);
    ends_free(&ends);
}

static void test_echo_over_pipes(void **state)
{
    static const struct mock script;
    struct ends ends = {.client = ends_stream(ends_config(&script), NNS_CLIENT),
                        .server = ends_stream(ends_config(&script), NNS_SERVER)};
    int up[2], down[2];

    (void)state;
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(nns_stream_set_fd(ends.client, down[0], up[1], NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(nns_stream_set_fd(ends.server, up[0], down[1], NNS_FD_CLOSE), NNS_OK);
    converse(&ends, 3 * MIB);
    ends_free(&ends);
}

/* ---- callbacks ---- */

struct wire {
    int fd;
    nns_stream *stream;
    int inner; /* what a call of the stream from inside answered */
};

static nns_ssize wire_recv(void *arg, void *buf, size_t len)
{
    struct wire *wire = arg;
    ssize_t n = read(wire->fd, buf, len < 7 ? len : 7);

    wire->inner = nns_stream_handshake(wire->stream);
    return n < 0 ? NNS_ERR_IO : n;
}

static nns_ssize wire_send(void *arg, const void *buf, size_t len)
{
    struct wire *wire = arg;
    ssize_t n = send(wire->fd, buf, len < 1000 ? len : 1000, MSG_NOSIGNAL);

    return n < 0 ? NNS_ERR_IO : n;
}

static int wire_shutdown(void *arg)
{
    struct wire *wire = arg;

    return shutdown(wire->fd, SHUT_WR) == 0 ? NNS_OK : NNS_ERR_IO;
}

static void test_echo_over_callbacks(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), wire_recv, wire_send, wire_shutdown};
    struct ends ends = {.client = ends_stream(ends_config(&script), NNS_CLIENT),
                        .server = ends_stream(ends_config(&script), NNS_SERVER)};
    struct wire wires[2] = {{.stream = ends.client}, {.stream = ends.server}};
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    wires[0].fd = fds[0];
    wires[1].fd = fds[1];
    assert_int_equal(nns_stream_set_io(ends.client, &io, &wires[0]), NNS_OK);
    assert_int_equal(nns_stream_set_io(ends.server, &io, &wires[1]), NNS_OK);
    converse(&ends, 50000);
    ends_free(&ends);
    close(fds[0]);
    close(fds[1]);
}

static void test_callback_may_not_call_the_stream(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), wire_recv, wire_send, NULL};
    nns_stream *server = ends_stream(ends_config(&script), NNS_SERVER);
    struct wire wire = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .stream = server};

    (void)state;
    assert_int_equal(nns_stream_set_io(server, &io, &wire), NNS_OK);
    assert_int_equal(nns_stream_handshake(server), NNS_ERR_PROTOCOL); /* it closed at once */
    assert_int_equal(wire.inner, NNS_ERR_REENTRANT);
    nns_stream_free(server);
    close(wire.fd);
}

static nns_ssize never_ready(void *arg, void *buf, size_t len)
{
    (void)arg;
    (void)buf;
    (void)len;
    return NNS_WANT_RECV;
}

static void test_blocking_callback_must_block(void **state)
{
    static const struct mock script;
    const nns_io io = {sizeof(io), never_ready, wire_send, NULL};
    nns_stream *server = ends_stream(ends_config(&script), NNS_SERVER);

    (void)state;
    assert_int_equal(nns_stream_set_io(server, &io, NULL), NNS_OK);
    assert_int_equal(nns_stream_handshake(server), NNS_ERR_IO);
    nns_stream_free(server);
}

/* ---- both directions ---- */

static void test_full_duplex(void **state)
{
    static const struct mock script;
    struct ends ends = {.client_cfg = ends_config(&script), .server_cfg = ends_config(&script)};
    struct actor actors[4];

    (void)state;
    ends_open(&ends);
    for (size_t i = 0; i < COUNT(actors); i++) {
        actors[i] = (struct actor){.stream = i < 2 ? ends.client : ends.server,
                                   .act = i % 2 == 0 ? act_write : act_check,
                                   .size = 24 * MIB};
        actor_start(&actors[i]);
    }
    for (size_t i = 0; i < COUNT(actors); i++)
        assert_int_equal(actor_end(&actors[i]), 24 * MIB);
    ends_free(&ends);
}

static void test_half_close(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char bytes[8];

    (void)state;
    ends_open(&ends);
    assert_int_equal(nns_stream_write(ends.client, "up", 2), 2);
    assert_int_equal(nns_stream_shutdown(ends.client), NNS_OK);
    assert_int_equal(nns_stream_shutdown(ends.client), NNS_OK);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), NNS_ERR_STATE);
    assert_int_equal(nns_stream_read(ends.server, bytes, 8), 2);
    assert_int_equal(nns_stream_read(ends.server, bytes, 8), 0);
    assert_int_equal(nns_stream_write(ends.server, "down", 4), 4);
    assert_int_equal(nns_stream_read(ends.client, bytes, 8), 4);
    assert_memory_equal(bytes, "down", 4);
    ends_free(&ends);
}

static void test_lengths_of_nothing(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    char c;

    (void)state;
    ends_open(&ends);
    assert_int_equal(nns_stream_write(ends.client, NULL, 0), 0);
    assert_int_equal(nns_stream_read(ends.client, NULL, 0), 0);
    assert_int_equal(nns_stream_flush(ends.client), NNS_OK);
    assert_int_equal(recv(ends.fds[1], &c, 1, MSG_DONTWAIT), -1); /* no record went out */
    ends_free(&ends);
}

/* ---- breaking off ---- */

static void test_what_came_before_a_fault_is_read(void **state)
{
    uint8_t record[64], bytes[16];
    struct ends ends = {.fds = {-1, -1}};
    size_t size;

    (void)state;
    ends_open(&ends);
    size = mock_record(record, NNS_SERVER, 0, true, "good", 4);
    assert_int_equal(write(ends.fds[1], record, size), size);
    size = mock_record(record, NNS_SERVER, 1, true, "evil", 4);
    record[size - 1] ^= 1;
    assert_int_equal(write(ends.fds[1], record, size), size);
    assert_int_equal(nns_stream_read(ends.client, bytes, 3), 3);
    assert_int_equal(nns_stream_read(ends.client, bytes, 16), 1);
    assert_int_equal(nns_stream_read(ends.client, bytes, 16), NNS_ERR_INTEGRITY);
    assert_int_equal(nns_stream_read(ends.client, bytes, 16), NNS_ERR_INTEGRITY);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), NNS_ERR_INTEGRITY);
    assert_int_equal(nns_stream_flush(ends.client), NNS_ERR_INTEGRITY);
    assert_int_equal(nns_error_code(nns_stream_error(ends.client)), NNS_ERR_INTEGRITY);
    ends_free(&ends);
}

static void test_peer_closes_in_a_record(void **state)
{
    uint8_t record[64], bytes[16];
    struct ends ends = {.fds = {-1, -1}};
    size_t size;

    (void)state;
    ends_open(&ends);
    size = mock_record(record, NNS_SERVER, 0, true, "good", 4);
    assert_int_equal(write(ends.fds[1], record, size), size);
    size = mock_record(record, NNS_SERVER, 1, true, "lost", 4);
    assert_int_equal(write(ends.fds[1], record, size - 1), size - 1);
    nns_stream_free(ends.server);
    assert_int_equal(nns_stream_read(ends.client, bytes, 16), 4);
    assert_int_equal(nns_stream_read(ends.client, bytes, 16), NNS_ERR_TRUNCATED);
    nns_stream_free(ends.client);
}

static void test_peer_closes_in_the_handshake(void **state)
{
    struct ends ends = {.fds = {-1, -1}};

    (void)state;
    ends_make(&ends);
    assert_int_equal(write(ends.fds[0], "\x16\x01", 2), 2);
    assert_int_equal(shutdown(ends.fds[0], SHUT_WR), 0);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_ERR_TRUNCATED);
    ends_free(&ends);
}

/* The peer's answer, then its end; our write fails, and the answer is there all the same. */
static void test_last_words_survive_a_failed_write(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    nns_ssize n = 0;
    char bytes[8];

    (void)state;
    ends_open(&ends);
    assert_int_equal(nns_stream_write(ends.server, "bye", 3), 3);
    nns_stream_free(ends.server);
    while (n >= 0)
        n = nns_stream_write(ends.client, "x", 1);
    assert_int_equal(n, NNS_ERR_IO);
    assert_int_equal(nns_error_code(nns_stream_error(ends.client)), NNS_ERR_IO);
    assert_int_equal(nns_error_os(nns_stream_error(ends.client)), EPIPE);
    assert_non_null(strstr(nns_error_message(nns_stream_error(ends.client)), strerror(EPIPE)));
    assert_int_equal(nns_error_phase(nns_stream_error(ends.client)), NNS_PHASE_DATA);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), NNS_ERR_IO);
    assert_int_equal(nns_stream_read(ends.client, bytes, 8), 3);
    assert_memory_equal(bytes, "bye", 3);
    nns_stream_free(ends.client);
}

/* The other direction's blocked call ends too. */
static void test_reader_learns_that_the_writer_failed(void **state)
{
    static const struct mock script;
    const struct mock failing = {.fail_seal = 1};
    struct ends ends = {.client_cfg = ends_config(&failing), .server_cfg = ends_config(&script)};
    struct actor reader = {.act = act_read};
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);

    (void)state;
    ends_open(&ends);
    nns__stream_set_time(ends.client, &time);
    reader.stream = ends.client;
    actor_start(&reader);
    gate_await(&waits, 1);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), NNS_ERR_INTERNAL);
    assert_int_equal(actor_end(&reader), NNS_ERR_INTERNAL);
    ends_free(&ends);
}

static void test_writer_learns_that_the_reader_failed(void **state)
{
    static const uint8_t zeros[4];
    struct ends ends = {.fds = {-1, -1}};
    struct actor writer = {.act = act_write, .size = 64 * MIB}; /* nobody reads them */
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);
    uint8_t bytes[8];

    (void)state;
    ends_open(&ends);
    nns__stream_set_time(ends.client, &time);
    writer.stream = ends.client;
    actor_start(&writer);
    gate_await(&waits, 1);
    assert_int_equal(write(ends.fds[1], zeros, 4), 4); /* a record of no bytes */
    assert_int_equal(nns_stream_read(ends.client, bytes, 8), NNS_ERR_PROTOCOL);
    assert_int_equal(actor_end(&writer), NNS_ERR_PROTOCOL);
    ends_free(&ends);
}

/* The writer fails for want of memory, which nobody hears of on the wire. */
static void test_reader_learns_that_the_writer_has_no_memory(void **state)
{
    static uint8_t bytes[60000];
    static const struct mock script;
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    struct ends ends = {.fds = {-1, -1}};
    struct actor reader = {.act = act_read};
    struct gate waits = GATE_INIT;
    struct nns__time time = watched_time(&waits);

    (void)state;
    assert_int_equal(mock_config(&ends.client_cfg, &script, &allocator), NNS_OK);
    ends_open(&ends);
    nns__stream_set_time(ends.client, &time);
    reader.stream = ends.client;
    actor_start(&reader);
    gate_await(&waits, 1);
    counter.forever = true;
    counter.fail_at = counter.calls + 1;
    assert_int_equal(nns_stream_write(ends.client, bytes, sizeof(bytes)), NNS_ERR_NOMEM);
    assert_int_equal(actor_end(&reader), NNS_ERR_NOMEM);
    ends_free(&ends);
}

static void test_second_reader_is_refused(void **state)
{
    struct gate gate = GATE_INIT;
    const struct mock script = {.on_step = gate_pass, .arg = &gate};
    struct ends ends = {.client_cfg = ends_config(&script)};
    struct actor client = {.act = act_handshake};
    char c;

    (void)state;
    ends_make(&ends);
    client.stream = ends.client;
    actor_start(&client);
    gate_await(&gate, 1);
    assert_int_equal(nns_stream_read(ends.client, &c, 1), NNS_ERR_REENTRANT);
    assert_int_equal(nns_stream_write(ends.client, &c, 1), NNS_ERR_REENTRANT);
    assert_null(nns_stream_error(ends.client));
    gate_open(&gate);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    workers_await_none();
    ends_free(&ends);
}

/* ---- refusals ---- */

/* A server that refuses while more of the client's bytes wait unread: over TCP that would reset
 * the connection before the client had read why. */
static void test_refused_client_reads_why(void **state)
{
    const struct mock refusing = {
        .fail_turn = 1, .fail_code = NNS_ERR_AUTH, .fail_tell = NNS__STATUS_LOGON_DENIED};
    static const uint8_t early[30000];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    nns_stream *server = ends_stream(ends_config(&refusing), NNS_SERVER);
    uint8_t record[32];
    int fd, error = -1;

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    fd = accept(listener, NULL, NULL);
    assert_int_equal(nns_stream_set_fd(server, fd, fd, NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(write(client, "\x16\x01\x00\x00\x05MOCK\x01", 10), 10);
    assert_int_equal(write(client, early, sizeof(early)), sizeof(early));
    assert_int_equal(nns_stream_handshake(server), NNS_ERR_AUTH);
    nns_stream_free(server);
    assert_int_equal(recv(client, record, 13, MSG_WAITALL), 13);
    assert_int_equal(record[0], 0x15);
    assert_int_equal(recv(client, record, 1, 0), 0);
    size = sizeof(error);
    assert_int_equal(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    assert_int_equal(error, 0); /* no reset came behind it */
    close(client);
    close(listener);
}

static void test_refusal_reaches_the_client(void **state)
{
    struct ends ends = {.server_script = {.fail_turn = 1,
                                          .fail_code = NNS_ERR_AUTH,
                                          .fail_tell = NNS__STATUS_LOGON_DENIED}};
    struct actor server = {.act = act_handshake};

    (void)state;
    ends_make(&ends);
    server.stream = ends.server;
    actor_start(&server);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_PEER);
    assert_int_equal(nns_error_peer_status(nns_stream_error(ends.client)),
                     NNS__STATUS_LOGON_DENIED);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_ERR_PEER);
    assert_int_equal(actor_end(&server), NNS_ERR_AUTH);
    ends_free(&ends);
}

static void test_application_decides(void **state)
{
    static const struct mock script;
    static const int verdicts[] = {NNS_OK, NNS_ERR_REFUSED};

    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        struct ends ends = {.server_cfg = ends_config(&script)};
        struct actor client = {.act = act_handshake};

        assert_int_equal(nns_config_defer_authorization(ends.server_cfg, 1), NNS_OK);
        ends_make(&ends);
        client.stream = ends.client;
        actor_start(&client);
        assert_int_equal(nns_stream_handshake(ends.server), NNS_WANT_AUTHORIZE);
        assert_int_equal(nns_stream_handshake(ends.server), NNS_WANT_AUTHORIZE);
        (void)nns_engine_authorize(nns_stream_engine(ends.server), verdicts[i]);
        assert_int_equal(nns_stream_handshake(ends.server), verdicts[i]);
        assert_int_equal(actor_end(&client), i == 0 ? NNS_OK : NNS_ERR_PEER);
        ends_free(&ends);
    }
}

/* ---- use ---- */

static void test_initial_bytes(void **state)
{
    static uint8_t many[1310721];
    struct ends ends = {.fds = {-1, -1}};
    struct actor client = {.act = act_handshake};
    uint8_t bytes[10];

    (void)state;
    ends_make(&ends);
    client.stream = ends.client;
    actor_start(&client);
    assert_int_equal(recv(ends.fds[1], bytes, 10, MSG_WAITALL), 10); /* the first token */
    assert_int_equal(nns_stream_set_initial(ends.server, many, sizeof(many)), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_set_initial(ends.server, NULL, 0), NNS_OK);
    assert_int_equal(nns_stream_set_initial(ends.server, bytes, 7), NNS_OK);
    assert_int_equal(nns_stream_set_initial(ends.server, bytes + 7, 3), NNS_OK);
    assert_int_equal(nns_stream_handshake(ends.server), NNS_OK);
    assert_int_equal(actor_end(&client), NNS_OK);
    assert_int_equal(nns_stream_set_initial(ends.server, bytes, 1), NNS_ERR_STATE);
    ends_free(&ends);
}

static void test_rest_is_given_back(void **state)
{
    struct ends ends = {.fds = {-1, -1}};
    const uint8_t *rest = NULL;
    size_t size = 1;
    char bytes[8];

    (void)state;
    ends_open(&ends);
    assert_int_equal(nns_stream_write(ends.server, "end", 3), 3);
    assert_int_equal(nns_stream_read(ends.client, bytes, 8), 3);
    assert_int_equal(nns_engine_take_rest(nns_stream_engine(ends.client), &rest, &size), NNS_OK);
    assert_int_equal(size, 0);
    assert_int_equal(nns_stream_read(ends.client, bytes, 8), NNS_ERR_STATE);
    assert_int_equal(nns_stream_write(ends.client, "x", 1), 1);
    ends_free(&ends);
}

static void test_wrong_use(void **state)
{
    static const struct mock script;
    nns_config *cfg = ends_config(&script);
    struct ends ends = {.fds = {-1, -1}};
    nns_stream *s = NULL;
    char c;

    (void)state;
    assert_int_equal(nns_stream_new(NULL, cfg, NNS_CLIENT), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_new(&s, NULL, NNS_CLIENT), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_new(&s, cfg, 3), NNS_ERR_ARGUMENT);
    s = ends_stream(cfg, NNS_CLIENT);
    assert_int_equal(nns_stream_handshake(s), NNS_ERR_STATE); /* no transport */
    assert_int_equal(nns_stream_read(s, &c, 1), NNS_ERR_STATE);
    assert_int_equal(nns_stream_set_fd(s, 0, 0, 8), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_set_fd(s, -1, -1, NNS_FD_CLOSE), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_read(s, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_write(s, NULL, 1), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_stream_handshake(NULL), NNS_ERR_ARGUMENT);
    nns_stream_free(s);
    nns_stream_free(NULL);
    nns_stream_cancel(NULL);
    ends_open(&ends);
    assert_int_equal(nns_stream_set_fd(ends.client, 0, 0, 0), NNS_ERR_STATE);
    assert_int_equal(nns_stream_set_io(ends.client, NULL, NULL), NNS_ERR_STATE);
    assert_int_equal(nns_stream_set_blocking(ends.client, 0), NNS_ERR_STATE);
    assert_int_equal(nns_stream_connect(ends.client, "127.0.0.1", "1", NULL), NNS_ERR_STATE);
    assert_int_equal(nns_stream_handshake(ends.client), NNS_OK);
    assert_null(nns_stream_error(ends.client));
    ends_free(&ends);
}

static void test_client_without_target(void **state)
{
    static const struct mock script;
    nns_config *cfg = ends_config(&script);
    nns_stream *s = NULL;
    int fds[2];

    (void)state;
    assert_int_equal(nns_stream_new(&s, cfg, NNS_CLIENT), NNS_OK);
    nns_config_unref(cfg);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(nns_stream_set_fd(s, fds[0], fds[0], NNS_FD_CLOSE), NNS_OK);
    assert_int_equal(nns_stream_handshake(s), NNS_ERR_STATE);
    assert_null(nns_stream_error(s));
    nns_stream_free(s);
    close(fds[1]);
}

/* A client whose n-th allocation fails; true if there was no n-th. */
static bool lives_without(struct test_alloc *counter, long n)
{
    static const struct mock quiet;
    nns_allocator alloc = test_allocator(counter);
    struct actor server = {.act = act_echo};
    nns_config *cfg = NULL;
    nns_stream *s = NULL;
    long limit;
    int fds[2], rc;
    char c;

    assert_int_equal(mock_config(&cfg, &quiet, &alloc), NNS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    server.stream = ends_stream(ends_config(&quiet), NNS_SERVER);
    assert_int_equal(nns_stream_set_fd(server.stream, fds[1], fds[1], NNS_FD_CLOSE), NNS_OK);
    actor_start(&server);
    limit = atomic_load(&counter->calls) + n;
    atomic_store(&counter->fail_at, limit);
    rc = nns_stream_new(&s, cfg, NNS_CLIENT);
    if (rc == NNS_OK)
        rc = nns_engine_set_target(nns_stream_engine(s), "mock/server");
    if (rc == NNS_OK)
        rc = nns_stream_set_fd(s, fds[0], fds[0], 0);
    if (rc == NNS_OK)
        rc = (int)nns_stream_write(s, "x", 1);
    if (rc == 1)
        rc = (int)nns_stream_read(s, &c, 1);
    assert_true(rc == 1 || rc == NNS_ERR_NOMEM);
    nns_stream_free(s);
    nns_config_unref(cfg);
    close(fds[0]);
    (void)actor_end(&server);
    nns_stream_free(server.stream);
    workers_await_none();
    assert_int_equal(atomic_load(&counter->blocks), 0);
    return rc == 1 && atomic_load(&counter->calls) < limit;
}

static void test_every_allocation_fails_once(void **state)
{
    struct test_alloc counter = {0};
    long n = 1;

    (void)state;
    while (!lives_without(&counter, n))
        n++;
    assert_true(n > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_over_a_socket),
        cmocka_unit_test(test_echo_at_level_none),
        cmocka_unit_test(test_echo_after_four_turns),
        cmocka_unit_test(test_echo_over_pipes),
        cmocka_unit_test(test_echo_over_callbacks),
        cmocka_unit_test(test_callback_may_not_call_the_stream),
        cmocka_unit_test(test_blocking_callback_must_block),
        cmocka_unit_test(test_full_duplex),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_lengths_of_nothing),
        cmocka_unit_test(test_what_came_before_a_fault_is_read),
        cmocka_unit_test(test_peer_closes_in_a_record),
        cmocka_unit_test(test_peer_closes_in_the_handshake),
        cmocka_unit_test(test_last_words_survive_a_failed_write),
        cmocka_unit_test(test_reader_learns_that_the_writer_failed),
        cmocka_unit_test(test_reader_learns_that_the_writer_has_no_memory),
        cmocka_unit_test(test_writer_learns_that_the_reader_failed),
        cmocka_unit_test(test_second_reader_is_refused),
        cmocka_unit_test(test_refused_client_reads_why),
        cmocka_unit_test(test_refusal_reaches_the_client),
        cmocka_unit_test(test_application_decides),
        cmocka_unit_test(test_initial_bytes),
        cmocka_unit_test(test_rest_is_given_back),
        cmocka_unit_test(test_every_allocation_fails_once),
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_client_without_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
