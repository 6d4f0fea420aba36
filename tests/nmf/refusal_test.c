/* SPDX-License-Identifier: MIT
 *
 * Hand-made clients that break the rules, a hundred of them: each gets its fault or is closed, no
 * one makes the server grow. And faults as they are said and understood.
 */
#include "duo.h"

#include <string.h>

#define VERSION "\0\1\0"
#define DUPLEX "\1\2"
#define SINGLETON "\1\1"
#define SIMPLEX "\1\3"
#define WHERE "\2\x0anet.tcp://"
#define KNOWN "\3\x08"
#define UPGRADE                                                                                    \
    "\x09\x15"                                                                                     \
    "application/negotiate"
#define PREAMBLE VERSION DUPLEX WHERE KNOWN
#define STREAMED VERSION SINGLETON WHERE KNOWN
#define ENDLESS "\xff\xff\xff\xff\xff\xff"
#define HUGE_SIZE "\xff\xff\xff\xff\x07"

enum kind {
    CLEAR,   /* a server without security */
    SECURED, /* one with; the bytes come before the upgrade */
    INSIDE   /* they come inside of NegotiateStream */
};

#define FOREIGN NNS_ERR_FOREIGN, NULL
#define CLOSED(code) NNS_ERR_##code, NULL
#define SEQUENCE NNS_ERR_PROTOCOL, "InvalidRecordSequence"
#define BAD(fault) NNS_ERR_PROTOCOL, fault
#define LARGE(fault) NNS_ERR_TOO_LARGE, fault

