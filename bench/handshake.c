/* SPDX-License-Identifier: MIT
 *
 * Handshakes per second over TCP on the loopback: our pair (nns_stream against nns_stream) and a
 * raw GSSAPI pair, which does what cannot be left out: gss_init_sec_context and
 * gss_accept_sec_context with the same SPNEGO tokens and flags, credentials acquired once, the
 * length of each token in front of it, both contexts deleted, the connection closed. Each pair is
 * a server process and a client process; a server has as many threads as there are clients. Both
 * live as long as the program does and take turns, a round each, with the same ticket cache and
 * the same replay cache, which the environment names (KRB5CCNAME, KRB5_KTNAME, KRB5RCACHEDIR).
 *
 * usage: handshake TARGET SECONDS ROUNDS [CLIENTS]
 *    TARGET   SERVICE/HOST, whose key is in the keytab
 *    SECONDS  of a pair's turn
 *    CLIENTS  1 (the default) or more, each a thread
 * Prints a JSON line for each pair, the median of its rounds, and one for the median of the
 * rounds' ratios:
 *    {"name": "handshakes ours", "clients": 1, "per_second": 1234.5}
 *    {"name": "handshakes raw", "clients": 1, "per_second": 1234.5}
 *    {"name": "handshakes ours / raw", "clients": 1, "ratio": 0.950}
 * With `handshake TARGET SECONDS ROUNDS CLIENTS ours|raw` only that pair runs.
 */
#include <nns/nns.h>

#include <arpa/inet.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_CLIENTS 16
#define MOST_ROUNDS 99
#define TOKEN_MOST 65536

/* ---- one kind of pair ---- */

struct kind {
    const char *name;
    void *(*prepare)(int server, const char *target); /* once a process */
    void (*handshake)(void *with, int fd);            /* either end; the client closes first */
};

static void die(const char *what)
{
    (void)fprintf(stderr, "handshake: %s\n", what);
    exit(1);
}

/* Until the client has closed. */
static void await_end(int fd)
{
    char byte;

    while (read(fd, &byte, 1) > 0)
        continue;
}

/* ---- ours ---- */

struct ours {
    nns_config *cfg;
    const char *target; /* client */
};

static void *prepare_ours(int server, const char *target)
{
    struct ours *ours = calloc(1, sizeof(*ours));

    if (ours == NULL || nns_config_new(&ours->cfg, NULL) != NNS_OK)
        die("out of memory");
    ours->target = server ? NULL : target;
    if (server && nns_config_allow_any_peer(ours->cfg) != NNS_OK)
        die(nns_config_message(ours->cfg));
    return ours;
}

static void handshake_ours(void *with, int fd)
{
    const struct ours *ours = with;
    nns_stream *stream;

    if (nns_stream_new(&stream, ours->cfg, ours->target != NULL ? NNS_CLIENT : NNS_SERVER) !=
            NNS_OK ||
        nns_stream_set_fd(stream, fd, fd, 0) != NNS_OK ||
        (ours->target != NULL &&
         nns_engine_set_target(nns_stream_engine(stream), ours->target) != NNS_OK))
        die("no stream");
    if (nns_stream_handshake(stream) != NNS_OK)
        die(nns_error_message(nns_stream_error(stream)));
    if (ours->target == NULL)
        await_end(fd);
    nns_stream_free(stream);
}

/* ---- raw ---- */

struct raw {
    gss_cred_id_t cred;
    gss_name_t target; /* client */
};

static uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static uint8_t kerberos_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static gss_OID_desc mechanisms[] = {{sizeof(spnego_oid), spnego_oid},
                                    {sizeof(kerberos_oid), kerberos_oid}};

static void gss(OM_uint32 major, const char *what)
{
    if (GSS_ERROR(major))
        die(what);
}

static void *prepare_raw(int server, const char *target)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    gss_OID_set_desc both = {2, mechanisms}, kerberos = {1, mechanisms + 1};
    gss_buffer_desc text = {strlen(target), strdup(target)};
    OM_uint32 minor;

    if (raw == NULL)
        die("out of memory");
    gss(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &both,
                         server ? GSS_C_ACCEPT : GSS_C_INITIATE, &raw->cred, NULL, NULL),
        "no credentials");
    gss(gss_set_neg_mechs(&minor, raw->cred, &kerberos), "no mechanisms");
    if (!server)
        gss(gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &raw->target), "no target");
    free(text.value);
    return raw;
}

