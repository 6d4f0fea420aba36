/* SPDX-License-Identifier: MIT
 *
 * The command line, through getopt_long.
 */
#include "options.h"

#include "adws.h"

#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In two parts: C99 promises 4,095 bytes of a string. */
static const char usage_text[] =
    "usage: nns connect [OPTION]... HOST:PORT\n"
    "       nns listen [OPTION]... [HOST:]PORT\n"
    "       nns probe [OPTION]... HOST:PORT\n"
    "       nns decode [FILE]\n"
    "       nns proxy [OPTION]... --terminate|--initiate|--both --listen [HOST:]PORT\n"
    "                 --connect HOST:PORT\n"
    "\n"
    "connect    standard input to the peer, the peer to standard output; the end of input\n"
    "           half-closes\n"
    "listen     a server; port 0 picks a free one; without --echo and --exec it takes one\n"
    "           connection, on standard input and output\n"
    "probe      the handshake alone; prints what was negotiated, or what is wrong\n"
    "decode     prints what a trace recorded; without FILE, or with -, from standard input\n"
    "proxy      stands between net.tcp clients (WCF) and a net.tcp service\n"
    "\n"
    "Connect, listen, probe and proxy:\n"
    "  --protection encrypt|sign|none   level asked for and least accepted (default encrypt)\n"
    "  --mech kerberos|negotiate|ntlm   default kerberos; negotiate: NTLM where Kerberos cannot\n"
    "                                   begin; both others are weak\n"
    "  --handshake-timeout TIME         500ms, 10s, 2m ...; 0s: no limit (default connect 30s,\n"
    "                                   listen 10s)\n"
    "  --idle-timeout TIME              end a connection that moves nothing (default never)\n"
    "  --record-engine auto|gss|krb5    what makes the records (default auto)\n"
    "  --json                           one JSON object for each event on standard error\n"
    "                                   (probe: one on standard output)\n"
    "  --nettcp URI                     speak net.tcp, as WCF does, with this address in the\n"
    "                                   preamble; standard input and output have envelopes: four\n"
    "                                   bytes of length, the highest first, and the bytes\n"
    "  --trace FILE                     write what passes on the wire, for nns decode; token\n"
    "                                   contents and data are left out\n"
    "  --trace-secrets                  leave nothing out\n"
    "  -v, --verbose; -q, --quiet; -h, --help; --version\n";

static const char more_usage_text[] =
    "Connect, probe and proxy:\n"
    "  --target SERVICE/HOST[@REALM]    whom to ask for (default host/HOST)\n"
    "  --ccache NAME                    credential cache (default the system's)\n"
    "  --client-keytab FILE             get and renew the ticket with this key, unattended\n"
    "  --user NAME                      log in with a password instead: it is asked for on the\n"
    "                                   terminal, or is\n"
    "  --password-file FILE             the first line of a file that is the user's alone\n"
    "  --password-fd N                  the first line of descriptor N\n"
    "  --impersonation identify|impersonate|delegate\n"
    "                                   what the server may do with our identity (default\n"
    "                                   identify); delegate gives it our ticket\n"
    "  --connect-timeout TIME           default 30s; 0s: no limit\n"
    "Connect:\n"
    "  --streamed                       with --nettcp: one envelope each way, of any length\n"
    "Probe:\n"
    "  --adws                           ask a domain controller for Active Directory Web "
    "Services;\n"
    "                                   HOST without PORT will do (9389)\n"
    "Proxy:\n"
    "  --terminate                      Windows security with the clients, none with the service\n"
    "  --initiate                       none with the clients, Windows security with the service\n"
    "  --both                           Windows security with either, each with its own identity\n"
    "  --listen [HOST:]PORT             where the clients come\n"
    "  --connect HOST:PORT              where the service is\n"
    "Listen:\n"
    "  --echo                           send back what comes\n"
    "  --exec COMMAND                   run /bin/sh -c COMMAND for each connection, with it on\n"
    "                                   standard input and output; the peer is NNS_PEER_NAME\n"
    "  --accept-delegation              give COMMAND the ticket that the client delegated, in\n"
    "                                   KRB5CCNAME, while it runs\n"
    "Listen and proxy:\n"
    "  --once                           end with the first connection, and with its status\n"
    "  --allow PRINCIPAL                let in alice@REALM (NTLM: DOMAIN\\alice); '*' matches\n"
    "                                   within a component; repeatable\n"
    "  --allow-all                      let in anybody who authenticates\n"
    "  --keytab FILE                    default the system's\n"
    "  --service PRINCIPAL              be only SERVICE/HOST of the keytab\n"
    "  --max-connections N              default 1000\n"
    "  --max-handshakes N               not yet authenticated, default 64; beyond that the oldest\n"
    "                                   client that has sent nothing gives way\n"
    "  --max-handshakes-per-source N    the same from one address, default 16\n"
    "\n"
    "Exit status: 0 done, 2 usage, 3 transport or name, 4 time-out, 5 protocol,\n"
    "6 authentication or policy, 7 the peer reported an error, 8 a limit, 70 internal\n";