static const struct script {
    enum kind kind;
    const char *bytes;
    size_t size;
    int code;
    const char *fault; /* NULL: closed without a word */
} scripts[] = {
#define ROW(kind, bytes, ...)                                                                      \
    {                                                                                              \
        kind, bytes, sizeof(bytes) - 1, __VA_ARGS__                                                \
    }
    /* other protocols */
    ROW(CLEAR, "GET / HTTP/1.1\r\n\r\n", FOREIGN),
    ROW(CLEAR, "SSH-2.0-x\r\n", FOREIGN),
    ROW(CLEAR, "\x16\x03\x01\x02\x00", FOREIGN),
    ROW(CLEAR, "\x16\x01\x00\x00\x05", FOREIGN),
    ROW(CLEAR, "\xff", FOREIGN),
    ROW(SECURED, "\x16\x01\x00\x00\x05", FOREIGN),
    ROW(SECURED, "\x14\x01\x00\x00\x00", FOREIGN),
    /* the first record is another */
    ROW(CLEAR, DUPLEX, FOREIGN),
    ROW(CLEAR, WHERE, FOREIGN),
    ROW(CLEAR, KNOWN, FOREIGN),
    ROW(CLEAR, "\6\3abc", FOREIGN),
    ROW(CLEAR, "\5", FOREIGN),
    ROW(CLEAR, "\7", FOREIGN),
    ROW(CLEAR, "\x08\3urn", FOREIGN),
    ROW(SECURED, UPGRADE, FOREIGN),
    ROW(CLEAR, "\x0a", FOREIGN),
    ROW(CLEAR, "\x0b", FOREIGN),
    ROW(CLEAR, "\x0c", FOREIGN),
    /* the version */
    ROW(CLEAR, "\0\0\0", BAD("UnsupportedVersion")),
    ROW(CLEAR, "\0\2\0", BAD("UnsupportedVersion")),
    ROW(CLEAR, "\0\xff\xff", BAD("UnsupportedVersion")),
    ROW(SECURED, "\0\2\0", BAD("UnsupportedVersion")),
    ROW(CLEAR, VERSION VERSION, SEQUENCE),
    /* the mode */
    ROW(CLEAR, VERSION "\1\0", BAD("UnsupportedMode")),
    ROW(CLEAR, VERSION "\1\4", BAD("UnsupportedMode")), /* singleton-sized: of queues */
    ROW(CLEAR, VERSION "\1\5", BAD("UnsupportedMode")),
    ROW(CLEAR, VERSION "\1\xff", BAD("UnsupportedMode")),
    ROW(SECURED, VERSION SIMPLEX, BAD("UnsupportedMode")), /* has no answer to an upgrade */
    ROW(CLEAR, VERSION WHERE, SEQUENCE),
    ROW(CLEAR, VERSION KNOWN, SEQUENCE),
    ROW(CLEAR, VERSION "\x0c", SEQUENCE),
    ROW(CLEAR, VERSION "\6\3abc", SEQUENCE),
    ROW(CLEAR, VERSION "\x42", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX DUPLEX, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX VERSION, SEQUENCE),
    /* the via */
    ROW(CLEAR, VERSION DUPLEX "\2\x81\x10", LARGE("ViaTooLong")), /* 2,049 */
    ROW(CLEAR, VERSION DUPLEX "\2" HUGE_SIZE, LARGE("ViaTooLong")),
    ROW(SECURED, VERSION DUPLEX "\2\x80\x80\x04", LARGE("ViaTooLong")),
    ROW(CLEAR, VERSION DUPLEX "\2" ENDLESS, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\2\x80\x80\x80\x80\x80\x80", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\2\xff\xff\xff\xff\x08", SEQUENCE), /* 2^31 and more */
    ROW(CLEAR, VERSION DUPLEX "\2\3a\0b", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX KNOWN, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\4\1x", SEQUENCE),
    ROW(SECURED, VERSION DUPLEX UPGRADE, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\x0c", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\6\1x", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\7", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX "\x0d", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE WHERE, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE DUPLEX, SEQUENCE),
    /* the encoding */
    ROW(CLEAR, VERSION DUPLEX WHERE "\3\x09", BAD("ContentTypeInvalid")),
    ROW(CLEAR, VERSION DUPLEX WHERE "\3\xff", BAD("ContentTypeInvalid")),
    ROW(CLEAR, VERSION DUPLEX WHERE "\4\x81\x02", LARGE("ContentTypeTooLong")), /* 257 */
    ROW(CLEAR, VERSION DUPLEX WHERE "\4" HUGE_SIZE, LARGE("ContentTypeTooLong")),
    ROW(CLEAR, VERSION DUPLEX WHERE "\4" ENDLESS, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE "\4\2a\0", SEQUENCE),
    ROW(SECURED, VERSION DUPLEX WHERE UPGRADE, SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE "\x0c", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE "\6\1x", SEQUENCE),
    ROW(CLEAR, VERSION DUPLEX WHERE "\x80", SEQUENCE),
    ROW(CLEAR, PREAMBLE KNOWN, SEQUENCE),
    ROW(CLEAR, PREAMBLE "\4\1x", SEQUENCE),
    ROW(CLEAR, PREAMBLE WHERE, SEQUENCE),
    ROW(CLEAR, PREAMBLE VERSION, SEQUENCE),
    /* the upgrade */
    ROW(CLEAR, PREAMBLE UPGRADE, BAD("UpgradeInvalid")),
    ROW(SECURED,
        PREAMBLE "\x09\x13"
                 "application/ssl-tls",
        BAD("UpgradeInvalid")),
    ROW(SECURED,
        PREAMBLE "\x09\x15"
                 "Application/Negotiate",
        BAD("UpgradeInvalid")),
    ROW(SECURED,
        PREAMBLE "\x09\x14"
                 "application/negotiat",
        BAD("UpgradeInvalid")),
    ROW(SECURED,
        PREAMBLE "\x09\x16"
                 "application/negotiate ",
        BAD("UpgradeInvalid")),
    ROW(SECURED, PREAMBLE "\x09\0", BAD("UpgradeInvalid")),
    ROW(SECURED, PREAMBLE "\x09\x81\x02", LARGE("UpgradeInvalid")),
    ROW(SECURED, PREAMBLE "\x09" HUGE_SIZE, LARGE("UpgradeInvalid")),
    ROW(SECURED, PREAMBLE "\x09" ENDLESS, SEQUENCE),
    ROW(SECURED, PREAMBLE "\x09\3a\0b", SEQUENCE),
    ROW(SECURED, PREAMBLE "\x0c", NNS_ERR_POLICY, "UpgradeInvalid"), /* without security */
    ROW(SECURED, STREAMED "\x0c", NNS_ERR_POLICY, "UpgradeInvalid"),
    ROW(CLEAR, VERSION SIMPLEX WHERE KNOWN UPGRADE, CLOSED(PROTOCOL)),
    ROW(SECURED, PREAMBLE "\x0a", SEQUENCE),
    ROW(SECURED, PREAMBLE "\x0b", SEQUENCE),
    /* envelopes before the preamble's end */
    ROW(CLEAR, PREAMBLE "\6\3abc", SEQUENCE),
    ROW(SECURED, PREAMBLE "\6\3abc", SEQUENCE),
    ROW(CLEAR, STREAMED "\5\3abc\0", SEQUENCE),
    ROW(CLEAR, PREAMBLE "\7", SEQUENCE),
    ROW(CLEAR, PREAMBLE "\x08\3urn", SEQUENCE),
    ROW(SECURED, PREAMBLE "\xfe", SEQUENCE),
    ROW(INSIDE, "\6\3abc", SEQUENCE),
    ROW(INSIDE, "\5\3abc", SEQUENCE),
    ROW(INSIDE, "\7", SEQUENCE),
    ROW(INSIDE, VERSION, SEQUENCE),
    ROW(INSIDE, UPGRADE, BAD("UpgradeInvalid")), /* twice */
    ROW(INSIDE,
        "\x09\x13"
        "application/ssl-tls",
        BAD("UpgradeInvalid")),
    ROW(INSIDE, "\x09" ENDLESS, SEQUENCE),
    ROW(INSIDE, "\x0b", SEQUENCE),
    ROW(INSIDE, "\x77", SEQUENCE),
    /* envelopes */
    ROW(CLEAR, PREAMBLE "\x0c\6" HUGE_SIZE, LARGE("MaxMessageSizeExceededFault")),
    ROW(CLEAR, PREAMBLE "\x0c\6\x81\x08", LARGE("MaxMessageSizeExceededFault")), /* 1,025 */
    ROW(CLEAR, PREAMBLE "\x0c\6" ENDLESS, SEQUENCE),
    ROW(CLEAR, PREAMBLE "\x0c\6\1x\6\x81\x08", LARGE("MaxMessageSizeExceededFault")),
    ROW(CLEAR, PREAMBLE "\x0c\5\1x", SEQUENCE), /* unsized in duplex mode */
    ROW(CLEAR, PREAMBLE "\x0c\x0c", SEQUENCE),
    ROW(CLEAR, PREAMBLE "\x0c" VERSION, SEQUENCE),
    ROW(CLEAR, PREAMBLE "\x0c" UPGRADE, SEQUENCE),
    ROW(CLEAR, PREAMBLE "\x0c\6\1x\x0b", SEQUENCE),
    ROW(CLEAR, STREAMED "\x0c\6\1x", SEQUENCE), /* sized in singleton mode */
    ROW(CLEAR, STREAMED "\x0c\5" ENDLESS, SEQUENCE),
    ROW(CLEAR, STREAMED "\x0c\5" HUGE_SIZE, LARGE("MaxMessageSizeExceededFault")),
    ROW(CLEAR, STREAMED "\x0c\5\1x\x80\x08", LARGE("MaxMessageSizeExceededFault")), /* in sum */
    ROW(CLEAR, STREAMED "\x0c\5\1x\0\5", SEQUENCE), /* a second one */
    ROW(CLEAR, STREAMED "\x0c\5\0\6\1x", SEQUENCE),
    ROW(INSIDE, "\x0c\6" HUGE_SIZE, LARGE("MaxMessageSizeExceededFault")),
    ROW(INSIDE, "\x0c\6" ENDLESS, SEQUENCE),
    ROW(INSIDE, "\x0c\x0c", SEQUENCE),
    ROW(INSIDE, "\x0c\6\1x" UPGRADE, SEQUENCE),
    ROW(INSIDE, "\x0c\7\6\1x", CLOSED(PROTOCOL)),    /* data behind End */
    ROW(INSIDE, "\x0c\7" VERSION, CLOSED(PROTOCOL)), /* the next preamble, but inside */
    /* what only a server says, or a fault of the client's */
    ROW(CLEAR, PREAMBLE "\x0c\x08\3urn", CLOSED(PEER)),
    ROW(INSIDE, "\x0c\x08\x44http://schemas.microsoft.com/ws/2006/05/framing/faults/ServerTooBusy",
        CLOSED(PEER)),
    ROW(CLEAR, PREAMBLE "\x0c\x08\x81\x02", LARGE("InvalidRecordSequence")),
    ROW(CLEAR, PREAMBLE "\x0c\x0a", SEQUENCE),
};

/* The client's side of NegotiateStream, by hand: the handshake, then these bytes as plaintext. */
static void go_inside(nns_nmf *n, nns_engine *peer, const struct script *s)
{
    uint8_t wire[1024];

    assert_int_equal(nmf_feed(n, PREAMBLE UPGRADE, sizeof(PREAMBLE UPGRADE) - 1),
                     sizeof(PREAMBLE UPGRADE) - 1);
    nmf_expect(n, "\x0a", 1);
    assert_int_equal(nns_engine_step(peer), NNS_OK);
    (void)nmf_feed(n, wire, engine_drain(peer, wire, sizeof(wire)));
    assert_int_equal(nns_nmf_state(n) & NNS_STATE_WANT_STEP, NNS_STATE_WANT_STEP);
    assert_int_equal(nns_engine_step(nns_nmf_engine(n)), NNS_OK);
    assert_int_equal(engine_feed(peer, wire, nmf_drain(n, wire, sizeof(wire))), NNS_OK);
    assert_int_equal(nns_engine_step(peer), NNS_OK);
    assert_int_equal(nns_engine_write(peer, s->bytes, s->size), s->size);
    (void)nmf_feed(n, wire, engine_drain(peer, wire, sizeof(wire)));
}

/* The preamble's answer, if it got one, and the fault, if it gets one, are all that is said. */
static void expect_last_words(nns_nmf *n, nns_engine *peer, const struct script *s, bool accepted)
{
    uint8_t said[1024], expected[512] = {0x0b};
    size_t size = nmf_drain(n, said, sizeof(said)), length = accepted ? 1 : 0;

    if (s->fault != NULL)
        length += nmf_fault_record(expected + length, s->fault);
    if (peer != NULL && size > 0) {
        assert_int_equal(engine_feed(peer, said, size), NNS_OK);
        size = 0;
        for (nns_ssize part; (part = nns_engine_read(peer, said + size, sizeof(said) - size)) > 0;)
            size += (size_t)part;
    }
    assert_int_equal(size, length);
    assert_memory_equal(said, expected, length);
}

/* True if there was something to accept. */
static bool accept_and_read(nns_nmf *n)
{
    bool asked = (nns_nmf_state(n) & NNS_NMF_WANT_ACCEPT) != 0;
    uint8_t bytes[2048];
    int ends;

    if (asked)
        assert_int_equal(nns_nmf_accept(n), NNS_OK);
    if ((nns_nmf_state(n) & NNS_STATE_OPEN) != 0)
        (void)nmf_read_all(n, bytes, sizeof(bytes), &ends);
    return asked;
}

static void run(const struct script *s, size_t piece, size_t number)
{
    struct test_alloc counter = {0};
    nns_allocator alloc = test_allocator(&counter);
    struct mock script = {0};
    nns_nmf *n = nmf_make(NNS_SERVER, s->kind == CLEAR ? NULL : &script, &alloc);
    nns_engine *peer = s->kind == INSIDE ? engine_make(NNS_CLIENT, &script) : NULL;
    bool accepted = false;

    assert_int_equal(nns_nmf_set_limit(n, NNS_NMF_LIMIT_ENVELOPE_BYTES, 1024), NNS_OK);
    if (s->kind == INSIDE)
        go_inside(n, peer, s);
    for (size_t at = 0; s->kind != INSIDE && at < s->size && nns_nmf_error(n) == NNS_OK;) {
        at += nmf_feed(n, s->bytes + at, piece < s->size - at ? piece : s->size - at);
        accepted |= accept_and_read(n);
    }
    accepted |= accept_and_read(n);
    if (nns_nmf_error(n) != s->code)
        fail_msg("script %zu: %s: %s", number, nns_result_name(nns_nmf_error(n)),
                 nns_nmf_message(n));
    if (s->fault != NULL)
        assert_string_equal(nns_nmf_fault(n), s->fault);
    else if (s->code != NNS_ERR_PEER)
        assert_null(nns_nmf_fault(n));
    expect_last_words(n, peer, s, accepted);
    assert_int_equal(nns_nmf_state(n), NNS_STATE_FAILED); /* nothing more, either way */
    assert_true(counter.most < (s->kind == INSIDE ? 400000 : 16384));
    nns_engine_free(peer);
    nns_nmf_free(n);
    assert_int_equal(counter.bytes, 0);
}

static bool is_same(const struct script *a, const struct script *b)
{
    return a->kind == b->kind && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static void a_hundred_bad_clients(void **state)
{
    (void)state;
    assert_true(COUNT(scripts) >= 100);
    for (size_t i = 0; i < COUNT(scripts); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(is_same(&scripts[i], &scripts[k]));
        for (size_t piece = 1; piece <= scripts[i].size; piece++)
            run(&scripts[i], scripts[i].kind == INSIDE ? scripts[i].size : piece, i);
    }
}

/* ---- faults by name ---- */

static const char *const names[] = {
    "ContentTypeInvalid",   "ContentTypeTooLong",      "ConnectionDispatchFailed",
    "EndpointAccessDenied", "EndpointNotFound",        "EndpointPaused",
    "EndpointUnavailable",  "InvalidRecordSequence",   "MaxMessageSizeExceededFault",
    "ServerTooBusy",        "ServiceActivationFailed", "UnsupportedMode",
    "UnsupportedVersion",   "UpgradeInvalid",          "ViaTooLong",
    "urn:something:else",
};

/* A client and a server up to WANT_ACCEPT. */
static void until_accept(struct duo *d)
{
    d->refusing = true;
    duo_pump(d);
    assert_int_equal(nns_nmf_state(d->server) & NNS_NMF_WANT_ACCEPT, NNS_NMF_WANT_ACCEPT);
}

/* In place of the preamble's answer, or in the middle of an open conversation. */
static void faults_are_said_and_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names) * 4; i++) {
        struct duo d = {.secured = i % 2 == 1};
        const char *name = names[i / 4];

        if (i % 4 < 2) {
            duo_open(&d);
        } else {
            duo_make(&d);
            assert_int_equal(nns_nmf_start(d.client), NNS_OK);
            until_accept(&d);
        }
        assert_int_equal(nns_nmf_send_fault(d.server, name), NNS_OK);
        nmf_expect_failure(d.server, NNS_ERR_REFUSED, name);
        duo_pump(&d);
        if (nns_nmf_error(d.client) == NNS_OK)
            assert_int_equal(nns_nmf_next(d.client), NNS_ERR_PEER);
        nmf_expect_failure(d.client, NNS_ERR_PEER, name);
        assert_string_equal(nns_nmf_fault(d.client), name);
        assert_string_equal(nns_nmf_fault(d.server), name);
        duo_free(&d);
    }
}

