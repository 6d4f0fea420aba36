/* SPDX-License-Identifier: MIT
 *
 * A net.tcp connection's life, settings, state word and error. It moves no bytes and knows no
 * record: recv.c, send.c and machine.c do.
 */
#include "nmf/nmf_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int64_t standard, least, most;
} limits[NNS_NMF_LIMIT_BUFFER_BYTES + 1] = {
    [NNS_NMF_LIMIT_VIA_BYTES] = {2048, 1, 65536},
    [NNS_NMF_LIMIT_CONTENT_TYPE_BYTES] = {256, 1, 4096},
    [NNS_NMF_LIMIT_UPGRADE_BYTES] = {256, 1, 4096},
    [NNS_NMF_LIMIT_FAULT_BYTES] = {256, 1, 4096},
    [NNS_NMF_LIMIT_ENVELOPE_BYTES] = {67108864, 1, INT64_MAX},
    [NNS_NMF_LIMIT_BUFFER_BYTES] = {131072, 4096, 16777216},
};

#define KNOWN_ENCODING_MOST 8
#define IN_BAND_DICTIONARY 8
#define TARGET_MOST ((size_t)1024)

int nns_nmf_new(nns_nmf **ret, nns_role role, nns_config *cfg, const nns_allocator *alloc)
{
    struct nns__nmf_mem mem;
    nns_nmf *n;

    if (ret == NULL || (role != NNS_CLIENT && role != NNS_SERVER) ||
        nns__nmf_mem_init(&mem, alloc) != NNS_OK)
        return NNS_ERR_ARGUMENT;
    n = nns__nmf_alloc(&mem, sizeof(*n));
    if (n == NULL)
        return NNS_ERR_NOMEM;
    n->mem = mem;
    n->role = role;
    n->cfg = nns_config_ref(cfg);
    n->state = role == NNS_CLIENT ? NNS__NMF_START : NNS__NMF_EXPECT_VERSION;
    n->mode = role == NNS_CLIENT ? NNS_NMF_DUPLEX : 0;
    n->encoding = role == NNS_CLIENT ? IN_BAND_DICTIONARY : -1;
    for (size_t i = 1; i < sizeof(limits) / sizeof(limits[0]); i++)
        n->limits[i] = limits[i].standard;
    *ret = n;
    return NNS_OK;
}

/* What belongs to one conversation. */
static void forget(nns_nmf *n)
{
    nns__nmf_decoder_clear(&n->record, &n->mem);
    n->reading = n->writing = (struct nns__nmf_envelope){.part = NNS__NMF_BETWEEN};
    n->begun = n->open = n->wrote_one = n->ended = n->peer_ended = false;
    if (n->role == NNS_CLIENT)
        return;
    nns__nmf_strfree(&n->mem, n->via);
    nns__nmf_strfree(&n->mem, n->content_type);
    n->via = n->content_type = NULL;
    n->encoding = -1;
    n->mode = 0;
}

void nns_nmf_free(nns_nmf *n)
{
    struct nns__nmf_mem mem;

    if (n == NULL)
        return;
    mem = n->mem;
    forget(n);
    nns_engine_free(n->engine);
    nns_config_unref(n->cfg);
    nns__nmf_buffer_free(&n->in, &mem);
    nns__nmf_buffer_free(&n->out, &mem);
    nns__nmf_strfree(&mem, n->via);
    nns__nmf_strfree(&mem, n->content_type);
    nns__nmf_strfree(&mem, n->target);
    nns__nmf_strfree(&mem, n->fault);
    nns__nmf_free(&mem, n, sizeof(*n));
}

/* ---- settings ---- */

static bool is_fresh(const nns_nmf *n)
{
    return !n->begun && n->error == NNS_OK && nns__nmf_used(&n->in) == 0;
}

int nns_nmf_set_limit(nns_nmf *n, int32_t limit, int64_t value)
{
    if (n == NULL || limit < NNS_NMF_LIMIT_VIA_BYTES || limit > NNS_NMF_LIMIT_BUFFER_BYTES ||
        value < limits[limit].least || value > limits[limit].most)
        return NNS_ERR_ARGUMENT;
    if (!is_fresh(n))
        return NNS_ERR_STATE;
    n->limits[limit] = value;
    return NNS_OK;
}

static int client_setting(const nns_nmf *n)
{
    if (n == NULL || n->role != NNS_CLIENT)
        return NNS_ERR_ARGUMENT;
    return n->state == NNS__NMF_START && n->error == NNS_OK ? NNS_OK : NNS_ERR_STATE;
}

