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
#include "report.h"

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
}

int main(int argc, char **argv)
{
    struct options options;
    nns_config *cfg;
    int status;

    if (getauxval(AT_SECURE) != 0)
        return report_usage("refusing to run with somebody else's privileges (setuid)");
    harden();
    status = options_parse(&options, argc, argv);
    if (status < 0 && options.command == COMMAND_DECODE)
        return command_decode(&options);
    if (status < 0)
        status = configure(&cfg, &options);
    if (status >= 0)
        return status;
    status = options.command == COMMAND_LISTEN ? command_listen(&options, cfg)
                                               : command_connect(&options, cfg);
    configure_end(cfg);
    if (status == STATUS_TIMEOUT) {
        /* A mechanism call may still hang on its thread: do not wait for it. */
        (void)fflush(NULL);
        _exit(status);
    }
    return status;
}
