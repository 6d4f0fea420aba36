/* SPDX-License-Identifier: MIT
 *
 * What every function of libnns returns, and the error object that says more. Also the basic
 * types that the other headers share. There is no global state: an error belongs to the object
 * that failed.
 */
#ifndef NNS_RESULT_H
#define NNS_RESULT_H

#include <stddef.h>
#include <stdint.h>

#if defined(NNS_STATIC)
#define NNS_API
#elif defined(_WIN32)
#ifdef NNS_BUILDING
#define NNS_API __declspec(dllexport)
#else
#define NNS_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define NNS_API __attribute__((visibility("default")))
#else
#define NNS_API
#endif

#if defined(__GNUC__)
#define NNS_MUST_CHECK __attribute__((warn_unused_result))
#else
#define NNS_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that was loaded, 0xMMmmpp; compare with NNS_VERSION_NUM. */
NNS_API uint32_t nns_version_num(void);
NNS_API const char *nns_version_string(void); /* "0.1.0", static storage */

typedef ptrdiff_t nns_ssize; /* a count of bytes (>= 0) or a result below 0 */

#ifdef _WIN32
typedef uintptr_t nns_fd; /* a SOCKET */
#else
typedef int nns_fd;
#endif

typedef struct nns_config nns_config; /* reference counted, frozen once used */
typedef struct nns_engine nns_engine; /* one connection, bytes only, no I/O */
typedef struct nns_job nns_job;       /* one mechanism call that may block */
typedef struct nns_stream nns_stream; /* an engine bound to a transport */
typedef struct nns_gate nns_gate;     /* admission control of a server */
typedef struct nns_pass nns_pass;     /* one admitted connection */
typedef struct nns_error nns_error;   /* read through accessors */

/* Enumerations cross the ABI as int32_t, so that a new value never changes a size. */
typedef int32_t nns_role;
#define NNS_CLIENT 1
#define NNS_SERVER 2

typedef int32_t nns_protection;
#define NNS_PROTECT_NONE 0 /* bytes pass as they are, unframed */
#define NNS_PROTECT_SIGN 1 /* integrity */
#define NNS_PROTECT_SEAL 2 /* integrity and confidentiality */

/* The level in a word: "none", "sign", "encrypt"; any other number: "unknown level". Static
 * storage, never NULL, any thread. */
NNS_API const char *nns_protection_name(nns_protection level);

typedef int32_t nns_impersonation; /* what a client lets the server do with its identity */
#define NNS_IDENTIFY 1             /* learn it */
#define NNS_IMPERSONATE 2          /* act as the client on its own machine */
#define NNS_DELEGATE 3             /* act as the client elsewhere: it gets the client's tickets */

/* Every int and nns_ssize result: >= 0 is success, -2..-9 means "not now", -100 and below is an
 * error. Usage errors (-1xx) are only returned and change no object; all others are sticky: the
 * first one stays. Values are never renumbered or reused. X(name, value, class, text). */
#define NNS_RESULT_MAP(X)                                                                          \
    X(NNS_WANT_RECV, -2, RETRY, "needs bytes from the peer")                                       \
    X(NNS_WANT_SEND, -3, RETRY, "has bytes for the peer that must go out first")                   \
    X(NNS_WANT_STEP, -4, RETRY, "needs the mechanism: take a job or step")                         \
    X(NNS_WANT_AUTHORIZE, -5, RETRY, "needs nns_engine_authorize()")                               \
    X(NNS_ERR_ARGUMENT, -100, USAGE, "invalid argument")                                           \
    X(NNS_ERR_STATE, -101, USAGE, "call not allowed in this state")                                \
    X(NNS_ERR_FROZEN, -102, USAGE, "the configuration is in use and cannot change")                \
    X(NNS_ERR_REENTRANT, -103, USAGE,                                                              \
      "another call is working on this side of the object, or a callback calls back")              \
    X(NNS_ERR_UNSUPPORTED, -104, USAGE, "not supported by this build or mechanism")                \
    X(NNS_ERR_FORKED, -105, USAGE, "the session belongs to another process")                       \
    X(NNS_ERR_IO, -200, IO, "the transport failed")                                                \
    X(NNS_ERR_RESOLVE, -201, IO, "the name did not resolve")                                       \
    X(NNS_ERR_TIMEOUT, -202, TIMEOUT, "timed out")                                                 \
    X(NNS_ERR_CANCELED, -203, IO, "canceled")                                                      \
    X(NNS_ERR_PROTOCOL, -300, PROTOCOL, "the peer broke the protocol")                             \
    X(NNS_ERR_FOREIGN, -301, PROTOCOL, "the peer does not speak NegotiateStream")                  \
    X(NNS_ERR_TOO_LARGE, -302, PROTOCOL, "a record is larger than the limit")                      \
    X(NNS_ERR_TRUNCATED, -303, PROTOCOL, "the peer closed in the middle of a record")              \
    X(NNS_ERR_INTEGRITY, -304, PROTOCOL, "a record failed its integrity check")                    \
    X(NNS_ERR_AUTH, -400, AUTH, "authentication failed")                                           \
    X(NNS_ERR_CREDENTIALS, -401, AUTH, "no usable credentials")                                    \
    X(NNS_ERR_POLICY, -402, AUTH, "what was negotiated is less than what is required")             \
    X(NNS_ERR_REFUSED, -403, AUTH, "the peer's identity was refused")                              \
    X(NNS_ERR_PEER, -500, PEER, "the peer reported an error")                                      \
    X(NNS_ERR_BUSY, -600, LIMIT, "a limit was reached")                                            \
    X(NNS_ERR_NOMEM, -900, INTERNAL, "out of memory")                                              \
    X(NNS_ERR_INTERNAL, -901, INTERNAL, "internal error")

