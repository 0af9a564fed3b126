/* SPDX-License-Identifier: MIT */
/*
 * POSIX's locks on sync.h. Mutexes and semaphores are the library's own, laid out in the public types; the
 * others are a few words and a wait queue, changed with upcalls masked. What POSIX leaves undefined for a
 * normal mutex (to lock it twice, to unlock another thread's) is a panic that says so.
 */
#include "pvguest/posix/deadline.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

#define SAME(type, member, our_type, our_member) \
    _Static_assert(offsetof(type, member) == offsetof(our_type, our_member), #type " is not " #our_type)

SAME(pthread_mutex_t, owner, struct mutex, owner);
SAME(pthread_mutex_t, depth, struct mutex, depth);
SAME(pthread_mutex_t, waiters, struct mutex, waiters);
SAME(sem_t, count, struct semaphore, count);
SAME(sem_t, waiters, struct semaphore, waiters);
_Static_assert(sizeof(struct pthread_queue) == sizeof(struct wait_queue), "pthread_queue is not wait_queue");

/* The wait queue of an object that may come from a static initialiser. */
static struct wait_queue *queue_of(struct pthread_queue *queue)
{
    bool masked = upcalls_disable();

    if (!queue->last)
        wait_queue_init((struct wait_queue *)queue);
    upcalls_restore(masked);
    return (struct wait_queue *)queue;
}

/* ---- mutexes ---- */

static struct mutex *mutex_of(pthread_mutex_t *mutex)
{
    queue_of(&mutex->waiters);
    return (struct mutex *)mutex;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    *mutex = (pthread_mutex_t){ .type = attr ? attr->type : PTHREAD_MUTEX_DEFAULT };
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    return mutex->owner ? EBUSY : 0;
}

static int lock_until(pthread_mutex_t *mutex, uint64_t deadline)
{
    struct mutex *lock = mutex_of(mutex);

    if (mutex_is_mine(lock)) {
        if (mutex->type == PTHREAD_MUTEX_ERRORCHECK)
            return EDEADLK;
        if (mutex->type == PTHREAD_MUTEX_RECURSIVE) {
            lock->depth++;
            return 0;
        }
    }
    return mutex_lock_until(lock, deadline) ? ETIMEDOUT : 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    return lock_until(mutex, TIME_NEVER);
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *when)
{
    uint64_t deadline;

    return deadline_of(when, CLOCK_REALTIME, &deadline) ? lock_until(mutex, deadline) : EINVAL;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    struct mutex *lock = mutex_of(mutex);

    if (mutex->type == PTHREAD_MUTEX_RECURSIVE)
        return mutex_trylock_recursive(lock) ? 0 : EBUSY;
    return mutex_trylock(lock) ? 0 : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    struct mutex *lock = mutex_of(mutex);

    if (mutex->type != PTHREAD_MUTEX_NORMAL && !mutex_is_mine(lock))
        return EPERM;
    mutex_unlock_recursive(lock);
    return 0;
}

/* ---- condition variables ---- */

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    *cond = (pthread_cond_t){ .monotonic = attr ? attr->monotonic : 0 };
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    return cond->waiters.first ? EBUSY : 0;
}

static int cond_wait_for(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline)
{
    struct cond *condition = (struct cond *)queue_of(&cond->waiters);

    struct mutex *lock = mutex_of(mutex);

    if (!mutex_is_mine(lock))
        return EPERM;
    return cond_wait_until(condition, lock, deadline) ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return cond_wait_for(cond, mutex, TIME_NEVER);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *when)
{
    uint64_t deadline;

    if (!deadline_of(when, cond->monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, &deadline))
        return EINVAL;
    return cond_wait_for(cond, mutex, deadline);
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    wait_queue_wake_one(queue_of(&cond->waiters));
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    wait_queue_wake_all(queue_of(&cond->waiters));
    return 0;
}

/* ---- readers and writers: who waits to write goes before new readers ---- */

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *lock = (pthread_rwlock_t){ .readers = 0 };
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    return lock->writer || lock->readers ? EBUSY : 0;
}

static bool may_read(const pthread_rwlock_t *lock)
{
    return !lock->writer && !lock->waiting_writers;
}

static int read_until(pthread_rwlock_t *lock, uint64_t deadline)
{
    bool masked = upcalls_disable();
    int error = 0;

    if (lock->writer == thread_current())
        error = EDEADLK;
    else if (wait_event_until(queue_of(&lock->waiters), may_read(lock), deadline))
        error = ETIMEDOUT;
    else
        lock->readers++;
    upcalls_restore(masked);
    return error;
}

