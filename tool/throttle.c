/* SPDX-License-Identifier: MIT
 *
 * A table of the sources that were heard of last.
 */
#include "throttle.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SOURCES 64

static struct entry {
    char source[64];
    time_t period; /* when it began; 0: the entry is free */
    time_t seen;
    int lines; /* written in this period */
    unsigned left_out;
} table[SOURCES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static time_t seconds(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1; /* never 0 */
}

/* The entry of a source, perhaps a new one in place of the quietest. */
static struct entry *find(const char *source)
{
    struct entry *quietest = &table[0];

    for (size_t i = 0; i < SOURCES; i++) {
        if (table[i].period != 0 && strcmp(table[i].source, source) == 0)
            return &table[i];
        if (table[i].seen < quietest->seen)
            quietest = &table[i];
    }
    *quietest = (struct entry){0};
    (void)snprintf(quietest->source, sizeof(quietest->source), "%s", source);
    return quietest;
}

static bool count_line(struct entry *e, time_t now, unsigned *left_out)
{
    e->seen = now;
    if (e->period == 0 || now - e->period >= THROTTLE_PERIOD) {
        e->period = now;
        e->lines = 0;
    }
    if (e->lines == THROTTLE_LINES) {
        e->left_out++;
        return false;
    }
    e->lines++;
    *left_out = e->left_out;
    e->left_out = 0;
    return true;
}

bool throttle_allows(const char *source, unsigned *left_out)
{
    bool allowed;

    (void)pthread_mutex_lock(&lock);
    allowed = count_line(find(source), seconds(), left_out);
    (void)pthread_mutex_unlock(&lock);
    return allowed;
}
