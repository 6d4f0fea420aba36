/* SPDX-License-Identifier: MIT
 *
 * The state machine of [MC-NMF] 3: which record may come in which state, and what it does. What is
 * not in the table is out of place, and refused by its first byte.
 */
#include "nmf/nmf_internal.h"

#include <string.h>

#define NEGOTIATE "application/negotiate"

/* ---- the server's preamble ---- */

static int take_version(nns_nmf *n)
{
    if (n->record.bytes[0] != 1) /* the minor version does not matter, as in WCF */
        return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "UnsupportedVersion",
                               "preamble: the client speaks version %u.%u of the framing, not 1.0",
                               n->record.bytes[0], n->record.bytes[1]);
    n->state = NNS__NMF_EXPECT_MODE;
    return NNS_OK;
}

static int take_mode(nns_nmf *n)
{
    unsigned mode = n->record.bytes[0];
    bool known = mode >= NNS_NMF_SINGLETON && mode <= NNS_NMF_SIMPLEX;

    /* A simplex server cannot say yes to an upgrade. */
    if (!known || (mode == NNS_NMF_SIMPLEX && n->cfg != NULL))
        return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "UnsupportedMode",
                               "preamble: mode %u is not supported%s", mode,
                               known ? " with security" : "");
    n->mode = (nns_nmf_mode)mode;
    n->state = NNS__NMF_EXPECT_VIA;
    return NNS_OK;
}

static int take_via(nns_nmf *n)
{
    n->via = n->record.text;
    n->record.text = NULL;
    n->state = NNS__NMF_EXPECT_ENCODING;
    return NNS_OK;
}

static int take_known_encoding(nns_nmf *n)
{
    if (n->record.bytes[0] > 8)
        return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "ContentTypeInvalid",
                               "preamble: encoding %u is not known", n->record.bytes[0]);
    n->encoding = n->record.bytes[0];
    n->state = NNS__NMF_EXPECT_UPGRADE;
    return NNS_OK;
}

static int take_content_type(nns_nmf *n)
{
    n->content_type = n->record.text;
    n->record.text = NULL;
    n->encoding = -1;
    n->state = NNS__NMF_EXPECT_UPGRADE;
    return NNS_OK;
}

static int take_upgrade(nns_nmf *n)
{
    const char *name = n->record.text;

    if (n->cfg == NULL || n->mode == NNS_NMF_SIMPLEX || strcmp(name, NEGOTIATE) != 0)
        return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "UpgradeInvalid",
                               "preamble: the client asks for an upgrade to '%.100s', %s", name,
                               n->cfg == NULL ? "there is no security here"
                                              : "and only " NEGOTIATE " is here");
    n->state = NNS__NMF_HANDSHAKE;
    return nns__nmf_put_type(n, NNS__NMF_UPGRADE_RESPONSE);
}

static int refuse_upgrade(nns_nmf *n)
{
    return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "UpgradeInvalid",
                           "preamble: the client asks for a second upgrade");
}

static int take_preamble_end(nns_nmf *n)
{
    if (n->cfg != NULL && n->engine == NULL)
        return nns__nmf_refuse(n, NNS_ERR_POLICY, "UpgradeInvalid",
                               "preamble: the client does not ask for security");
    n->state = NNS__NMF_ACCEPT;
    return NNS_OK;
}

/* ---- the client's ---- */

static int take_upgraded(nns_nmf *n)
{
    n->state = NNS__NMF_HANDSHAKE;
    return NNS_OK;
}

static void open_for_envelopes(nns_nmf *n)
{
    n->open = true;
    n->state = n->mode == NNS_NMF_SINGLETON ? NNS__NMF_UNSIZED : NNS__NMF_SIZED;
    if (n->mode != NNS_NMF_SIMPLEX)
        return;
    if (n->role == NNS_SERVER) {
        n->ended = true;
    } else {
        n->state = NNS__NMF_SILENT;
        n->peer_ended = true;
    }
}

