/* SPDX-License-Identifier: MIT
 *
 * The inside of an engine, shared by the files of this folder: engine.c (life, state, errors,
 * getters), handshake.c (the table), job.c (mechanism calls), recv.c and send.c (the two halves
 * of the data phase), gss_access.c (nns/gss.h). What a stream may use of it is in
 * engine_stream.h. After OPEN one thread may be in recv.c while another is in send.c: each
 * half owns its struct, what both read does not change any more, and the error is atomic.
 */
#ifndef NNS_ENGINE_ENGINE_INTERNAL_H
#define NNS_ENGINE_ENGINE_INTERNAL_H

#include "auth/auth.h"
#include "base/buffer.h"
#include "base/failure.h"
#include "config/config.h"
#include "config/policy.h"
#include "engine/engine_stream.h"
#include "protect/protect.h"

#include <nns/engine.h>
#include <stdatomic.h>

/* States of the handshake. A failure is not one of them: it is the presence of an error. */
enum nns__handshake_state {
    NNS__START,        /* server: nothing has come yet */
    NNS__STEP,         /* the mechanism is to be called, or is running */
    NNS__EXPECT_TOKEN, /* the mechanism wants a token of the peer's */
    NNS__EXPECT_DONE,  /* client: the mechanism is complete, the server has not said so */
    NNS__AUTHORIZE,    /* the application is to decide about the peer */
    NNS__OPEN,
    NNS__HANDSHAKE_STATES
};

/* What can come in during the handshake. */
enum nns__handshake_message {
    NNS__GOT_IN_PROGRESS,
    NNS__GOT_DONE,
    NNS__GOT_ERROR,
    NNS__GOT_OTHER, /* an unknown message id */
    NNS__GOT_EOF,
    NNS__HANDSHAKE_MESSAGES
};

struct nns__handshake {
    enum nns__handshake_state state;
    struct nns__auth *auth;  /* NULL before the first step and while a job has it */
    char *target;            /* the mechanism's own copy; goes where it goes */
    nns_job *job;            /* that is out, or NULL */
    struct nns__token input; /* for the next step */
    struct nns__token reply; /* of a complete mechanism, held back while AUTHORIZE */
    bool peer_done;          /* client: the server's Done has been seen */
    size_t bytes_in;
    int legs_in;
    int legs_out;
};

struct nns__recv_half {
    struct nns__buffer window; /* wire bytes; before start: the plaintext that was opened last */
    struct nns__plain plain[NNS__BATCH]; /* in the window, not yet read */
    size_t plain_next;                   /* the first of them */
    size_t plain_count;                  /* one past the last */
    size_t room_lent;                    /* bytes lent by recv_buf */
    size_t plain_lent;                   /* bytes lent by read_buf */
    size_t empty_run;                    /* records in a row without payload */
    bool filled;                         /* one receive filled the window: more may be waiting */
    bool eof;                            /* the transport has ended */
    bool taken;                          /* take_rest has ended the receive half */
};

struct nns__send_half {
    struct nns__buffer out;   /* from start: sealed bytes, then the slots of staged plaintext */
    struct nns__buffer later; /* handshake records that wait until out, which is lent, may move */
    size_t sealed;            /* bytes that are ready for the peer */
    size_t staged;            /* plaintext that waits to be sealed */
    size_t sealed_lent;       /* bytes lent by send_buf */
    size_t slot_lent;         /* bytes lent by write_buf */
    size_t allowed;           /* capacity that out may have now */
    bool refused;             /* the queue was too small since it was empty */
    bool closed;
};

struct nns_engine {
    struct nns__mem mem;
    nns_config *cfg;
    nns_role role;
    _Atomic(int32_t) phase; /* for errors; DATA exactly when the handshake is OPEN */
    uint32_t owner;         /* the mark of the process that made it */
    _Atomic(const nns_error *) error;
    struct nns__handshake handshake;
    struct nns__recv_half recv;
    struct nns__send_half send;
    struct nns__protection protection;
    struct nns__facts facts;
    char *target;              /* client */
    struct nns__token binding; /* to the channel below; goes with the mechanism */
    void *user_data;
};

/* engine.c */

static inline bool nns__engine_is_open(const nns_engine *e)
{
    return e->handshake.state == NNS__OPEN;
}

static inline bool nns__engine_is_framed(const nns_engine *e)
{
    return e->protection.sealer != NULL;
}

/* Shows the application wire bytes that pass, where it asked for that. */
static inline void nns__engine_trace(const nns_engine *e, bool outgoing, const uint8_t *bytes,
                                     size_t size)
{
    if (e->cfg->trace != NULL)
        e->cfg->trace(e->cfg->trace_arg, e, outgoing, bytes, size);
}

/* The sticky error's code, or NNS_OK. */
int nns__engine_failed(const nns_engine *e);
/* What every call that moves bytes begins with: NNS_OK, or STATE while a job is out, FORKED. */
int nns__engine_usable(const nns_engine *e);
/* As nns__engine_fail_text(), on the engine's thread: before OPEN it also queues the error record
 * that f asks for. */
int nns__engine_fail(nns_engine *e, const struct nns__failure *f);
/* The same for a lack of memory. */
int nns__engine_fail_memory(nns_engine *e);

/* handshake.c */

/* True if the state waits for a record of the peer's. */
bool nns__handshake_expects(const nns_engine *e);
/* Works through the handshake records that have arrived. */
int nns__handshake_receive(nns_engine *e);
/* Goes on with what the mechanism answered: takes facts, protection and token over. */
int nns__handshake_stepped(nns_engine *e, nns_job *job);
int nns__handshake_authorized(nns_engine *e);
/* One message in the present state: the table. payload is borrowed. For tests too. */
int nns__handshake_message(nns_engine *e, enum nns__handshake_message message,
                           const uint8_t *payload, size_t size);
void nns__token_free(struct nns__token *token, const struct nns__mem *mem);

/* job.c */

struct nns_job {
    struct nns__mem mem;
    nns_engine *engine; /* NULL once it is gone or has let go; engine's thread only */
    struct nns__auth_request request;
    nns_config *cfg;
    char *target;              /* the mechanism's */
    struct nns__token binding; /* likewise */
    struct nns__auth *auth;    /* likewise */
    struct nns__token input;
    atomic_int owners; /* who will still run it, who will still finish or abandon it */
    atomic_bool abandoned;
    atomic_bool done;
    /* The outcome. */
    int result;
    bool complete;
    struct nns__token output;
    struct nns__facts facts;
    struct nns__protection protection;
    struct nns__failure failure;
};

/* recv.c, send.c */

/* What a window or queue may hold before bulk traffic made it grow: a record of any size, and as
 * much again. */
#define NNS__BUFFER_BASE ((size_t)131072)

static inline size_t nns__engine_buffer_limit(const nns_engine *e)
{
    return nns__config_size_limit(e->cfg, NNS_LIMIT_BUFFER_BYTES);
}

uint32_t nns__recv_bits(const nns_engine *e);
uint32_t nns__send_bits(const nns_engine *e);
void nns__recv_free(nns_engine *e);
void nns__send_free(nns_engine *e);
/* Queues one handshake record. NOMEM, TOO_LARGE: nothing was queued. */
int nns__send_handshake(nns_engine *e, uint8_t id, const uint8_t *payload, size_t size);

#endif
