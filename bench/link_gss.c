/* SPDX-License-Identifier: MIT
 *
 * The loop that one writes over GSSAPI: gss_wrap, four bytes of length and the token in one
 * system call; the tokens that arrived, gss_unwrap each. SPNEGO with Kerberos in it, the flags and
 * the record size of NegotiateStream, credentials acquired once.
 */
#include "common.h"
#include "link.h"

#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PREFIX sizeof(uint32_t)
#define WINDOW                                                                                     \
    ((size_t)126976) /* bytes; more than a record, and no block that malloc() maps anew */

struct link {
    int fd;
    gss_ctx_id_t context;
    uint8_t *window; /* what was received and not unwrapped yet: [begin, end) */
    size_t begin, end;
    gss_buffer_desc plain; /* the record that is being read, from offset on */
    size_t offset;
};

static gss_cred_id_t cred;
static gss_name_t target; /* client */
static char spnego[] = "\x2b\x06\x01\x05\x05\x02";
static char kerberos[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
static gss_OID_desc mechanisms[] = {{6, spnego}, {9, kerberos}};
static char target_text[] = TARGET;

static OM_uint32 check(const char *what, OM_uint32 major, OM_uint32 minor)
{
    if (GSS_ERROR(major))
        die("%s: GSSAPI status 0x%x, 0x%x", what, major, minor);
    return major;
}

static void gss_prepare(bool server, const char *engine)
{
    gss_OID_set_desc both = {2, mechanisms}, one = {1, mechanisms + 1};
    gss_buffer_desc text = {sizeof(target_text) - 1, target_text};
    OM_uint32 major, minor;

    (void)engine;
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &both,
                             server ? GSS_C_ACCEPT : GSS_C_INITIATE, &cred, NULL, NULL);
    (void)check("credentials", major, minor);
    major = gss_set_neg_mechs(&minor, cred, &one);
    (void)check("mechanisms", major, minor);
    if (server)
        return;
    major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &target);
    (void)check("target", major, minor);
}

/* ---- the wire ---- */

