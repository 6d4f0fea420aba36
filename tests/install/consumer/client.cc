// SPDX-License-Identifier: MIT
//
// As client.c, in C++.
#include <nns/nns.h>

#include <iostream>
#include <memory>
#include <string>

struct Release {
    void operator()(nns_config *cfg) const
    {
        nns_config_unref(cfg);
    }
    void operator()(nns_stream *stream) const
    {
        nns_stream_free(stream);
    }
};

static int ask(nns_stream *stream, const char *host, const char *port)
{
    const std::string hello = "hello";
    char reply[100];
    int rc = nns_stream_connect(stream, host, port, nullptr);
    nns_ssize n = rc == NNS_OK ? nns_stream_write(stream, hello.data(), hello.size()) : rc;

    if (n >= 0)
        n = nns_stream_read(stream, reply, sizeof(reply));
    if (n < 0) {
        std::cerr << nns_error_message(nns_stream_error(stream)) << '\n';
        return 1;
    }
    std::cout << std::string(reply, static_cast<size_t>(n)) << '\n';
    return 0;
}

int main(int argc, char **argv)
{
    nns_config *cfg;
    nns_stream *stream;

    if (argc != 3) {
        std::cout << nns_version_string() << '\n';
        return nns_version_num() != NNS_VERSION_NUM;
    }
    if (nns_config_new(&cfg, nullptr) != NNS_OK)
        return 1;
    std::unique_ptr<nns_config, Release> config(cfg);
    if (nns_stream_new(&stream, cfg, NNS_CLIENT) != NNS_OK)
        return 1;
    std::unique_ptr<nns_stream, Release> owner(stream);
    return ask(stream, argv[1], argv[2]);
}
