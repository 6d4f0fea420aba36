/* SPDX-License-Identifier: MIT
 *
 * Outlines of real tokens (NTLM: recorded from gss-ntlmssp with an account made for it) and of
 * made ones; what of them a trace may keep; and any bytes at all.
 */
#include "outline.h"

#include "text.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ntlm_negotiate[] =
    "4e544c4d5353500001000000378218e200000000000000000000000000000000060200000000000f";
static const char ntlm_challenge[] =
    "4e544c4d53535000020000000c000c0038000000358289e2bc994a2808aa5e130000000000000000"
    "3a003a0044000000060200000000000f4e004e00530044004f004d00010006005300520056000200"
    "0c004e004e00530044004f004d000300040076006d00060004000000000007000800e085d4540c7b"
    "dd0100000000";
static const char ntlm_authenticate[] =
    "4e544c4d5353500003000000000000004800000090009000480000000c000c00d800000006000600"
    "e400000006000600ea00000010001000f0000000358289e2060200000000000fc75a0c5da0fd93c9"
    "7de587294424ff6f0101000000000000e085d4540c7bdd01a7d798b6412fac3d0000000001000600"
    "53005200560002000c004e004e00530044004f004d000300040076006d0006000400000000000700"
    "0800e085d4540c7bdd010900220048004f00530054002f007300720076002e006e006e0073002e00"
    "740065007300740000000000000000004e004e00530044004f004d0062006f006200530052005600"
    "5fb98e94910c1795e66c15448e8f6ed3";
static const char spnego_authenticate[] =
    "a182013530820131a0030a0101a2820114048201104e544c4d535350000300000000000000580000"
    "0090009000580000000c000c00e800000006000600f400000006000600fa00000010001000000100"
    "00358289e2060200000000000fc8d6cade4083042d0d9c5d90dcc21d46b986b23ba11059dd746aee"
    "c2fb828082010100000000000004aed3540c7bdd010e8520a2dee8cb060000000001000600530052"
    "00560002000c004e004e00530044004f004d000300040076006d0006000400020000000700080004"
    "aed3540c7bdd010900220048004f00530054002f007300720076002e006e006e0073002e00740065"
    "007300740000000000000000004e004e00530044004f004d0062006f006200530052005600eaee23"
    "35a0131e57e1cd355be7fb30cca312041001000000ef9485d178f57de400000000";

/* Mutual authentication wanted, host h@R, ciphers "TICKET" at 83 and "SECRET" at the end. */
static const char ap_req[] =
    "606f06092a864886f71201020201006e60305ea003020105a10302010ea20703050020000000a331"
    "612f302da003020105a1031b0152a20e300ca003020101a10530031b0168a311300fa003020112a2"
    "0804065449434b4554a4163014a003020112a103020102a2080406534543524554";

enum which {
    TOKEN,
    STATUS,
    FRAMING,
    MESSAGE
};

struct seen {
    char lines[16384];
    size_t used;
    const uint8_t *first;
    size_t size;
    uint8_t known[70000];
};

static void note_line(void *arg, unsigned depth, const char *text)
{
    struct seen *seen = arg;
    size_t room = sizeof(seen->lines) - seen->used;
    int n = snprintf(seen->lines + seen->used, room, "%*s%s\n", (int)depth, "", text);

    for (const char *c = text; *c != '\0'; c++)
        assert_true(*c >= 0x20 && *c < 0x7f);
    if (n > 0 && (size_t)n < room)
        seen->used += (size_t)n;
}

static void note_kept(void *arg, struct span bytes)
{
    struct seen *seen = arg;

    assert_true(bytes.bytes >= seen->first);
    assert_true(bytes.bytes + bytes.size <= seen->first + seen->size);
    memset(seen->known + (bytes.bytes - seen->first), 1, bytes.size);
}

static void run(struct seen *seen, enum which which, struct span s)
{
    struct outline o = {note_line, note_kept, seen};

    memset(seen, 0, sizeof(*seen));
    seen->first = s.bytes;
    seen->size = s.size;
    if (which == TOKEN)
        outline_token(&o, 0, s);
    else if (which == STATUS)
        outline_status(&o, 0, s);
    else if (which == FRAMING)
        outline_framing(&o, 0, s);
    else
        outline_message(&o, 0, s);
}

static struct seen seen; /* of the last run */

/* Bytes from hexadecimal, in a block of exactly their size that the caller frees. */
static struct span from_hex(const char *hex)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = malloc(size != 0 ? size : 1);
    unsigned value;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
    return (struct span){bytes, NULL, size};
}

