/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/clock.h"
#include "tests/guests/framework/cpu.h"

uint64_t clock_read(const volatile struct vcpu_time_info *t)
{
    uint32_t version;
    uint64_t ns;

    do {
        uint64_t delta;

        version = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
        delta = rdtsc() - t->tsc_timestamp;
        delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
        ns = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != t->version);
    return ns;
}

uint64_t clock_now(void)
{
    return clock_read(&this_cpu()->info->time);
}
