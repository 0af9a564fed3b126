/* SPDX-License-Identifier: MIT */
/*
 * Threads, all on vCPU 0, preempted after a slice of 2 ms when others are ready. Each has a stack between
 * unmapped guard pages, its own C library state (errno, strtok...) and x87/SSE state; AVX state is not kept.
 * Critical sections against event handlers and other threads are upcalls_disable() ... upcalls_restore()
 * (short!), or the locks of sync.h.
 */
#ifndef PVGUEST_THREAD_H
#define PVGUEST_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "pvguest/sync.h"
#include "pvguest/timer_heap.h"

struct _reent;

#define THREAD_STACK_DEFAULT 65536

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_EXITED };

/* Read-only outside thread.c and sync.c. */
struct thread {
    const char *name;
    enum thread_state state;
    bool detached;
    bool timed_out;
    unsigned long sp; /* while not running */
    void (*fn)(void *arg);
    void *arg;
    TAILQ_ENTRY(thread) queue; /* in the ready queue */
    TAILQ_ENTRY(thread) wait;  /* in the wait queue blocked_on */
    struct wait_queue *blocked_on;
    struct timer timeout;
    struct thread *joiner;
    uint64_t runtime; /* on the CPU, up to its last switch, in rdtsc() ticks */
    uint64_t switched_in;
    void *stack;
    size_t stack_size;
    struct _reent *reent;
    TAILQ_ENTRY(thread) all;
    /* For a layer above that has the thread wait for one of several things; at 0 while it does not.
     * `signal` is its address. */
    struct semaphore signal_count, *signal;
    /* A layer above keeps its data of the thread here, and may free them when the thread ends: on_end runs
     * in the thread, as its last function. */
    void *local;
    void (*on_end)(struct thread *thread);
};

/* A new thread that runs fn(arg), ready at once; stack_size in bytes, 0 for the default. The name is not
 * copied. It ends when fn returns and is then to be joined, unless detached. NULL: no memory. Threads only.
 */
struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg, size_t stack_size);

/* Waits for the thread's end and frees it. Once per thread. */
void thread_join(struct thread *thread);

/* The thread frees itself when it ends; the pointer is not to be used any more. */
void thread_detach(struct thread *thread);

/* Ends the calling thread. */
void thread_exit(void) __attribute__((noreturn));

struct thread *thread_current(void);

/* Lets other ready threads run. */
void thread_yield(void);

/* Blocks for that many nanoseconds, or until that time_ns(). */
void thread_sleep(uint64_t ns);
void thread_sleep_until(uint64_t deadline);

/* Calls fn for every thread, with upcalls masked. */
void thread_for_each(void (*fn)(const struct thread *thread, void *arg), void *arg);

/* ---- for event handling and sync.c ---- */

/* Blocks the current thread until thread_wake() or the deadline (TIME_NEVER: none). Called and returns with
 * upcalls masked. Returns false when it timed out. */
bool thread_block(uint64_t deadline);

/* Makes a blocked thread ready. Upcalls masked. */
void thread_wake(struct thread *thread);

/* At the end of an upcall: switches to another thread if the running one's slice is over. */
void thread_preempt(void);

/* Start of day: turns the boot context into the idle thread and runs main_fn as the first thread. */
void thread_init(void (*main_fn)(void *arg), void *arg) __attribute__((noreturn));

#endif
