/* SPDX-License-Identifier: MIT */
#include "pvguest/time.h"
#include "pvguest/cpu.h"
#include "pvguest/shared_info.h"

uint64_t time_start_tsc;

/* Nanoseconds in a TSC difference, by the hypervisor's shift and 0.32 fixed-point factor. */
static uint64_t scale(uint64_t delta, uint32_t factor, int8_t shift)
{
    delta = shift >= 0 ? delta << shift : delta >> -shift;
    return (uint64_t)(((unsigned __int128)delta * factor) >> 32);
}

uint64_t time_ns(void)
{
    const volatile struct vcpu_time_info *info = &this_cpu()->info->time;
    uint32_t version;
    uint64_t now;
    do {
        version = info->version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        now = info->system_time +
              scale(rdtsc() - info->tsc_timestamp, info->tsc_to_system_mul, info->tsc_shift);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != info->version);
    return now;
}

uint64_t time_wallclock_ns(void)
{
    uint32_t version;
    uint64_t base;

    do {
        version = *(volatile uint32_t *)&shared_info->wc_version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        base = ((uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec) * NSEC_PER_SEC +
               shared_info->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != *(volatile uint32_t *)&shared_info->wc_version);
    return base + time_ns();
}

uint64_t time_tsc_khz(void)
{
    const struct vcpu_time_info *info = &this_cpu()->info->time;
    uint64_t khz = (NSEC_PER_MSEC << 32) / info->tsc_to_system_mul;

    return info->tsc_shift < 0 ? khz << -info->tsc_shift : khz >> info->tsc_shift;
}
