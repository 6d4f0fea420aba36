/* SPDX-License-Identifier: MIT
 *
 * Name look-up: on this thread where it cannot block, else on a worker thread.
 */
#include "stream/resolve.h"

#include <errno.h>
#include <string.h>

/* The key of all look-ups: one resolver answers them, or does not. It is no realm's name. */
#define LOOK_UPS "\n"

/* One look-up. Whoever runs it and whoever waits for it hold it; the later of them frees it. */
struct lookup {
    struct nns__mem mem;
    atomic_int owners;
    atomic_bool abandoned;
    char *host;
    char *port;
    int flags;
    int result; /* of getaddrinfo() */
    int os;
    struct addrinfo *list;
};

static void let_go(struct lookup *l)
{
    struct nns__mem mem = l->mem;

    if (atomic_fetch_sub_explicit(&l->owners, 1, memory_order_acq_rel) != 1)
        return;
    if (l->list != NULL)
        freeaddrinfo(l->list);
    nns__strfree(&mem, l->host);
    nns__strfree(&mem, l->port);
    nns__free(&mem, l, sizeof(*l));
}

static struct lookup *lookup_new(const struct nns__mem *mem, const char *host, const char *port)
{
    struct lookup *l = nns__alloc(mem, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->mem = *mem;
    atomic_init(&l->owners, 1);
    atomic_init(&l->abandoned, false);
    l->host = nns__strdup(mem, host);
    l->port = nns__strdup(mem, port);
    if (l->host == NULL || l->port == NULL) {
        let_go(l);
        return NULL;
    }
    return l;
}

static void look_up(struct lookup *l)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = l->flags};

    l->result = getaddrinfo(l->host, l->port, &hints, &l->list);
    l->os = l->result == EAI_SYSTEM ? errno : 0;
}

static void run_lookup(void *arg)
{
    struct lookup *l = arg;

    if (!atomic_load(&l->abandoned))
        look_up(l);
    let_go(l);
}

static int fail_plainly(nns_stream *s, int code, const char *what)
{
    struct nns__failure f;

    (void)nns__fail(&f, code, NNS__STATUS_NONE, "resolve: %s", what);
    return nns__stream_fail_text(s, &f);
}

static int fail_lookup(nns_stream *s, const struct lookup *l)
{
    struct nns__failure f;

    if (l->result == EAI_MEMORY)
        return fail_plainly(s, NNS_ERR_NOMEM, nns_strerror(NNS_ERR_NOMEM));
    (void)nns__fail(&f, NNS_ERR_RESOLVE, NNS__STATUS_NONE, "resolve: '%.100s' port '%.40s': %s",
                    l->host, l->port,
                    l->result == EAI_SYSTEM ? strerror(l->os) : gai_strerror(l->result));
    f.os = l->os;
    return nns__stream_fail_text(s, &f);
}

/* Has the look-up made on a worker thread and waits for it. NNS_OK: it has a result. */
static int look_up_elsewhere(nns_stream *s, struct lookup *l, int64_t deadline)
{
    const struct nns__work work = {.run = run_lookup, .arg = l};
    struct nns__call *call;
    int rc;

    atomic_fetch_add(&l->owners, 1);
    rc = nns__call_start(&call, &s->mem, LOOK_UPS, &work, s->wake);
    if (rc != NNS_OK) {
        let_go(l);
        return fail_plainly(
            s, rc, rc == NNS_ERR_BUSY ? "too many look-ups wait already" : nns_strerror(rc));
    }
    s->owed = true;
    while (rc == NNS_OK && !nns__call_is_done(call))
        rc = nns__stream_wait(s, -1, 0, deadline);
    if (rc != NNS_OK)
        atomic_store(&l->abandoned, true);
    nns__call_release(call);
    if (rc == NNS_OK)
        nns__stream_take_signal(s);
    return rc;
}

int nns__resolve(nns_stream *s, const char *host, const char *port, int64_t deadline,
                 struct addrinfo **ret)
{
    struct lookup *l = lookup_new(&s->mem, host, port);
    int rc = NNS_OK;

    if (l == NULL)
        return fail_plainly(s, NNS_ERR_NOMEM, nns_strerror(NNS_ERR_NOMEM));
    l->flags = AI_NUMERICHOST; /* an address needs no server, and no thread */
    look_up(l);
    if (l->result == EAI_NONAME) {
        l->flags = 0;
        rc = look_up_elsewhere(s, l, deadline);
    }
    if (rc == NNS_OK && l->result != 0)
        rc = fail_lookup(s, l);
    if (rc == NNS_OK) {
        *ret = l->list;
        l->list = NULL;
    }
    let_go(l);
    return rc;
}
