/* SPDX-License-Identifier: MIT
 *
 * Finding the file as Kerberos finds it: the configuration's name, the environment's, the default
 * one.
 */
#include "auth/gss_source.h"

#include <gssapi/gssapi_krb5.h>
#include <krb5/krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A file system's clock stands still for a while: 10 ms with a kernel that ticks slowly, two
 * seconds where it has no fractions. */
#define TICK_NS INT64_C(50000000)
#define COARSE_TICK_NS INT64_C(2000000000)

#define FILE_TYPE "FILE:"
#define FILE_TYPE_SIZE (sizeof(FILE_TYPE) - 1)

static int64_t nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* True if every change from now on will show. */
static bool has_settled(const struct stat *state)
{
    int64_t tick = state->st_ctim.tv_nsec != 0 ? TICK_NS : COARSE_TICK_NS;
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(&now) - nanoseconds(&state->st_ctim) > tick;
}

static bool copy(char name[NNS__SOURCE_NAME], const char *from)
{
    int n = snprintf(name, NNS__SOURCE_NAME, "%s", from);

    return n > 0 && (size_t)n < NNS__SOURCE_NAME;
}

static bool default_name(char name[NNS__SOURCE_NAME], nns_role role)
{
    krb5_context context = NULL;
    bool found = false;

    if (krb5_init_context(&context) != 0)
        return false;
    if (role == NNS_CLIENT) {
        const char *cache = krb5_cc_default_name(context);

        found = cache != NULL && copy(name, cache);
    } else {
        found = krb5_kt_default_name(context, name, NNS__SOURCE_NAME) == 0;
    }
    krb5_free_context(context);
    return found;
}

/* False: GSSAPI takes another cache, which the program has named for this thread. Who asks for that
 * name resets it. */
static bool is_cache_of_thread(const char *name)
{
    const char *actual = NULL;
    OM_uint32 minor;

    if (gss_krb5_ccache_name(&minor, NULL, &actual) != GSS_S_COMPLETE || actual == NULL)
        return false;
    if (strcmp(actual, name) == 0)
        return true;
    (void)gss_krb5_ccache_name(&minor, actual, NULL);
    return false;
}

/* A program with more rights than its user does not believe in the environment, as in Kerberos. */
static bool full_name(char name[NNS__SOURCE_NAME], const nns_config *cfg, nns_role role)
{
    const char *known = role == NNS_CLIENT ? cfg->ccache : cfg->keytab;
    bool found;

    if (known != NULL)
        return copy(name, known);
    known = secure_getenv(role == NNS_CLIENT ? "KRB5CCNAME" : "KRB5_KTNAME");
    found = known != NULL ? copy(name, known) : default_name(name, role);
    return found && (role == NNS_SERVER || is_cache_of_thread(name));
}

/* "/path" becomes "FILE:/path", which stays. What has another type is no file. */
static bool add_type(char name[NNS__SOURCE_NAME])
{
    size_t size = strlen(name) + 1;

    if (name[0] == '/' && size + FILE_TYPE_SIZE <= NNS__SOURCE_NAME) {
        memmove(name + FILE_TYPE_SIZE, name, size);
        memcpy(name, FILE_TYPE, FILE_TYPE_SIZE);
    }
    return strncmp(name, FILE_TYPE, FILE_TYPE_SIZE) == 0;
}

bool nns__gss_source_find(struct nns__gss_source *source, const nns_config *cfg, nns_role role)
{
    *source = (struct nns__gss_source){.reader = geteuid()};
    if (cfg->gss_cred != NULL || cfg->no_kerberos)
        return false;
    if (role == NNS_CLIENT && (cfg->user != NULL || cfg->client_keytab != NULL))
        return false;
    return full_name(source->name, cfg, role) && add_type(source->name) &&
           stat(source->name + FILE_TYPE_SIZE, &source->state) == 0 && has_settled(&source->state);
}

bool nns__gss_source_same(const struct nns__gss_source *a, const struct nns__gss_source *b)
{
    const struct stat *x = &a->state, *y = &b->state;

    return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
           x->st_mode == y->st_mode && x->st_uid == y->st_uid && a->reader == b->reader &&
           same_time(&x->st_mtim, &y->st_mtim) && same_time(&x->st_ctim, &y->st_ctim) &&
           strcmp(a->name, b->name) == 0;
}
