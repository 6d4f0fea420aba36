/* SPDX-License-Identifier: MIT
 *
 * Engines in memory, with the mock mechanism: one alone against a hand-made peer, or two whose
 * bytes are pumped from one to the other in pieces of a chosen size. Helpers that cannot go on
 * fail the test.
 */
#ifndef NNS_TESTS_PAIR_H
#define NNS_TESTS_PAIR_H

#include "engine/engine_internal.h"
#include "support/mock.h"

#define RECORD_IN_PROGRESS 0x16
#define RECORD_DONE 0x14
#define RECORD_ERROR 0x15

/* ---- one engine ---- */

/* A configuration for script that accepts the level the script gives. */
nns_config *config_make(const struct mock *script, const nns_allocator *alloc);
/* An engine on it (the reference is taken over); a client has its target. */
nns_engine *engine_on(nns_config *cfg, nns_role role);
nns_engine *engine_make(nns_role role, const struct mock *script);

/* Gives all the bytes to the engine and checks that it took them. Answers what recv answered. */
int engine_feed(nns_engine *e, const void *bytes, size_t size);
/* Takes what the engine wants to send, up to room bytes; answers how many. */
size_t engine_drain(nns_engine *e, void *to, size_t room);
/* Checks that what the engine wants to send now is exactly this. */
void engine_expect(nns_engine *e, const void *bytes, size_t size);
/* The same for the error record with this status, in mirror form. */
void engine_expect_error_record(nns_engine *e, uint32_t status);
/* Reads until nothing comes; answers the bytes read, and in *end the last result of read. */
size_t engine_read_all(nns_engine *e, void *to, size_t room, int *end);
/* Checks the sticky error, that the state says so, and a part of the message. */
void engine_expect_failure(nns_engine *e, int code, const char *message_part);

/* One handshake record, one mock token as a record; they answer the size. */
size_t record_make(uint8_t *to, uint8_t id, const void *token, size_t size);
size_t token_record(uint8_t *to, uint8_t id, uint8_t turn);
int engine_feed_token(nns_engine *e, uint8_t id, uint8_t turn);

/* An engine of this role that has opened with a hand-made peer; nothing waits to be sent. */
nns_engine *engine_opened(nns_role role, const struct mock *script);
nns_engine *engine_opened_on(nns_config *cfg, nns_role role);
/* Feeds one data record as its peer would make it. */
void engine_feed_data(nns_engine *e, uint64_t sequence, const void *plain, size_t size);

/* ---- two engines ---- */

struct tape {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

struct pair {
    struct mock client_script, server_script; /* set before pair_make() */
    nns_config *client_cfg, *server_cfg;      /* NULL: made of the scripts */
    size_t chunk;                             /* most bytes moved at once, 0: any number */
    nns_engine *client, *server;
    struct tape *from_client, *from_server; /* where the wire is recorded, or NULL */
};

void pair_make(struct pair *p);
/* Steps whoever wants it and moves bytes until nothing more happens. */
void pair_pump(struct pair *p);
void pair_open(struct pair *p); /* make and pump; both must be open */
void pair_free(struct pair *p);
/* Writes size bytes at one engine, pumps, and checks what the other one reads. */
void pair_transfer(struct pair *p, nns_engine *from, nns_engine *to, const void *bytes,
                   size_t size);

void tape_add(struct tape *tape, const void *bytes, size_t size);
void tape_free(struct tape *tape);

#endif
