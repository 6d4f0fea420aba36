/* SPDX-License-Identifier: MIT
 *
 * The two ways of envelopes. What one descriptor or the link has no room for waits; the other way
 * goes on.
 */
#include "exchange.h"

#include "pump.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)64512)
#define PREFIX ((size_t)4)

/* What the two descriptors are called when they fail. */
struct names {
    const char *in, *out, *envelope;
};

static const struct names stdio_names = {"standard input", "standard output",
                                         "standard input: an envelope"};
static const struct names command_names = {"the command's output", "the command's input",
                                           "the command's output: an envelope"};

struct flow {
    const struct exchange *e;
    const struct names *names;
    int in, out;   /* -1: closed */
    bool may_drop; /* an output that closes early is no failure */
    int error;     /* errno, of a descriptor */
    const char *what;
    /* from the input */
    uint8_t *chunk; /* what waits */
    size_t start, end;
    size_t left; /* of the envelope that is being sent */
    bool inside; /* of one */
    bool sent_one, sent_end;
    bool blocked; /* the link had no room for what was read */
    /* to the output */
    uint8_t prefix[PREFIX];
    size_t prefix_left;
    bool full; /* it takes no more for now */
};

static void fail(struct flow *f, const char *what, int error)
{
    f->error = error;
    f->what = what;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* ---- from the input ---- */

static void read_input(struct flow *f)
{
    ssize_t n;

    if (f->start > 0) {
        memmove(f->chunk, f->chunk + f->start, f->end - f->start);
        f->end -= f->start;
        f->start = 0;
    }
    n = read(f->in, f->chunk + f->end, CHUNK - f->end);
    if (n > 0)
        f->end += (size_t)n;
    if (n == 0)
        close_one(&f->in);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        fail(f, f->names->in, errno);
}

/* After the peer's End a client sends what its input has ready, and waits for no more. */
static bool input_has_ended(struct flow *f)
{
    struct pollfd fd = {.fd = f->in, .events = POLLIN};
    bool may_wait =
        f->e->to_end_of_input || (nns_nmf_state(f->e->link->nmf) & NNS_NMF_PEER_ENDED) == 0;

    if (f->in >= 0 && !may_wait && poll(&fd, 1, 0) == 0)
        close_one(&f->in);
    return f->in < 0;
}

static size_t prefix(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Begins an envelope. Answers NNS_OK, NNS_WANT_SEND, NNS_WANT_RECV (of the input), or an error. */
static int begin_envelope(struct flow *f)
{
    bool streamed = f->e->streamed;
    int rc;

    if (!streamed && f->end - f->start < PREFIX)
        return NNS_WANT_RECV;
    f->left = streamed ? SIZE_MAX : prefix(f->chunk + f->start);
    rc = nns_nmf_begin(f->e->link->nmf, streamed ? NNS_NMF_UNSIZED : (int64_t)f->left);
    if (rc != NNS_OK)
        return rc;
    f->start += streamed ? 0 : PREFIX;
    f->inside = f->sent_one = true;
    return NNS_OK;
}

static int send_envelope(struct flow *f)
{
    const struct link *l = f->e->link;
    size_t size = f->end - f->start < f->left ? f->end - f->start : f->left;
    nns_ssize n;
    int rc;

    if (f->left == 0 || (f->e->streamed && size == 0 && input_has_ended(f))) {
        rc = nns_nmf_finish(l->nmf);
        f->inside = rc != NNS_OK;
        if (rc == NNS_OK)
            trace_envelope_end(l->trace, true);
        return rc;
    }
    if (size == 0)
        return NNS_WANT_RECV;
    n = nns_nmf_write(l->nmf, f->chunk + f->start, size);
    if (n < 0)
        return (int)n;
    trace_envelope(l->trace, true, f->chunk + f->start, (size_t)n);
    f->start += (size_t)n;
    f->left -= f->e->streamed ? 0 : (size_t)n;
    f->e->traffic->out += (uint64_t)n;
    return NNS_OK;
}

/* True if nothing more is to be sent but End. An envelope that has begun is waited for. */
static bool is_sent(struct flow *f)
{
    if (f->inside)
        return false;
    return f->e->streamed ? f->sent_one : f->start == f->end && input_has_ended(f);
}

static int send_end(struct flow *f)
{
    int rc = nns_nmf_end(f->e->link->nmf); /* an error stays with the link */

    f->sent_end = rc == NNS_OK;
    if (f->sent_end)
        trace_framing(f->e->link->trace, true, "end");
    return rc;
}

/* All of the input that there is room for. */
static void pass_input(struct flow *f)
{
    int rc = NNS_OK;

    while (rc == NNS_OK && !is_sent(f))
        rc = f->inside ? send_envelope(f) : begin_envelope(f);
    if (rc == NNS_ERR_ARGUMENT || (rc == NNS_WANT_RECV && f->in < 0))
        fail(f, f->names->envelope, EBADMSG); /* it is cut short, or larger than there can be */
    else if (rc == NNS_OK && !f->sent_end)
        rc = send_end(f);
    f->blocked = rc == NNS_WANT_SEND;
}

/* ---- to the output ---- */

/* How much of it the output took, or was dropped. */
static size_t write_output(struct flow *f, const uint8_t *bytes, size_t size)
{
    ssize_t n = f->out >= 0 ? write(f->out, bytes, size) : (ssize_t)size;

    if (n >= 0)
        return (size_t)n;
    f->full = errno == EAGAIN;
    if (f->full || errno == EINTR)
        return 0;
    if (f->may_drop)
        close_one(&f->out);
    else
        fail(f, f->names->out, errno);
    return 0;
}

static void begin_output(struct flow *f)
{
    uint64_t size = (uint64_t)nns_nmf_envelope_size(f->e->link->nmf);

    if (f->e->streamed)
        return;
    for (size_t i = 0; i < PREFIX; i++)
        f->prefix[i] = (uint8_t)(size >> (8 * (PREFIX - 1 - i)));
    f->prefix_left = PREFIX;
}

static void write_prefix(struct flow *f)
{
    f->prefix_left -= write_output(f, f->prefix + PREFIX - f->prefix_left, f->prefix_left);
}

static void write_data(struct flow *f)
{
    const struct link *l = f->e->link;
    const uint8_t *bytes;
    size_t size;

    if (nns_nmf_read_buf(l->nmf, &bytes, &size) != NNS_OK)
        return;
    size = write_output(f, bytes, size);
    trace_envelope(l->trace, false, bytes, size);
    f->e->traffic->in += size;
    (void)!nns_nmf_read_ack(l->nmf, size);
}

/* What the peer has ended. */
static void end_output(struct flow *f, int event)
{
    const struct link *l = f->e->link;

    if (event == NNS_NMF_ENVELOPE_END) {
        trace_envelope_end(l->trace, false);
    } else {
        trace_framing(l->trace, false, "end");
        close_one(&f->out);
    }
}

static void pass_output(struct flow *f)
{
    int event = NNS_NMF_DATA;

    while (f->error == 0 && !f->full && event > NNS_NMF_NOTHING) {
        if (f->prefix_left > 0) {
            write_prefix(f);
            continue;
        }
        event = nns_nmf_next(f->e->link->nmf);
        if (event == NNS_NMF_ENVELOPE)
            begin_output(f);
        else if (event == NNS_NMF_DATA)
            write_data(f);
        else if (event > NNS_NMF_NOTHING)
            end_output(f, event);
    }
}

/* ---- both ---- */

static void wait_for_any(struct flow *f, int64_t deadline)
{
    struct link *l = f->e->link;
    bool wants_input = f->end - f->start < CHUNK && (nns_nmf_state(l->nmf) & NNS_STATE_CAN_WRITE);
    struct pollfd fds[3] = {{.fd = l->fd, .events = link_events(l)},
                            {.fd = wants_input ? f->in : -1, .events = POLLIN},
                            {.fd = f->full ? f->out : -1, .events = POLLOUT}};
    int n;

    if (fds[0].events == 0)
        fds[0].fd = -1;
    n = poll(fds, 3, link_patience(deadline));
    if (n > 0 && fds[0].revents != 0)
        link_move(l, fds[0].revents);
    if (n > 0 && fds[1].revents != 0)
        read_input(f);
    if (n > 0 && fds[2].revents != 0)
        f->full = false;
    if (n == 0 && deadline != LINK_NEVER && link_now() >= deadline)
        (void)nns_nmf_fail(l->nmf, NNS_ERR_TIMEOUT, 0);
}

static bool goes_on(const struct flow *f)
{
    uint32_t state = nns_nmf_state(f->e->link->nmf);

    return f->error == 0 && (state & (NNS_STATE_FAILED | NNS_NMF_ENDED)) == 0;
}

static void run(struct flow *f)
{
    struct link *l = f->e->link;

    while (goes_on(f)) {
        pass_output(f);
        pass_input(f);
        link_send(l);
        if (f->blocked && (nns_nmf_state(l->nmf) & NNS_STATE_CAN_WRITE) != 0)
            continue; /* and wait for nobody */
        if (goes_on(f))
            wait_for_any(f, link_earlier(link_deadline(l->options->idle_ms, 0), l->session_until));
    }
}

static int run_and_tell(struct flow *f)
{
    f->chunk = malloc(CHUNK);
    if (f->chunk != NULL)
        run(f);
    else
        fail(f, "memory", ENOMEM);
    free(f->chunk);
    close_one(&f->in);
    close_one(&f->out);
    if (f->error == 0)
        return STATUS_DONE;
    return event_failed_here(f->e->link->peer, f->what, f->error, f->e->traffic);
}

int exchange_stdio(const struct exchange *e)
{
    struct flow f = {.e = e, .names = &stdio_names};

    if (!pump_take_stdio(&f.in, &f.out))
        return event_failed_here(e->link->peer, "standard input and output", errno, e->traffic);
    return run_and_tell(&f);
}

int exchange_command(const struct exchange *e, const struct child *child)
{
    struct flow f = {
        .e = e, .names = &command_names, .in = child->from, .out = child->to, .may_drop = true};
    int status;

    (void)fcntl(child->to, F_SETFL, O_NONBLOCK); /* nobody else has this end of the pipe */
    status = run_and_tell(&f);
    if (status != STATUS_DONE || nns_nmf_error(e->link->nmf) != NNS_OK)
        exec_hang_up(child);
    return status;
}
