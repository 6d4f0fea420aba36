/* SPDX-License-Identifier: MIT
 *
 * Asking Kerberos alone.
 */
#include "auth/gss_reason.h"

#include "auth/first_token.h"
#include "auth/gss_text.h"
#include "auth/neg_token.h"
#include "protect/gss_call.h"

static void accept_alone(struct nns__failure *f, gss_cred_id_t cred, const uint8_t *token,
                         size_t size)
{
    struct nns__gss_status status = {.role = NNS_SERVER, .exact = true, .code = NNS_ERR_AUTH};
    gss_buffer_desc in = nns__gss_buffer(token, size), out = GSS_C_EMPTY_BUFFER;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    OM_uint32 minor;

    status.major = gss_accept_sec_context(&status.minor, &ctx, cred, &in, GSS_C_NO_CHANNEL_BINDINGS,
                                          NULL, NULL, &out, NULL, NULL, NULL);
    if (GSS_ERROR(status.major))
        (void)nns__gss_fail(f, &status, "accept the client");
    nns__gss_release(&out, GSS_S_FAILURE);
    (void)gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

void nns__gss_reason_accept(struct nns__failure *f, const struct nns__auth_request *request,
                            const uint8_t *token, size_t size)
{
    struct nns__neg_token offered;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    if (!nns__neg_token_read(&offered, token, size) || !offered.kerberos_first ||
        nns__first_token(offered.token, offered.token_size) != NNS__FIRST_TOKEN_KERBEROS)
        return;
    if (nns__gss_cred_for_reason(&cred, request) == NNS_OK)
        accept_alone(f, cred, offered.token, offered.token_size);
    (void)gss_release_cred(&minor, &cred);
}
