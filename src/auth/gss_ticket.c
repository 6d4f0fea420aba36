/* SPDX-License-Identifier: MIT
 *
 * Looking up a ticket in the cache that GSSAPI took it from, the same way: the cache that was
 * configured, or the one that Kerberos selects for the server, or the default one.
 */
#include "auth/gss_ticket.h"

#include "auth/names.h"

#include <string.h>
#include <time.h>

#define TIME_LEFT 60 /* seconds that a ticket must last to be worth a copy */

static krb5_error_code open_cache(krb5_context context, const char *name, krb5_principal server,
                                  krb5_ccache *ret)
{
    krb5_principal client = NULL;
    krb5_error_code error;

    if (name != NULL)
        return krb5_cc_resolve(context, name, ret);
    error = krb5_cc_select(context, server, ret, &client);
    krb5_free_principal(context, client);
    return error == 0 ? 0 : krb5_cc_default(context, ret);
}

/* The server's name inside of the ticket that the cache has for server. */
static krb5_error_code read_ticket(krb5_context context, krb5_ccache cache, krb5_principal server,
                                   char **name)
{
    krb5_creds wanted = {.server = server}, found = {0};
    krb5_ticket *ticket = NULL;
    krb5_error_code error = krb5_cc_get_principal(context, cache, &wanted.client);

    if (error == 0)
        error = krb5_cc_retrieve_cred(context, cache, 0, &wanted, &found);
    if (error == 0)
        error = krb5_decode_ticket(&found.ticket, &ticket);
    if (error == 0)
        error = krb5_unparse_name(context, ticket->server, name);
    krb5_free_ticket(context, ticket);
    krb5_free_cred_contents(context, &found);
    krb5_free_principal(context, wanted.client);
    return error;
}

/* name becomes the server's, to be freed with krb5_free_unparsed_name(), or stays NULL. */
static void find(krb5_context context, const nns_config *cfg, const struct nns__gss_cred *cred,
                 const char *principal, char **name)
{
    krb5_ccache cache = cred->cache;
    krb5_principal server = NULL;
    krb5_error_code error = krb5_parse_name(context, principal, &server);

    if (error == 0 && cache == NULL)
        error = open_cache(context, cfg->ccache, server, &cache);
    if (error == 0)
        (void)read_ticket(context, cache, server, name);
    if (cache != NULL && cache != cred->cache)
        (void)krb5_cc_close(context, cache);
    krb5_free_principal(context, server);
}

int nns__gss_ticket_server(char **ret, const nns_config *cfg, const struct nns__gss_cred *cred,
                           const char *principal, struct nns__failure *f)
{
    krb5_context context = NULL;
    char *name = NULL;
    int rc;

    if (krb5_init_context(&context) == 0)
        find(context, cfg, cred, principal, &name);
    if (name != NULL)
        rc = nns__displayed_name(ret, &cfg->mem, name, strlen(name), f);
    else
        rc = nns__displayed_name(ret, &cfg->mem, principal, strcspn(principal, "@"), f);
    if (name != NULL)
        krb5_free_unparsed_name(context, name);
    if (context != NULL)
        krb5_free_context(context);
    return rc;
}

/* ---- a copy ---- */

/* With it a service acts for somebody else; that is more than one ticket. */
static bool is_for_proxies(krb5_context context, krb5_ccache cache)
{
    krb5_data value = {0};

    if (krb5_cc_get_config(context, cache, NULL, "proxy_impersonator", &value) != 0)
        return false;
    krb5_free_data_contents(context, &value);
    return true;
}

/* The one that Kerberos would choose. */
static krb5_error_code find_ticket(krb5_context context, krb5_ccache cache, krb5_principal server,
                                   krb5_creds *found)
{
    krb5_creds wanted = {.server = server};
    krb5_error_code error = krb5_cc_get_principal(context, cache, &wanted.client);

    wanted.times.endtime = (krb5_timestamp)(time(NULL) + TIME_LEFT);
    if (error == 0)
        error = krb5_cc_retrieve_cred(
            context, cache, KRB5_TC_MATCH_TIMES | KRB5_TC_SUPPORTED_KTYPES, &wanted, found);
    krb5_free_principal(context, wanted.client);
    return error;
}

static krb5_error_code store_alone(struct nns__gss_cred *cred, krb5_creds *ticket)
{
    krb5_error_code error = krb5_cc_new_unique(cred->krb5, "MEMORY", NULL, &cred->cache);

    if (error == 0)
        error = krb5_cc_initialize(cred->krb5, cred->cache, ticket->client);
    if (error == 0)
        error = krb5_cc_store_cred(cred->krb5, cred->cache, ticket);
    cred->end = (int64_t)ticket->times.endtime - TIME_LEFT;
    return error;
}

static krb5_error_code copy_from(struct nns__gss_cred *cred, krb5_ccache cache,
                                 krb5_principal server)
{
    krb5_creds ticket = {0};
    krb5_error_code error = is_for_proxies(cred->krb5, cache) ? KRB5_CC_NOTFOUND : 0;

    if (error == 0)
        error = find_ticket(cred->krb5, cache, server, &ticket);
    if (error == 0)
        error = store_alone(cred, &ticket);
    krb5_free_cred_contents(cred->krb5, &ticket);
    return error;
}

bool nns__gss_ticket_copy(struct nns__gss_cred *cred, const char *principal)
{
    krb5_ccache cache = NULL;
    krb5_principal server = NULL;
    krb5_error_code error = krb5_init_context(&cred->krb5);

    if (error != 0)
        return false;
    error = krb5_parse_name(cred->krb5, principal, &server);
    if (error == 0)
        error = krb5_cc_resolve(cred->krb5, cred->source.name, &cache);
    if (error == 0)
        error = copy_from(cred, cache, server);
    if (cache != NULL)
        (void)krb5_cc_close(cred->krb5, cache);
    krb5_free_principal(cred->krb5, server);
    return error == 0;
}
