/* SPDX-License-Identifier: MIT
 *
 * The worker pool: one lock, one queue, one list of what runs. A call is given to a thread when
 * it comes, or when another one has ended; then the queue is looked through from its front. A
 * thread that finds nothing to do lies down for a while, the last of them on top: the others come
 * to the end of their time. Nobody is woken by who holds a lock that the woken would wait for.
 */
#include "stream/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum stage {
    WAITING,   /* in the queue */
    RUNNING,   /* on a thread */
    FOLLOWING, /* run has returned, and the thread does what comes then */
    DONE,      /* all is over */
    GIVEN_UP,  /* on a thread, and nobody's: the thread frees it */
    LOST       /* was waiting when the process forked */
};

struct nns__call {
    struct nns__mem mem;
    struct nns__call *next;   /* in the queue, or in the list of what runs */
    _Atomic enum stage stage; /* written under the lock */
    struct nns__work work;    /* without then once the owner keeps that */
    struct nns__wake *wake;   /* a reference, until DONE */
    char *key;                /* or NULL */
};

/* Where a thread without a call lies. Who takes it off the list owes it a call. It outlives the
 * thread, so that the signal can be given after the call was. */
struct idler {
    struct idler *next;   /* of those that wait, or of the unused */
    pthread_mutex_t lock; /* of call; never with the pool's inside */
    pthread_cond_t given;
    struct nns__call *call;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t followed; /* a call is FOLLOWING no longer */
    struct nns__call *queue; /* in the order they came */
    struct nns__call *running;
    struct idler all[NNS__WORKER_THREADS];
    struct idler *unused; /* at least as many as there may be more threads that wait */
    struct idler *idlers; /* that wait */
    bool may_idle;
    size_t waiting; /* calls */
    size_t threads;
    size_t idle; /* of the threads */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .followed = PTHREAD_COND_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- calls ---- */

static void call_free(struct nns__call *call)
{
    struct nns__mem mem = call->mem;

    nns__wake_unref(call->wake);
    nns__strfree(&mem, call->key);
    nns__free(&mem, call, sizeof(*call));
}

static struct nns__call *call_new(const struct nns__mem *mem, const char *key)
{
    struct nns__call *call = nns__alloc(mem, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->mem = *mem;
    if (key != NULL) {
        call->key = nns__strdup(mem, key);
        if (call->key == NULL) {
            call_free(call);
            return NULL;
        }
    }
    return call;
}

/* ---- lists; the lock is held ---- */

static void append(struct nns__call **list, struct nns__call *call)
{
    while (*list != NULL)
        list = &(*list)->next;
    call->next = NULL;
    *list = call;
}

static void unlink_call(struct nns__call **list, struct nns__call *call)
{
    while (*list != call)
        list = &(*list)->next;
    *list = call->next;
    call->next = NULL;
}

static bool may_run(const struct nns__call *call)
{
    size_t same = 0;

    if (call->key == NULL)
        return true;
    for (const struct nns__call *c = pool.running; c != NULL; c = c->next)
        same += c->key != NULL && strcmp(c->key, call->key) == 0;
    return same < NNS__WORKER_PER_KEY;
}

/* The first in the queue that may run, now running; or NULL. */
static struct nns__call *take_next(void)
{
    struct nns__call *call = pool.queue;

