/* SPDX-License-Identifier: MIT
 *
 * The handshake of [MS-NNS] 3.1 and 3.2 as a table: in each state, each message has its handler,
 * and every pair without one is a protocol error. The client speaks first. OPEN needs all of: the
 * mechanism complete, the server's Done seen (client), its payload given to the mechanism where
 * that still wanted it, policy passed, and the application's consent where it asked to be asked.
 */
#include "engine/engine_internal.h"

#include "frame/foreign.h"
#include "frame/handshake_record.h"

#include <stdio.h>
#include <string.h>

void nns__token_free(struct nns__token *token, const struct nns__mem *mem)
{
    nns__free_wiped(mem, token->data, token->size);
    *token = (struct nns__token){0};
}

static int broken(nns_engine *e, const char *why)
{
    struct nns__failure f;

    (void)nns__fail(&f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN, "handshake: %s", why);
    return nns__engine_fail(e, &f);
}

/* ---- handlers ---- */

typedef int handler(nns_engine *e, const uint8_t *payload, size_t size);

/* A token for the mechanism. */
static int got_token(nns_engine *e, const uint8_t *payload, size_t size)
{
    struct nns__token *input = &e->handshake.input;

    if (size == 0)
        return broken(e, "the peer sent an empty token where one is due");
    input->data = nns__alloc(&e->mem, size);
    if (input->data == NULL)
        return nns__engine_fail_memory(e);
    memcpy(input->data, payload, size);
    input->size = size;
    e->handshake.state = NNS__STEP;
    return NNS_OK;
}

/* The server's last token: the mechanism must be complete with it. */
static int got_last_token(nns_engine *e, const uint8_t *payload, size_t size)
{
    e->handshake.peer_done = true;
    return got_token(e, payload, size);
}

/* What only the handshake needs goes. */
static void open_engine(nns_engine *e)
{
    struct nns__handshake *h = &e->handshake;

    h->state = NNS__OPEN;
    nns__engine_set_phase(e, NNS_PHASE_DATA);
    if (h->auth != NULL)
        h->auth->ops->close(h->auth);
    h->auth = NULL;
    nns__strfree(&e->mem, h->target);
    h->target = NULL;
    nns__token_free(&h->input, &e->mem);
    nns__token_free(&e->binding, &e->mem);
}

/* The server's Done for a mechanism that is complete. The specification lets a client ignore a
 * payload here (3.1.5.4), .NET 8 and later refuse it and so do we: nobody sends one in good faith.
 */
static int got_done(nns_engine *e, const uint8_t *payload, size_t size)
{
    (void)payload;
    if (size != 0)
        return broken(e, "the peer sent a token after the mechanism was complete");
    e->handshake.peer_done = true;
    open_engine(e);
    return NNS_OK;
}

/* What a status that the peer reported is worth looking at for; and, if Kerberos was not even
 * tried, why: that may be the cause of it all. */
static void hint_status(const nns_engine *e, uint32_t status, struct nns__failure *f)
{
    const struct nns__auth *auth = e->handshake.auth;
    const char *hint = nns__status_hint(status), *why = NULL;

    if (auth != NULL && auth->ops->why_ntlm != NULL)
        why = auth->ops->why_ntlm(auth);
    if (why != NULL)
        nns__failure_hint(f, "%.120s%sthis was NTLM, because: %.170s", hint != NULL ? hint : "",
                          hint != NULL ? "; " : "", why);
    else if (hint != NULL)
        nns__failure_hint(f, "%s", hint);
}

static int got_error(nns_engine *e, const uint8_t *payload, size_t size)
{
    uint32_t status = nns__handshake_status_decode(payload, size);
    const char *name = nns_status_name(status);
    struct nns__failure f;

    if (status == 0)
        (void)nns__fail(&f, NNS_ERR_PEER, NNS__STATUS_NONE,
                        "handshake: the peer refused and gave no reason");
    else
        (void)nns__fail(&f, NNS_ERR_PEER, NNS__STATUS_NONE,
                        "handshake: the peer reported %s%s%08X%s", name != NULL ? name : "status ",
                        name != NULL ? " (" : "", (unsigned)status, name != NULL ? ")" : "");
    f.peer_status = status;
    hint_status(e, status, &f);
    return nns__engine_fail(e, &f);
}

