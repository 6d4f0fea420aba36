/* SPDX-License-Identifier: MIT
 *
 * What Python's synchronous stream is compared with in C: an echo client with writes of 1 MiB and a
 * thread that reads. It does what "large COUNT" on its standard input says and answers with
 * seconds, as bench/python/client.py does.
 *
 * usage: bench_python_large PORT
 */
#include <nns/nns.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LARGE ((size_t)1 << 20)

static nns_stream *stream;
static unsigned char message[LARGE], answer[LARGE];

static void die(const char *what)
{
    const nns_error *err = nns_stream_error(stream);

    fprintf(stderr, "%s: %s\n", what, err != NULL ? nns_error_message(err) : "failed");
    exit(1);
}

static void *write_all(void *arg)
{
    for (long i = *(long *)arg; i > 0; i--) {
        if (nns_stream_write(stream, message, sizeof(message)) < 0)
            die("write");
    }
    return NULL;
}

static void echo(long count)
{
    pthread_t writer;
    size_t came = 0;

    if (pthread_create(&writer, NULL, write_all, &count) != 0)
        die("thread");
    while (came < (size_t)count * LARGE) {
        nns_ssize n = nns_stream_read(stream, answer, sizeof(answer));

        if (n <= 0)
            die("read");
        came += (size_t)n;
    }
    (void)pthread_join(writer, NULL);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    nns_config *cfg;
    char line[64];

    if (argc != 2 || nns_config_new(&cfg, NULL) < 0 || nns_stream_new(&stream, cfg, NNS_CLIENT) < 0)
        die("usage");
    if (nns_stream_connect(stream, "127.0.0.1", argv[1], "host/localhost") < 0)
        die("connect");
    printf("ready\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        double begin = now();

        echo(strtol(line + sizeof("large"), NULL, 10));
        printf("%.9f\n", now() - begin);
        (void)fflush(stdout);
    }
    nns_stream_free(stream);
    nns_config_unref(cfg);
    return 0;
}