static void free_bytes(struct span s)
{
    free((void *)(uintptr_t)s.bytes);
}

/* The outline, and the same from only what a trace keeps. */
static void expect(enum which which, const char *hex, const char *lines)
{
    struct span s = from_hex(hex);
    uint8_t *left = calloc(1, s.size + 1), *known = calloc(1, s.size + 1);

    assert_non_null(left);
    assert_non_null(known);
    run(&seen, which, s);
    assert_string_equal(seen.lines, lines);
    memcpy(known, seen.known, s.size);
    for (size_t i = 0; i < s.size; i++)
        left[i] = known[i] != 0 ? s.bytes[i] : 0;
    run(&seen, which, (struct span){left, known, s.size});
    assert_string_equal(seen.lines, lines);
    assert_memory_equal(seen.known, known, s.size);
    free(left);
    free(known);
    free_bytes(s);
}

static bool is_kept(size_t from, size_t to)
{
    return memchr(seen.known + from, 0, to - from) == NULL;
}

static bool is_left_out(size_t from, size_t to)
{
    return memchr(seen.known + from, 1, to - from) == NULL;
}

/* ---- tokens ---- */

static void ntlm_messages(void **state)
{
    (void)state;
    expect(TOKEN, ntlm_negotiate,
           "NTLM NEGOTIATE\n"
           " flags e2188237: UNICODE OEM REQUEST_TARGET SIGN SEAL NTLM ALWAYS_SIGN "
           "EXTENDED_SESSIONSECURITY IDENTIFY VERSION 128 KEY_EXCH 56\n"
           " version 6.2, build 0, revision 15\n");
    expect(
        TOKEN, ntlm_challenge,
        "NTLM CHALLENGE\n"
        " flags e2898235: UNICODE REQUEST_TARGET SIGN SEAL NTLM ALWAYS_SIGN TARGET_TYPE_DOMAIN "
        "EXTENDED_SESSIONSECURITY TARGET_INFO VERSION 128 KEY_EXCH 56\n"
        " version 6.2, build 0, revision 15\n"
        " target: NNSDOM\n"
        " NetBIOS computer: SRV\n NetBIOS domain: NNSDOM\n DNS computer: vm\n AV flags: 00000000\n"
        " timestamp, 8 bytes\n");
    assert_true(is_kept(0, 24) && is_left_out(24, 32));     /* the challenge */
    assert_true(is_kept(32, 114) && is_left_out(114, 122)); /* the timestamp */
    expect(TOKEN, ntlm_authenticate,
           "NTLM AUTHENTICATE\n"
           " flags e2898235: UNICODE REQUEST_TARGET SIGN SEAL NTLM ALWAYS_SIGN TARGET_TYPE_DOMAIN "
           "EXTENDED_SESSIONSECURITY TARGET_INFO VERSION 128 KEY_EXCH 56\n"
           " version 6.2, build 0, revision 15\n"
           " user: NNSDOM\\bob, workstation: SRV\n"
           " LM response, 0 bytes\n NTLMv2 response, 144 bytes\n"
           "  NetBIOS computer: SRV\n  NetBIOS domain: NNSDOM\n  DNS computer: vm\n"
           "  AV flags: 00000000\n  timestamp, 8 bytes\n  target name: HOST/srv.nns.test\n"
           " session key, 16 bytes\n");
    assert_true(is_kept(0, 72) && is_left_out(72, 72 + 44)); /* the response */
    assert_true(is_kept(216, 240) && is_left_out(240, 256)); /* names, session key */
}

static void ntlm_in_spnego_has_a_mic(void **state)
{
    (void)state;
    expect(TOKEN, spnego_authenticate,
           "SPNEGO NegTokenResp\n negState: accept-incomplete\n responseToken, 272 bytes\n"
           "  NTLM AUTHENTICATE\n"
           "   flags e2898235: UNICODE REQUEST_TARGET SIGN SEAL NTLM ALWAYS_SIGN "
           "TARGET_TYPE_DOMAIN EXTENDED_SESSIONSECURITY TARGET_INFO VERSION 128 KEY_EXCH 56\n"
           "   version 6.2, build 0, revision 15\n"
           "   user: NNSDOM\\bob, workstation: SRV\n"
           "   LM response, 0 bytes\n   NTLMv2 response, 144 bytes\n"
           "    NetBIOS computer: SRV\n    NetBIOS domain: NNSDOM\n"
           "    DNS computer: vm\n    AV flags: 00000002 MIC\n    timestamp, 8 bytes\n"
           "    target name: HOST/srv.nns.test\n"
           "   session key, 16 bytes; MIC\n"
           " mechListMIC, 16 bytes\n");
    assert_true(is_left_out(21 + 72, 21 + 88 + 44)); /* MIC and response */
    assert_true(is_left_out(seen.size - 16, seen.size));
}

