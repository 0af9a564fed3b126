/* SPDX-License-Identifier: MIT */
/* newlib's locks (its configure option for retargetable locking): malloc, stdio, the environment ... All may
 * be recursive. */
#include "pvguest/sync.h"
#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
    struct mutex mutex;
};

#define STATIC_LOCK(name) struct __lock __lock_##name = { MUTEX_INITIALIZER(__lock_##name.mutex) }

STATIC_LOCK(__sinit_recursive_mutex);
STATIC_LOCK(__sfp_recursive_mutex);
STATIC_LOCK(__atexit_recursive_mutex);
STATIC_LOCK(__at_quick_exit_mutex);
STATIC_LOCK(__malloc_recursive_mutex);
STATIC_LOCK(__env_recursive_mutex);
STATIC_LOCK(__tz_mutex);
STATIC_LOCK(__dd_hash_mutex);
STATIC_LOCK(__arc4random_mutex);

/* A lock that there was no memory for is NULL, and then locks nothing. */
void __retarget_lock_init(_LOCK_T *lock)
{
    *lock = malloc(sizeof(**lock));
    if (*lock)
        mutex_init(&(*lock)->mutex);
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    __retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    if (lock)
        mutex_lock(&lock->mutex);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    if (lock)
        mutex_lock_recursive(&lock->mutex);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return lock ? mutex_trylock(&lock->mutex) : 1;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    return lock ? mutex_trylock_recursive(&lock->mutex) : 1;
}

void __retarget_lock_release(_LOCK_T lock)
{
    if (lock)
        mutex_unlock(&lock->mutex);
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (lock)
        mutex_unlock_recursive(&lock->mutex);
}