enum {
    OPT_TARGET = 256,
    OPT_PROTECTION,
    OPT_MECH,
    OPT_IMPERSONATION,
    OPT_USER,
    OPT_PASSWORD_FILE,
    OPT_PASSWORD_FD,
    OPT_CCACHE,
    OPT_CLIENT_KEYTAB,
    OPT_KEYTAB,
    OPT_SERVICE,
    OPT_ALLOW,
    OPT_ALLOW_ALL,
    OPT_ECHO,
    OPT_EXEC,
    OPT_ACCEPT_DELEGATION,
    OPT_ONCE,
    OPT_JSON,
    OPT_CONNECT_TIMEOUT,
    OPT_HANDSHAKE_TIMEOUT,
    OPT_IDLE_TIMEOUT,
    OPT_MAX_CONNECTIONS,
    OPT_MAX_HANDSHAKES,
    OPT_MAX_HANDSHAKES_PER_SOURCE,
    OPT_RECORD_ENGINE,
    OPT_TRACE,
    OPT_TRACE_SECRETS,
    OPT_NETTCP,
    OPT_STREAMED,
    OPT_ADWS,
    OPT_TERMINATE,
    OPT_INITIATE,
    OPT_BOTH,
    OPT_LISTEN,
    OPT_CONNECT,
    OPT_VERSION
};

/* Which subcommands take an option: bits. */
#define FOR_CONNECT 1
#define FOR_LISTEN 2
#define FOR_PROBE 4
#define FOR_DECODE 8
#define FOR_PROXY 16
#define FOR_CLIENT (FOR_CONNECT | FOR_PROBE | FOR_PROXY)
#define FOR_SERVER (FOR_LISTEN | FOR_PROXY)
#define FOR_SESSION (FOR_CLIENT | FOR_SERVER)
#define FOR_ALL 31

