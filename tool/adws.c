/* SPDX-License-Identifier: MIT
 *
 * Each endpoint is asked for with a connection of its own, since a refusal ends one.
 */
#include "adws.h"

#include "nettcp.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>

/* The first is what every domain controller has: without it there is nothing to tell. */
static const char *const names[] = {"Enumeration", "Resource", "ResourceFactory",
                                    "AccountManagement", "TopologyManagement"};

#define ENDPOINTS (sizeof(names) / sizeof(names[0]))

struct via {
    char text[512];
};

static const char *via_of(struct via *via, const struct options *o, const char *name)
{
    bool v6 = strchr(o->host, ':') != NULL;

    (void)snprintf(via->text, sizeof(via->text),
                   "net.tcp://%s%s%s:%s/ActiveDirectoryWebServices/Windows/%s", v6 ? "[" : "",
                   o->host, v6 ? "]" : "", o->port, name);
    return via->text;
}

/* Asks for one more endpoint. */
static void ask(const struct options *o, nns_config *cfg, struct probe_endpoint *ret)
{
    struct options mine = *o;
    struct link link = {.fd = -1};
    struct nettcp_failure why;
    struct via via;

    mine.nettcp = via_of(&via, o, ret->name);
    ret->is_there = nettcp_open(&link, &mine, cfg, &why);
    if (ret->is_there) {
        nettcp_say_goodbye(&link);
    } else {
        const char *fault = link.nmf != NULL ? nns_nmf_fault(link.nmf) : NULL;

        (void)snprintf(ret->why, sizeof(ret->why), "%s", fault != NULL ? fault : why.message);
    }
    link_close(&link);
}

static int ask_and_tell(const struct options *o, nns_config *cfg, const struct link *first)
{
    struct probe_endpoint endpoints[ENDPOINTS] = {{.name = names[0], .is_there = true}};

    for (size_t i = 1; i < ENDPOINTS; i++) {
        endpoints[i].name = names[i];
        ask(o, cfg, &endpoints[i]);
    }
    return probe_tell_link(o, first, NULL, endpoints, ENDPOINTS);
}

int adws_probe(const struct options *o, nns_config *cfg)
{
    struct options mine = *o;
    struct link first = {.fd = -1};
    struct nettcp_failure why;
    struct via via;
    int status;

    mine.quiet = true; /* the findings tell it */
    mine.nettcp = via_of(&via, o, names[0]);
    if (nettcp_open(&first, &mine, cfg, &why)) {
        status = ask_and_tell(&mine, cfg, &first);
        nettcp_say_goodbye(&first);
    } else {
        status = probe_tell_link(&mine, &first, &why, NULL, 0);
    }
    link_close(&first);
    return status;
}
