/* SPDX-License-Identifier: MIT
 *
 * The prompt. While the echo is off the signals that would end or stop the command are blocked and
 * waited for beside the terminal. When one comes, it stays pending until the terminal is as before,
 * and then does what it does.
 */
#include "prompt.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum answer {
    ANSWER_LINE,
    ANSWER_SIGNAL, /* one is pending */
    ANSWER_ERROR   /* errno */
};

static void fill(sigset_t *set)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaddset(set, signals[i]);
}

/* Waits for a line, which a terminal gives whole, or for a signal. */
static enum answer wait_for_line(int tty, const sigset_t *set)
{
    int signals = signalfd(-1, set, SFD_CLOEXEC), n;
    struct pollfd fds[2] = {{.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

    if (signals < 0)
        return ANSWER_ERROR;
    do
        n = poll(fds, 2, -1);
    while (n < 0 && errno == EINTR);
    (void)close(signals); /* unread: the signal stays pending */
    if (n < 0)
        return ANSWER_ERROR;
    return fds[1].revents != 0 ? ANSWER_SIGNAL : ANSWER_LINE;
}

static enum answer read_line(int tty, const sigset_t *set, char *buf, size_t size)
{
    enum answer answer = wait_for_line(tty, set);
    ssize_t n;

    if (answer != ANSWER_LINE)
        return answer;
    n = read(tty, buf, size - 1);
    if (n < 0)
        return ANSWER_ERROR;
    buf[n] = '\0';
    return ANSWER_LINE;
}

/* Asks once, with the echo off and the signals blocked in between. */
static enum answer ask(int tty, const char *question, char *buf, size_t size)
{
    struct termios before, silent;
    sigset_t set, mask;
    enum answer answer;
    int error;

    if (tcgetattr(tty, &before) != 0)
        return ANSWER_ERROR;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    fill(&set);
    (void)sigprocmask(SIG_BLOCK, &set, &mask);
    (void)tcsetattr(tty, TCSAFLUSH, &silent);
    (void)!write(tty, question, strlen(question));
    answer = read_line(tty, &set, buf, size);
    error = errno;
    (void)!write(tty, "\n", 1);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL); /* here a signal takes its effect */
    errno = error;
    return answer;
}

/* The line without its end. */
static int check_line(char *buf, size_t size)
{
    size_t length = strcspn(buf, "\n");
    bool whole = buf[length] == '\n';

    if (length == 0)
        return report_usage("--user: no password was typed");
    if (!whole && length == size - 1)
        return report_usage("--user: the password is too long");
    buf[length] = '\0';
    return -1;
}

int prompt_password(const char *user, char *buf, size_t size)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    char question[256];
    enum answer answer;
    int error;

    if (tty < 0)
        return report_usage("--user: there is no terminal to ask for the password on: give "
                            "--password-file or --password-fd");
    (void)snprintf(question, sizeof(question), "Password for %s: ", user);
    do /* after a stop: again */
        answer = ask(tty, question, buf, size);
    while (answer == ANSWER_SIGNAL);
    error = errno;
    (void)close(tty);
    if (answer == ANSWER_ERROR)
        return report_usage("--user: the terminal: %s", strerror(error));
    return check_line(buf, size);
}