/* In the order of enum subcommand. */
static const struct {
    const char *name;
    int mine; /* which options it takes */
    const char *operand;
} commands[] = {
    [COMMAND_CONNECT] = {"connect", FOR_CONNECT, "HOST:PORT"},
    [COMMAND_LISTEN] = {"listen", FOR_LISTEN, "[HOST:]PORT"},
    [COMMAND_DECODE] = {"decode", FOR_DECODE, "FILE"},
    [COMMAND_PROBE] = {"probe", FOR_PROBE, "HOST:PORT"},
    [COMMAND_PROXY] = {"proxy", FOR_PROXY, ""},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"protection", required_argument, NULL, OPT_PROTECTION},
    {"mech", required_argument, NULL, OPT_MECH},
    {"impersonation", required_argument, NULL, OPT_IMPERSONATION},
    {"user", required_argument, NULL, OPT_USER},
    {"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
    {"password-fd", required_argument, NULL, OPT_PASSWORD_FD},
    {"ccache", required_argument, NULL, OPT_CCACHE},
    {"client-keytab", required_argument, NULL, OPT_CLIENT_KEYTAB},
    {"keytab", required_argument, NULL, OPT_KEYTAB},
    {"service", required_argument, NULL, OPT_SERVICE},
    {"allow", required_argument, NULL, OPT_ALLOW},
    {"allow-all", no_argument, NULL, OPT_ALLOW_ALL},
    {"echo", no_argument, NULL, OPT_ECHO},
    {"exec", required_argument, NULL, OPT_EXEC},
    {"accept-delegation", no_argument, NULL, OPT_ACCEPT_DELEGATION},
    {"once", no_argument, NULL, OPT_ONCE},
    {"json", no_argument, NULL, OPT_JSON},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"handshake-timeout", required_argument, NULL, OPT_HANDSHAKE_TIMEOUT},
    {"idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
    {"max-handshakes", required_argument, NULL, OPT_MAX_HANDSHAKES},
    {"max-handshakes-per-source", required_argument, NULL, OPT_MAX_HANDSHAKES_PER_SOURCE},
    {"record-engine", required_argument, NULL, OPT_RECORD_ENGINE},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"trace-secrets", no_argument, NULL, OPT_TRACE_SECRETS},
    {"nettcp", required_argument, NULL, OPT_NETTCP},
    {"streamed", no_argument, NULL, OPT_STREAMED},
    {"adws", no_argument, NULL, OPT_ADWS},
    {"terminate", no_argument, NULL, OPT_TERMINATE},
    {"initiate", no_argument, NULL, OPT_INITIATE},
    {"both", no_argument, NULL, OPT_BOTH},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int taken_by(int option)
{
    switch (option) {
    case OPT_TARGET:
    case OPT_IMPERSONATION:
    case OPT_USER:
    case OPT_PASSWORD_FILE:
    case OPT_PASSWORD_FD:
    case OPT_CCACHE:
    case OPT_CLIENT_KEYTAB:
    case OPT_CONNECT_TIMEOUT:
        return FOR_CLIENT;
    case OPT_STREAMED:
        return FOR_CONNECT;
    case OPT_KEYTAB:
    case OPT_SERVICE:
    case OPT_ALLOW:
    case OPT_ALLOW_ALL:
    case OPT_ONCE:
    case OPT_MAX_CONNECTIONS:
    case OPT_MAX_HANDSHAKES:
    case OPT_MAX_HANDSHAKES_PER_SOURCE:
        return FOR_SERVER;
    case OPT_ECHO:
    case OPT_EXEC:
    case OPT_ACCEPT_DELEGATION:
        return FOR_LISTEN;
    case OPT_ADWS:
        return FOR_PROBE;
    case OPT_TERMINATE:
    case OPT_INITIATE:
    case OPT_BOTH:
    case OPT_LISTEN:
    case OPT_CONNECT:
        return FOR_PROXY;
    case OPT_VERSION:
    case 'h':
    case '?':
        return FOR_ALL;
    default:
        return FOR_SESSION;
    }
}

int64_t options_duration(const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *unit;
    long value;

    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    value = strtol(text, &unit, 10);
    if (errno != 0 || value > INT32_MAX)
        return -1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].unit) == 0)
            return value * units[i].ms;
    }
    return -1;
}

/* A whole number in least..most, or -1. */
static int parse_number(const char *text, int least, int most)
{
    char *end;
    long value;

    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && value >= least && value <= most ? (int)value : -1;
}

/* Splits an address. False: it is none. */
static bool split_address(struct address *a, const char *text, bool host_optional)
{
    char *host = a->text, *colon;

    if (strlen(text) >= sizeof(a->text))
        return false;
    (void)snprintf(a->text, sizeof(a->text), "%s", text);
    colon = strrchr(host, ':');
    a->host = NULL;
    a->port = colon != NULL ? colon + 1 : host;
    if (parse_number(a->port, 0, 65535) < 0)
        return false;
    if (colon == NULL)
        return host_optional;
    *colon = '\0';
    if (*host == '[' && colon[-1] == ']') {
        host++;
        colon[-1] = '\0';
    } else if (strchr(host, ':') != NULL) {
        return false;
    }
    a->host = host;
    return *host != '\0';
}

bool options_address(struct options *o, const char *text, bool host_optional)
{
    bool is_one = split_address(&o->at, text, host_optional);

    o->host = o->at.host;
    o->port = o->at.port;
    return is_one;
}

/* most is the maximum that nns/config.h gives the limit. */
static int parse_time(const char *name, const char *text, const char *most, int64_t *ms)
{
    *ms = options_duration(text);
    if (*ms < 0)
        return report_usage("--%s: '%s' is not a time: say 500ms, 10s, 2m or 1h", name, text);
    if (*ms > options_duration(most))
        return report_usage("--%s: '%s' is more than %s (0s: no limit)", name, text, most);
    return -1;
}

static int parse_protection(struct options *o, const char *text)
{
    for (o->protection = NNS_PROTECT_NONE; o->protection <= NNS_PROTECT_SEAL; o->protection++) {
        if (strcmp(text, nns_protection_name(o->protection)) == 0)
            return -1;
    }
    return report_usage("--protection: '%s' is not encrypt, sign or none", text);
}

