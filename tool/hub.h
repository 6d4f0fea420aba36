/* SPDX-License-Identifier: MIT
 *
 * Where conversations of small messages share a thread. To wake a thread costs more than to pass a
 * small message on, and one that serves many is often awake when the next message comes. It waits
 * for all of their sockets, for a moment without sleep if that was worth it lately. There is one
 * such thread for every four processors, at least one.
 */
#ifndef TOOL_HUB_H
#define TOOL_HUB_H

#include "link.h"

#include <pthread.h>

struct guest {
    struct link *sides[2];
    /* Moves what there is, when a socket is ready. False: the guest leaves. */
    bool (*turn)(void *arg);
    void *arg;
    int64_t deadline; /* the guest leaves then; turn() may put it off */

    /* The hub's. */
    struct hub *hub;
    struct seat {
        struct guest *guest;
        short awaited; /* events of poll(2) */
    } seats[2];
    struct guest *next, **at; /* among others */
    bool gone;
    pthread_cond_t left;
};

/* Lends guest and links to the hub's thread until the guest leaves: because it wants to, because of
 * its deadline, or at once where there is no hub to be had. */
void hub_host(struct guest *g);

#endif
