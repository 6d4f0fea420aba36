/* SPDX-License-Identifier: MIT
 *
 * The protector "krb5": Wrap tokens of RFC 4121 made and checked here, without GSSAPI, for
 * encryption types 17 to 20. Its bytes are those of gss_wrap(), and it takes whatever
 * gss_unwrap() takes of a peer that keeps to its level, its key and its turn.
 */
#ifndef NNS_PROTECT_KRB5_H
#define NNS_PROTECT_KRB5_H

#include "protect/krb5_crypt.h"
#include "protect/protect.h"

/* What an established context comes down to. */
struct nns__krb5_context {
    const struct nns__enctype *enctype;
    uint8_t key[NNS__CRYPT_KEY]; /* enctype->key_size bytes */
    bool initiator;              /* we are */
    bool acceptor_subkey;        /* the key is the acceptor's subkey */
    bool conf;                   /* tokens are sealed; else signed */
    bool one_by_one;             /* as nns__crypt_keys has it */
    uint64_t send_sequence;      /* of our next token */
    uint64_t receive_sequence;   /* that the peer's next one must have */
};

/* Copies what it needs of the context; the caller wipes that. NOMEM, INTERNAL. */
int nns__protect_krb5_new(struct nns__protection *ret, const struct nns__mem *mem,
                          const struct nns__krb5_context *context, struct nns__failure *f);

#endif
