/* SPDX-License-Identifier: MIT
 *
 * net.tcp framing ([MC-NMF]), in which WCF and Active Directory Web Services put NegotiateStream:
 * one connection as a transformer of bytes, like the engine, and a library of its own
 * (libnns-nmf, nns-nmf.pc, nns::nmf). Wire bytes go in with recv and come out with send; whole or
 * streamed envelopes come out with next and read and go in with begin, write and finish. It does
 * the preamble, makes an engine where the two sides agree to upgrade to NegotiateStream, frames
 * envelopes inside of it, and goes back to clear framing when both sides have ended.
 *
 * Threads: one at a time.
 */
#ifndef NNS_NMF_H
#define NNS_NMF_H

#include <nns/config.h>
#include <nns/engine.h>
#include <nns/result.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nns_nmf nns_nmf;

typedef int32_t nns_nmf_mode;
#define NNS_NMF_SINGLETON 1 /* one unsized envelope each way: WCF's streamed transfer mode */
#define NNS_NMF_DUPLEX 2    /* sized envelopes, both ways at will */
#define NNS_NMF_SIMPLEX 3   /* sized envelopes from the client; the server never says a word */

/* A new connection. cfg NULL: without security, a client asks for none and a server refuses the
 * upgrade. Else NegotiateStream with this configuration, of which it holds a reference: a client
 * asks for the upgrade, a server insists on it. alloc NULL: malloc; the structure is copied.
 * Errors: ARGUMENT, NOMEM. */
NNS_API int nns_nmf_new(nns_nmf **ret, nns_role role, nns_config *cfg,
                        const nns_allocator *alloc) NNS_MUST_CHECK;
/* Wipes and frees, the engine too; NULL is nothing. */
NNS_API void nns_nmf_free(nns_nmf *n);

/* Limits, in bytes, before the first of them has moved or after nns_nmf_restart().
 *
 *   name                default    maximum   what
 *   VIA_BYTES             2,048     65,536   the address the client wants
 *   CONTENT_TYPE_BYTES      256      4,096   of an extensible encoding
 *   UPGRADE_BYTES           256      4,096   the name of an upgrade
 *   FAULT_BYTES             256      4,096   the name of a fault
 *   ENVELOPE_BYTES   67,108,864  2^63 - 1    one envelope, also one in chunks
 *   BUFFER_BYTES        131,072 16,777,216   kept of what is received, and of what is to be sent,
 *                                            beside the engine's buffers; at least 4,096
 * Errors: ARGUMENT, STATE. */
enum nns_nmf_limit {
    NNS_NMF_LIMIT_VIA_BYTES = 1,
    NNS_NMF_LIMIT_CONTENT_TYPE_BYTES = 2,
    NNS_NMF_LIMIT_UPGRADE_BYTES = 3,
    NNS_NMF_LIMIT_FAULT_BYTES = 4,
    NNS_NMF_LIMIT_ENVELOPE_BYTES = 5,
    NNS_NMF_LIMIT_BUFFER_BYTES = 6
};
NNS_API int nns_nmf_set_limit(nns_nmf *n, int32_t limit, int64_t value);

/* Client: what its preamble says, before nns_nmf_start(). Strings are copied.
 * via: "net.tcp://HOST:PORT/PATH"; it is needed. mode: default NNS_NMF_DUPLEX. known encoding:
 * 0 to 8, default 8 (binary with in-band dictionary, WCF's in duplex mode; 7 in the others). A
 * content type takes its place, until a known encoding is set again. target: for the engine, see
 * nns_engine_set_target(); needed with security, checked when the engine is made.
 * Errors: ARGUMENT (a server; no such mode or encoding; empty, over the limit), STATE, NOMEM. */
NNS_API int nns_nmf_set_via(nns_nmf *n, const char *uri);
NNS_API int nns_nmf_set_mode(nns_nmf *n, nns_nmf_mode mode);
NNS_API int nns_nmf_set_encoding(nns_nmf *n, int32_t known);
NNS_API int nns_nmf_set_content_type(nns_nmf *n, const char *text);
NNS_API int nns_nmf_set_target(nns_nmf *n, const char *name);
/* Client: queues the preamble. Errors: ARGUMENT (a server), STATE (no via; with security no target,
 * or simplex mode, which has no answer and so no upgrade; started before), NOMEM (sticky). */
NNS_API int nns_nmf_start(nns_nmf *n) NNS_MUST_CHECK;

/* The state: the bits of nns/engine.h, and these. OPEN is after the preamble: envelopes can pass.
 * CAN_READ: nns_nmf_next() has something to tell. WANT_STEP, STEPPING and WANT_AUTHORIZE are the
 * engine's and are answered through nns_nmf_engine(). RECV_EOF: the peer has closed where it may.
 * It also does what has become possible, so it must be asked after an engine's step. */
#define NNS_NMF_WANT_ACCEPT (1u << 16) /* server: the preamble is readable; say yes or no */
#define NNS_NMF_PEER_ENDED (1u << 17)  /* nns_nmf_next() has told the peer's End */
#define NNS_NMF_ENDED (1u << 18)       /* both have ended: restart, or close the connection */
#define NNS_NMF_BEGUN (1u << 19)       /* a preamble has begun to come, or is on its way */
NNS_API uint32_t nns_nmf_state(nns_nmf *n);

/* The first failure: an NNS_ERR_ value, or NNS_OK while there is none; the line that says why,
 * never NULL. After a failure send_buf lends what is still for the peer: the fault record, or the
 * engine's error record. */
NNS_API int nns_nmf_error(const nns_nmf *n);
NNS_API const char *nns_nmf_message(const nns_nmf *n);
/* The fault that ended the conversation, the peer's (NNS_ERR_PEER) or ours: its name
 * ("EndpointNotFound"), or the whole URI where it is none of those below; NULL: none. */