static int set_text(nns_nmf *n, char **to, const char *text, size_t most)
{
    int rc = client_setting(n);
    size_t size;
    char *copy;

    if (rc != NNS_OK)
        return rc;
    size = text != NULL ? strnlen(text, most + 1) : 0;
    if (size == 0 || size > most)
        return NNS_ERR_ARGUMENT;
    copy = nns__nmf_strdup(&n->mem, text);
    if (copy == NULL)
        return NNS_ERR_NOMEM;
    nns__nmf_strfree(&n->mem, *to);
    *to = copy;
    return NNS_OK;
}

int nns_nmf_set_via(nns_nmf *n, const char *uri)
{
    return n == NULL ? NNS_ERR_ARGUMENT
                     : set_text(n, &n->via, uri, nns__nmf_limit(n, NNS_NMF_LIMIT_VIA_BYTES));
}

int nns_nmf_set_target(nns_nmf *n, const char *name)
{
    return n == NULL ? NNS_ERR_ARGUMENT : set_text(n, &n->target, name, TARGET_MOST);
}

int nns_nmf_set_content_type(nns_nmf *n, const char *text)
{
    int rc = n == NULL ? NNS_ERR_ARGUMENT
                       : set_text(n, &n->content_type, text,
                                  nns__nmf_limit(n, NNS_NMF_LIMIT_CONTENT_TYPE_BYTES));

    if (rc == NNS_OK)
        n->encoding = -1;
    return rc;
}

int nns_nmf_set_encoding(nns_nmf *n, int32_t known)
{
    int rc = client_setting(n);

    if (rc == NNS_OK && (known < 0 || known > KNOWN_ENCODING_MOST))
        rc = NNS_ERR_ARGUMENT;
    if (rc == NNS_OK)
        n->encoding = known;
    return rc;
}

int nns_nmf_set_mode(nns_nmf *n, nns_nmf_mode mode)
{
    int rc = client_setting(n);

    if (rc == NNS_OK && (mode < NNS_NMF_SINGLETON || mode > NNS_NMF_SIMPLEX))
        rc = NNS_ERR_ARGUMENT;
    if (rc == NNS_OK)
        n->mode = mode;
    return rc;
}

/* ---- errors ---- */

