/* SPDX-License-Identifier: MIT
 *
 * The trace file, written. Only whole records are written, because what may stay in one is known
 * only then; the outline of a token decides (outline.h).
 */
#include "trace.h"

#include "envelope.h"
#include "outline.h"
#include "report.h"
#include "text.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BYTES_A_LINE ((size_t)16)
#define MESSAGE_KEPT ((size_t)64) /* of a data record, when its contents are left out */
#define FOREIGN_KEPT ((size_t)8)  /* of another protocol: enough to name it */

static struct {
    pthread_mutex_t lock;
    FILE *file; /* NULL: nothing is traced (any more) */
    bool secrets;
    struct timespec start;
    unsigned long connections;
} trace = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct trace_connection {
    struct wire wire;
    unsigned long number;
    bool is_client;
    nns_engine *engine;          /* whose records these are; NULL: none */
    struct envelope_way ways[2]; /* received, sent */
};

/* ---- the file ---- */

/* Takes a regular file of the user's and makes it his alone, empty. */
static int make_private(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return report_usage("--trace: %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return report_usage("--trace: %s: it is not a file", path);
    if (st.st_uid != geteuid())
        return report_usage("--trace: %s: it belongs to somebody else", path);
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || ftruncate(fd, 0) != 0)
        return report_usage("--trace: %s: %s", path, strerror(errno));
    return -1;
}

static void write_header(void)
{
    struct timespec now;
    struct tm tm;
    char date[32] = "";

    (void)clock_gettime(CLOCK_MONOTONIC, &trace.start);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &tm) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)fprintf(trace.file, "nns-trace 1\n# nns %s, %s, %s\n", nns_version_string(), date,
                  trace.secrets ? "WITH SECRETS" : "token contents left out");
    (void)fflush(trace.file);
}

int trace_open(const char *path, bool secrets)
{
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open(path, flags, S_IRUSR | S_IWUSR), status;

    if (fd < 0)
        return report_usage("--trace: %s: %s", path, strerror(errno));
    status = make_private(fd, path);
    if (status < 0) {
        trace.file = fdopen(fd, "w");
        if (trace.file == NULL)
            status = report_usage("--trace: %s: %s", path, strerror(errno));
    }
    if (status >= 0) {
        (void)close(fd);
        return status;
    }
    trace.secrets = secrets;
    write_header();
    return -1;
}

/* What was written goes to the file; where it cannot, the trace ends and the connections go on. */
static void flush(void)
{
    if (trace.file == NULL || (fflush(trace.file) == 0 && ferror(trace.file) == 0))
        return;
    report_line("--trace: %s; the trace ends here", strerror(errno));
    (void)fclose(trace.file);
    trace.file = NULL;
}

/* The beginning of a line: seconds since the trace began, and the connection. */
static void put_stamp(const struct trace_connection *c)
{
    struct timespec now;
    long long us;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    us = (now.tv_sec - trace.start.tv_sec) * 1000000LL + (now.tv_nsec - trace.start.tv_nsec) / 1000;
    (void)fprintf(trace.file, "%lld.%06lld %lu ", us / 1000000, us % 1000000, c->number);
}

static void put_line_of_bytes(struct span s, size_t at)
{
    struct span row = span_first(span_from(s, at), BYTES_A_LINE);

    (void)fprintf(trace.file, "  %06zx ", at);
    for (size_t i = 0; i < row.size; i++) {
        if (row.known[i] != 0)
            (void)fprintf(trace.file, " %02x", row.bytes[i]);
        else
            (void)fputs(" ..", trace.file);
    }
    (void)fprintf(trace.file, "%*s |", (int)(3 * (BYTES_A_LINE - row.size)), "");
    for (size_t i = 0; i < row.size; i++) {
        bool plain = row.known[i] != 0 && row.bytes[i] >= 0x20 && row.bytes[i] < 0x7f;

        (void)fputc(plain ? row.bytes[i] : row.known[i] != 0 ? '.' : ' ', trace.file);
    }
    (void)fputs("|\n", trace.file);
}

/* Lines of which nothing is known are not written. */
static void put_bytes(struct span s)
{
    for (size_t at = 0; at < s.size; at += BYTES_A_LINE) {
        struct span row = span_first(span_from(s, at), BYTES_A_LINE);

        if (memchr(row.known, 1, row.size) != NULL)
            put_line_of_bytes(s, at);
    }
}

