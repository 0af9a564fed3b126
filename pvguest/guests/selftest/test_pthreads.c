/* SPDX-License-Identifier: MIT */
/* POSIX threads, as POSIX describes them. */
#include "pvguest/guests/selftest/selftest.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS  200

static struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec when;

    clock_gettime(clock, &when);
    when.tv_nsec += ms * 1000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

static void *plus_one(void *arg)
{
    return (void *)((uintptr_t)arg + 1);
}

static void *exit_deep(void *arg)
{
    pthread_exit(plus_one(arg));
}

static volatile int detached_ran;

static void *count_detached(void *arg)
{
    (void)arg;
    __atomic_add_fetch(&detached_ran, 1, __ATOMIC_RELAXED);
    return NULL;
}

void test_pthreads(void)
{
    pthread_t thread[THREADS];
    pthread_attr_t attr;
    void *result;

    for (uintptr_t i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, i % 2 ? plus_one : exit_deep, (void *)i) == 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        check(pthread_join(thread[i], &result) == 0);
        check(result == (void *)(i + 1));
    }
    check(pthread_join(pthread_self(), NULL) == EINVAL); /* the first thread is detached */
    check(pthread_equal(pthread_self(), pthread_self()));
    check(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, 1) == EINVAL);
    check(pthread_attr_setstacksize(&attr, 1 << 20) == 0);
    check(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    detached_ran = 0;
    check(pthread_create(&thread[0], &attr, count_detached, NULL) == 0);
    check(pthread_create(&thread[1], NULL, count_detached, NULL) == 0 && pthread_detach(thread[1]) == 0);
    check(pthread_create(&thread[2], NULL, count_detached, NULL) == 0);
    while (detached_ran < 3)
        sched_yield();
    check(pthread_detach(thread[2]) == 0); /* after its end */
}

static pthread_mutex_t sum_mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int sum;

static void *add(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        int before;

        pthread_mutex_lock(&sum_mutex);
        before = sum;
        if (i % 16 == 0)
            sched_yield();
        sum = before + 1;
        pthread_mutex_unlock(&sum_mutex);
    }
    return arg;
}

static void *try_lock(void *mutex)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 2);
    int error = pthread_mutex_timedlock(mutex, &soon);

    if (pthread_mutex_trylock(mutex) != EBUSY || error != ETIMEDOUT)
        return NULL;
    return pthread_mutex_unlock(mutex) == EPERM ? mutex : NULL;
}

void test_pthread_mutex(void)
{
    pthread_mutex_t recursive, checking;
    pthread_mutexattr_t attr;
    pthread_t thread[THREADS];
    void *result;

    sum = 0;
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        check(pthread_join(thread[i], NULL) == 0);
    check(sum == THREADS * ROUNDS);

    check(pthread_mutexattr_init(&attr) == 0);
    check(pthread_mutexattr_settype(&attr, 77) == EINVAL);
    check(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0 &&
          pthread_mutex_init(&recursive, &attr) == 0);
    check(pthread_mutex_unlock(&recursive) == EPERM);
    check(pthread_mutex_lock(&recursive) == 0 && pthread_mutex_trylock(&recursive) == 0);
    check(pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_destroy(&recursive) == EBUSY);
    check(pthread_create(&thread[0], NULL, try_lock, &recursive) == 0);
    check(pthread_join(thread[0], &result) == 0 && result == &recursive);
    check(pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_destroy(&recursive) == 0);

    check(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) == 0 &&
          pthread_mutex_init(&checking, &attr) == 0);
    check(pthread_mutex_lock(&checking) == 0 && pthread_mutex_lock(&checking) == EDEADLK);
    check(pthread_mutex_unlock(&checking) == 0 && pthread_mutex_unlock(&checking) == EPERM);
}

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static int queued, taken;

static void *consume(void *arg)
{
    pthread_mutex_lock(&queue_mutex);
    for (int i = 0; i < ROUNDS; i++) {
        while (!queued)
            pthread_cond_wait(&queue_filled, &queue_mutex);
        queued--;
        taken++;
    }
    pthread_mutex_unlock(&queue_mutex);
    return arg;
}

void test_pthread_cond(void)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 2);
    pthread_condattr_t attr;
    pthread_cond_t never;
    pthread_t thread[2];

    queued = taken = 0;
    for (int i = 0; i < 2; i++)
        check(pthread_create(&thread[i], NULL, consume, NULL) == 0);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        pthread_mutex_lock(&queue_mutex);
        queued++;
        i % 2 ? pthread_cond_broadcast(&queue_filled) : pthread_cond_signal(&queue_filled);
        pthread_mutex_unlock(&queue_mutex);
    }
    for (int i = 0; i < 2; i++)
        check(pthread_join(thread[i], NULL) == 0);
    check(queued == 0 && taken == 2 * ROUNDS);

    pthread_mutex_lock(&queue_mutex);
    check(pthread_cond_timedwait(&queue_filled, &queue_mutex, &soon) == ETIMEDOUT);
    check(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(&never, &attr) == 0);
    soon = after_ms(CLOCK_MONOTONIC, 2);
    check(pthread_cond_timedwait(&never, &queue_mutex, &soon) == ETIMEDOUT);
    soon.tv_nsec = 1000000000;
    check(pthread_cond_timedwait(&never, &queue_mutex, &soon) == EINVAL);
    pthread_mutex_unlock(&queue_mutex);
    check(pthread_cond_destroy(&never) == 0);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile int readers, writers, collisions;

