/* SPDX-License-Identifier: MIT
 *
 * NTLM's three messages ([MS-NLMP] 2.2.1). Challenge, responses, session key and MIC stay closed:
 * with challenge and response a password can be guessed.
 */
#include "outline.h"

#include "text.h"

#include <string.h>

#define FLAG_UNICODE 0x1u
#define FLAG_VERSION 0x2000000u

#define FIXED_AUTHENTICATE 64 /* bytes before the version */
#define VERSION_SIZE 8
#define MIC_SIZE 16
#define RESPONSE_NTLMV1 24 /* size of the older response */
#define RESPONSE_PAIRS 44  /* where an NTLMv2 response has its AV_PAIRs: 2.2.2.7, 2.2.2.8 */

static const struct {
    uint32_t bit;
    const char *name;
} flag_names[] = {
    {0x00000001, "UNICODE"},
    {0x00000002, "OEM"},
    {0x00000004, "REQUEST_TARGET"},
    {0x00000010, "SIGN"},
    {0x00000020, "SEAL"},
    {0x00000040, "DATAGRAM"},
    {0x00000080, "LM_KEY"},
    {0x00000200, "NTLM"},
    {0x00000800, "ANONYMOUS"},
    {0x00001000, "DOMAIN_SUPPLIED"},
    {0x00002000, "WORKSTATION_SUPPLIED"},
    {0x00008000, "ALWAYS_SIGN"},
    {0x00010000, "TARGET_TYPE_DOMAIN"},
    {0x00020000, "TARGET_TYPE_SERVER"},
    {0x00080000, "EXTENDED_SESSIONSECURITY"},
    {0x00100000, "IDENTIFY"},
    {0x00400000, "NON_NT_SESSION_KEY"},
    {0x00800000, "TARGET_INFO"},
    {0x02000000, "VERSION"},
    {0x20000000, "128"},
    {0x40000000, "KEY_EXCH"},
    {0x80000000, "56"},
};

/* ---- fields ---- */

static struct span part(struct span s, size_t at, size_t size)
{
    return span_first(span_from(s, at), size);
}

static uint32_t load_le(struct span s)
{
    uint32_t value = 0;

    for (size_t i = s.size; i > 0; i--)
        value = value << 8 | s.bytes[i - 1];
    return value;
}

static bool read_le(struct span message, size_t at, size_t size, uint32_t *ret)
{
    struct span s = part(message, at, size);

    if (s.size != size || !span_is_known(s))
        return false;
    *ret = load_le(s);
    return true;
}

/* What the length and offset at a place in the message point to; false: beyond the message. */
static bool payload(struct span message, size_t at, struct span *ret)
{
    uint32_t size, offset;

    if (!read_le(message, at, 2, &size) || !read_le(message, at + 4, 4, &offset) ||
        offset > message.size || size > message.size - offset)
        return false;
    *ret = part(message, offset, size);
    return true;
}

static void add_name(struct text *t, struct span s, uint32_t flags)
{
    if ((flags & FLAG_UNICODE) != 0)
        text_escape_utf16(t, s);
    else
        text_escape(t, s);
}

static uint32_t say_flags(const struct outline *o, unsigned depth, struct span message, size_t at)
{
    struct text t = {0};
    uint32_t flags;

    if (!read_le(message, at, 4, &flags)) {
        outline_say(o, depth, "flags: malformed");
        return FLAG_UNICODE;
    }
    text_add(&t, "flags %08x:", flags);
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
        if ((flags & flag_names[i].bit) != 0)
            text_add(&t, " %s", flag_names[i].name);
    }
    outline_text(o, depth, &t);
    return flags;
}

/* 2.2.2.10 */
static void say_version(const struct outline *o, unsigned depth, struct span message, size_t at,
                        uint32_t flags)
{
    struct span v = part(message, at, VERSION_SIZE);

    if ((flags & FLAG_VERSION) == 0 || v.size != VERSION_SIZE)
        return;
    outline_keep(o, v);
    if (span_is_known(v))
        outline_say(o, depth, "version %u.%u, build %u, revision %u", v.bytes[0], v.bytes[1],
                    (unsigned)load_le(part(v, 2, 2)), v.bytes[7]);
}

/* ---- AV_PAIRs, 2.2.2.1 ---- */

#define AV_END 0
#define AV_FLAGS 6
#define AV_TIMESTAMP 7
#define AV_TARGET_NAME 9
#define AV_CHANNEL_BINDINGS 10

static const char *const av_names[] = {"end",          "NetBIOS computer", "NetBIOS domain",
                                       "DNS computer", "DNS domain",       "DNS forest",
                                       "AV flags",     "timestamp",        "single host",
                                       "target name",  "channel bindings"};

static void av_pair(const struct outline *o, unsigned depth, uint32_t id, struct span value)
{
    struct text t = {0};
    uint32_t flags;

    if (id >= sizeof(av_names) / sizeof(av_names[0])) {
        outline_say(o, depth, "AV pair %u, %zu bytes", id, value.size);
        return;
    }
    text_add(&t, "%s", av_names[id]);
    if (id < AV_FLAGS || id == AV_TARGET_NAME) {
        outline_keep(o, value);
        text_add(&t, value.size > 0 ? ": " : ", empty");
        text_escape_utf16(&t, value);
    } else if (id == AV_FLAGS && read_le(value, 0, 4, &flags)) {
        outline_keep(o, value);
        text_add(&t, ": %08x%s", flags, (flags & 2) != 0 ? " MIC" : "");
    } else {
        text_add(&t, ", %zu bytes", value.size);
    }
    outline_text(o, depth, &t);
}

