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

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);

    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += seconds_off();
    return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    int rc = clock_gettime(CLOCK_REALTIME, &precise);

    (void)zone;
    if (rc == 0)
        *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret != NULL)
        *ret = now.tv_sec;
    return now.tv_sec;
}
