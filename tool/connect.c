/* SPDX-License-Identifier: MIT
 *
 * nns connect. One thread sends what comes on standard input, the main thread writes what the peer
 * sends to standard output. The end of input half-closes. After the peer's end what standard
 * input has ready is still sent, but no more is waited for.
 */
#include "connect.h"

#include "report.h"
#include "trace.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHUNK ((size_t)64512) /* one full record */

struct sender {
    nns_stream *stream;
    int peer_ended; /* eventfd: the peer has sent its last byte */
    int input_error;
};

/* Waits for input. False: there is none at once and the peer has ended. */
static bool wait_for_input(const struct sender *s)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = s->peer_ended, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR)
            return true; /* read() will tell */
    }
    return fds[0].revents != 0;
}

static void *send_input(void *arg)
{
    struct sender *s = arg;
    char *chunk = malloc(CHUNK);
    nns_ssize sent = 0;
    ssize_t n = 0;

    while (chunk != NULL && sent >= 0 && wait_for_input(s)) {
        n = read(STDIN_FILENO, chunk, CHUNK);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        sent = nns_stream_write(s->stream, chunk, (size_t)n);
    }
    if (n < 0 || chunk == NULL)
        s->input_error = chunk == NULL ? ENOMEM : errno;
    free(chunk);
    /* An error is the stream's; the receiving side meets it too and reports it. */
    if (sent >= 0 && s->input_error == 0)
        (void)!nns_stream_shutdown(s->stream);
    else if (s->input_error != 0)
        nns_stream_cancel(s->stream);
    return NULL;
}

static bool write_out(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Until the peer's end: STATUS_DONE, or what went wrong, reported unless it is the stream's. */
static int receive_output(nns_stream *stream)
{
    char *chunk = malloc(CHUNK);
    int status = STATUS_DONE;
    nns_ssize n;

    if (chunk == NULL)
        return report_result("receive", NNS_ERR_NOMEM);
    while ((n = nns_stream_read(stream, chunk, CHUNK)) > 0) {
        if (!write_out(chunk, (size_t)n)) {
            report_line("standard output: %s", strerror(errno));
            status = STATUS_IO;
            break;
        }
    }
    free(chunk);
    return status;
}

static void say_connected(nns_stream *stream, const struct options *o)
{
    const nns_engine *e = nns_stream_engine(stream);

    if (o->quiet)
        return;
    report_event("connected to %s using %s (%s%s)", nns_engine_target(e), nns_engine_mechanism(e),
                 protection_name(nns_engine_protection(e)),
                 nns_engine_is_mutual(e) ? ", mutual" : "");
    if (nns_engine_impersonation(e) < o->impersonation)
        report_event("  nothing was delegated: the ticket is not forwardable");
    if (o->verbose)
        report_event("  session key of %u bits, %d handshake records, record engine %s",
                     (unsigned)nns_engine_ssf(e), (int)nns_engine_legs(e),
                     nns_engine_record_engine(e));
}

static int exchange(nns_stream *stream)
{
    struct sender sender = {.stream = stream};
    pthread_t thread;
    int status;

    sender.peer_ended = eventfd(0, EFD_CLOEXEC);
    if (sender.peer_ended < 0 || pthread_create(&thread, NULL, send_input, &sender) != 0)
        return report_result("connect: thread", NNS_ERR_NOMEM);
    status = receive_output(stream);
    if (status != STATUS_DONE)
        nns_stream_cancel(stream);
    (void)eventfd_write(sender.peer_ended, 1);
    (void)pthread_join(thread, NULL);
    (void)close(sender.peer_ended);
    if (sender.input_error != 0) {
        report_line("standard input: %s", strerror(sender.input_error));
        return STATUS_IO;
    }
    if (status == STATUS_DONE && nns_stream_error(stream) != NULL)
        status = report_error(NULL, nns_stream_error(stream));
    return status;
}

static void begin_trace(nns_stream *stream, const struct options *o)
{
    char peer[sizeof(o->address) + 8];

    (void)snprintf(peer, sizeof(peer), "%s:%s", o->host, o->port);
    trace_begin(stream, NNS_CLIENT, peer);
}

int command_connect(const struct options *o, nns_config *cfg)
{
    nns_stream *stream;
    int rc = nns_stream_new(&stream, cfg, NNS_CLIENT), status;

    if (rc != NNS_OK)
        return report_result("connect", rc);
    begin_trace(stream, o);
    rc = nns_stream_connect(stream, o->host, o->port, o->target);
    if (rc == NNS_OK) {
        say_connected(stream, o);
        status = exchange(stream);
    } else if (nns_stream_error(stream) != NULL) {
        status = report_error(NULL, nns_stream_error(stream));
    } else {
        status = report_result("connect", rc);
    }
    trace_end(stream);
    nns_stream_free(stream);
    return status;
}