static void send_token(int fd, gss_buffer_t token)
{
    uint8_t record[TOKEN_MOST];
    uint32_t size = (uint32_t)token->length;
    OM_uint32 minor;

    if (size > sizeof(record) - sizeof(size))
        die("token too long");
    memcpy(record, &size, sizeof(size));
    if (size > 0)
        memcpy(record + sizeof(size), token->value, size);
    if (size > 0 && write(fd, record, sizeof(size) + size) != (ssize_t)(sizeof(size) + size))
        die("cannot send");
    (void)gss_release_buffer(&minor, token);
}

static void receive(int fd, void *to, size_t size)
{
    if (recv(fd, to, size, MSG_WAITALL) != (ssize_t)size)
        die("cannot receive");
}

static void receive_token(int fd, uint8_t token[TOKEN_MOST], gss_buffer_t ret)
{
    uint32_t size;

    receive(fd, &size, sizeof(size));
    if (size > TOKEN_MOST)
        die("token too long");
    receive(fd, token, size);
    *ret = (gss_buffer_desc){size, token};
}

static void initiate(const struct raw *raw, int fd)
{
    const OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG |
                            GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_IDENTIFY_FLAG;
    uint8_t token[TOKEN_MOST];
    gss_buffer_desc in = GSS_C_EMPTY_BUFFER, out;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 major, minor;

    for (;;) {
        major = gss_init_sec_context(&minor, raw->cred, &ctx, raw->target, &mechanisms[0], flags,
                                     GSS_C_INDEFINITE, NULL, &in, NULL, &out, NULL, NULL);
        gss(major, "the client failed");
        send_token(fd, &out);
        if (major == GSS_S_COMPLETE)
            break;
        receive_token(fd, token, &in);
    }
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

static void accept_client(const struct raw *raw, int fd)
{
    uint8_t token[TOKEN_MOST];
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 major = GSS_S_CONTINUE_NEEDED, minor;

    while (major != GSS_S_COMPLETE) {
        gss_buffer_desc in, out;

        receive_token(fd, token, &in);
        major = gss_accept_sec_context(&minor, &ctx, raw->cred, &in, NULL, NULL, NULL, &out, NULL,
                                       NULL, NULL);
        gss(major, "the server failed");
        send_token(fd, &out);
    }
    await_end(fd);
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

static void handshake_raw(void *with, int fd)
{
    const struct raw *raw = with;

    if (raw->target != GSS_C_NO_NAME)
        initiate(raw, fd);
    else
        accept_client(raw, fd);
}

/* ---- processes ---- */

static const struct kind kinds[] = {{"ours", prepare_ours, handshake_ours},
                                    {"raw", prepare_raw, handshake_raw}};

struct runner {
    const struct kind *kind;
    void *with;
    int listener;          /* server */
    const char *target;    /* client */
    double until;          /* client: of this turn */
    unsigned long count;   /* client: done in it */
    struct sockaddr_in to; /* client */
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one(struct runner *runner, int fd)
{
    int on = 1;

    if (fd < 0)
        die("no connection");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    runner->kind->handshake(runner->with, fd);
    (void)close(fd);
}

static void *serve(void *arg)
{
    struct runner *runner = arg;

    for (;;)
        one(runner, accept(runner->listener, NULL, NULL));
    return NULL;
}

static void *call(void *arg)
{
    struct runner *runner = arg;

    runner->count = 0;
    while (now() < runner->until) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (const struct sockaddr *)&runner->to, sizeof(runner->to)) != 0)
            die("cannot connect");
        one(runner, fd);
        runner->count++;
    }
    return NULL;
}

