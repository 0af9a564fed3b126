/* SPDX-License-Identifier: MIT */
/* Points in time as POSIX's waiting functions take them. */
#ifndef PVGUEST_POSIX_DEADLINE_H
#define PVGUEST_POSIX_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The time of time_ns() at which that clock shows *when; false if *when is none. NULL is never. */
bool deadline_of(const struct timespec *when, clockid_t clock, uint64_t *deadline);

#endif