__attribute__((format(printf, 3, 0))) static int set_error(nns_nmf *n, int code, const char *format,
                                                           va_list args)
{
    if (n->error != NNS_OK)
        return n->error;
    n->error = code;
    (void)vsnprintf(n->message, sizeof(n->message), format, args);
    for (char *c = n->message; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return code;
}

int nns__nmf_failed(nns_nmf *n, int code, const char *format, ...)
{
    va_list args;
    int rc;

    va_start(args, format);
    rc = set_error(n, code, format, args);
    va_end(args);
    return rc;
}

/* A fault may stand between envelopes; a server sends it, but not in simplex mode. */
static bool may_send_fault(const nns_nmf *n)
{
    return n->role == NNS_SERVER && n->mode != NNS_NMF_SIMPLEX && !n->ended &&
           n->writing.part == NNS__NMF_BETWEEN && n->state != NNS__NMF_HANDSHAKE;
}

/* What stands before the name on the wire: nothing, where it is a whole URI. */
static const char *prefix_of(const char *name)
{
    return strchr(name, ':') != NULL ? "" : NNS__NMF_FAULTS;
}

/* The fault on its way, and its name kept. Without memory the connection just closes. */
static void queue_fault(nns_nmf *n, const char *name)
{
    n->fault = nns__nmf_strdup(&n->mem, name);
    (void)nns__nmf_put_text(n, NNS__NMF_FAULT, prefix_of(name), name);
    (void)nns__nmf_push(n);
}

int nns__nmf_refuse(nns_nmf *n, int code, const char *fault, const char *format, ...)
{
    va_list args;

    if (n->error != NNS_OK)
        return n->error;
    va_start(args, format);
    (void)set_error(n, code, format, args);
    va_end(args);
    if (may_send_fault(n))
        queue_fault(n, fault);
    return n->error;
}

int nns__nmf_engine_failed(nns_nmf *n)
{
    const nns_error *err = nns_engine_error(n->engine);

    return nns__nmf_failed(n, err != NULL ? nns_error_code(err) : NNS_ERR_INTERNAL, "%s",
                           nns_error_message(err));
}

int nns_nmf_error(const nns_nmf *n)
{
    return n != NULL ? n->error : NNS_OK;
}

const char *nns_nmf_message(const nns_nmf *n)
{
    return n != NULL ? n->message : "";
}

const char *nns_nmf_fault(const nns_nmf *n)
{
    return n != NULL ? n->fault : NULL;
}

int nns_nmf_fail(nns_nmf *n, int code, int os_error)
{
    if (n == NULL || (code != NNS_ERR_IO && code != NNS_ERR_TIMEOUT && code != NNS_ERR_CANCELED))
        return NNS_ERR_ARGUMENT;
    if (n->engine != NULL && nns_engine_error(n->engine) == NULL) {
        (void)nns_engine_fail(n->engine, code, os_error);
        return nns__nmf_engine_failed(n);
    }
    return nns__nmf_failed(n, code, "%s: %s", n->open ? "envelopes" : "preamble",
                           os_error != 0 ? strerror(os_error) : nns_strerror(code));
}

int nns_nmf_send_fault(nns_nmf *n, const char *name)
{
    size_t most;

    if (n == NULL || name == NULL)
        return NNS_ERR_ARGUMENT;
    most = nns__nmf_limit(n, NNS_NMF_LIMIT_FAULT_BYTES);
    if (*name == '\0' || strlen(prefix_of(name)) + strlen(name) > most)
        return NNS_ERR_ARGUMENT;
    if (n->error != NNS_OK)
        return n->error;
    if (!may_send_fault(n) || !n->begun)
        return NNS_ERR_STATE;
    (void)nns__nmf_refuse(n, NNS_ERR_REFUSED, name, "the conversation was refused: %s", name);
    return NNS_OK;
}

/* ---- state ---- */

static bool has_ended(const nns_nmf *n)
{
    return n->open && n->ended && n->peer_ended && n->engine == NULL && nns__nmf_used(&n->out) == 0;
}

static uint32_t engine_bits(const nns_nmf *n)
{
    return n->engine == NULL
               ? 0
               : nns_engine_state(n->engine) &
                     (NNS_STATE_WANT_STEP | NNS_STATE_STEPPING | NNS_STATE_WANT_AUTHORIZE);
}

uint32_t nns_nmf_state(nns_nmf *n)
{
    uint32_t bits;

    (void)nns__nmf_settle(n);
    bits = nns__nmf_has_to_send(n) ? NNS_STATE_WANT_SEND : 0;
    if (n->error != NNS_OK)
        return bits | NNS_STATE_FAILED | (engine_bits(n) & NNS_STATE_STEPPING);
    bits |= engine_bits(n);
    bits |= nns__nmf_can_recv(n) ? NNS_STATE_WANT_RECV : 0;
    bits |= nns__nmf_can_read(n) ? NNS_STATE_CAN_READ : 0;
    bits |= nns__nmf_can_write(n) ? NNS_STATE_CAN_WRITE : 0;
    bits |= n->open ? NNS_STATE_OPEN : 0;
    bits |= n->state == NNS__NMF_ACCEPT ? NNS_NMF_WANT_ACCEPT : 0;
    bits |= n->peer_ended ? NNS_NMF_PEER_ENDED : 0;
    bits |= n->begun ? NNS_NMF_BEGUN : 0;
    bits |= has_ended(n) ? NNS_NMF_ENDED : 0;
    if (n->eof && (n->peer_ended || (!n->begun && nns__nmf_used(&n->in) == 0)))
        bits |= NNS_STATE_RECV_EOF;
    return bits;
}

nns_engine *nns_nmf_engine(nns_nmf *n)
{
    return n != NULL ? n->engine : NULL;
}

/* ---- what the preamble said ---- */

static bool is_readable(const nns_nmf *n)
{
    return n->role == NNS_CLIENT || n->open || n->state == NNS__NMF_ACCEPT;
}

nns_nmf_mode nns_nmf_get_mode(const nns_nmf *n)
{
    return is_readable(n) ? n->mode : 0;
}

const char *nns_nmf_via(const nns_nmf *n)
{
    return is_readable(n) ? n->via : NULL;
}

int32_t nns_nmf_encoding(const nns_nmf *n)
{
    return is_readable(n) ? n->encoding : -1;
}

const char *nns_nmf_content_type(const nns_nmf *n)
{
    return is_readable(n) && n->encoding < 0 ? n->content_type : NULL;
}

int nns_nmf_restart(nns_nmf *n)
{
    if (n == NULL)
        return NNS_ERR_ARGUMENT;
    if (nns__nmf_settle(n) != NNS_OK)
        return n->error;
    if (!has_ended(n))
        return NNS_ERR_STATE;
    forget(n);
    nns__nmf_buffer_free(&n->out, &n->mem); /* empty; at rest it costs nothing */
    if (nns__nmf_used(&n->in) == 0)
        nns__nmf_buffer_free(&n->in, &n->mem);
    n->in_want = 0;
    n->state = n->role == NNS_CLIENT ? NNS__NMF_START : NNS__NMF_EXPECT_VERSION;
    return NNS_OK;
}
