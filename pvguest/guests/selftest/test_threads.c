/* SPDX-License-Identifier: MIT */
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"
#include "pvguest/guests/selftest/selftest.h"
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int counter;

static void add(void *arg)
{
    for (int i = 0; i < 10; i++) {
        int seen = counter;

        thread_yield();
        counter = seen + 1;
    }
    *(int *)arg = 1;
}

static void count_up(void *arg)
{
    (void)arg;
    counter++;
}

void test_threads(void)
{
    struct thread *threads[20];
    int done[20] = { 0 };
    size_t before;

    for (int i = 0; i < 20; i++) {
        threads[i] = thread_create("adder", add, &done[i], 8192);
        check(threads[i]);
    }
    for (int i = 0; i < 20; i++) {
        thread_join(threads[i]);
        check(done[i]);
    }
    before = memory_free_pages();
    counter = 0;
    for (int i = 0; i < 300; i++) {
        struct thread *thread = thread_create("brief", count_up, NULL, 0);

        check(thread);
        thread_detach(thread);
        thread_yield();
    }
    check(counter == 300);
    check(before - memory_free_pages() < 64);
}

static volatile bool stop;
static volatile uint64_t spins[2];

static void spin(void *arg)
{
    while (!stop)
        spins[*(int *)arg]++;
}

/* Two threads that never give the CPU away, and a third that sleeps: all three advance. */
void test_preemption(void)
{
    uint64_t end = time_ns() + PATIENCE;
    int ids[2] = { 0, 1 };
    struct thread *a, *b;

    stop = false;
    spins[0] = spins[1] = 0;
    a = thread_create("spin-a", spin, &ids[0], 0);
    b = thread_create("spin-b", spin, &ids[1], 0);
    check(a && b);
    do
        thread_sleep(10 * NSEC_PER_MSEC);
    while ((!spins[0] || !spins[1]) && time_ns() < end);
    stop = true;
    thread_join(a);
    thread_join(b);
    check(spins[0] > 0 && spins[1] > 0);
}

/* Sums in registers that only survive a preemption if the whole x87/SSE state does. */
static void sum(void *arg)
{
    double *result = arg;
    double total = 0, step = *result;
    uint64_t end = time_ns() + 100 * NSEC_PER_MSEC;
    uint64_t n = 0;

    while (time_ns() < end) {
        double partial = 0;

        for (int i = 0; i < 1000; i++) {
            partial += step;
            __asm__ __volatile__("" : "+x"(partial), "+x"(step));
        }
        total += partial;
        n += 1000;
    }
    *result = total == step * (double)n ? 1 : -1;
}

void test_fpu(void)
{
    double values[3] = { 1, 3, 0.5 };
    struct thread *threads[3];

    for (int i = 0; i < 3; i++) {
        threads[i] = thread_create("sum", sum, &values[i], 0);
        check(threads[i]);
    }
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    for (int i = 0; i < 3; i++)
        check(values[i] == 1);
}

static struct mutex mutex = MUTEX_INITIALIZER(mutex);
static int shared;

static void locked_adds(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        int seen;

        mutex_lock(&mutex);
        seen = shared;
        if (i % 10 == 0)
            thread_yield();
        shared = seen + 1;
        mutex_unlock(&mutex);
    }
}

/* Gives up before it has the lock. */
static void lock_in_vain(void *arg)
{
    *(int *)arg = mutex_lock_until(&mutex, time_ns() + NSEC_PER_MSEC);
}

/* One that nobody awaits any more is free when it is unlocked. */
void test_mutex_timeout(void)
{
    struct thread *thread;
    int error = 0;

    mutex_lock(&mutex);
    thread = thread_create("impatient", lock_in_vain, &error, 0);
    check(thread);
    thread_join(thread);
    check(error == -XEN_ETIMEDOUT);
    check(mutex_is_mine(&mutex));
    mutex_unlock(&mutex);
    check(!mutex_is_mine(&mutex));
    check(mutex_trylock(&mutex));
    mutex_unlock(&mutex);
}

