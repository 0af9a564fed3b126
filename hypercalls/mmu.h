/* SPDX-License-Identifier: MIT */
/* What the page-table hypercalls share: the domains that they name, and how they stop half-way. */
#ifndef HYPERCALLS_MMU_H
#define HYPERCALLS_MMU_H

#include "hypercalls/hypercall.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv_mm.h"

/* Argument bits of mmu_update and mmuext_op: the call goes on after a restart, so *pdone counts what was done
 * before. */
#define MMU_CALL_PREEMPTED BIT(31)

/*
 * The domain that owns the frames a request may refer to: DOMID_SELF, DOMID_IO or another domain; NULL: there
 * is none. It is not yet said that the caller may (mmu_may_use).
 */
struct domain *mmu_other_get(domid_t id);
void mmu_other_put(struct domain *d);
int mmu_may_use_other(const struct domain *owner);
/* An entry that names a guest frame of the hardware guest d, to the machine frame's. False: there is none. */
bool mmu_translate(const struct domain *d, uint64_t *entry);

static inline struct domain *mmu_owner_get(domid_t id)
{
    return likely(id == DOMID_SELF) ? current->domain : mmu_other_get(id);
}

static inline void mmu_owner_put(struct domain *d)
{
    if (unlikely(d != current->domain))
        mmu_other_put(d);
}

/* 0 or -EPERM. */
static inline int mmu_may_use(const struct domain *owner)
{
    return likely(owner == current->domain) ? 0 : mmu_may_use_other(owner);
}

/*
 * End of mmu_update and mmuext_op: `done` of `count` requests of `size` bytes were carried out, the next one
 * gave `rc`. Counts them in *pdone and returns rc, or prepares the restart for -ERESTART.
 */
int64_t mmu_finish_slow(uint64_t arg[6], uint32_t done, uint32_t count, size_t size, int rc);

static inline int64_t mmu_finish(uint64_t arg[6], uint32_t done, uint32_t count, size_t size, int rc)
{
    return likely(!arg[2] && rc != -ERESTART) ? rc : mmu_finish_slow(arg, done, count, size, rc);
}

/* TLB flush or invlpg (va other than FLUSH_ALL_VA) on `cpus`. */
void mmu_flush(cpumask_t cpus, uint64_t va);

#endif
