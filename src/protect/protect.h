/* SPDX-License-Identifier: MIT
 *
 * One record in, one record out. When a mechanism is complete it yields a sealer and an opener,
 * one object a direction; the data phase knows nothing else of it. Different threads may use the
 * two at once, each object one thread at a time. An object is not used again after it failed.
 */
#ifndef NNS_PROTECT_PROTECT_H
#define NNS_PROTECT_PROTECT_H

#include "base/failure.h"

struct nns__sealer;
struct nns__opener;

struct nns__sealer_ops {
    /* Where a record's plaintext stands: head bytes behind the length field, followed by tail
     * bytes of room. A sealer never needs more than head + tail bytes beside the plaintext. */
    size_t head;
    size_t tail;
    /* Seals count records. Record i has its plaintext at slots + i * stride + 4 + head; all but
     * the last hold plain bytes, the last holds last bytes (at least 1). The finished records,
     * each behind its little-endian length, are written one behind the other from slots on.
     * Answers their size in bytes altogether, or fails. */
    nns_ssize (*seal)(struct nns__sealer *sealer, uint8_t *slots, size_t stride, size_t count,
                      size_t plain, size_t last, struct nns__failure *f);
    void (*free)(struct nns__sealer *sealer);
};

struct nns__opener_ops {
    /* Opens one message (size bytes at message, without the length field) in place. The
     * plaintext is then *plain_size bytes (perhaps 0) at *plain, inside of message. */
    int (*open)(struct nns__opener *opener, uint8_t *message, size_t size, uint8_t **plain,
                size_t *plain_size, struct nns__failure *f);
    void (*free)(struct nns__opener *opener);
};

struct nns__sealer {
    const struct nns__sealer_ops *ops;
};

struct nns__opener {
    const struct nns__opener_ops *ops;
};

/* What protects a connection's data. Both NULL at level none, where bytes are not framed. */
struct nns__protection {
    struct nns__sealer *sealer;
    struct nns__opener *opener;
    const char *name; /* of the record engine: "gss", "raw"; static storage */
};

static inline void nns__protection_free(struct nns__protection *p)
{
    if (p->sealer != NULL)
        p->sealer->ops->free(p->sealer);
    if (p->opener != NULL)
        p->opener->ops->free(p->opener);
    *p = (struct nns__protection){0};
}

#endif
