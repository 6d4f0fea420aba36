/* SPDX-License-Identifier: MIT
 *
 * Binary XML: the records of a document, one after another ([MC-NBFX] 2.2).
 */
#include "nbfx.h"

#include "text.h"

#include <string.h>

enum {
    END_ELEMENT = 0x01,
    COMMENT = 0x02,
    ARRAY = 0x03,
    SHORT_ATTRIBUTE = 0x04, /* to 0x3f: attributes and namespaces */
    SHORT_XMLNS = 0x08,     /* to 0x0b: namespaces */
    PREFIX_DICTIONARY_ATTRIBUTE_A = 0x0c,
    PREFIX_ATTRIBUTE_A = 0x26,
    SHORT_ELEMENT = 0x40, /* to 0x77: elements */
    PREFIX_DICTIONARY_ELEMENT_A = 0x44,
    PREFIX_ELEMENT_A = 0x5e,
    TEXT = 0x80
};

#define LETTERS 26

struct name {
    struct span prefix; /* empty: none */
    struct nbfx_word local;
};

struct element {
    struct name name;
    bool has_elements;
};

struct walk {
    const struct nbfx_printer *printer;
    const struct nbfx_words *words;
    struct span rest;
    const char *error;
    struct element path[NBFX_DEPTH_MOST];
    unsigned depth;
    struct text line; /* what is not printed yet */
    bool tag_is_open; /* it ends in a start tag without its '>' */
    unsigned indent;  /* of the line */
    size_t output;    /* bytes printed */
};

static bool wrong(struct walk *w, const char *why)
{
    w->error = why;
    return false;
}

/* ---- parts of records ---- */

static bool take_byte(struct walk *w, uint8_t *ret)
{
    if (w->rest.size == 0)
        return wrong(w, "it ends inside a record");
    *ret = w->rest.bytes[0];
    w->rest = span_from(w->rest, 1);
    return true;
}

static bool take_string(struct walk *w, struct span *ret)
{
    uint32_t size;

    if (!nbfx_take_number(&w->rest, &size) || size > w->rest.size)
        return wrong(w, "a string is longer than the rest");
    *ret = span_first(w->rest, size);
    w->rest = span_from(w->rest, size);
    return true;
}

/* A name or a namespace: of the dictionary, or as it is. */
static bool take_word(struct walk *w, bool dictionary, struct nbfx_word *ret)
{
    uint32_t id;

    if (!dictionary) {
        ret->id = 0;
        return take_string(w, &ret->bytes);
    }
    if (!nbfx_take_number(&w->rest, &id))
        return wrong(w, "a dictionary string has no number");
    *ret = nbfx_find_word(w->words, id);
    return true;
}

static struct span letter(unsigned number)
{
    static const uint8_t letters[] = "abcdefghijklmnopqrstuvwxyz";

    return (struct span){letters + number, NULL, 1};
}

/* The name in an attribute's or element's record. short_type: its record without a prefix; the
 * two that name their letter follow in blocks of 26. */
static bool take_name(struct walk *w, uint8_t type, uint8_t short_type, uint8_t words_from,
                      uint8_t strings_from, struct name *ret)
{
    bool dictionary;

    *ret = (struct name){.prefix = letter(0)};
    ret->prefix.size = 0;
    if (type >= strings_from) {
        ret->prefix = letter((unsigned)(type - strings_from));
        dictionary = false;
    } else if (type >= words_from) {
        ret->prefix = letter((unsigned)(type - words_from));
        dictionary = true;
    } else {
        dictionary = type >= short_type + 2;
        if (type % 2 != 0 && !take_string(w, &ret->prefix))
            return false;
    }
    return take_word(w, dictionary, &ret->local);
}

/* ---- lines ---- */

static bool flush(struct walk *w)
{
    if (w->tag_is_open)
        text_add(&w->line, ">");
    w->tag_is_open = false;
    if (w->line.used > 0) {
        w->printer->line(w->printer->arg, w->indent, w->line.bytes);
        w->output += w->line.used + w->indent;
    }
    w->line.used = 0;
    w->line.bytes[0] = '\0';
    w->indent = w->depth;
    return w->output <= NBFX_OUTPUT_MOST ? true : wrong(w, "this is too much to print");
}

