/* SPDX-License-Identifier: MIT
 *
 * The time of a small round trip to an echo server that leaves Nagle's algorithm on, as every
 * .NET server does that nobody told otherwise. .NET sends a record's length and body apart, so the
 * body waits for the acknowledgement of the length, and that is delayed by 40 ms - unless our side
 * acknowledges at once (TCP_QUICKACK, re-armed before it waits). Two transports: the stream on the
 * socket itself, which re-arms, and the same stream on callbacks that do plain send() and recv(),
 * which do not. Both set TCP_NODELAY.
 *
 * usage: bench_round_trip PORT SIZE COUNT rearmed|plain
 */
#include "common.h"
#include "link.h"

#include <nns/nns.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static nns_ssize plain_recv(void *arg, void *buf, size_t len)
{
    ssize_t n = recv(*(int *)arg, buf, len, 0);

    return n >= 0 ? n : NNS_ERR_IO;
}

static nns_ssize plain_send(void *arg, const void *buf, size_t len)
{
    ssize_t n = send(*(int *)arg, buf, len, MSG_NOSIGNAL);

    return n >= 0 ? n : NNS_ERR_IO;
}

static void check(const nns_stream *stream, nns_ssize rc)
{
    if (rc < 0)
        die("%s: %s", nns_result_name((int)rc), nns_error_message(nns_stream_error(stream)));
}

/* Sends size bytes and waits until as many came back. */
static double round_trip(nns_stream *stream, char *buf, size_t size)
{
    double begin = now();
    size_t got = 0;

    check(stream, nns_stream_write(stream, buf, size));
    while (got < size) {
        nns_ssize n = nns_stream_read(stream, buf + got, size - got);

        check(stream, n == 0 ? NNS_ERR_TRUNCATED : n);
        got += (size_t)n;
    }
    return now() - begin;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median. */
static double measure(nns_stream *stream, size_t size, size_t count)
{
    double *times = zeros(count * sizeof(*times)), median;
    char *buf = zeros(size);

    (void)round_trip(stream, buf, size); /* the first one sets keys up */
    for (size_t i = 0; i < count; i++)
        times[i] = round_trip(stream, buf, size);
    qsort(times, count, sizeof(*times), compare);
    median = times[count / 2];
    free(times);
    free(buf);
    return median;
}

int main(int argc, char **argv)
{
    const nns_io io = {.size = sizeof(io), .recv_fn = plain_recv, .send_fn = plain_send};
    nns_stream *stream;
    nns_config *config;
    int fd;

    if (argc != 5) {
        (void)fprintf(stderr, "usage: bench_round_trip PORT SIZE COUNT rearmed|plain\n");
        return 2;
    }
    fd = dial((int)number(argv[1]));
    check(NULL, nns_config_new(&config, NULL));
    check(NULL, nns_stream_new(&stream, config, NNS_CLIENT));
    check(stream, strcmp(argv[4], "rearmed") == 0 ? nns_stream_set_fd(stream, fd, fd, 0)
                                                  : nns_stream_set_io(stream, &io, &fd));
    check(stream, nns_engine_set_target(nns_stream_engine(stream), TARGET));
    check(stream, nns_stream_handshake(stream));
    printf("{\"round_trip\": %.9f}\n", measure(stream, number(argv[2]), number(argv[3])));
    nns_stream_free(stream);
    nns_config_unref(config);
    (void)close(fd);
    return 0;
}