static void av_pairs(const struct outline *o, unsigned depth, struct span list)
{
    uint32_t id, size;

    while (read_le(list, 0, 2, &id) && read_le(list, 2, 2, &size) && size <= list.size - 4) {
        outline_keep(o, span_first(list, 4));
        if (id == AV_END)
            return;
        av_pair(o, depth, id, part(list, 4, size));
        list = span_from(list, 4 + (size_t)size);
    }
    outline_say(o, depth, "AV pairs: malformed");
}

/* ---- messages ---- */

static void negotiate(const struct outline *o, unsigned depth, struct span m)
{
    struct span domain, workstation;
    struct text t = {0};
    uint32_t flags;

    outline_keep(o, part(m, 12, 20));
    flags = say_flags(o, depth, m, 12);
    say_version(o, depth, m, 32, flags);
    if (!payload(m, 16, &domain) || !payload(m, 24, &workstation) ||
        (domain.size == 0 && workstation.size == 0))
        return;
    outline_keep(o, domain);
    outline_keep(o, workstation);
    text_add(&t, "domain '");
    text_escape(&t, domain);
    text_add(&t, "', workstation '");
    text_escape(&t, workstation);
    text_add(&t, "'");
    outline_text(o, depth, &t);
}

/* Server challenge (24..31) left out. */
static void challenge(const struct outline *o, unsigned depth, struct span m)
{
    struct span target, info;
    struct text t = {0};
    uint32_t flags;

    outline_keep(o, part(m, 12, 12));
    outline_keep(o, part(m, 32, 16));
    flags = say_flags(o, depth, m, 20);
    say_version(o, depth, m, 48, flags);
    text_add(&t, "target: ");
    if (payload(m, 12, &target)) {
        outline_keep(o, target);
        add_name(&t, target, flags);
    } else {
        text_add(&t, "malformed");
    }
    outline_text(o, depth, &t);
    if (!payload(m, 40, &info))
        outline_say(o, depth, "target information: malformed");
    else if (info.size > 0)
        av_pairs(o, depth, info);
}

struct authenticate {
    struct span lm, nt, domain, user, workstation, key;
};

static bool overlap(struct span a, struct span b)
{
    return a.size > 0 && b.size > 0 && a.bytes < b.bytes + b.size && b.bytes < a.bytes + a.size;
}

/* A name, unless its place is that of a secret. */
static void add_user_part(const struct outline *o, struct text *t, const struct authenticate *a,
                          struct span name, uint32_t flags)
{
    if (overlap(name, a->lm) || overlap(name, a->nt) || overlap(name, a->key)) {
        text_add(t, "malformed");
        return;
    }
    outline_keep(o, name);
    add_name(t, name, flags);
}

static void responses(const struct outline *o, unsigned depth, const struct authenticate *a)
{
    outline_say(o, depth, "LM response, %zu bytes", a->lm.size);
    if (a->nt.size == 0)
        outline_say(o, depth, "no NT response");
    else if (a->nt.size <= RESPONSE_NTLMV1)
        outline_say(o, depth, "NTLMv1 response, %zu bytes", a->nt.size);
    else
        outline_say(o, depth, "NTLMv2 response, %zu bytes", a->nt.size);
    if (a->nt.size > RESPONSE_PAIRS)
        av_pairs(o, depth + 1, span_from(a->nt, RESPONSE_PAIRS));
}

/* Where the payload begins tells whether there is a MIC behind the version. */
static bool has_mic(struct span m)
{
    uint32_t offset, first = UINT32_MAX;

    for (size_t at = 12; at <= 52; at += 8) {
        if (read_le(m, at + 4, 4, &offset) && offset < first)
            first = offset;
    }
    return first >= FIXED_AUTHENTICATE + VERSION_SIZE + MIC_SIZE && first != UINT32_MAX;
}

static void authenticate(const struct outline *o, unsigned depth, struct span m)
{
    struct authenticate a;
    struct text t = {0};
    uint32_t flags;

    outline_keep(o, part(m, 12, FIXED_AUTHENTICATE - 12));
    if (!payload(m, 12, &a.lm) || !payload(m, 20, &a.nt) || !payload(m, 28, &a.domain) ||
        !payload(m, 36, &a.user) || !payload(m, 44, &a.workstation) || !payload(m, 52, &a.key)) {
        outline_say(o, depth, "malformed");
        return;
    }
    flags = say_flags(o, depth, m, 60);
    say_version(o, depth, m, FIXED_AUTHENTICATE, flags);
    text_add(&t, "user: ");
    add_user_part(o, &t, &a, a.domain, flags);
    text_add(&t, "\\");
    add_user_part(o, &t, &a, a.user, flags);
    text_add(&t, ", workstation: ");
    add_user_part(o, &t, &a, a.workstation, flags);
    outline_text(o, depth, &t);
    responses(o, depth, &a);
    outline_say(o, depth, "session key, %zu bytes%s", a.key.size, has_mic(m) ? "; MIC" : "");
}

void outline_ntlm(const struct outline *o, unsigned depth, struct span token)
{
    static const struct {
        const char *name;
        void (*show)(const struct outline *o, unsigned depth, struct span message);
        size_t least;
    } messages[] = {{"NEGOTIATE", negotiate, 16},
                    {"CHALLENGE", challenge, 48},
                    {"AUTHENTICATE", authenticate, FIXED_AUTHENTICATE}};
    uint32_t type;

    outline_keep(o, span_first(token, 12));
    if (!read_le(token, 8, 4, &type) || type < 1 || type > 3 ||
        token.size < messages[type - 1].least) {
        outline_say(o, depth, "NTLM, malformed, %zu bytes", token.size);
        return;
    }
    outline_say(o, depth, "NTLM %s", messages[type - 1].name);
    messages[type - 1].show(o, depth + 1, token);
}
