/* SPDX-License-Identifier: MIT
 *
 * Two mechanisms in one process, and plain GSSAPI beside them.
 */
#include "realm/realm_support.h"

#include "auth/gss_cred.h"
#include "frame/data_record.h"
#include "protect/gss_call.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the realm's files ---- */

char *realm_file(const char *name)
{
    const char *dir = getenv("NNS_REALM_DIR");
    char *path = NULL;

    assert_non_null(dir);
    assert_true(asprintf(&path, "FILE:%s/%s", dir, name) > 0);
    return path;
}

int realm_prepare(void)
{
    static const char *const names[] = {"KRB5CCNAME",     "KRB5_KTNAME",    "KRB5_CLIENT_KTNAME",
                                        "KRB5RCACHENAME", "KRB5RCACHETYPE", "KRB5_TRACE",
                                        "NTLM_USER_FILE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
    if (getenv("NNS_REALM_DIR") != NULL)
        return 0;
    (void)fprintf(stderr, "skipped: NNS_REALM_DIR is not set\n");
    return 77;
}

#define ENGINE "NNS_TEST_RECORD_ENGINE"
#define MULTI_BUFFER "krb5+mb" /* what "auto" has to come to */

void realm_use_engine(const char *name)
{
    assert_int_equal(setenv(ENGINE, name, 1), 0);
}

void expect_kerberos_engine(const char *name)
{
    const char *engine = getenv(ENGINE);

    if (engine == NULL || strcmp(engine, "auto") == 0)
        assert_memory_equal(name, "krb5", 4);
    else
        assert_string_equal(name, engine);
}

const char *realm_engine(void)
{
    const char *engine = getenv(ENGINE);

    return engine == NULL || strcmp(engine, MULTI_BUFFER) == 0 ? "auto" : engine;
}

static const nns_allocator *allocator; /* NULL: malloc */

void realm_use_allocator(const nns_allocator *alloc)
{
    allocator = alloc;
}

static nns_config *new_config(nns_protection level)
{
    nns_config *cfg = NULL;

    assert_int_equal(nns_config_new(&cfg, allocator), NNS_OK);
    assert_int_equal(nns_config_insecure_allow_unprotected(cfg), NNS_OK);
    assert_int_equal(nns_config_set_protection(cfg, level), NNS_OK);
    assert_int_equal(nns_config_set_record_engine(cfg, realm_engine()), NNS_OK);
    return cfg;
}

nns_config *client_config(nns_protection level)
{
    nns_config *cfg = new_config(level);
    char *ccache = realm_file("alice.ccache");

    assert_int_equal(nns_config_set_ccache(cfg, ccache), NNS_OK);
    free(ccache);
    return cfg;
}

nns_config *server_config(nns_protection level)
{
    nns_config *cfg = new_config(level);
    char *keytab = realm_file("keytab");

    assert_int_equal(nns_config_set_keytab(cfg, keytab), NNS_OK);
    assert_int_equal(nns_config_allow_any_peer(cfg), NNS_OK);
    free(keytab);
    return cfg;
}

/* ---- NTLM ---- */

static void realm_path(char path[PATH_MAX], const char *name)
{
    assert_non_null(getenv("NNS_REALM_DIR"));
    assert_true(snprintf(path, PATH_MAX, "%s/%s", getenv("NNS_REALM_DIR"), name) < PATH_MAX);
}

int password_of_file(void *arg, char *buf, size_t size)
{
    char path[PATH_MAX];
    FILE *file;

    realm_path(path, arg);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(buf, (int)size, file));
    (void)fclose(file);
    buf[strcspn(buf, "\n")] = '\0';
    return (int)strlen(buf);
}

void ntlm_accounts(bool on)
{
    char path[PATH_MAX];

    realm_path(path, "ntlm.users");
    if (on)
        assert_int_equal(setenv("NTLM_USER_FILE", path, 1), 0);
    else
        assert_int_equal(unsetenv("NTLM_USER_FILE"), 0);
}

static nns_config *with_ntlm(nns_config *cfg, bool only)
{
    if (only)
        assert_int_equal(nns_config_insecure_ntlm_only(cfg), NNS_OK);
    else
        assert_int_equal(nns_config_insecure_allow_ntlm(cfg), NNS_OK);
    return cfg;
}

nns_config *ntlm_client_config(nns_protection level, bool only)
{
    static char password[] = "ntlm.password";
    nns_config *cfg = with_ntlm(client_config(level), only);

    assert_int_equal(nns_config_set_user(cfg, "NNS\\alice", password_of_file, password), NNS_OK);
    return cfg;
}

nns_config *ntlm_server_config(nns_protection level, bool only)
{
    return with_ntlm(server_config(level), only);
}

/* ---- our mechanism ---- */

void side_init(struct side *side, nns_config *cfg, nns_role role)
{
    *side = (struct side){.cfg = cfg, .role = role};
}