NNS_API const char *nns_nmf_fault(const nns_nmf *n);
/* The engine, borrowed; NULL before the upgrade and after the end. It is for steps, jobs,
 * authorization and what was negotiated; its bytes are moved through n alone. */
NNS_API nns_engine *nns_nmf_engine(nns_nmf *n);

/* The wire side, as the engine has it. A lent region is valid until the next call of n but
 * nns_nmf_state(); read_buf's also over calls that write. recv_buf lends nothing while more must
 * not be read, and never reads into what follows the peer's End. Errors: ARGUMENT; the sticky
 * error. recv_eof: as a failure if the peer may not close there, at once or when nns_nmf_next()
 * comes to it. */
NNS_API int nns_nmf_recv_buf(nns_nmf *n, uint8_t **ptr, size_t *len);
NNS_API int nns_nmf_recv_ack(nns_nmf *n, size_t len) NNS_MUST_CHECK;
NNS_API int nns_nmf_recv_eof(nns_nmf *n);
NNS_API int nns_nmf_send_buf(nns_nmf *n, const uint8_t **ptr, size_t *len);
NNS_API int nns_nmf_send_ack(nns_nmf *n, size_t len) NNS_MUST_CHECK;
/* The transport's failure or the owner's decision: NNS_ERR_IO, TIMEOUT or CANCELED. Sends nothing.
 * Answers the sticky error, or ARGUMENT. */
NNS_API int nns_nmf_fail(nns_nmf *n, int code, int os_error);

/* What the preamble said, from WANT_ACCEPT on (client: what was set); 0, -1 or NULL before. Strings
 * live until restart or free. The via is the client's word: escape it before it is shown. */
NNS_API nns_nmf_mode nns_nmf_get_mode(const nns_nmf *n);
NNS_API const char *nns_nmf_via(const nns_nmf *n);
NNS_API int32_t nns_nmf_encoding(const nns_nmf *n); /* -1: see the content type */
NNS_API const char *nns_nmf_content_type(const nns_nmf *n);
/* Answers WANT_ACCEPT with yes; nns_nmf_send_fault() is no. Errors: STATE, the sticky error. */
NNS_API int nns_nmf_accept(nns_nmf *n) NNS_MUST_CHECK;

/* What comes next from the peer: each is told once, but DATA until all that read_buf lends was
 * acknowledged. 0: nothing yet, or the end of the connection (RECV_EOF).
 * Errors: STATE before OPEN; the sticky error. */
#define NNS_NMF_NOTHING 0
#define NNS_NMF_ENVELOPE 1     /* one begins; nns_nmf_envelope_size() */
#define NNS_NMF_DATA 2         /* bytes of it: read_buf, read_ack */
#define NNS_NMF_ENVELOPE_END 3 /* it is complete */
#define NNS_NMF_END 4          /* no more will come */
NNS_API int nns_nmf_next(nns_nmf *n) NNS_MUST_CHECK;
#define NNS_NMF_UNSIZED (-1)
NNS_API int64_t nns_nmf_envelope_size(const nns_nmf *n); /* in bytes, or NNS_NMF_UNSIZED */
/* Errors: ARGUMENT, STATE (nns_nmf_next() did not say DATA), the sticky error. */
NNS_API int nns_nmf_read_buf(nns_nmf *n, const uint8_t **ptr, size_t *len);
NNS_API int nns_nmf_read_ack(nns_nmf *n, size_t len) NNS_MUST_CHECK;

/* Writes one envelope: begin with its size (or NNS_NMF_UNSIZED in singleton mode), write its bytes
 * in any pieces, finish. Write answers how many it took (all, if there is room), or NNS_WANT_SEND.
 * Errors: ARGUMENT (more than the size that was announced), STATE (not OPEN, ended, not the mode's
 * kind of envelope, a second one in singleton mode; finish: bytes are missing), NOMEM (sticky), or
 * the sticky error. begin and finish: NNS_WANT_SEND too. */
NNS_API int nns_nmf_begin(nns_nmf *n, int64_t size) NNS_MUST_CHECK;
NNS_API nns_ssize nns_nmf_write(nns_nmf *n, const void *src, size_t len) NNS_MUST_CHECK;
NNS_API int nns_nmf_finish(nns_nmf *n) NNS_MUST_CHECK;
/* No more envelopes from here. Errors: STATE (not OPEN, inside an envelope), NNS_WANT_SEND, the
 * sticky error. Twice is once. */
NNS_API int nns_nmf_end(nns_nmf *n) NNS_MUST_CHECK;
/* Ends the conversation with a fault, by its name or a whole URI; what was written before still
 * goes out. The failure is then NNS_ERR_REFUSED. Errors: ARGUMENT (empty, over the limit), STATE
 * (a client; before the first record; simplex mode; inside an envelope; ended), or an earlier
 * failure. Names that [MC-NMF] and WCF know: ContentTypeInvalid ContentTypeTooLong
 * ConnectionDispatchFailed EndpointAccessDenied EndpointNotFound EndpointPaused
 * EndpointUnavailable InvalidRecordSequence MaxMessageSizeExceededFault ServerTooBusy
 * ServiceActivationFailed UnsupportedMode UnsupportedVersion UpgradeInvalid ViaTooLong */
NNS_API int nns_nmf_send_fault(nns_nmf *n, const char *name);

/* After ENDED: clear framing again on the same connection; a client may set what its next preamble
 * says, and starts. Errors: STATE, the sticky error. */
NNS_API int nns_nmf_restart(nns_nmf *n) NNS_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
