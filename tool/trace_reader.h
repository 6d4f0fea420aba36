/* SPDX-License-Identifier: MIT
 *
 * Reads a trace file back, entry by entry. It takes any input: what is not a trace ends with a
 * message, lines and entries are bounded, and a file that stops anywhere gives what is there.
 */
#ifndef TOOL_TRACE_READER_H
#define TOOL_TRACE_READER_H

#include "der.h"

#include <stdio.h>

#define TRACE_ENTRY_MOST ((size_t)2 << 20) /* bytes of one entry */

enum trace_kind {
    TRACE_CLIENT, /* a connection begins; text: the peer */
    TRACE_SERVER,
    TRACE_LEVEL, /* text: encrypt, sign, none */
    TRACE_SENT,
    TRACE_RECEIVED,
    TRACE_END,
    TRACE_UPGRADE,    /* net.tcp: a handshake begins */
    TRACE_PLAIN_SENT, /* net.tcp framing; text: which record */
    TRACE_PLAIN_RECEIVED,
    TRACE_ROW /* a line of text below the entry before, with its indentation; nothing else is set */
};

/* Valid until the next call. */
struct trace_entry {
    enum trace_kind kind;
    unsigned long connection;
    char time[24];    /* seconds, as it stands in the file */
    const char *text; /* as it stands in the file: not escaped; NULL with bytes */
    struct span bytes;
};

struct trace_reader {
    FILE *file;
    size_t line_number;
    char line[2048];
    bool have_line; /* line has been read and not been used */
    bool in_plain;  /* rows are text */
    uint8_t *bytes, *known;
    size_t room;
    const char *error; /* what is wrong with line line_number */
};

void trace_reader_init(struct trace_reader *r, FILE *file);
void trace_reader_free(struct trace_reader *r);
/* True and *ret, or false at the end; r->error then says why, or is NULL. */
bool trace_reader_next(struct trace_reader *r, struct trace_entry *ret);

#endif
