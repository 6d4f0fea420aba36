/* SPDX-License-Identifier: MIT
 *
 * The configuration: what connections have in common. Made once, shared by any number of engines
 * and streams, in any number of threads. Setters validate at once: a result below 0 leaves the
 * configuration as it was and nns_config_message() says why. It freezes when the first engine or
 * stream is made from it; setters then answer NNS_ERR_FROZEN and set no message, since other
 * threads may be reading.
 *
 * Threads: until it is frozen, one at a time; after that, any.
 *
 * Connections of one configuration share what they can: a server's credentials while its keytab is
 * unchanged, and a copy of a client's ticket for its target while the cache's file is unchanged and
 * the ticket has not ended. A keytab that is replaced, another user's login and a destroyed cache
 * count from the next connection on. What is shared goes with the last reference.
 *
 * The defaults are the strict ones: Kerberos alone, signed and encrypted, mutual authentication,
 * no delegation, and a server that lets nobody in until it is told whom. Weakening calls have
 * "insecure" in their name.
 */
#ifndef NNS_CONFIG_H
#define NNS_CONFIG_H

#include <nns/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A new configuration with the defaults. alloc NULL: malloc. The allocator structure is copied.
 * The caller owns one reference. Errors: ARGUMENT, NOMEM. */
NNS_API int nns_config_new(nns_config **ret, const nns_allocator *alloc) NNS_MUST_CHECK;
NNS_API nns_config *nns_config_ref(nns_config *cfg); /* answers cfg; NULL gives NULL */
NNS_API void nns_config_unref(nns_config *cfg); /* the last one wipes and frees; NULL is nothing */
/* Why the last setter refused, "" if it did not; nothing about NNS_ERR_FROZEN. Valid until the
 * next setter, never NULL. */
NNS_API const char *nns_config_message(const nns_config *cfg);

/* Every setter below: strings are copied; errors ARGUMENT, FROZEN, NOMEM. */

/* Client: the credential cache ("FILE:/path", "KEYRING:...", a path); NULL: the system's. */
NNS_API int nns_config_set_ccache(nns_config *cfg, const char *name);
/* Client: a keytab with the client's own key, for programs that run unattended: where the
 * credential cache is empty, ended, or past the half of the time that its ticket from the keytab
 * lasts, a new ticket is got with the first key in the keytab (or the one of the cache's
 * principal). With a named cache it is kept there for later connections, also of other processes;
 * without one each connection gets a ticket of its own, in memory. Not used with a password. */
NNS_API int nns_config_set_client_keytab(nns_config *cfg, const char *name);
/* Client: log in as user ("alice@REALM", "REALM\alice", "alice" in the default realm; for NTLM
 * "DOMAIN\alice" or "alice@DOMAIN") with a password instead of a credential cache. fn writes the
 * password and a NUL into buf and answers its length in bytes, or a result below 0, which fails the
 * connection. It is called on the thread that runs the mechanism, once for each connection; the
 * library wipes buf. */
typedef int (*nns_password_fn)(void *arg, char *buf, size_t size);
NNS_API int nns_config_set_user(nns_config *cfg, const char *user, nns_password_fn fn, void *arg);
/* Server: the keytab ("FILE:/path", a path); NULL: the system's. */
NNS_API int nns_config_set_keytab(nns_config *cfg, const char *name);
/* Server: the one principal to be ("host/db1@CORP", "host/db1"); NULL: any key in the keytab. */
NNS_API int nns_config_set_acceptor(nns_config *cfg, const char *principal);

/* The level asked for and the least accepted. Default NNS_PROTECT_SEAL. NNS_PROTECT_NONE needs
 * nns_config_insecure_allow_unprotected() first. */
NNS_API int nns_config_set_protection(nns_config *cfg, nns_protection least);
/* Client: what the server may do with our identity. Default NNS_IDENTIFY. A server that requires
 * more refuses us with ERROR_TRUST_FAILURE (1790). NNS_DELEGATE gives the server our
 * ticket-granting ticket, which it can use anywhere until it ends; a ticket that is not
 * forwardable is not given, and nns_engine_impersonation() then tells less. */
NNS_API int nns_config_set_impersonation(nns_config *cfg, nns_impersonation level);
/* The least strength of the session key in bits (AES-256 256, AES-128 128, RC4 64). Default 128. */
NNS_API int nns_config_set_min_ssf(nns_config *cfg, uint32_t bits);
/* Server: whom to let in. In a pattern '*' stands for any run of characters without '/', '@' and
 * '\'; the realm, after '@', is literal. Case matters. Repeatable; one match is enough. Where NTLM
 * was allowed before, "DOMAIN\name" is a pattern for peers that use it; case does not matter there,
 * and the domain has no '*'. Neither kind of pattern ever matches the other mechanism. A server
 * without a pattern, without allow_any_peer and without defer_authorization refuses everybody. */
NNS_API int nns_config_allow_peer(nns_config *cfg, const char *pattern);
NNS_API int nns_config_allow_any_peer(nns_config *cfg); /* anybody who authenticates */
/* Ask the application too: the engine shows NNS_STATE_WANT_AUTHORIZE before it opens, and a
 * stream's handshake answers NNS_WANT_AUTHORIZE. If patterns are set, they must agree as well. */
NNS_API int nns_config_defer_authorization(nns_config *cfg, int on);

/* Server: take the credentials that a client delegates (NNS_DELEGATE). Default off: they
 * are not kept. See nns_engine_store_delegated() and nns/gss.h. */