/* Clear bytes that somebody put behind the upgrade's request, or its answer, are the handshake's,
 * and never what comes out of NegotiateStream. */
static void what_is_clear_is_not_taken_for_protected(void **state)
{
    static const char request[] = PREAMBLE UPGRADE "\x0c\6\4word", answer[] = "\x0a\x0b\6\4word";
    struct mock script = {0};
    nns_nmf *n = nmf_make(NNS_SERVER, &script, NULL);
    uint8_t wire[256];

    (void)state;
    assert_int_equal(nmf_feed(n, request, sizeof(request) - 1), sizeof(request) - 1);
    assert_int_equal(nmf_drain(n, wire, 1), 1);
    assert_int_equal(wire[0], 0x0a);
    nmf_expect_failure(n, NNS_ERR_FOREIGN, "NegotiateStream");
    assert_null(nns_nmf_via(n)); /* it never came to be accepted */
    nns_nmf_free(n);
    n = nmf_make(NNS_CLIENT, &script, NULL);
    assert_int_equal(nns_nmf_start(n), NNS_OK);
    (void)nmf_drain(n, wire, sizeof(wire));
    assert_int_equal(nmf_feed(n, answer, sizeof(answer) - 1), sizeof(answer) - 1);
    assert_int_equal(nns_engine_step(nns_nmf_engine(n)), NNS_OK);
    assert_int_equal(nns_nmf_next(n), NNS_ERR_FOREIGN);
    nmf_expect_failure(n, NNS_ERR_FOREIGN, "NegotiateStream");
    nns_nmf_free(n);
}