static int parse_mechanism(struct options *o, const char *text)
{
    if (strcmp(text, "kerberos") == 0)
        o->mechanism = MECHANISM_KERBEROS;
    else if (strcmp(text, "negotiate") == 0)
        o->mechanism = MECHANISM_NEGOTIATE;
    else if (strcmp(text, "ntlm") == 0)
        o->mechanism = MECHANISM_NTLM;
    else
        return report_usage("--mech: '%s' is not kerberos, negotiate or ntlm", text);
    return -1;
}

static int parse_impersonation(struct options *o, const char *text)
{
    if (strcmp(text, "identify") == 0)
        o->impersonation = NNS_IDENTIFY;
    else if (strcmp(text, "impersonate") == 0)
        o->impersonation = NNS_IMPERSONATE;
    else if (strcmp(text, "delegate") == 0)
        o->impersonation = NNS_DELEGATE;
    else
        return report_usage("--impersonation: '%s' is not identify, impersonate or delegate", text);
    return -1;
}

static int parse_count(const char *name, const char *text, int least, int most, int *value)
{
    *value = parse_number(text, least, most);
    if (*value >= 0)
        return -1;
    return report_usage("--%s: '%s' is not a number from %d to %d", name, text, least, most);
}

static int add_allowed(struct options *o, const char *text)
{
    if (o->allow_count == OPTIONS_ALLOW_MOST)
        return report_usage("--allow: more than %d of them", OPTIONS_ALLOW_MOST);
    o->allow[o->allow_count++] = text;
    return -1;
}

/* Options that are just kept. False: it is none of them. */
static bool keep_text(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPT_TARGET:
        o->target = text;
        return true;
    case OPT_USER:
        o->user = text;
        return true;
    case OPT_PASSWORD_FILE:
        o->password_file = text;
        return true;
    case OPT_CCACHE:
        o->ccache = text;
        return true;
    case OPT_CLIENT_KEYTAB:
        o->client_keytab = text;
        return true;
    case OPT_KEYTAB:
        o->keytab = text;
        return true;
    case OPT_SERVICE:
        o->service = text;
        return true;
    case OPT_RECORD_ENGINE:
        o->record_engine = text;
        return true;
    case OPT_TRACE:
        o->trace = text;
        return true;
    case OPT_EXEC:
        o->exec = text;
        return true;
    case OPT_NETTCP:
        o->nettcp = text;
        return true;
    default:
        return false;
    }
}

static bool keep_flag(struct options *o, int option)
{
    switch (option) {
    case OPT_ALLOW_ALL:
        o->allow_all = true;
        return true;
    case OPT_ECHO:
        o->echo = true;
        return true;
    case OPT_ACCEPT_DELEGATION:
        o->accept_delegation = true;
        return true;
    case OPT_TRACE_SECRETS:
        o->trace_secrets = true;
        return true;
    case OPT_ADWS:
        o->adws = true;
        return -1;
    case OPT_STREAMED:
        o->streamed = true;
        return true;
    case OPT_ONCE:
        o->once = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case 'q':
        o->quiet = true;
        return true;
    default:
        return false;
    }
}

/* text is not an address of this form. */
static int refuse_address(const char *text, const char *form)
{
    const char *colon = strrchr(text, ':'), *port = colon != NULL ? colon + 1 : text;

    if (*text != '[' && colon != strchr(text, ':'))
        return report_usage("'%s' is not %s: an IPv6 address stands in brackets, as in [::1]:7000",
                            text, form);
    if (*port != '\0' && parse_number(port, 0, 65535) < 0)
        return report_usage("'%s' is not %s: a port is a number from 0 to 65535", text, form);
    return report_usage("'%s' is not %s", text, form);
}

static int set_relay(struct options *o, enum relay relay)
{
    if (o->relay != RELAY_NONE && o->relay != relay)
        return report_usage("--terminate, --initiate and --both contradict each other");
    o->relay = relay;
    return -1;
}

static int parse_proxy_option(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPT_TERMINATE:
        return set_relay(o, RELAY_TERMINATE);
    case OPT_INITIATE:
        return set_relay(o, RELAY_INITIATE);
    case OPT_BOTH:
        return set_relay(o, RELAY_BOTH);
    case OPT_LISTEN:
        return options_address(o, text, true) ? -1 : refuse_address(text, "[HOST:]PORT");
    case OPT_CONNECT:
        return split_address(&o->to, text, false) ? -1 : refuse_address(text, "HOST:PORT");
    default:
        return report_usage("try 'nns --help'"); /* getopt has named the mistake */
    }
}

