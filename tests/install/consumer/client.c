/* SPDX-License-Identifier: MIT
 *
 * client HOST PORT: says hello and prints what comes back. Without arguments: the version.
 */
#include <nns/nns.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    nns_config *cfg = NULL;
    nns_stream *stream = NULL;
    char reply[100];
    nns_ssize n = NNS_ERR_ARGUMENT;

    if (argc != 3) {
        printf("%s\n", nns_version_string());
        return nns_version_num() != NNS_VERSION_NUM;
    }
    if (nns_config_new(&cfg, NULL) == NNS_OK &&
        nns_stream_new(&stream, cfg, NNS_CLIENT) == NNS_OK &&
        nns_stream_connect(stream, argv[1], argv[2], NULL) == NNS_OK &&
        nns_stream_write(stream, "hello", 5) == 5)
        n = nns_stream_read(stream, reply, sizeof(reply));
    if (n >= 0)
        printf("%.*s\n", (int)n, reply);
    else
        fprintf(stderr, "%s\n", nns_error_message(nns_stream_error(stream)));
    nns_stream_free(stream);
    nns_config_unref(cfg);
    return n < 0;
}
