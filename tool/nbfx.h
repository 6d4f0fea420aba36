/* SPDX-License-Identifier: MIT
 *
 * .NET's binary XML ([MC-NBFX], with the dictionaries of [MC-NBFS] and [MC-NBFSE]) as lines of
 * text: an element a line, indented, or with the text in it on one. Any bytes are taken; what is
 * not well formed ends the text with a line that says so. Bounded in depth and output, without I/O,
 * allocation or recursion. What is not printable ASCII becomes a character reference.
 */
#ifndef TOOL_NBFX_H
#define TOOL_NBFX_H

#include "der.h"

#define NBFX_WORDS_MOST ((size_t)2048)
#define NBFX_WORD_BYTES_MOST ((size_t)32768)
#define NBFX_DEPTH_MOST 64
#define NBFX_OUTPUT_MOST ((size_t)256 * 1024) /* bytes of lines, about */

/* The strings that one direction of a session has announced: [MC-NBFSE] 2.1. All zeros: none. */
struct nbfx_words {
    size_t count;
    uint16_t ends[NBFX_WORDS_MOST];
    uint8_t bytes[NBFX_WORD_BYTES_MOST];
};

struct nbfx_printer {
    void (*line)(void *arg, unsigned depth, const char *text);
    void *arg;
    bool values; /* false: values are left out but for those of addressing, and of fault codes */
};

/* Takes the string table off the beginning of a session's envelope. False: it is malformed, or has
 * more than we keep; the dictionary is as it was, and what follows cannot be found. */
bool nbfx_take_words(struct nbfx_words *words, struct span *envelope);
/* words NULL: the document belongs to no session. */
void nbfx_print(const struct nbfx_printer *p, const struct nbfx_words *words, struct span document);

/* ---- for its parts ---- */

struct text;

/* A word of either dictionary; bytes is NULL where there is none of this identifier. */
struct nbfx_word {
    uint32_t id;
    struct span bytes;
};

struct nbfx_word nbfx_find_word(const struct nbfx_words *words, uint32_t id);
/* Takes a number of up to 31 bits off s: groups of seven, the low one first. */
bool nbfx_take_number(struct span *s, uint32_t *ret);
/* For XML; quoted: between double quotes. */
void nbfx_escape(struct text *t, struct span utf8, bool quoted);
void nbfx_add_word(struct text *t, struct nbfx_word word);

#define NBFX_START_LIST 0xa4
#define NBFX_END_LIST 0xa6

struct nbfx_value {
    uint8_t type; /* of the record, as it is without an end element: even */
    bool cut;     /* the document ends inside it */
    struct span bytes;
    struct nbfx_word word; /* of Dictionary and QNameDictionary */
};

/* Takes the value of a text record off s. False: there is no such record, or not all of it. */
bool nbfx_take_value(struct span *s, const struct nbfx_words *words, uint8_t type,
                     struct nbfx_value *ret);
/* As XML has it. */
void nbfx_add_value(struct text *t, const struct nbfx_value *value, bool quoted);

#endif