static int parse_option(struct options *o, int option, const char *name, const char *text)
{
    if (keep_flag(o, option) || keep_text(o, option, text))
        return -1;
    switch (option) {
    case OPT_PROTECTION:
        return parse_protection(o, text);
    case OPT_IMPERSONATION:
        return parse_impersonation(o, text);
    case OPT_MECH:
        return parse_mechanism(o, text);
    case OPT_PASSWORD_FD:
        return parse_count(name, text, 0, 1000000, &o->password_fd);
    case OPT_ALLOW:
        return add_allowed(o, text);
    case OPT_CONNECT_TIMEOUT:
        return parse_time(name, text, "1h", &o->connect_ms);
    case OPT_HANDSHAKE_TIMEOUT:
        return parse_time(name, text, "5m", &o->handshake_ms);
    case OPT_IDLE_TIMEOUT:
        return parse_time(name, text, "168h", &o->idle_ms);
    case OPT_MAX_CONNECTIONS:
        return parse_count(name, text, 1, 1000000, &o->max_connections);
    case OPT_MAX_HANDSHAKES:
        return parse_count(name, text, 1, 10000, &o->max_handshakes);
    case OPT_MAX_HANDSHAKES_PER_SOURCE:
        return parse_count(name, text, 1, 10000, &o->max_handshakes_per_source);
    case OPT_VERSION:
        printf("nns %s\n", nns_version_string());
        return STATUS_DONE;
    case 'h':
        (void)fputs(usage_text, stdout);
        (void)fputs(more_usage_text, stdout);
        return STATUS_DONE;
    default:
        return parse_proxy_option(o, option, text);
    }
}

/* What the library would say only once it has connected. */
static bool is_target(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return false;
    }
    return strpbrk(text, "/@\\") != NULL && strlen(text) <= 1024;
}

static int check_client(const struct options *o)
{
    if (o->target != NULL && !is_target(o->target))
        return report_usage("--target: '%.100s' is not SERVICE/HOST[@REALM] or user@REALM",
                            o->target);
    if (o->password_file != NULL && o->password_fd >= 0)
        return report_usage("--password-file and --password-fd contradict each other");
    if (o->user == NULL && (o->password_file != NULL || o->password_fd >= 0))
        return report_usage("a password needs --user");
    if (o->user != NULL && o->ccache != NULL)
        return report_usage("--user and --ccache contradict each other");
    if (o->user != NULL && o->client_keytab != NULL)
        return report_usage("--user and --client-keytab contradict each other");
    return -1;
}

static int check_server(const struct options *o)
{
    if (o->allow_all && o->allow_count > 0)
        return report_usage("--allow and --allow-all contradict each other");
    if (!o->allow_all && o->allow_count == 0)
        return report_usage("say whom to let in: --allow PRINCIPAL or --allow-all");
    if (o->echo && o->exec != NULL)
        return report_usage("--echo and --exec contradict each other");
    if (o->accept_delegation && o->exec == NULL)
        return report_usage("--accept-delegation needs --exec");
    return -1;
}

static int check_proxy(const struct options *o)
{
    bool authenticates = o->relay == RELAY_TERMINATE || o->relay == RELAY_BOTH;
    bool logs_in = o->relay == RELAY_INITIATE || o->relay == RELAY_BOTH;
    int status;

    if (o->relay == RELAY_NONE)
        return report_usage("say where Windows security is: --terminate, --initiate or --both");
    if (o->port == NULL || o->to.port == NULL)
        return report_usage("proxy needs --listen [HOST:]PORT and --connect HOST:PORT");
    if (!authenticates &&
        (o->allow_all || o->allow_count > 0 || o->keytab != NULL || o->service != NULL))
        return report_usage("--initiate does not know its clients: --allow, --allow-all, --keytab "
                            "and --service are not for it");
    if (!logs_in &&
        (o->target != NULL || o->user != NULL || o->ccache != NULL || o->client_keytab != NULL))
        return report_usage("--terminate does not log in: --target, --user, --ccache and "
                            "--client-keytab are not for it");
    status = authenticates ? check_server(o) : -1;
    return status < 0 ? check_client(o) : status;
}

