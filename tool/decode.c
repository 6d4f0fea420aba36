/* SPDX-License-Identifier: MIT
 *
 * nns decode: a line for each event of a trace, in the order of the trace, the outline of tokens
 * indented below it. Only this file prints.
 */
#include "decode.h"

#include "outline.h"
#include "report.h"
#include "text.h"
#include "trace_reader.h"
#include "wire.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_KEPT ((size_t)64) /* of a data record: its header and the message's */
#define INDENT 4

struct connection {
    unsigned long number;
    struct wire wire;
    const char *time; /* of the entry at hand */
};

struct decoder {
    struct trace_reader reader;
    struct trace_entry entry;
    void *connections; /* tsearch(3): by number */
    bool no_memory;
};

/* ---- words ---- */

static void print_line(void *arg, unsigned depth, const char *text)
{
    (void)arg;
    printf("%*s%s\n", (int)(depth * INDENT), "", text);
}

static void print_event(const struct connection *c, const char *arrow, const struct text *t)
{
    printf("%s %lu %s%s\n", c->time, c->number, arrow, t->bytes);
}

static void print_text(const struct connection *c, const char *word, const char *text)
{
    struct text t = {0};

    text_add(&t, "%s%s", word, *text != '\0' ? " " : "");
    text_escape(&t, (struct span){(const uint8_t *)text, NULL, strlen(text)});
    print_event(c, "", &t);
}

static const char *foreign_name(struct span s)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t size;
    } openings[] = {{"TLS", "\x16\x03", 2}, {"TLS", "\x15\x03", 2}, {"HTTP", "HTTP", 4},
                    {"HTTP", "GET ", 4},    {"HTTP", "POST", 4},    {"HTTP", "HEAD", 4},
                    {"HTTP", "PRI ", 4},    {"SSH", "SSH-", 4}};

    if (wire_is_framing(s))
        return "net.tcp";

    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct span opening = span_first(s, openings[i].size);

        if (opening.size == openings[i].size && span_is_known(opening) &&
            memcmp(s.bytes, openings[i].bytes, opening.size) == 0)
            return openings[i].name;
    }
    return "an unknown protocol";
}

static const char *record_name(uint8_t id)
{
    switch (id) {
    case WIRE_DONE:
        return "HandshakeDone";
    case WIRE_ERROR:
        return "HandshakeError";
    case WIRE_IN_PROGRESS:
        return "HandshakeInProgress";
    default:
        return "unknown handshake record";
    }
}

/* A line of text in the trace, as deep as it stands there. */
static void print_row(const char *row)
{
    size_t spaces = strspn(row, " ");
    struct text t = {0};

    text_escape(&t, (struct span){(const uint8_t *)row + spaces, NULL, strlen(row + spaces)});
    printf("%*s%s\n", (int)spaces + INDENT, "", t.bytes);
}

/* ---- units ---- */

static void describe_handshake(struct text *t, const struct wire_unit *unit)
{
    const uint8_t *p = unit->head.bytes;

    text_add(t, "%s", record_name(p[0]));
    if (unit->present < WIRE_HANDSHAKE_HEADER)
        return;
    if (p[1] != 1 || p[2] != 0)
        text_add(t, ", version %u.%u", p[1], p[2]);
    text_add(t, ", %zu bytes", unit->total - WIRE_HANDSHAKE_HEADER);
}

static bool is_illegal(const struct wire_unit *unit)
{
    return unit->kind == WIRE_DATA && unit->present >= WIRE_DATA_HEADER &&
           (unit->total < WIRE_DATA_HEADER + WIRE_DATA_LEAST ||
            unit->total > WIRE_DATA_HEADER + WIRE_DATA_MOST);
}

/* A record that ended before its header or what that announced. */
static bool is_cut(const struct wire_unit *unit)
{
    size_t header = unit->kind == WIRE_DATA ? WIRE_DATA_HEADER : WIRE_HANDSHAKE_HEADER;

    return !is_illegal(unit) && (unit->present < unit->total || unit->present < header);
}

static void describe_data(struct text *t, const struct wire_unit *unit)
{
    size_t length = unit->total - WIRE_DATA_HEADER;

    text_add(t, "data");
    if (unit->present < WIRE_DATA_HEADER)
        return;
    text_add(t, is_illegal(unit) ? " of illegal length %zu" : ", %zu bytes", length);
}

static void describe(struct text *t, const struct wire_unit *unit)
{
    switch (unit->kind) {
    case WIRE_HANDSHAKE:
        describe_handshake(t, unit);
        break;
    case WIRE_DATA:
        describe_data(t, unit);
        break;
    case WIRE_RAW:
        text_add(t, "%zu bytes, not protected", unit->present);
        return;
    case WIRE_FOREIGN:
        text_add(t, "%zu bytes that are not NegotiateStream", unit->present);
        if (unit->first)
            text_add(t, ": %s", foreign_name(unit->head));
        return;
    case WIRE_LOST:
    default:
        text_add(t, "%zu bytes that belong to no record", unit->present);
        return;
    }
    if (is_cut(unit))
        text_add(t, ", cut after %zu bytes", unit->present);
}