static void kerberos_messages(void **state)
{
    (void)state;
    expect(TOKEN, ap_req,
           "Kerberos AP-REQ\n ap-options: mutual-required\n"
           " ticket for h@R: aes256-cts-hmac-sha1-96, 6 bytes\n"
           " authenticator: aes256-cts-hmac-sha1-96, kvno 2, 6 bytes\n");
    assert_true(is_kept(0, 83) && is_left_out(83, 89) && is_kept(89, seen.size - 6));
    assert_true(is_left_out(seen.size - 6, seen.size));
    expect(TOKEN,
           "602a06092a864886f71201020202006f1b3019a003020105a10302010fa20d300ba00302"
           "0163a2040402dead",
           "Kerberos AP-REP\n enc-part: etype 99, 2 bytes\n");
    assert_true(is_left_out(seen.size - 2, seen.size));
    expect(TOKEN,
           "605406092a864886f71201020203007e453043a003020105a10302011ea411180f323032"
           "36313132333137303030305aa503020107a603020125a9031b0152aa0e300ca003020101"
           "a10530031b0168ac050403616263",
           "Kerberos KRB-ERROR\n stime: 20261123170000Z\n error-code: 37 KRB_AP_ERR_SKEW\n"
           " realm: R\n sname: h\n e-data, 5 bytes\n");
    assert_true(is_left_out(seen.size - 3, seen.size));
}

static void spnego_tokens(void **state)
{
    (void)state;
    expect(TOKEN, "a1143012a0030a0100a10b06092a864886f712010202",
           "SPNEGO NegTokenResp\n negState: accept-completed\n supportedMech: Kerberos\n");
    expect(TOKEN, "a1073005a0030a0102", "SPNEGO NegTokenResp\n negState: reject\n");
    expect(TOKEN, "a1073005a0030a0104", "SPNEGO NegTokenResp\n negState: malformed\n");
    expect(TOKEN,
           "60"
           "2f"
           "06062b0601050502"
           "a025"
           "3023"
           "a015"
           "3013"
           "06092a864882f712010202"
           "0606"
           "2b0601050202"
           "a104"
           "030206c0"
           "a304"
           "0402aabb",
           "SPNEGO NegTokenInit\n"
           " mechTypes: Kerberos (Microsoft's), identifier 2b0601050202\n"
           " reqFlags, 2 bytes\n mechListMIC, 2 bytes\n");
    assert_true(is_left_out(seen.size - 2, seen.size));
}

