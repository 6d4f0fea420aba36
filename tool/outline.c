/* SPDX-License-Identifier: MIT
 *
 * The frame of RFC 2743 3.1 and SPNEGO (RFC 4178 4.2), which hold the other mechanisms' tokens.
 */
#include "outline.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNKNOWN_KEPT 8 /* bytes kept of a token of no known kind: enough to name its protocol */

/* ---- for all parts ---- */

void outline_text(const struct outline *o, unsigned depth, const struct text *t)
{
    if (o->line != NULL)
        o->line(o->arg, depth, t->bytes);
}

void outline_say(const struct outline *o, unsigned depth, const char *format, ...)
{
    char line[256];
    va_list args;

    if (o->line == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    o->line(o->arg, depth, line);
}

void outline_keep(const struct outline *o, struct span bytes)
{
    if (o->keep != NULL && bytes.size > 0)
        o->keep(o->arg, bytes);
}

bool outline_next(const struct outline *o, struct span *rest, struct der *ret)
{
    if (!der_next(rest, ret))
        return false;
    outline_keep(o, ret->header);
    return true;
}

bool outline_expect(const struct outline *o, struct span *rest, uint8_t tag, struct der *ret)
{
    if (!der_expect(rest, tag, ret))
        return false;
    outline_keep(o, ret->header);
    return true;
}

/* ---- mechanisms ---- */

enum mechanism {
    MECHANISM_OTHER,
    MECHANISM_SPNEGO,
    MECHANISM_KERBEROS,
    MECHANISM_NTLM
};

static const struct {
    const char *name;
    enum mechanism mechanism;
    uint8_t size;
    uint8_t oid[12];
} mechanisms[] = {
    {"SPNEGO", MECHANISM_SPNEGO, 6, {0x2b, 6, 1, 5, 5, 2}},
    {"Kerberos", MECHANISM_KERBEROS, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2}},
    {"Kerberos (Microsoft's)",
     MECHANISM_KERBEROS,
     9,
     {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2}},
    {"Kerberos user-to-user",
     MECHANISM_OTHER,
     10,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2, 3}},
    {"IAKERB", MECHANISM_OTHER, 6, {0x2b, 6, 1, 5, 2, 5}},
    {"NTLM", MECHANISM_NTLM, 10, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a}},
    {"NEGOEX", MECHANISM_OTHER, 10, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x1e}},
};

/* Adds the mechanism's name, or the identifier's bytes where we know none. */
static enum mechanism name_mechanism(struct text *t, struct span oid)
{
    for (size_t i = 0; span_is_known(oid) && i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (mechanisms[i].size == oid.size && memcmp(mechanisms[i].oid, oid.bytes, oid.size) == 0) {
            text_add(t, "%s", mechanisms[i].name);
            return mechanisms[i].mechanism;
        }
    }
    text_add(t, "identifier ");
    text_hex(t, oid);
    return MECHANISM_OTHER;
}

static bool is_ntlm(struct span token)
{
    return token.size >= 8 && span_is_known(span_first(token, 8)) &&
           memcmp(token.bytes, "NTLMSSP", 8) == 0;
}

static void unknown_token(const struct outline *o, unsigned depth, struct span token)
{
    outline_keep(o, span_first(token, UNKNOWN_KEPT));
    outline_say(o, depth, "token of no known kind, %zu bytes", token.size);
}

/* The frame's contents behind the mechanism; *token moves behind the frame. */
static bool open_frame(const struct outline *o, struct span *token, struct der *oid,
                       struct span *contents)
{
    struct der frame;

    if (!outline_expect(o, token, DER_APPLICATION(0), &frame))
        return false;
    *contents = frame.body;
    if (!outline_expect(o, contents, DER_OBJECT_IDENTIFIER, oid))
        return false;
    outline_keep(o, oid->body);
    return true;
}

static void say_rest(const struct outline *o, unsigned depth, struct span rest)
{
    if (rest.size > 0)
        outline_say(o, depth, "%zu more bytes", rest.size);
}

/* A token of a mechanism proper, not of SPNEGO. */
static void mechanism_token(const struct outline *o, unsigned depth, struct span token)
{
    struct span contents, whole = token;
    struct text name = {0};
    struct der oid;

    if (is_ntlm(token)) {
        outline_ntlm(o, depth, token);
    } else if (token.size > 0 && token.bytes[0] > DER_APPLICATION(0) &&
               token.bytes[0] <= DER_APPLICATION(30)) {
        outline_kerberos_bare(o, depth, token);
    } else if (!open_frame(o, &token, &oid, &contents)) {
        unknown_token(o, depth, whole);
    } else {
        if (name_mechanism(&name, oid.body) == MECHANISM_KERBEROS)
            outline_kerberos(o, depth, contents);
        else
            outline_say(o, depth, "%s, %zu bytes", name.bytes, contents.size);
        say_rest(o, depth, token);
    }
}

/* ---- SPNEGO ---- */