static void *use_rwlock(void *arg)
{
    int is_writer = arg != NULL;

    for (int i = 0; i < ROUNDS; i++) {
        if (is_writer) {
            pthread_rwlock_wrlock(&rwlock);
            collisions += ++writers > 1 || readers;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            readers++;
            collisions += writers != 0;
        }
        if (i % 8 == 0)
            sched_yield();
        is_writer ? writers-- : readers--;
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

void test_pthread_rwlock(void)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 2);
    pthread_t thread[THREADS];

    readers = writers = collisions = 0;
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, use_rwlock, i % 4 ? NULL : thread) == 0);
    for (int i = 0; i < THREADS; i++)
        check(pthread_join(thread[i], NULL) == 0);
    check(collisions == 0);
    check(pthread_rwlock_tryrdlock(&rwlock) == 0 && pthread_rwlock_rdlock(&rwlock) == 0);
    check(pthread_rwlock_trywrlock(&rwlock) == EBUSY &&
          pthread_rwlock_timedwrlock(&rwlock, &soon) == ETIMEDOUT);
    check(pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
    check(pthread_rwlock_unlock(&rwlock) == EPERM);
    check(pthread_rwlock_trywrlock(&rwlock) == 0 && pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
    check(pthread_rwlock_wrlock(&rwlock) == EDEADLK && pthread_rwlock_unlock(&rwlock) == 0);
}

static pthread_key_t key;
static volatile int destroyed, cleaned, initialised;

static void destroy(void *value)
{
    destroyed += (int)(uintptr_t)value;
}

static void clean(void *arg)
{
    cleaned += (int)(uintptr_t)arg;
}

static void *use_data(void *arg)
{
    if (pthread_getspecific(key) || pthread_setspecific(key, arg))
        return NULL;
    sched_yield();
    if (pthread_getspecific(key) != arg)
        return NULL;
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)10);
    pthread_cleanup_pop(0);
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    return NULL;
}

static void initialise(void)
{
    sched_yield();
    initialised++;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *use_once(void *arg)
{
    pthread_once(&once, initialise);
    return initialised == 1 ? arg : NULL;
}

void test_pthread_data(void)
{
    pthread_t thread[THREADS];
    void *result;

    check(pthread_key_create(&key, destroy) == 0);
    destroyed = cleaned = 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, use_data, (void *)(i + 1)) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        check(pthread_join(thread[i], &result) == 0 && result == (void *)(i + 1));
    check(destroyed == THREADS * (THREADS + 1) / 2);
    check(cleaned == THREADS);
    check(pthread_setspecific(key, &key) == 0 && pthread_key_delete(key) == 0);
    check(pthread_setspecific(key, &key) == EINVAL && pthread_getspecific(key) == NULL);

    initialised = 0;
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, use_once, &once) == 0);
    for (int i = 0; i < THREADS; i++)
        check(pthread_join(thread[i], &result) == 0 && result == &once);
}

static pthread_barrier_t barrier;
static volatile int arrivals, serials;

static void *meet(void *arg)
{
    for (int round = 1; round <= ROUNDS / 10; round++) {
        arrivals++;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            serials++;
        if (arrivals < round * THREADS)
            return NULL;
        pthread_barrier_wait(&barrier);
    }
    return arg;
}

void test_pthread_barrier(void)
{
    pthread_t thread[THREADS];
    void *result;

    arrivals = serials = 0;
    check(pthread_barrier_init(&barrier, NULL, 0) == EINVAL &&
          pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&thread[i], NULL, meet, &barrier) == 0);
    for (int i = 0; i < THREADS; i++)
        check(pthread_join(thread[i], &result) == 0 && result == &barrier);
    check(serials == ROUNDS / 10 && pthread_barrier_destroy(&barrier) == 0);
}

static void *post(void *sem)
{
    for (int i = 0; i < ROUNDS; i++)
        sem_post(sem);
    return NULL;
}

void test_posix_semaphore(void)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 2);
    pthread_t thread;
    sem_t sem;
    int value;

    check(sem_init(&sem, 0, SEM_VALUE_MAX + 1U) == -1 && errno == EINVAL);
    check(sem_init(&sem, 0, 1) == 0 && sem_trywait(&sem) == 0);
    check(sem_trywait(&sem) == -1 && errno == EAGAIN);
    check(sem_timedwait(&sem, &soon) == -1 && errno == ETIMEDOUT);
    check(pthread_create(&thread, NULL, post, &sem) == 0);
    for (int i = 0; i < ROUNDS; i++)
        check(sem_wait(&sem) == 0);
    check(pthread_join(thread, NULL) == 0);
    check(sem_getvalue(&sem, &value) == 0 && value == 0 && sem_destroy(&sem) == 0);
}