/* Text goes on the line of its start tag, or on one of its own. */
static void close_tag(struct walk *w)
{
    if (w->tag_is_open)
        text_add(&w->line, ">");
    w->tag_is_open = false;
}

static void add_name(struct text *t, const struct name *name)
{
    nbfx_escape(t, name->prefix, true);
    text_add(t, "%s", name->prefix.size > 0 ? ":" : "");
    nbfx_add_word(t, name->local);
}

/* ---- what may be shown ---- */

static bool is_word(struct nbfx_word word, const char *text, size_t size)
{
    return word.bytes.size == size && word.bytes.bytes != NULL &&
           memcmp(word.bytes.bytes, text, size) == 0;
}

/* Whether the open elements are an envelope and those of a path. */
static bool is_at(const struct walk *w, const char *path)
{
    if (w->depth == 0 || !is_word(w->path[0].name.local, "Envelope", 8))
        return false;
    for (unsigned i = 1; i < w->depth; i++) {
        size_t size = strcspn(path, "/");

        if (!is_word(w->path[i].name.local, path, size))
            return false;
        path += size + (path[size] == '/');
        if (*path == '\0')
            return i + 1 == w->depth;
    }
    return false;
}

static bool is_shown(const struct walk *w)
{
    static const char *const shown[] = {"Header/Action",
                                        "Header/To",
                                        "Header/MessageID",
                                        "Header/RelatesTo",
                                        "Header/From/Address",
                                        "Header/ReplyTo/Address",
                                        "Header/FaultTo/Address",
                                        "Body/Fault/Code/Value",
                                        "Body/Fault/Code/Subcode/Value"};

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (w->printer->values || is_at(w, shown[i]))
            return true;
    }
    return false;
}

/* ---- values ---- */

static bool add_value(struct walk *w, uint8_t type)
{
    struct nbfx_value value;

    if (!nbfx_take_value(&w->rest, w->words, type, &value))
        return wrong(w, "a value is malformed or unknown");
    nbfx_add_value(&w->line, &value, w->tag_is_open);
    return value.cut ? wrong(w, "it ends inside a value") : true;
}

/* The values of a list, and its end, whose type it answers. */
static bool add_list(struct walk *w, uint8_t *end)
{
    for (bool first = true;; first = false) {
        if (!take_byte(w, end))
            return false;
        if ((*end & 0xfe) == NBFX_END_LIST)
            return true;
        if (*end % 2 != 0 || *end == NBFX_START_LIST)
            return wrong(w, "this is not for a list");
        text_add(&w->line, first ? "" : " ");
        if (!add_value(w, *end))
            return false;
    }
}

/* A text record and, of a list, those up to its end; *type becomes that of the last record. */
static bool add_text(struct walk *w, uint8_t *type)
{
    size_t used = w->line.used;
    bool ok = *type == NBFX_START_LIST ? add_list(w, type) : add_value(w, *type & 0xfe);

    if (!is_shown(w)) {
        w->line.used = used;
        w->line.bytes[used] = '\0';
        text_add(&w->line, "(left out)");
    }
    return ok;
}

/* ---- records ---- */

static bool add_namespace(struct walk *w, uint8_t type)
{
    struct span prefix = {letter(0).bytes, NULL, 0};
    struct nbfx_word word;

    if (type % 2 != 0 && !take_string(w, &prefix))
        return false;
    if (!take_word(w, type >= SHORT_XMLNS + 2, &word))
        return false;
    text_add(&w->line, " xmlns%s", prefix.size > 0 ? ":" : "");
    nbfx_escape(&w->line, prefix, true);
    text_add(&w->line, "=\"");
    nbfx_add_word(&w->line, word);
    text_add(&w->line, "\"");
    return true;
}

static bool add_attribute(struct walk *w, uint8_t type)
{
    struct name name;
    uint8_t value;

    if (!w->tag_is_open)
        return wrong(w, "an attribute outside of a start tag");
    if (type >= SHORT_XMLNS && type < PREFIX_DICTIONARY_ATTRIBUTE_A)
        return add_namespace(w, type);
    if (!take_name(w, type, SHORT_ATTRIBUTE, PREFIX_DICTIONARY_ATTRIBUTE_A, PREFIX_ATTRIBUTE_A,
                   &name) ||
        !take_byte(w, &value))
        return false;
    if (value % 2 != 0)
        return wrong(w, "an attribute's value ends an element");
    text_add(&w->line, " ");
    add_name(&w->line, &name);
    text_add(&w->line, "=\"");
    if (!add_text(w, &value))
        return false;
    text_add(&w->line, "\"");
    return true;
}

