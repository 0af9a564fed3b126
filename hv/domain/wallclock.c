/* SPDX-License-Identifier: MIT */
#include "hv/domain/wallclock.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"

#define NS_PER_S 1000000000ULL

void domain_update_wallclock(struct domain *d)
{
    struct shared_info *s = d->shared_info;
    uint64_t base = wallclock_base_ns();
    uint64_t seconds = base / NS_PER_S + (uint64_t)d->time_offset_seconds;
    uint32_t version;

    if (s == NULL)
        return;
    /* Odd while it changes; the guest may have left anything there. */
    version = (READ_ONCE(s->wc_version) | 1) + 2;
    WRITE_ONCE(s->wc_version, version);
    smp_wmb();
    s->wc_sec = (uint32_t)seconds;
    s->wc_sec_hi = (uint32_t)(seconds >> 32);
    s->wc_nsec = (uint32_t)(base % NS_PER_S);
    smp_wmb();
    WRITE_ONCE(s->wc_version, version + 1);
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