static int take_ack(nns_nmf *n)
{
    open_for_envelopes(n);
    return NNS_OK;
}

/* ---- both sides' envelopes ---- */

static int take_sized(nns_nmf *n)
{
    uint32_t size = n->record.size.value;

    if (size > n->limits[NNS_NMF_LIMIT_ENVELOPE_BYTES])
        return nns__nmf_refuse(n, NNS_ERR_TOO_LARGE, "MaxMessageSizeExceededFault",
                               "envelope: %u bytes are announced, the limit is %lld", size,
                               (long long)n->limits[NNS_NMF_LIMIT_ENVELOPE_BYTES]);
    n->reading =
        (struct nns__nmf_envelope){.part = NNS__NMF_WHOLE, .size = (int64_t)size, .left = size};
    return NNS_OK;
}

static int take_unsized(nns_nmf *n)
{
    n->reading = (struct nns__nmf_envelope){.part = NNS__NMF_CHUNK, .size = NNS_NMF_UNSIZED};
    n->state = NNS__NMF_LAST;
    return NNS_OK;
}

static int take_end(nns_nmf *n)
{
    n->peer_ended = true;
    n->state = NNS__NMF_SILENT;
    return nns__nmf_end_of_security(n);
}

static int take_fault(nns_nmf *n)
{
    n->fault = nns__nmf_strdup(&n->mem, nns__nmf_fault_name(n->record.text));
    return nns__nmf_failed(n, NNS_ERR_PEER, "the peer reported the fault '%.200s'",
                           nns__nmf_fault_name(n->record.text));
}

/* ---- the table ---- */

static int (*const table[NNS__NMF_STATES][NNS__NMF_RECORDS])(nns_nmf *n) = {
    [NNS__NMF_EXPECT_VERSION] = {[NNS__NMF_VERSION] = take_version},
    [NNS__NMF_EXPECT_MODE] = {[NNS__NMF_MODE] = take_mode},
    [NNS__NMF_EXPECT_VIA] = {[NNS__NMF_VIA] = take_via},
    [NNS__NMF_EXPECT_ENCODING] = {[NNS__NMF_KNOWN_ENCODING] = take_known_encoding,
                                  [NNS__NMF_CONTENT_TYPE] = take_content_type},
    [NNS__NMF_EXPECT_UPGRADE] =
        {[NNS__NMF_UPGRADE_REQUEST] = take_upgrade, [NNS__NMF_PREAMBLE_END] = take_preamble_end},
    [NNS__NMF_EXPECT_PREAMBLE_END] =
        {[NNS__NMF_UPGRADE_REQUEST] = refuse_upgrade, [NNS__NMF_PREAMBLE_END] = take_preamble_end},
    [NNS__NMF_EXPECT_UPGRADED] =
        {[NNS__NMF_UPGRADE_RESPONSE] = take_upgraded, [NNS__NMF_FAULT] = take_fault},
    [NNS__NMF_EXPECT_ACK] = {[NNS__NMF_PREAMBLE_ACK] = take_ack, [NNS__NMF_FAULT] = take_fault},
    [NNS__NMF_SIZED] = {[NNS__NMF_SIZED_ENVELOPE] = take_sized,
                        [NNS__NMF_RECORD_END] = take_end,
                        [NNS__NMF_FAULT] = take_fault},
    [NNS__NMF_UNSIZED] = {[NNS__NMF_UNSIZED_ENVELOPE] = take_unsized,
                          [NNS__NMF_RECORD_END] = take_end,
                          [NNS__NMF_FAULT] = take_fault},
    [NNS__NMF_LAST] = {[NNS__NMF_RECORD_END] = take_end, [NNS__NMF_FAULT] = take_fault},
};