enum nns_result {
    NNS_OK = 0,
#define NNS_X(name, value, cls, text) name = value,
    NNS_RESULT_MAP(NNS_X)
#undef NNS_X
    NNS_RESULT_LAST_ = -1000 /* not a result */
};

enum nns_error_class {
    NNS_CLASS_NONE,
    NNS_CLASS_RETRY,
    NNS_CLASS_USAGE,
    NNS_CLASS_IO,
    NNS_CLASS_TIMEOUT,
    NNS_CLASS_PROTOCOL,
    NNS_CLASS_AUTH,
    NNS_CLASS_PEER,
    NNS_CLASS_LIMIT,
    NNS_CLASS_INTERNAL
};

NNS_API int nns_result_class(int result);        /* enum nns_error_class; NONE for >= 0 */
NNS_API const char *nns_result_name(int result); /* "NNS_ERR_AUTH", static storage, never NULL */
NNS_API const char *nns_strerror(int result);    /* a sentence, static storage, never NULL */

/* Where in the life of a connection an error happened. */
#define NNS_PHASE_NONE 0
#define NNS_PHASE_CONNECT 1
#define NNS_PHASE_HANDSHAKE 2
#define NNS_PHASE_DATA 3
#define NNS_PHASE_CLOSE 4

/* The first failure of an object. It is published once and unchanged from then on: any thread
 * may read it after a call returned an error. It lives as long as the object that owns it; copy
 * it to keep it. All accessors take NULL and then answer "no error" (NNS_OK, 0, "", NULL). */
NNS_API int nns_error_code(const nns_error *err);              /* an NNS_ERR_ value */
NNS_API int32_t nns_error_phase(const nns_error *err);         /* an NNS_PHASE_ value */
NNS_API const char *nns_error_message(const nns_error *err);   /* one line, never NULL */
NNS_API const char *nns_error_hint(const nns_error *err);      /* what to do, or NULL */
NNS_API uint32_t nns_error_mech_major(const nns_error *err);   /* GSS major status, 0: none */
NNS_API uint32_t nns_error_mech_minor(const nns_error *err);   /* GSS minor status, 0: none */
NNS_API const char *nns_error_mech_text(const nns_error *err); /* the mechanism's words, or NULL */
/* The HRESULT that the peer sent in its HandshakeError record ([MS-NNS] 2.2.1), 0: none. It is
 * not authenticated: a hint, never a reason to try again with less security. */
NNS_API uint32_t nns_error_peer_status(const nns_error *err);
NNS_API const char *nns_error_peer_status_name(const nns_error *err); /* "SEC_E_LOGON_DENIED" */
NNS_API int nns_error_os(const nns_error *err);                       /* errno, 0: none */
/* The symbolic name of a status as nns_error_peer_status() has it, NULL: none is known. Static
 * storage, any thread. */
NNS_API const char *nns_status_name(uint32_t status);
/* A copy with the default allocator. Errors: ARGUMENT (err or ret NULL), NOMEM. */
NNS_API int nns_error_copy(nns_error **ret, const nns_error *err) NNS_MUST_CHECK;
NNS_API void nns_error_free(nns_error *err); /* only what nns_error_copy() made; NULL is nothing */

/* The caller's allocator. realloc_fn(arg, NULL, 0, n) allocates, (arg, p, old, 0) frees and
 * answers NULL, otherwise it moves; NULL means that there is no memory. It is called from every
 * thread that uses objects made with it, the library's own mechanism threads included. */
typedef struct nns_allocator {
    size_t size; /* sizeof(nns_allocator) */
    void *(*realloc_fn)(void *arg, void *ptr, size_t old_size, size_t new_size);
    void *arg;
} nns_allocator;

#ifdef __cplusplus
}
#endif

#endif
