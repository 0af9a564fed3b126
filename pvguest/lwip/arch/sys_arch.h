/* SPDX-License-Identifier: MIT */
/*
 * lwIP's operating-system port: its objects are pointers to pvguest's own, which lwIP only passes around.
 */
#ifndef PVGUEST_LWIP_ARCH_SYS_ARCH_H
#define PVGUEST_LWIP_ARCH_SYS_ARCH_H

#include <stdint.h>

typedef struct semaphore *sys_sem_t;
typedef struct lwip_mutex *sys_mutex_t;
typedef struct lwip_mbox *sys_mbox_t;
typedef struct lwip_thread *sys_thread_t;
typedef uintptr_t sys_prot_t;

#define sys_sem_valid(sem)           (*(sem) != NULL)
#define sys_sem_set_invalid(sem)     (*(sem) = NULL)
#define sys_mutex_valid(mutex)       (*(mutex) != NULL)
#define sys_mutex_set_invalid(mutex) (*(mutex) = NULL)
#define sys_mbox_valid(mbox)         (*(mbox) != NULL)
#define sys_mbox_set_invalid(mbox)   (*(mbox) = NULL)

/* The calling thread's own, where lwIP would else make one for each call that waits. */
sys_sem_t *lwip_port_thread_semaphore(void);

#endif
