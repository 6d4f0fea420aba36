/* SPDX-License-Identifier: MIT
 *
 * What a client's first SPNEGO token offers (RFC 4178 4.2.1): which mechanisms, and the token that
 * is inside for the first of them; and whether a token has a mechListMIC. A strict reader of DER
 * that decides nothing: the security library reads the token for itself.
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
    bool mic;             /* a mechListMIC, or something else behind the token */
    const uint8_t *token; /* for the first mechanism, inside of what was read; NULL: none */
    size_t token_size;
};

/* Reads a NegTokenInit in its frame of RFC 2743 3.1. False: it is malformed, is not in DER, has
 * more mechanisms than anybody offers, or bytes behind its end; *ret is all zero then. */
bool nns__neg_token_read(struct nns__neg_token *ret, const uint8_t *data, size_t size);

/* True if a SPNEGO token of either side may have a mechListMIC: it has one, or what it has cannot
 * be read. */
bool nns__neg_token_may_have_mic(const uint8_t *data, size_t size);

#endif