static void malformed_tokens_are_called_so(void **state)
{
    static const struct {
        const char *hex;
        const char *lines;
    } rows[] = {
        {"", ""},
        {"00", "token of no known kind, 1 bytes\n"},
        {"010001fc03", "token of no known kind, 5 bytes\n"},
        {"60", "token of no known kind, 1 bytes\n"},
        {"6000", "token of no known kind, 2 bytes\n"},
        {"6003060100", "identifier 00, 0 bytes\n"},
        {"600806062b0601050502", "SPNEGO NegTokenInit\n malformed\n"},
        {"600c06062b0601050502a0023000ff", "SPNEGO NegTokenInit\n1 more bytes\n"},
        {"a100", "SPNEGO NegTokenResp\n malformed\n"},
        {"a1053003a0020a", "SPNEGO NegTokenResp\n malformed\n"},
        {"a1043002a900", "SPNEGO NegTokenResp\n unknown field a9\n"},
        {"a1053003a3010a", "SPNEGO NegTokenResp\n mechListMIC: malformed\n"},
        {"6e00", "Kerberos, malformed\n"},
        {"6e023000", "Kerberos AP-REQ\n"},
        {"6f053003a40130", "Kerberos AP-REP\n unknown field a4\n"},
        {"600b06092a864886f712010202", "Kerberos token of no known kind, 0 bytes\n"},
        {"600d06092a864886f7120102020400", "Kerberos token of no known kind, 2 bytes\n"},
        {"4e544c4d53535000", "NTLM, malformed, 8 bytes\n"},
        {"4e544c4d5353500004000000", "NTLM, malformed, 12 bytes\n"},
        {"4e544c4d5353500003000000", "NTLM, malformed, 12 bytes\n"},
        {"4e544c4d535350", "token of no known kind, 7 bytes\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(TOKEN, rows[i].hex, rows[i].lines);
}

/* A name whose place is within the response is a trick to have the response kept. */
static void an_ntlm_name_never_uncovers_a_secret(void **state)
{
    struct span s = from_hex(ntlm_authenticate);
    uint8_t *bytes = (uint8_t *)(uintptr_t)s.bytes;

    (void)state;
    memcpy(bytes + 36, bytes + 20, 8); /* the user's name is the NT response */
    run(&seen, TOKEN, s);
    assert_true(contains(seen.lines, "user: NNSDOM\\malformed"));
    assert_true(is_left_out(72, 72 + 44));
    memcpy(bytes + 36, bytes + 52, 8); /* the session key */
    run(&seen, TOKEN, s);
    assert_true(is_left_out(240, 256));
    free_bytes(s);
}

/* ---- what records hold besides tokens ---- */

static void statuses_in_every_encoding(void **state)
{
    (void)state;
    expect(STATUS, "000000008009030c",
           "status: 8009030C SEC_E_LOGON_DENIED, as .NET Framework to .NET 7 write it\n");
    expect(STATUS, "0c030980ffffffff",
           "status: 8009030C SEC_E_LOGON_DENIED, as .NET 8 and later write it\n");
    expect(STATUS, "0c0309808009030c",
           "status: 8009030C SEC_E_LOGON_DENIED, in both byte orders, as libnns writes it\n");
    expect(STATUS, "000000000c030980",
           "status: 8009030C SEC_E_LOGON_DENIED, little-endian in the specification's field\n");
    expect(STATUS, "fe06000000000000",
           "status: 000006FE ERROR_TRUST_FAILURE, as .NET 8 and later write it\n");
    expect(STATUS, "0000000080090399",
           "status: 80090399 unknown, as .NET Framework to .NET 7 write it\n");
    expect(STATUS, "0000000080090399ff",
           "status: 80090399 unknown, as .NET Framework to .NET 7 write it\n");
    expect(STATUS, "1234567890abcdef", "status: not understood (1234567890abcdef)\n");
    expect(STATUS, "0228", "status: no reason given, 2 bytes\n");
    expect(STATUS, "", "status: no reason given, 0 bytes\n");
}

static void messages(void **state)
{
    (void)state;
    expect(MESSAGE, "050406ff00000000000000003a93a033739c64fa",
           "Kerberos Wrap: sealed, from the initiator, acceptor's subkey, EC 0, RRC 0, "
           "sequence 982753331\n");
    assert_true(is_kept(0, 16) && is_left_out(16, 20));
    expect(MESSAGE, "050405ff000c000c000000000000000541414141416b9f5c",
           "Kerberos Wrap: signed, from the acceptor, acceptor's subkey, EC 12, RRC 12, "
           "sequence 5\n");
    assert_true(is_left_out(16, 24));
    expect(MESSAGE, "040400ffffffffff0000000000000001",
           "Kerberos MIC: signed, from the initiator, sequence 1\n");
    expect(MESSAGE, "01000000fd480c18b1ea0648020000008b5041c736",
           "NTLM signature: version 1, sequence 2\n");
    assert_true(is_kept(0, 16) && is_left_out(16, 21));
    expect(MESSAGE, "603106092a864886f712010202020111001000ffff255d5a64b0af2309",
           "Kerberos Wrap, RC4: sealed\n");
    assert_true(is_kept(0, 21) && is_left_out(21, 29));
    expect(MESSAGE,
           "603106092a864886f7120102020201"
           "1100ffffffff255d",
           "Kerberos Wrap, RC4: signed\n");
    expect(MESSAGE,
           "603106092a864886f7120102020202"
           "1100ffffffff255d",
           "message of no known kind\n");
    expect(MESSAGE, "050406ff00000000000000003a93a0", "message of no known kind\n");
    expect(MESSAGE, "68656c6c6f20776f726c642c2068656c6c6f", "message of no known kind\n");
    assert_true(is_left_out(0, 18));
    expect(MESSAGE, "", "message of no known kind\n");
}

/* ---- any bytes ---- */

static const char preamble[] = "000100"
                               "0102"
                               "0203746370"
                               "0308"
                               "0403612f62"
                               "09016e"
                               "0c";

static const char *const seeds[] = {
    preamble,
    ntlm_negotiate,
    ntlm_challenge,
    ntlm_authenticate,
    spnego_authenticate,
    ap_req,
    "a1143012a0030a0100a10b06092a864886f712010202",
    "602f06062b0601050502a0253023a015301306092a864882f71201020206062b0601050202a104030206c0a304"
    "0402aabb",
    "603106092a864886f712010202020111001000ffff255d5a64b0af2309",
    "050406ff00000000000000003a93a033739c64fa",
};

/* In a block of exactly its size, so that a read beyond it is seen. */
static void try_all(const uint8_t *bytes, const uint8_t *known, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1), *mask = malloc(size != 0 ? size : 1);
    struct span s = {copy, known != NULL ? mask : NULL, size};

    assert_non_null(copy);
    assert_non_null(mask);
    memcpy(copy, bytes, size);
    if (known != NULL)
        memcpy(mask, known, size);
    for (int which = TOKEN; which <= MESSAGE; which++)
        run(&seen, (enum which)which, s);
    free(copy);
    free(mask);
}

static void net_tcp_in_clear(void **state)
{
    (void)state;
    expect(FRAMING, preamble,
           "version 1.0\nmode 2, duplex\nvia 'tcp'\nencoding 8, binary with session dictionary\n"
           "content type 'a/b'\nupgrade request 'n'\npreamble end\n");
    expect(FRAMING, "0a0b070600",
           "upgrade response\npreamble acknowledged\nend\n"
           "sized envelope, 0 bytes\n");
    expect(FRAMING, "06b001aabb", "sized envelope, 176 bytes\n");
    expect(FRAMING, "0501aa00", "unsized envelope\n");
    expect(FRAMING, "08021b5b0d", "fault '\\x1b['\n");
    expect(FRAMING, "000102160100", "version 1.2\n");
    expect(FRAMING, "0001", "version, cut\n");
    expect(FRAMING, "0863", "fault, cut\n");
    expect(FRAMING, "080261", "fault, cut\n");
    expect(FRAMING, "08ffffffffff", "fault, cut\n");
    expect(FRAMING, "0905616263", "upgrade request, cut\n");
    expect(FRAMING, "0105", "mode 5, unknown mode\n");
}

static void every_truncation_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(seeds); i++) {
        struct span s = from_hex(seeds[i]);

        for (size_t size = 0; size < s.size; size++)
            try_all(s.bytes, NULL, size);
        free_bytes(s);
    }
}

