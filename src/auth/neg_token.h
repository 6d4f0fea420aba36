/* SPDX-License-Identifier: MIT
 *
 * What a client's first SPNEGO token offers (RFC 4178 4.2.1): which mechanisms, and the token that
 * is inside for the first of them. A strict reader of DER that decides nothing: the credential is
 * chosen by what it says, and the security library then reads the token for itself.
 */
#ifndef NNS_AUTH_NEG_TOKEN_H
#define NNS_AUTH_NEG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nns__neg_token {
    bool kerberos; /* among the mechanisms, by any of its identifiers */
    bool ntlm;
    bool kerberos_first;
    const uint8_t *token; /* for the first mechanism, inside of what was read; NULL: none */
    size_t token_size;
};

/* Reads a NegTokenInit in its frame of RFC 2743 3.1. False: it is malformed, is not in DER, has
 * more mechanisms than anybody offers, or bytes behind its end; *ret is all zero then. */
bool nns__neg_token_read(struct nns__neg_token *ret, const uint8_t *data, size_t size);

#endif
