/* SPDX-License-Identifier: MIT
 *
 * The command line, parsed: what each subcommand was asked to do. Parsing changes nothing and
 * opens nothing; a mistake ends the command with one line and exit status 2.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <nns/nns.h>
#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_ALLOW_MOST 256 /* --allow, times */

enum subcommand {
    COMMAND_CONNECT,
    COMMAND_LISTEN,
    COMMAND_DECODE,
    COMMAND_PROBE,
    COMMAND_PROXY
};

/* Where a proxy's Windows security is. */
enum relay {
    RELAY_NONE,
    RELAY_TERMINATE, /* between it and its clients */
    RELAY_INITIATE,  /* between it and the service */
    RELAY_BOTH
};

struct address {
    const char *host; /* NULL: every address */
    const char *port;
    char text[300]; /* holds both */
};

enum mechanism {
    MECHANISM_KERBEROS,
    MECHANISM_NEGOTIATE, /* Kerberos, else NTLM */
    MECHANISM_NTLM
};

/* Strings are borrowed from argv, or static. */
struct options {
    enum subcommand command;
    const char *host; /* NULL: every address (listen, proxy) */
    const char *port;
    struct address at; /* holds both */
    struct address to; /* proxy: the service */
    enum relay relay;
    const char *nettcp; /* the via of net.tcp, or NULL: bare NegotiateStream */
    bool streamed;      /* net.tcp's singleton mode */
    bool adws;          /* probe Active Directory Web Services */

    const char *target;
    nns_protection protection;
    enum mechanism mechanism;
    nns_impersonation impersonation;
    const char *user;
    const char *password_file;
    int password_fd; /* -1: none */
    const char *ccache;
    const char *client_keytab;
    const char *keytab;
    const char *service;
    const char *allow[OPTIONS_ALLOW_MOST];
    int allow_count;
    bool allow_all;
    bool echo;
    bool accept_delegation;
    const char *exec; /* neither echo nor exec: standard input and output */
    bool once;
    int64_t connect_ms; /* -1: the default */
    int64_t handshake_ms;
    int64_t idle_ms;
    int max_connections; /* -1: the default */
    int max_handshakes;
    int max_handshakes_per_source;
    bool verbose;
    bool quiet;
    bool json;
    bool trace_secrets;
    const char *record_engine;
    const char *trace; /* file, or NULL */
    const char *file;  /* decode: NULL is standard input */
};

/* Answers -1 to go on, or the exit status to end with (after --help, --version, a mistake). */
int options_parse(struct options *o, int argc, char **argv);

/* "500ms", "10s", "2m", "1h" in milliseconds, or -1. */
int64_t options_duration(const char *text);
/* Splits "HOST:PORT", "[V6]:PORT" or, where a host is optional, "PORT" into o. False: neither. */
bool options_address(struct options *o, const char *text, bool host_optional);

#endif