/* ---- what may stay ---- */

struct mask {
    const uint8_t *first;
    uint8_t *known;
};

static void keep(void *arg, struct span bytes)
{
    struct mask *m = arg;

    memset(m->known + (bytes.bytes - m->first), 1, bytes.size);
}

static void choose(const struct wire_unit *unit, uint8_t *known)
{
    struct mask mask = {unit->head.bytes, known};
    struct outline o = {.keep = keep, .arg = &mask};
    size_t header = unit->kind == WIRE_DATA ? WIRE_DATA_HEADER : WIRE_HANDSHAKE_HEADER;
    struct span contents = span_from(unit->head, header);

    memset(known, trace.secrets ? 1 : 0, unit->head.size);
    if (unit->kind == WIRE_FOREIGN && unit->first)
        outline_keep(&o, span_first(unit->head, FOREIGN_KEPT));
    if (unit->kind == WIRE_FOREIGN && unit->first && wire_is_framing(unit->head))
        outline_framing(&o, 0, unit->head);
    if (unit->kind != WIRE_HANDSHAKE && unit->kind != WIRE_DATA)
        return;
    outline_keep(&o, span_first(unit->head, header));
    if (unit->kind == WIRE_DATA)
        outline_message(&o, 0, contents);
    else if (unit->head.bytes[0] == WIRE_ERROR)
        outline_status(&o, 0, contents);
    else
        outline_token(&o, 0, contents);
}

/* wire_unit_fn */
static void write_unit(void *arg, const struct wire_unit *unit)
{
    uint8_t *known = malloc(unit->head.size);

    put_stamp(arg);
    (void)fprintf(trace.file, "%c %zu\n", unit->outgoing ? '>' : '<', unit->present);
    if (known == NULL)
        return; /* all of it is left out */
    choose(unit, known);
    put_bytes((struct span){unit->head.bytes, known, unit->head.size});
    free(known);
}

/* ---- connections ---- */

/* Once the handshake is over it is known what the rest is. */
static void note_level(struct trace_connection *c, const nns_engine *e, uint32_t state)
{
    nns_protection level;

    if (c->wire.level != WIRE_LEVEL_UNKNOWN || (state & NNS_STATE_OPEN) == 0)
        return;
    level = nns_engine_protection(e);
    put_stamp(c);
    (void)fprintf(trace.file, "level %s\n", nns_protection_name(level));
    (void)wire_set_level(&c->wire,
                         level == NNS_PROTECT_NONE ? WIRE_LEVEL_NONE : WIRE_LEVEL_RECORDS);
}

/* nns_trace_fn */
static void take_bytes(void *arg, const nns_engine *e, int outgoing, const void *data, size_t len)
{
    struct trace_connection *c = nns_engine_user_data(e);

    (void)arg;
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&trace.lock);
    if (trace.file != NULL) {
        note_level(c, e, outgoing ? nns_engine_send_state(e) : nns_engine_recv_state(e));
        (void)wire_feed(&c->wire, outgoing != 0, (struct span){data, NULL, len});
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
}

int trace_attach(nns_config *cfg)
{
    return trace.file != NULL ? nns_config_set_trace(cfg, take_bytes, NULL) : NNS_OK;
}

/* What is known of the engine's records so far, cut or not, is written; then it has none. The
 * engine itself is not looked at. */
static void end_records(struct trace_connection *c)
{
    if (c->engine == NULL)
        return;
    if (trace.file != NULL) {
        wire_end(&c->wire);
        flush();
    } else {
        wire_free(&c->wire);
    }
    c->engine = NULL;
}

static void begin_records(struct trace_connection *c, nns_engine *e)
{
    c->engine = e;
    wire_init(&c->wire, c->is_client, trace.secrets ? SIZE_MAX : MESSAGE_KEPT, write_unit, c);
    nns_engine_set_user_data(e, c);
}

