/* SPDX-License-Identifier: MIT
 *
 * The stream: an engine on a transport, blocking or not. A transport is a socket, a pair of
 * descriptors or two callbacks.
 *
 * Threads: one at a time; after the handshake one thread may read while another writes, flushes
 * or shuts down. nns_stream_cancel() may be called from any thread. Deadlines hold even while the
 * mechanism blocks: the call is then abandoned to its own thread.
 *
 * A write to a connection that the peer has closed is an error, never a SIGPIPE.
 *
 * Errors stand at each function. ARGUMENT, STATE, REENTRANT (another call is working on this side
 * of the stream, or a callback calls back) and FORKED (another process made it) are only returned,
 * and nns_stream_error() knows nothing of them; NOMEM where a function says so. All others end the
 * connection: the first one stays, and later calls answer it too. "Those of the handshake" are
 *
 *     STATE (no transport; a client without a target), REENTRANT, FORKED,
 *     IO, TIMEOUT, CANCELED, PROTOCOL, FOREIGN, TOO_LARGE, TRUNCATED, AUTH, CREDENTIALS, POLICY,
 *     REFUSED, PEER, BUSY (a server's: the gate; a client's: too many KDC calls wait), NOMEM,
 *     INTERNAL.
 *
 * A stream that is NULL is ARGUMENT, but for nns_stream_engine(), which needs one, and where a
 * function says that NULL is nothing.
 */
#ifndef NNS_STREAM_H
#define NNS_STREAM_H

#include <nns/config.h>
#include <nns/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The two callbacks of a transport of the caller's: > 0 bytes moved, 0 end of file (recv_fn),
 * NNS_WANT_RECV or NNS_WANT_SEND (non-blocking streams only), or NNS_ERR_IO, NNS_ERR_TIMEOUT or
 * NNS_ERR_CANCELED; anything else counts as NNS_ERR_IO. They may block, and then no deadline
 * holds; they must not call the stream. */
typedef struct nns_io {
    size_t size; /* sizeof(nns_io) */
    nns_ssize (*recv_fn)(void *arg, void *buf, size_t len);
    nns_ssize (*send_fn)(void *arg, const void *buf, size_t len);
    int (*shutdown_fn)(void *arg); /* half-close of the sending side; may be NULL */
} nns_io;

/* A new stream. It holds a reference on cfg, which is frozen from now on.
 * Errors: ARGUMENT (ret or cfg NULL, no such role), NOMEM, IO (the system has no descriptor left).
 */
NNS_API int nns_stream_new(nns_stream **ret, nns_config *cfg, nns_role role) NNS_MUST_CHECK;
/* Frees the stream and its engine, closes the descriptors if it owns them. Nothing is flushed.
 * A mechanism call that still runs is abandoned. NULL is nothing. */
NNS_API void nns_stream_free(nns_stream *s);

#define NNS_FD_CLOSE 1u /* the stream closes the descriptors */
/* The transport, once, before the handshake: a socket (the same descriptor twice) or two
 * descriptors. Sockets get TCP_NODELAY; their blocking mode is left alone and does not matter: a
 * non-blocking stream's socket need not be O_NONBLOCK, a blocking stream's may be.
 * Errors: ARGUMENT (not open, a folder, a socket of datagrams; an unknown flag), STATE. On an error
 * the descriptors stay the caller's. */
NNS_API int nns_stream_set_fd(nns_stream *s, nns_fd recv_fd, nns_fd send_fd, uint32_t flags);
/* Likewise. The callbacks are copied, arg is borrowed.
 * Errors: ARGUMENT (io, recv_fn or send_fn NULL, size too small), STATE. */
NNS_API int nns_stream_set_io(nns_stream *s, const nns_io *io, void *arg);
/* Wire bytes that the caller had already read from the transport; more of them go behind. Before
 * the handshake. Errors: ARGUMENT (more than NNS_LIMIT_BUFFER_BYTES; data NULL and len not 0),
 * STATE, NOMEM (none is sticky). */
NNS_API int nns_stream_set_initial(nns_stream *s, const void *data, size_t len);
/* Server: the pass of this connection, which the stream takes over. It tells the gate how far the
 * handshake is, ends with BUSY when the gate wants it to give way, and frees the pass with itself.
 * Before the handshake, once. Errors: ARGUMENT (pass NULL, a client), STATE; the pass is then
 * still the caller's. */
NNS_API int nns_stream_set_pass(nns_stream *s, nns_pass *pass);
/* Default on. Off: calls answer NNS_WANT_RECV, NNS_WANT_SEND or NNS_WANT_STEP instead of waiting;
 * nns_stream_poll() says what to wait for. A non-blocking client resolves and connects by itself,
 * gives the socket to nns_stream_set_fd() and the target to nns_engine_set_target(). Before the
 * handshake. Errors: ARGUMENT, STATE. */
NNS_API int nns_stream_set_blocking(nns_stream *s, int on);

