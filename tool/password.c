/* SPDX-License-Identifier: MIT
 *
 * The password of --user.
 */
#include "password.h"

#include "prompt.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char password[1024];

int password_give(void *arg, char *buf, size_t size)
{
    size_t length = strlen(password);

    (void)arg;
    if (length == 0 || length >= size)
        return NNS_ERR_CREDENTIALS;
    memcpy(buf, password, length + 1);
    password_wipe();
    return (int)length;
}

void password_wipe(void)
{
    explicit_bzero(password, sizeof(password));
}

/* What was read, cut to its first line. */
static int take_line(size_t used, const char *what)
{
    char *end = memchr(password, '\n', used);
    size_t length = end != NULL ? (size_t)(end - password) : used;

    if (end == NULL && used == sizeof(password) - 1)
        return report_usage("%s: its first line is too long", what);
    if (length > 0 && password[length - 1] == '\r')
        length--;
    explicit_bzero(password + length, sizeof(password) - length);
    if (length == 0)
        return report_usage("%s: its first line is empty", what);
    return strlen(password) == length ? -1 : report_usage("%s: it holds a NUL byte", what);
}

/* The first line of fd becomes the password. */
static int read_password(int fd, const char *what)
{
    size_t used = 0;
    ssize_t n = 0;

    while (used < sizeof(password) - 1 && memchr(password, '\n', used) == NULL) {
        n = read(fd, password + used, sizeof(password) - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    return n < 0 ? report_usage("%s: %s", what, strerror(errno)) : take_line(used, what);
}

/* Only a regular file of the user's (or root's) that nobody else can read is taken. */
static int check_private(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return report_usage("--password-file: %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return report_usage("--password-file: %s: it is not a file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return report_usage("--password-file: %s: it belongs to somebody else", path);
    if ((st.st_mode & 077) != 0)
        return report_usage("--password-file: %s: others can read it: chmod 600", path);
    return -1;
}

static int read_password_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), status;

    if (fd < 0)
        return report_usage("--password-file: %s: %s", path, strerror(errno));
    status = check_private(fd, path);
    if (status < 0)
        status = read_password(fd, "--password-file");
    (void)close(fd);
    return status;
}

int password_get(const struct options *o)
{
    if (o->password_file != NULL)
        return read_password_file(o->password_file);
    if (o->password_fd >= 0)
        return read_password(o->password_fd, "--password-fd");
    return o->user != NULL ? prompt_password(o->user, password, sizeof(password)) : -1;
}