void trace_engine(struct trace_connection *c, nns_engine *e)
{
    if (c == NULL || (c->engine == e && (e == NULL || nns_engine_user_data(e) == c)))
        return;
    (void)pthread_mutex_lock(&trace.lock);
    end_records(c);
    if (e != NULL)
        begin_records(c, e);
    if (e != NULL && trace.file != NULL) {
        put_stamp(c);
        (void)fputs("upgrade\n", trace.file);
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
}

struct trace_connection *trace_connect(nns_role role, const char *peer)
{
    struct trace_connection *c;

    (void)pthread_mutex_lock(&trace.lock);
    c = trace.file != NULL ? calloc(1, sizeof(*c)) : NULL;
    if (c != NULL) {
        c->number = ++trace.connections;
        c->is_client = role == NNS_CLIENT;
        put_stamp(c);
        (void)fprintf(trace.file, "%s %s\n", c->is_client ? "client" : "server", peer);
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
    return c;
}

void trace_disconnect(struct trace_connection *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&trace.lock);
    if (c->engine != NULL) {
        nns_engine_set_user_data(c->engine, NULL);
        if (trace.file != NULL)
            note_level(c, c->engine, nns_engine_state(c->engine));
    }
    end_records(c);
    if (trace.file != NULL) {
        put_stamp(c);
        (void)fputs("end\n", trace.file);
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
    envelope_free(&c->ways[0]);
    envelope_free(&c->ways[1]);
    free(c);
}

void trace_begin(nns_stream *stream, nns_role role, const char *peer)
{
    struct trace_connection *c = trace_connect(role, peer);

    if (c != NULL)
        begin_records(c, nns_stream_engine(stream));
}

void trace_begin_client(nns_stream *stream, const char *host, const char *port)
{
    char peer[320];

    (void)snprintf(peer, sizeof(peer), "%s:%s", host, port);
    trace_begin(stream, NNS_CLIENT, peer);
}

void trace_end(nns_stream *stream)
{
    trace_disconnect(nns_engine_user_data(nns_stream_engine(stream)));
}

/* ---- net.tcp ---- */

/* nbfx_printer.line: a row below the entry of an envelope. */
static void put_row(void *arg, unsigned depth, const char *text)
{
    (void)arg;
    (void)fprintf(trace.file, "  %*s%s\n", (int)(2 * depth), "", text);
}

/* Begins an entry of plaintext. */
static void put_plain(const struct trace_connection *c, bool outgoing)
{
    put_stamp(c);
    (void)fputs(outgoing ? ">> " : "<< ", trace.file);
}

static void put_framing(const struct trace_connection *c, bool outgoing, const struct text *t)
{
    (void)pthread_mutex_lock(&trace.lock);
    if (trace.file != NULL) {
        put_plain(c, outgoing);
        (void)fprintf(trace.file, "%s\n", t->bytes);
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
}

static void add_escaped(struct text *t, const char *text)
{
    text_escape(t, (struct span){(const uint8_t *)text, NULL, strlen(text)});
}

void trace_preamble(struct trace_connection *c, bool outgoing, int mode, int encoding,
                    const char *content_type, const char *via)
{
    struct text t = {0};

    if (c == NULL)
        return;
    envelope_begin(&c->ways[0], encoding);
    envelope_begin(&c->ways[1], encoding);
    text_add(&t, "preamble: %s, ", envelope_mode_name(mode));
    add_escaped(&t, encoding >= 0 || content_type == NULL ? envelope_encoding_name(encoding)
                                                          : content_type);
    text_add(&t, ", ");
    add_escaped(&t, via);
    put_framing(c, outgoing, &t);
}

void trace_framing(struct trace_connection *c, bool outgoing, const char *what)
{
    struct text t = {0};

    if (c == NULL)
        return;
    add_escaped(&t, what);
    put_framing(c, outgoing, &t);
}

void trace_envelope(struct trace_connection *c, bool outgoing, const void *bytes, size_t size)
{
    if (c != NULL)
        envelope_add(&c->ways[outgoing], bytes, size);
}

void trace_envelope_end(struct trace_connection *c, bool outgoing)
{
    const struct nbfx_printer printer = {.line = put_row, .values = trace.secrets};

    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&trace.lock);
    if (trace.file != NULL) {
        put_plain(c, outgoing);
        (void)fprintf(trace.file, "envelope, %zu bytes\n", c->ways[outgoing].total);
        envelope_end(&c->ways[outgoing], &printer);
        flush();
    }
    (void)pthread_mutex_unlock(&trace.lock);
}
