/* SPDX-License-Identifier: MIT
 *
 * The gate: a server's limits in one place. It counts connections and handshakes that are not
 * over, these also for each source address, and says who may come in. A source over its quota is
 * refused. When handshakes are at their limit, the oldest one whose client has not sent a complete
 * first token gives way to the newcomer: a flood of idle connections does not lock anybody out.
 *
 *   NNS_LIMIT_CONNECTIONS, NNS_LIMIT_HANDSHAKES, NNS_LIMIT_HANDSHAKES_PER_SOURCE
 *
 * A source is an IPv4 address or the first 64 bits of an IPv6 one; an IPv4 address mapped into
 * IPv6 counts as IPv4. Memory: one pass for each connection let in, nothing for one refused.
 *
 * Threads: any, for all of it. nns_stream_set_pass() makes the calls on a pass for a stream.
 */
#ifndef NNS_GATE_H
#define NNS_GATE_H

#include <nns/config.h>
#include <nns/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A new gate with the limits of cfg, which is frozen from now on. Errors: ARGUMENT, NOMEM. */
NNS_API int nns_gate_new(nns_gate **ret, nns_config *cfg) NNS_MUST_CHECK;
/* Passes may outlive it: the last one frees what they share. NULL is nothing. */
NNS_API void nns_gate_free(nns_gate *g);

/* Lets one connection in, from the struct sockaddr of len bytes that accept() filled in; any
 * other family than IPv4 and IPv6, or NULL with len 0, has no source and no quota. The caller owns
 * the pass. limit, unless it is NULL, tells which enum nns_limit a BUSY comes from.
 * Errors: ARGUMENT, NOMEM, BUSY. */
NNS_API int nns_gate_admit(nns_gate *g, const void *sockaddr, size_t len, nns_pass **ret,
                           int32_t *limit) NNS_MUST_CHECK;
/* How many there are now; either may be NULL. */
NNS_API void nns_gate_counts(nns_gate *g, size_t *connections, size_t *handshakes);

/* fn is called once, when this handshake has to give way, perhaps at once and on any thread: it
 * has the connection end (nns_stream_cancel() does) and calls nothing of the gate or its passes.
 * The pass is still to be freed. fn does not run any more when nns_pass_free() has returned. */
NNS_API void nns_pass_on_evict(nns_pass *p, void (*fn)(void *arg), void *arg);
/* A complete first token has arrived (nns_engine_legs() is not 0): this one stays. */
NNS_API void nns_pass_first_token(nns_pass *p);
/* The handshake is over: from now on it is only a connection. */
NNS_API void nns_pass_open(nns_pass *p);
/* The connection is closed. NULL is nothing. */
NNS_API void nns_pass_free(nns_pass *p);

#ifdef __cplusplus
}
#endif

#endif
