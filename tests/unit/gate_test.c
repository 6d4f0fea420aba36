/* SPDX-License-Identifier: MIT
 *
 * The gate: quotas, who is one source, who gives way to whom, and many threads at once.
 */
#include "config/config.h"
#include "support/alloc.h"
#include "support/check.h"

#include <arpa/inet.h>
#include <nns/gate.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static nns_gate *make(int64_t connections, int64_t handshakes, int64_t per_source)
{
    nns_config *cfg = NULL;
    nns_gate *g = NULL;

    assert_int_equal(nns_config_new(&cfg, NULL), NNS_OK);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_CONNECTIONS, connections), NNS_OK);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_HANDSHAKES, handshakes), NNS_OK);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_HANDSHAKES_PER_SOURCE, per_source),
                     NNS_OK);
    assert_int_equal(nns_gate_new(&g, cfg), NNS_OK);
    assert_int_equal(nns_config_set_min_ssf(cfg, 56), NNS_ERR_FROZEN);
    nns_config_unref(cfg);
    return g;
}

/* Asks for admission from an address in text, IPv4 or IPv6. NULL: refused by *limit. */
static nns_pass *admit(nns_gate *g, const char *from, int32_t *limit)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    nns_pass *p = NULL;
    int rc;

    *limit = 0;
    if (inet_pton(AF_INET, from, &v4.sin_addr) == 1) {
        rc = nns_gate_admit(g, &v4, sizeof(v4), &p, limit);
    } else {
        assert_int_equal(inet_pton(AF_INET6, from, &v6.sin6_addr), 1);
        rc = nns_gate_admit(g, &v6, sizeof(v6), &p, limit);
    }
    assert_int_equal(rc, p != NULL ? NNS_OK : NNS_ERR_BUSY);
    return p;
}

static nns_pass *admitted(nns_gate *g, const char *from)
{
    int32_t limit;
    nns_pass *p = admit(g, from, &limit);

    assert_non_null(p);
    return p;
}

static void expect_refused(nns_gate *g, const char *from, int32_t limit)
{
    int32_t by;

    assert_null(admit(g, from, &by));
    assert_int_equal(by, limit);
}

static void expect_counts(nns_gate *g, size_t connections, size_t handshakes)
{
    size_t c, h;

    nns_gate_counts(g, &c, &h);
    assert_int_equal(c, connections);
    assert_int_equal(h, handshakes);
}

static void note(void *arg)
{
    ++*(int *)arg;
}

/* ---- quotas ---- */

static void connections_are_counted_until_they_are_freed(void **state)
{
    nns_gate *g = make(2, 10, 10);
    nns_pass *a = admitted(g, "10.0.0.1"), *b = admitted(g, "10.0.0.2");

    (void)state;
    nns_pass_open(a);
    expect_counts(g, 2, 1);
    expect_refused(g, "10.0.0.3", NNS_LIMIT_CONNECTIONS);
    nns_pass_free(a);
    a = admitted(g, "10.0.0.3");
    expect_counts(g, 2, 2);
    nns_pass_free(a);
    nns_pass_free(b);
    expect_counts(g, 0, 0);
    nns_gate_free(g);
}

static void a_source_over_its_quota_is_refused_and_no_other(void **state)
{
    nns_gate *g = make(10, 10, 2);
    nns_pass *a = admitted(g, "10.0.0.1"), *b = admitted(g, "10.0.0.1"), *c;

    (void)state;
    expect_refused(g, "10.0.0.1", NNS_LIMIT_HANDSHAKES_PER_SOURCE);
    c = admitted(g, "10.0.0.2");
    nns_pass_first_token(a); /* still not over */
    expect_refused(g, "10.0.0.1", NNS_LIMIT_HANDSHAKES_PER_SOURCE);
    nns_pass_open(a);
    nns_pass_free(b);
    b = admitted(g, "10.0.0.1");
    nns_pass_free(admitted(g, "10.0.0.1"));
    expect_counts(g, 3, 2);
    nns_pass_free(a);
    nns_pass_free(b);
    nns_pass_free(c);
    nns_gate_free(g);
}

