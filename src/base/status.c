/* SPDX-License-Identifier: MIT
 *
 * Names of the Windows status codes that NegotiateStream peers report in their HandshakeError
 * record ([MS-ERREF] 2.1, 2.2), and what each is worth looking at for. A code without a row is
 * shown as a number.
 */
#include "base/failure.h"

static const struct {
    uint32_t status;
    const char *name;
} names[] = {
    {22, "InvalidCredentials (.NET's internal code 22)"},
    {NNS__STATUS_TRUST_FAILURE, "ERROR_TRUST_FAILURE"},
    {0x80004005, "E_FAIL"},
    {0x80090020, "NTE_FAIL"},
    {0x80090300, "SEC_E_INSUFFICIENT_MEMORY"},
    {0x80090301, "SEC_E_INVALID_HANDLE"},
    {NNS__STATUS_UNSUPPORTED_FUNCTION, "SEC_E_UNSUPPORTED_FUNCTION"},
    {0x80090303, "SEC_E_TARGET_UNKNOWN"},
    {NNS__STATUS_INTERNAL_ERROR, "SEC_E_INTERNAL_ERROR"},
    {0x80090305, "SEC_E_SECPKG_NOT_FOUND"},
    {NNS__STATUS_INVALID_TOKEN, "SEC_E_INVALID_TOKEN"},
    {0x8009030A, "SEC_E_QOP_NOT_SUPPORTED"},
    {NNS__STATUS_LOGON_DENIED, "SEC_E_LOGON_DENIED"},
    {NNS__STATUS_UNKNOWN_CREDENTIALS, "SEC_E_UNKNOWN_CREDENTIALS"},
    {0x8009030E, "SEC_E_NO_CREDENTIALS"},
    {NNS__STATUS_MESSAGE_ALTERED, "SEC_E_MESSAGE_ALTERED"},
    {0x80090310, "SEC_E_OUT_OF_SEQUENCE"},
    {NNS__STATUS_NO_AUTHORITY, "SEC_E_NO_AUTHENTICATING_AUTHORITY"},
    {NNS__STATUS_CONTEXT_EXPIRED, "SEC_I_CONTEXT_EXPIRED"},
    {0x80090317, "SEC_E_CONTEXT_EXPIRED"},
    {0x80090318, "SEC_E_INCOMPLETE_MESSAGE"},
    {0x80090320, "SEC_E_INCOMPLETE_CREDENTIALS"},
    {NNS__STATUS_WRONG_PRINCIPAL, "SEC_E_WRONG_PRINCIPAL"},
    {NNS__STATUS_TIME_SKEW, "SEC_E_TIME_SKEW"},
    {0x80090328, "SEC_E_CERT_EXPIRED"},
    {0x80090332, "SEC_E_SECURITY_QOS_FAILED"},
    {0x80090342, "SEC_E_KDC_UNKNOWN_ETYPE"},
    {0x80090346, "SEC_E_BAD_BINDINGS"},
    {0x80090350, "SEC_E_DOWNGRADE_DETECTED"},
};

const char *nns_status_name(uint32_t status)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return NULL;
}

static const struct {
    uint32_t status;
    const char *hint;
} hints[] = {
    {NNS__STATUS_TRUST_FAILURE,
     "the peer's policy refused us: it may want another protection level or impersonation level, "
     "stronger keys, or does not let this identity in"},
    {NNS__STATUS_UNSUPPORTED_FUNCTION,
     "the peer does not take this mechanism: it may allow only Kerberos, or only NTLM"},
    {NNS__STATUS_INTERNAL_ERROR,
     ".NET on Linux says this for almost everything: a wrong NTLM password, a key that the server "
     "lacks, a ticket used twice, a target that is not registered"},
    {NNS__STATUS_INVALID_TOKEN, "the peer could not read our token, or took it for an attack"},
    {NNS__STATUS_LOGON_DENIED, "the peer refused the user or the password"},
    {NNS__STATUS_UNKNOWN_CREDENTIALS,
     "the peer has no credentials: as a server no keytab, as a client no ticket and no password"},
    {NNS__STATUS_NO_AUTHORITY, "the peer reaches no KDC"},
    {NNS__STATUS_CONTEXT_EXPIRED, "the client's ticket has expired: run kinit there"},
    {NNS__STATUS_WRONG_PRINCIPAL,
     "the server lacks the key that the ticket is for: is the target the right one, and its keytab "
     "up to date?"},
    {NNS__STATUS_TIME_SKEW, "the clocks of client, server and KDC differ too much"},
};

const char *nns__status_hint(uint32_t status)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (hints[i].status == status)
            return hints[i].hint;
    }
    return NULL;
}
