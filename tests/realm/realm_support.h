/* SPDX-License-Identifier: MIT
 *
 * For tests against the realm that the fixture made: configurations that use its files, two
 * mechanisms talking in memory, and a client of plain GSSAPI that can do what ours never does.
 */
#ifndef NNS_TESTS_REALM_SUPPORT_H
#define NNS_TESTS_REALM_SUPPORT_H

#include "auth/auth.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#define REALM "NNS.TEST"
#define TARGET "host/localhost"

/* What .NET's client asks for: neither REPLAY nor SEQUENCE. */
#define DOTNET_FLAGS (GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG | GSS_C_IDENTIFY_FLAG)
#define ORDERED_FLAGS (DOTNET_FLAGS | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG)

/* "FILE:DIR/name" of the realm's folder; caller frees. */
char *realm_file(const char *name);
/* Takes what the caller's environment says of caches and keytabs away. 77, CTest's skip status,
 * where there is no realm; else 0. */
int realm_prepare(void);

/* Has all configurations of this process name this record engine. */
void realm_use_engine(const char *name);
/* The engine that configurations are to set: what NNS_TEST_RECORD_ENGINE says, or "auto". */
const char *realm_engine(void);
/* Is it the engine of Kerberos records that this run must have? NNS_TEST_RECORD_ENGINE says which:
 * "gss", "krb5", or "krb5+mb", for which nothing but "auto" can be set. Without it the library
 * chooses one of its own. */
void expect_kerberos_engine(const char *name);

/* Has the configurations that are made from now on use this allocator; NULL: malloc. */
void realm_use_allocator(const nns_allocator *alloc);

/* Strict configurations at this level: alice's tickets; the server's keytab, anybody allowed. */
nns_config *client_config(nns_protection level);
nns_config *server_config(nns_protection level);

/* The same with NTLM, alone (without SPNEGO) or beside Kerberos. The client is NNS\alice with her
 * password and no ticket; a server needs ntlm_accounts() first. */
nns_config *ntlm_client_config(nns_protection level, bool only);
nns_config *ntlm_server_config(nns_protection level, bool only);
/* Names the realm's NTLM accounts to this process, or takes them away. */
void ntlm_accounts(bool on);
/* nns_password_fn: the first line of the realm's file with the name arg. */
int password_of_file(void *arg, char *buf, size_t size);

/* One side: our mechanism, and how it came to its end. */
struct side {
    nns_config *cfg;
    nns_role role;
    struct nns__auth *auth;
    struct nns__failure f;
    struct nns__facts facts;
    struct nns__protection protection;
    bool complete;
};

struct realm_pair {
    struct side client;
    struct side server;
};

/* Takes cfg over. */
void side_init(struct side *side, nns_config *cfg, nns_role role);
/* Opens the mechanism, which must succeed. target: client. */
void side_open(struct side *side, const char *target);
/* Feeds a token and answers ours, to be freed with side_token_free(); the result of step. */
int side_step(struct side *side, const void *in, size_t size, struct nns__token *out);
void side_token_free(struct side *side, struct nns__token *token);
/* Reads the facts and makes the protection; both must succeed. */
void side_finish(struct side *side);
void side_free(struct side *side);

/* A handshake that must succeed, through to the protections. */
void realm_pair_open(struct realm_pair *pair, nns_config *client, nns_config *server,
                     const char *target);
void realm_pair_free(struct realm_pair *pair);

/* A context of plain GSSAPI, Kerberos alone or through SPNEGO. */
gss_cred_id_t raw_initiator_cred(void);
gss_cred_id_t raw_acceptor_cred(void); /* without a replay cache */
gss_name_t raw_name(const char *principal);
/* The first token; the caller releases it. */
gss_buffer_desc raw_start(gss_ctx_id_t *ctx, const gss_OID_desc *mechanism, OM_uint32 flags);
/* The answer of the server; the context must be complete then. */
void raw_finish(gss_ctx_id_t *ctx, const gss_OID_desc *mechanism, OM_uint32 flags, void *token,
                size_t size);
/* raw_start(), our server, raw_finish(). */
void raw_connect(gss_ctx_id_t *ctx, struct side *server, const gss_OID_desc *mechanism,
                 OM_uint32 flags);
void raw_free(gss_ctx_id_t *ctx);

/* A message as a record holds it, without the length. */
struct message {
    size_t size;
    uint8_t bytes[66000];
};
void raw_wrap(struct message *to, gss_ctx_id_t ctx, int conf, const void *plain, size_t size);
/* Seals one record and takes its length off. */
void seal_message(struct message *to, struct side *from, const void *plain, size_t size);
/* Opens a copy in a block of exactly its size, so that writing past it is seen; frees nothing. */
nns_ssize open_message(struct nns__opener *opener, const struct message *message, uint8_t **copy,
                       struct nns__plain *plain, struct nns__failure *f);
/* Opens a copy. The plaintext must be expected. */
void expect_opened(struct side *to, const struct message *message, const void *expected,
                   size_t size);
/* Opens a copy, which must fail with this code, and with these words in the message. */
void expect_refused(struct side *to, const struct message *message, int code, const char *words);
/* One record each way, opened by the other side. */
void expect_exchange(struct realm_pair *pair);

#endif
