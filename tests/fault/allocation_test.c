/* SPDX-License-Identifier: MIT
 *
 * Every allocation fails once, and all from each one on: through configuration, handshake, data
 * in both directions, and the end. No crash, no leak, the right error at the side that has no
 * memory, an end or an error at the other, and the next connection works.
 */
#include "support/alloc.h"
#include "support/check.h"
#include "support/pair.h"

#include <string.h>

#define TEXT_SIZE ((size_t)90000) /* more than one record, more than the first buffers */

struct outcome {
    int rc[2];       /* of the setters and of nns_engine_new(), by role - 1 */
    int error[2];    /* the engines' sticky errors */
    bool mute;       /* the failing side could not even tell */
    size_t read[2];  /* bytes that arrived, all of them right */
    int read_end[2]; /* the last answer of read */
};

static uint8_t text[TEXT_SIZE];

/* A configuration that uses every setter that allocates. */
static int configure(nns_config **ret, const struct mock *script, const nns_allocator *allocator)
{
    int rc = mock_config(ret, script, allocator);

    if (rc == NNS_OK)
        rc = nns_config_set_keytab(*ret, "FILE:keytab");
    if (rc == NNS_OK)
        rc = nns_config_set_ccache(*ret, "FILE:ccache");
    if (rc == NNS_OK)
        rc = nns_config_set_acceptor(*ret, "mock/server");
    if (rc == NNS_OK)
        rc = nns_config_allow_peer(*ret, "alice@MOCK.TEST");
    return rc;
}

static nns_engine *make(nns_role role, const struct mock *script, const nns_allocator *allocator,
                        int *rc)
{
    nns_config *cfg = NULL;
    nns_engine *e = NULL;

    *rc = configure(&cfg, script, allocator);
    if (*rc == NNS_OK)
        *rc = nns_engine_new(&e, cfg, role);
    nns_config_unref(cfg);
    if (*rc == NNS_OK && role == NNS_CLIENT)
        *rc = nns_engine_set_target(e, "mock/server");
    if (*rc != NNS_OK) {
        nns_engine_free(e);
        return NULL;
    }
    return e;
}

static void write_some(nns_engine *e, size_t *written)
{
    nns_ssize moved;

    if ((nns_engine_state(e) & NNS_STATE_OPEN) == 0)
        return;
    moved = nns_engine_write(e, text + *written, TEXT_SIZE - *written);
    *written += moved > 0 ? (size_t)moved : 0;
    if (*written == TEXT_SIZE)
        (void)nns_engine_close(e);
}

static void read_some(nns_engine *e, size_t *read, int *end)
{
    static uint8_t got[TEXT_SIZE + 1];
    size_t size = engine_read_all(e, got, sizeof(got), end);

    assert_in_range(*read + size, 0, TEXT_SIZE);
    assert_memory_equal(got, text + *read, size);
    *read += size;
}

/* A conversation, until neither side has anything to do, and then the end of both transports. */
static void converse(struct outcome *o, const nns_allocator *client, const nns_allocator *server)
{
    struct mock script = {.turns = 4, .filler = 9000};
    struct pair p = {.chunk = 30000};
    size_t written[2] = {0}, before;

    memset(o, 0, sizeof(*o));
    p.client = make(NNS_CLIENT, &script, client, &o->rc[0]);
    p.server = make(NNS_SERVER, &script, server, &o->rc[1]);
    if (p.client != NULL && p.server != NULL) {
        do {
            before = written[0] + written[1] + o->read[0] + o->read[1];
            pair_pump(&p);
            write_some(p.client, &written[0]);
            write_some(p.server, &written[1]);
            pair_pump(&p);
            read_some(p.client, &o->read[0], &o->read_end[0]);
            read_some(p.server, &o->read[1], &o->read_end[1]);
        } while (written[0] + written[1] + o->read[0] + o->read[1] > before);
        (void)nns_engine_recv_eof(p.client);
        (void)nns_engine_recv_eof(p.server);
        read_some(p.client, &o->read[0], &o->read_end[0]);
        read_some(p.server, &o->read[1], &o->read_end[1]);
        o->error[0] = nns_error_code(nns_engine_error(p.client));
        o->error[1] = nns_error_code(nns_engine_error(p.server));
        nns_engine_trim(p.client);
        nns_engine_trim(p.server);
    }
    pair_free(&p);
}

static void expect_whole(const struct outcome *o)
{
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(o->rc[i], NNS_OK);
        assert_int_equal(o->error[i], NNS_OK);
        assert_int_equal(o->read[i], TEXT_SIZE);
        assert_int_equal(o->read_end[i], 0);
    }
}

/* What may happen when the side without memory is failing. */
static void expect_right_errors(const struct outcome *o, size_t failing)
{
    size_t other = 1 - failing;

    if (o->rc[failing] != NNS_OK) {
        assert_int_equal(o->rc[failing], NNS_ERR_NOMEM);
        return;
    }
    assert_int_equal(o->error[failing], NNS_ERR_NOMEM);
    /* The other side hears of it, or sees the connection end. */
    switch (o->error[other]) {
    case NNS_OK:
        assert_int_equal(o->read_end[other], 0);
        break;
    case NNS_ERR_PEER:
    case NNS_ERR_PROTOCOL: /* the end came in the handshake */
    case NNS_ERR_TRUNCATED:
        assert_int_equal(o->read_end[other], o->error[other]);
        break;
    default:
        fail_msg("the other side: %s", nns_result_name(o->error[other]));
    }
}

static void fail_each(size_t failing, bool forever)
{
    long heard = 0, at = 0;
    struct outcome o;
    bool failed = true;

    while (failed) {
        struct test_alloc counters[2] = {{0}};
        nns_allocator allocators[2];

        counters[failing].fail_at = ++at;
        counters[failing].forever = forever;
        allocators[0] = test_allocator(&counters[0]);
        allocators[1] = test_allocator(&counters[1]);
        converse(&o, &allocators[0], &allocators[1]);
        failed = counters[failing].calls >= at;
        if (failed)
            expect_right_errors(&o, failing);
        else
            expect_whole(&o);
        heard += o.error[1 - failing] == NNS_ERR_PEER;
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(counters[i].blocks, 0);
            assert_int_equal(counters[i].bytes, 0);
        }
        converse(&o, NULL, NULL); /* the next connection */
        expect_whole(&o);
    }
    assert_in_range(at, 20, 1000);
    assert_true(forever || heard >= 4); /* a side that can tell does */
}

static void each_allocation_of_the_client_fails_once(void **state)
{
    (void)state;
    fail_each(0, false);
}

static void each_allocation_of_the_server_fails_once(void **state)
{
    (void)state;
    fail_each(1, false);
}

static void all_allocations_of_the_client_fail_from_some_moment_on(void **state)
{
    (void)state;
    fail_each(0, true);
}

static void all_allocations_of_the_server_fail_from_some_moment_on(void **state)
{
    (void)state;
    fail_each(1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_the_client_fails_once),
        cmocka_unit_test(each_allocation_of_the_server_fails_once),
        cmocka_unit_test(all_allocations_of_the_client_fail_from_some_moment_on),
        cmocka_unit_test(all_allocations_of_the_server_fail_from_some_moment_on),
    };
    uint32_t seed = 3;

    for (size_t i = 0; i < TEXT_SIZE; i++)
        text[i] = (uint8_t)next_random(&seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
