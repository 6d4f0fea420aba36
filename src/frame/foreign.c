/* SPDX-License-Identifier: MIT
 *
 * First bytes of other protocols.
 */
#include "frame/foreign.h"

#include "frame/handshake_record.h"

#include <string.h>

static const struct {
    const char *name;
    const char *bytes;
    size_t size;
} openings[] = {
    {"HTTP", "HTTP", 4},
    {"HTTP", "GET ", 4},
    {"HTTP", "POST", 4},
    {"HTTP", "HEAD", 4},
    {"HTTP", "PRI ", 4},
    {"SSH", "SSH-", 4},
    {"net.tcp", "\x00\x01\x00", 3},
    {"net.tcp", "\x08", 1},
    {"net.tcp", "\x0a", 1},
    {"net.tcp", "\x0b", 1},
};

/* TLS shares two record types with NegotiateStream: an alert looks like a HandshakeError with two
 * bytes of payload, a hello like a token that no mechanism begins with. .NET takes version 3.x,
 * so the version alone proves nothing. */
static int is_tls(const uint8_t *bytes, size_t size)
{
    if (size < NNS__HANDSHAKE_HEADER || bytes[1] != 3)
        return 0;
    if (bytes[0] == NNS__HANDSHAKE_ERROR)
        return bytes[3] == 0 && bytes[4] == 2;
    if (bytes[0] != NNS__HANDSHAKE_IN_PROGRESS || size < NNS__HANDSHAKE_HEADER + 1)
        return 0;
    return bytes[5] != 0x60 && bytes[5] != 0xa1 && bytes[5] != 'N';
}

const char *nns__foreign_name(const uint8_t *bytes, size_t size)
{
    if (is_tls(bytes, size))
        return "TLS";
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        if (size >= openings[i].size && memcmp(bytes, openings[i].bytes, openings[i].size) == 0)
            return openings[i].name;
    }
    return NULL;
}

const char *nns__foreign_hint(const char *name)
{
    static const struct {
        const char *name;
        const char *hint;
    } rows[] = {
        {"TLS", "this port wants TLS: look for the one without, or for what ends the TLS"},
        {"HTTP", "a web server or a proxy answers here: check host and port"},
        {"SSH", "an SSH server answers here: check the port"},
        {"net.tcp", "this is WCF: its net.tcp framing comes before NegotiateStream"},
    };

    for (size_t i = 0; name != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].hint;
    }
    return "another service answers here: check host and port";
}
