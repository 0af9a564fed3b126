/* SPDX-License-Identifier: MIT */
/*
 * Exercises the guest library from inside. Prints a line for each test and at the end "Test result: SUCCESS"
 * or "... FAILURE". Arguments: names of the tests to run (default: all), or `crash`, `assert`, `overflow` or
 * `exit=N` to see the ends that are not good.
 */
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/time.h"
#include "pvguest/trap.h"
#include "pvguest/guests/selftest/selftest.h"
#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

static const struct test {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "page-allocator", test_page_allocator },
    { "protection", test_protection },
    { "mappings", test_mappings },
    { "foreign", test_foreign },
    { "dma", test_dma },
    { "heap", test_heap },
    { "pool", test_pool },
    { "traps", test_traps },
    { "events", test_events },
    { "ipi", test_ipi },
    { "timers", test_timers },
    { "clocks", test_clocks },
    { "grants", test_grants },
    { "threads", test_threads },
    { "preemption", test_preemption },
    { "fpu", test_fpu },
    { "mutex", test_mutex },
    { "mutex-timeout", test_mutex_timeout },
    { "malloc-lock", test_malloc_lock },
    { "cond-timeout", test_cond_timeout },
    { "semaphore", test_semaphore },
    { "errno-per-thread", test_errno_per_thread },
    { "pthreads", test_pthreads },
    { "pthread-mutex", test_pthread_mutex },
    { "pthread-cond", test_pthread_cond },
    { "pthread-rwlock", test_pthread_rwlock },
    { "pthread-data", test_pthread_data },
    { "pthread-barrier", test_pthread_barrier },
    { "posix-semaphore", test_posix_semaphore },
    { "stdio", test_stdio },
    { "files", test_files },
    { "directories", test_directories },
    { "signals", test_signals },
    { "processes", test_processes },
    { "names", test_names },
    { "lines", test_lines },
    { "sleeping", test_sleeping },
    { "ram-files", test_ram_files },
    { "entropy", test_entropy },
    { "vcpus", test_vcpus },
    { "pci", test_pci },
    { "exhaustion", test_exhaustion },
};

const char *skip_reason;
static int failures;

void check_failed(const char *file, int line, const char *text)
{
    printf("%s:%d: failed: %s\n", file, line, text);
    failures++;
}

static jmp_buf fault_return;
static volatile int fault_vector;

/* Ends the faulting function by going on at a longjmp() in its place. */
static void leave_fault(void)
{
    longjmp(fault_return, 1);
}

static bool catch_fault(struct trap_frame *frame)
{
    fault_vector = (int)frame->vector;
    frame->rip = (uint64_t)leave_fault;
    frame->rsp = (frame->rsp & ~15UL) - 8;
    return true;
}

int fault_of(void (*fn)(void *arg), void *arg)
{
    static const unsigned int vectors[] = { TRAP_DIVIDE, TRAP_BREAKPOINT, TRAP_UD, TRAP_GP, TRAP_PF };
    trap_handler_t old[5];

    for (size_t i = 0; i < 5; i++)
        old[i] = trap_set_handler(vectors[i], catch_fault);
    fault_vector = -1;
    if (!setjmp(fault_return))
        fn(arg);
    for (size_t i = 0; i < 5; i++)
        trap_set_handler(vectors[i], old[i]);
    return fault_vector;
}

static void run(const struct test *test)
{
    int before = failures;
    uint64_t start = time_ns();

    skip_reason = NULL;
    test->run();
    if (skip_reason && failures == before)
        printf("%-18s SKIP (%s)\n", test->name, skip_reason);
    else
        printf("%-18s %s %lu us\n", test->name, failures == before ? "ok" : "FAILED",
               (unsigned long)((time_ns() - start) / NSEC_PER_USEC));
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

static volatile int forever = 1;

static int overflow_stack(int depth)
{
    volatile char block[4096];

    block[0] = (char)depth;
    return forever ? overflow_stack(depth + 1) + block[0] : 0;
}

static void bad_end(const char *how)
{
    if (strcmp(how, "crash") == 0)
        *(volatile int *)(uintptr_t)(forever * 8) = 1;
    if (strcmp(how, "overflow") == 0)
        overflow_stack(0);
    if (strncmp(how, "exit=", 5) == 0) {
        printf("a line that only exit() ends: "); /* shown if exit() flushes stdout */
        exit(atoi(how + 5));
    }
    assert(strcmp(how, "assert") != 0);
}

/* Of the TSC, by the clock: a millisecond is spent on it. */
static uint64_t ticks_per_us(void)
{
    uint64_t ns = time_ns(), ticks = rdtsc();

    while (time_ns() - ns < 1000000)
        ;
    return (rdtsc() - ticks) / 1000;
}

int main(int argc, char **argv)
{
    uint64_t start_tsc = rdtsc() - time_start_tsc;

    if (argc == 2)
        bad_end(argv[1]);
    printf("%zu pages, %zu free, start to main: %lu TSC ticks, %lu us\n", memory_total_pages(),
           memory_free_pages(), (unsigned long)start_tsc, (unsigned long)(start_tsc / ticks_per_us()));
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        if (wanted(tests[i].name, argc, argv))
            run(&tests[i]);
    printf("Test result: %s\n", failures ? "FAILURE" : "SUCCESS");
    fflush(stdout);
    domain_shutdown(failures ? SHUTDOWN_crash : SHUTDOWN_reboot);
}
