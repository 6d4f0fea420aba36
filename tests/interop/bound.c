/* SPDX-License-Identifier: MIT
 *
 * One connection with a channel binding; "" is none. A server on a free port of 127.0.0.1 that
 * insists on the binding, or a client. Prints "listening PORT", then "open" or "CODE MESSAGE".
 *
 *   bound server KEYTAB BINDING RECORD-ENGINE
 *   bound client PORT BINDING RECORD-ENGINE
 */
#include <nns/nns.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The descriptor of the first connection to a free port, or -1. */
static int accept_one(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return -1;
    printf("listening %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    fd = accept(listener, NULL, NULL);
    (void)close(listener);
    return fd;
}

static int report(const nns_stream *stream, int rc)
{
    if (rc == NNS_OK)
        printf("open\n");
    else
        printf("%s %s\n", nns_result_name(rc), nns_error_message(nns_stream_error(stream)));
    return rc != NNS_OK;
}

static int serve(nns_stream *stream)
{
    int fd = accept_one(), rc = NNS_ERR_IO;
    char c;

    if (fd >= 0)
        rc = nns_stream_set_fd(stream, fd, fd, NNS_FD_CLOSE);
    if (rc == NNS_OK)
        rc = nns_stream_handshake(stream);
    if (rc == NNS_OK)
        (void)!nns_stream_read(stream, &c, 1); /* the client is to close first */
    return rc;
}

static int prepare(nns_config *cfg, nns_role role, const char *keytab)
{
    if (role == NNS_CLIENT)
        return NNS_OK;
    if (nns_config_set_keytab(cfg, keytab) != NNS_OK || nns_config_allow_any_peer(cfg) != NNS_OK)
        return NNS_ERR_ARGUMENT;
    return nns_config_require_channel_binding(cfg, 1);
}

int main(int argc, char **argv)
{
    nns_role role = argc > 1 && strcmp(argv[1], "server") == 0 ? NNS_SERVER : NNS_CLIENT;
    nns_config *cfg = NULL;
    nns_stream *stream = NULL;
    int rc;

    if (argc != 5 || nns_config_new(&cfg, NULL) != NNS_OK ||
        nns_config_set_record_engine(cfg, argv[4]) != NNS_OK ||
        prepare(cfg, role, argv[2]) != NNS_OK || nns_stream_new(&stream, cfg, role) != NNS_OK ||
        nns_engine_set_channel_binding(nns_stream_engine(stream), argv[3], strlen(argv[3])) !=
            NNS_OK)
        return 2;
    rc = role == NNS_SERVER ? serve(stream)
                            : nns_stream_connect(stream, "127.0.0.1", argv[2], "host/localhost");
    rc = report(stream, rc);
    nns_stream_free(stream);
    nns_config_unref(cfg);
    return rc;
}
