/* SPDX-License-Identifier: MIT
 *
 * Records in, records out. When a mechanism is complete it yields a sealer and an opener, one
 * object a direction; the data phase knows nothing else of it. Different threads may use the two
 * at once, each object one thread at a time. An object is not used again after it failed, but for
 * rest() and free().
 */
#ifndef NNS_PROTECT_PROTECT_H
#define NNS_PROTECT_PROTECT_H

#include "base/failure.h"

struct nns__sealer;
struct nns__opener;

/* Records that an opener opens at once, at most; a sealer works best with as many. */
#define NNS__BATCH ((size_t)16)

struct nns__plain {
    uint8_t *data;
    size_t size; /* in bytes, perhaps 0 */
};

struct nns__sealer_ops {
    /* Seals count records. Record i has its plaintext at slots + i * stride + 4 + head; all but
     * the last hold plain bytes, the last holds last bytes (at least 1). The finished records,
     * each behind its little-endian length, are written one behind the other from slots on.
     * Answers their size in bytes altogether, or fails. */
    nns_ssize (*seal)(struct nns__sealer *sealer, uint8_t *slots, size_t stride, size_t count,
                      size_t plain, size_t last, struct nns__failure *f);
    /* Gives back what is only of use while records pass; the next seal() takes it again. */
    void (*rest)(struct nns__sealer *sealer);
    void (*free)(struct nns__sealer *sealer);
};

struct nns__opener_ops {
    /* Opens records in place: count (at least 1) whole ones of legal length stand at records, one
     * behind the other, each behind its little-endian length. Answers how many it has opened, at
     * least 1 and at most count or NNS__BATCH; plains[i] is then what record i held, inside of it.
     * It does not touch what follows a record that it could not believe in: bytes there may
     * belong to another protocol. Fails when the first record is bad. When a later one is, those
     * before it are opened and answered, and the next call fails. */
    nns_ssize (*open)(struct nns__opener *opener, uint8_t *records, size_t count,
                      struct nns__plain *plains, struct nns__failure *f);
    /* As the sealer's. */
    void (*rest)(struct nns__opener *opener);
    void (*free)(struct nns__opener *opener);
};

/* Where a record's plaintext stands: head bytes behind the length field, followed by tail bytes
 * of room. A sealer never needs more than head + tail bytes beside the plaintext. */
struct nns__sealer {
    const struct nns__sealer_ops *ops;
    size_t head;
    size_t tail;
};

struct nns__opener {
    const struct nns__opener_ops *ops;
};

/* What protects a connection's data. Both NULL at level none, where bytes are not framed. */
struct nns__protection {
    struct nns__sealer *sealer;
    struct nns__opener *opener;
    const char *name; /* of the record engine: "krb5", "krb5+mb", "gss", "raw"; static */
};

/* Gives back what is only of use while records pass. */
static inline void nns__protection_rest(struct nns__protection *p)
{
    if (p->sealer != NULL)
        p->sealer->ops->rest(p->sealer);
    if (p->opener != NULL)
        p->opener->ops->rest(p->opener);
}

static inline void nns__protection_free(struct nns__protection *p)
{
    if (p->sealer != NULL)
        p->sealer->ops->free(p->sealer);
    if (p->opener != NULL)
        p->opener->ops->free(p->opener);
    *p = (struct nns__protection){0};
}

#endif
