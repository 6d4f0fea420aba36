/* SPDX-License-Identifier: MIT
 *
 * The gate. Handshakes that are not over stand in one list, the oldest first; it is never longer
 * than its limit, so that everything is found by walking it. It reads addresses and opens no
 * socket; closing a connection is the affair of who owns it.
 */
#include "config/config.h"

#include <netinet/in.h>
#include <nns/gate.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define SOURCE_MOST ((size_t)8) /* bytes of an address that tell sources apart */

struct source {
    sa_family_t family; /* AF_INET, AF_INET6, or AF_UNSPEC: it has none */
    uint8_t bytes[SOURCE_MOST];
};

enum stage {
    WAITING,  /* in the list, no complete first token */
    SPEAKING, /* in the list, it has sent one */
    OVER      /* open, or evicted */
};

struct nns_pass {
    nns_gate *gate;
    nns_pass *older, *newer; /* in the list */
    struct source source;
    enum stage stage;
    bool evicted;
    void (*on_evict)(void *arg);
    void *arg;
};

struct nns_gate {
    struct nns__mem mem;
    nns_config *cfg;
    pthread_mutex_t lock; /* everything below, and all of every pass */
    size_t connections;   /* passes that are out */
    size_t handshakes;    /* passes in the list */
    nns_pass *oldest, *newest;
    bool abandoned; /* nns_gate_free() was called */
};

/* ---- sources ---- */

static struct source source_v4(const struct in_addr *address)
{
    struct source s = {.family = AF_INET};

    memcpy(s.bytes, address, sizeof(*address));
    return s;
}

static struct source source_v6(const struct in6_addr *address)
{
    struct source s = {.family = AF_INET6};
    struct in_addr v4;

    if (IN6_IS_ADDR_V4MAPPED(address)) {
        memcpy(&v4, address->s6_addr + 12, sizeof(v4));
        return source_v4(&v4);
    }
    memcpy(s.bytes, address->s6_addr, SOURCE_MOST);
    return s;
}

static struct source source_of(const void *address, size_t len)
{
    struct sockaddr_storage copy = {.ss_family = AF_UNSPEC};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (len > 0)
        memcpy(&copy, address, len < sizeof(copy) ? len : sizeof(copy));
    memcpy(&v4, &copy, sizeof(v4));
    memcpy(&v6, &copy, sizeof(v6));
    if (copy.ss_family == AF_INET && len >= sizeof(v4))
        return source_v4(&v4.sin_addr);
    if (copy.ss_family == AF_INET6 && len >= sizeof(v6))
        return source_v6(&v6.sin6_addr);
    return (struct source){.family = AF_UNSPEC};
}

static bool same_source(const struct source *a, const struct source *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, SOURCE_MOST) == 0;
}

/* ---- the list; the lock is held ---- */

static void append(nns_gate *g, nns_pass *p)
{
    p->older = g->newest;
    if (g->newest != NULL)
        g->newest->newer = p;
    else
        g->oldest = p;
    g->newest = p;
    g->handshakes++;
}

/* Takes a pass out of the list, if it is in there. */
static void finish(nns_pass *p)
{
    nns_gate *g = p->gate;

    if (p->stage == OVER)
        return;
    if (p->older != NULL)
        p->older->newer = p->newer;
    else
        g->oldest = p->newer;
    if (p->newer != NULL)
        p->newer->older = p->older;
    else
        g->newest = p->older;
    p->older = p->newer = NULL;
    p->stage = OVER;
    g->handshakes--;
}

static size_t count_source(const nns_gate *g, const struct source *source)
{
    size_t count = 0;

    if (source->family == AF_UNSPEC)
        return 0;
    for (const nns_pass *p = g->oldest; p != NULL; p = p->newer) {
        if (same_source(&p->source, source))
            count++;
    }
    return count;
}

/* False: every handshake has a right to stay. The callback is made with the lock held, so that
 * the connection cannot go away beneath it. */
static bool evict_one(nns_gate *g)
{
    nns_pass *p = g->oldest;

    while (p != NULL && p->stage != WAITING)
        p = p->newer;
    if (p == NULL)
        return false;
    finish(p);
    p->evicted = true;
    if (p->on_evict != NULL)
        p->on_evict(p->arg);
    return true;
}

