/* SPDX-License-Identifier: MIT */
#include "pvguest/lwip/start.h"
#include "lwip/tcpip.h"
#include "pvguest/sync.h"

static void is_up(void *arg)
{
    semaphore_up(arg);
}

void lwip_start(void)
{
    static struct mutex lock = MUTEX_INITIALIZER(lock);
    static bool started;

    mutex_lock(&lock);
    if (!started) {
        struct semaphore up = SEMAPHORE_INITIALIZER(up, 0);

        tcpip_init(is_up, &up);
        semaphore_down(&up);
        started = true;
    }
    mutex_unlock(&lock);
}