static const char *const awaited[NNS__NMF_STATES] = {
    [NNS__NMF_EXPECT_VERSION] = "the version",
    [NNS__NMF_EXPECT_MODE] = "the mode",
    [NNS__NMF_EXPECT_VIA] = "the via",
    [NNS__NMF_EXPECT_ENCODING] = "the encoding",
    [NNS__NMF_EXPECT_UPGRADE] = "an upgrade or the preamble's end",
    [NNS__NMF_EXPECT_PREAMBLE_END] = "the preamble's end",
    [NNS__NMF_EXPECT_UPGRADED] = "the upgrade's answer",
    [NNS__NMF_EXPECT_ACK] = "the preamble's answer",
    [NNS__NMF_SIZED] = "an envelope or the end",
    [NNS__NMF_UNSIZED] = "the envelope",
    [NNS__NMF_LAST] = "the end",
};

static bool is_of_preamble(enum nns__nmf_state state)
{
    return state <= NNS__NMF_EXPECT_PREAMBLE_END || state == NNS__NMF_EXPECT_UPGRADED ||
           state == NNS__NMF_EXPECT_ACK;
}

static int out_of_place(nns_nmf *n, unsigned type)
{
    bool is_first = n->state == NNS__NMF_EXPECT_VERSION ||
                    (n->state == NNS__NMF_EXPECT_UPGRADED && type >= NNS__NMF_RECORDS);

    if (is_first)
        return nns__nmf_failed(n, NNS_ERR_FOREIGN,
                               "preamble: the peer does not speak net.tcp: it began with 0x%02x",
                               type);
    return nns__nmf_refuse(n, NNS_ERR_PROTOCOL, "InvalidRecordSequence",
                           "framing: %s (0x%02x) came in place of %s", nns__nmf_record_name(type),
                           type, awaited[n->state]);
}

static size_t text_limit(const nns_nmf *n)
{
    switch (n->record.type) {
    case NNS__NMF_VIA:
        return nns__nmf_limit(n, NNS_NMF_LIMIT_VIA_BYTES);
    case NNS__NMF_CONTENT_TYPE:
        return nns__nmf_limit(n, NNS_NMF_LIMIT_CONTENT_TYPE_BYTES);
    case NNS__NMF_UPGRADE_REQUEST:
        return nns__nmf_limit(n, NNS_NMF_LIMIT_UPGRADE_BYTES);
    case NNS__NMF_FAULT:
        return nns__nmf_limit(n, NNS_NMF_LIMIT_FAULT_BYTES);
    default:
        return 0;
    }
}

static int malformed(nns_nmf *n, int code)
{
    static const char *const too_long[NNS__NMF_RECORDS] = {
        [NNS__NMF_VIA] = "ViaTooLong",
        [NNS__NMF_CONTENT_TYPE] = "ContentTypeTooLong",
        [NNS__NMF_UPGRADE_REQUEST] = "UpgradeInvalid",
    };
    const char *name = nns__nmf_record_name(n->record.type);
    const char *fault = code == NNS_ERR_TOO_LARGE ? too_long[n->record.type] : NULL;

    if (code == NNS_ERR_TOO_LARGE)
        return nns__nmf_refuse(n, code, fault != NULL ? fault : "InvalidRecordSequence",
                               "framing: %s: %u bytes, the limit is %zu", name,
                               n->record.size.value, text_limit(n));
    if (code == NNS_ERR_PROTOCOL)
        return nns__nmf_refuse(n, code, "InvalidRecordSequence",
                               "framing: %s: a size of more than 31 bits, or a NUL", name);
    return nns__nmf_failed(n, code, "framing: %s: %s", name, nns_strerror(code));
}

/* The type of the next record, from its first byte. */
static int begin_record(nns_nmf *n, uint8_t type)
{
    if (type >= NNS__NMF_RECORDS || table[n->state][type] == NULL)
        return out_of_place(n, type);
    n->record.type = type;
    n->record.has_type = true;
    n->begun = true;
    return NNS_OK;
}

/* The record is whole. */
static int finish_record(nns_nmf *n)
{
    int rc = table[n->state][n->record.type](n);

    nns__nmf_decoder_clear(&n->record, &n->mem);
    return rc;
}

