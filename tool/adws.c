/* SPDX-License-Identifier: MIT
 *
 * Each endpoint is asked for with a connection of its own, since a refusal ends one.
 */
#include "adws.h"

#include "nettcp.h"
#include "probe.h"
#include "report.h"

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

/* Asks for one more endpoint. False: it could not be asked for at all, which was told. */
static bool ask(const struct options *o, nns_config *cfg, struct probe_endpoint *ret)
{
    struct options mine = *o;
    struct link link = {.fd = -1};
    struct via via;
    int rc;

    mine.nettcp = via_of(&via, o, ret->name);
    rc = nettcp_start(&link, &mine, cfg, false);
    if (rc == NNS_OK && nettcp_is_taken(&link)) {
        ret->is_there = true;
        nettcp_say_goodbye(&link);
    } else if (rc == NNS_OK) {
        const char *fault = nns_nmf_fault(link.nmf);

        (void)snprintf(ret->why, sizeof(ret->why), "%s",
                       fault != NULL ? fault : nns_nmf_message(link.nmf));
    }
    link_close(&link);
    return rc == NNS_OK;
}

static int ask_and_tell(const struct options *o, nns_config *cfg, const struct link *first)
{
    struct probe_endpoint endpoints[ENDPOINTS] = {{.name = names[0], .is_there = true}};

    for (size_t i = 1; i < ENDPOINTS; i++) {
        endpoints[i].name = names[i];
        if (!ask(o, cfg, &endpoints[i]))
            return STATUS_IO;
    }
    probe_tell_nettcp(o, nns_nmf_engine(first->nmf), endpoints, ENDPOINTS);
    return STATUS_DONE;
}

int adws_probe(const struct options *o, nns_config *cfg)
{
    struct options mine = *o;
    struct link first = {.fd = -1};
    struct via via;
    int rc, status;

    mine.quiet = true; /* the findings tell it */
    mine.nettcp = via_of(&via, o, names[0]);
    rc = nettcp_start(&first, &mine, cfg, false);
    if (rc != NNS_OK)
        status = status_of(rc);
    else if (!nettcp_is_taken(&first))
        status = link_failed(&first, NULL);
    else
        status = ask_and_tell(&mine, cfg, &first);
    if (status == STATUS_DONE)
        nettcp_say_goodbye(&first);
    link_close(&first);
    return status;
}
