/* SPDX-License-Identifier: MIT
 *
 * Other protocols are known by their first bytes, and NegotiateStream is never taken for one.
 */
#include "frame/foreign.h"
#include "support/check.h"

#include <string.h>

struct opening {
    const char *name;
    const char *bytes;
    size_t size;
};

static void known_protocols_are_named(void **state)
{
    static const struct opening rows[] = {
        {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9}, /* ClientHello */
        {"TLS", "\x16\x03\x03\x00\x7a\x02", 6},             /* ServerHello */
        {"TLS", "\x15\x03\x03\x00\x02\x02\x28", 7},         /* alert */
        {"TLS", "\x15\x03\x01\x00\x02", 5},
        {"HTTP", "HTTP/1.1 400 Bad Request", 24},
        {"HTTP", "GET / HTTP/1.1", 14},
        {"HTTP", "POST /x", 7},
        {"HTTP", "HEAD /", 6},
        {"HTTP", "PRI * HTTP/2.0", 14},
        {"SSH", "SSH-2.0-OpenSSH_9.2", 19},
        {"net.tcp", "\x00\x01\x00\x01\x02", 5}, /* preamble: version 1.0 */
        {"net.tcp", "\x08\x45http", 6},         /* fault */
        {"net.tcp", "\x0a", 1},                 /* upgrade response */
        {"net.tcp", "\x0b", 1},                 /* preamble acknowledgement */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *name = nns__foreign_name((const uint8_t *)rows[i].bytes, rows[i].size);

        assert_non_null(name);
        assert_string_equal(name, rows[i].name);
    }
}

static void negotiate_stream_is_not_foreign(void **state)
{
    static const struct opening rows[] = {
        {"SPNEGO", "\x16\x01\x00\x02\x00\x60", 6},
        {"SPNEGO, version 3.3", "\x16\x03\x03\x02\x00\x60", 6},
        {"SPNEGO answer, version 3.0", "\x16\x03\x00\x02\x00\xa1", 6},
        {"NTLM, version 3.1", "\x16\x03\x01\x00\x28NTLMSSP", 12},
        {"header alone", "\x16\x03\x01\x02\x00", 5},
        {"Done", "\x14\x01\x00\x00\x00", 5},
        {"Done, version 3.3", "\x14\x03\x03\x00\x01\x01", 6},
        {"error", "\x15\x01\x00\x00\x08", 5},
        {"error, version 3.0", "\x15\x03\x00\x00\x08", 5},
        {"error without reason", "\x15\x01\x00\x00\x00", 5},
        {"unknown", "hello", 5},
        {"too short", "HTT", 3},
        {"nothing", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (nns__foreign_name((const uint8_t *)rows[i].bytes, rows[i].size) != NULL)
            fail_msg("%s is taken for another protocol", rows[i].name);
    }
}

static void every_name_has_its_hint(void **state)
{
    (void)state;
    assert_non_null(strstr(nns__foreign_hint("TLS"), "TLS"));
    assert_non_null(strstr(nns__foreign_hint("HTTP"), "web server"));
    assert_non_null(strstr(nns__foreign_hint("SSH"), "SSH server"));
    assert_non_null(strstr(nns__foreign_hint("net.tcp"), "WCF"));
    assert_non_null(strstr(nns__foreign_hint(NULL), "another service"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_protocols_are_named),
        cmocka_unit_test(negotiate_stream_is_not_foreign),
        cmocka_unit_test(every_name_has_its_hint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