/* Connects to host and port (names or numbers) by TCP and does the handshake as a client. All
 * addresses are tried, within NNS_LIMIT_CONNECT_MS. target NULL: "host/" and the host in lower
 * case, unless nns_engine_set_target() was called before. Blocking streams only.
 * Errors: ARGUMENT (host or port NULL or empty, or as nns_engine_set_target()), STATE (a server, a
 * non-blocking stream, a transport is set), NOMEM; RESOLVE, IO, TIMEOUT, CANCELED, BUSY (too many
 * look-ups wait) and those of the handshake. */
NNS_API int nns_stream_connect(nns_stream *s, const char *host, const char *port,
                               const char *target);
/* NNS_OK when open; or NNS_WANT_AUTHORIZE (call nns_engine_authorize() and then again), or a want
 * code of a non-blocking stream. Client: needs a target (nns_engine_set_target() or
 * nns_stream_connect()), else STATE. The peer is told of a failure as far as the protocol can.
 * Errors: ARGUMENT and those of the handshake. */
NNS_API int nns_stream_handshake(nns_stream *s) NNS_MUST_CHECK;
/* Blocks until there is at least one byte; after a write, when an answer is due, at first awake for
 * about 50 us, as long as that pays. Bytes read, 0 at the end of the stream (or len 0), or
 * an error. What arrived intact before a fault is delivered first. Does the handshake first, so it
 * answers what that does too.
 * Errors: ARGUMENT (dst NULL and len not 0), STATE (after nns_engine_take_rest()), REENTRANT,
 * FORKED, IO, TIMEOUT (idle, or a server's client's ticket has ended), CANCELED, PROTOCOL,
 * TOO_LARGE, TRUNCATED, INTEGRITY, AUTH (the mechanism says that the ticket has ended), NOMEM,
 * INTERNAL, and those of the handshake. */
NNS_API nns_ssize nns_stream_read(nns_stream *s, void *dst, size_t len) NNS_MUST_CHECK;
/* Blocking: all of src went to the transport: len. Non-blocking: the plaintext accepted (at least
 * 1), or NNS_WANT_SEND; nns_stream_flush() drives it out. Does the handshake first, so it answers
 * what that does too. Errors: ARGUMENT (src NULL and len not 0), STATE (after shutdown),
 * REENTRANT, FORKED, IO, TIMEOUT, CANCELED, AUTH (as above), NOMEM, INTERNAL, what the other side
 * met, and those of the handshake. */
NNS_API nns_ssize nns_stream_write(nns_stream *s, const void *src, size_t len) NNS_MUST_CHECK;
/* All that was written goes to the transport: NNS_OK, or a want code. Does the handshake first.
 * Errors: as nns_stream_write(), but STATE only from the handshake. */
NNS_API int nns_stream_flush(nns_stream *s) NNS_MUST_CHECK;
/* Half-close: flushes and tells the peer that no more will come. Reading goes on. Twice is once.
 * Does the handshake first. Errors: as nns_stream_flush(). */
NNS_API int nns_stream_shutdown(nns_stream *s) NNS_MUST_CHECK;
/* Calls in progress and all later ones end with NNS_ERR_CANCELED. Any thread; async-signal-safe.
 * NULL is nothing. */
NNS_API void nns_stream_cancel(nns_stream *s);

/* For poll(2) and other people's loops (non-blocking streams): what to wait for before the call
 * that answered a want code is made again (at most 3: receiving, sending, a mechanism call that
 * finishes or a cancel), and for how many milliseconds at most (-1: for ever). When the time is
 * over, or a descriptor is ready or has an error, make the call again. The events are not those of
 * poll(2): translate NNS_POLL_IN to POLLIN and NNS_POLL_OUT to POLLOUT. Not beside another call of
 * the stream. Answers how many were filled in.
 * Errors: ARGUMENT (fds or timeout_ms NULL), CANCELED, or the sticky error. */
#define NNS_POLL_IN 1
#define NNS_POLL_OUT 2
typedef struct nns_pollfd {
    nns_fd fd;
    int32_t events; /* NNS_POLL_IN, NNS_POLL_OUT or both */
} nns_pollfd;
NNS_API int nns_stream_poll(nns_stream *s, nns_pollfd fds[3], int32_t *timeout_ms);

/* How long a part of making the connection took, in microseconds; -1: it has not ended, or ended
 * badly, or was not the stream's to do, or there is no such part, or s is NULL. */
#define NNS_TIME_RESOLVE 0   /* the host's addresses */
#define NNS_TIME_CONNECT 1   /* TCP */
#define NNS_TIME_HANDSHAKE 2 /* from the first record to OPEN, the KDC included */
NNS_API int64_t nns_stream_time_us(const nns_stream *s, int32_t part);

/* The engine inside, borrowed, never NULL; s is not NULL. */
NNS_API nns_engine *nns_stream_engine(nns_stream *s);
/* The first failure, NULL while there is none; s may be NULL. */
NNS_API const nns_error *nns_stream_error(const nns_stream *s);

#ifdef __cplusplus
}
#endif

#endif
