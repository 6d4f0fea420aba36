/* SPDX-License-Identifier: MIT
 *
 * Credentials that a client delegated, for the command of --exec: each in a cache file in a folder
 * of its own that only the user can enter. The folder goes when the command ends, and when a signal
 * ends nns before that; it stays where nns is killed or crashes.
 */
#ifndef TOOL_DELEGATED_H
#define TOOL_DELEGATED_H

#include <nns/nns.h>

#define DELEGATED_MOST 200 /* of a cache's name, with its end */

struct delegated {
    char ccache[DELEGATED_MOST]; /* "FILE:/...", or empty: the client delegated nothing */
    struct delegated *next;
};

/* Before the first thread: from here on the signals that end nns wait for the folders to be gone.
 * 0, or errno. */
int delegated_begin(void);
/* 0, or errno. After 0 the object stays where it is until it is removed. Any thread. */
int delegated_keep(struct delegated *ret, nns_engine *e);
void delegated_remove(struct delegated *d);

#endif
