/* SPDX-License-Identifier: MIT
 *
 * Options become a configuration. A password is read from a file that nobody else can read, from
 * a descriptor or from the terminal; never from the command line or the environment.
 */
#include "configure.h"

#include "prompt.h"
#include "report.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char password[1024];

/* nns_password_fn */
static int give_password(void *arg, char *buf, size_t size)
{
    size_t length = strlen(password);

    (void)arg;
    if (length >= size)
        return NNS_ERR_ARGUMENT;
    memcpy(buf, password, length + 1);
    return (int)length;
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
    if (n < 0)
        return report_usage("%s: %s", what, strerror(errno));
    password[used] = '\0';
    if (strlen(password) != used)
        return report_usage("%s: it holds a NUL byte", what);
    password[strcspn(password, "\r\n")] = '\0';
    if (password[0] == '\0')
        return report_usage("%s: its first line is empty", what);
    return used < sizeof(password) - 1 ? -1 : report_usage("%s: it is too long", what);
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

static int get_password(const struct options *o)
{
    if (o->password_file != NULL)
        return read_password_file(o->password_file);
    if (o->password_fd >= 0)
        return read_password(o->password_fd, "--password-fd");
    return o->user != NULL ? prompt_password(o->user, password, sizeof(password)) : -1;
}

static int set_times(nns_config *cfg, const struct options *o)
{
    int handshake = o->command == COMMAND_LISTEN ? NNS_LIMIT_SERVER_HANDSHAKE_MS
                                                 : NNS_LIMIT_CLIENT_HANDSHAKE_MS;
    int rc = NNS_OK;

    if (o->connect_ms >= 0)
        rc = nns_config_set_limit(cfg, NNS_LIMIT_CONNECT_MS, o->connect_ms);
    if (rc == NNS_OK && o->handshake_ms >= 0)
        rc = nns_config_set_limit(cfg, handshake, o->handshake_ms);
    if (rc == NNS_OK && o->idle_ms >= 0)
        rc = nns_config_set_limit(cfg, NNS_LIMIT_IDLE_MS, o->idle_ms);
    return rc;
}

static int set_counts(nns_config *cfg, const struct options *o)
{
    const struct {
        int32_t limit;
        int value;
    } rows[] = {{NNS_LIMIT_CONNECTIONS, o->max_connections},
                {NNS_LIMIT_HANDSHAKES, o->max_handshakes},
                {NNS_LIMIT_HANDSHAKES_PER_SOURCE, o->max_handshakes_per_source}};
    int rc = NNS_OK;

    for (size_t i = 0; rc == NNS_OK && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value >= 0)
            rc = nns_config_set_limit(cfg, rows[i].limit, rows[i].value);
    }
    return rc;
}

static int set_policy(nns_config *cfg, const struct options *o)
{
    int rc = NNS_OK;

    if (o->protection == NNS_PROTECT_NONE)
        rc = nns_config_insecure_allow_unprotected(cfg);
    if (rc == NNS_OK)
        rc = nns_config_set_protection(cfg, o->protection);
    if (rc == NNS_OK)
        rc = nns_config_set_impersonation(cfg, o->impersonation);
    for (int i = 0; rc == NNS_OK && i < o->allow_count; i++)
        rc = nns_config_allow_peer(cfg, o->allow[i]);
    if (rc == NNS_OK && o->allow_all)
        rc = nns_config_allow_any_peer(cfg);
    return rc;
}

static int set_credentials(nns_config *cfg, const struct options *o)
{
    int rc = nns_config_set_ccache(cfg, o->ccache);

    if (rc == NNS_OK)
        rc = nns_config_set_client_keytab(cfg, o->client_keytab);
    if (rc == NNS_OK)
        rc = nns_config_set_keytab(cfg, o->keytab);
    if (rc == NNS_OK)
        rc = nns_config_set_acceptor(cfg, o->service);
    if (rc == NNS_OK && o->user != NULL)
        rc = nns_config_set_user(cfg, o->user, give_password, NULL);
    return rc;
}

int configure(nns_config **ret, const struct options *o)
{
    nns_config *cfg;
    int status = get_password(o), rc;

    if (status < 0 && o->trace != NULL)
        status = trace_open(o->trace, o->trace_secrets);
    if (status >= 0)
        return status;
    rc = nns_config_new(&cfg, NULL);
    if (rc != NNS_OK)
        return report_result("configuration", rc);
    rc = set_policy(cfg, o);
    if (rc == NNS_OK)
        rc = set_times(cfg, o);
    if (rc == NNS_OK)
        rc = set_counts(cfg, o);
    if (rc == NNS_OK)
        rc = set_credentials(cfg, o);
    if (rc == NNS_OK)
        rc = trace_attach(cfg);
    if (rc == NNS_OK) {
        *ret = cfg;
        return -1;
    }
    status = report_usage("%s", nns_config_message(cfg));
    nns_config_unref(cfg);
    return status;
}

void configure_end(nns_config *cfg)
{
    nns_config_unref(cfg);
    explicit_bzero(password, sizeof(password));
}
