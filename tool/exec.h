/* SPDX-License-Identifier: MIT
 *
 * The command of --exec: /bin/sh -c with pipes on descriptors 0 and 1, standard error as it is,
 * no other descriptor, no signal ignored or blocked, in a process group of its own. Who the peer is
 * stands in its environment.
 */
#ifndef TOOL_EXEC_H
#define TOOL_EXEC_H

#include "options.h"

#include <sys/types.h>

struct child {
    pid_t pid;
    int to;   /* its standard input; the caller's */
    int from; /* its standard output; the caller's */
};

/* What the command is told about its connection. */
struct exec_facts {
    const char *peer;        /* HOST:PORT */
    nns_engine *engine;      /* who that is */
    const char *nettcp_mode; /* of net.tcp, or NULL */
};

/* The command of the options. With --accept-delegation its KRB5CCNAME is the cache, or is not there
 * where that is NULL. 0, or errno. */
int exec_start(struct child *ret, const struct options *o, const struct exec_facts *facts,
               const char *ccache);
/* Tells the whole group that its connection is gone. */
void exec_hang_up(const struct child *c);
/* Waits for its end; as wait(2) has it. */
int exec_wait(const struct child *c);

#endif
