/* SPDX-License-Identifier: MIT
 *
 * The protocol of the measurements, over a link of any kind. A client asks for a phase with a
 * header, 16 bytes: what (4), the size of a write (4), the number of bytes (8). The bytes pass as
 * asked, and the server ends the phase with a trailer, 24 bytes: bytes it moved (8), the last 8
 * bytes it received (8), nanoseconds of CPU time it took (8). All little-endian, as the machine.
 * The same in C#: bench/dotnet.
 *
 * A writer puts the number of bytes so far at the end of each write (as much of it as the write has
 * room for); a reader keeps the last 8 bytes, so that what arrived can be compared outside of the
 * loop. A client's time runs from before the header to behind the trailer.
 */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include "link.h"

#include <stdint.h>

enum what {
    SEND = 1,  /* the client writes */
    FETCH = 2, /* the server writes */
    ECHO = 3,  /* the server sends each write back, and the client waits for it */
    DUPLEX = 4 /* the same, and the client reads and writes at once */
};

struct figures {
    uint64_t bytes; /* one way */
    uint64_t writes;
    double seconds;
    double round_trip;             /* seconds, the median; ECHO */
    double cpu_client, cpu_server; /* seconds */
};

/* The server's end of a connection: phases until the client closes. */
void exchange_serve(const struct kind *kind, void *link);
/* The client's end of a phase that takes about so many seconds, after half as long to warm up. */
struct figures exchange_measure(const struct kind *kind, void *link, enum what what, size_t size,
                                double seconds);
/* Reads exactly size bytes. False: the end, and nothing came. */
bool exchange_read(const struct kind *kind, void *link, void *data, size_t size);

#endif
