/* SPDX-License-Identifier: MIT
 *
 * A server with NTLM allowed and many NTLM clients, every second with a wrong password. gss-ntlmssp
 * 1.2.0 loses some kilobytes in each handshake; ours may lose no more than a bare loop of
 * gss_accept_sec_context() does with the same clients. Each of the two servers is a process of its
 * own, so that what the client loses does not count.
 *
 * NNS_SOAK_HANDSHAKES: how many with each server, instead of the default.
 */
#include "support/check.h"

#include <nns/nns.h>

#include <gssapi/gssapi_ext.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc 12 does not ship the header */
#endif

#define HANDSHAKES 300
#define WARM_UP 50 /* handshakes before the growth counts */
#define HEADER 5
#define IN_PROGRESS 0x16
#define DONE 0x14
#define ERROR 0x15

static char spnego_oid[] = "\x2b\x06\x01\x05\x05\x02";
static char ntlm_oid[] = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
static gss_OID_desc spnego = {sizeof(spnego_oid) - 1, spnego_oid};
static gss_OID_desc ntlm = {sizeof(ntlm_oid) - 1, ntlm_oid};

/* ---- records on a socket pair ---- */

struct record {
    uint8_t id;
    size_t size;
    uint8_t token[65535];
};

static bool move_all(int fd, void *bytes, size_t size, bool out)
{
    uint8_t *at = bytes;

    while (size > 0) {
        ssize_t n = out ? send(fd, at, size, MSG_NOSIGNAL) : read(fd, at, size);

        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_record(int fd, uint8_t id, const gss_buffer_desc *token)
{
    uint8_t header[HEADER] = {id, 1, 0, (uint8_t)(token->length >> 8), (uint8_t)token->length};

    return move_all(fd, header, HEADER, true) && move_all(fd, token->value, token->length, true);
}

static bool read_record(int fd, struct record *r)
{
    uint8_t header[HEADER];

    if (!move_all(fd, header, HEADER, false))
        return false;
    r->id = header[0];
    r->size = (size_t)header[3] << 8 | header[4];
    return move_all(fd, r->token, r->size, false);
}

/* ---- the two servers ---- */

static size_t allocated(void)
{
#ifdef SANITIZED
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#endif
}

/* One client; true if it was let in, false if not. */
typedef bool serve_fn(int fd, void *arg);

static bool serve_bare(int fd, void *arg)
{
    static struct record in;
    gss_cred_id_t *cred = arg;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 major, minor;

    do {
        gss_buffer_desc token = {0, in.token}, out = GSS_C_EMPTY_BUFFER;

        if (!read_record(fd, &in))
            _exit(1);
        token.length = in.size;
        major = gss_accept_sec_context(&minor, &ctx, *cred, &token, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                       NULL, &out, NULL, NULL, NULL);
        if (!send_record(fd,
                         GSS_ERROR(major)          ? ERROR
                         : major == GSS_S_COMPLETE ? DONE
                                                   : IN_PROGRESS,
                         &out))
            _exit(1);
        (void)gss_release_buffer(&minor, &out);
    } while (major == GSS_S_CONTINUE_NEEDED);
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
    return major == GSS_S_COMPLETE;
}

static void pump(nns_engine *e, int fd)
{
    uint8_t bytes[4096];
    nns_ssize n;

    while ((n = nns_engine_send(e, bytes, sizeof(bytes))) > 0) {
        if (!move_all(fd, bytes, (size_t)n, true))
            _exit(1);
    }
    if ((nns_engine_state(e) & NNS_STATE_WANT_STEP) != 0) {
        (void)!nns_engine_step(e);
    } else if ((nns_engine_state(e) & (NNS_STATE_OPEN | NNS_STATE_FAILED)) == 0) {
        n = read(fd, bytes, sizeof(bytes));
        if (n <= 0 || nns_engine_recv(e, bytes, (size_t)n) != n)
            _exit(1);
    }
}

static bool serve_ours(int fd, void *arg)
{
    nns_engine *e = NULL;
    uint32_t state;

    if (nns_engine_new(&e, arg, NNS_SERVER) != NNS_OK)
        _exit(1);
    do {
        pump(e, fd);
        state = nns_engine_state(e);
    } while ((state & (NNS_STATE_OPEN | NNS_STATE_FAILED)) == 0 ||
             (state & NNS_STATE_WANT_SEND) != 0);
    nns_engine_free(e);
    return (state & NNS_STATE_OPEN) != 0;
}

/* What a server tells when its clients are through. */
struct outcome {
    long let_in;
    long growth; /* bytes */
};

static void run_server(int fd, long handshakes, serve_fn *serve, void *arg)
{
    struct outcome outcome = {0};
    size_t before = 0;

    for (long i = 0; i < WARM_UP + handshakes; i++) {
        if (i == WARM_UP)
            before = allocated();
        outcome.let_in += serve(fd, arg);
    }
    outcome.growth = (long)allocated() - (long)before;
    (void)!move_all(fd, &outcome, sizeof(outcome), true);
    _exit(0);
}

static void serve_bare_clients(int fd, long handshakes)
{
    gss_OID_desc both[] = {spnego, ntlm};
    gss_OID_set_desc set = {2, both}, one = {1, &both[1]};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    if (gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, GSS_C_ACCEPT, &cred, NULL,
                         NULL) != GSS_S_COMPLETE ||
        gss_set_neg_mechs(&minor, cred, &one) != GSS_S_COMPLETE)
        _exit(1);
    run_server(fd, handshakes, serve_bare, &cred);
}

static void serve_our_clients(int fd, long handshakes)
{
    char keytab[4096];
    nns_config *cfg = NULL;

    (void)snprintf(keytab, sizeof(keytab), "FILE:%s/keytab", getenv("NNS_REALM_DIR"));
    if (nns_config_new(&cfg, NULL) != NNS_OK || nns_config_set_keytab(cfg, keytab) != NNS_OK ||
        nns_config_insecure_allow_ntlm(cfg) != NNS_OK ||
        nns_config_allow_peer(cfg, "NNS\\alice") != NNS_OK)
        _exit(1);
    run_server(fd, handshakes, serve_ours, cfg);
}

/* ---- the clients ---- */

static gss_cred_id_t client_cred(const char *password)
{
    gss_OID_desc both[] = {spnego, ntlm};
    gss_OID_set_desc set = {2, both}, one = {1, &both[1]};
    gss_key_value_element_desc element = {"ntlmssp_password", password};
    gss_key_value_set_desc store = {1, &element};
    static char alice[] = "NNS\\alice";
    gss_buffer_desc user = {sizeof(alice) - 1, alice};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    gss_name_t name;
    OM_uint32 minor;

    assert_int_equal(gss_import_name(&minor, &user, GSS_C_NT_USER_NAME, &name), GSS_S_COMPLETE);
    assert_int_equal(gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &set, GSS_C_INITIATE,
                                           &store, &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_set_neg_mechs(&minor, cred, &one), GSS_S_COMPLETE);
    (void)gss_release_name(&minor, &name);
    return cred;
}

/* One handshake with whoever serves at fd; true if the server let us in. */
static bool connect_once(int fd, gss_cred_id_t cred, gss_name_t target)
{
    static struct record in;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor;

    in = (struct record){.id = IN_PROGRESS};
    while (in.id == IN_PROGRESS) {
        gss_buffer_desc token = {in.size, in.token}, out = GSS_C_EMPTY_BUFFER;

        assert_false(GSS_ERROR(gss_init_sec_context(
            &minor, cred, &ctx, target, &spnego, GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG, 0,
            GSS_C_NO_CHANNEL_BINDINGS, &token, NULL, &out, NULL, NULL)));
        assert_true(send_record(fd, IN_PROGRESS, &out));
        (void)gss_release_buffer(&minor, &out);
        assert_true(read_record(fd, &in));
    }
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
    return in.id == DONE;
}

static void read_password(char *buf, size_t size)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/ntlm.password", getenv("NNS_REALM_DIR"));
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(buf, (int)size, file));
    (void)fclose(file);
    buf[strcspn(buf, "\n")] = '\0';
}

