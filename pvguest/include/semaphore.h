/* SPDX-License-Identifier: MIT */
/* POSIX's unnamed semaphores, which newlib does not have. */
#ifndef PVGUEST_SEMAPHORE_H
#define PVGUEST_SEMAPHORE_H

#include <sys/_pthreadtypes.h>
#include <time.h>

#define SEM_VALUE_MAX 0x7fffffff

typedef struct {
    unsigned int count;
    struct pthread_queue waiters;
} sem_t;

/* As POSIX says; `shared` means nothing where there is one process. They set errno and return -1. */
int sem_init(sem_t *sem, int shared, unsigned int value);
int sem_destroy(sem_t *sem);
int sem_wait(sem_t *sem);
int sem_trywait(sem_t *sem);
int sem_timedwait(sem_t *sem, const struct timespec *deadline);
int sem_post(sem_t *sem);
int sem_getvalue(sem_t *sem, int *value);

#endif