    while (call != NULL && !may_run(call))
        call = call->next;
    if (call == NULL)
        return NULL;
    unlink_call(&pool.queue, call);
    pool.waiting--;
    call->stage = RUNNING;
    append(&pool.running, call);
    return call;
}

/* ---- threads ---- */

/* run has returned. What its owner would do next, unless he does it himself. */
static void follow(struct nns__call *call)
{
    void (*then)(void *owner);

    pthread_mutex_lock(&pool.lock);
    then = call->stage == RUNNING ? call->work.then : NULL;
    if (then != NULL)
        call->stage = FOLLOWING;
    pthread_mutex_unlock(&pool.lock);
    if (then != NULL)
        then(call->work.owner);
}

/* What is owed to whoever waits for the call, which may be gone as soon as it is DONE. */
static void finish(struct nns__call *call)
{
    struct nns__wake *wake = call->wake;
    bool given_up, followed;

    pthread_mutex_lock(&pool.lock);
    given_up = call->stage == GIVEN_UP;
    followed = call->stage == FOLLOWING;
    unlink_call(&pool.running, call);
    if (!given_up) {
        call->wake = NULL;
        atomic_store_explicit(&call->stage, DONE, memory_order_release);
    }
    pthread_mutex_unlock(&pool.lock);
    if (followed)
        (void)pthread_cond_broadcast(&pool.followed);
    if (given_up) {
        call_free(call);
        return;
    }
    nns__wake_signal(wake);
    nns__wake_unref(wake);
}

static struct timespec linger_end(void)
{
    struct timespec end = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += NNS__WORKER_LINGER_S;
    return end;
}

/* True if it was on the list. The pool's lock is held. */
static bool unlink_idler(struct idler *idler)
{
    struct idler **at = &pool.idlers;

    while (*at != NULL && *at != idler)
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    *at = idler->next;
    pool.idle--;
    return true;
}

/* The condition's clock is not the one that people set. */
static bool idler_init(struct idler *idler)
{
    pthread_condattr_t attr;
    bool good;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&idler->given, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&idler->lock, NULL); /* cannot fail */
    return good;
}

/* Without them no thread idles. */
static void make_idlers(void)
{
    pool.unused = pool.idlers = NULL;
    pool.may_idle = true;
    for (size_t i = 0; i < NNS__WORKER_THREADS; i++) {
        pool.all[i] = (struct idler){.next = pool.unused};
        pool.may_idle = idler_init(&pool.all[i]) && pool.may_idle;
        pool.unused = &pool.all[i];
    }
}

/* Takes the call that comes until end, or, with NULL, the one that is owed. */
static struct nns__call *await_call(struct idler *idler, const struct timespec *end)
{
    struct nns__call *call;
    int rc = 0;

    pthread_mutex_lock(&idler->lock);
    while (idler->call == NULL && rc == 0) {
        if (end != NULL)
            rc = pthread_cond_timedwait(&idler->given, &idler->lock, end);
        else
            rc = pthread_cond_wait(&idler->given, &idler->lock);
    }
    call = idler->call;
    idler->call = NULL;
    pthread_mutex_unlock(&idler->lock);
    return call;
}

/* Nobody uses the idler any more. The lock is held. */
static void put_away(struct idler *idler)
{
    idler->next = pool.unused;
    pool.unused = idler;
}

/* The call that comes within the time an idle thread has; with NULL it has left the pool. The
 * idler is on the pool's list. */
static struct nns__call *linger(struct idler *idler)
{
    struct timespec end = linger_end();
    struct nns__call *call = await_call(idler, &end);
    bool leaves = false;

    if (call == NULL) {
        pthread_mutex_lock(&pool.lock);
        leaves = unlink_idler(idler);
        if (leaves) {
            pool.threads--;
            put_away(idler);
        }
        pthread_mutex_unlock(&pool.lock);
        if (!leaves)
            call = await_call(idler, NULL);
    }
    return call;
}

/* The thread's next call; with NULL it has left the pool. *last: where it lay before. */
static struct nns__call *next_call(struct idler **last)
{
    struct idler *idler = NULL;
    struct nns__call *call;

    pthread_mutex_lock(&pool.lock);
    if (*last != NULL)
        put_away(*last);
    *last = NULL;
    call = take_next();
    if (call == NULL && pool.may_idle) {
        idler = pool.unused;
        pool.unused = idler->next;
        idler->next = pool.idlers;
        pool.idlers = idler;
        pool.idle++;
    } else if (call == NULL) {
        pool.threads--;
    }
    pthread_mutex_unlock(&pool.lock);
    if (idler != NULL)
        call = linger(idler);
    if (call != NULL)
        *last = idler;
    return call;
}

static void *work(void *arg)
{
    struct nns__call *call = arg;
    struct idler *idler = NULL;

    while (call != NULL) {
        call->work.run(call->work.arg);
        follow(call);
        finish(call);
        call = next_call(&idler);
    }
    return NULL;
}

/* Starts a thread with its first call; signals are the program's own business. */
static bool start_thread(struct nns__call *call)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, &attr, work, call);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return failed == 0;
}

/* ---- fork ---- */

static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void lose(struct nns__call **list)
{
    struct nns__call *call;

    while ((call = *list) != NULL) {
        *list = call->next;
        call->next = NULL;
        call->stage = call->stage == WAITING ? LOST : GIVEN_UP;
    }
}

