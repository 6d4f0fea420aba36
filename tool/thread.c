/* SPDX-License-Identifier: MIT
 *
 * Detached threads.
 */
#include "thread.h"

#include <pthread.h>
#include <stddef.h>

#define STACK_SIZE ((size_t)256 << 10)

bool thread_start(void *(*main_of)(void *arg), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&thread, &attr, main_of, arg);
    (void)pthread_attr_destroy(&attr);
    return rc == 0;
}
