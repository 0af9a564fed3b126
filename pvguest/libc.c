/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the C library that are neither files (file.c, path_calls.c, dir.c) nor memory (heap.c):
 * time, the environment, the end. A guest is one process: what makes others fails with ENOSYS.
 */
#include "pvguest/libc.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/file.h"
#include "pvguest/panic.h"
#include "pvguest/posix/deadline.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <reent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xen/sched.h>

/* newlib's hooks that no header of its declares. */
struct _reent *__getreent(void);
void _init(void);
void _fini(void);
int getentropy(void *buf, size_t length);
void __sinit(struct _reent *reent);

void _init(void)
{
}

void _fini(void)
{
}

struct _reent *__getreent(void)
{
    return this_cpu()->reent;
}

void _exit(int status)
{
    if (status)
        console_printf("main returned %d\n", status);
    domain_shutdown(status ? SHUTDOWN_crash : SHUTDOWN_poweroff);
}

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        errno = EINVAL;
        return -1;
    }
    *ts = to_timespec(clock == CLOCK_REALTIME ? time_wallclock_ns() : time_ns());
    return 0;
}

int clock_getres(clockid_t clock, struct timespec *ts)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        errno = EINVAL;
        return -1;
    }
    *ts = to_timespec(1);
    return 0;
}

int gettimeofday(struct timeval *tv, void *tz)
{
    struct timespec ts = to_timespec(time_wallclock_ns());

    (void)tz;
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

clock_t times(struct tms *buf)
{
    clock_t now = (clock_t)(time_ns() / (NSEC_PER_SEC / CLOCKS_PER_SEC));

    *buf = (struct tms){ .tms_utime = now };
    return now;
}

/* There are no signals, so nothing interrupts the sleep and nothing remains of it. */
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    if (wanted->tv_sec < 0 || wanted->tv_nsec < 0 || wanted->tv_nsec >= (long)NSEC_PER_SEC) {
        errno = EINVAL;
        return -1;
    }
    thread_sleep((uint64_t)wanted->tv_sec * NSEC_PER_SEC + (uint64_t)wanted->tv_nsec);
    if (left)
        *left = (struct timespec){ 0, 0 };
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
    uint64_t deadline, now;

    if (!(flags & TIMER_ABSTIME))
        return nanosleep(wanted, left) ? EINVAL : 0;
    if (!deadline_of(wanted, clock, &deadline))
        return EINVAL;
    now = time_ns();
    thread_sleep(deadline > now ? deadline - now : 0);
    return 0;
}

int usleep(useconds_t us)
{
    thread_sleep(us * NSEC_PER_USEC);
    return 0;
}

unsigned int sleep(unsigned int seconds)
{
    thread_sleep(seconds * NSEC_PER_SEC);
    return 0;
}

pid_t getpid(void)
{
    return 1;
}

/* abort() and assert() end here by way of raise(). */
int kill(pid_t pid, int sig)
{
    if (pid != getpid()) {
        errno = ESRCH;
        return -1;
    }
    panic("signal %d (%s)", sig, sig == SIGABRT ? "abort" : "raised by the program");
}

static bool cpu_has_rdrand(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;

    __asm__ __volatile__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ecx & (1U << 30);
}

bool libc_entropy_is_good(void)
{
    return cpu_has_rdrand();
}

static uint64_t rdrand(void)
{
    uint64_t value;
    bool ok;

    for (int tries = 0; tries < 10; tries++) {
        __asm__ __volatile__("rdrand %0" : "=r"(value), "=@ccc"(ok));
        if (ok)
            return value;
    }
    return 0;
}

/* Steele, Lea and Flood's splitmix64 finaliser: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/* The CPU's generator, mixed with clocks; without such a generator the clocks alone, which is no
 * cryptographic quality. */
int getentropy(void *buf, size_t length)
{
    static uint64_t state;
    bool has_rdrand = cpu_has_rdrand();

    if (length > 256) {
        errno = EIO;
        return -1;
    }
    for (size_t done = 0; done < length;) {
        size_t chunk = length - done < sizeof(state) ? length - done : sizeof(state);

        state = mix(state + rdtsc()) ^ mix(time_wallclock_ns());
        if (has_rdrand)
            state ^= rdrand();
        memcpy((char *)buf + done, &state, chunk);
        done += chunk;
    }
    return 0;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1))
        return EINVAL;
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

static int unsupported(int error)
{
    errno = error;
    return -1;
}

pid_t fork(void)
{
    return unsupported(ENOSYS);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
    (void)path, (void)argv, (void)envp;
    return unsupported(ENOSYS);
}

pid_t wait(int *status)
{
    (void)status;
    return unsupported(ECHILD);
}

pid_t waitpid(pid_t process, int *status, int options)
{
    (void)process, (void)options;
    return wait(status);
}

void libc_init(void)
{
    file_init();
    /* exit() flushes the streams of the global state, and only once that was initialised; threads initialise
     * their own. */
    __sinit(_GLOBAL_REENT);
}