static void mech_types(const struct outline *o, unsigned depth, struct span field)
{
    struct text t = {0};
    struct der list, oid;

    if (!outline_expect(o, &field, DER_SEQUENCE, &list)) {
        outline_say(o, depth, "mechTypes: malformed");
        return;
    }
    text_add(&t, "mechTypes:");
    while (outline_expect(o, &list.body, DER_OBJECT_IDENTIFIER, &oid)) {
        outline_keep(o, oid.body);
        text_add(&t, t.bytes[t.used - 1] == ':' ? " " : ", ");
        (void)name_mechanism(&t, oid.body);
    }
    if (list.body.size > 0)
        text_add(&t, ", malformed");
    outline_text(o, depth, &t);
}

/* An OCTET STRING: its size, and what it holds where that is a token. */
static void octets(const struct outline *o, unsigned depth, const char *name, struct span field,
                   bool is_token)
{
    struct der string;

    if (!outline_expect(o, &field, DER_OCTET_STRING, &string)) {
        outline_say(o, depth, "%s: malformed", name);
        return;
    }
    outline_say(o, depth, "%s, %zu bytes", name, string.body.size);
    if (is_token)
        mechanism_token(o, depth + 1, string.body);
}

static void init_field(const struct outline *o, unsigned depth, const struct der *field)
{
    struct der flags;
    struct span body = field->body;

    switch (field->tag) {
    case DER_CONTEXT(0):
        mech_types(o, depth, body);
        break;
    case DER_CONTEXT(1):
        if (outline_expect(o, &body, DER_BIT_STRING, &flags))
            outline_say(o, depth, "reqFlags, %zu bytes", flags.body.size);
        break;
    case DER_CONTEXT(2):
        octets(o, depth, "mechToken", body, true);
        break;
    case DER_CONTEXT(3):
        octets(o, depth, "mechListMIC", body, false);
        break;
    default:
        outline_say(o, depth, "unknown field %02x", field->tag);
    }
}

static void neg_state(const struct outline *o, unsigned depth, struct span field)
{
    static const char *const names[] = {"accept-completed", "accept-incomplete", "reject",
                                        "request-mic"};
    struct der value;
    int64_t state = -1;

    if (outline_expect(o, &field, DER_ENUMERATED, &value) && value.body.size == 1) {
        outline_keep(o, value.body);
        (void)der_number(value.body, &state);
    }
    if (state >= 0 && state < (int64_t)(sizeof(names) / sizeof(names[0])))
        outline_say(o, depth, "negState: %s", names[state]);
    else
        outline_say(o, depth, "negState: malformed");
}

static void resp_field(const struct outline *o, unsigned depth, const struct der *field)
{
    struct text t = {0};
    struct der oid;
    struct span body = field->body;

    switch (field->tag) {
    case DER_CONTEXT(0):
        neg_state(o, depth, body);
        break;
    case DER_CONTEXT(1):
        text_add(&t, "supportedMech: ");
        if (outline_expect(o, &body, DER_OBJECT_IDENTIFIER, &oid)) {
            outline_keep(o, oid.body);
            (void)name_mechanism(&t, oid.body);
        } else {
            text_add(&t, "malformed");
        }
        outline_text(o, depth, &t);
        break;
    case DER_CONTEXT(2):
        octets(o, depth, "responseToken", body, true);
        break;
    case DER_CONTEXT(3):
        octets(o, depth, "mechListMIC", body, false);
        break;
    default:
        outline_say(o, depth, "unknown field %02x", field->tag);
    }
}

/* NegTokenInit is [0] in the frame, NegTokenResp is [1] without one. */
static void negotiation(const struct outline *o, unsigned depth, uint8_t choice, struct span token)
{
    struct der outer, sequence, field;

    outline_say(o, depth, "SPNEGO %s", choice == 0 ? "NegTokenInit" : "NegTokenResp");
    if (!outline_expect(o, &token, DER_CONTEXT(choice), &outer) ||
        !outline_expect(o, &outer.body, DER_SEQUENCE, &sequence)) {
        outline_say(o, depth + 1, "malformed");
        return;
    }
    while (outline_next(o, &sequence.body, &field)) {
        if (choice == 0)
            init_field(o, depth + 1, &field);
        else
            resp_field(o, depth + 1, &field);
    }
    if (sequence.body.size > 0)
        outline_say(o, depth + 1, "malformed");
    say_rest(o, depth, token);
}

void outline_token(const struct outline *o, unsigned depth, struct span token)
{
    static const struct outline nothing = {0};
    struct span contents, rest = token;
    struct text name = {0};
    struct der oid;

    if (token.size == 0)
        return;
    if (!span_is_known(span_first(token, 1))) {
        outline_say(o, depth, "token left out, %zu bytes", token.size);
    } else if (token.bytes[0] == DER_CONTEXT(1)) {
        negotiation(o, depth, 1, token);
    } else if (open_frame(&nothing, &rest, &oid, &contents) &&
               name_mechanism(&name, oid.body) == MECHANISM_SPNEGO) {
        (void)open_frame(o, &token, &oid, &contents);
        negotiation(o, depth, 0, contents);
        say_rest(o, depth, token);
    } else {
        mechanism_token(o, depth, token);
    }
}