void side_open(struct side *side, const char *target)
{
    struct nns__auth_request request = {side->cfg, side->role, target, {0}};

    if (nns__auth_gss.open(&side->auth, &request, &side->f) != NNS_OK)
        fail_msg("open: %s", side->f.message);
}

int side_step(struct side *side, const void *in, size_t size, struct nns__token *out)
{
    return nns__auth_gss.step(side->auth, in, size, out, &side->complete, &side->f);
}

void side_token_free(struct side *side, struct nns__token *token)
{
    nns__free(&side->cfg->mem, token->data, token->size);
    *token = (struct nns__token){0};
}

void side_finish(struct side *side)
{
    assert_true(side->complete);
    if (nns__auth_gss.inquire(side->auth, &side->facts, &side->f) != NNS_OK ||
        nns__auth_gss.protect(side->auth, &side->facts, &side->protection, &side->f) != NNS_OK)
        fail_msg("finish: %s", side->f.message);
    nns__auth_gss.close(side->auth);
    side->auth = NULL;
}

void side_free(struct side *side)
{
    if (side->auth != NULL)
        nns__auth_gss.close(side->auth);
    nns__protection_free(&side->protection);
    nns__facts_free(&side->facts, &side->cfg->mem);
    nns_config_unref(side->cfg);
}

void realm_pair_open(struct realm_pair *pair, nns_config *client, nns_config *server,
                     const char *target)
{
    struct side *from = &pair->client, *to = &pair->server;
    struct nns__token token = {0}, answer = {0};

    side_init(&pair->client, client, NNS_CLIENT);
    side_init(&pair->server, server, NNS_SERVER);
    side_open(&pair->client, target);
    side_open(&pair->server, NULL);
    do {
        struct side *other = to;

        if (side_step(from, token.data, token.size, &answer) != NNS_OK)
            fail_msg("step: %s", from->f.message);
        side_token_free(from, &token);
        token = answer;
        to = from;
        from = other;
    } while (token.size != 0);
    side_finish(&pair->client);
    side_finish(&pair->server);
}

void realm_pair_free(struct realm_pair *pair)
{
    side_free(&pair->client);
    side_free(&pair->server);
}

/* ---- plain GSSAPI ---- */

static gss_OID unconst(const gss_OID_desc *oid)
{
    union {
        const gss_OID_desc *in;
        gss_OID out;
    } view = {.in = oid};

    return view.out;
}

static gss_cred_id_t raw_cred(gss_cred_usage_t usage, const char *key, const char *file)
{
    gss_OID_desc both[] = {nns__gss_kerberos, nns__gss_spnego};
    gss_OID_set_desc mechanisms = {2, both};
    char *path = realm_file(file);
    gss_key_value_element_desc elements[] = {{key, path}, {"rcache", "none:"}};
    gss_key_value_set_desc store = {2, elements};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    assert_int_equal(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
                                           usage, &store, &cred, NULL, NULL),
                     GSS_S_COMPLETE);
    mechanisms.count = 1;
    assert_int_equal(gss_set_neg_mechs(&minor, cred, &mechanisms), GSS_S_COMPLETE);
    free(path);
    return cred;
}

gss_cred_id_t raw_initiator_cred(void)
{
    return raw_cred(GSS_C_INITIATE, "ccache", "alice.ccache");
}

gss_cred_id_t raw_acceptor_cred(void)
{
    return raw_cred(GSS_C_ACCEPT, "keytab", "keytab");
}

gss_name_t raw_name(const char *principal)
{
    gss_buffer_desc text = nns__gss_buffer(principal, strlen(principal));
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;

    assert_int_equal(gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name),
                     GSS_S_COMPLETE);
    return name;
}

static OM_uint32 raw_step(gss_ctx_id_t *ctx, const gss_OID_desc *mechanism, OM_uint32 flags,
                          gss_buffer_t in, gss_buffer_t out)
{
    gss_cred_id_t cred = raw_initiator_cred();
    gss_name_t name = raw_name(TARGET "@");
    OM_uint32 major, minor, ignored;

    major = gss_init_sec_context(&minor, cred, ctx, name, unconst(mechanism), flags, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, in, NULL, out, NULL, NULL);
    (void)gss_release_name(&ignored, &name);
    (void)gss_release_cred(&ignored, &cred);
    return major;
}

gss_buffer_desc raw_start(gss_ctx_id_t *ctx, const gss_OID_desc *mechanism, OM_uint32 flags)
{
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;

    *ctx = GSS_C_NO_CONTEXT;
    assert_false(GSS_ERROR(raw_step(ctx, mechanism, flags, GSS_C_NO_BUFFER, &out)));
    return out;
}

