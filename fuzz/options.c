/* SPDX-License-Identifier: MIT
 *
 * The command line of nns: the input's lines are the arguments. Whatever they are, parsing ends
 * with a usage error or with options that mean what the text says.
 */
#include "../tool/options.h"

#include "../tool/report.h"
#include "input.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#define ARGUMENTS_MOST 600

static int complaints;

/* In place of tool/report.c, which would print. */
int report_usage(const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    CHECK(vsnprintf(text, sizeof(text), format, args) > 0);
    va_end(args);
    complaints++;
    return STATUS_USAGE;
}

static bool is_number(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return size > 0;
}

static void check_duration(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    int64_t ms = options_duration(text), factor = 0;

    if (strcmp(unit, "ms") == 0)
        factor = 1;
    else if (strcmp(unit, "s") == 0)
        factor = 1000;
    else if (strcmp(unit, "m") == 0)
        factor = 60000;
    else if (strcmp(unit, "h") == 0)
        factor = 3600000;
    CHECK(ms >= -1);
    if (digits == 0 || factor == 0)
        CHECK(ms == -1);
    else if (digits < 10)
        CHECK(ms == strtoll(text, NULL, 10) * factor);
    else
        CHECK(ms == -1 || ms % factor == 0);
}

/* The parts put together again are the text. */
static void check_address(const char *text, bool host_optional)
{
    struct options *o = calloc(1, sizeof(*o));
    char again[400];

    CHECK(o != NULL);
    if (options_address(o, text, host_optional)) {
        bool bracket = text[0] == '[' && o->host == o->at.text + 1;

        CHECK(is_number(o->port, strlen(o->port)) && strtol(o->port, NULL, 10) <= 65535);
        CHECK(o->host != NULL || host_optional);
        if (o->host == NULL)
            (void)snprintf(again, sizeof(again), "%s", o->port);
        else
            (void)snprintf(again, sizeof(again), bracket ? "[%s]:%s" : "%s:%s", o->host, o->port);
        CHECK(strcmp(again, text) == 0);
        CHECK(o->host == NULL || o->host[0] != '\0');
        CHECK(o->host == NULL || bracket || strchr(o->host, ':') == NULL);
    }
    free(o);
}

static void check_parsed(const struct options *o)
{
    CHECK(o->command == COMMAND_CONNECT || o->command == COMMAND_LISTEN ||
          o->command == COMMAND_PROBE || o->command == COMMAND_DECODE);
    CHECK(!o->trace_secrets || o->trace != NULL);
    if (o->command == COMMAND_DECODE)
        return; /* a file, or none */
    CHECK(o->port != NULL && (o->host != NULL || o->command == COMMAND_LISTEN));
    CHECK(o->protection == NNS_PROTECT_SEAL || o->protection == NNS_PROTECT_SIGN ||
          o->protection == NNS_PROTECT_NONE);
    CHECK(o->connect_ms >= -1 && o->handshake_ms >= -1 && o->idle_ms >= -1);
    CHECK((o->max_connections > 0 || o->max_connections == -1) && o->password_fd >= -1);
    CHECK(o->allow_count >= 0 && o->allow_count <= OPTIONS_ALLOW_MOST);
    for (int i = 0; i < o->allow_count; i++)
        CHECK(o->allow[i] != NULL);
    /* A server lets somebody in only because it was told to. */
    if (o->command == COMMAND_LISTEN)
        CHECK(o->allow_all != (o->allow_count > 0));
    else
        CHECK(!o->allow_all && o->allow_count == 0);
}

/* Splits text at its line ends into argv behind the program's name. */
static int split(char *text, char **argv)
{
    static char name[] = "nns";
    int argc = 0;

    argv[argc++] = name;
    for (char *line = text; line != NULL && argc < ARGUMENTS_MOST; argc++) {
        char *end = strchr(line, '\n');

        if (end != NULL)
            *end++ = '\0';
        argv[argc] = line;
        line = end;
    }
    argv[argc] = NULL;
    return argc;
}

/* --help and --version print. */
static void be_quiet(void)
{
    static bool quiet;

    if (!quiet && freopen("/dev/null", "w", stdout) == NULL)
        abort();
    quiet = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *argv[ARGUMENTS_MOST + 1];
    struct options *o = calloc(1, sizeof(*o));
    char *text = malloc(size + 1);
    int argc, status;

    CHECK(o != NULL && text != NULL);
    be_quiet();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    argc = split(text, argv);
    for (int i = 1; i < argc; i++) {
        check_duration(argv[i]);
        check_address(argv[i], true);
        check_address(argv[i], false);
    }
    complaints = 0;
    opterr = 0;
    optind = 0; /* glibc: from the beginning */
    status = options_parse(o, argc, argv);
    CHECK(status == -1 || status == STATUS_DONE || status == STATUS_USAGE);
    CHECK((status == STATUS_USAGE) == (complaints == 1) && complaints <= 1);
    if (status == -1)
        check_parsed(o);
    free(text);
    free(o);
    return 0;
}