/* The bytes that the source lends now. */
static int take_part(nns_nmf *n, const uint8_t *data, size_t size)
{
    size_t type = n->record.has_type ? 0 : 1, used = 0;
    int rc = type > 0 ? begin_record(n, *data) : NNS_OK, decoded;

    if (rc != NNS_OK)
        return rc;
    decoded = nns__nmf_decode(&n->record, &n->mem, text_limit(n), data + type, size - type, &used);
    rc = nns__nmf_consume(n, type + used);
    if (rc != NNS_OK || decoded == NNS_WANT_RECV)
        return rc != NNS_OK ? rc : NNS_WANT_RECV;
    return decoded == NNS_OK ? finish_record(n) : malformed(n, decoded);
}

int nns__nmf_step(nns_nmf *n)
{
    const uint8_t *data;
    size_t size;
    int rc;

    do {
        rc = nns__nmf_source(n, &data, &size);
        if (rc != NNS_OK || size == 0)
            return rc != NNS_OK ? rc : NNS_WANT_RECV;
        rc = take_part(n, data, size);
    } while (rc == NNS_WANT_RECV);
    return rc;
}

/* ---- what happens by itself ---- */

/* The handshake begins when all that is clear has gone out. */
static bool begin_security(nns_nmf *n)
{
    int rc;

    if (n->state != NNS__NMF_HANDSHAKE || n->engine != NULL || nns__nmf_used(&n->out) > 0)
        return false;
    rc = nns_engine_new(&n->engine, n->cfg, n->role);
    if (rc == NNS_OK && n->role == NNS_CLIENT)
        rc = nns_engine_set_target(n->engine, n->target);
    if (rc != NNS_OK)
        (void)nns__nmf_failed(n, rc, "upgrade: %s", nns_strerror(rc));
    return rc == NNS_OK;
}

/* The engine gets what was received with the clear bytes before it, and the end. */
static bool feed(nns_nmf *n)
{
    nns_ssize moved = 0;

    if (n->engine == NULL || n->peer_ended)
        return false;
    if (nns__nmf_used(&n->in) > 0) {
        if ((nns_engine_recv_state(n->engine) & NNS_STATE_WANT_RECV) != 0)
            moved = nns_engine_recv(n->engine, n->in.data + n->in.start, nns__nmf_used(&n->in));
        if (moved > 0)
            nns__nmf_take(&n->in, (size_t)moved);
        return moved > 0;
    }
    if (!n->eof || n->eof_passed || (nns_engine_recv_state(n->engine) & NNS_STATE_STEPPING) != 0)
        return false;
    n->eof_passed = true;
    (void)nns_engine_recv_eof(n->engine);
    return true;
}

static bool open_security(nns_nmf *n)
{
    if (n->state != NNS__NMF_HANDSHAKE || n->engine == NULL ||
        (nns_engine_state(n->engine) & NNS_STATE_OPEN) == 0)
        return false;
    if (n->role == NNS_SERVER) {
        n->state = NNS__NMF_EXPECT_PREAMBLE_END;
    } else {
        n->state = NNS__NMF_EXPECT_ACK;
        (void)nns__nmf_put_type(n, NNS__NMF_PREAMBLE_END);
    }
    return true;
}

static bool read_preamble(nns_nmf *n)
{
    int rc;

    if (!is_of_preamble(n->state))
        return false;
    rc = nns__nmf_step(n);
    if (rc == NNS_WANT_RECV && nns__nmf_at_eof(n) && n->begun)
        (void)nns__nmf_truncated(n);
    return rc == NNS_OK;
}

/* After both Ends clear framing comes again. */
static bool leave_security(nns_nmf *n)
{
    if (n->engine == NULL || !n->open || !n->ended || !n->peer_ended ||
        nns__nmf_used(&n->out) > 0 || (nns_engine_send_state(n->engine) & NNS_STATE_WANT_SEND) != 0)
        return false;
    nns_engine_free(n->engine);
    n->engine = NULL;
    n->eof_passed = false;
    n->room_lent = n->sent_lent = n->read_lent = 0;
    return true;
}

