/* SPDX-License-Identifier: MIT
 *
 * What the asynchronous faces do for each small record, compiled into the binding: calls of the
 * engine that follow one another, as one. A record is sent here too, as asyncio's transport would:
 * at once, and what the socket does not take at once is left to that transport. An error is the
 * engine's; that transport ends when it tries once more.
 */
#ifndef LIBNNS_JOINED_H
#define LIBNNS_JOINED_H

#include <errno.h>
#include <nns/nns.h>
#include <sys/socket.h>

/* cdef */
int64_t libnns_send(nns_engine *e, int fd);
nns_ssize libnns_write_out(nns_engine *e, const void *src, size_t len, int fd, int64_t *state);
int64_t libnns_send_ack(nns_engine *e, size_t n);
int64_t libnns_read_ack(nns_engine *e, size_t n);
/* end */

/* As nns_engine_send_ack(), but answers the state of the send half. */
int64_t libnns_send_ack(nns_engine *e, size_t n)
{
    int rc = nns_engine_send_ack(e, n);

    return rc < 0 ? rc : (int64_t)nns_engine_send_state(e);
}

/* As nns_engine_read_ack(), but answers the state of the receive half. */
int64_t libnns_read_ack(nns_engine *e, size_t n)
{
    int rc = nns_engine_read_ack(e, n);

    return rc < 0 ? rc : (int64_t)nns_engine_recv_state(e);
}

/* Sends what there is for the peer, as much as the socket takes at once (below 0: none). Answers
 * the state of the send half, or an error of the engine's. */
int64_t libnns_send(nns_engine *e, int fd)
{
    const uint32_t looked_at = NNS_STATE_OPEN | NNS_STATE_WANT_SEND | NNS_STATE_FAILED;
    int64_t state = nns_engine_send_state(e);

    while (fd >= 0 && state >= 0 && (state & looked_at) != NNS_STATE_OPEN) {
        const uint8_t *ptr;
        size_t size;
        nns_ssize n;
        int rc = nns_engine_send_buf(e, &ptr, &size);

        if (rc < 0)
            return rc;
        n = size > 0 ? send(fd, ptr, size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            (void)nns_engine_fail(e, NNS_ERR_IO, errno); /* a socket tells of a reset once */
        if (n <= 0)
            break;
        state = libnns_send_ack(e, (size_t)n);
    }
    return state;
}

/* As nns_engine_write(), but 0 for no room; where all of src is taken, libnns_send() follows. */
nns_ssize libnns_write_out(nns_engine *e, const void *src, size_t len, int fd, int64_t *state)
{
    nns_ssize n = nns_engine_write(e, src, len);

    if (n == NNS_WANT_SEND)
        n = 0;
    if (n >= 0)
        *state = libnns_send(e, (size_t)n == len ? fd : -1);
    return n;
}

#endif
