/* SPDX-License-Identifier: MIT
 *
 * One end of what is measured; libnns, a bare loop over GSSAPI and plain TCP behave alike here. A
 * server serves until it is ended. A client does what the lines of its standard input say, one at
 * a time, on connections of its own, and answers each with a line of JSON:
 *
 *   send|fetch|echo|duplex SIZE SECONDS   a phase of exchange.h
 *   handshake CLIENTS SECONDS             connections, one after another, by each of the clients
 *   hold COUNT                            makes so many connections more and keeps them
 *   record                                a full record there and back on each of those
 *   release                               closes them
 *
 * The last three are for servers that send everything back (bench/idle.c).
 *
 * usage: bench_peer server nns|raw|tcp [ENGINE]
 *        bench_peer client nns|raw|tcp PORT [ENGINE]
 *
 * ENGINE is a record engine of libnns, or "awake" for TCP.
 */
#include "common.h"
#include "exchange.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS 4 /* threads */
#define MOST_CLIENTS 16
#define LINE 256

static const struct kind *kind;
static int port; /* the server's */
static void **held;
static size_t held_count;

/* ---- the server ---- */

static void *serve(void *arg)
{
    for (;;) {
        void *link = kind->open(accept_one(*(int *)arg));

        exchange_serve(kind, link);
        kind->close(link);
    }
    return NULL;
}

static int run_server(void)
{
    int fd = listen_anywhere(&port);
    pthread_t thread;

    printf("{\"port\": %d}\n", port);
    (void)fflush(stdout);
    for (int i = 1; i < SERVERS; i++) {
        if (pthread_create(&thread, NULL, serve, &fd) != 0)
            die("no thread");
    }
    (void)serve(&fd);
    return 0;
}

/* ---- the client ---- */

static void measure(enum what what, size_t size, double seconds)
{
    void *link = kind->open(dial(port));
    struct figures f = exchange_measure(kind, link, what, size, seconds);

    printf("{\"bytes\": %llu, \"writes\": %llu, \"seconds\": %.9f, \"round_trip\": %.9f, "
           "\"cpu_client\": %.6f, \"cpu_server\": %.6f, \"engine\": \"%s\"}\n",
           (unsigned long long)f.bytes, (unsigned long long)f.writes, f.seconds, f.round_trip,
           f.cpu_client, f.cpu_server, kind->engine(link));
    kind->close(link);
}

struct caller {
    double until;
    uint64_t count;
};

static void *call(void *arg)
{
    struct caller *caller = arg;

    while (now() < caller->until) {
        kind->close(kind->open(dial(port)));
        caller->count++;
    }
    return NULL;
}

/* How many connections they make in that time. */
static uint64_t call_for(size_t clients, double seconds)
{
    struct caller callers[MOST_CLIENTS];
    pthread_t threads[MOST_CLIENTS];
    uint64_t count = 0;

    for (size_t i = 0; i < clients; i++) {
        callers[i] = (struct caller){now() + seconds, 0};
        if (pthread_create(&threads[i], NULL, call, &callers[i]) != 0)
            die("no thread");
    }
    for (size_t i = 0; i < clients; i++) {
        (void)pthread_join(threads[i], NULL);
        count += callers[i].count;
    }
    return count;
}

static void handshakes(size_t clients, double seconds)
{
    double begin;
    uint64_t count;

    if (clients < 1 || clients > MOST_CLIENTS)
        die("%zu clients", clients);
    (void)call_for(clients, seconds / 2); /* to warm up */
    begin = now();
    count = call_for(clients, seconds);
    printf("{\"count\": %llu, \"seconds\": %.9f}\n", (unsigned long long)count, now() - begin);
}

static void hold(size_t count)
{
    held = realloc(held, (held_count + count) * sizeof(*held));
    if (held == NULL)
        die("out of memory");
    for (size_t i = 0; i < count; i++)
        held[held_count++] = kind->open(dial(port));
    printf("{\"held\": %zu}\n", held_count);
}

static void exchange_records(void)
{
    char *sent = zeros(FULL_RECORD), *back = zeros(FULL_RECORD);

    for (size_t i = 0; i < held_count; i++) {
        memset(sent, (int)i, FULL_RECORD);
        kind->write(held[i], sent, FULL_RECORD);
        if (!exchange_read(kind, held[i], back, FULL_RECORD) ||
            memcmp(sent, back, FULL_RECORD) != 0)
            die("what came back is not what was sent");
    }
    free(sent);
    free(back);
    printf("{\"records\": %zu}\n", held_count);
}

static void release(void)
{
    printf("{\"released\": %zu}\n", held_count);
    while (held_count > 0)
        kind->close(held[--held_count]);
}

static void run_command(char *line)
{
    static const struct {
        const char *name;
        enum what what;
    } phases[] = {{"send", SEND}, {"fetch", FETCH}, {"echo", ECHO}, {"duplex", DUPLEX}};
    char *rest, *name = strtok_r(line, " \n", &rest);
    const char *count = strtok_r(NULL, " \n", &rest), *time = strtok_r(NULL, " \n", &rest);
    double seconds = time == NULL ? 0 : strtod(time, NULL);

    if (name == NULL)
        return;
    for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++) {
        if (strcmp(name, phases[i].name) == 0) {
            measure(phases[i].what, number(count), seconds);
            return;
        }
    }
    if (strcmp(name, "handshake") == 0)
        handshakes(number(count), seconds);
    else if (strcmp(name, "hold") == 0)
        hold(number(count));
    else if (strcmp(name, "record") == 0)
        exchange_records();
    else if (strcmp(name, "release") == 0)
        release();
    else
        die("no such command: %s", name);
}

static int run_client(void)
{
    char line[LINE];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        run_command(line);
        (void)fflush(stdout);
    }
    return 0;
}

/* ---- ---- */

static const struct kind *kind_named(const char *name)
{
    static const struct kind *kinds[] = {&kind_nns, &kind_gss, &kind_tcp};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(name, kinds[i]->name) == 0)
            return kinds[i];
    }
    die("no such kind: %s", name);
}

int main(int argc, char **argv)
{
    bool server = argc > 1 && strcmp(argv[1], "server") == 0;
    int most = server ? 4 : 5;

    if (argc < most - 1 || argc > most) {
        (void)fprintf(stderr, "usage: bench_peer server nns|raw|tcp [ENGINE]\n"
                              "       bench_peer client nns|raw|tcp PORT [ENGINE]\n");
        return 2;
    }
    allow_descriptors();
    kind = kind_named(argv[2]);
    kind->prepare(server, argv[most - 1]); /* argv ends with NULL */
    if (server)
        return run_server();
    port = (int)number(argv[3]);
    return run_client();
}
