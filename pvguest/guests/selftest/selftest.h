/* SPDX-License-Identifier: MIT */
/* What the self-test's files share: each test function is a row of main.c's table and fails by check(). */
#ifndef PVGUEST_SELFTEST_H
#define PVGUEST_SELFTEST_H

#include "pvguest/time.h"
#include <stdbool.h>

/* How long, in ns, something may take that is not there at once on a machine with other work to do. */
#define PATIENCE (30 * NSEC_PER_SEC)

extern const char *skip_reason;

void check_failed(const char *file, int line, const char *text);

/* Counts a failure, prints it, and leaves the test function. */
#define check(condition)                                  \
    do {                                                  \
        if (!(condition)) {                               \
            check_failed(__FILE__, __LINE__, #condition); \
            return;                                       \
        }                                                 \
    } while (0)

/* Calls fn(arg) and returns the vector of the exception that ended it, or -1. */
int fault_of(void (*fn)(void *arg), void *arg);

void test_page_allocator(void);
void test_exhaustion(void);
void test_protection(void);
void test_mappings(void);
void test_foreign(void);
void test_dma(void);
void test_heap(void);
void test_pool(void);
void test_traps(void);

void test_events(void);
void test_ipi(void);
void test_timers(void);
void test_clocks(void);
void test_grants(void);
void test_vcpus(void);
void test_pci(void);

void test_threads(void);
void test_preemption(void);
void test_fpu(void);
void test_mutex(void);
void test_mutex_timeout(void);
void test_malloc_lock(void);
void test_cond_timeout(void);
void test_semaphore(void);
void test_errno_per_thread(void);

void test_pthreads(void);
void test_pthread_mutex(void);
void test_pthread_cond(void);
void test_pthread_rwlock(void);
void test_pthread_data(void);
void test_pthread_barrier(void);
void test_posix_semaphore(void);

void test_stdio(void);
void test_files(void);
void test_directories(void);
void test_entropy(void);

void test_signals(void);
void test_processes(void);
void test_names(void);
void test_lines(void);
void test_sleeping(void);

void test_ram_files(void);
/* Makes, changes and removes files and directories in an empty writable directory, an absolute path. */
void exercise_tree(const char *root);

#endif
