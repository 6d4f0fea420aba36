/* SPDX-License-Identifier: MIT
 *
 * net.tcp framing in clear, in outline ([MC-NMF] 2.2): what a peer says that speaks it without our
 * having expected it. Envelopes are not looked into.
 */
#include "envelope.h"
#include "outline.h"
#include "text.h"

enum {
    VERSION,
    MODE,
    VIA,
    KNOWN_ENCODING,
    EXTENSIBLE_ENCODING,
    UNSIZED_ENVELOPE,
    SIZED_ENVELOPE,
    END,
    FAULT,
    UPGRADE_REQUEST,
    UPGRADE_RESPONSE,
    PREAMBLE_ACK,
    PREAMBLE_END,
    RECORDS
};

static const char *const names[RECORDS] = {"version",
                                           "mode",
                                           "via",
                                           "encoding",
                                           "content type",
                                           "unsized envelope",
                                           "sized envelope",
                                           "end",
                                           "fault",
                                           "upgrade request",
                                           "upgrade response",
                                           "preamble acknowledged",
                                           "preamble end"};

static bool take_byte(struct span *s, uint8_t *ret)
{
    if (s->size == 0 || !span_is_known(span_first(*s, 1)))
        return false;
    *ret = s->bytes[0];
    *s = span_from(*s, 1);
    return true;
}

static bool take_size(struct span *s, uint32_t *ret)
{
    uint8_t byte = 0x80;

    *ret = 0;
    for (unsigned shift = 0; shift <= 28 && byte >= 0x80; shift += 7) {
        if (!take_byte(s, &byte))
            return false;
        *ret |= (uint32_t)(byte & 0x7f) << shift;
    }
    return byte < 0x80;
}

static bool add_version(struct text *t, struct span *s)
{
    uint8_t major, minor;

    if (!take_byte(s, &major) || !take_byte(s, &minor))
        return false;
    text_add(t, " %u.%u", major, minor);
    return true;
}

static bool add_number(struct text *t, struct span *s, const char *(*name)(int))
{
    uint8_t number;

    if (!take_byte(s, &number))
        return false;
    text_add(t, " %u, %s", number, name(number));
    return true;
}

static bool add_string(struct text *t, struct span *s)
{
    uint32_t size;

    if (!take_size(s, &size) || size > s->size)
        return false;
    text_add(t, " '");
    text_escape(t, span_first(*s, size));
    text_add(t, "'");
    *s = span_from(*s, size);
    return true;
}

/* What the record has beside its type. False: it is cut, or the rest is an envelope's. */
static bool add_body(struct text *t, uint8_t type, struct span *s)
{
    uint32_t size;

    switch (type) {
    case VERSION:
        return add_version(t, s);
    case MODE:
        return add_number(t, s, envelope_mode_name);
    case KNOWN_ENCODING:
        return add_number(t, s, envelope_encoding_name);
    case VIA:
    case EXTENSIBLE_ENCODING:
    case FAULT:
    case UPGRADE_REQUEST:
        return add_string(t, s);
    case SIZED_ENVELOPE:
        if (take_size(s, &size))
            text_add(t, ", %u bytes", size);
        return false;
    case UNSIZED_ENVELOPE:
        return false;
    default:
        return true;
    }
}

void outline_framing(const struct outline *o, unsigned depth, struct span s)
{
    uint8_t type;
    bool whole = true;

    while (whole && s.size > 0) {
        struct span record = s;
        struct text t = {0};

        if (!take_byte(&s, &type) || type >= RECORDS)
            return;
        text_add(&t, "%s", names[type]);
        whole = add_body(&t, type, &s);
        if (!whole && type != SIZED_ENVELOPE && type != UNSIZED_ENVELOPE)
            text_add(&t, ", cut");
        outline_text(o, depth, &t);
        outline_keep(o, span_first(record, record.size - s.size));
    }
}