/* A client that asks for the upgrade gets a fault in clear. */
static void an_upgrade_that_is_not_there(void **state)
{
    struct duo d = {.secured = true};

    (void)state;
    duo_make(&d);
    nns_nmf_free(d.server);
    d.server = nmf_make(NNS_SERVER, NULL, NULL);
    assert_int_equal(nns_nmf_start(d.client), NNS_OK);
    duo_pump(&d);
    nmf_expect_failure(d.client, NNS_ERR_PEER, "UpgradeInvalid");
    nmf_expect_failure(d.server, NNS_ERR_PROTOCOL, "there is no security here");
    duo_free(&d);
}

/* The handshake's own failure: the client is told by NegotiateStream. */
static void a_handshake_that_fails(void **state)
{
    struct duo d = {.secured = true,
                    .script = {.fail_turn = 2,
                               .fail_code = NNS_ERR_AUTH,
                               .fail_tell = NNS__STATUS_LOGON_DENIED}};

    (void)state;
    duo_make(&d);
    assert_int_equal(nns_nmf_start(d.client), NNS_OK);
    duo_pump(&d);
    assert_int_equal(nns_nmf_error(d.server), NNS_ERR_AUTH);
    nmf_expect_failure(d.client, NNS_ERR_PEER, "SEC_E_LOGON_DENIED");
    duo_free(&d);
}

