/* SPDX-License-Identifier: MIT */
/*
 * A Linux program that keeps a guest kernel's memory management and scheduling busy and checks every result:
 *
 *     stress SECONDS
 *
 * Five kinds of work run at once, each in processes of its own: fork and exec; copy-on-write; anonymous,
 * shared and protected mappings; signals between processes; threads that hand a token around; pipes. At the
 * end one line with the counts, and "stress: ok" or "stress: FAILED" with the first thing that was wrong.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE      4096u
#define MAP_PAGES 512u

struct shared {
    volatile unsigned long forks, copies, maps, signals, handoffs, pipes;
    volatile int failed;
    char why[160];
};
static struct shared *shared;
static time_t end_time;

static int running(void)
{
    return time(NULL) < end_time && !shared->failed;
}

static void fail(const char *what, unsigned long got, unsigned long expected)
{
    if (!__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
        snprintf(shared->why, sizeof(shared->why), "%s: got %lx, expected %lx", what, got, expected);
    _exit(1);
}

static void count(volatile unsigned long *what)
{
    __atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static void reap(pid_t pid, const char *what)
{
    int status;

    if (waitpid(pid, &status, 0) != pid || status != 0)
        fail(what, (unsigned long)status, 0);
}

static void fork_and_exec(void)
{
    while (running()) {
        pid_t pid = fork();

        if (pid == 0) {
            execl("/bin/busybox", "true", (char *)NULL);
            _exit(127);
        }
        reap(pid, "exec of true");
        count(&shared->forks);
    }
}

/* The child sees the parent's pages, changes them, and the parent does not notice. */
static void copy_on_write(void)
{
    static volatile uint64_t page[64][PAGE / 8];
    uint64_t round = 0;

    while (running()) {
        pid_t pid;

        round++;
        for (unsigned int i = 0; i < 64; i++)
            page[i][i] = round + i;
        pid = fork();
        if (pid == 0) {
            for (unsigned int i = 0; i < 64; i++) {
                if (page[i][i] != round + i)
                    fail("child's page", page[i][i], round + i);
                page[i][i] = ~0ull;
            }
            _exit(0);
        }
        reap(pid, "copy-on-write child");
        for (unsigned int i = 0; i < 64; i++)
            if (page[i][i] != round + i)
                fail("parent's page", page[i][i], round + i);
        count(&shared->copies);
    }
}

static volatile sig_atomic_t faults;
static volatile char *fault_page;

static void on_fault(int signal)
{
    (void)signal;
    faults++;
    mprotect((void *)(uintptr_t)fault_page, PAGE, PROT_READ | PROT_WRITE);
}

static void mappings(void)
{
    signal(SIGSEGV, on_fault);
    for (uint64_t round = 1; running(); round++) {
        int before = faults;
        uint64_t *p =
            mmap(NULL, MAP_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            fail("mmap", 0, 1);
        for (unsigned int i = 0; i < MAP_PAGES; i++) {
            if (p[i * PAGE / 8] != 0)
                fail("fresh page", p[i * PAGE / 8], 0);
            p[i * PAGE / 8 + i % 512] = round * i;
        }
        fault_page = (volatile char *)(p + 7 * PAGE / 8);
        mprotect((void *)(uintptr_t)fault_page, PAGE, round % 2 ? PROT_READ : PROT_NONE);
        *fault_page = 1;
        if (faults != before + 1)
            fail("write to a protected page", (unsigned long)faults, (unsigned long)before + 1);
        p = mremap(p, MAP_PAGES * PAGE, 2 * MAP_PAGES * PAGE, MREMAP_MAYMOVE);
        if (p == MAP_FAILED)
            fail("mremap", 0, 1);
        for (unsigned int i = 8; i < MAP_PAGES; i++)
            if (p[i * PAGE / 8 + i % 512] != round * i)
                fail("moved page", p[i * PAGE / 8 + i % 512], round * i);
        munmap(p, 2 * MAP_PAGES * PAGE);
        count(&shared->maps);
    }
}

/* Parent and child send each other a signal in turn. */
static void signals(void)
{
    sigset_t set;
    pid_t pid, parent = getpid();
    int got;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid = fork();
    if (pid == 0) {
        while (sigwait(&set, &got) == 0 && got == SIGUSR1)
            kill(parent, SIGUSR1);
        _exit(0);
    }
    while (running()) {
        kill(pid, SIGUSR1);
        if (sigwait(&set, &got) != 0 || got != SIGUSR1)
            fail("signal", (unsigned long)got, SIGUSR1);
        count(&shared->signals);
    }
    kill(pid, SIGTERM);
    reap(pid, "signal partner");
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t turn_changed;
    unsigned int turn;
    unsigned long passed;
    int stop;
} token = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0 };

