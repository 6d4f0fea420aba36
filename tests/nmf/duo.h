/* SPDX-License-Identifier: MIT
 *
 * net.tcp connections in memory: one alone against a hand-made peer, or two whose bytes are pumped
 * from one to the other in pieces of a chosen size. Helpers that cannot go on fail the test.
 */
#ifndef NNS_TESTS_NMF_DUO_H
#define NNS_TESTS_NMF_DUO_H

#include "nmf/nmf_internal.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#define VIA "net.tcp://localhost:808/echo"

/* One side; script NULL: without security. A client has via and target and is not started. */
nns_nmf *nmf_make(nns_role role, const struct mock *script, const nns_allocator *alloc);

/* Gives all the bytes to n, unless it fails or wants no more; answers how many it took. */
size_t nmf_feed(nns_nmf *n, const void *bytes, size_t size);
/* Takes what n wants to send, up to room bytes; answers how many. */
size_t nmf_drain(nns_nmf *n, void *to, size_t room);
/* Checks that what n wants to send now is exactly this. */
void nmf_expect(nns_nmf *n, const void *bytes, size_t size);
/* A fault record with this name, of which there is room for any; answers its size. */
size_t nmf_fault_record(uint8_t to[256], const char *name);
/* The same as nmf_expect() for a fault record. */
void nmf_expect_fault(nns_nmf *n, const char *name);
/* Checks the sticky error, that the state says so, and a part of the message. */
void nmf_expect_failure(nns_nmf *n, int code, const char *message_part);
/* Reads all that has come; answers the bytes of envelopes, and in *ends how many were complete. */
size_t nmf_read_all(nns_nmf *n, void *to, size_t room, int *ends);
/* Writes one envelope, of the mode's kind. It must have room. */
void nmf_write_envelope(nns_nmf *n, const void *bytes, size_t size);

struct duo {
    struct mock script;
    bool secured;
    bool refusing;     /* does not accept */
    bool tolerant;     /* of accepts that fail */
    nns_nmf_mode mode; /* 0: duplex */
    size_t first;      /* bytes of the first piece each way, 0: as chunk */
    size_t chunk;      /* most bytes moved at once, 0: any number */
    nns_nmf *client, *server;
    struct tape *from_client, *from_server; /* where the wire is recorded, or NULL */
};

void duo_make(struct duo *d);
/* Steps whoever wants it, accepts, and moves bytes until nothing more happens. */
void duo_pump(struct duo *d);
void duo_open(struct duo *d); /* make, start and pump; both must be open */
/* Writes an envelope at one side, pumps, and checks what the other one reads. */
void duo_transfer(struct duo *d, nns_nmf *from, nns_nmf *to, const void *bytes, size_t size);
void duo_free(struct duo *d);

#endif