void raw_finish(gss_ctx_id_t *ctx, const gss_OID_desc *mechanism, OM_uint32 flags, void *token,
                size_t size)
{
    gss_buffer_desc in = {size, token}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    if ((flags & GSS_C_MUTUAL_FLAG) == 0 && size == 0)
        return;
    assert_int_equal(raw_step(ctx, mechanism, flags, &in, &out), GSS_S_COMPLETE);
    assert_int_equal(out.length, 0);
    (void)gss_release_buffer(&minor, &out);
}

void raw_connect(gss_ctx_id_t *ctx, struct side *server, const gss_OID_desc *mechanism,
                 OM_uint32 flags)
{
    struct nns__token answer = {0};
    gss_buffer_desc first = raw_start(ctx, mechanism, flags);
    OM_uint32 minor;

    side_init(server, server_config(NNS_PROTECT_NONE), NNS_SERVER);
    side_open(server, NULL);
    if (side_step(server, first.value, first.length, &answer) != NNS_OK)
        fail_msg("accept: %s", server->f.message);
    (void)gss_release_buffer(&minor, &first);
    raw_finish(ctx, mechanism, flags, answer.data, answer.size);
    side_token_free(server, &answer);
    side_finish(server);
}

void raw_free(gss_ctx_id_t *ctx)
{
    OM_uint32 minor;

    (void)gss_delete_sec_context(&minor, ctx, GSS_C_NO_BUFFER);
}

/* ---- records ---- */

void raw_wrap(struct message *to, gss_ctx_id_t ctx, int conf, const void *plain, size_t size)
{
    gss_buffer_desc in = nns__gss_buffer(plain, size), out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    assert_int_equal(gss_wrap(&minor, ctx, conf, GSS_C_QOP_DEFAULT, &in, NULL, &out),
                     GSS_S_COMPLETE);
    assert_true(out.length <= sizeof(to->bytes));
    memcpy(to->bytes, out.value, out.length);
    to->size = out.length;
    (void)gss_release_buffer(&minor, &out);
}

void seal_message(struct message *to, struct side *from, const void *plain, size_t size)
{
    struct nns__sealer *sealer = from->protection.sealer;
    size_t head = sealer->head, tail = sealer->tail;
    size_t stride = NNS__RECORD_HEADER + head + size + tail;
    uint8_t *slot = malloc(stride);
    struct nns__failure f;
    nns_ssize n;

    assert_non_null(slot);
    memcpy(slot + NNS__RECORD_HEADER + head, plain, size);
    n = sealer->ops->seal(sealer, slot, stride, 1, size, size, &f);
    if (n < 0)
        fail_msg("%s", f.message);
    to->size = nns__record_length(slot);
    assert_int_equal((size_t)n, to->size + NNS__RECORD_HEADER);
    assert_true(to->size <= sizeof(to->bytes));
    memcpy(to->bytes, slot + NNS__RECORD_HEADER, to->size);
    free(slot);
}

nns_ssize open_message(struct nns__opener *opener, const struct message *message, uint8_t **copy,
                       struct nns__plain *plain, struct nns__failure *f)
{
    *copy = malloc(NNS__RECORD_HEADER + message->size);
    assert_non_null(*copy);
    nns__store_le32(*copy, (uint32_t)message->size);
    memcpy(*copy + NNS__RECORD_HEADER, message->bytes, message->size);
    return opener->ops->open(opener, *copy, 1, plain, f);
}

void expect_opened(struct side *to, const struct message *message, const void *expected,
                   size_t size)
{
    struct nns__failure f = {0};
    struct nns__plain plain = {NULL, SIZE_MAX};
    uint8_t *copy;

    if (open_message(to->protection.opener, message, &copy, &plain, &f) != 1)
        fail_msg("%s (%s)", f.message, f.mech_text);
    assert_int_equal(plain.size, size);
    assert_int_equal(nns__record_length(copy), message->size);
    assert_true(plain.data >= copy + NNS__RECORD_HEADER);
    assert_true(plain.data + plain.size <= copy + NNS__RECORD_HEADER + message->size);
    assert_memory_equal(plain.data, expected, size);
    free(copy);
}

void expect_refused(struct side *to, const struct message *message, int code, const char *words)
{
    struct nns__failure f = {0};
    struct nns__plain plain = {0};
    uint8_t *copy;

    assert_int_equal(open_message(to->protection.opener, message, &copy, &plain, &f), code);
    assert_int_equal(f.code, code);
    if (strstr(f.message, words) == NULL)
        fail_msg("'%s' does not say '%s'", f.message, words);
    assert_null(plain.data);
    assert_int_equal(plain.size, 0);
    free(copy);
}

void expect_exchange(struct realm_pair *pair)
{
    struct message *message = malloc(sizeof(*message));

    assert_non_null(message);
    seal_message(message, &pair->client, "to the server", 13);
    expect_opened(&pair->server, message, "to the server", 13);
    seal_message(message, &pair->server, "back", 4);
    expect_opened(&pair->client, message, "back", 4);
    free(message);
}