static void *hold_token(void *arg)
{
    unsigned int me = (unsigned int)(uintptr_t)arg;
    double mine = 1.5 + me; /* something that must survive in the FPU */

    pthread_mutex_lock(&token.lock);
    while (!token.stop) {
        if (token.turn != me) {
            pthread_cond_wait(&token.turn_changed, &token.lock);
            continue;
        }
        mine = mine * 3 / 3;
        if (mine != 1.5 + me)
            fail("floating-point value", (unsigned long)(mine * 2), 3 + 2 * me);
        token.turn = (me + 1) % 4;
        token.passed++;
        if (token.passed % 64 == 0 && !running())
            token.stop = 1;
        pthread_cond_broadcast(&token.turn_changed);
    }
    pthread_mutex_unlock(&token.lock);
    return NULL;
}

static void threads(void)
{
    pthread_t thread[4];

    for (uintptr_t i = 0; i < 4; i++)
        if (pthread_create(&thread[i], NULL, hold_token, (void *)i))
            fail("pthread_create", i, 0);
    for (unsigned int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    shared->handoffs = token.passed;
}

static void pipes(void)
{
    unsigned char out[3000], in[3000];
    int to[2], back[2];
    pid_t pid;

    if (pipe(to) || pipe(back))
        fail("pipe", 0, 1);
    pid = fork();
    if (pid == 0) {
        ssize_t n;

        close(to[1]);
        while ((n = read(to[0], in, sizeof(in))) > 0)
            if (write(back[1], in, (size_t)n) != n)
                _exit(1);
        _exit(0);
    }
    close(to[0]);
    for (unsigned int round = 0; running(); round++) {
        for (size_t i = 0; i < sizeof(out); i++)
            out[i] = (unsigned char)(i * 7 + round);
        if (write(to[1], out, sizeof(out)) != (ssize_t)sizeof(out))
            fail("write to a pipe", 0, sizeof(out));
        for (size_t got = 0; got < sizeof(in);) {
            ssize_t n = read(back[0], in + got, sizeof(in) - got);

            if (n <= 0)
                fail("read from a pipe", (unsigned long)n, sizeof(in));
            got += (size_t)n;
        }
        if (memcmp(in, out, sizeof(in)))
            fail("bytes through a pipe", 0, 0);
        count(&shared->pipes);
    }
    close(to[1]);
    reap(pid, "pipe partner");
}

int main(int argc, char **argv)
{
    static void (*const work[])(void) = { fork_and_exec, copy_on_write, mappings, signals, threads, pipes };
    pid_t pid[sizeof(work) / sizeof(work[0])];
    int idle = 0;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    end_time = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    for (unsigned int i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            work[i]();
            _exit(0);
        }
    }
    for (unsigned int i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
        int status;

        waitpid(pid[i], &status, 0);
        if (status && !shared->failed) {
            snprintf(shared->why, sizeof(shared->why), "worker %u ended with status %x", i,
                     (unsigned int)status);
            shared->failed = 1;
        }
    }
    printf("stress: %lu forks, %lu copies, %lu maps, %lu signals, %lu handoffs, %lu pipes\n", shared->forks,
           shared->copies, shared->maps, shared->signals, shared->handoffs, shared->pipes);
    idle = !shared->forks || !shared->copies || !shared->maps || !shared->signals || !shared->handoffs ||
           !shared->pipes;
    if (shared->failed)
        printf("stress: FAILED: %s\n", shared->why);
    else
        printf(idle ? "stress: FAILED: some kind of work never ran\n" : "stress: ok\n");
    return shared->failed || idle;
}
