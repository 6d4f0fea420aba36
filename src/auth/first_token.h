/* SPDX-License-Identifier: MIT
 *
 * What the client's first token is, by its first bytes, before any security library sees it:
 * those take more than NegotiateStream allows, and each of them is attack surface.
 */
#ifndef NNS_AUTH_FIRST_TOKEN_H
#define NNS_AUTH_FIRST_TOKEN_H

#include <stddef.h>
#include <stdint.h>

enum nns__first_token {
    NNS__FIRST_TOKEN_UNKNOWN,  /* nothing that a mechanism begins with */
    NNS__FIRST_TOKEN_SPNEGO,   /* RFC 4178 */
    NNS__FIRST_TOKEN_KERBEROS, /* RFC 4121, framed as RFC 2743 3.1 says */
    NNS__FIRST_TOKEN_AP_REQ,   /* RFC 4120 5.5.1, not framed */
    NNS__FIRST_TOKEN_NTLM,     /* [MS-NLMP], not framed */
    NNS__FIRST_TOKEN_OTHER     /* framed, of another mechanism */
};

enum nns__first_token nns__first_token(const uint8_t *token, size_t size);

#endif