/* What options say together. */
static int check_together(const struct options *o)
{
    if (o->verbose && o->quiet)
        return report_usage("--verbose and --quiet contradict each other");
    if (o->trace_secrets && o->trace == NULL)
        return report_usage("--trace-secrets needs --trace");
    if (o->adws && o->nettcp != NULL)
        return report_usage("--adws and --nettcp contradict each other");
    if (o->streamed && o->nettcp == NULL)
        return report_usage("--streamed needs --nettcp");
    switch (o->command) {
    case COMMAND_LISTEN:
        return check_server(o);
    case COMMAND_PROXY:
        return check_proxy(o);
    case COMMAND_DECODE:
        return -1;
    case COMMAND_CONNECT:
    case COMMAND_PROBE:
        break;
    }
    return check_client(o);
}

static bool find_command(struct options *o, const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            o->command = (enum subcommand)i;
            return true;
        }
    }
    return false;
}

static int parse_command(struct options *o, const char *word)
{
    if (find_command(o, word))
        return -1;
    return report_usage("'%s' is not a command: say connect, listen, probe, decode or proxy", word);
}

/* A host without a port. */
static int set_controller(struct options *o, const char *host)
{
    char text[300];
    int n = snprintf(text, sizeof(text), "%s:" ADWS_PORT, host);

    if (n > 0 && (size_t)n < sizeof(text) && options_address(o, text, false))
        return -1;
    return refuse_address(host, "HOST[:PORT]");
}

static int parse_operand(struct options *o, int argc, char **argv)
{
    const char *form = commands[o->command].operand;

    if (o->command == COMMAND_DECODE) {
        o->file = argc > 0 ? argv[0] : NULL;
        return argc <= 1 ? -1 : report_usage("decode takes one FILE");
    }
    if (o->command == COMMAND_PROXY)
        return argc == 0
                   ? -1
                   : report_usage("proxy takes no '%.100s': say --listen and --connect", argv[0]);
    if (argc != 1)
        return report_usage("%s takes one %s", commands[o->command].name, form);
    if (options_address(o, argv[0], o->command == COMMAND_LISTEN))
        return -1;
    return o->adws ? set_controller(o, argv[0]) : refuse_address(argv[0], form);
}

static const char *short_name(int option)
{
    return option == 'v' ? "verbose" : option == 'q' ? "quiet" : "";
}

static int parse_options(struct options *o, int argc, char **argv, int mine)
{
    int option, index = 0, status;

    while ((option = getopt_long(argc, argv, "vqh", long_options, &index)) != -1) {
        const char *name = option >= 256 ? long_options[index].name : short_name(option);

        if ((taken_by(option) & mine) == 0)
            return report_usage("--%s is not for %s", name, commands[o->command].name);
        status = parse_option(o, option, name, optarg);
        if (status >= 0)
            return status;
    }
    return -1;
}

/* There was no command in front. */
static int refuse_no_command(struct options *o, const char *word)
{
    if (word != NULL && find_command(o, word))
        return report_usage("options stand behind the command: nns %s [OPTION]...", word);
    return report_usage("say connect, listen, probe, decode or proxy; try 'nns --help'");
}

int options_parse(struct options *o, int argc, char **argv)
{
    static char self[] = "nns"; /* what getopt begins its lines with */
    int status, mine = FOR_ALL;

    *o = (struct options){.protection = NNS_PROTECT_SEAL,
                          .impersonation = NNS_IDENTIFY,
                          .password_fd = -1,
                          .connect_ms = -1,
                          .handshake_ms = -1,
                          .idle_ms = -1,
                          .max_connections = -1,
                          .max_handshakes = -1,
                          .max_handshakes_per_source = -1};
    if (argc >= 2 && argv[1][0] != '-') {
        status = parse_command(o, argv[1]);
        if (status >= 0)
            return status;
        argc--;
        argv++;
        mine = commands[o->command].mine;
    }
    if (argc > 0)
        argv[0] = self;
    status = parse_options(o, argc, argv, mine);
    if (status >= 0)
        return status;
    if (mine == FOR_ALL)
        return refuse_no_command(o, optind < argc ? argv[optind] : NULL);
    status = parse_operand(o, argc - optind, argv + optind);
    if (status < 0)
        status = check_together(o);
    o->once = o->once || (o->command != COMMAND_PROXY && !o->echo && o->exec == NULL);
    return status;
}
