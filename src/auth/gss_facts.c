/* SPDX-License-Identifier: MIT
 *
 * Reading an established context. The mechanism comes first, and alone. Kerberos is then asked
 * for its names. Of NTLM only the client's is asked, because gss-ntlmssp crashes when an acceptor
 * asks for its own, and neither its strength nor its lifetime, which are a crash at level none and
 * 0. Everything is read from the context, nothing from what was asked for or what the first token
 * said. Each name that it gives costs the library a good part of a handshake.
 */
#include "auth/gss_facts.h"

#include "auth/gss_cred.h"
#include "auth/gss_text.h"
#include "auth/names.h"
#include "base/bytes.h"
#include "protect/gss_call.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <string.h>
#include <time.h>

#define NTLM_SSF 64 /* RC4 with 128 bits at best, worth no more */

static int failed(struct nns__failure *f, nns_role role, OM_uint32 major, OM_uint32 minor)
{
    struct nns__gss_status status = {major, minor, role, false, NNS_ERR_AUTH};

    return nns__gss_fail(f, &status, "inquire");
}

static bool same_oid(const gss_OID_desc *a, const gss_OID_desc *b)
{
    return a != NULL && b != NULL && a->length == b->length &&
           memcmp(a->elements, b->elements, a->length) == 0;
}

/* Kerberos has three identifiers: its own, Microsoft's with the shifted bit, and the one from
 * before RFC 1964. */
static enum nns__mechanism mechanism_of(const gss_OID_desc *oid)
{
    if (same_oid(oid, gss_mech_krb5) || same_oid(oid, gss_mech_krb5_wrong) ||
        same_oid(oid, gss_mech_krb5_old))
        return NNS__MECHANISM_KERBEROS;
    return same_oid(oid, &nns__gss_ntlm) ? NNS__MECHANISM_NTLM : NNS__MECHANISM_UNKNOWN;
}

/* MIT has no flag for datagrams. */
static uint32_t flags_of(OM_uint32 gss)
{
    static const struct {
        OM_uint32 gss;
        uint32_t ours;
    } rows[] = {
        {GSS_C_MUTUAL_FLAG, NNS__FLAG_MUTUAL},
        {GSS_C_INTEG_FLAG, NNS__FLAG_INTEG},
        {GSS_C_CONF_FLAG, NNS__FLAG_CONF},
        {GSS_C_REPLAY_FLAG, NNS__FLAG_REPLAY},
        {GSS_C_SEQUENCE_FLAG, NNS__FLAG_SEQUENCE},
        {GSS_C_ANON_FLAG, NNS__FLAG_ANONYMOUS},
        {GSS_C_DCE_STYLE, NNS__FLAG_DCE_STYLE},
        {GSS_C_IDENTIFY_FLAG, NNS__FLAG_IDENTIFY},
        {GSS_C_DELEG_FLAG, NNS__FLAG_DELEGATED},
        {GSS_C_CHANNEL_BOUND_FLAG, NNS__FLAG_CHANNEL_BOUND},
    };
    uint32_t flags = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((gss & rows[i].gss) != 0)
            flags |= rows[i].ours;
    }
    return flags;
}

/* The strength of the session key in bits; 0 where the mechanism does not say. */
static uint32_t ssf_of(gss_ctx_id_t ctx)
{
    gss_buffer_set_t answer = GSS_C_NO_BUFFER_SET;
    OM_uint32 major, minor;
    uint32_t ssf = 0;

    major = gss_inquire_sec_context_by_oid(&minor, ctx, GSS_C_SEC_CONTEXT_SASL_SSF, &answer);
    if (major == GSS_S_COMPLETE && answer->count == 1 && answer->elements[0].length == 4)
        ssf = nns__load_be32(answer->elements[0].value);
    (void)gss_release_buffer_set(&minor, &answer);
    return ssf;
}

/* The last arc of the identifier that MIT gives the type of a session key:
 * 1.2.840.113554.1.2.2.4 and the enctype, seven bits a byte. 0: it is no such thing. */
static krb5_enctype enctype_of(const gss_buffer_desc *oid)
{
    static const uint8_t prefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x04};
    const uint8_t *bytes = oid->value;
    krb5_enctype type = 0;

    if (oid->length <= sizeof(prefix) || oid->length > sizeof(prefix) + 4 ||
        memcmp(bytes, prefix, sizeof(prefix)) != 0)
        return 0;
    for (size_t i = sizeof(prefix); i < oid->length; i++)
        type = type << 7 | (bytes[i] & 0x7f);
    return type;
}