static void sources_are_addresses_or_networks(void **state)
{
    static const struct {
        const char *first, *second;
        bool same;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::1", "0.0.0.0", false}, /* the same bytes, another family */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nns_gate *g = make(10, 10, 1);
        nns_pass *first = admitted(g, rows[i].first);
        int32_t limit;
        nns_pass *second = admit(g, rows[i].second, &limit);

        assert_int_equal(second == NULL, rows[i].same);
        nns_pass_free(first);
        nns_pass_free(second);
        nns_gate_free(g);
    }
}

/* Unix sockets, descriptors from elsewhere, and addresses that are cut off. */
static void without_an_address_there_is_no_quota(void **state)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct {
        const void *address;
        size_t len;
    } rows[] = {{NULL, 0}, {&local, sizeof(sa_family_t)}, {&local, sizeof(local)}, {&v4, 3}};
    nns_gate *g = make(10, 10, 1);
    nns_pass *passes[4];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(nns_gate_admit(g, rows[i].address, rows[i].len, &passes[i], NULL), NNS_OK);
    expect_counts(g, 4, 4);
    for (size_t i = 0; i < COUNT(rows); i++)
        nns_pass_free(passes[i]);
    nns_gate_free(g);
}

/* ---- giving way ---- */

static void the_oldest_that_has_sent_nothing_gives_way(void **state)
{
    nns_gate *g = make(10, 3, 10);
    nns_pass *p[5];
    int gone[5] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        p[i] = admitted(g, "10.0.0.1");
        nns_pass_on_evict(p[i], note, &gone[i]);
    }
    nns_pass_first_token(p[0]);
    p[3] = admitted(g, "10.0.0.2");
    assert_true(gone[0] == 0 && gone[1] == 1 && gone[2] == 0);
    expect_counts(g, 4, 3); /* it is still a connection */
    nns_pass_first_token(p[3]);
    p[4] = admitted(g, "10.0.0.2");
    assert_true(gone[0] == 0 && gone[1] == 1 && gone[2] == 1);
    nns_pass_first_token(p[4]);
    expect_refused(g, "10.0.0.3", NNS_LIMIT_HANDSHAKES);
    nns_pass_open(p[0]);
    nns_pass_free(admitted(g, "10.0.0.3"));
    for (int i = 0; i < 5; i++)
        nns_pass_free(p[i]);
    expect_counts(g, 0, 0);
    nns_gate_free(g);
}

/* The connection's thread comes later than the newcomer. */
static void an_eviction_is_not_missed(void **state)
{
    nns_gate *g = make(10, 1, 10);
    nns_pass *first = admitted(g, "10.0.0.1"), *second = admitted(g, "10.0.0.2");
    int gone = 0, others = 0;

    (void)state;
    nns_pass_on_evict(second, note, &others);
    nns_pass_on_evict(first, note, &gone);
    assert_int_equal(gone, 1);
    nns_pass_first_token(first); /* too late */
    nns_pass_open(first);
    expect_counts(g, 2, 1);
    assert_int_equal(others, 0);
    nns_pass_free(first);
    nns_pass_free(second);
    nns_gate_free(g);
    assert_int_equal(gone, 1);
}

static void a_refused_source_evicts_nobody(void **state)
{
    nns_gate *g = make(10, 2, 2);
    nns_pass *a = admitted(g, "10.0.0.1"), *b = admitted(g, "10.0.0.1");
    int gone = 0;

    (void)state;
    nns_pass_on_evict(a, note, &gone);
    nns_pass_on_evict(b, note, &gone);
    expect_refused(g, "10.0.0.1", NNS_LIMIT_HANDSHAKES_PER_SOURCE);
    assert_int_equal(gone, 0);
    nns_pass_free(a);
    nns_pass_free(b);
    nns_gate_free(g);
}

/* ---- life ---- */

static void passes_outlive_the_gate(void **state)
{
    nns_gate *g = make(10, 10, 10);
    nns_pass *a = admitted(g, "10.0.0.1"), *b = admitted(g, "10.0.0.1");

    (void)state;
    nns_gate_free(g);
    nns_pass_first_token(a);
    nns_pass_open(a);
    nns_pass_free(b);
    nns_pass_free(a); /* LeakSanitizer is the judge */
}

