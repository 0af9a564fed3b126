/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads on thread.h: threads, their own data, once. There is no cancellation and there are no
 * priorities: a thread ends by returning or by pthread_exit(), and all have the same share of vCPU 0.
 */
#define _GNU_SOURCE /* names of threads */
#include "pvguest/cpu.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define STACK_DEFAULT (2 * THREAD_STACK_DEFAULT)
#define NAME_SIZE     16

struct pthread {
    struct thread *thread;
    char name[NAME_SIZE];
    void *(*fn)(void *arg);
    void *arg;
    void *result;
    bool detached;
    bool ended;
    struct _pthread_cleanup_context *cleanup; /* the innermost */
    const void *values[PTHREAD_KEYS_MAX];
};

static struct {
    bool used;
    void (*destructor)(void *value);
} keys[PTHREAD_KEYS_MAX];

/* ---- thread-specific data ---- */

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
    bool masked = upcalls_disable();
    int error = EAGAIN;

    for (pthread_key_t i = 0; i < PTHREAD_KEYS_MAX && error; i++) {
        if (keys[i].used)
            continue;
        keys[i].used = true;
        keys[i].destructor = destructor;
        *key = i;
        error = 0;
    }
    upcalls_restore(masked);
    return error;
}

static void forget_value(const struct thread *thread, void *arg)
{
    struct pthread *self = thread->local;

    if (self)
        self->values[*(const pthread_key_t *)arg] = NULL;
}

int pthread_key_delete(pthread_key_t key)
{
    if (key >= PTHREAD_KEYS_MAX || !keys[key].used)
        return EINVAL;
    thread_for_each(forget_value, &key);
    keys[key].used = false;
    return 0;
}

static void run_destructors(struct pthread *self)
{
    bool again = true;

    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && again; round++) {
        again = false;
        for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++) {
            void *value = (void *)(uintptr_t)self->values[key];

            self->values[key] = NULL;
            if (!value || !keys[key].used || !keys[key].destructor)
                continue;
            keys[key].destructor(value);
            again = true;
        }
    }
}

/* The thread's last function: frees it unless somebody is going to join it. */
static void on_end(struct thread *thread)
{
    struct pthread *self = thread->local;
    bool masked;

    run_destructors(self);
    masked = upcalls_disable();
    self->ended = true;
    thread->local = NULL;
    thread->name = "(ended)";
    upcalls_restore(masked);
    if (self->detached)
        free(self);
}

/* A thread that thread_create() made becomes one of ours when it first asks for something of ours; nobody can
 * join it by its pthread_t. */
static struct pthread *adopt(struct thread *thread)
{
    struct pthread *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->thread = thread;
    self->detached = true;
    thread->local = self;
    thread->on_end = on_end;
    return self;
}

static struct pthread *self_of(struct thread *thread)
{
    return thread->local ? thread->local : adopt(thread);
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    struct pthread *self;

    if (key >= PTHREAD_KEYS_MAX || !keys[key].used)
        return EINVAL;
    self = self_of(thread_current());
    if (!self)
        return ENOMEM;
    self->values[key] = value;
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    const struct pthread *self = thread_current()->local;

    return self && key < PTHREAD_KEYS_MAX ? (void *)(uintptr_t)self->values[key] : NULL;
}

/* ---- threads ---- */

static void run(void *arg)
{
    struct pthread *self = arg;

    self->result = self->fn(self->arg);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg)
{
    size_t stack_size = attr && attr->stack_size ? attr->stack_size : STACK_DEFAULT;
    struct pthread *self = calloc(1, sizeof(*self));
    bool masked;

    if (!self)
        return EAGAIN;
    self->fn = fn;
    self->arg = arg;
    self->detached = attr && attr->detach_state == PTHREAD_CREATE_DETACHED;
    strcpy(self->name, "pthread");
    masked = upcalls_disable(); /* it does not run before it is complete */
    self->thread = thread_create(self->name, run, self, stack_size);
    if (!self->thread) {
        upcalls_restore(masked);
        free(self);
        return EAGAIN;
    }
    self->thread->local = self;
    self->thread->on_end = on_end;
    if (self->detached)
        thread_detach(self->thread);
    *out = self;
    upcalls_restore(masked);
    return 0;
}

int pthread_join(pthread_t thread, void **result)
{
    if (thread->detached)
        return EINVAL;
    if (thread->thread == thread_current())
        return EDEADLK;
    thread_join(thread->thread);
    if (result)
        *result = thread->result;
    free(thread);
    return 0;
}

int pthread_detach(pthread_t thread)
{
    bool masked = upcalls_disable();
    bool ended = thread->ended;

    if (thread->detached) {
        upcalls_restore(masked);
        return EINVAL;
    }
    thread->detached = true;
    thread_detach(thread->thread);
    upcalls_restore(masked);
    if (ended)
        free(thread);
    return 0;
}

void pthread_exit(void *result)
{
    struct pthread *self = self_of(thread_current());

    if (self) {
        self->result = result;
        while (self->cleanup)
            _pthread_cleanup_pop(self->cleanup, 1);
    }
    thread_exit();
}

/* NULL when there is no memory to make the calling thread known. */
pthread_t pthread_self(void)
{
    return self_of(thread_current());
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
    if (strlen(name) >= NAME_SIZE)
        return ERANGE;
    strcpy(thread->name, name);
    thread->thread->name = thread->name;
    return 0;
}

int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
    if (strlen(thread->name) >= size)
        return ERANGE;
    strcpy(name, thread->name);
    return 0;
}

int sched_yield(void)
{
    thread_yield();
    return 0;
}

/* ---- cleanup handlers; cancellation, which never comes ---- */

void _pthread_cleanup_push(struct _pthread_cleanup_context *context, void (*fn)(void *arg), void *arg)
{
    struct pthread *self = self_of(thread_current());

    context->_routine = fn;
    context->_arg = arg;
    context->_previous = self ? self->cleanup : NULL;
    if (self)
        self->cleanup = context;
}

void _pthread_cleanup_pop(struct _pthread_cleanup_context *context, int execute)
{
    struct pthread *self = self_of(thread_current());

    if (self)
        self->cleanup = context->_previous;
    if (execute)
        context->_routine(context->_arg);
}

int pthread_cancel(pthread_t thread)
{
    (void)thread;
    return ENOSYS;
}

int pthread_setcancelstate(int state, int *old)
{
    if (old)
        *old = PTHREAD_CANCEL_DISABLE;
    return state == PTHREAD_CANCEL_ENABLE || state == PTHREAD_CANCEL_DISABLE ? 0 : EINVAL;
}

int pthread_setcanceltype(int type, int *old)
{
    if (old)
        *old = PTHREAD_CANCEL_DEFERRED;
    return type == PTHREAD_CANCEL_DEFERRED ? 0 : EINVAL;
}

void pthread_testcancel(void)
{
}

/* ---- once ---- */

enum { ONCE_NEW, ONCE_RUNNING, ONCE_DONE };

static struct wait_queue once_waiters = WAIT_QUEUE_INITIALIZER(once_waiters);

int pthread_once(pthread_once_t *once, void (*fn)(void))
{
    bool masked = upcalls_disable();
    bool first = once->state == ONCE_NEW;

    if (first)
        once->state = ONCE_RUNNING;
    upcalls_restore(masked);
    if (!first) {
        wait_event(&once_waiters, once->state == ONCE_DONE);
        return 0;
    }
    fn();
    once->state = ONCE_DONE;
    wait_queue_wake_all(&once_waiters);
    return 0;
}
