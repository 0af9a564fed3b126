/* SPDX-License-Identifier: MIT */
#include "pvguest/sync.h"
#include "pvguest/panic.h"
#include "pvguest/thread.h"
#include "pvguest/xen_errno.h"

void wait_queue_init(struct wait_queue *queue)
{
    TAILQ_INIT(&queue->threads);
}

/* Woken and timed out are told apart by who took the thread off the queue. */
int wait_queue_block(struct wait_queue *queue, uint64_t deadline)
{
    struct thread *thread = thread_current();

    if (deadline != TIME_NEVER && deadline <= time_ns())
        return -XEN_ETIMEDOUT;
    TAILQ_INSERT_TAIL(&queue->threads, thread, wait);
    thread->blocked_on = queue;
    thread_block(deadline);
    if (!thread->blocked_on)
        return 0;
    thread->blocked_on = NULL;
    TAILQ_REMOVE(&queue->threads, thread, wait);
    return -XEN_ETIMEDOUT;
}

/* Takes the first thread off the queue and makes it ready; upcalls masked. One whose timeout has just made it
 * ready, but which has not run since, counts as woken. */
static struct thread *wake_first(struct wait_queue *queue)
{
    struct thread *thread = TAILQ_FIRST(&queue->threads);

    if (!thread)
        return NULL;
    TAILQ_REMOVE(&queue->threads, thread, wait);
    thread->blocked_on = NULL;
    if (thread->state == THREAD_BLOCKED)
        thread_wake(thread);
    return thread;
}

bool wait_queue_wake_one(struct wait_queue *queue)
{
    bool masked = upcalls_disable();
    bool woken = wake_first(queue) != NULL;

    upcalls_restore(masked);
    return woken;
}

void wait_queue_wake_all(struct wait_queue *queue)
{
    bool masked = upcalls_disable();

    while (wake_first(queue))
        continue;
    upcalls_restore(masked);
}

void mutex_init(struct mutex *mutex)
{
    mutex->owner = 0;
    mutex->depth = 0;
    wait_queue_init(&mutex->waiters);
}

/* One instruction, which no upcall divides: true if the owner's word was `from`, and is `to` now. */
static inline bool change_owner(struct mutex *mutex, uintptr_t from, uintptr_t to)
{
    return __atomic_compare_exchange_n(&mutex->owner, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool mutex_trylock(struct mutex *mutex)
{
    return change_owner(mutex, 0, (uintptr_t)this_cpu()->current);
}

int mutex_lock_until(struct mutex *mutex, uint64_t deadline)
{
    bool masked = upcalls_disable();
    int error = 0;

    if (in_event())
        panic("a mutex is locked in event context");
    if (!mutex_trylock(mutex)) {
        if (mutex_is_mine(mutex))
            panic("thread %s locks a mutex that it holds", thread_current()->name);
        mutex->owner |= MUTEX_AWAITED;
        error = wait_queue_block(&mutex->waiters, deadline); /* mutex_unlock() makes us the owner */
    }
    upcalls_restore(masked);
    return error;
}

void mutex_lock(struct mutex *mutex)
{
    if (in_event() || !mutex_trylock(mutex))
        mutex_lock_until(mutex, TIME_NEVER);
}

/* To the longest waiter; those whose patience ended have gone. */
static void hand_over(struct mutex *mutex)
{
    bool masked = upcalls_disable();

    if (!mutex_is_mine(mutex))
        panic("thread %s unlocks a mutex that it does not hold", thread_current()->name);
    mutex->owner = (uintptr_t)wake_first(&mutex->waiters);
    if (!TAILQ_EMPTY(&mutex->waiters.threads))
        mutex->owner |= MUTEX_AWAITED;
    upcalls_restore(masked);
}

/* Once it is free its memory may be, so nothing is looked at afterwards. */
void mutex_unlock(struct mutex *mutex)
{
    if (!change_owner(mutex, (uintptr_t)this_cpu()->current, 0))
        hand_over(mutex);
}

void mutex_lock_recursive(struct mutex *mutex)
{
    if (!in_event() && mutex_trylock(mutex))
        return;
    if (mutex_is_mine(mutex))
        mutex->depth++;
    else
        mutex_lock_until(mutex, TIME_NEVER);
}

bool mutex_trylock_recursive(struct mutex *mutex)
{
    if (!mutex_is_mine(mutex))
        return mutex_trylock(mutex);
    mutex->depth++;
    return true;
}

void mutex_unlock_recursive(struct mutex *mutex)
{
    if (mutex->depth && mutex_is_mine(mutex))
        mutex->depth--;
    else
        mutex_unlock(mutex);
}

void cond_init(struct cond *cond)
{
    wait_queue_init(&cond->waiters);
}

int cond_wait_until(struct cond *cond, struct mutex *mutex, uint64_t deadline)
{
    bool masked = upcalls_disable();
    int error;

    mutex_unlock(mutex);
    error = wait_queue_block(&cond->waiters, deadline);
    upcalls_restore(masked);
    mutex_lock(mutex);
    return error;
}

void cond_wait(struct cond *cond, struct mutex *mutex)
{
    cond_wait_until(cond, mutex, TIME_NEVER);
}

void cond_signal(struct cond *cond)
{
    wait_queue_wake_one(&cond->waiters);
}

void cond_broadcast(struct cond *cond)
{
    wait_queue_wake_all(&cond->waiters);
}

void semaphore_init(struct semaphore *semaphore, unsigned int count)
{
    semaphore->count = count;
    wait_queue_init(&semaphore->waiters);
}

bool semaphore_trydown(struct semaphore *semaphore)
{
    bool masked = upcalls_disable();
    bool taken = semaphore->count > 0;

    if (taken)
        semaphore->count--;
    upcalls_restore(masked);
    return taken;
}

int semaphore_down_until(struct semaphore *semaphore, uint64_t deadline)
{
    bool masked = upcalls_disable();
    int error = 0;

    if (semaphore->count)
        semaphore->count--;
    else
        error = wait_queue_block(&semaphore->waiters, deadline); /* semaphore_up() gives us its unit */
    upcalls_restore(masked);
    return error;
}

void semaphore_down(struct semaphore *semaphore)
{
    semaphore_down_until(semaphore, TIME_NEVER);
}

void semaphore_up(struct semaphore *semaphore)
{
    bool masked = upcalls_disable();

    if (!wake_first(&semaphore->waiters))
        semaphore->count++;
    upcalls_restore(masked);
}
