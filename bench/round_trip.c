/* SPDX-License-Identifier: MIT
 *
 * The time of a small round trip to an echo server that leaves Nagle's algorithm on, as every
 * .NET server does that nobody told otherwise. .NET sends a record's length and body apart, so the
 * body waits for the acknowledgement of the length, and that is delayed by 40 ms - unless our side
 * acknowledges at once (TCP_QUICKACK, re-armed before it waits). Two transports take turns in one
 * run: the stream on the socket itself, which re-arms, and the same stream on callbacks that do
 * plain send() and recv(), which do not. Both set TCP_NODELAY.
 *
 * usage: round_trip PORT TARGET SIZE COUNT ROUNDS
 */
#include <nns/nns.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
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

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("connect");
        exit(1);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static double now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void check(nns_stream *stream, int rc)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "round_trip: %s\n", nns_error_message(nns_stream_error(stream)));
    exit(1);
}

/* Sends size bytes and waits until as many came back. */
static double round_trip(nns_stream *stream, char *buf, size_t size)
{
    double begin = now_us();
    size_t got = 0;

    check(stream, (int)nns_stream_write(stream, buf, size));
    while (got < size) {
        nns_ssize n = nns_stream_read(stream, buf + got, size - got);

        check(stream, n == 0 ? NNS_ERR_TRUNCATED : (int)n);
        got += (size_t)n;
    }
    return now_us() - begin;
}

static void measure(nns_config *cfg, int port, const char *target, int rearm, size_t size,
                    int count, double *times)
{
    const nns_io io = {.size = sizeof(io), .recv_fn = plain_recv, .send_fn = plain_send};
    char *buf = calloc(1, size);
    int fd = dial(port);
    nns_stream *stream;

    if (buf == NULL || nns_stream_new(&stream, cfg, NNS_CLIENT) != NNS_OK)
        exit(1);
    check(stream,
          rearm ? nns_stream_set_fd(stream, fd, fd, 0) : nns_stream_set_io(stream, &io, &fd));
    check(stream, nns_engine_set_target(nns_stream_engine(stream), target));
    check(stream, nns_stream_handshake(stream));
    (void)round_trip(stream, buf, size); /* the first one sets keys up */
    for (int i = 0; i < count; i++)
        times[i] = round_trip(stream, buf, size);
    nns_stream_free(stream);
    (void)close(fd);
    free(buf);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof(*times), compare);
    return times[count / 2];
}

int main(int argc, char **argv)
{
    double *times[2], plain, rearmed;
    int count, rounds;
    nns_config *cfg;

    if (argc != 6) {
        (void)fprintf(stderr, "usage: round_trip PORT TARGET SIZE COUNT ROUNDS\n");
        return 2;
    }
    count = (int)strtol(argv[4], NULL, 10);
    rounds = (int)strtol(argv[5], NULL, 10);
    times[0] = calloc((size_t)count * (size_t)rounds, sizeof(double));
    times[1] = calloc((size_t)count * (size_t)rounds, sizeof(double));
    if (times[0] == NULL || times[1] == NULL || nns_config_new(&cfg, NULL) != NNS_OK)
        return 1;
    for (int i = 0; i < rounds * 2; i++)
        measure(cfg, (int)strtol(argv[1], NULL, 10), argv[2], i % 2,
                (size_t)strtol(argv[3], NULL, 10), count, times[i % 2] + count * (i / 2));
    plain = median(times[0], (size_t)count * (size_t)rounds);
    rearmed = median(times[1], (size_t)count * (size_t)rounds);
    printf("round trip of %s bytes, medians of %d: %.1f us with TCP_QUICKACK re-armed, "
           "%.1f us without, ratio %.4f\n",
           argv[3], count * rounds, rearmed, plain, rearmed / plain);
    free(times[0]);
    free(times[1]);
    nns_config_unref(cfg);
    return 0;
}
