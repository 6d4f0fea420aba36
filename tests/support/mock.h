/* SPDX-License-Identifier: MIT
 *
 * The mock mechanism: deterministic, without keys, for tests of everything above src/auth. Its
 * tokens are "MOCK", the number of the turn and filler; its records detect tampering, reordering,
 * reflection and a missing encryption. A script says how a side behaves, so that every course of
 * a handshake can be played.
 */
#ifndef NNS_TESTS_MOCK_H
#define NNS_TESTS_MOCK_H

#include "auth/auth.h"

/* Security context of an ordinary Kerberos session at level encrypt. */
#define MOCK_FLAGS                                                                                 \
    (NNS__FLAG_MUTUAL | NNS__FLAG_INTEG | NNS__FLAG_CONF | NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE)

struct mock {
    /* Tokens that pass altogether; both sides are complete after the last. 1: the client's only
     * (Kerberos without mutual authentication), 2: one each (Kerberos), 3: the client has the last
     * (raw NTLM), 4: the server has it (NTLM in SPNEGO). 0 means 2. */
    int turns;
    uint32_t flags;     /* 0 means MOCK_FLAGS; see level_none */
    bool level_none;    /* flags MUTUAL alone */
    uint32_t ssf;       /* 0 means 256 */
    int64_t ticket_end; /* seconds since 1970 */
    const char *peer;   /* the server's view; NULL means "alice@MOCK.TEST" */
    bool unknown_mechanism;
    size_t filler; /* bytes of filler in each token of ours */
    int fail_turn; /* the step with this turn fails with fail_code, telling fail_tell */
    int fail_code;
    uint32_t fail_tell;
    int mute_turn;       /* the step with this turn gives no token */
    bool complete_early; /* complete at the first step, whatever turns says */
    int fail_seal;       /* the n-th seal call fails, 0: none */
    bool fail_inquire;
    bool fail_protect;
    void (*on_step)(void *arg); /* called in each step, on its thread: may block */
    void *arg;
};

extern const struct nns__auth_ops mock_auth;

/* A configuration with the mock; script is borrowed and must outlive it. Servers let anybody in.
 * alloc as for nns_config_new(). */
int mock_config(nns_config **ret, const struct mock *script, const nns_allocator *alloc);

/* Makes one record as the peer of a side would: role is the sender's. Answers its size with the
 * length field; room must be size + 20. */
size_t mock_record(uint8_t *to, nns_role sender, uint64_t sequence, bool conf, const void *plain,
                   size_t size);

#define MOCK_OVERHEAD ((size_t)16) /* of a message beside its plaintext */
#define MOCK_TAIL ((size_t)12)     /* of room behind it, where nothing stays */

#endif