static int got_unexpected(nns_engine *e, const uint8_t *payload, size_t size)
{
    (void)payload;
    (void)size;
    return broken(e, "the peer sent a record that is not due now");
}

static int got_unknown(nns_engine *e, const uint8_t *payload, size_t size)
{
    (void)payload;
    (void)size;
    return broken(e, "the peer sent a record with an unknown message id");
}

static int got_eof(nns_engine *e, const uint8_t *payload, size_t size)
{
    struct nns__failure f;

    (void)payload;
    (void)size;
    (void)nns__fail(&f, NNS_ERR_PROTOCOL, NNS__STATUS_NONE,
                    "handshake: the peer closed the connection");
    if (e->handshake.legs_in == 0)
        nns__failure_hint(&f, "it said nothing: it may speak another protocol, be at a limit, or "
                              "have found our first bytes wrong; its log may tell");
    return nns__engine_fail(e, &f);
}

/* ---- the table ----
 * A server treats a client's InProgress and Done alike ([MS-NNS] 3.2.5.1 and what .NET does). */

#define ROW(in_progress, done)                                                                     \
    {                                                                                              \
        [NNS__GOT_IN_PROGRESS] = (in_progress), [NNS__GOT_DONE] = (done),                          \
        [NNS__GOT_ERROR] = got_error, [NNS__GOT_OTHER] = got_unknown, [NNS__GOT_EOF] = got_eof,    \
    }

static handler *const client_table[NNS__HANDSHAKE_STATES][NNS__HANDSHAKE_MESSAGES] = {
    [NNS__EXPECT_TOKEN] = ROW(got_token, got_last_token), /* 3.1.5.2, 3.1.5.3 */
    [NNS__EXPECT_DONE] = ROW(got_unexpected, got_done),   /* 3.1.5.4 */
};

static handler *const server_table[NNS__HANDSHAKE_STATES][NNS__HANDSHAKE_MESSAGES] = {
    [NNS__START] = ROW(got_token, got_token),        /* 3.2.5.1 */
    [NNS__EXPECT_TOKEN] = ROW(got_token, got_token), /* 3.2.5.2, 3.2.5.3 */
};

int nns__handshake_message(nns_engine *e, enum nns__handshake_message message,
                           const uint8_t *payload, size_t size)
{
    enum nns__handshake_state state = e->handshake.state;
    handler *h =
        e->role == NNS_CLIENT ? client_table[state][message] : server_table[state][message];

    return h != NULL ? h(e, payload, size) : got_unexpected(e, payload, size);
}

/* ---- records in ---- */

bool nns__handshake_expects(const nns_engine *e)
{
    switch (e->handshake.state) {
    case NNS__START:
    case NNS__EXPECT_TOKEN:
    case NNS__EXPECT_DONE:
        return nns__engine_failed(e) == NNS_OK;
    case NNS__STEP:
    case NNS__AUTHORIZE:
    case NNS__OPEN:
    case NNS__HANDSHAKE_STATES:
        break;
    }
    return false;
}

static enum nns__handshake_message classify(uint8_t id)
{
    switch (id) {
    case NNS__HANDSHAKE_IN_PROGRESS:
        return NNS__GOT_IN_PROGRESS;
    case NNS__HANDSHAKE_DONE:
        return NNS__GOT_DONE;
    case NNS__HANDSHAKE_ERROR:
        return NNS__GOT_ERROR;
    default:
        return NNS__GOT_OTHER;
    }
}

