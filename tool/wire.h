/* SPDX-License-Identifier: MIT
 *
 * Finds the records in the two byte streams of a connection: handshake records first, then data
 * records, or plain bytes at level none. It neither needs nor knows a mechanism, and what does not
 * look like NegotiateStream is handed on as it comes. No I/O.
 */
#ifndef TOOL_WIRE_H
#define TOOL_WIRE_H

#include "der.h"

#define WIRE_DONE 0x14
#define WIRE_ERROR 0x15
#define WIRE_IN_PROGRESS 0x16

#define WIRE_HANDSHAKE_HEADER ((size_t)5) /* id, version, size (big-endian): [MS-NNS] 2.2.1 */
#define WIRE_DATA_HEADER ((size_t)4)      /* length (little-endian): [MS-NNS] 2.2.2 */
#define WIRE_DATA_LEAST ((size_t)5)
#define WIRE_DATA_MOST ((size_t)65536)

enum wire_kind {
    WIRE_HANDSHAKE,
    WIRE_DATA,
    WIRE_RAW,     /* bytes of level none */
    WIRE_FOREIGN, /* bytes of another protocol, from the first on */
    WIRE_LOST     /* bytes of which is not known what they are: behind an illegal length */
};

struct wire_unit {
    enum wire_kind kind;
    bool outgoing;
    bool first;       /* nothing passed in this direction before */
    struct span head; /* the bytes themselves; of a data record perhaps only the first ones */
    size_t present;   /* bytes that passed */
    size_t total;     /* the same, or more: the record was cut */
};

/* Borrowed by the function until it returns. */
typedef void (*wire_unit_fn)(void *arg, const struct wire_unit *unit);

enum wire_level {
    WIRE_LEVEL_UNKNOWN, /* what follows the handshake is held back */
    WIRE_LEVEL_RECORDS, /* sign or encrypt */
    WIRE_LEVEL_NONE
};

struct wire_half {
    uint8_t *bytes; /* of the record that is not whole yet, or held back */
    uint8_t *known; /* as struct span has it */
    size_t used, room;
    size_t present, total; /* of that record; total 0: its header is not whole */
    bool data;             /* it is a data record */
    bool begun, done, foreign, lost;
};

struct wire {
    struct wire_half half[2]; /* received, sent */
    enum wire_level level;
    bool is_client;   /* ours is the client's side */
    size_t data_kept; /* of a data record, with its header */
    wire_unit_fn unit;
    void *arg;
};

void wire_init(struct wire *w, bool is_client, size_t data_kept, wire_unit_fn unit, void *arg);
/* Bytes that passed. False: no memory, and the direction's state is lost. */
bool wire_feed(struct wire *w, bool outgoing, struct span bytes);
/* Whether bytes of another protocol, a direction's first, begin net.tcp's framing. */
bool wire_is_framing(struct span s);
/* What follows the handshake; releases what was held back. False: no memory. */
bool wire_set_level(struct wire *w, enum wire_level level);
/* The end: hands on records that are not whole, and frees what w holds. */
void wire_end(struct wire *w);
/* Frees it without that. */
void wire_free(struct wire *w);

#endif
