/* SPDX-License-Identifier: MIT
 *
 * The phases of a measurement, both ends.
 */
#include "exchange.h"

#include "common.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TAIL sizeof(uint64_t)
#define LEAST_BUFFER ((size_t)65536)

struct header {
    uint32_t what, size;
    uint64_t bytes;
};

struct trailer {
    uint64_t bytes;
    uint64_t tail;
    uint64_t cpu_ns;
};

/* One end of a phase. */
struct phase {
    const struct kind *kind;
    void *link;
    size_t size;    /* of a write */
    uint64_t bytes; /* one way */
    char *out;      /* size bytes, for writes */
    char *in;       /* in_size bytes, for reads */
    size_t in_size;
    uint64_t tail; /* the last bytes that were read */
    double *times; /* of each round trip; ECHO */
};

/* ---- reading and writing ---- */

bool exchange_read(const struct kind *kind, void *link, void *data, size_t size)
{
    size_t got = 0;

    while (got < size) {
        size_t n = kind->read(link, (char *)data + got, size - got);

        if (n == 0 && got > 0)
            die("the peer closed in the middle");
        if (n == 0)
            return false;
        got += n;
    }
    return true;
}

static void keep_tail(uint64_t *tail, const char *data, size_t size)
{
    if (size >= TAIL) {
        memcpy(tail, data + size - TAIL, TAIL);
    } else {
        memmove(tail, (char *)tail + size, TAIL - size);
        memcpy((char *)tail + TAIL - size, data, size);
    }
}

/* What the last bytes are when so many were written, in writes of that size. */
static uint64_t expected_tail(uint64_t bytes, size_t size)
{
    uint64_t tail = 0;

    if (size >= TAIL)
        return bytes;
    for (uint64_t at = bytes > TAIL ? (bytes - TAIL) / size * size : 0; at < bytes; at += size) {
        uint64_t stamp = at + size;

        keep_tail(&tail, (char *)&stamp, size);
    }
    return tail;
}

/* A write, of which the last bytes say how much was written with it. */
static void write_next(const struct phase *p, uint64_t so_far)
{
    uint64_t stamp = so_far + p->size;

    if (p->size >= TAIL)
        memcpy(p->out + p->size - TAIL, &stamp, TAIL);
    else
        memcpy(p->out, &stamp, p->size);
    p->kind->write(p->link, p->out, p->size);
}

static void write_all(const struct phase *p)
{
    for (uint64_t done = 0; done < p->bytes; done += p->size)
        write_next(p, done);
}

static void read_all(struct phase *p)
{
    for (uint64_t left = p->bytes; left > 0;) {
        size_t n = p->kind->read(p->link, p->in, left < p->in_size ? (size_t)left : p->in_size);

        if (n == 0)
            die("the peer closed in the middle");
        keep_tail(&p->tail, p->in, n);
        left -= n;
    }
}

static void read_write(struct phase *p)
{
    if (!exchange_read(p->kind, p->link, p->in, p->size))
        die("the peer closed in the middle");
    keep_tail(&p->tail, p->in, p->size);
}

static void prepare(struct phase *p, const struct header *header)
{
    p->size = header->size;
    p->bytes = header->bytes;
    p->in_size = p->size > LEAST_BUFFER ? p->size : LEAST_BUFFER;
    p->out = zeros(p->size);
    p->in = zeros(p->in_size);
    p->tail = 0;
}

static void finish(struct phase *p)
{
    free(p->out);
    free(p->in);
    free(p->times);
}

/* ---- the server ---- */

static void serve_phase(struct phase *p, uint32_t what)
{
    switch (what) {
    case SEND:
        read_all(p);
        break;
    case FETCH:
        write_all(p);
        break;
    case ECHO:
    case DUPLEX:
        for (uint64_t done = 0; done < p->bytes; done += p->size) {
            read_write(p);
            p->kind->write(p->link, p->in, p->size);
        }
        break;
    default:
        die("no such phase: %u", what);
    }
}

void exchange_serve(const struct kind *kind, void *link)
{
    struct phase phase = {.kind = kind, .link = link};
    struct header header;

    while (exchange_read(kind, link, &header, sizeof(header))) {
        double cpu = cpu_seconds();
        struct trailer trailer;

        prepare(&phase, &header);
        serve_phase(&phase, header.what);
        trailer =
            (struct trailer){phase.bytes, phase.tail, (uint64_t)((cpu_seconds() - cpu) * 1e9)};
        kind->write(link, &trailer, sizeof(trailer));
        finish(&phase);
    }
}

/* ---- the client ---- */

static void *reader(void *arg)
{
    read_all(arg);
    return NULL;
}

static void at_once(struct phase *p)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, reader, p) != 0)
        die("no thread");
    write_all(p);
    (void)pthread_join(thread, NULL);
}

static void in_turn(struct phase *p)
{
    double *time = p->times, begin = now(), end;

    for (uint64_t done = 0; done < p->bytes; done += p->size) {
        write_next(p, done);
        read_write(p);
        end = now();
        *time++ = end - begin;
        begin = end;
    }
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

static void run_phase(struct phase *p, enum what what)
{
    switch (what) {
    case SEND:
        write_all(p);
        break;
    case FETCH:
        read_all(p);
        break;
    case ECHO:
        in_turn(p);
        break;
    case DUPLEX:
        at_once(p);
        break;
    default:
        die("no such phase: %d", (int)what);
    }
}

static void verify(const struct phase *p, const struct trailer *trailer, enum what what)
{
    uint64_t expected = expected_tail(p->bytes, p->size);

    if (trailer->bytes != p->bytes || (what != FETCH && trailer->tail != expected) ||
        (what != SEND && p->tail != expected))
        die("what arrived is not what was sent");
}

static struct figures ask(const struct kind *kind, void *link, enum what what, size_t size,
                          uint64_t writes)
{
    const struct header header = {(uint32_t)what, (uint32_t)size, size * writes};
    struct phase phase = {.kind = kind, .link = link};
    struct figures f = {.bytes = header.bytes, .writes = writes};
    struct trailer trailer;
    double begin, cpu;

    prepare(&phase, &header);
    phase.times = what == ECHO ? zeros(writes * sizeof(*phase.times)) : NULL;
    begin = now();
    cpu = cpu_seconds();
    kind->write(link, &header, sizeof(header));
    run_phase(&phase, what);
    if (!exchange_read(kind, link, &trailer, sizeof(trailer)))
        die("the peer closed in the middle");
    f.seconds = now() - begin;
    f.cpu_client = cpu_seconds() - cpu;
    f.cpu_server = (double)trailer.cpu_ns / 1e9;
    verify(&phase, &trailer, what);
    f.round_trip = what == ECHO ? median(phase.times, writes) : 0;
    finish(&phase);
    return f;
}

struct figures exchange_measure(const struct kind *kind, void *link, enum what what, size_t size,
                                double seconds)
{
    double begin = now();
    uint64_t writes = 1;
    struct figures last = ask(kind, link, what, size, writes);

    while (last.seconds < seconds / 8 || now() - begin < seconds / 2) {
        if (last.seconds < seconds / 8)
            writes *= 2;
        last = ask(kind, link, what, size, writes);
    }
    writes = (uint64_t)((double)writes * seconds / last.seconds);
    return ask(kind, link, what, size, writes > 0 ? writes : 1);
}