/* The peer's very first bytes (at least one) show that it speaks something else. */
static int check_foreign(nns_engine *e, const uint8_t *bytes, size_t size)
{
    const char *name = nns__foreign_name(bytes, size);
    char hex[3 * NNS__HANDSHAKE_HEADER + 1] = "";
    struct nns__failure f;

    for (size_t i = 0; i < size && i < NNS__HANDSHAKE_HEADER; i++)
        (void)snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
    if (name != NULL)
        (void)nns__fail(&f, NNS_ERR_FOREIGN, NNS__STATUS_INVALID_TOKEN,
                        "handshake: the peer speaks %s, not NegotiateStream", name);
    else if (classify(bytes[0]) == NNS__GOT_OTHER)
        (void)nns__fail(&f, NNS_ERR_FOREIGN, NNS__STATUS_INVALID_TOKEN,
                        "handshake: the peer does not speak NegotiateStream: it began with%s", hex);
    else
        return NNS_OK;
    nns__failure_hint(&f, "%s", nns__foreign_hint(name));
    return nns__engine_fail(e, &f);
}

static int check_limits(nns_engine *e, size_t record)
{
    struct nns__handshake *h = &e->handshake;
    size_t most = nns__config_size_limit(e->cfg, NNS_LIMIT_HANDSHAKE_BYTES);
    struct nns__failure f;

    if (record > most || h->bytes_in > most - record) {
        (void)nns__fail(&f, NNS_ERR_TOO_LARGE, NNS__STATUS_INVALID_TOKEN,
                        "handshake: more than %zu bytes from the peer", most);
        return nns__engine_fail(e, &f);
    }
    if (h->legs_in >= e->cfg->limits[NNS_LIMIT_HANDSHAKE_LEGS]) {
        (void)nns__fail(&f, NNS_ERR_PROTOCOL, NNS__STATUS_INVALID_TOKEN,
                        "handshake: more than %d records from the peer", h->legs_in);
        return nns__engine_fail(e, &f);
    }
    return NNS_OK;
}

/* Too few bytes for a record: wait for more, unless there will be none. */
static int want_more(nns_engine *e)
{
    const struct nns__buffer *window = &e->recv.window;
    struct nns__failure f;

    if (!e->recv.eof)
        return NNS_WANT_RECV;
    if (nns__buffer_used(window) == 0)
        return nns__handshake_message(e, NNS__GOT_EOF, NULL, 0);
    if (e->handshake.legs_in == 0 &&
        check_foreign(e, window->data + window->start, nns__buffer_used(window)) != NNS_OK)
        return nns__engine_failed(e);
    (void)nns__fail(&f, NNS_ERR_TRUNCATED, NNS__STATUS_NONE,
                    "handshake: the peer closed the connection in the middle of a record");
    return nns__engine_fail(e, &f);
}

/* One record. WANT_RECV: it has not wholly arrived. */
static int receive_record(nns_engine *e)
{
    struct nns__buffer *window = &e->recv.window;
    size_t used = nns__buffer_used(window);
    struct nns__handshake_header header;
    const uint8_t *bytes;
    int rc;

    if (used < NNS__HANDSHAKE_HEADER)
        return want_more(e);
    bytes = window->data + window->start;
    nns__handshake_header_decode(bytes, &header);
    rc = e->handshake.legs_in == 0 ? check_foreign(e, bytes, used) : NNS_OK;
    if (rc == NNS_OK && classify(header.id) == NNS__GOT_OTHER)
        rc = nns__handshake_message(e, NNS__GOT_OTHER, NULL, 0);
    if (rc == NNS_OK)
        rc = check_limits(e, NNS__HANDSHAKE_HEADER + header.size);
    if (rc != NNS_OK)
        return rc;
    if (used - NNS__HANDSHAKE_HEADER < header.size)
        return want_more(e);
    e->handshake.bytes_in += NNS__HANDSHAKE_HEADER + header.size;
    e->handshake.legs_in++;
    window->start += NNS__HANDSHAKE_HEADER + header.size;
    return nns__handshake_message(e, classify(header.id), bytes + NNS__HANDSHAKE_HEADER,
                                  header.size);
}

int nns__handshake_receive(nns_engine *e)
{
    int rc = NNS_OK;

    while (rc == NNS_OK && nns__handshake_expects(e))
        rc = receive_record(e);
    return rc == NNS_WANT_RECV ? NNS_OK : rc;
}

