/* SPDX-License-Identifier: MIT
 *
 * What is kept is in a list, so that a signal finds it. The signals are taken by a thread and not
 * by a handler: to remove a folder is more than a handler may do.
 */
#include "delegated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEME "FILE:"
#define NAME "/ccache"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct delegated *kept;

/* ---- the folder ---- */

/* An absolute one: the command may go elsewhere. */
static const char *parent(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL && *folder == '/' ? folder : "/tmp";
}

/* 0, or errno. */
static int make_folder(struct delegated *d)
{
    size_t room = sizeof(d->ccache) - sizeof(NAME) + 1;
    int length = snprintf(d->ccache, room, SCHEME "%s/nns-XXXXXX", parent());

    if (length < 0 || (size_t)length >= room)
        return ENAMETOOLONG;
    if (mkdtemp(d->ccache + strlen(SCHEME)) == NULL)
        return errno;
    memcpy(d->ccache + length, NAME, sizeof(NAME));
    return 0;
}

/* The cache, and what the Kerberos library or the command put beside it. */
static void remove_files(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        (void)closedir(dir);
}

static void remove_folder(const struct delegated *d)
{
    char folder[DELEGATED_MOST];

    (void)snprintf(folder, sizeof(folder), "%s", d->ccache + strlen(SCHEME));
    *strrchr(folder, '/') = '\0';
    remove_files(folder);
    (void)rmdir(folder);
}

/* ---- the list ---- */

static void list_remove(const struct delegated *d)
{
    struct delegated **at = &kept;

    while (*at != NULL && *at != d)
        at = &(*at)->next;
    if (*at != NULL)
        *at = d->next;
}

/* Under the lock: a folder is in the list from its first moment on. */
static int list_add(struct delegated *d)
{
    int error = make_folder(d);

    if (error != 0)
        return error;
    d->next = kept;
    kept = d;
    return 0;
}

/* Under the lock for good: whoever would make another folder now waits for our end. */
static void *wait_for_signals(void *arg)
{
    const sigset_t *set = arg;
    int signal_number = SIGTERM;

    (void)sigwait(set, &signal_number);
    (void)pthread_mutex_lock(&lock);
    for (const struct delegated *d = kept; d != NULL; d = d->next)
        remove_folder(d);
    (void)signal(signal_number, SIG_DFL);
    (void)pthread_sigmask(SIG_UNBLOCK, set, NULL);
    (void)raise(signal_number);
    return NULL;
}

/* As nohup(1) has it. While blocked it would come to sigwait() all the same. */
static bool is_ignored(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int delegated_begin(void)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGTERM};
    static sigset_t set;
    pthread_t thread;
    int error;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        if (!is_ignored(ending[i]))
            (void)sigaddset(&set, ending[i]);
    }
    error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error == 0)
        error = pthread_create(&thread, NULL, wait_for_signals, &set);
    if (error == 0)
        (void)pthread_detach(thread);
    return error;
}

/* ---- a client's credentials ---- */

/* The file is written under the lock, so that no signal removes the folder just before. */
static int store(struct delegated *d, nns_engine *e)
{
    int error = list_add(d), rc;

    if (error != 0)
        return error;
    rc = nns_engine_store_delegated(e, d->ccache);
    if (rc == NNS_OK)
        return 0;
    list_remove(d);
    remove_folder(d);
    d->ccache[0] = '\0';
    return rc == NNS_ERR_CREDENTIALS ? 0 : EIO; /* nothing was delegated, or it cannot be kept */
}

int delegated_keep(struct delegated *ret, nns_engine *e)
{
    int error;

    *ret = (struct delegated){.ccache = ""};
    (void)pthread_mutex_lock(&lock);
    error = store(ret, e);
    (void)pthread_mutex_unlock(&lock);
    return error;
}

void delegated_remove(struct delegated *d)
{
    if (d->ccache[0] == '\0')
        return;
    (void)pthread_mutex_lock(&lock);
    list_remove(d);
    remove_folder(d);
    (void)pthread_mutex_unlock(&lock);
    d->ccache[0] = '\0';
}