void test_mutex(void)
{
    struct thread *threads[5];

    shared = 0;
    for (int i = 0; i < 5; i++)
        threads[i] = thread_create("locker", locked_adds, NULL, 0);
    for (int i = 0; i < 5; i++)
        thread_join(threads[i]);
    check(shared == 1000);
    check(mutex_trylock(&mutex));
    check(!mutex_trylock(&mutex));
    mutex_lock_recursive(&mutex);
    mutex_unlock_recursive(&mutex);
    check(!mutex_trylock(&mutex));
    mutex_unlock(&mutex);
    check(mutex_trylock(&mutex));
    mutex_unlock(&mutex);
}

static void allocate(void *arg)
{
    *(void **)arg = malloc(10);
}

/* While one thread is inside malloc(), another waits: the C library's locks are ours, not its own empty ones.
 */
void test_malloc_lock(void)
{
    void *volatile block = NULL;
    struct thread *thread;

    __malloc_lock(_REENT); /* before there is a thread, which may preempt this one at once */
    thread = thread_create("allocator", allocate, (void *)(uintptr_t)&block, 0);
    check(thread);
    thread_sleep(2 * NSEC_PER_MSEC);
    check(!block);
    __malloc_unlock(_REENT);
    thread_join(thread);
    check(block);
    free(block);
}

static struct cond cond = COND_INITIALIZER(cond);

static void signal_later(void *arg)
{
    thread_sleep(5 * NSEC_PER_MSEC);
    mutex_lock(&mutex);
    *(bool *)arg = true;
    cond_signal(&cond);
    mutex_unlock(&mutex);
}

void test_cond_timeout(void)
{
    struct thread *thread;
    uint64_t start = time_ns();
    volatile bool flag = false;

    mutex_lock(&mutex);
    check(cond_wait_until(&cond, &mutex, start + 10 * NSEC_PER_MSEC) == -XEN_ETIMEDOUT);
    check(time_ns() >= start + 10 * NSEC_PER_MSEC);
    thread = thread_create("signaller", signal_later, (void *)(uintptr_t)&flag, 0);
    check(thread);
    while (!flag)
        check(cond_wait_until(&cond, &mutex, start + PATIENCE) == 0);
    mutex_unlock(&mutex);
    thread_join(thread);
}

static struct semaphore items = SEMAPHORE_INITIALIZER(items, 0);
static int produced, consumed;
static volatile bool production_ended;

static void consume(void *arg)
{
    int *mine = arg;

    for (;;) {
        if (semaphore_down_until(&items, time_ns() + 10 * NSEC_PER_MSEC) == 0) {
            consumed++;
            ++*mine;
        } else if (production_ended) {
            break;
        }
    }
}

void test_semaphore(void)
{
    struct thread *threads[3];
    int mine[3] = { 0 };

    produced = consumed = 0;
    production_ended = false;
    for (int i = 0; i < 3; i++)
        threads[i] = thread_create("consumer", consume, &mine[i], 0);
    for (; produced < 300; produced++) {
        semaphore_up(&items);
        if (produced % 7 == 0)
            thread_yield();
    }
    production_ended = true;
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    check(consumed == 300);
    check(mine[0] && mine[1] && mine[2]);
    check(!semaphore_trydown(&items));
}

static void set_errno(void *arg)
{
    errno = *(int *)arg;
    thread_sleep(2 * NSEC_PER_MSEC);
    *(int *)arg = errno == *(int *)arg;
}

void test_errno_per_thread(void)
{
    int values[2] = { ENOENT, ERANGE };
    struct thread *a = thread_create("errno-a", set_errno, &values[0], 0);
    struct thread *b = thread_create("errno-b", set_errno, &values[1], 0);

    errno = EDOM;
    check(a && b);
    thread_join(a);
    thread_join(b);
    check(values[0] == 1 && values[1] == 1);
    check(errno == EDOM);
    check(xen_errno_to_c(-XEN_ENOSYS) == ENOSYS && xen_errno_to_c(-XEN_EAGAIN) == EAGAIN);
    check(strcmp(xen_errno_name(-XEN_EBUSY), "EBUSY") == 0);
}
