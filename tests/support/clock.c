/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: the program's clock of the day is off by NNS_CLOCK_OFF seconds; the monotonic
 * clock, by which deadlines go, is not. It leaves nothing behind, however the program ends.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t seconds_off(void)
{
    const char *text = getenv("NNS_CLOCK_OFF");

    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* The names of the parameters are the system headers'. */
int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    int rc = (int)syscall(SYS_clock_gettime, clock_id, tp);

    if (rc == 0 && (clock_id == CLOCK_REALTIME || clock_id == CLOCK_REALTIME_COARSE))
        tp->tv_sec += seconds_off();
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);

    (void)tz;
    if (rc == 0)
        *tv = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *timer)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (timer != NULL)
        *timer = now.tv_sec;
    return now.tv_sec;
}
