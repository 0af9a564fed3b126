/* SPDX-License-Identifier: MIT */
/*
 * What lwIP wants from an operating system (lwip/sys.h), on the guest library's threads and locks. Posting to
 * a mailbox by sys_mbox_trypost_fromisr() works in event handlers; everything else is for threads.
 */
#include "lwip/sys.h"
#include "lwip/err.h"
#include "pvguest/cpu.h"
#include "pvguest/lwip/port.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <stdlib.h>

int getentropy(void *buf, size_t length);

struct lwip_mutex {
    struct mutex mutex;
};

struct lwip_mbox {
    struct wait_queue not_empty, not_full;
    unsigned int size, count, first;
    void *messages[];
};

/* lwIP counts timeouts in milliseconds, 0 for none. */
static uint64_t deadline_of(u32_t timeout)
{
    return timeout ? time_ns() + timeout * NSEC_PER_MSEC : TIME_NEVER;
}

void sys_init(void)
{
}

u32_t sys_now(void)
{
    return (u32_t)(time_ns() / NSEC_PER_MSEC);
}

u32_t sys_jiffies(void)
{
    return sys_now();
}

int (*lwip_port_ip4_input)(struct pbuf *pbuf, struct netif *input);

uint32_t lwip_port_random(void)
{
    uint32_t value;

    getentropy(&value, sizeof(value));
    return value;
}

sys_prot_t sys_arch_protect(void)
{
    return upcalls_disable();
}

void sys_arch_unprotect(sys_prot_t masked)
{
    upcalls_restore(masked);
}

sys_thread_t sys_thread_new(const char *name, lwip_thread_fn fn, void *arg, int stack_size, int priority)
{
    struct thread *thread = thread_create(name, fn, arg, (size_t)stack_size);

    (void)priority;
    if (thread)
        thread_detach(thread);
    return (sys_thread_t)thread;
}

err_t sys_sem_new(sys_sem_t *sem, u8_t count)
{
    *sem = malloc(sizeof(**sem));
    if (!*sem)
        return ERR_MEM;
    semaphore_init(*sem, count);
    return ERR_OK;
}

void sys_sem_free(sys_sem_t *sem)
{
    free(*sem);
}

void sys_sem_signal(sys_sem_t *sem)
{
    semaphore_up(*sem);
}

u32_t sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout)
{
    return semaphore_down_until(*sem, deadline_of(timeout)) ? SYS_ARCH_TIMEOUT : 0;
}

sys_sem_t *lwip_port_thread_semaphore(void)
{
    return &thread_current()->signal;
}

err_t sys_mutex_new(sys_mutex_t *mutex)
{
    *mutex = malloc(sizeof(**mutex));
    if (!*mutex)
        return ERR_MEM;
    mutex_init(&(*mutex)->mutex);
    return ERR_OK;
}

void sys_mutex_free(sys_mutex_t *mutex)
{
    free(*mutex);
}

void sys_mutex_lock(sys_mutex_t *mutex)
{
    mutex_lock(&(*mutex)->mutex);
}

void sys_mutex_unlock(sys_mutex_t *mutex)
{
    mutex_unlock(&(*mutex)->mutex);
}

err_t sys_mbox_new(sys_mbox_t *mbox, int size)
{
    unsigned int slots = size > 0 ? (unsigned int)size : 16;

    *mbox = calloc(1, sizeof(**mbox) + slots * sizeof(void *));
    if (!*mbox)
        return ERR_MEM;
    (*mbox)->size = slots;
    wait_queue_init(&(*mbox)->not_empty);
    wait_queue_init(&(*mbox)->not_full);
    return ERR_OK;
}

void sys_mbox_free(sys_mbox_t *mbox)
{
    free(*mbox);
}

/* Upcalls masked. */
static bool put(struct lwip_mbox *mbox, void *message)
{
    if (mbox->count == mbox->size)
        return false;
    mbox->messages[(mbox->first + mbox->count++) % mbox->size] = message;
    wait_queue_wake_one(&mbox->not_empty);
    return true;
}

/* Upcalls masked; there is a message. */
static void *take(struct lwip_mbox *mbox)
{
    void *message = mbox->messages[mbox->first];

    mbox->first = (mbox->first + 1) % mbox->size;
    mbox->count--;
    wait_queue_wake_one(&mbox->not_full);
    return message;
}

void sys_mbox_post(sys_mbox_t *mbox, void *message)
{
    bool masked = upcalls_disable();

    while (!put(*mbox, message))
        wait_queue_block(&(*mbox)->not_full, TIME_NEVER);
    upcalls_restore(masked);
}

err_t sys_mbox_trypost(sys_mbox_t *mbox, void *message)
{
    bool masked = upcalls_disable();
    bool done = put(*mbox, message);

    upcalls_restore(masked);
    return done ? ERR_OK : ERR_MEM;
}

err_t sys_mbox_trypost_fromisr(sys_mbox_t *mbox, void *message)
{
    return sys_mbox_trypost(mbox, message);
}

u32_t sys_arch_mbox_fetch(sys_mbox_t *mbox, void **message, u32_t timeout)
{
    uint64_t deadline = deadline_of(timeout);
    bool masked = upcalls_disable();
    void *taken = NULL;
    u32_t result = 0;

    while (!(*mbox)->count && !result)
        if (wait_queue_block(&(*mbox)->not_empty, deadline))
            result = SYS_ARCH_TIMEOUT;
    if ((*mbox)->count) {
        taken = take(*mbox);
        result = 0;
    }
    upcalls_restore(masked);
    if (message)
        *message = taken;
    return result;
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **message)
{
    bool masked = upcalls_disable();
    u32_t result = SYS_MBOX_EMPTY;
    void *taken = NULL;

    if ((*mbox)->count) {
        taken = take(*mbox);
        result = 0;
    }
    upcalls_restore(masked);
    if (message)
        *message = taken;
    return result;
}