/* GSSAPI tells the type only together with the key, which is wiped unread. */
static void describe_key(struct nns__facts *facts, gss_ctx_id_t ctx)
{
    gss_buffer_set_t answer = GSS_C_NO_BUFFER_SET;
    OM_uint32 major, minor;
    krb5_enctype type = 0;

    major = gss_inquire_sec_context_by_oid(&minor, ctx, GSS_C_INQ_SSPI_SESSION_KEY, &answer);
    if (major == GSS_S_COMPLETE && answer->count > 0) {
        explicit_bzero(answer->elements[0].value, answer->elements[0].length);
        type = answer->count > 1 ? enctype_of(&answer->elements[1]) : 0;
    }
    facts->key_type = type;
    if (type != 0 && krb5_enctype_to_name(type, false, facts->enctype, sizeof(facts->enctype)) != 0)
        facts->enctype[0] = '\0';
    (void)gss_release_buffer_set(&minor, &answer);
}

/* Displays one name of a context. gss-ntlmssp counts the NUL behind it. */
static int display(char **ret, struct nns__facts *facts, const struct nns__mem *mem,
                   gss_name_t name, nns_role role, struct nns__failure *f)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_OID type = GSS_C_NO_OID;
    OM_uint32 major, minor;
    int rc;

    major = gss_display_name(&minor, name, &text, &type);
    if (major != GSS_S_COMPLETE)
        return failed(f, role, major, minor);
    if (same_oid(type, GSS_C_NT_ANONYMOUS))
        facts->flags |= NNS__FLAG_ANONYMOUS;
    if (facts->mechanism == NNS__MECHANISM_NTLM && text.length > 0 &&
        ((const char *)text.value)[text.length - 1] == '\0')
        text.length--;
    rc = nns__displayed_name(ret, mem, text.value, text.length, f);
    nns__gss_release(&text, major);
    return rc;
}

int nns__gss_facts_peer(struct nns__facts *facts, const struct nns__mem *mem, gss_name_t name,
                        struct nns__failure *f)
{
    return display(&facts->peer_name, facts, mem, name, NNS_SERVER, f);
}

int nns__gss_facts_target(struct nns__facts *facts, const struct nns__mem *mem, gss_ctx_id_t ctx,
                          nns_role role, struct nns__failure *f)
{
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 major, minor;
    int rc = NNS_OK;

    major = gss_inquire_context(&minor, ctx, NULL, &target, NULL, NULL, NULL, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(f, role, major, minor);
    if (target != GSS_C_NO_NAME)
        rc = display(&facts->target, facts, mem, target, role, f);
    (void)gss_release_name(&minor, &target);
    return rc;
}

/* The initiator's flags are those it asked for, but for these two, which were checked: gss-ntlmssp
 * knows no mutual authentication, and orders its records always. */
static int ntlm_facts(struct nns__facts *facts, const struct nns__mem *mem, gss_ctx_id_t ctx,
                      nns_role role, struct nns__failure *f)
{
    const uint32_t meaningless =
        NNS__FLAG_MUTUAL | NNS__FLAG_REPLAY | NNS__FLAG_SEQUENCE | NNS__FLAG_DELEGATED;
    gss_name_t source = GSS_C_NO_NAME;
    OM_uint32 major, minor;
    int rc;

    facts->flags &= ~meaningless;
    facts->ssf = NTLM_SSF;
    if (role == NNS_CLIENT)
        return NNS_OK;
    facts->flags |= NNS__FLAG_IDENTIFY; /* nobody can do more with NTLM */
    major = gss_inquire_context(&minor, ctx, &source, NULL, NULL, NULL, NULL, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(f, role, major, minor);
    rc = display(&facts->peer_name, facts, mem, source, role, f);
    (void)gss_release_name(&minor, &source);
    return rc;
}

static void kerberos_facts(struct nns__facts *facts, gss_ctx_id_t ctx, OM_uint32 lifetime)
{
    facts->ssf = ssf_of(ctx);
    if (lifetime != GSS_C_INDEFINITE)
        facts->ticket_end = (int64_t)time(NULL) + lifetime;
    describe_key(facts, ctx);
}

int nns__gss_facts(struct nns__facts *facts, const struct nns__mem *mem, gss_ctx_id_t ctx,
                   nns_role role, struct nns__failure *f)
{
    OM_uint32 major, minor, lifetime = 0, flags = 0;
    gss_OID mechanism = GSS_C_NO_OID;

    *facts = (struct nns__facts){0};
    major = gss_inquire_context(&minor, ctx, NULL, NULL, &lifetime, &mechanism, &flags, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed(f, role, major, minor);
    facts->mechanism = mechanism_of(mechanism);
    facts->flags = flags_of(flags);
    switch (facts->mechanism) {
    case NNS__MECHANISM_KERBEROS:
        kerberos_facts(facts, ctx, lifetime);
        return NNS_OK;
    case NNS__MECHANISM_NTLM:
        return ntlm_facts(facts, mem, ctx, role, f);
    case NNS__MECHANISM_UNKNOWN:
        break;
    }
    return NNS_OK; /* policy refuses it */
}
