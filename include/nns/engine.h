/* SPDX-License-Identifier: MIT
 *
 * The engine: one NegotiateStream connection as a transformer of bytes. No sockets, no clock, no
 * threads. Wire bytes go in with recv and come out with send; plaintext comes out with read and
 * goes in with write. Whoever moves the bytes is the caller's affair: a thread, an event loop,
 * a test. nns_stream is one such caller.
 *
 * Threads: one at a time; after NNS_STATE_OPEN one thread may use the receive half (recv_state,
 * recv_*, read_*, recv_eof, take_rest) while another uses the send half (send_state, send_*,
 * write_*, close). nns_engine_free() and nns_engine_trim() need that no other call runs.
 * An engine belongs to the process that made it: its use in a child of fork() answers
 * NNS_ERR_FORKED; only state, error, fail and free are allowed there.
 */
#ifndef NNS_ENGINE_H
#define NNS_ENGINE_H

#include <nns/config.h>
#include <nns/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A new engine. It holds a reference on cfg, which is frozen from now on.
 * Errors: ARGUMENT, NOMEM. */
NNS_API int nns_engine_new(nns_engine **ret, nns_config *cfg, nns_role role) NNS_MUST_CHECK;
/* Wipes and frees; NULL is nothing. A job that is out lives on and must still be abandoned. */
NNS_API void nns_engine_free(nns_engine *e);
/* The first failure, or NULL while there is none. Lives as long as e. */
NNS_API const nns_error *nns_engine_error(const nns_engine *e);
NNS_API void nns_engine_set_user_data(nns_engine *e, void *ptr);
NNS_API void *nns_engine_user_data(const nns_engine *e);

/* Client: whom to ask for, before the first step: "SERVICE/HOST", "SERVICE/HOST@REALM" or
 * "user@REALM". It is not canonicalised through DNS. Copied.
 * Errors: ARGUMENT (empty, unprintable, over 1,024 bytes), STATE, NOMEM. */
NNS_API int nns_engine_set_target(nns_engine *e, const char *name);

/* Before the first step: binds the handshake to the channel below it, for example to a TLS
 * connection (application data of RFC 2743 1.1.6, such as "tls-server-end-point:" and a hash).
 * Both sides must set the same bytes: a server that has set some refuses a client that has set
 * others (POLICY; the peer gets ERROR_TRUST_FAILURE (1790)), and one that has set none only where
 * the configuration says nns_config_require_channel_binding(). A server that has set none compares
 * nothing, nor does .NET's on Linux. Copied; len 0 takes it back. Errors: ARGUMENT (over 65,536
 * bytes), STATE, NOMEM. */
NNS_API int nns_engine_set_channel_binding(nns_engine *e, const void *data, size_t len);

#define NNS_STATE_WANT_RECV (1u << 0) /* receive half: there is room for wire bytes */
#define NNS_STATE_CAN_READ (1u << 1)  /* receive half: a read has a record, or an error, to give */
#define NNS_STATE_RECV_EOF (1u << 2)  /* receive half: clean end, all plaintext was read */
#define NNS_STATE_WANT_SEND (1u << 3) /* send half: there are bytes for the peer */
#define NNS_STATE_CAN_WRITE (1u << 4) /* send half: there is room for plaintext */
#define NNS_STATE_SEND_EOF (1u << 5)  /* send half: closed and everything has gone out */
#define NNS_STATE_WANT_STEP (1u << 6) /* a job can be taken */
#define NNS_STATE_STEPPING (1u << 7)  /* a job is out, see below */
#define NNS_STATE_WANT_AUTHORIZE (1u << 8) /* what was negotiated is readable; say yes or no */
#define NNS_STATE_OPEN (1u << 9)           /* the handshake is complete */
#define NNS_STATE_FAILED (1u << 10)        /* sticky */

/* While a job is out only state, fail, free, and acknowledging what was lent before are allowed;
 * all else answers STATE. CAN_READ may turn out to be an empty record: then a read gives nothing.
 * The state is derived from the buffers each time. OPEN and FAILED are in both halves;
 * nns_engine_state() is both together, for one thread. */
NNS_API uint32_t nns_engine_state(const nns_engine *e);
NNS_API uint32_t nns_engine_recv_state(const nns_engine *e);
NNS_API uint32_t nns_engine_send_state(const nns_engine *e);

