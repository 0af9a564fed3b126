/* SPDX-License-Identifier: MIT */
/*
 * Blocking between threads, and from event handlers to threads. Deadlines are of time_ns(), TIME_NEVER for
 * none; the
 * *_until forms return 0, or -XEN_ETIMEDOUT when the deadline passed first. Waking functions may be called in
 * any context on vCPU 0, blocking ones in threads only.
 */
#ifndef PVGUEST_SYNC_H
#define PVGUEST_SYNC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "pvguest/cpu.h"
#include "pvguest/time.h"

struct thread;

/* ---- wait queues: the base of the others ---- */

struct wait_queue {
    TAILQ_HEAD(wait_queue_head, thread) threads;
};

/* Makes a wait queue of its declaration. */
#define WAIT_QUEUE_INITIALIZER(name)           \
    {                                          \
        TAILQ_HEAD_INITIALIZER((name).threads) \
    }

/* The same at run time. */
void wait_queue_init(struct wait_queue *queue);

/* Blocks until woken or the deadline. Called and returns with upcalls masked, so that the caller's check of
 * its condition and the blocking are one step. */
int wait_queue_block(struct wait_queue *queue, uint64_t deadline);

/* Wakes the thread that waits longest; false if none does. */
bool wait_queue_wake_one(struct wait_queue *queue);
void wait_queue_wake_all(struct wait_queue *queue);

/* Waits until the expression is true; it is evaluated with upcalls masked. Whoever makes it true wakes the
 * queue. The value is 0, or -XEN_ETIMEDOUT with the expression still false. */
#define wait_event_until(queue, expression, deadline)            \
    ({                                                           \
        bool wait_masked_ = upcalls_disable();                   \
        int wait_error_ = 0;                                     \
        while (!(expression) && !wait_error_)                    \
            wait_error_ = wait_queue_block((queue), (deadline)); \
        if (wait_error_ && (expression))                         \
            wait_error_ = 0;                                     \
        upcalls_restore(wait_masked_);                           \
        wait_error_;                                             \
    })
#define wait_event(queue, expression) ((void)wait_event_until(queue, expression, TIME_NEVER))

/* ---- mutexes: owned by a thread, handed to the longest waiter ---- */

#define MUTEX_AWAITED 1UL /* in owner: threads may be waiting */

struct mutex {
    uintptr_t owner;    /* struct thread *, and a flag; 0: free */
    unsigned int depth; /* of a recursive owner, counted from 0 */
    struct wait_queue waiters;
};

/* Makes a mutex of its declaration. */
#define MUTEX_INITIALIZER(name)                      \
    {                                                \
        0, 0, WAIT_QUEUE_INITIALIZER((name).waiters) \
    }

/* The same at run time. */
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
int mutex_lock_until(struct mutex *mutex, uint64_t deadline);
void mutex_unlock(struct mutex *mutex);
/* The owner may lock again, and unlocks as often. */
void mutex_lock_recursive(struct mutex *mutex);
bool mutex_trylock_recursive(struct mutex *mutex);
void mutex_unlock_recursive(struct mutex *mutex);

/* Whether the calling thread has locked it. */
static inline bool mutex_is_mine(const struct mutex *mutex)
{
    return (mutex->owner & ~MUTEX_AWAITED) == (uintptr_t)this_cpu()->current;
}

/* ---- condition variables ---- */

struct cond {
    struct wait_queue waiters;
};

/* Makes a condition variable of its declaration. */
#define COND_INITIALIZER(name)                 \
    {                                          \
        WAIT_QUEUE_INITIALIZER((name).waiters) \
    }

/* The same at run time. */
void cond_init(struct cond *cond);
/* Releases the mutex while it waits. */
void cond_wait(struct cond *cond, struct mutex *mutex);
int cond_wait_until(struct cond *cond, struct mutex *mutex, uint64_t deadline);
void cond_signal(struct cond *cond);
void cond_broadcast(struct cond *cond);

/* ---- counting semaphores ---- */

struct semaphore {
    unsigned int count;
    struct wait_queue waiters;
};

/* Makes a semaphore of its declaration. */
#define SEMAPHORE_INITIALIZER(name, n)              \
    {                                               \
        (n), WAIT_QUEUE_INITIALIZER((name).waiters) \
    }

/* The same at run time. */
void semaphore_init(struct semaphore *semaphore, unsigned int count);
void semaphore_down(struct semaphore *semaphore);
bool semaphore_trydown(struct semaphore *semaphore);
int semaphore_down_until(struct semaphore *semaphore, uint64_t deadline);
void semaphore_up(struct semaphore *semaphore);

#endif
