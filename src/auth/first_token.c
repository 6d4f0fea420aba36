/* SPDX-License-Identifier: MIT
 *
 * The frame of RFC 2743 3.1: 0x60, a DER length, the mechanism's object identifier. The length is
 * skipped, not believed: the mechanism checks it.
 */
#include "auth/first_token.h"

#include <string.h>

#define APPLICATION_0 0x60
#define APPLICATION_14 0x6e /* AP-REQ */
#define OBJECT_IDENTIFIER 0x06

static const uint8_t spnego[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t kerberos[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t ntlm[] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', '\0'};

/* Where the contents begin behind the tag and the DER length at token, 0: malformed. A handshake
 * record holds no token that needs more than three bytes of length. */
static size_t contents(const uint8_t *token, size_t size)
{
    size_t more;

    if (size < 2)
        return 0;
    more = token[1] < 0x80 ? 0 : token[1] & 0x7fu;
    if ((token[1] >= 0x80 && more == 0) || more > 3 || more > size - 2)
        return 0;
    return 2 + more;
}

static enum nns__first_token framed(const uint8_t *token, size_t size)
{
    size_t at = contents(token, size), length;

    if (at == 0 || size - at < 2 || token[at] != OBJECT_IDENTIFIER)
        return NNS__FIRST_TOKEN_UNKNOWN;
    length = token[at + 1];
    at += 2;
    if (length == 0 || length >= 0x80 || length > size - at)
        return NNS__FIRST_TOKEN_UNKNOWN;
    if (length == sizeof(spnego) && memcmp(token + at, spnego, length) == 0)
        return NNS__FIRST_TOKEN_SPNEGO;
    if (length == sizeof(kerberos) && memcmp(token + at, kerberos, length) == 0)
        return NNS__FIRST_TOKEN_KERBEROS;
    return NNS__FIRST_TOKEN_OTHER;
}

enum nns__first_token nns__first_token(const uint8_t *token, size_t size)
{
    if (size == 0)
        return NNS__FIRST_TOKEN_UNKNOWN;
    if (token[0] == APPLICATION_0)
        return framed(token, size);
    if (token[0] == APPLICATION_14)
        return NNS__FIRST_TOKEN_AP_REQ;
    if (size >= sizeof(ntlm) && memcmp(token, ntlm, sizeof(ntlm)) == 0)
        return NNS__FIRST_TOKEN_NTLM;
    return NNS__FIRST_TOKEN_UNKNOWN;
}
