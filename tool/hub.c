/* SPDX-License-Identifier: MIT
 *
 * The shared threads of conversations.
 */
#include "hub.h"

#include "thread.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define HUBS_MOST 16
#define EVENTS_MOST 64 /* taken by one wait */
#define SPIN_NS 70000  /* a wait without sleep */
#define WAKE_NS 50000  /* what sleep may add to a short wait */
#define WORTH_MOST 8

struct hub {
    int epoll, wake; /* eventfd: somebody arrives */
    /* Under the lock. */
    struct guest *arrivals;
    size_t hosted;
    /* The thread's. */
    struct guest *guests, *leaving;
    int64_t next_check; /* no deadline is earlier */
    int worth;          /* > 0: a wait without sleep was worth it lately */
    bool may_spin;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct hub hubs[HUBS_MOST];
static size_t hubs_running;

/* ---- guests, on the hub's thread ---- */

/* Has the sockets watched for what each side wants next. */
static bool watch(const struct hub *h, struct guest *g)
{
    for (int i = 0; i < 2; i++) {
        struct seat *s = &g->seats[i];
        short wanted = link_events(g->sides[i]);
        struct epoll_event event = {.events = (uint32_t)wanted, .data.ptr = s};
        /* A peer that is gone would wake us all the time while nothing is wanted of it. */
        int change = s->awaited == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

        if (wanted == s->awaited)
            continue;
        if (epoll_ctl(h->epoll, change, g->sides[i]->fd, &event) != 0)
            return false;
        s->awaited = wanted;
    }
    return true;
}

static void link_in(struct guest *g, struct guest **list)
{
    g->next = *list;
    g->at = list;
    if (g->next != NULL)
        g->next->at = &g->next;
    *list = g;
}

static void unlink_from(struct guest *g)
{
    *g->at = g->next;
    if (g->next != NULL)
        g->next->at = g->at;
}

/* It stays in our hands until all that was waited for is done with: its other side may come yet. */
static void leave(struct hub *h, struct guest *g)
{
    for (int i = 0; i < 2; i++) {
        if (g->seats[i].awaited != 0)
            (void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, g->sides[i]->fd, NULL);
        g->seats[i].awaited = 0;
    }
    unlink_from(g);
    link_in(g, &h->leaving);
    g->gone = true;
}

static void take_turn(struct hub *h, struct guest *g)
{
    if (!g->turn(g->arg) || !watch(h, g))
        leave(h, g);
}

static void welcome(struct hub *h)
{
    eventfd_t signals;
    struct guest *list, *next;

    (void)eventfd_read(h->wake, &signals);
    (void)pthread_mutex_lock(&lock);
    list = h->arrivals;
    h->arrivals = NULL;
    (void)pthread_mutex_unlock(&lock);
    for (; list != NULL; list = next) {
        next = list->next;
        link_in(list, &h->guests);
        h->next_check = link_earlier(h->next_check, list->deadline);
        take_turn(h, list);
    }
}

static void check_deadlines(struct hub *h)
{
    int64_t now = link_now(), earliest = LINK_NEVER;
    struct guest *next;

    if (h->next_check == LINK_NEVER || now < h->next_check)
        return;
    for (struct guest *g = h->guests; g != NULL; g = next) {
        next = g->next;
        if (g->deadline != LINK_NEVER && now >= g->deadline)
            leave(h, g);
        else
            earliest = link_earlier(earliest, g->deadline);
    }
    h->next_check = earliest;
}

/* Those who have left go back to their own threads. */
static void say_goodbye(struct hub *h)
{
    struct guest *next;

    if (h->leaving == NULL)
        return;
    (void)pthread_mutex_lock(&lock);
    for (struct guest *g = h->leaving; g != NULL; g = next) {
        next = g->next;
        h->hosted--;
        g->hub = NULL;
        (void)pthread_cond_signal(&g->left);
    }
    (void)pthread_mutex_unlock(&lock);
    h->leaving = NULL;
}

/* ---- waiting ---- */

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int spin(const struct hub *h, struct epoll_event *events, int64_t until)
{
    int n;

    do
        n = epoll_wait(h->epoll, events, EVENTS_MOST, 0);
    while (n == 0 && now_ns() < until);
    return n;
}

static int wait_for_any(struct hub *h, struct epoll_event *events)
{
    int64_t begin = now_ns();
    bool spins = h->may_spin && h->worth > 0, was_short;
    int n = spins ? spin(h, events, begin + SPIN_NS) : 0;

    was_short = n != 0;
    if (n == 0) {
        n = epoll_wait(h->epoll, events, EVENTS_MOST, link_patience(h->next_check));
        was_short = !spins && now_ns() - begin < SPIN_NS + WAKE_NS;
    }
    if (was_short && h->worth < WORTH_MOST)
        h->worth++;
    else if (!was_short && h->worth > 0)
        h->worth--;
    return n;
}

static void *hub_main(void *arg)
{
    struct epoll_event events[EVENTS_MOST];
    struct hub *h = arg;

    for (;;) {
        int n = wait_for_any(h, events);

        for (int i = 0; i < n; i++) {
            struct seat *s = events[i].data.ptr;

            if (s == NULL) {
                welcome(h);
            } else if (!s->guest->gone) {
                link_move(s->guest->sides[s - s->guest->seats], (short)events[i].events);
                take_turn(h, s->guest);
            }
        }
        check_deadlines(h);
        say_goodbye(h);
    }
    return NULL;
}

/* ---- a hub's life, which ends with the process ---- */

static bool start_hub(struct hub *h, bool may_spin)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    *h = (struct hub){.epoll = epoll_create1(EPOLL_CLOEXEC),
                      .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                      .may_spin = may_spin,
                      .next_check = LINK_NEVER};
    if (h->epoll >= 0 && h->wake >= 0 && epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &event) == 0 &&
        thread_start(hub_main, h))
        return true;
    (void)close(h->epoll);
    (void)close(h->wake);
    return false;
}

/* Who spins are fewer than half of the processors. */
static void start_hubs(void)
{
    cpu_set_t set;
    int processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    size_t wanted = processors < 8 ? 1 : (size_t)processors / 4;

    while (hubs_running < wanted && hubs_running < HUBS_MOST &&
           start_hub(&hubs[hubs_running], processors > 2))
        hubs_running++;
}

static struct hub *emptiest(void)
{
    struct hub *best = NULL;

    for (size_t i = 0; i < hubs_running; i++) {
        if (best == NULL || hubs[i].hosted < best->hosted)
            best = &hubs[i];
    }
    return best;
}

void hub_host(struct guest *g)
{
    struct hub *h;

    (void)pthread_once(&once, start_hubs);
    g->seats[0] = g->seats[1] = (struct seat){.guest = g};
    g->gone = false;
    if (pthread_cond_init(&g->left, NULL) != 0)
        return;
    (void)pthread_mutex_lock(&lock);
    h = g->hub = emptiest();
    if (h != NULL) {
        h->hosted++;
        g->next = h->arrivals;
        h->arrivals = g;
        (void)eventfd_write(h->wake, 1);
    }
    while (g->hub != NULL)
        (void)pthread_cond_wait(&g->left, &lock);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_cond_destroy(&g->left);
}
