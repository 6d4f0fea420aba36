/* SPDX-License-Identifier: MIT
 *
 * Every allocation of a conversation fails once: it ends with NOMEM, or goes on without what it
 * could do without, and never leaks.
 */
#include "duo.h"

static bool start(struct duo *d)
{
    if (nns_nmf_start(d->client) != NNS_OK)
        return false;
    duo_pump(d);
    return true;
}

/* An envelope that no first buffer holds. */
static bool transfer(struct duo *d)
{
    static const uint8_t sent[9000];
    int64_t size = d->mode == NNS_NMF_SINGLETON ? NNS_NMF_UNSIZED : (int64_t)sizeof(sent);
    uint8_t got[sizeof(sent)];
    int ends;

    if (nns_nmf_begin(d->client, size) != NNS_OK ||
        nns_nmf_write(d->client, sent, sizeof(sent)) != sizeof(sent) ||
        nns_nmf_finish(d->client) != NNS_OK)
        return false;
    duo_pump(d);
    return nmf_read_all(d->server, got, sizeof(got), &ends) == sizeof(got) && ends == 1;
}

/* Both say End, and begin another conversation, in another mode. */
static bool start_again(struct duo *d)
{
    if (nns_nmf_end(d->client) != NNS_OK)
        return false;
    duo_pump(d);
    if (nns_nmf_next(d->server) != NNS_NMF_END || nns_nmf_end(d->server) != NNS_OK)
        return false;
    duo_pump(d);
    if (nns_nmf_next(d->client) != NNS_NMF_END || nns_nmf_restart(d->server) != NNS_OK ||
        nns_nmf_restart(d->client) != NNS_OK)
        return false;
    d->mode = NNS_NMF_SINGLETON;
    if (nns_nmf_set_mode(d->client, d->mode) != NNS_OK)
        return false;
    if (nns_nmf_set_content_type(d->client, "text/xml") != NNS_OK) /* not sticky */
        (void)nns_nmf_fail(d->client, NNS_ERR_CANCELED, 0);
    return start(d);
}

/* The fault's record and its name. */
static bool refuse(struct duo *d)
{
    if (nns_nmf_send_fault(d->server, "ServerTooBusy") != NNS_OK)
        return false;
    duo_pump(d);
    return nns_nmf_next(d->client) == NNS_ERR_PEER;
}

static bool converse(struct duo *d)
{
    return start(d) && transfer(d) && start_again(d) && transfer(d) && refuse(d);
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
