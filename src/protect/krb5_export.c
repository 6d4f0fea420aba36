/* SPDX-License-Identifier: MIT
 *
 * gss_krb5_export_lucid_sec_context(): it deletes the context that it exports, so what can be known
 * before is asked before. Its copy of the keys is wiped here too: the library clears it only with
 * memset(), which a compiler may leave out.
 */
#include "protect/krb5_export.h"

#include "protect/krb5_keys.h"

#include <gssapi/gssapi_krb5.h>
#include <string.h>

#define VERSION 1
#define CFX 1 /* the protocol of RFC 4121 */

bool nns__protect_krb5_takes(int32_t key_type)
{
    return nns__enctype_find(key_type) != NULL && nns__crypt_works();
}

/* Reads what was exported. False: it is not what the context said of itself. */
static bool read_context(struct nns__krb5_context *ret, const gss_krb5_lucid_context_v1_t *exported)
{
    const gss_krb5_cfx_keydata_t *keys = &exported->cfx_kd;
    const gss_krb5_lucid_key_t *key;

    if (exported->version != VERSION || exported->protocol != CFX)
        return false;
    ret->initiator = exported->initiate != 0;
    ret->acceptor_subkey = keys->have_acceptor_subkey != 0;
    ret->send_sequence = exported->send_seq;
    ret->receive_sequence = exported->recv_seq;
    key = ret->acceptor_subkey ? &keys->acceptor_subkey : &keys->ctx_key;
    if (key->type != (OM_uint32)ret->enctype->number || key->length != ret->enctype->key_size)
        return false;
    memcpy(ret->key, key->data, key->length);
    return true;
}

static void free_exported(gss_krb5_lucid_context_v1_t *exported)
{
    OM_uint32 minor;

    if (exported->version == VERSION && exported->protocol == CFX) {
        nns__wipe(exported->cfx_kd.ctx_key.data, exported->cfx_kd.ctx_key.length);
        nns__wipe(exported->cfx_kd.acceptor_subkey.data, exported->cfx_kd.acceptor_subkey.length);
    }
    (void)gss_krb5_free_lucid_sec_context(&minor, exported);
}

int nns__protect_krb5_export(struct nns__protection *ret, const struct nns__mem *mem,
                             gss_ctx_id_t *ctx, int32_t key_type, bool conf, bool one_by_one,
                             struct nns__failure *f)
{
    struct nns__krb5_context context = {
        .enctype = nns__enctype_find(key_type), .conf = conf, .one_by_one = one_by_one};
    void *exported = NULL;
    OM_uint32 minor;
    int rc;

    if (gss_krb5_export_lucid_sec_context(&minor, ctx, VERSION, &exported) != GSS_S_COMPLETE)
        return nns__fail(f, NNS_ERR_UNSUPPORTED, NNS__STATUS_INTERNAL_ERROR,
                         "protect: the Kerberos library does not export its context");
    if (read_context(&context, exported))
        rc = nns__protect_krb5_new(ret, mem, &context, f);
    else
        rc = nns__fail(f, NNS_ERR_INTERNAL, NNS__STATUS_INTERNAL_ERROR,
                       "protect: the Kerberos library exports another context than it described");
    free_exported(exported);
    nns__wipe(&context, sizeof(context));
    return rc;
}
