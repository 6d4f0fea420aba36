/* SPDX-License-Identifier: MIT
 *
 * Records made and opened without a connection: seal() and open() of the protector "krb5", called
 * directly. It reaches into the library, so its figures are never those of libnns. bench/crypt.c
 * has what the libraries that do the cipher work can do at most with the same bytes.
 *
 * usage: bench_records
 *
 * Batches of 16 full records with aes256-cts-hmac-sha1-96. Prints a line for each:
 *
 *   {"name": "records.WHAT.seal", "size": 64544, "count": 16, "mb_per_s": 1234.5}
 *
 *   WHAT  libcrypto  one record after the other
 *         mb         as it is by default
 *
 * and the same with ".open". size is what is encrypted and authenticated of a record: confounder,
 * plaintext and header; megabytes are of 10^6 bytes of that.
 */
#include "common.h"
#include "link.h"

#include "protect/krb5.h"
#include "protect/krb5_keys.h"

#include <nns/nns.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AES256_SHA1 18
#define SECONDS 0.05 /* that one thing is measured */
#define TEXT (FULL_RECORD + 2 * NNS__CRYPT_BLOCK)

/* The two ends of a connection that there is not. */
struct ends {
    struct nns__protection client, server;
    uint8_t *slots;
    size_t stride, size; /* of a slot; of the records */
};

static struct nns__mem mem;

static struct nns__protection protection(bool initiator, bool one_by_one)
{
    struct nns__krb5_context context = {.enctype = nns__enctype_find(AES256_SHA1),
                                        .initiator = initiator,
                                        .acceptor_subkey = true,
                                        .conf = true,
                                        .one_by_one = one_by_one};
    struct nns__protection ret = {0};
    struct nns__failure f = {0};

    memset(context.key, 7, sizeof(context.key));
    if (nns__protect_krb5_new(&ret, &mem, &context, &f) != NNS_OK)
        die("no protection");
    return ret;
}

static void prepare(struct ends *ends, bool one_by_one)
{
    ends->client = protection(true, one_by_one);
    ends->server = protection(false, one_by_one);
    ends->stride = 4 + ends->client.sealer->head + FULL_RECORD + ends->client.sealer->tail;
    ends->slots = zeros(NNS__BATCH * ends->stride);
}

static void finish(struct ends *ends)
{
    nns__protection_free(&ends->client);
    nns__protection_free(&ends->server);
    free(ends->slots);
}

static void seal(struct ends *ends)
{
    struct nns__sealer *sealer = ends->client.sealer;
    struct nns__failure f = {0};
    nns_ssize size = sealer->ops->seal(sealer, ends->slots, ends->stride, NNS__BATCH, FULL_RECORD,
                                       FULL_RECORD, &f);

    if (size < 0)
        die("seal: %s", nns_result_name((int)size));
    ends->size = (size_t)size;
}

static void open_all(struct ends *ends)
{
    struct nns__opener *opener = ends->server.opener;
    struct nns__plain plains[NNS__BATCH];
    struct nns__failure f = {0};
    nns_ssize count = opener->ops->open(opener, ends->slots, NNS__BATCH, plains, &f);

    if (count != (nns_ssize)NNS__BATCH || plains[NNS__BATCH - 1].size != FULL_RECORD)
        die("open: %td records", count);
}

/* Seals and opens in turn, so that each opens what is new; one of the two is measured at a time. */
static void measure(const char *name, bool one_by_one)
{
    double sealing = 0, opening = 0, bytes = 0;
    struct ends ends;

    prepare(&ends, one_by_one);
    while (sealing < SECONDS || opening < SECONDS) {
        double begin = now(), between;

        seal(&ends);
        between = now();
        open_all(&ends);
        opening += now() - between;
        sealing += between - begin;
        bytes += (double)(NNS__BATCH * TEXT);
    }
    finish(&ends);
    printf("{\"name\": \"records.%s.seal\", \"size\": %zu, \"count\": %zu, \"mb_per_s\": %.1f}\n",
           name, TEXT, NNS__BATCH, bytes / sealing / 1e6);
    printf("{\"name\": \"records.%s.open\", \"size\": %zu, \"count\": %zu, \"mb_per_s\": %.1f}\n",
           name, TEXT, NNS__BATCH, bytes / opening / 1e6);
}

int main(void)
{
    if (nns__mem_init(&mem, NULL) != NNS_OK)
        die("no memory");
    measure("libcrypto", true);
    measure("mb", false);
    return 0;
}