/* The mechanism: the only thing here that may block (KDC, keytab, replay cache).
 * step() = take_job + job_run + finish_job. run() touches only the job and may be called on any
 * thread; take, finish and abandon belong to the engine's thread. Every job taken is run exactly
 * once and ends in exactly one finish_job() or abandon(). abandon() may come before or while it
 * runs: the later of the two frees the job; the engine, if it still lives, is then FAILED
 * (CANCELED, unless it had failed before). finish_job() needs that run() has returned.
 * step, finish_job: NNS_OK or the sticky error. take_job: STATE (also for a client without a
 * target), NOMEM (sticky). finish_job: ARGUMENT (not this engine's job), STATE (it has not run).
 * All: FORKED. */
NNS_API int nns_engine_step(nns_engine *e) NNS_MUST_CHECK;
NNS_API int nns_engine_take_job(nns_engine *e, nns_job **ret) NNS_MUST_CHECK;
NNS_API void nns_job_run(nns_job *job);
NNS_API int nns_engine_finish_job(nns_engine *e, nns_job *job) NNS_MUST_CHECK;
NNS_API void nns_job_abandon(nns_job *job);
/* Answers NNS_STATE_WANT_AUTHORIZE: NNS_OK lets the peer in, NNS_ERR_REFUSED refuses it (the peer
 * gets ERROR_TRUST_FAILURE (1790)). Errors: ARGUMENT, STATE, or the sticky error. */
NNS_API int nns_engine_authorize(nns_engine *e, int verdict);

/* Lend and acknowledge. xxx_buf() lends a region (len 0 when there is none), xxx_ack(n) says that
 * n bytes of it were used; more than was lent is NNS_ERR_ARGUMENT. A lent region stays valid and
 * does not move until its own acknowledge (0 is allowed); write_buf()'s also only until
 * send_buf(). send_buf() seals what was staged, so it can fail; it lends again from the first
 * unacknowledged byte. Full records are sealed together, several small writes before a send
 * share a record.
 *
 * After a failure: send_buf() lends only what was sealed before (before OPEN also the error
 * record for the peer), read_buf() only what was opened before; they answer 0 while they lend and
 * then the sticky error. Everything else answers the sticky error.
 * recv_buf: NNS_OK. recv_ack, write_ack: ARGUMENT, or the sticky error. read_ack: ARGUMENT.
 * send_ack: ARGUMENT; NOMEM (sticky) if a handshake record waited until the region may move.
 * read_buf: NNS_OK with len 0 is "nothing yet" or, with NNS_STATE_RECV_EOF, the end.
 * write_buf: STATE before OPEN and after close. All: FORKED. */
NNS_API int nns_engine_recv_buf(nns_engine *e, uint8_t **ptr, size_t *len);
NNS_API int nns_engine_recv_ack(nns_engine *e, size_t n) NNS_MUST_CHECK;
/* The transport reported the end of file; it also ends what recv_buf lent. At a record boundary
 * that is the clean end (which nobody signed: NNS has no close message); inside a record the
 * reader gets TRUNCATED when it comes there. In the handshake it is PROTOCOL, or TRUNCATED inside
 * a record, as soon as another record of the peer's is due: so at once, or after step(). */
NNS_API int nns_engine_recv_eof(nns_engine *e);
NNS_API int nns_engine_send_buf(nns_engine *e, const uint8_t **ptr, size_t *len);
NNS_API int nns_engine_send_ack(nns_engine *e, size_t n) NNS_MUST_CHECK;
NNS_API int nns_engine_read_buf(nns_engine *e, const uint8_t **ptr, size_t *len);
NNS_API int nns_engine_read_ack(nns_engine *e, size_t n) NNS_MUST_CHECK;
NNS_API int nns_engine_write_buf(nns_engine *e, uint8_t **ptr, size_t *len);
NNS_API int nns_engine_write_ack(nns_engine *e, size_t n) NNS_MUST_CHECK;
/* No more writes from the application; SEND_EOF shows when all has gone out. STATE before OPEN. */
NNS_API int nns_engine_close(nns_engine *e);
/* Lends the wire bytes that follow the last record read, for protocols that leave NegotiateStream
 * again. Valid until free(). STATE before OPEN and while plaintext is unread. Nothing can be
 * received or read afterwards: NNS_ERR_STATE. Bytes that pass for the peer's next record, and were
 * altered on the way, may come zeroed: records are opened in batches. */
