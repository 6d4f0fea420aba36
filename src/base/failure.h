/* SPDX-License-Identifier: MIT
 *
 * How an error is built, and the public error object that it becomes. A layer that fails fills a
 * struct nns__failure on its caller's stack; the object that owns the connection packs it into an
 * immutable nns_error once. Message grammar: "operation: what: why", one line, lower case, no
 * full stop, no secret.
 */
#ifndef NNS_BASE_FAILURE_H
#define NNS_BASE_FAILURE_H

#include "base/mem.h"

/* Codes for the peer's HandshakeError record ([MS-NNS] 2.2.1, [MS-ERREF]). */
#define NNS__STATUS_NONE 0u /* tell the peer nothing */
#define NNS__STATUS_TRUST_FAILURE 0x6FEu
#define NNS__STATUS_UNSUPPORTED_FUNCTION 0x80090302u
#define NNS__STATUS_INTERNAL_ERROR 0x80090304u
#define NNS__STATUS_INVALID_TOKEN 0x80090308u
#define NNS__STATUS_LOGON_DENIED 0x8009030Cu
#define NNS__STATUS_UNKNOWN_CREDENTIALS 0x8009030Du
#define NNS__STATUS_MESSAGE_ALTERED 0x8009030Fu
#define NNS__STATUS_NO_AUTHORITY 0x80090311u
#define NNS__STATUS_CONTEXT_EXPIRED 0x00090317u
#define NNS__STATUS_WRONG_PRINCIPAL 0x80090322u
#define NNS__STATUS_TIME_SKEW 0x80090324u

struct nns__failure {
    int code;             /* NNS_ERR_ value */
    int os;               /* errno, or 0 */
    uint32_t major;       /* GSS status, or 0 */
    uint32_t minor;       /* GSS status, or 0 */
    uint32_t peer_status; /* what the peer reported, or 0 */
    uint32_t tell_peer;   /* what to report to the peer, NNS__STATUS_ value */
    char message[320];
    char hint[320];
    char mech_text[256];
};

#if defined(__GNUC__)
#define NNS__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define NNS__PRINTF(fmt, args)
#endif

/* Starts a failure afresh with its code, what to tell the peer, and a message; answers code. A
 * message that is too long is cut; control characters become '?'. */
int nns__fail(struct nns__failure *f, int code, uint32_t tell_peer, const char *format, ...)
    NNS__PRINTF(4, 5);
void nns__failure_hint(struct nns__failure *f, const char *format, ...) NNS__PRINTF(2, 3);

/* Packs f, with the phase, into one immutable block. Never NULL: without memory it answers a
 * static object that has the code and its standard text. */
const nns_error *nns__error_pack(const struct nns__mem *mem, const struct nns__failure *f,
                                 int32_t phase);
void nns__error_free(const struct nns__mem *mem, const nns_error *err); /* NULL is nothing */

/* What to look at when a peer reports this Windows status, or NULL. */
const char *nns__status_hint(uint32_t status);

#endif