static void run_threads(void *(*run)(void *arg), struct runner *runners, size_t count)
{
    pthread_t threads[MOST_CLIENTS];

    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run, &runners[i]) != 0)
            die("no thread");
    }
    for (size_t i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

/* A process that ends with its parent. */
static pid_t split(void)
{
    pid_t pid = fork();

    if (pid < 0)
        die("no process");
    if (pid == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* Answers where it listens. */
static struct sockaddr_in start_server(const struct runner *model, size_t threads)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    struct runner runners[MOST_CLIENTS];
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        die("cannot listen");
    if (split() == 0) {
        for (size_t i = 0; i < threads; i++) {
            runners[i] = *model;
            runners[i].listener = listener;
            runners[i].with = i == 0 ? model->kind->prepare(1, model->target) : runners[0].with;
        }
        run_threads(serve, runners, threads);
        exit(0);
    }
    (void)close(listener);
    return at;
}

/* A client process: a byte that comes has it do a turn, whose rate it answers. */
static int start_client(const struct runner *model, size_t threads, double seconds)
{
    struct runner runners[MOST_CLIENTS];
    int ends[2];
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        die("no socket pair");
    if (split() != 0) {
        (void)close(ends[1]);
        return ends[0];
    }
    (void)close(ends[0]);
    for (size_t i = 0; i < threads; i++) {
        runners[i] = *model;
        runners[i].with = i == 0 ? model->kind->prepare(0, model->target) : runners[0].with;
    }
    while (read(ends[1], &byte, 1) == 1) {
        double begin = now(), rate = 0;

        for (size_t i = 0; i < threads; i++)
            runners[i].until = begin + seconds;
        run_threads(call, runners, threads);
        for (size_t i = 0; i < threads; i++)
            rate += (double)runners[i].count;
        rate /= now() - begin;
        if (write(ends[1], &rate, sizeof(rate)) != (ssize_t)sizeof(rate))
            break;
    }
    exit(0);
}

/* ---- turns ---- */

static double turn(int client)
{
    double rate;

    if (write(client, "", 1) != 1)
        die("a client has gone");
    receive(client, &rate, sizeof(rate));
    return rate;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static void report(double rates[2][MOST_ROUNDS], const int *clients, size_t rounds, size_t threads)
{
    double ratios[MOST_ROUNDS];

    for (size_t i = 0; i < rounds; i++)
        ratios[i] = rates[0][i] / rates[1][i];
    for (size_t k = 0; k < 2; k++) {
        if (clients[k] >= 0)
            printf("{\"name\": \"handshakes %s\", \"clients\": %zu, \"per_second\": %.1f}\n",
                   kinds[k].name, threads, median(rates[k], rounds));
    }
    if (clients[0] >= 0 && clients[1] >= 0)
        printf("{\"name\": \"handshakes ours / raw\", \"clients\": %zu, \"ratio\": %.3f}\n",
               threads, median(ratios, rounds));
}

static size_t number(const char *text, size_t most)
{
    unsigned long value = strtoul(text, NULL, 10);

    if (value < 1 || value > most)
        die("a number is out of its range");
    return value;
}

int main(int argc, char **argv)
{
    double rates[2][MOST_ROUNDS], seconds;
    int clients[2] = {-1, -1};
    size_t rounds, threads;

    if (argc < 4 || argc > 6) {
        (void)fprintf(stderr, "usage: handshake TARGET SECONDS ROUNDS [CLIENTS [ours|raw]]\n");
        return 2;
    }
    seconds = strtod(argv[2], NULL);
    rounds = number(argv[3], MOST_ROUNDS);
    threads = argc > 4 ? number(argv[4], MOST_CLIENTS) : 1;
    for (size_t k = 0; k < 2; k++) {
        struct runner model = {.kind = &kinds[k], .target = argv[1]};

        if (argc > 5 && strcmp(argv[5], kinds[k].name) != 0)
            continue;
        model.to = start_server(&model, threads);
        clients[k] = start_client(&model, threads, seconds);
        (void)turn(clients[k]); /* the first one fetches the ticket */
    }
    for (size_t i = 0; i < rounds * 2; i++) {
        if (clients[i % 2] >= 0)
            rates[i % 2][i / 2] = turn(clients[i % 2]);
    }
    report(rates, clients, rounds, threads);
    return 0;
}
