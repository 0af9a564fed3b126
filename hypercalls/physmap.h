/* SPDX-License-Identifier: MIT */
/* What hypercalls do to the physical address space of a hardware guest (hv/hvm/p2m.h). */
#ifndef HYPERCALLS_PHYSMAP_H
#define HYPERCALLS_PHYSMAP_H

#include "hypercalls/memory.h"

/* XENMEM_add_to_physmap, _batch, and XENMEM_remove_from_physmap. */
memory_fn physmap_add, physmap_add_batch, physmap_remove;

/* New memory of d at g, in place of what is there. 0, -ENOMEM, -EINVAL. Takes d->mmu_lock. */
int physmap_populate(struct domain *d, gfn_t g, unsigned int order, unsigned int flags);
/* Give up what is at g: memory goes back, other mappings end. 0, -ENOENT, -ENOMEM. Takes d->mmu_lock. */
int physmap_give_up(struct domain *d, gfn_t g);

/* A grant at guest-physical `addr` of the current domain, whose pin the caller holds. 0, -errno. Unmapping is
 * followed by p2m_flush before the pin goes. A writable entry relies on a pin for writing, so it goes only
 * with one of the same kind. */
int physmap_grant_map(uint64_t addr, mfn_t m, bool readonly);
int physmap_grant_unmap(uint64_t addr, mfn_t m, bool readonly);

#endif
