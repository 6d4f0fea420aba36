/* SPDX-License-Identifier: MIT
 *
 * The transport below a stream: a socket, two descriptors, or two callbacks, behind the same four
 * calls. It moves bytes and knows nothing of what they mean. It never waits (callbacks may), never
 * changes a descriptor's blocking mode, and never lets a SIGPIPE reach the program. One thread
 * may receive while another sends.
 */
#ifndef NNS_STREAM_TRANSPORT_H
#define NNS_STREAM_TRANSPORT_H

#include "base/buffer.h"

#include <nns/stream.h>
#include <stdbool.h>

struct nns__transport {
    enum {
        NNS__NO_TRANSPORT,
        NNS__DESCRIPTORS,
        NNS__CALLBACKS
    } kind;
    int recv_fd; /* -1 for callbacks */
    int send_fd;
    bool recv_is_socket;
    bool send_is_socket;
    bool is_tcp;    /* recv_fd */
    bool owned;     /* close them */
    bool in_pieces; /* the peer sends a record's head apart; see nns__transport_await() */
    nns_io io;
    void *io_arg;
    struct nns__buffer initial; /* handed out before what recv_fd has */
};

void nns__transport_init(struct nns__transport *t);
/* ARGUMENT: not descriptors, or datagram sockets. */
int nns__transport_set_fds(struct nns__transport *t, int recv_fd, int send_fd, bool owned);
int nns__transport_set_io(struct nns__transport *t, const nns_io *io, void *arg); /* ARGUMENT */
/* Bytes to hand out first, behind those given before. TOO_LARGE: more than limit; NOMEM. */
int nns__transport_set_initial(struct nns__transport *t, const struct nns__mem *mem,
                               const void *data, size_t len, size_t limit);

/* len at least 1. Bytes moved, 0 at the end of file (recv); or NNS_WANT_RECV, NNS_WANT_SEND; or
 * NNS_ERR_IO (*os then has errno or 0), NNS_ERR_TIMEOUT, NNS_ERR_CANCELED. */
nns_ssize nns__transport_recv(struct nns__transport *t, void *buf, size_t len, int *os);
/* Before each wait for bytes to receive: has the kernel acknowledge at once what comes, if the peer
 * is of those who need it. */
void nns__transport_await(const struct nns__transport *t);
nns_ssize nns__transport_send(struct nns__transport *t, const void *buf, size_t len, int *os);
/* Half-close of the sending side, as far as the transport has one. NNS_OK or NNS_ERR_IO. */
int nns__transport_shutdown(struct nns__transport *t, int *os);
/* Reads and forgets what has already arrived on a socket, so that closing it does not reset the
 * connection before the peer has read our last words. */
void nns__transport_drain(struct nns__transport *t);
/* Frees what it holds; closes the descriptors if they are owned. */
void nns__transport_close(struct nns__transport *t, const struct nns__mem *mem);

#endif
