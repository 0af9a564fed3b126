/* SPDX-License-Identifier: MIT */
#include "hv/domain/wallclock.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"

#define NS_PER_S 1000000000ULL

/* The clock in shared_info: behind the 32-bit layout's smaller event bits in a 32-bit guest's. */
struct wallclock {
    uint32_t version, seconds, ns, seconds_high;
};
_Static_assert(offsetof(struct shared_info, wc_sec_hi) ==
                   offsetof(struct shared_info, wc_version) + offsetof(struct wallclock, seconds_high),
               "the fields stand together");
#define NARROW_WALLCLOCK 0x900

static struct wallclock *wallclock_of(struct domain *d)
{
    if (d->narrow_layout)
        return (struct wallclock *)(void *)((char *)d->shared_info + NARROW_WALLCLOCK);
    return (struct wallclock *)(void *)&d->shared_info->wc_version;
}

void domain_update_wallclock(struct domain *d)
{
    struct wallclock *w = wallclock_of(d);
    uint64_t base = wallclock_base_ns();
    uint64_t seconds = base / NS_PER_S + (uint64_t)d->time_offset_seconds;
    uint32_t version;

    if (d->shared_info == NULL)
        return;
    /* Odd while it changes; the guest may have left anything there. */
    version = (READ_ONCE(w->version) | 1) + 2;
    WRITE_ONCE(w->version, version);
    smp_wmb();
    w->seconds = (uint32_t)seconds;
    if (!d->narrow_layout) /* 32-bit guests have it elsewhere, and none looks before 2106 */
        w->seconds_high = (uint32_t)(seconds >> 32);
    w->ns = (uint32_t)(base % NS_PER_S);
    smp_wmb();
    WRITE_ONCE(w->version, version + 1);
}

void wallclock_set(uint64_t ns)
{
    struct domain *d;

    wallclock_set_base_ns(ns);
    spin_lock(&domlist_lock);
    for_each_domain (d)
        domain_update_wallclock(d);
    spin_unlock(&domlist_lock);
}