/* Lets p in and answers 0, or the limit that keeps it out. */
static int32_t enter(nns_gate *g, nns_pass *p)
{
    const nns_config *cfg = g->cfg;

    if (g->connections >= nns__config_size_limit(cfg, NNS_LIMIT_CONNECTIONS))
        return NNS_LIMIT_CONNECTIONS;
    if (count_source(g, &p->source) >= nns__config_size_limit(cfg, NNS_LIMIT_HANDSHAKES_PER_SOURCE))
        return NNS_LIMIT_HANDSHAKES_PER_SOURCE;
    if (g->handshakes >= nns__config_size_limit(cfg, NNS_LIMIT_HANDSHAKES) && !evict_one(g))
        return NNS_LIMIT_HANDSHAKES;
    g->connections++;
    append(g, p);
    return 0;
}

/* ---- the gate ---- */

int nns_gate_new(nns_gate **ret, nns_config *cfg)
{
    nns_gate *g;

    if (ret == NULL || cfg == NULL)
        return NNS_ERR_ARGUMENT;
    g = nns__alloc(&cfg->mem, sizeof(*g));
    if (g == NULL)
        return NNS_ERR_NOMEM;
    if (pthread_mutex_init(&g->lock, NULL) != 0) {
        nns__free(&cfg->mem, g, sizeof(*g));
        return NNS_ERR_NOMEM;
    }
    nns__config_freeze(cfg);
    g->mem = cfg->mem;
    g->cfg = nns_config_ref(cfg);
    *ret = g;
    return NNS_OK;
}

/* Unlocks; frees the gate if nobody is left who could use it. */
static void unlock(nns_gate *g)
{
    bool last = g->abandoned && g->connections == 0;
    struct nns__mem mem = g->mem;

    (void)pthread_mutex_unlock(&g->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&g->lock);
    nns_config_unref(g->cfg);
    nns__free(&mem, g, sizeof(*g));
}

void nns_gate_free(nns_gate *g)
{
    if (g == NULL)
        return;
    (void)pthread_mutex_lock(&g->lock);
    g->abandoned = true;
    unlock(g);
}

int nns_gate_admit(nns_gate *g, const void *sockaddr, size_t len, nns_pass **ret, int32_t *limit)
{
    int32_t refusal;
    nns_pass *p;

    if (g == NULL || ret == NULL || (sockaddr == NULL && len > 0))
        return NNS_ERR_ARGUMENT;
    p = nns__alloc(&g->mem, sizeof(*p));
    if (p == NULL)
        return NNS_ERR_NOMEM;
    p->gate = g;
    p->source = source_of(sockaddr, len);
    (void)pthread_mutex_lock(&g->lock);
    refusal = enter(g, p);
    unlock(g);
    if (refusal == 0) {
        *ret = p;
        return NNS_OK;
    }
    nns__free(&g->mem, p, sizeof(*p));
    if (limit != NULL)
        *limit = refusal;
    return NNS_ERR_BUSY;
}

void nns_gate_counts(nns_gate *g, size_t *connections, size_t *handshakes)
{
    if (g == NULL)
        return;
    (void)pthread_mutex_lock(&g->lock);
    if (connections != NULL)
        *connections = g->connections;
    if (handshakes != NULL)
        *handshakes = g->handshakes;
    unlock(g);
}

/* ---- a pass ---- */

void nns_pass_on_evict(nns_pass *p, void (*fn)(void *arg), void *arg)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->gate->lock);
    if (p->evicted && p->on_evict == NULL && fn != NULL)
        fn(arg);
    p->on_evict = fn;
    p->arg = arg;
    unlock(p->gate);
}

void nns_pass_first_token(nns_pass *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->gate->lock);
    if (p->stage == WAITING)
        p->stage = SPEAKING;
    unlock(p->gate);
}

void nns_pass_open(nns_pass *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->gate->lock);
    finish(p);
    unlock(p->gate);
}

void nns_pass_free(nns_pass *p)
{
    nns_gate *g;
    struct nns__mem mem;

    if (p == NULL)
        return;
    g = p->gate;
    mem = g->mem;
    (void)pthread_mutex_lock(&g->lock);
    finish(p);
    g->connections--;
    unlock(g);
    nns__free(&mem, p, sizeof(*p));
}
