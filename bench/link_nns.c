/* SPDX-License-Identifier: MIT
 *
 * libnns, through the functions that everybody has: a blocking nns_stream on the socket.
 */
#include "common.h"
#include "link.h"

#include <nns/nns.h>

#include <stdio.h>
#include <stdlib.h>

static nns_config *config;
static nns_role role;

static void check(const nns_stream *stream, nns_ssize rc)
{
    if (rc < 0)
        die("%s: %s", nns_result_name((int)rc), nns_error_message(nns_stream_error(stream)));
}

static void nns_prepare(bool server, const char *engine)
{
    role = server ? NNS_SERVER : NNS_CLIENT;
    check(NULL, nns_config_new(&config, NULL));
    check(NULL, nns_config_allow_any_peer(config));
    if (engine != NULL && nns_config_set_record_engine(config, engine) != NNS_OK) {
        (void)fprintf(stderr, "bench: %s\n", nns_config_message(config));
        exit(REFUSED);
    }
}

static void *nns_open(int fd)
{
    nns_stream *stream;

    check(NULL, nns_stream_new(&stream, config, role));
    check(stream, nns_stream_set_fd(stream, fd, fd, NNS_FD_CLOSE));
    if (role == NNS_CLIENT)
        check(stream, nns_engine_set_target(nns_stream_engine(stream), TARGET));
    check(stream, nns_stream_handshake(stream));
    return stream;
}

static void nns_write(void *link, const void *data, size_t size)
{
    check(link, nns_stream_write(link, data, size));
}

static size_t nns_read(void *link, void *data, size_t size)
{
    nns_ssize n = nns_stream_read(link, data, size);

    check(link, n);
    return (size_t)n;
}

static void nns_half_close(void *link)
{
    check(link, nns_stream_shutdown(link));
}

static const char *nns_engine_name(const void *link)
{
    return nns_engine_record_engine(nns_stream_engine((nns_stream *)(uintptr_t)link));
}

static void nns_close(void *link)
{
    nns_stream_free(link);
}

const struct kind kind_nns = {"nns",    nns_prepare,    nns_open,        nns_write,
                              nns_read, nns_half_close, nns_engine_name, nns_close};