static void send_token(struct link *link, gss_buffer_t token)
{
    uint32_t size = (uint32_t)token->length;
    struct iovec parts[2] = {{&size, PREFIX}, {token->value, token->length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    OM_uint32 minor;

    while (parts[1].iov_len > 0) {
        ssize_t n = sendmsg(link->fd, &message, MSG_NOSIGNAL);

        if (n < 0)
            die("sendmsg: %s", strerror(errno));
        for (int i = 0; i < 2; i++) {
            size_t here = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;

            parts[i].iov_base = (char *)parts[i].iov_base + here;
            parts[i].iov_len -= here;
            n -= (ssize_t)here;
        }
    }
    (void)gss_release_buffer(&minor, token);
}

/* False at the end. */
static bool receive(struct link *link)
{
    ssize_t n;

    memmove(link->window, link->window + link->begin, link->end - link->begin);
    link->end -= link->begin;
    link->begin = 0;
    n = recv(link->fd, link->window + link->end, WINDOW - link->end, 0);
    if (n < 0 || (n == 0 && link->end > 0))
        die("recv: %s", n < 0 ? strerror(errno) : "the end of file in a token");
    link->end += (size_t)n;
    return n > 0;
}

/* Lends the next token until the next call. False at the end. */
static bool next_token(struct link *link, gss_buffer_t token)
{
    for (;;) {
        size_t there = link->end - link->begin;
        uint32_t size = 0;

        if (there >= PREFIX)
            memcpy(&size, link->window + link->begin, PREFIX);
        if (size > WINDOW - PREFIX)
            die("a token of %u bytes", size);
        if (there >= PREFIX && there - PREFIX >= size) {
            *token = (gss_buffer_desc){size, link->window + link->begin + PREFIX};
            link->begin += PREFIX + size;
            return true;
        }
        if (!receive(link))
            return false;
    }
}

/* ---- the handshake ---- */

static OM_uint32 initiate(struct link *link, gss_buffer_t in, gss_buffer_t out)
{
    const OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG |
                            GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_IDENTIFY_FLAG;
    OM_uint32 minor, major;

    major = gss_init_sec_context(&minor, cred, &link->context, target, &mechanisms[0], flags,
                                 GSS_C_INDEFINITE, NULL, in, NULL, out, NULL, NULL);
    return check("gss_init_sec_context", major, minor);
}

static OM_uint32 accept_client(struct link *link, gss_buffer_t in, gss_buffer_t out)
{
    OM_uint32 minor, major;

    major = gss_accept_sec_context(&minor, &link->context, cred, in, NULL, NULL, NULL, out, NULL,
                                   NULL, NULL);
    return check("gss_accept_sec_context", major, minor);
}

static void *gss_open(int fd)
{
    struct link *link = zeros(sizeof(*link));
    gss_buffer_desc in = GSS_C_EMPTY_BUFFER, out = GSS_C_EMPTY_BUFFER;
    bool server = target == GSS_C_NO_NAME;
    OM_uint32 major;

    link->fd = fd;
    link->window = malloc(WINDOW);
    if (link->window == NULL)
        die("out of memory");
    do {
        if ((server || link->context != GSS_C_NO_CONTEXT) && !next_token(link, &in))
            die("handshake: the peer has closed");
        major = server ? accept_client(link, &in, &out) : initiate(link, &in, &out);
        send_token(link, &out);
    } while (major == GSS_S_CONTINUE_NEEDED);
    return link;
}

/* ---- the data ---- */

static void gss_write(void *arg, const void *data, size_t size)
{
    struct link *link = arg;

    for (size_t done = 0; done < size;) {
        size_t piece = size - done < FULL_RECORD ? size - done : FULL_RECORD;
        gss_buffer_desc in = {piece, (char *)(uintptr_t)data + done}, out;
        OM_uint32 minor, major;
        int conf = 0;

        major = gss_wrap(&minor, link->context, 1, GSS_C_QOP_DEFAULT, &in, &conf, &out);
        if (check("gss_wrap", major, minor) != GSS_S_COMPLETE || !conf)
            die("gss_wrap did not encrypt");
        send_token(link, &out);
        done += piece;
    }
}

/* False at the end. */
static bool unwrap_next(struct link *link)
{
    gss_buffer_desc token;
    OM_uint32 minor, major;
    int conf = 0;

    (void)gss_release_buffer(&minor, &link->plain);
    link->offset = 0;
    if (!next_token(link, &token))
        return false;
    major = gss_unwrap(&minor, link->context, &token, &link->plain, &conf, NULL);
    if (check("gss_unwrap", major, minor) != GSS_S_COMPLETE || !conf)
        die("gss_unwrap: status 0x%x", major);
    return true;
}

static size_t gss_read(void *arg, void *data, size_t size)
{
    struct link *link = arg;

    while (link->offset == link->plain.length) {
        if (!unwrap_next(link))
            return 0;
    }
    if (size > link->plain.length - link->offset)
        size = link->plain.length - link->offset;
    memcpy(data, (const char *)link->plain.value + link->offset, size);
    link->offset += size;
    return size;
}

static void gss_half_close(void *arg)
{
    const struct link *link = arg;

    (void)shutdown(link->fd, SHUT_WR);
}

static const char *gss_engine(const void *arg)
{
    (void)arg;
    return "gss_wrap";
}

static void gss_close(void *arg)
{
    struct link *link = arg;
    OM_uint32 minor;

    (void)gss_release_buffer(&minor, &link->plain);
    (void)gss_delete_sec_context(&minor, &link->context, GSS_C_NO_BUFFER);
    (void)close(link->fd);
    free(link->window);
    free(link);
}

const struct kind kind_gss = {"raw",    gss_prepare,    gss_open,   gss_write,
                              gss_read, gss_half_close, gss_engine, gss_close};