static pid_t start_server(void (*serve)(int fd, long handshakes), long handshakes, int *fd)
{
    int pair[2];
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(pair[0]);
        serve(pair[1], handshakes);
        _exit(1);
    }
    (void)close(pair[1]);
    *fd = pair[0];
    return child;
}

static struct outcome soak(void (*serve)(int fd, long handshakes), long handshakes)
{
    static char service[] = "host@localhost";
    gss_buffer_desc text = {sizeof(service) - 1, service};
    struct outcome outcome;
    gss_cred_id_t good, bad;
    gss_name_t target;
    char password[200];
    OM_uint32 minor;
    int fd, status;
    pid_t child = start_server(serve, handshakes, &fd);

    read_password(password, sizeof(password));
    good = client_cred(password);
    bad = client_cred("wrong");
    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &target),
                     GSS_S_COMPLETE);
    for (long i = 0; i < WARM_UP + handshakes; i++)
        assert_int_equal(connect_once(fd, i % 2 == 0 ? good : bad, target), i % 2 == 0);
    assert_true(move_all(fd, &outcome, sizeof(outcome), false));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(outcome.let_in, (WARM_UP + handshakes + 1) / 2);
    (void)close(fd);
    (void)gss_release_cred(&minor, &good);
    (void)gss_release_cred(&minor, &bad);
    (void)gss_release_name(&minor, &target);
    return outcome;
}

static void test_growth(void **state)
{
    const char *asked = getenv("NNS_SOAK_HANDSHAKES");
    long handshakes = asked != NULL ? strtol(asked, NULL, 10) : HANDSHAKES;
    struct outcome bare, ours;

    (void)state;
    bare = soak(serve_bare_clients, handshakes);
    ours = soak(serve_our_clients, handshakes);
    print_message("%ld handshakes: bare loop %+ld bytes each, libnns %+ld\n", handshakes,
                  bare.growth / handshakes, ours.growth / handshakes);
    assert_true(ours.growth * 10 <= bare.growth * 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_growth)};

    if (getenv("NNS_REALM_DIR") == NULL) {
        (void)fprintf(stderr, "skipped: NNS_REALM_DIR is not set\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
