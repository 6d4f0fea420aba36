/* SPDX-License-Identifier: MIT
 *
 * Two tables: what the minor statuses of Kerberos mean, and what GSSAPI's major ones mean where
 * the minor is not known.
 */
#include "auth/gss_text.h"

#include "protect/gss_call.h"

#include <krb5/krb5.h>
#include <stdarg.h>
#include <stdio.h>

#define EITHER 0

static const struct minor_row {
    krb5_error_code minor;
    nns_role role; /* whose error it is, or EITHER */
    int code;
    uint32_t tell_peer;
    const char *hint;
} minor_rows[] = {
    {KRB5_FCC_NOFILE, NNS_CLIENT, NNS_ERR_CREDENTIALS, NNS__STATUS_UNKNOWN_CREDENTIALS,
     "there is no ticket: run kinit, or name a credential cache that has one"},
    {KRB5_CC_NOTFOUND, NNS_CLIENT, NNS_ERR_CREDENTIALS, NNS__STATUS_UNKNOWN_CREDENTIALS,
     "there is no ticket: run kinit, or name a credential cache that has one"},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, NNS_CLIENT, NNS_ERR_CREDENTIALS, NNS__STATUS_CONTEXT_EXPIRED,
     "the ticket has expired: run kinit"},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, NNS_SERVER, NNS_ERR_AUTH, NNS__STATUS_CONTEXT_EXPIRED,
     "the client's ticket has expired"},
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
     "the KDC does not know the target: give another one, or register it"},
    {KRB5KDC_ERR_ETYPE_NOSUPP, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR,
     "the account has only key types that are not allowed any more (RC4): give it AES keys"},
    {KRB5KDC_ERR_PREAUTH_FAILED, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED,
     "the password is wrong"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED,
     "the password is wrong, or a key has changed: run kinit again"},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED,
     "the KDC does not know the user: check the name and the realm"},
    {KRB5KDC_ERR_CLIENT_REVOKED, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED,
     "the account is locked or disabled"},
    {KRB5KDC_ERR_KEY_EXP, NNS_CLIENT, NNS_ERR_AUTH, NNS__STATUS_LOGON_DENIED,
     "the password has expired: change it with kpasswd"},
    {KRB5_KDC_UNREACH, EITHER, NNS_ERR_AUTH, NNS__STATUS_NO_AUTHORITY,
     "no KDC answered: check the network, and [realms] in krb5.conf"},
    {KRB5_REALM_CANT_RESOLVE, EITHER, NNS_ERR_AUTH, NNS__STATUS_NO_AUTHORITY,
     "no KDC answered: check the network, and [realms] in krb5.conf"},
    {KRB5_REALM_UNKNOWN, EITHER, NNS_ERR_AUTH, NNS__STATUS_NO_AUTHORITY,
     "no KDC is known for the realm: check its name, and [realms] in krb5.conf"},
    {KRB5KRB_AP_ERR_SKEW, EITHER, NNS_ERR_AUTH, NNS__STATUS_TIME_SKEW,
     "the clocks of client, server and KDC differ too much"},
    {KRB5_KT_NOTFOUND, NNS_SERVER, NNS_ERR_CREDENTIALS, NNS__STATUS_UNKNOWN_CREDENTIALS,
     "name a keytab that has the server's key and that this process can read"},
    {KRB5KRB_AP_ERR_NOKEY, NNS_SERVER, NNS_ERR_AUTH, NNS__STATUS_WRONG_PRINCIPAL,
     "the keytab does not have the key that the client's ticket is for"},
    {KRB5KRB_AP_ERR_BADKEYVER, NNS_SERVER, NNS_ERR_AUTH, NNS__STATUS_WRONG_PRINCIPAL,
     "the keytab has an old key: write it again"},
    {KRB5KRB_AP_WRONG_PRINC, NNS_SERVER, NNS_ERR_AUTH, NNS__STATUS_WRONG_PRINCIPAL,
     "the client's ticket is for another service"},
    {KRB5KRB_AP_ERR_NOT_US, NNS_SERVER, NNS_ERR_AUTH, NNS__STATUS_WRONG_PRINCIPAL,
     "the keytab does not have the key that the client's ticket is for"},
};

static const struct {
    OM_uint32 major;
    uint32_t tell_peer;
} major_rows[] = {
    {GSS_S_NO_CRED, NNS__STATUS_UNKNOWN_CREDENTIALS},
    {GSS_S_DEFECTIVE_TOKEN, NNS__STATUS_INVALID_TOKEN},
    {GSS_S_DEFECTIVE_CREDENTIAL, NNS__STATUS_LOGON_DENIED},
    {GSS_S_BAD_SIG, NNS__STATUS_MESSAGE_ALTERED},
    {GSS_S_BAD_MECH, NNS__STATUS_UNSUPPORTED_FUNCTION},
    {GSS_S_UNAVAILABLE, NNS__STATUS_UNSUPPORTED_FUNCTION},
    {GSS_S_BAD_BINDINGS, NNS__STATUS_TRUST_FAILURE},
    {GSS_S_CONTEXT_EXPIRED, NNS__STATUS_CONTEXT_EXPIRED},
    {GSS_S_CREDENTIALS_EXPIRED, NNS__STATUS_CONTEXT_EXPIRED},
};

static const struct minor_row *find_minor(const struct nns__gss_status *status)
{
    for (size_t i = 0; i < sizeof(minor_rows) / sizeof(minor_rows[0]); i++) {
        const struct minor_row *row = &minor_rows[i];

        if ((OM_uint32)row->minor == status->minor &&
            (row->role == EITHER || row->role == status->role))
            return row;
    }
    return NULL;
}

static uint32_t tell_peer(const struct nns__gss_status *status)
{
    OM_uint32 error = GSS_ROUTINE_ERROR(status->major);

    for (size_t i = 0; i < sizeof(major_rows) / sizeof(major_rows[0]); i++) {
        if (major_rows[i].major == error)
            return major_rows[i].tell_peer;
    }
    return status->code == NNS_ERR_CREDENTIALS ? NNS__STATUS_UNKNOWN_CREDENTIALS
                                               : NNS__STATUS_INTERNAL_ERROR;
}

int nns__gss_fail(struct nns__failure *f, const struct nns__gss_status *status, const char *format,
                  ...)
{
    const struct minor_row *row = status->exact ? find_minor(status) : NULL;
    char what[160], words[sizeof(f->mech_text)];
    va_list args;

    nns__gss_words(words, sizeof(words), status->major, status->minor);
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)nns__fail(f, row != NULL ? row->code : status->code,
                    row != NULL ? row->tell_peer : tell_peer(status), "authenticate: %s: %s", what,
                    words[0] != '\0' ? words : "the mechanism gave no reason");
    if (row != NULL)
        nns__failure_hint(f, "%s", row->hint);
    f->major = status->major;
    f->minor = status->minor;
    (void)snprintf(f->mech_text, sizeof(f->mech_text), "%s", words);
    return f->code;
}
