/* SPDX-License-Identifier: MIT
 *
 * A target is not looked up in DNS, even where krb5.conf says that names are. The resolver's
 * functions stand here before the C library's and count; SEEN makes them visible to Kerberos.
 */
#include "protect/gss_call.h"
#include "realm/realm_support.h"

#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Seen by the libraries, which find it before their own. */
#define SEEN __attribute__((visibility("default")))

static atomic_int names_asked;

/* The KDC is given by its address; a name is what nobody may ask for. */
static bool is_name(const char *node)
{
    return node != NULL && strspn(node, "0123456789.") != strlen(node);
}

SEEN int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret)
{
    union {
        void *in;
        int (*out)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.in = dlsym(RTLD_NEXT, "getaddrinfo")};

    if (is_name(node))
        atomic_fetch_add(&names_asked, 1);
    return real.out(node, service, hints, ret);
}

SEEN int getnameinfo(const struct sockaddr *addr, socklen_t addr_size, char *host,
                     socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    union {
        void *in;
        int (*out)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);
    } real = {.in = dlsym(RTLD_NEXT, "getnameinfo")};

    if ((flags & NI_NUMERICHOST) == 0)
        atomic_fetch_add(&names_asked, 1);
    return real.out(addr, addr_size, host, host_size, service, service_size, flags);
}

static void test_target(void **state)
{
    struct realm_pair pair;

    (void)state;
    names_asked = 0;
    realm_pair_open(&pair, client_config(NNS_PROTECT_SEAL), server_config(NNS_PROTECT_SEAL),
                    TARGET);
    assert_string_equal(pair.client.facts.target, TARGET "@" REALM);
    assert_int_equal(names_asked, 0);
    realm_pair_free(&pair);
}

/* That the counting works: a host-based name is looked up. */
static void test_counting(void **state)
{
    gss_buffer_desc text = nns__gss_buffer("host@localhost", 14);
    gss_name_t name = GSS_C_NO_NAME, canonical = GSS_C_NO_NAME;
    gss_OID_desc mechanism = *gss_mech_krb5;
    OM_uint32 minor;

    (void)state;
    names_asked = 0;
    assert_int_equal(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name),
                     GSS_S_COMPLETE);
    assert_int_equal(gss_canonicalize_name(&minor, name, &mechanism, &canonical), GSS_S_COMPLETE);
    assert_true(names_asked > 0);
    (void)gss_release_name(&minor, &name);
    (void)gss_release_name(&minor, &canonical);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_counting),
    };

    return realm_prepare() != 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
