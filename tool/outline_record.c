/* SPDX-License-Identifier: MIT
 *
 * What handshake and data records hold besides tokens: the status of a HandshakeError, and the
 * headers of protected messages (RFC 4121 4.2.6, RFC 4757 7, [MS-NLMP] 2.2.2.9).
 */
#include "outline.h"

#include "text.h"

#include <nns/nns.h>
#include <string.h>

#define STATUS_SIZE 8
#define KERBEROS_HEADER 16
#define NTLM_SIGNATURE 16
#define SEALED 0x02

static uint64_t load_be(const uint8_t *p, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | p[i];
    return value;
}

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- HandshakeError ---- */

/* A code that some generation of .NET is known to send. */
static bool is_plausible(uint32_t status)
{
    uint32_t facility = status >> 16;

    return facility == 0x8009 || facility == 0x8007 || facility == 0x8000 || status == 0x00090317 ||
           status == 0x6FE || status == 22;
}

void outline_status(const struct outline *o, unsigned depth, struct span payload)
{
    struct span s = span_first(payload, STATUS_SIZE);
    const char *form = "as .NET Framework to .NET 7 write it", *name;
    struct text hex = {0};
    uint32_t status;

    outline_keep(o, s);
    text_hex(&hex, s);
    if (s.size < STATUS_SIZE || !span_is_known(s)) {
        outline_say(o, depth, "status: no reason given, %zu bytes", payload.size);
        return;
    }
    status = (uint32_t)load_be(s.bytes + 4, 4);
    if (is_plausible(status)) {
        if (load_le32(s.bytes) == status)
            form = "in both byte orders, as libnns writes it";
    } else if (status = load_le32(s.bytes), is_plausible(status)) {
        form = "as .NET 8 and later write it";
    } else if (status = load_le32(s.bytes + 4), is_plausible(status)) {
        form = "little-endian in the specification's field";
    } else {
        outline_say(o, depth, "status: not understood (%s)", hex.bytes);
        return;
    }
    name = nns_status_name(status);
    outline_say(o, depth, "status: %08X %s, %s", status, name != NULL ? name : "unknown", form);
}

/* ---- data ---- */

static void kerberos_wrap(const struct outline *o, unsigned depth, const uint8_t *p)
{
    bool wrap = p[0] == 5;
    struct text t = {0};

    text_add(&t, "Kerberos %s:%s, from the %s%s", wrap ? "Wrap" : "MIC",
             (p[2] & SEALED) != 0 ? " sealed" : " signed",
             (p[2] & 0x01) != 0 ? "acceptor" : "initiator",
             (p[2] & 0x04) != 0 ? ", acceptor's subkey" : "");
    if (wrap)
        text_add(&t, ", EC %u, RRC %u", (unsigned)load_be(p + 4, 2), (unsigned)load_be(p + 6, 2));
    text_add(&t, ", sequence %llu", (unsigned long long)load_be(p + 8, 8));
    outline_text(o, depth, &t);
}

/* RFC 1964's form, with RC4: the sequence number is encrypted. The frame's length covers its
 * header alone, so it is no DER. */
static bool kerberos_rc4(const struct outline *o, unsigned depth, struct span s)
{
    static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2};
    size_t at = s.size > 1 && s.bytes[1] > 0x80 ? 2 + (s.bytes[1] & 0x7fu) : 2;
    struct span h = span_first(s, at + sizeof(oid) + 8);
    const uint8_t *p;

    if (h.size != at + sizeof(oid) + 8 || !span_is_known(h) || h.bytes[0] != 0x60 ||
        memcmp(h.bytes + at, oid, sizeof(oid)) != 0)
        return false;
    p = h.bytes + at + sizeof(oid);
    if (load_be(p, 4) != 0x02011100)
        return false;
    outline_keep(o, h);
    outline_say(o, depth, "Kerberos Wrap, RC4: %s",
                load_be(p + 4, 2) != 0xffff ? "sealed" : "signed");
    return true;
}

void outline_message(const struct outline *o, unsigned depth, struct span message)
{
    struct span h = span_first(message, KERBEROS_HEADER);
    uint64_t id;

    if (h.size == KERBEROS_HEADER && span_is_known(h)) {
        id = load_be(h.bytes, 2);
        if ((id == 0x0504 || id == 0x0404) && h.bytes[3] == 0xff) {
            outline_keep(o, h);
            kerberos_wrap(o, depth, h.bytes);
            return;
        }
        if (load_le32(h.bytes) == 1) {
            outline_keep(o, h);
            outline_say(o, depth, "NTLM signature: version 1, sequence %u",
                        load_le32(h.bytes + 12));
            return;
        }
    }
    if (!kerberos_rc4(o, depth, message))
        outline_say(o, depth, "message of no known kind");
}