NNS_API int nns_engine_take_rest(nns_engine *e, const uint8_t **ptr, size_t *len);
/* The transport's failure or the owner's decision: code is NNS_ERR_IO, TIMEOUT or CANCELED.
 * Allowed while STEPPING and from any thread; sends no record. Answers the sticky error (the
 * first one, so perhaps another), or ARGUMENT. */
NNS_API int nns_engine_fail(nns_engine *e, int code, int os_error);
/* Idle: gives back all memory that is not needed for what is held or lent. */
NNS_API void nns_engine_trim(nns_engine *e);

/* The same four with a copy. recv, send: bytes moved, 0 = none; read: 0 = end of stream,
 * NNS_WANT_RECV = nothing yet; write: NNS_WANT_SEND = no room. len 0 gives 0. */
NNS_API nns_ssize nns_engine_recv(nns_engine *e, const void *src, size_t len) NNS_MUST_CHECK;
NNS_API nns_ssize nns_engine_send(nns_engine *e, void *dst, size_t len) NNS_MUST_CHECK;
NNS_API nns_ssize nns_engine_read(nns_engine *e, void *dst, size_t len) NNS_MUST_CHECK;
NNS_API nns_ssize nns_engine_write(nns_engine *e, const void *src, size_t len) NNS_MUST_CHECK;

/* What was negotiated; valid from WANT_AUTHORIZE or OPEN on, before that 0 or NULL. Strings live
 * as long as e. */
NNS_API nns_protection nns_engine_protection(const nns_engine *e);
/* Client: what it lets the server do; server: what the client lets it do. An NNS_ level, or 0. */
NNS_API nns_impersonation nns_engine_impersonation(const nns_engine *e);
NNS_API const char *nns_engine_mechanism(const nns_engine *e); /* "Kerberos", "NTLM" */
/* Where NTLM was used although Kerberos was allowed: why, one line; else NULL. */
NNS_API const char *nns_engine_why_ntlm(const nns_engine *e);
/* Server: who the client is, "alice@REALM", or
 * "DOMAIN\alice" by NTLM. Client: NULL, see nns_engine_target(). */
NNS_API const char *nns_engine_peer_name(const nns_engine *e);
/* Client: whom it asked for, with the realm once that is known; server: whom the client asked
 * for, or NULL where the mechanism does not say. */
NNS_API const char *nns_engine_target(const nns_engine *e);
NNS_API int nns_engine_is_mutual(const nns_engine *e); /* 1: the server has proved who it is */
NNS_API uint32_t nns_engine_ssf(const nns_engine *e);  /* strength of the session key, bits */
/* Legs, that is handshake records, so far: both ways (NNS_LIMIT_HANDSHAKE_LEGS counts the peer's
 * alone). */
NNS_API int32_t nns_engine_legs(const nns_engine *e);
/* When the ticket ends, seconds since 1970, 0: unknown or never. */
NNS_API int64_t nns_engine_ticket_end(const nns_engine *e);
/* The encryption type of the session key, "aes256-cts-hmac-sha1-96"; NULL: unknown. */
NNS_API const char *nns_engine_enctype(const nns_engine *e);
/* Who makes and checks the records: "krb5" (our own code on libcrypto), "krb5+ni" (the same, and
 * AES with SHA-1 by the processor's instructions for both), "krb5+mb" (all that, and many records
 * at once by the Intel multi-buffer library), "gss", or "raw" (level none). What else there may be
 * once begins with "krb5" too. */
NNS_API const char *nns_engine_record_engine(const nns_engine *e);

/* Server: writes the credentials that the client delegated to a credential cache ("FILE:/path",
 * "MEMORY:name"), whose former content is lost; a file is readable by its owner alone. From
 * WANT_AUTHORIZE or OPEN on, on the engine's thread, as often as wanted.
 * Errors: ARGUMENT, STATE, FORKED, CREDENTIALS (none were delegated, or the configuration does
 * not take them, or nns_engine_take_delegated_cred() has), IO (the cache cannot be written).
 * None is sticky. */
NNS_API int nns_engine_store_delegated(nns_engine *e, const char *ccache);

#ifdef __cplusplus
}
#endif

#endif
