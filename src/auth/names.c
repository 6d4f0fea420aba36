/* SPDX-License-Identifier: MIT
 *
 * Names. Kerberos writes '/' between components, '@' before the realm, and uses '\' to escape; we
 * take '\' for Windows' separator only, so no escaped character ever reaches the mechanism.
 */
#include "auth/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int refuse(struct nns__failure *f, const char *what, const char *name, const char *why)
{
    return nns__fail(f, NNS_ERR_AUTH, NNS__STATUS_INTERNAL_ERROR, "authenticate: %s '%.100s': %s",
                     what, name, why);
}

static int no_memory(struct nns__failure *f)
{
    return nns__fail(f, NNS_ERR_NOMEM, NNS__STATUS_INTERNAL_ERROR, "authenticate: out of memory");
}

/* "DOMAIN\\user" as "user@DOMAIN"; separator is the backslash inside of name. */
static int swap_domain(char **ret, const struct nns__mem *mem, const char *what, const char *name,
                       const char *separator, struct nns__failure *f)
{
    const char *user = separator + 1;
    size_t domain = (size_t)(separator - name), length = strlen(user);
    char *text;

    if (domain == 0 || length == 0 || strcspn(name, "@/") < domain + 1 + length ||
        strchr(user, '\\') != NULL)
        return refuse(f, what, name, "it is not DOMAIN\\user");
    text = nns__alloc(mem, length + 1 + domain + 1);
    if (text == NULL)
        return no_memory(f);
    (void)snprintf(text, length + 1 + domain + 1, "%s@%.*s", user, (int)domain, name);
    *ret = text;
    return NNS_OK;
}

/* True if no component is empty, and neither the realm where there is one. */
static bool is_well_formed(const char *name)
{
    size_t length = strcspn(name, "/@");

    while (length > 0 && name[length] == '/') {
        name += length + 1;
        length = strcspn(name, "/@");
    }
    if (length == 0 || name[length] == '\0')
        return length > 0;
    name += length + 1;
    return *name != '\0' && strpbrk(name, "/@") == NULL;
}

/* name, which is as Kerberos writes it, followed by tail. */
static int copy(char **ret, const struct nns__mem *mem, const char *name, const char *tail,
                struct nns__failure *f)
{
    size_t size = strlen(name) + strlen(tail) + 1;
    char *text = nns__alloc(mem, size);

    if (text == NULL)
        return no_memory(f);
    (void)snprintf(text, size, "%s%s", name, tail);
    *ret = text;
    return NNS_OK;
}

int nns__user_principal(char **ret, const struct nns__mem *mem, const char *user,
                        struct nns__failure *f)
{
    const char *separator = strchr(user, '\\');

    if (strlen(user) > NNS__NAME_MOST)
        return refuse(f, "user", user, "it is too long");
    if (separator != NULL)
        return swap_domain(ret, mem, "user", user, separator, f);
    if (!is_well_formed(user))
        return refuse(f, "user", user, "it is neither user, user@REALM nor DOMAIN\\user");
    return copy(ret, mem, user, "", f);
}

int nns__target_principal(char **ret, const struct nns__mem *mem, const char *target,
                          struct nns__failure *f)
{
    const char *separator = strchr(target, '\\');

    if (strlen(target) > NNS__NAME_MOST)
        return refuse(f, "target", target, "it is too long");
    if (separator != NULL)
        return swap_domain(ret, mem, "target", target, separator, f);
    if (strpbrk(target, "/@") == NULL || !is_well_formed(target)) {
        (void)refuse(f, "target", target, "it is neither SERVICE/HOST nor user@REALM");
        nns__failure_hint(f, "give the service and the host, for example host/db1.example.com");
        return f->code;
    }
    return copy(ret, mem, target, strchr(target, '@') == NULL ? "@" : "", f);
}

int nns__target_hostbased(char **ret, const struct nns__mem *mem, const char *target,
                          struct nns__failure *f)
{
    char *full = NULL, *slash, *realm;
    int rc = nns__target_principal(&full, mem, target, f);

    if (full == NULL)
        return rc;
    slash = strchr(full, '/');
    if (slash == NULL) {
        *ret = full;
        return NNS_OK;
    }
    realm = strchr(slash, '@');
    *slash = '@';
    *realm = '\0';
    rc = copy(ret, mem, full, "", f);
    *realm = '@'; /* its length must not change before it is freed */
    nns__strfree(mem, full);
    return rc;
}

int nns__displayed_name(char **ret, const struct nns__mem *mem, const void *text, size_t size,
                        struct nns__failure *f)
{
    char *name;

    if (size == 0 || size > NNS__NAME_MOST || memchr(text, '\0', size) != NULL)
        return nns__fail(f, NNS_ERR_AUTH, NNS__STATUS_TRUST_FAILURE,
                         "authenticate: a name from the mechanism is empty, too long or has a "
                         "NUL inside");
    name = nns__alloc(mem, size + 1);
    if (name == NULL)
        return no_memory(f);
    memcpy(name, text, size);
    *ret = name;
    return NNS_OK;
}
