/* SPDX-License-Identifier: MIT
 *
 * Every record in every state: what may come there, and that all else is refused by its first byte.
 */
#include "duo.h"

#define BIT(record) (1u << (record))

/* Which records may begin, by state; written from [MC-NMF], not from the code. */
static const unsigned legal[NNS__NMF_STATES] = {
    [NNS__NMF_EXPECT_VERSION] = BIT(0x00),
    [NNS__NMF_EXPECT_MODE] = BIT(0x01),
    [NNS__NMF_EXPECT_VIA] = BIT(0x02),
    [NNS__NMF_EXPECT_ENCODING] = BIT(0x03) | BIT(0x04),
    [NNS__NMF_EXPECT_UPGRADE] = BIT(0x09) | BIT(0x0c),
    [NNS__NMF_EXPECT_PREAMBLE_END] = BIT(0x0c), /* a second upgrade is refused by its name */
    [NNS__NMF_EXPECT_UPGRADED] = BIT(0x0a) | BIT(0x08),
    [NNS__NMF_EXPECT_ACK] = BIT(0x0b) | BIT(0x08),
    [NNS__NMF_SIZED] = BIT(0x06) | BIT(0x07) | BIT(0x08),
    [NNS__NMF_UNSIZED] = BIT(0x05) | BIT(0x07) | BIT(0x08),
    [NNS__NMF_LAST] = BIT(0x07) | BIT(0x08),
};

static bool is_open(enum nns__nmf_state state)
{
    return state == NNS__NMF_SIZED || state == NNS__NMF_UNSIZED || state == NNS__NMF_LAST;
}

static void check_cell(nns_role role, enum nns__nmf_state at, unsigned type)
{
    struct mock script = {0}; /* the answer to an upgrade makes an engine */
    nns_nmf *n = nmf_make(role, at == NNS__NMF_EXPECT_UPGRADED ? &script : NULL, NULL);
    uint8_t byte = (uint8_t)type;
    bool foreign = at == NNS__NMF_EXPECT_VERSION || (at == NNS__NMF_EXPECT_UPGRADED && type > 0x0c);
    bool bare = at == NNS__NMF_EXPECT_PREAMBLE_END && type == 0x09; /* its name has to come first */

    n->state = at;
    n->open = is_open(at);
    n->begun = at != NNS__NMF_EXPECT_VERSION;
    assert_int_equal(nmf_feed(n, &byte, 1), 1);
    if (n->open)
        (void)!nns_nmf_next(n);
    if ((type <= 0x0c && (legal[at] & BIT(type)) != 0) || bare)
        assert_int_equal(nns_nmf_error(n), NNS_OK);
    else
        nmf_expect_failure(n, foreign ? NNS_ERR_FOREIGN : NNS_ERR_PROTOCOL,
                           foreign ? "does not speak net.tcp" : "came in place of");
    if (nns_nmf_error(n) == NNS_ERR_PROTOCOL && role == NNS_SERVER)
        nmf_expect_fault(n, "InvalidRecordSequence");
    else if (nns_nmf_error(n) != NNS_OK)
        nmf_expect(n, NULL, 0); /* a client does not argue, and a foreigner would not understand */
    nns_nmf_free(n);
}

static void every_type_in_every_state(void **state)
{
    (void)state;
    for (int at = 0; at < NNS__NMF_STATES; at++) {
        if (legal[at] == 0) /* nothing is read there */
            continue;
        for (unsigned type = 0; type < 256; type++) {
            check_cell(NNS_CLIENT, (enum nns__nmf_state)at, type);
            check_cell(NNS_SERVER, (enum nns__nmf_state)at, type);
        }
    }
}

/* While the application, the engine or nobody is to speak, no byte is taken for a record. */
static void no_record_is_read_where_none_is_due(void **state)
{
    static const enum nns__nmf_state silent[] = {NNS__NMF_ACCEPT, NNS__NMF_START,
                                                 NNS__NMF_HANDSHAKE, NNS__NMF_SILENT};

    (void)state;
    for (size_t i = 0; i < COUNT(silent); i++) {
        struct mock script = {0};
        nns_nmf *n = nmf_make(NNS_SERVER, &script, NULL);

        n->state = silent[i];
        n->peer_ended = silent[i] == NNS__NMF_SILENT;
        (void)nmf_feed(n, "\xff\xff\xff", 3);
        assert_false(n->record.has_type);
        assert_int_not_equal(nns_nmf_error(n), NNS_ERR_PROTOCOL);
        nns_nmf_free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_every_state),
        cmocka_unit_test(no_record_is_read_where_none_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