static void arguments_are_checked(void **state)
{
    nns_gate *g = make(10, 10, 10);
    nns_pass *p = NULL;

    (void)state;
    assert_int_equal(nns_gate_new(NULL, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_gate_new(&g, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_gate_admit(NULL, NULL, 0, &p, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_gate_admit(g, NULL, 1, &p, NULL), NNS_ERR_ARGUMENT);
    assert_int_equal(nns_gate_admit(g, NULL, 0, NULL, NULL), NNS_ERR_ARGUMENT);
    nns_pass_on_evict(NULL, note, NULL);
    nns_pass_first_token(NULL);
    nns_pass_open(NULL);
    nns_pass_free(NULL);
    nns_gate_counts(g, NULL, NULL);
    nns_gate_free(g);
    nns_gate_free(NULL);
}

/* What is refused costs no memory that stays, what is let in as much as a pass. */
static void memory_is_bounded_and_its_lack_is_an_error(void **state)
{
    struct test_alloc counter = {0};
    nns_allocator allocator = test_allocator(&counter);
    nns_config *cfg = NULL;
    nns_gate *g = NULL;
    nns_pass *p = NULL, *q = NULL;
    long before;

    (void)state;
    assert_int_equal(nns_config_new(&cfg, &allocator), NNS_OK);
    assert_int_equal(nns_config_set_limit(cfg, NNS_LIMIT_CONNECTIONS, 1), NNS_OK);
    atomic_store(&counter.fail_at, atomic_load(&counter.calls) + 1);
    assert_int_equal(nns_gate_new(&g, cfg), NNS_ERR_NOMEM);
    assert_int_equal(nns_gate_new(&g, cfg), NNS_OK);
    atomic_store(&counter.fail_at, atomic_load(&counter.calls) + 1);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &p, NULL), NNS_ERR_NOMEM);
    assert_null(p);
    assert_int_equal(nns_gate_admit(g, NULL, 0, &p, NULL), NNS_OK);
    before = atomic_load(&counter.bytes);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(nns_gate_admit(g, NULL, 0, &q, NULL), NNS_ERR_BUSY);
    assert_null(q);
    assert_int_equal(atomic_load(&counter.bytes), before);
    nns_pass_free(p);
    nns_gate_free(g);
    nns_config_unref(cfg);
    assert_int_equal(atomic_load(&counter.blocks), 0);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS 5000
#define HANDSHAKES ((size_t)2)

struct crowd {
    nns_gate *gate;
    unsigned seed;
    int let_in;
    bool ok;
};

/* Comes and goes in every way there is; the callback writes to a variable of this frame. */
static void *come_and_go(void *arg)
{
    struct crowd *c = arg;
    struct sockaddr_in from = {.sin_family = AF_INET};

    c->ok = true;
    for (int i = 0; i < ROUNDS && c->ok; i++) {
        nns_pass *p = NULL;
        size_t handshakes;
        int gone = 0, rc;

        c->seed = c->seed * 1103515245u + 12345u;
        from.sin_addr.s_addr = (c->seed >> 16) % 3;
        rc = nns_gate_admit(c->gate, &from, sizeof(from), &p, NULL);
        c->ok = rc == NNS_OK || rc == NNS_ERR_BUSY;
        c->let_in += rc == NNS_OK;
        nns_pass_on_evict(p, note, &gone);
        if ((c->seed >> 20) % 4 > 0)
            nns_pass_first_token(p);
        nns_gate_counts(c->gate, NULL, &handshakes);
        c->ok &= handshakes <= HANDSHAKES;
        if ((c->seed >> 22) % 2 > 0)
            nns_pass_open(p);
        nns_pass_free(p);
        c->ok &= gone <= 1;
    }
    return NULL;
}

static void threads_keep_the_counts_right(void **state)
{
    nns_gate *g = make(100, (int64_t)HANDSHAKES, 100);
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){.gate = g, .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(crowd[i].ok);
        assert_true(crowd[i].let_in > 0);
    }
    expect_counts(g, 0, 0);
    nns_gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_counted_until_they_are_freed),
        cmocka_unit_test(a_source_over_its_quota_is_refused_and_no_other),
        cmocka_unit_test(sources_are_addresses_or_networks),
        cmocka_unit_test(without_an_address_there_is_no_quota),
        cmocka_unit_test(the_oldest_that_has_sent_nothing_gives_way),
        cmocka_unit_test(an_eviction_is_not_missed),
        cmocka_unit_test(a_refused_source_evicts_nobody),
        cmocka_unit_test(passes_outlive_the_gate),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(memory_is_bounded_and_its_lack_is_an_error),
        cmocka_unit_test(threads_keep_the_counts_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
