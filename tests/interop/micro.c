/* SPDX-License-Identifier: MIT */
/*
 * What a Linux guest pays for the operations that a hypervisor takes part in, in the manner of lmbench. Under
 * QEMU's -icount the TSC counts instructions, so the figures repeat. One line each: `MICRO name ticks`, ticks
 * per operation.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void system_call(void)
{
    syscall(SYS_getppid);
}

static void fork_exit(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
}

static void fork_exec(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/busybox", "true", (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

static void map_touch_unmap(void)
{
    const size_t size = 256 * 4096;
    volatile char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; i < size; i += 4096)
        p[i] = 1;
    munmap((void *)(uintptr_t)p, size);
}

static void protect(void)
{
    static char page[2 * 4096] __attribute__((aligned(4096)));

    page[0] = 1;
    mprotect(page, 4096, PROT_READ);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    page[0] = 2;
}

static void on_signal(int number)
{
    (void)number;
}

static void signal_self(void)
{
    raise(SIGUSR1);
}

static int to_child[2], to_parent[2];

static void pipe_ping_pong(void)
{
    char c = 0;

    if (write(to_child[1], &c, 1) != 1 || read(to_parent[0], &c, 1) != 1)
        exit(1);
}

static pid_t start_echo(void)
{
    pid_t pid;
    char c;

    if (pipe(to_child) || pipe(to_parent))
        exit(1);
    pid = fork();
    if (pid == 0) {
        close(to_child[1]);
        while (read(to_child[0], &c, 1) == 1 && write(to_parent[1], &c, 1) == 1)
            ;
        _exit(0);
    }
    return pid;
}

static void measure(const char *name, void (*operation)(void), unsigned int rounds)
{
    uint64_t start;

    for (unsigned int i = 0; i < rounds / 10 + 2; i++)
        operation();
    start = ticks();
    for (unsigned int i = 0; i < rounds; i++)
        operation();
    printf("MICRO %s %llu\n", name, (unsigned long long)((ticks() - start) / rounds));
    fflush(stdout);
}

int main(void)
{
    signal(SIGUSR1, on_signal);
    start_echo();
    measure("system_call", system_call, 5000);
    measure("signal_to_self", signal_self, 2000);
    measure("protect_unprotect_fault", protect, 1000);
    measure("map_touch_unmap_256_pages", map_touch_unmap, 50);
    measure("pipe_ping_pong_2_processes", pipe_ping_pong, 500);
    measure("fork_exit_wait", fork_exit, 50);
    measure("fork_exec_wait", fork_exec, 20);
    return 0;
}
