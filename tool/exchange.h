/* SPDX-License-Identifier: MIT
 *
 * Envelopes between an open net.tcp link and two descriptors, both ways at once, in one thread with
 * one poll. In duplex mode an envelope is, on a descriptor, four bytes of length, the highest
 * first, and its bytes; in streamed mode there is one each way, and it is the bytes alone.
 */
#ifndef TOOL_EXCHANGE_H
#define TOOL_EXCHANGE_H

#include "exec.h"
#include "link.h"

struct exchange {
    struct link *link;
    struct traffic *traffic;
    bool streamed;
    bool to_end_of_input; /* after the peer's End: true goes on to the input's, too */
};

/* With standard input and output, which are /dev/null from now on. The end of the input is our End,
 * the peer's closes the output. Answers STATUS_DONE, or STATUS_IO after a failure here, which it
 * has told. A failure of the link's is the caller's to tell. */
int exchange_stdio(const struct exchange *e);
/* The same with the descriptors of a command, which it takes. An input that the command closes
 * early drops the rest of what comes. After a failure the command is hung up. */
int exchange_command(const struct exchange *e, const struct child *child);

#endif