static int write_until(pthread_rwlock_t *lock, uint64_t deadline)
{
    bool masked = upcalls_disable();
    int error = 0;

    if (lock->writer == thread_current()) {
        upcalls_restore(masked);
        return EDEADLK;
    }
    lock->waiting_writers++;
    if (wait_event_until(queue_of(&lock->waiters), !lock->writer && !lock->readers, deadline))
        error = ETIMEDOUT;
    else
        lock->writer = thread_current();
    lock->waiting_writers--;
    if (error)
        wait_queue_wake_all(queue_of(&lock->waiters)); /* readers who waited for us */
    upcalls_restore(masked);
    return error;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return read_until(lock, TIME_NEVER);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return write_until(lock, TIME_NEVER);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *when)
{
    uint64_t deadline;

    return deadline_of(when, CLOCK_REALTIME, &deadline) ? read_until(lock, deadline) : EINVAL;
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *when)
{
    uint64_t deadline;

    return deadline_of(when, CLOCK_REALTIME, &deadline) ? write_until(lock, deadline) : EINVAL;
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    bool masked = upcalls_disable();
    bool taken = may_read(lock);

    if (taken)
        lock->readers++;
    upcalls_restore(masked);
    return taken ? 0 : EBUSY;
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    bool masked = upcalls_disable();
    bool taken = !lock->writer && !lock->readers;

    if (taken)
        lock->writer = thread_current();
    upcalls_restore(masked);
    return taken ? 0 : EBUSY;
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    bool masked = upcalls_disable();
    int error = 0;

    if (lock->writer == thread_current())
        lock->writer = NULL;
    else if (!lock->writer && lock->readers)
        lock->readers--;
    else
        error = EPERM;
    wait_queue_wake_all(queue_of(&lock->waiters));
    upcalls_restore(masked);
    return error;
}

/* ---- barriers ---- */

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned int threshold)
{
    (void)attr;
    *barrier = (pthread_barrier_t){ .threshold = threshold };
    return threshold ? 0 : EINVAL;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    return barrier->arrived ? EBUSY : 0;
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct wait_queue *waiters = queue_of(&barrier->waiters);
    bool masked = upcalls_disable();
    unsigned int round = barrier->round;
    bool last = ++barrier->arrived == barrier->threshold;

    if (last) {
        barrier->arrived = 0;
        barrier->round++;
        wait_queue_wake_all(waiters);
    } else {
        wait_event(waiters, barrier->round != round);
    }
    upcalls_restore(masked);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

/* ---- spin locks: there is one vCPU for threads, so whoever spins lets the others run ---- */

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    (void)shared;
    lock->held = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    return lock->held ? EBUSY : 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}

int pthread_spin_lock(pthread_spinlock_t *lock)
{
    while (pthread_spin_trylock(lock))
        thread_yield();
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
    return 0;
}

/* ---- semaphores ---- */

static int fail(int error)
{
    errno = error;
    return -1;
}

static struct semaphore *semaphore_of(sem_t *sem)
{
    queue_of(&sem->waiters);
    return (struct semaphore *)sem;
}

int sem_init(sem_t *sem, int shared, unsigned int value)
{
    (void)shared;
    if (value > SEM_VALUE_MAX)
        return fail(EINVAL);
    *sem = (sem_t){ .count = value };
    return 0;
}

int sem_destroy(sem_t *sem)
{
    return sem->waiters.first ? fail(EBUSY) : 0;
}

int sem_wait(sem_t *sem)
{
    semaphore_down(semaphore_of(sem));
    return 0;
}

int sem_trywait(sem_t *sem)
{
    return semaphore_trydown(semaphore_of(sem)) ? 0 : fail(EAGAIN);
}

int sem_timedwait(sem_t *sem, const struct timespec *when)
{
    uint64_t deadline;

    if (!deadline_of(when, CLOCK_REALTIME, &deadline))
        return fail(EINVAL);
    return semaphore_down_until(semaphore_of(sem), deadline) ? fail(ETIMEDOUT) : 0;
}

int sem_post(sem_t *sem)
{
    if (sem->count >= SEM_VALUE_MAX)
        return fail(EOVERFLOW);
    semaphore_up(semaphore_of(sem));
    return 0;
}

int sem_getvalue(sem_t *sem, int *value)
{
    *value = (int)sem->count;
    return 0;
}