/* A service's own, of any length that the limit has: a proxy passes it on. */
static void a_whole_uri_may_fill_the_limit(void **state)
{
    char name[257] = "urn:";

    (void)state;
    memset(name + 4, 'a', sizeof(name) - 5);
    for (size_t over = 0; over < 2; over++) {
        struct duo d = {.secured = true};

        duo_open(&d);
        name[255 + over] = '\0'; /* the limit is 256 */
        assert_int_equal(nns_nmf_send_fault(d.server, name), NNS_OK);
        duo_pump(&d);
        assert_int_equal(nns_nmf_next(d.client), NNS_ERR_PEER);
        assert_string_equal(nns_nmf_fault(d.client), name);
        duo_free(&d);
        name[255 + over] = 'a';
    }
}

static void faults_that_cannot_be_sent(void **state)
{
    struct duo d = {.secured = false};
    char name[300];

    (void)state;
    duo_open(&d);
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(nns_nmf_send_fault(d.server, ""), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_send_fault(d.server, name), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_nmf_send_fault(d.client, "ServerTooBusy"), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_begin(d.server, 3), NNS_OK); /* it would become a part of this */
    assert_int_equal(nns_nmf_send_fault(d.server, "ServerTooBusy"), NNS_ERR_STATE);
    assert_int_equal(nns_nmf_error(d.server), NNS_OK);
    duo_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_bad_clients),
        cmocka_unit_test(faults_are_said_and_understood),
        cmocka_unit_test(what_is_clear_is_not_taken_for_protected),
        cmocka_unit_test(an_upgrade_that_is_not_there),
        cmocka_unit_test(a_handshake_that_fails),
        cmocka_unit_test(a_whole_uri_may_fill_the_limit),
        cmocka_unit_test(faults_that_cannot_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