/* The child has none of the threads. What waited is its owner's to release; what ran is left
 * alone, as half done as it is. */
static void after_fork_in_child(void)
{
    lose(&pool.queue);
    lose(&pool.running);
    make_idlers();
    pool.waiting = pool.threads = pool.idle = 0;
    (void)pthread_cond_init(&pool.followed, NULL); /* nobody waits in it here */
    pthread_mutex_unlock(&pool.lock);
}

static void set_up(void)
{
    make_idlers();
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- calls ---- */

static void give(struct idler *idler, struct nns__call *call)
{
    pthread_mutex_lock(&idler->lock);
    idler->call = call;
    pthread_mutex_unlock(&idler->lock);
    (void)pthread_cond_signal(&idler->given);
}

/* Gives the first call that may run to a new thread, or picks an idle one, to which it must be
 * given. */
static void start_next(struct idler **idler, struct nns__call **given)
{
    struct nns__call *call = take_next();

    if (call == NULL)
        return;
    if (pool.idlers != NULL) {
        *idler = pool.idlers;
        *given = call;
        (void)unlink_idler(*idler);
        return;
    }
    if (start_thread(call)) {
        pool.threads++;
        return;
    }
    unlink_call(&pool.running, call); /* back to where it was */
    call->stage = WAITING;
    call->next = pool.queue;
    pool.queue = call;
    pool.waiting++;
}

/* Queues the call, and runs it at once if that may be: perhaps on an idle thread. The lock is
 * held. */
static int admit(struct nns__call *call, struct idler **idler, struct nns__call **given)
{
    call->stage = WAITING;
    append(&pool.queue, call);
    pool.waiting++;
    if (pool.idle > 0 || pool.threads < NNS__WORKER_THREADS)
        start_next(idler, given);
    if (call->stage == RUNNING || (pool.waiting <= NNS__WORKER_QUEUE && pool.threads > pool.idle))
        return NNS_OK;
    unlink_call(&pool.queue, call);
    pool.waiting--;
    return NNS_ERR_BUSY;
}

int nns__call_start(struct nns__call **ret, const struct nns__mem *mem, const char *key,
                    const struct nns__work *work, struct nns__wake *wake)
{
    struct nns__call *call = call_new(mem, key), *given = NULL;
    struct idler *idler = NULL;
    int rc;

    if (call == NULL)
        return NNS_ERR_NOMEM;
    call->work = *work;
    call->wake = nns__wake_ref(wake);
    (void)pthread_once(&once, set_up);
    pthread_mutex_lock(&pool.lock);
    rc = admit(call, &idler, &given);
    pthread_mutex_unlock(&pool.lock);
    if (idler != NULL)
        give(idler, given);
    if (rc != NNS_OK) {
        call_free(call);
        return rc;
    }
    *ret = call;
    return NNS_OK;
}

bool nns__call_is_done(const struct nns__call *call)
{
    return atomic_load_explicit(&call->stage, memory_order_acquire) == DONE;
}

/* The lock is held. */
static void keep(struct nns__call *call)
{
    call->work.then = NULL;
    while (call->stage == FOLLOWING)
        (void)pthread_cond_wait(&pool.followed, &pool.lock);
}

void nns__call_keep(struct nns__call *call)
{
    if (call == NULL || nns__call_is_done(call))
        return;
    pthread_mutex_lock(&pool.lock);
    keep(call);
    pthread_mutex_unlock(&pool.lock);
}

void nns__call_release(struct nns__call *call)
{
    enum stage stage;

    if (call == NULL)
        return;
    if (nns__call_is_done(call)) {
        call_free(call);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    keep(call);
    stage = call->stage;
    if (stage == WAITING) {
        unlink_call(&pool.queue, call);
        pool.waiting--;
    } else if (stage == RUNNING) {
        call->stage = GIVEN_UP;
    }
    pthread_mutex_unlock(&pool.lock);
    if (stage == WAITING || stage == LOST)
        call->work.run(call->work.arg);
    if (stage != RUNNING && stage != GIVEN_UP)
        call_free(call);
}

void nns__worker_counts(size_t *busy, size_t *idle, size_t *waiting)
{
    pthread_mutex_lock(&pool.lock);
    *busy = pool.threads - pool.idle;
    *idle = pool.idle;
    *waiting = pool.waiting;
    pthread_mutex_unlock(&pool.lock);
}
