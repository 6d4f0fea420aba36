/* SPDX-License-Identifier: MIT
 *
 * What is compared, behind one interface: libnns through its public functions, a bare loop over
 * gss_wrap and gss_unwrap, and plain TCP. Everything above it is the same code for all of them.
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>

#define TARGET "host/localhost"
#define FULL_RECORD ((size_t)64512) /* plaintext bytes; .NET's records hold as much */

/* After open() one thread may write while another reads. What fails ends the program. */
struct kind {
    const char *name;
    /* Once a process. engine: as nns_config_set_record_engine() takes it; ends the program with
     * REFUSED where the library has no such. */
    void (*prepare)(bool server, const char *engine);
    /* Takes the connected socket over and does the handshake. */
    void *(*open)(int fd);
    void (*write)(void *link, const void *data, size_t size);
    size_t (*read)(void *link, void *data, size_t size); /* 0 at the end */
    /* No more writes; reading goes on. */
    void (*half_close)(void *link);
    const char *(*engine)(const void *link); /* what makes the records */
    void (*close)(void *link);
};

extern const struct kind kind_nns, kind_gss, kind_tcp;

#endif
