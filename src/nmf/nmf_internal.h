/* SPDX-License-Identifier: MIT
 *
 * The parts of a net.tcp connection, for the files of this folder and for tests.
 */
#ifndef NNS_NMF_INTERNAL_H
#define NNS_NMF_INTERNAL_H

#include "nmf/record.h"

#include <nns/nmf.h>

/* What is waited for. */
enum nns__nmf_state {
    /* server */
    NNS__NMF_EXPECT_VERSION,
    NNS__NMF_EXPECT_MODE,
    NNS__NMF_EXPECT_VIA,
    NNS__NMF_EXPECT_ENCODING,
    NNS__NMF_EXPECT_UPGRADE,      /* or the end of the preamble */
    NNS__NMF_EXPECT_PREAMBLE_END, /* inside of NegotiateStream */
    NNS__NMF_ACCEPT,              /* the application's word */
    /* client */
    NNS__NMF_START, /* the application's preamble */
    NNS__NMF_EXPECT_UPGRADED,
    NNS__NMF_EXPECT_ACK,
    /* both */
    NNS__NMF_HANDSHAKE, /* the engine's */
    NNS__NMF_SIZED,     /* envelopes of duplex and simplex mode */
    NNS__NMF_UNSIZED,   /* the one of singleton mode */
    NNS__NMF_LAST,      /* has come: End */
    NNS__NMF_SILENT,    /* nothing: the peer has ended, or never speaks */
    NNS__NMF_STATES
};

/* Where inside of an envelope that is being read, or written. */
enum nns__nmf_part {
    NNS__NMF_BETWEEN, /* no envelope */
    NNS__NMF_CHUNK,   /* left bytes to come; then the next chunk's size, or the end */
    NNS__NMF_WHOLE    /* left bytes to come, and no more */
};

struct nns__nmf_envelope {
    enum nns__nmf_part part;
    int64_t size;  /* or NNS_NMF_UNSIZED */
    uint64_t left; /* of the envelope, or of the chunk */
    uint64_t sum;  /* of the chunks so far */
    struct nns__nmf_size chunk;
};

struct nns_nmf {
    struct nns__nmf_mem mem;
    nns_role role;
    nns_config *cfg; /* NULL: no security */
    nns_engine *engine;
    enum nns__nmf_state state;
    int64_t limits[NNS_NMF_LIMIT_BUFFER_BYTES + 1];

    nns_nmf_mode mode;
    int32_t encoding; /* -1: content_type */
    char *via;
    char *content_type;
    char *target;

    struct nns__nmf_buffer in;  /* clear bytes of the peer's, not yet looked at */
    struct nns__nmf_buffer out; /* records that wait for the wire, or for the engine's room */
    size_t in_want;             /* room to be had in in */
    bool eof;                   /* the peer has closed */
    bool eof_passed;            /* and the engine knows */
    bool begun;                 /* a byte of the preamble has come, or the preamble has gone */
    bool open;                  /* the preamble is complete */
    bool wrote_one;             /* singleton mode */
    bool ended;                 /* our End is in out, or further */
    bool peer_ended;            /* the peer's End was taken */
    struct nns__nmf_decoder record;
    struct nns__nmf_envelope reading;
    struct nns__nmf_envelope writing;
    size_t room_lent, sent_lent, read_lent; /* by the xxx_buf calls */
    bool room_is_engines;

    int error;
    char *fault;
    char message[320];
};

/* nmf.c */

/* The first failure stays. Answers the sticky error. */
int nns__nmf_failed(nns_nmf *n, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and the peer is told this fault, where it may be. */
int nns__nmf_refuse(nns_nmf *n, int code, const char *fault, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Takes the engine's failure over. */
int nns__nmf_engine_failed(nns_nmf *n);
static inline size_t nns__nmf_limit(const nns_nmf *n, int32_t limit)
{
    return (size_t)n->limits[limit];
}

/* fault.c */

#define NNS__NMF_FAULTS "http://schemas.microsoft.com/ws/2006/05/framing/faults/"
/* The name at the end of a URI that is one of those; else the URI. */
const char *nns__nmf_fault_name(const char *uri);

/* machine.c */

/* Does what has become possible: makes the engine, works through the records of the preamble, hands
 * records over to the engine, leaves NegotiateStream. Answers the sticky error. */
int nns__nmf_settle(nns_nmf *n);
/* Takes one record, if it has come, through the table: NNS_OK, NNS_WANT_RECV, or the sticky
 * error. */
int nns__nmf_step(nns_nmf *n);
/* The peer has closed where a record was due. Answers the sticky error. */
int nns__nmf_truncated(nns_nmf *n);
/* True if the peer has closed and all that came before was taken. */
bool nns__nmf_at_eof(const nns_nmf *n);

/* recv.c */

bool nns__nmf_can_recv(const nns_nmf *n);
bool nns__nmf_can_read(const nns_nmf *n);
/* The bytes of the peer's that come next, in clear or opened; len 0: none yet. */
int nns__nmf_source(nns_nmf *n, const uint8_t **ptr, size_t *len);
int nns__nmf_consume(nns_nmf *n, size_t len);
/* The peer has ended: what it sent behind that, as far as it was received, is clear again. */
int nns__nmf_end_of_security(nns_nmf *n);

/* send.c */

/* Queues bytes of a record; there is always room for control records. */
int nns__nmf_put(nns_nmf *n, const void *bytes, size_t size);
int nns__nmf_put_type(nns_nmf *n, enum nns__nmf_record type);
int nns__nmf_put_text(nns_nmf *n, enum nns__nmf_record type, const char *prefix, const char *text);
/* Hands what waits over to the open engine. */
int nns__nmf_push(nns_nmf *n);
bool nns__nmf_can_write(const nns_nmf *n);
bool nns__nmf_has_to_send(const nns_nmf *n);

#endif
