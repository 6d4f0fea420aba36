/* SPDX-License-Identifier: MIT
 *
 * Names: targets, users, what a mechanism displays, and patterns of peers. The input is a pattern
 * and a name, separated by the first byte FF.
 */
#include "auth/names.h"
#include "config/policy.h"
#include "input.h"

#include <nns/config.h>
#include <stdbool.h>
#include <string.h>

#define TEXT_MOST ((size_t)1200) /* more than the longest name */

static struct nns__mem mem;

/* One side of the input as a string; a NUL inside ends it. */
static char *text_of(const uint8_t *data, size_t size)
{
    char *text;

    if (size > TEXT_MOST)
        size = TEXT_MOST;
    text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* A principal has one realm at most, no empty component, and nothing that Kerberos unescapes. */
static void check_principal(const char *name, bool realm)
{
    const char *at = strchr(name, '@');

    CHECK(strlen(name) <= NNS__NAME_MOST + 1 && name[0] != '\0');
    CHECK(strchr(name, '\\') == NULL);
    CHECK(name[0] != '/' && name[0] != '@' && strstr(name, "//") == NULL);
    CHECK(!realm || at != NULL);
    if (at != NULL)
        CHECK(at[-1] != '/' && strpbrk(at + 1, "/@") == NULL);
}

static void check_made(int rc, char *made, bool realm, struct nns__failure *f)
{
    if (rc != NNS_OK) {
        CHECK(rc == NNS_ERR_AUTH && f->code == rc && made == NULL && f->message[0] != '\0');
        return;
    }
    check_principal(made, realm);
    nns__strfree(&mem, made);
}

static void check_names(const char *text)
{
    struct nns__failure f;
    char *made = NULL;
    int rc = nns__target_principal(&made, &mem, text, &f);

    check_made(rc, made, true, &f);
    made = NULL;
    rc = nns__user_principal(&made, &mem, text, &f);
    check_made(rc, made, false, &f);
}

static void check_displayed(const uint8_t *data, size_t size)
{
    struct nns__failure f;
    char *name = NULL;

    if (nns__displayed_name(&name, &mem, data, size, &f) != NNS_OK) {
        CHECK(name == NULL && f.code == NNS_ERR_AUTH);
        return;
    }
    CHECK(size <= NNS__NAME_MOST && strlen(name) == size && memcmp(name, data, size) == 0);
    nns__strfree(&mem, name);
}

/* What nns__pattern_matches() must answer, in the slow and obvious way: row by row, which prefixes
 * of the name does a prefix of the pattern match? */
static bool obviously_matches(const char *pattern, const char *name)
{
    static bool row[TEXT_MOST + 1];
    size_t length = strlen(name);

    memset(row, 0, sizeof(row));
    row[0] = true;
    for (; *pattern != '\0'; pattern++) {
        bool before = row[0];

        if (*pattern != '*')
            row[0] = false;
        for (size_t i = 1; i <= length; i++) {
            bool here = row[i];

            if (*pattern == '*')
                row[i] = here || (row[i - 1] && strchr("/@\\", name[i - 1]) == NULL);
            else
                row[i] = before && *pattern == name[i - 1];
            before = here;
        }
    }
    return row[length];
}

/* A server that knows one pattern lets in who matches it, and nobody whose name is unprintable. */
static void check_policy(const char *pattern, char *name)
{
    struct nns__facts facts = {.mechanism = NNS__MECHANISM_KERBEROS,
                               .flags = NNS__FLAG_INTEG | NNS__FLAG_CONF,
                               .ssf = 256,
                               .peer_name = name};
    struct nns__failure f;
    nns_config *cfg;

    CHECK(nns_config_new(&cfg, NULL) == NNS_OK);
    if (nns_config_allow_peer(cfg, pattern) == NNS_OK) {
        CHECK(strchr(strrchr(pattern, '@'), '*') == NULL);
        if (nns__policy_check(cfg, NNS_SERVER, &facts, &f) == NNS_OK) {
            CHECK(obviously_matches(pattern, name));
            for (const char *c = name; *c != '\0'; c++)
                CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
            CHECK(strcmp(strrchr(name, '@'), strrchr(pattern, '@')) == 0);
        }
    }
    nns_config_unref(cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = size > 0 ? memchr(data, 0xff, size) : NULL;
    size_t first = mark != NULL ? (size_t)(mark - data) : size;
    char *pattern = text_of(data, first);
    char *name = mark != NULL ? text_of(mark + 1, size - first - 1) : text_of(NULL, 0);

    CHECK(nns__mem_init(&mem, NULL) == NNS_OK);
    check_displayed(data, size);
    check_names(pattern);
    CHECK(nns__pattern_matches(pattern, name, false) == obviously_matches(pattern, name));
    check_policy(pattern, name);
    free(pattern);
    free(name);
    return 0;
}
