/* SPDX-License-Identifier: MIT
 *
 * Records made and opened without a connection: seal() and open() of the protector "krb5", called
 * directly. It reaches into the library, so its figures are never those of libnns. bench/crypt.c
 * has what the libraries that do the cipher work can do at most with the same bytes.
 *
 * usage: bench_records [single]
 *
 * Batches of 16 full records with aes256-cts-hmac-sha1-96; single: one record a call, with 64,512,
 * 1,024 and 100 bytes of plaintext. Prints a line for each:
 *
 *   {"name": "records.WHAT.seal", "plain": 64512, "size": 64544, "count": 16, "mb_per_s": 1234.5}
 *
 *   WHAT  libcrypto  one record after the other
 *         mb         as it is by default
 *
 * and the same with ".open"; of single records with "single" instead of "records". size is what is
 * encrypted and authenticated of a record: confounder, plaintext and header; megabytes are of 10^6
 * bytes of that.
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

/* How records are made. */
struct how {
    const char *name;
    bool one_by_one; /* by libcrypto */
    size_t plain;    /* bytes of each */
    size_t count;    /* in one call */
};

/* The two ends of a connection that there is not. */
struct ends {
    const struct how *how;
    struct nns__protection client, server;
    uint8_t *slots; /* NNS__BATCH of them */
    size_t stride;
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

static void prepare(struct ends *ends, const struct how *how)
{
    ends->how = how;
    ends->client = protection(true, how->one_by_one);
    ends->server = protection(false, how->one_by_one);
    ends->stride = 4 + ends->client.sealer->head + how->plain + ends->client.sealer->tail;
    ends->slots = zeros(NNS__BATCH * ends->stride);
}

static void finish(struct ends *ends)
{
    nns__protection_free(&ends->client);
    nns__protection_free(&ends->server);
    free(ends->slots);
}

static void seal_all(struct ends *ends)
{
    struct nns__sealer *sealer = ends->client.sealer;
    const size_t plain = ends->how->plain, count = ends->how->count;
    struct nns__failure f = {0};

    for (size_t i = 0; i < NNS__BATCH; i += count) {
        nns_ssize size = sealer->ops->seal(sealer, ends->slots + i * ends->stride, ends->stride,
                                           count, plain, plain, &f);

        if (size < 0)
            die("seal: %s", nns_result_name((int)size));
    }
}

static void open_all(struct ends *ends)
{
    struct nns__opener *opener = ends->server.opener;
    struct nns__plain plains[NNS__BATCH];
    const size_t count = ends->how->count;
    struct nns__failure f = {0};

    for (size_t i = 0; i < NNS__BATCH; i += count) {
        nns_ssize n = opener->ops->open(opener, ends->slots + i * ends->stride, count, plains, &f);

        if (n != (nns_ssize)count || plains[count - 1].size != ends->how->plain)
            die("open: %td records", n);
    }
}

static void print_line(const struct how *how, const char *way, double bytes_per_s)
{
    printf("{\"name\": \"%s.%s\", \"plain\": %zu, \"size\": %zu, \"count\": %zu, "
           "\"mb_per_s\": %.1f}\n",
           how->name, way, how->plain, how->plain + 2 * NNS__CRYPT_BLOCK, how->count,
           bytes_per_s / 1e6);
}

/* Seals and opens in turn, so that each opens what is new; one of the two is measured at a time. */
static void measure(const struct how *how)
{
    const double text = (double)(how->plain + 2 * NNS__CRYPT_BLOCK);
    double sealing = 0, opening = 0, bytes = 0;
    struct ends ends;

    prepare(&ends, how);
    while (sealing < SECONDS || opening < SECONDS) {
        double begin = now(), between;

        seal_all(&ends);
        between = now();
        open_all(&ends);
        opening += now() - between;
        sealing += between - begin;
        bytes += (double)NNS__BATCH * text;
    }
    finish(&ends);
    print_line(how, "seal", bytes / sealing);
    print_line(how, "open", bytes / opening);
}

int main(int argc, char **argv)
{
    static const struct how batches[] = {
        {"records.libcrypto", true, FULL_RECORD, NNS__BATCH},
        {"records.mb", false, FULL_RECORD, NNS__BATCH},
    };
    static const size_t sizes[] = {FULL_RECORD, 1024, 100};

    if (nns__mem_init(&mem, NULL) != NNS_OK)
        die("no memory");
    if (argc == 1) {
        measure(&batches[0]);
        measure(&batches[1]);
        return 0;
    }
    if (argc > 2 || strcmp(argv[1], "single") != 0)
        die("usage: bench_records [single]");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        measure(&(struct how){"single.libcrypto", true, sizes[i], 1});
        measure(&(struct how){"single.mb", false, sizes[i], 1});
    }
    return 0;
}
