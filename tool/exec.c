/* SPDX-License-Identifier: MIT
 *
 * Running a command. posix_spawn() and not fork(): there are other threads.
 */
#include "exec.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- its environment ---- */

struct variable {
    const char *name;
    const char *value; /* NULL: it must not be there */
};

static char *format_variable(const struct variable *v)
{
    char *text;

    return asprintf(&text, "%s=%s", v->name, v->value) >= 0 ? text : NULL;
}

static bool names(const char *entry, const struct variable *v)
{
    size_t length = strlen(v->name);

    return strncmp(entry, v->name, length) == 0 && entry[length] == '=';
}

static bool is_ours(const char *entry, const struct variable *ours, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names(entry, &ours[i]))
            return true;
    }
    return false;
}

/* Our variables, which come first and were allocated, then the rest of our own environment, which
 * is borrowed. */
struct environment {
    char **list;
    size_t own;
};

static void environment_free(struct environment *env)
{
    for (size_t i = 0; i < env->own; i++)
        free(env->list[i]);
    free(env->list);
}

static int environment_make(struct environment *env, const struct variable *ours, size_t count)
{
    size_t at = 0, have = 0;

    while (environ[have] != NULL)
        have++;
    *env = (struct environment){.list = calloc(have + count + 1, sizeof(char *))};
    if (env->list == NULL)
        return ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (ours[i].value == NULL)
            continue;
        env->list[at] = format_variable(&ours[i]);
        if (env->list[at] == NULL) {
            environment_free(env);
            return ENOMEM;
        }
        env->own = ++at;
    }
    for (size_t i = 0; i < have; i++) {
        if (!is_ours(environ[i], ours, count))
            env->list[at++] = environ[i];
    }
    return 0;
}

/* ---- starting it ---- */

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t all, none;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
}

static int set_files(posix_spawn_file_actions_t *files, int in, int out)
{
    int error = posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO);

    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    return error;
}

static int spawn(pid_t *pid, const char *command, char **env, int in, int out)
{
    char shell[] = "sh", option[] = "-c", end[] = "--", *text = strdup(command);
    char *argv[] = {shell, option, end, text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int error = ENOMEM;

    if (text != NULL && posix_spawnattr_init(&attr) == 0) {
        if (posix_spawn_file_actions_init(&files) == 0) {
            error = set_files(&files, in, out);
            if (error == 0)
                error = set_attributes(&attr);
            if (error == 0)
                error = posix_spawn(pid, "/bin/sh", &files, &attr, argv, env);
            (void)posix_spawn_file_actions_destroy(&files);
        }
        (void)posix_spawnattr_destroy(&attr);
    }
    free(text);
    return error;
}

/* With pipes to it and from it. */
static int start(struct child *ret, const char *command, char **env)
{
    int to[2], from[2], error;

    if (pipe2(to, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(from, O_CLOEXEC) != 0) {
        error = errno;
        (void)close(to[0]);
        (void)close(to[1]);
        return error;
    }
    error = spawn(&ret->pid, command, env, to[0], from[1]);
    (void)close(to[0]);
    (void)close(from[1]);
    ret->to = to[1];
    ret->from = from[0];
    if (error == 0)
        return 0;
    (void)close(to[1]);
    (void)close(from[0]);
    return error;
}

int exec_start(struct child *ret, const struct options *o, const struct exec_facts *facts,
               const char *ccache)
{
    const nns_engine *e = facts->engine;
    const struct variable ours[] = {
        {"NNS_PEER_NAME", nns_engine_peer_name(e)},
        {"NNS_PEER_ADDRESS", facts->peer},
        {"NNS_MECHANISM", nns_engine_mechanism(e)},
        {"NNS_PROTECTION", nns_protection_name(nns_engine_protection(e))},
        {"NNS_NETTCP_MODE", facts->nettcp_mode},
        {"KRB5CCNAME", ccache}, /* the last: without --accept-delegation it stays as it is */
    };
    size_t count = sizeof(ours) / sizeof(ours[0]) - (o->accept_delegation ? 0 : 1);
    struct environment env;
    int error = environment_make(&env, ours, count);

    if (error != 0)
        return error;
    error = start(ret, o->exec, env.list);
    environment_free(&env);
    return error;
}

/* ---- its end ---- */

void exec_hang_up(const struct child *c)
{
    (void)kill(-c->pid, SIGHUP); /* not reaped yet: the number is still its */
}

int exec_wait(const struct child *c)
{
    int status = 0;

    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}