static bool start_element(struct walk *w, uint8_t type)
{
    struct element *e;

    if (w->depth == NBFX_DEPTH_MOST)
        return wrong(w, "it is nested too deeply");
    if (!flush(w))
        return false;
    if (w->depth > 0)
        w->path[w->depth - 1].has_elements = true;
    e = &w->path[w->depth++];
    e->has_elements = false;
    if (!take_name(w, type, SHORT_ELEMENT, PREFIX_DICTIONARY_ELEMENT_A, PREFIX_ELEMENT_A, &e->name))
        return false;
    text_add(&w->line, "<");
    add_name(&w->line, &e->name);
    w->tag_is_open = true;
    return true;
}

static bool end_element(struct walk *w)
{
    struct element *e;

    if (w->depth == 0)
        return wrong(w, "an end without an element");
    e = &w->path[--w->depth];
    if (w->tag_is_open) {
        text_add(&w->line, "/>");
        w->tag_is_open = false;
        return flush(w);
    }
    if (e->has_elements && !flush(w))
        return false;
    text_add(&w->line, "</");
    add_name(&w->line, &e->name);
    text_add(&w->line, ">");
    return flush(w);
}

static bool add_comment(struct walk *w)
{
    struct span comment;

    if (!take_string(w, &comment))
        return false;
    close_tag(w);
    text_add(&w->line, "<!--");
    if (w->printer->values)
        nbfx_escape(&w->line, comment, false);
    else
        text_add(&w->line, "(left out)");
    text_add(&w->line, "-->");
    return true;
}

/* One element after another, each with the attributes of the first: [MC-NBFX] 2.2.1.3. */
static bool add_items(struct walk *w, uint8_t type, uint32_t count)
{
    const struct text tag = w->line;

    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            w->line = tag;
            w->tag_is_open = true;
            w->depth++;
        }
        close_tag(w);
        if (!add_text(w, &type) || !end_element(w))
            return false;
    }
    return true;
}

static bool add_array(struct walk *w)
{
    uint8_t type;
    uint32_t count;

    if (!take_byte(w, &type))
        return false;
    if (type < SHORT_ELEMENT || type >= PREFIX_ELEMENT_A + LETTERS || !start_element(w, type))
        return wrong(w, "an array without an element");
    for (;;) {
        if (!take_byte(w, &type))
            return false;
        if (type < SHORT_ATTRIBUTE || type >= SHORT_ELEMENT)
            break;
        if (!add_attribute(w, type))
            return false;
    }
    if (type != END_ELEMENT || !take_byte(w, &type) || type % 2 == 0 ||
        !nbfx_take_number(&w->rest, &count) || count == 0)
        return wrong(w, "an array without items");
    return add_items(w, type & 0xfe, count);
}

static bool next_record(struct walk *w)
{
    uint8_t type = 0;

    if (!take_byte(w, &type))
        return false;
    if (type == END_ELEMENT)
        return end_element(w);
    if (type == COMMENT)
        return add_comment(w);
    if (type == ARRAY)
        return add_array(w);
    if (type >= SHORT_ATTRIBUTE && type < SHORT_ELEMENT)
        return add_attribute(w, type);
    if (type >= SHORT_ELEMENT && type < PREFIX_ELEMENT_A + LETTERS)
        return start_element(w, type);
    if (type < TEXT)
        return wrong(w, "no record is of this type");
    close_tag(w);
    if (!add_text(w, &type))
        return false;
    return type % 2 != 0 ? end_element(w) : true;
}

void nbfx_print(const struct nbfx_printer *p, const struct nbfx_words *words, struct span document)
{
    struct walk w = {.printer = p, .words = words, .rest = document};
    struct text t = {0};

    while (w.rest.size > 0 && next_record(&w))
        continue;
    if (w.error == NULL && w.depth > 0)
        w.error = "elements have no end";
    (void)flush(&w);
    if (w.error == NULL)
        return;
    text_add(&t, "(byte %zu: %s)", document.size - w.rest.size, w.error);
    p->line(p->arg, w.indent, t.bytes);
}
