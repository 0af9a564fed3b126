/* SPDX-License-Identifier: MIT */
/*
 * The types of <pthread.h>, in place of newlib's, whose are numbers of objects. These are the objects
 * themselves, so that nothing need be allocated and a static initialiser suffices. The members are the
 * implementation's (posix/pthread_sync.c), and all zero bytes are the initial state.
 */
#ifndef PVGUEST_SYS__PTHREADTYPES_H
#define PVGUEST_SYS__PTHREADTYPES_H

#include <sys/_types.h>
#include <sys/sched.h>

#define PTHREAD_STACK_MIN             16384
#define PTHREAD_KEYS_MAX              128
#define PTHREAD_DESTRUCTOR_ITERATIONS 4

#define PTHREAD_CREATE_JOINABLE 0
#define PTHREAD_CREATE_DETACHED 1

#define PTHREAD_PROCESS_PRIVATE 0
#define PTHREAD_PROCESS_SHARED  1

#define PTHREAD_MUTEX_NORMAL     0
#define PTHREAD_MUTEX_RECURSIVE  1
#define PTHREAD_MUTEX_ERRORCHECK 2
#define PTHREAD_MUTEX_DEFAULT    PTHREAD_MUTEX_NORMAL

typedef struct pthread *pthread_t;

typedef struct {
    __size_t stack_size; /* 0: the default */
    int detach_state;
    struct sched_param schedparam; /* kept, and not used: there are no priorities */
} pthread_attr_t;

/* A wait queue of sync.h; last is NULL until it was used first. */
struct pthread_queue {
    void *first;
    void *last;
};

typedef struct {
    void *owner;
    unsigned int depth;
    struct pthread_queue waiters;
    int type;
} pthread_mutex_t;

typedef struct {
    int type;
} pthread_mutexattr_t;

typedef struct {
    struct pthread_queue waiters;
    int monotonic;
} pthread_cond_t;

typedef struct {
    int monotonic;
} pthread_condattr_t;

typedef struct {
    void *writer;
    unsigned int readers;
    unsigned int waiting_writers;
    struct pthread_queue waiters;
} pthread_rwlock_t;

typedef struct {
    int unused;
} pthread_rwlockattr_t;

typedef struct {
    unsigned int threshold;
    unsigned int arrived;
    unsigned int round;
    struct pthread_queue waiters;
} pthread_barrier_t;

typedef struct {
    int unused;
} pthread_barrierattr_t;

typedef struct {
    int held;
} pthread_spinlock_t;

typedef struct {
    int state;
} pthread_once_t;

typedef unsigned int pthread_key_t;

#define _PTHREAD_MUTEX_INITIALIZER           \
    {                                        \
        0, 0, { 0, 0 }, PTHREAD_MUTEX_NORMAL \
    }
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP  \
    {                                           \
        0, 0, { 0, 0 }, PTHREAD_MUTEX_RECURSIVE \
    }
#define _PTHREAD_COND_INITIALIZER \
    {                             \
        { 0, 0 }, 0               \
    }
#define _PTHREAD_RWLOCK_INITIALIZER \
    {                               \
        0, 0, 0,                    \
        {                           \
            0, 0                    \
        }                           \
    }
#define _PTHREAD_ONCE_INIT \
    {                      \
        0                  \
    }

#endif
