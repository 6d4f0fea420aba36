/* SPDX-License-Identifier: MIT
 *
 * The envelopes that go one way in a net.tcp conversation ([MC-NMF]), as lines of text for a trace.
 * Of each a bounded beginning is kept until it is complete. No I/O.
 */
#ifndef TOOL_ENVELOPE_H
#define TOOL_ENVELOPE_H

#include "nbfx.h"

#define ENVELOPE_KEPT ((size_t)65536)

/* The known encodings, [MC-NMF] 2.2.3.4.1, that are told apart. */
#define ENVELOPE_SOAP11_UTF8 0
#define ENVELOPE_SOAP12_UTF8 3
#define ENVELOPE_BINARY 7
#define ENVELOPE_BINARY_SESSION 8

/* All zeros is one that nothing has passed. */
struct envelope_way {
    int encoding;
    size_t kept, total;       /* bytes of the envelope at hand */
    uint8_t *bytes;           /* ENVELOPE_KEPT */
    struct nbfx_words *words; /* of the session */
    bool lost;                /* a string table was not understood: those behind it are useless */
    bool no_memory;           /* for bytes or words */
};

/* A conversation begins. */
void envelope_begin(struct envelope_way *w, int encoding);
/* Bytes of an envelope, in any pieces. */
void envelope_add(struct envelope_way *w, const void *bytes, size_t size);
/* It is complete: its lines. */
void envelope_end(struct envelope_way *w, const struct nbfx_printer *p);
void envelope_free(struct envelope_way *w);

/* The names of modes and known encodings, never NULL. */
const char *envelope_mode_name(int mode);
const char *envelope_encoding_name(int encoding);

#endif