/* wire_unit_fn */
static void print_unit(void *arg, const struct wire_unit *unit)
{
    static const struct outline o = {.line = print_line};
    struct text t = {0};

    describe(&t, unit);
    print_event(arg, unit->outgoing ? "> " : "< ", &t);
    if (is_illegal(unit))
        return;
    if (unit->kind == WIRE_DATA)
        outline_message(&o, 2, span_from(unit->head, WIRE_DATA_HEADER));
    else if (unit->kind == WIRE_FOREIGN && unit->first && wire_is_framing(unit->head))
        outline_framing(&o, 2, unit->head);
    else if (unit->kind != WIRE_HANDSHAKE)
        return;
    else if (unit->head.bytes[0] == WIRE_ERROR)
        outline_status(&o, 2, span_from(unit->head, WIRE_HANDSHAKE_HEADER));
    else
        outline_token(&o, 2, span_from(unit->head, WIRE_HANDSHAKE_HEADER));
}

/* ---- connections ---- */

static int compare(const void *a, const void *b)
{
    const struct connection *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static struct connection *find(const struct decoder *d)
{
    struct connection key = {.number = d->entry.connection};
    void *node = tfind(&key, &d->connections, compare);

    return node != NULL ? *(struct connection **)node : NULL;
}

static void begin_records(struct connection *c, bool is_client)
{
    wire_init(&c->wire, is_client, MESSAGE_KEPT, print_unit, c);
    (void)wire_set_level(&c->wire, WIRE_LEVEL_RECORDS);
}

/* A trace that does not say so is taken for a client's, with records. */
static struct connection *add(struct decoder *d)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->number = d->entry.connection;
    begin_records(c, d->entry.kind != TRACE_SERVER);
    if (tsearch(c, &d->connections, compare) != NULL)
        return c;
    free(c);
    return NULL;
}

/* Prints what is not whole, too. */
static void end(struct decoder *d, struct connection *c)
{
    (void)tdelete(c, &d->connections, compare);
    wire_end(&c->wire);
    if (d->entry.kind == TRACE_END)
        print_text(c, "end", "");
    free(c);
}

/* The end of the trace: connections that are still there, by number. */
static void end_all(struct decoder *d)
{
    static const char time[] = "-";

    d->entry.kind = TRACE_LEVEL;
    while (d->connections != NULL) {
        struct connection *c = *(struct connection **)d->connections;

        c->time = time;
        end(d, c);
    }
}

/* ---- entries ---- */

static void decode_entry(struct decoder *d, struct connection *c)
{
    const struct trace_entry *e = &d->entry;

    c->time = e->time;
    switch (e->kind) {
    case TRACE_CLIENT:
        print_text(c, "client of", e->text);
        break;
    case TRACE_SERVER:
        print_text(c, "server of", e->text);
        break;
    case TRACE_LEVEL:
        print_text(c, "level", e->text);
        (void)wire_set_level(&c->wire,
                             strcmp(e->text, "none") == 0 ? WIRE_LEVEL_NONE : WIRE_LEVEL_RECORDS);
        break;
    case TRACE_SENT:
    case TRACE_RECEIVED:
        if (!wire_feed(&c->wire, e->kind == TRACE_SENT, e->bytes))
            d->no_memory = true;
        break;
    case TRACE_END:
        end(d, c);
        break;
    case TRACE_UPGRADE:
        print_text(c, "upgrade to NegotiateStream", "");
        wire_end(&c->wire);
        begin_records(c, c->wire.is_client);
        break;
    case TRACE_PLAIN_SENT:
        print_text(c, ">>", e->text);
        break;
    case TRACE_PLAIN_RECEIVED:
        print_text(c, "<<", e->text);
        break;
    case TRACE_ROW:
    default:
        print_row(e->text);
        break;
    }
}

static int decode(struct decoder *d, const char *path)
{
    while (!d->no_memory && trace_reader_next(&d->reader, &d->entry)) {
        struct connection *c = find(d);

        if (c == NULL)
            c = add(d);
        if (c == NULL)
            d->no_memory = true;
        else
            decode_entry(d, c);
    }
    end_all(d);
    if (d->no_memory)
        return report_result("decode", NNS_ERR_NOMEM);
    if (d->reader.error != NULL) {
        (void)fflush(stdout);
        return report_usage("%s:%zu: %s", path, d->reader.line_number, d->reader.error);
    }
    return STATUS_DONE;
}

int command_decode(const struct options *o)
{
    bool standard = o->file == NULL || strcmp(o->file, "-") == 0;
    const char *path = standard ? "standard input" : o->file;
    FILE *file = standard ? stdin : fopen(o->file, "re");
    struct decoder d = {0};
    int status;

    if (file == NULL)
        return report_usage("%s: %s", path, strerror(errno));
    trace_reader_init(&d.reader, file);
    status = decode(&d, path);
    trace_reader_free(&d.reader);
    if (!standard)
        (void)fclose(file);
    if (status == STATUS_DONE && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        report_line("standard output: %s", strerror(errno));
        status = STATUS_IO;
    }
    return status;
}
