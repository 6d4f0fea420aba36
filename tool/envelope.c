/* SPDX-License-Identifier: MIT
 *
 * Envelopes of net.tcp, collected and printed.
 */
#include "envelope.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN_A_LINE ((size_t)128) /* bytes of an envelope that is text already */

const char *envelope_mode_name(int mode)
{
    static const char *const names[] = {"singleton", "duplex", "simplex", "singleton, sized"};

    return mode >= 1 && mode <= 4 ? names[mode - 1] : "unknown mode";
}

const char *envelope_encoding_name(int encoding)
{
    static const char *const names[] = {"SOAP 1.1 UTF-8",
                                        "SOAP 1.1 UTF-16BE",
                                        "SOAP 1.1 UTF-16LE",
                                        "SOAP 1.2 UTF-8",
                                        "SOAP 1.2 UTF-16BE",
                                        "SOAP 1.2 UTF-16LE",
                                        "MTOM",
                                        "binary",
                                        "binary with session dictionary"};

    return encoding >= 0 && encoding <= ENVELOPE_BINARY_SESSION ? names[encoding]
                                                                : "unknown encoding";
}

void envelope_begin(struct envelope_way *w, int encoding)
{
    envelope_free(w);
    w->encoding = encoding;
}

void envelope_free(struct envelope_way *w)
{
    free(w->bytes);
    free(w->words);
    *w = (struct envelope_way){0};
}

void envelope_add(struct envelope_way *w, const void *bytes, size_t size)
{
    size_t room = ENVELOPE_KEPT - w->kept, kept = size < room ? size : room;

    if (w->bytes == NULL)
        w->bytes = malloc(ENVELOPE_KEPT);
    if (w->bytes == NULL) {
        w->no_memory = true;
        kept = 0;
    }
    if (kept > 0)
        memcpy(w->bytes + w->kept, bytes, kept);
    w->kept += kept;
    w->total += size;
}

/* XML as it is, cut into lines that are no lines of its own. */
static void print_plain(const struct nbfx_printer *p, struct span s)
{
    for (; s.size > 0; s = span_from(s, PLAIN_A_LINE)) {
        struct text t = {0};

        text_escape(&t, span_first(s, PLAIN_A_LINE));
        p->line(p->arg, 0, t.bytes);
    }
}

static void print_session(struct envelope_way *w, const struct nbfx_printer *p, struct span s)
{
    if (w->words == NULL)
        w->words = calloc(1, sizeof(*w->words));
    if (w->words == NULL)
        w->no_memory = true;
    else if (!w->lost && !nbfx_take_words(w->words, &s))
        w->lost = true;
    if (w->lost)
        p->line(p->arg, 0, "(the session's string table is malformed)");
    else if (!w->no_memory)
        nbfx_print(p, w->words, s);
}

static void print(struct envelope_way *w, const struct nbfx_printer *p, struct span s)
{
    if (w->encoding == ENVELOPE_BINARY_SESSION)
        print_session(w, p, s);
    else if (w->encoding == ENVELOPE_BINARY)
        nbfx_print(p, NULL, s);
    else if (!p->values)
        p->line(p->arg, 0, "(left out)");
    else
        print_plain(p, s);
    if (w->no_memory)
        p->line(p->arg, 0, "(no memory for it)");
    else if (w->total > w->kept)
        p->line(p->arg, 0, "(only its beginning was kept)");
}

void envelope_end(struct envelope_way *w, const struct nbfx_printer *p)
{
    print(w, p, (struct span){w->bytes, NULL, w->kept});
    w->kept = w->total = 0;
}
