/* SPDX-License-Identifier: MIT
 *
 * What the programs of the measurements have in common: clocks, sockets on the loopback, and an
 * end with a message. They have nobody to recover for: what goes wrong ends the program, and the
 * driver says so.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

#define REFUSED 77 /* exit status: the library has no such record engine */

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Memory of zeros, never NULL. */
void *zeros(size_t size);
double now(void);         /* seconds, from anywhere */
double cpu_seconds(void); /* of this process, user and system */
uint64_t number(const char *text);
void allow_descriptors(void); /* as many as the system lets a process have */

/* A socket that listens on a free port of 127.0.0.1. */
int listen_anywhere(int *port);
int accept_one(int fd); /* with TCP_NODELAY */
int dial(int port);     /* with TCP_NODELAY */

#endif