static void tokens_with_changed_and_left_out_bytes_are_taken(void **state)
{
    uint32_t random = 11;

    (void)state;
    for (int round = 0; round < 40000; round++) {
        struct span s = from_hex(seeds[(size_t)round % COUNT(seeds)]);
        uint8_t *bytes = (uint8_t *)(uintptr_t)s.bytes, known[400];

        memset(known, 1, sizeof(known));
        for (uint32_t n = next_random(&random) % 4; n > 0; n--)
            bytes[next_random(&random) % s.size] = (uint8_t)next_random(&random);
        if (round % 3 == 0)
            known[next_random(&random) % s.size] = 0;
        try_all(bytes, known, s.size);
        free_bytes(s);
    }
}

static void any_bytes_are_taken(void **state)
{
    static const uint8_t tags[] = {0x60, 0x06, 0x30, 0xa0, 0xa1, 0xa2, 0xa3, 0x04, 0x0a, 0x02,
                                   0x6e, 0x6f, 0x7e, 0x61, 0x1b, 0x03, 0x00, 0x01, 0x80, 0x81};
    uint8_t bytes[120];
    uint32_t random = 5;

    (void)state;
    for (int round = 0; round < 40000; round++) {
        size_t size = next_random(&random) % sizeof(bytes);

        for (size_t i = 0; i < size; i++)
            bytes[i] = round % 2 == 0 ? (uint8_t)next_random(&random)
                                      : tags[next_random(&random) % sizeof(tags)];
        try_all(bytes, NULL, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm_messages),
        cmocka_unit_test(ntlm_in_spnego_has_a_mic),
        cmocka_unit_test(kerberos_messages),
        cmocka_unit_test(spnego_tokens),
        cmocka_unit_test(malformed_tokens_are_called_so),
        cmocka_unit_test(an_ntlm_name_never_uncovers_a_secret),
        cmocka_unit_test(statuses_in_every_encoding),
        cmocka_unit_test(messages),
        cmocka_unit_test(net_tcp_in_clear),
        cmocka_unit_test(every_truncation_is_taken),
        cmocka_unit_test(tokens_with_changed_and_left_out_bytes_are_taken),
        cmocka_unit_test(any_bytes_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