NNS_API int nns_config_accept_delegation(nns_config *cfg, int on);
/* Server: refuse a client that is not bound to the channel below, see
 * nns_engine_set_channel_binding(). Default off. */
NNS_API int nns_config_require_channel_binding(nns_config *cfg, int on);

/* Permits NNS_PROTECT_NONE: after the handshake bytes pass in clear and unauthenticated. */
NNS_API int nns_config_insecure_allow_unprotected(nns_config *cfg);
/* NTLM beside Kerberos, through the library gss-ntlmssp. It is weak: a server is not authenticated
 * (nns_engine_is_mutual() is 0), a session key has 64 bits (min_ssf does not count for NTLM), and a
 * connection can be relayed. A client uses it where Kerberos cannot even begin - no ticket, no KDC,
 * a target that the KDC does not know; nns_engine_why_ntlm() tells. It never offers both at once,
 * so nobody on the way can make it use NTLM where it has a ticket. A server takes what the client
 * offers, Kerberos first. Who a user is comes from nns_config_set_user(), else from the file that
 * the environment variable NTLM_USER_FILE names (its first line) or from winbind; a server's
 * accounts come from these too and are the same for the whole process. */
NNS_API int nns_config_insecure_allow_ntlm(nns_config *cfg);
/* NTLM alone. A client sends it without SPNEGO, which level NNS_PROTECT_NONE needs. */
NNS_API int nns_config_insecure_ntlm_only(nns_config *cfg);
/* Server: take tickets without looking for replays (also where KRB5RCACHENAME asks for that,
 * which is otherwise refused). */
NNS_API int nns_config_insecure_no_replay_cache(nns_config *cfg);

/* Server: let sessions go on after the client's ticket has ended. Without this a stream ends then
 * with TIMEOUT: a read gives what arrived before, a write sends no more than it had begun. Does
 * not concern engines without a stream: they have no clock. */
NNS_API int nns_config_insecure_outlive_ticket(nns_config *cfg);

/* Who makes and checks the records: "gss" is gss_wrap and gss_unwrap; "krb5" our own code on
 * libcrypto, for Kerberos with AES, and "gss" where that cannot be; "auto", the default, the
 * fastest there is. The bytes on the wire are the same: never needed for interoperability.
 * nns_engine_record_engine() tells which it became. Errors: ARGUMENT, FROZEN. */
NNS_API int nns_config_set_record_engine(nns_config *cfg, const char *name);

/* Wire bytes as they pass an engine, handshake and records, encrypted as they are: outgoing 1 for
 * bytes that went to the peer, 0 for bytes that came from it, in pieces as the transport moved
 * them (len at least 1; data is borrowed until fn returns). Called from nns_engine_recv_ack() and
 * nns_engine_send_ack() and what uses them, so on the thread of that half: after
 * NNS_STATE_OPEN perhaps on two at once. fn may ask e for what was negotiated, its state and its
 * user data, and must call nothing else of it or of its stream. NULL: none, the default. */
typedef void (*nns_trace_fn)(void *arg, const nns_engine *e, int outgoing, const void *data,
                             size_t len);
NNS_API int nns_config_set_trace(nns_config *cfg, nns_trace_fn fn, void *arg);

/* Limits. Times are milliseconds, 0 means none; sizes are bytes.
 *
 *   name              default    maximum  what
 *   CONNECT_MS         30,000  3,600,000  names, and the connection to one of the addresses
 *   CLIENT_HANDSHAKE_MS 30,000   300,000  the whole handshake, mechanism included
 *   SERVER_HANDSHAKE_MS 10,000   300,000  the same on the server's side
 *   IDLE_MS                 0    7 days   one read or write that moves nothing
 *   HANDSHAKE_BYTES   131,072    524,288  handshake bytes from the peer; at least 70,000
 *   HANDSHAKE_LEGS          8         16  legs: handshake records, here those from the peer alone
 *                                         (nns_engine_legs() counts both ways); at least 1
 *   EMPTY_RECORDS          16      1,024  data records in a row without payload
 *   BUFFER_BYTES    1,310,720 16,777,216  receive window, and send queue, under bulk traffic (else
 *                                         131,072, which is also the least)
 *   CONNECTIONS         1,000  1,000,000  of a gate at once; at least 1
 *   HANDSHAKES             64     10,000  of a gate at once, not yet over; at least 1
 *   HANDSHAKES_PER_SOURCE  16     10,000  the same from one address; at least 1
 */
enum nns_limit {
    NNS_LIMIT_CONNECT_MS = 1,
    NNS_LIMIT_CLIENT_HANDSHAKE_MS = 2,
    NNS_LIMIT_SERVER_HANDSHAKE_MS = 3,
    NNS_LIMIT_IDLE_MS = 4,
    NNS_LIMIT_HANDSHAKE_BYTES = 5,
    NNS_LIMIT_HANDSHAKE_LEGS = 6,
    NNS_LIMIT_EMPTY_RECORDS = 7,
    NNS_LIMIT_BUFFER_BYTES = 8,
    NNS_LIMIT_CONNECTIONS = 9,
    NNS_LIMIT_HANDSHAKES = 10,
    NNS_LIMIT_HANDSHAKES_PER_SOURCE = 11
};
NNS_API int nns_config_set_limit(nns_config *cfg, int32_t limit, int64_t value);
NNS_API int nns_config_limit(const nns_config *cfg, int32_t limit, int64_t *value); /* ARGUMENT */

#ifdef __cplusplus
}
#endif

#endif
