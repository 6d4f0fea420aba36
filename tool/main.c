/* SPDX-License-Identifier: MIT
 *
 * nns: NegotiateStream from the command line. This file makes the process safe to hold keys and
 * passwords, and hands over to the subcommand.
 */
#include "configure.h"
#include "connect.h"
#include "decode.h"
#include "listen.h"
#include "options.h"
#include "probe.h"
#include "report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* No core dumps, nobody reads our memory, and SIGPIPE is an error of the write that met it. The
 * sanitizers' leak check has to read it, so a build with them stays readable. */
static void harden(void)
{
    struct rlimit none = {0};

    (void)setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it: no wait() then */
}

/* Descriptors 0 to 2 exist: nothing that is opened later is taken for one of them. */
static void fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    (void)close(fd);
}

static int run(const struct options *o, nns_config *cfg)
{
    switch (o->command) {
    case COMMAND_LISTEN:
    case COMMAND_PROXY:
        return command_listen(o, cfg);
    case COMMAND_PROBE:
        return command_probe(o, cfg);
    case COMMAND_CONNECT:
    case COMMAND_DECODE: /* it has no configuration and is not called through here */
        break;
    }
    return command_connect(o, cfg);
}

int main(int argc, char **argv)
{
    struct options options;
    nns_config *cfg;
    int status;

    if (getauxval(AT_SECURE) != 0)
        return report_usage("refusing to run with somebody else's privileges (setuid)");
    harden();
    fill_standard_descriptors();
    status = options_parse(&options, argc, argv);
    if (status < 0 && options.json)
        report_as_json();
    if (status < 0 && options.command == COMMAND_DECODE)
        return command_decode(&options);
    if (status < 0)
        status = configure(&cfg, &options);
    if (status >= 0)
        return status;
    status = run(&options, cfg);
    configure_end(cfg);
    if (status == STATUS_TIMEOUT) {
        /* A mechanism call may still hang on its thread: do not wait for it. */
        (void)fflush(NULL);
        _exit(status);
    }
    return status;
}