/* ---- tokens out ---- */

static int send_token(nns_engine *e, uint8_t id, const struct nns__token *token)
{
    struct nns__failure f;
    int rc = nns__send_handshake(e, id, token->data, token->size);

    if (rc == NNS_OK) {
        e->handshake.legs_out++;
        return NNS_OK;
    }
    if (rc == NNS_ERR_NOMEM)
        return nns__engine_fail_memory(e);
    (void)nns__fail(&f, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
                    "handshake: our token has %zu bytes, and a record holds %zu", token->size,
                    NNS__HANDSHAKE_PAYLOAD);
    return nns__engine_fail(e, &f);
}

/* The mechanism wants another token of the peer's. */
static int go_on(nns_engine *e, const struct nns__token *output)
{
    struct nns__failure f;
    int rc;

    if (e->handshake.peer_done)
        return broken(e, "the peer is done, but the mechanism is not");
    if (output->size == 0) {
        (void)nns__fail(&f, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
                        "handshake: the mechanism wants to go on but has no token to send");
        return nns__engine_fail(e, &f);
    }
    rc = send_token(e, NNS__HANDSHAKE_IN_PROGRESS, output);
    if (rc != NNS_OK)
        return rc;
    e->handshake.state = NNS__EXPECT_TOKEN;
    return nns__handshake_receive(e);
}

/* The mechanism is complete, policy and application are content. A server says Done exactly once,
 * with its last token if there is one; a client says it only with a token, and waits for the
 * server's unless that has been seen. */
int nns__handshake_authorized(nns_engine *e)
{
    struct nns__handshake *h = &e->handshake;
    int rc = NNS_OK;

    if (e->role == NNS_SERVER || h->reply.size != 0)
        rc = send_token(e, NNS__HANDSHAKE_DONE, &h->reply);
    nns__token_free(&h->reply, &e->mem);
    if (rc != NNS_OK)
        return rc;
    if (e->role == NNS_CLIENT && !h->peer_done) {
        h->state = NNS__EXPECT_DONE;
        return nns__handshake_receive(e);
    }
    open_engine(e);
    return NNS_OK;
}

/* A client that is open proved something to its server. Whatever a mechanism may say, five bytes
 * from a stranger must not be enough. */
static int check_spoken(nns_engine *e, size_t last_token)
{
    struct nns__failure f;

    if (e->role == NNS_SERVER || e->handshake.legs_out > 0 || last_token > 0)
        return NNS_OK;
    (void)nns__fail(&f, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
                    "handshake: the mechanism is complete and never had a token to send");
    return nns__engine_fail(e, &f);
}

static int completed(nns_engine *e, nns_job *job)
{
    struct nns__handshake *h = &e->handshake;
    struct nns__failure f;

    e->facts = job->facts;
    e->protection = job->protection;
    job->facts = (struct nns__facts){0};
    job->protection = (struct nns__protection){0};
    if (h->peer_done && job->output.size != 0)
        return broken(e, "the peer is done, but the mechanism has one more token for it");
    if (check_spoken(e, job->output.size) != NNS_OK)
        return nns__engine_failed(e);
    if (nns__policy_check(e->cfg, e->role, &e->facts, &f) != NNS_OK)
        return nns__engine_fail(e, &f);
    if (nns__policy_level(e->facts.flags) != NNS_PROTECT_NONE && !nns__engine_is_framed(e)) {
        (void)nns__fail(&f, NNS_ERR_INTERNAL, NNS__STATUS_INTERNAL_ERROR,
                        "handshake: a protected connection without a protector");
        return nns__engine_fail(e, &f);
    }
    h->reply = job->output;
    job->output = (struct nns__token){0};
    if (e->cfg->defer_authorization) {
        h->state = NNS__AUTHORIZE;
        return NNS_OK;
    }
    return nns__handshake_authorized(e);
}

int nns__handshake_stepped(nns_engine *e, nns_job *job)
{
    if (job->result != NNS_OK)
        return nns__engine_fail(e, &job->failure);
    return job->complete ? completed(e, job) : go_on(e, &job->output);
}