/* The engine's failure is ours. */
static bool has_failed(nns_nmf *n)
{
    if (n->engine != NULL && nns_engine_error(n->engine) != NULL)
        (void)nns__nmf_engine_failed(n);
    return n->error != NNS_OK;
}

int nns__nmf_settle(nns_nmf *n)
{
    bool moved = true;

    while (!has_failed(n) && moved) {
        (void)nns__nmf_push(n);
        moved = begin_security(n) || feed(n) || open_security(n) || read_preamble(n) ||
                leave_security(n);
    }
    if (n->error != NNS_OK)
        (void)nns__nmf_push(n);
    return n->error;
}

bool nns__nmf_at_eof(const nns_nmf *n)
{
    if (!n->eof || nns__nmf_used(&n->in) > 0)
        return false;
    return n->engine == NULL || (nns_engine_recv_state(n->engine) & NNS_STATE_RECV_EOF) != 0;
}

int nns__nmf_truncated(nns_nmf *n)
{
    bool inside = n->record.has_type || n->reading.part != NNS__NMF_BETWEEN;

    return nns__nmf_failed(n, NNS_ERR_TRUNCATED, "framing: the peer closed %s %s",
                           inside ? "inside of" : "in place of",
                           n->reading.part != NNS__NMF_BETWEEN ? "an envelope"
                           : inside ? nns__nmf_record_name(n->record.type)
                                    : awaited[n->state]);
}

/* ---- the application's part ---- */

int nns_nmf_accept(nns_nmf *n)
{
    if (n == NULL)
        return NNS_ERR_ARGUMENT;
    if (nns__nmf_settle(n) != NNS_OK)
        return n->error;
    if (n->state != NNS__NMF_ACCEPT)
        return NNS_ERR_STATE;
    open_for_envelopes(n);
    return n->mode == NNS_NMF_SIMPLEX ? NNS_OK : nns__nmf_put_type(n, NNS__NMF_PREAMBLE_ACK);
}

static int put_preamble(nns_nmf *n)
{
    uint8_t start[] = {NNS__NMF_VERSION, 1, 0, NNS__NMF_MODE, (uint8_t)n->mode};
    uint8_t encoding[] = {NNS__NMF_KNOWN_ENCODING, (uint8_t)n->encoding};
    int rc = nns__nmf_put(n, start, sizeof(start));

    if (rc == NNS_OK)
        rc = nns__nmf_put_text(n, NNS__NMF_VIA, "", n->via);
    if (rc == NNS_OK && n->encoding < 0)
        rc = nns__nmf_put_text(n, NNS__NMF_CONTENT_TYPE, "", n->content_type);
    else if (rc == NNS_OK)
        rc = nns__nmf_put(n, encoding, sizeof(encoding));
    if (rc == NNS_OK && n->cfg != NULL)
        return nns__nmf_put_text(n, NNS__NMF_UPGRADE_REQUEST, "", NEGOTIATE);
    return rc == NNS_OK ? nns__nmf_put_type(n, NNS__NMF_PREAMBLE_END) : rc;
}

int nns_nmf_start(nns_nmf *n)
{
    int rc;

    if (n == NULL || n->role != NNS_CLIENT)
        return NNS_ERR_ARGUMENT;
    if (n->error != NNS_OK)
        return n->error;
    if (n->state != NNS__NMF_START || n->via == NULL ||
        (n->cfg != NULL && (n->target == NULL || n->mode == NNS_NMF_SIMPLEX)))
        return NNS_ERR_STATE;
    rc = put_preamble(n);
    n->begun = true;
    n->state = n->cfg != NULL ? NNS__NMF_EXPECT_UPGRADED : NNS__NMF_EXPECT_ACK;
    if (n->mode == NNS_NMF_SIMPLEX)
        open_for_envelopes(n);
    return rc;
}
