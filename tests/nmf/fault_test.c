/* SPDX-License-Identifier: MIT
 *
 * Every allocation of a conversation fails once: it ends with NOMEM, or goes on without what it
 * could do without, and never leaks.
 */
#include "duo.h"

static bool converse(struct duo *d)
{
    uint8_t bytes[16];
    int ends;

    if (nns_nmf_start(d->client) != NNS_OK)
        return false;
    duo_pump(d);
    if (nns_nmf_begin(d->client, 5) != NNS_OK || nns_nmf_write(d->client, "hello", 5) != 5 ||
        nns_nmf_finish(d->client) != NNS_OK)
        return false;
    duo_pump(d);
    return nmf_read_all(d->server, bytes, sizeof(bytes), &ends) == 5;
}

/* True if there were fewer allocations. */
static bool fail_at(long number, bool forever, bool secured)
{
    struct test_alloc counter = {.fail_at = number, .forever = forever};
    nns_allocator alloc = test_allocator(&counter);
    struct mock script = {0};
    struct duo d = {.tolerant = true};
    nns_config *cfg = secured ? config_make(&script, NULL) : NULL;
    bool made = nns_nmf_new(&d.client, NNS_CLIENT, cfg, &alloc) == NNS_OK &&
                nns_nmf_new(&d.server, NNS_SERVER, cfg, &alloc) == NNS_OK &&
                nns_nmf_set_via(d.client, VIA) == NNS_OK &&
                nns_nmf_set_target(d.client, "mock/server") == NNS_OK;
    bool done = made && converse(&d);

    if (made && !done)
        assert_true(nns_nmf_error(d.client) != NNS_OK || nns_nmf_error(d.server) != NNS_OK);
    duo_free(&d);
    nns_config_unref(cfg);
    assert_int_equal(counter.bytes, 0);
    if (counter.calls < number)
        assert_true(done);
    return counter.calls < number;
}

static void every_allocation_fails(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        long number = 1;

        while (!fail_at(number, kind % 2 == 1, kind >= 2))
            number++;
        assert_true(number > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
