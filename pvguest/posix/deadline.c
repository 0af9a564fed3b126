/* SPDX-License-Identifier: MIT */
#include "pvguest/posix/deadline.h"
#include "pvguest/time.h"

bool deadline_of(const struct timespec *when, clockid_t clock, uint64_t *deadline)
{
    uint64_t now = time_ns();
    uint64_t base = clock == CLOCK_MONOTONIC ? 0 : time_wallclock_ns() - now;
    uint64_t ns;

    *deadline = TIME_NEVER;
    if (!when)
        return true;
    if (when->tv_nsec < 0 || when->tv_nsec >= (long)NSEC_PER_SEC)
        return false;
    if (when->tv_sec < 0) {
        *deadline = 0;
        return true;
    }
    if (__builtin_mul_overflow((uint64_t)when->tv_sec, NSEC_PER_SEC, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)when->tv_nsec, &ns))
        return true;
    *deadline = ns > base ? ns - base : 0;
    return true;
}
