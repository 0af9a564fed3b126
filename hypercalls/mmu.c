/* SPDX-License-Identifier: MIT */
/* What mmu_update, mmuext_op and update_va_mapping share. */
#include "hypercalls/mmu.h"
#include "hv/cpu/ipi.h"
#include "hv/hvm/p2m.h"
#include "hv/mm/paging.h"

struct domain *mmu_other_get(domid_t id)
{
    struct domain *self = current->domain;

    if (id == self->id)
        return self;
    return id == DOMID_IO ? &dom_io : domain_by_id(id);
}

void mmu_other_put(struct domain *d)
{
    if (d != &dom_io)
        domain_put(d);
}

int mmu_may_use_other(const struct domain *owner)
{
    return owner == &dom_io ? 0 : may(current->domain, ACTION_MAP_FOREIGN, owner);
}

bool mmu_translate(const struct domain *d, uint64_t *entry)
{
    mfn_t m;

    if (!(*entry & PTE_P))
        return true;
    m = p2m_lookup(d, gfn(pte_mfn(*entry).m), NULL);
    *entry = (*entry & ~PTE_ADDR) | (m.m << PAGE_SHIFT & PTE_ADDR);
    return m.m != INVALID_MFN_RAW;
}

int64_t mmu_finish_slow(uint64_t arg[6], uint32_t done, uint32_t count, size_t size, int rc)
{
    uint32_t before = 0;

    if (arg[2]) {
        if ((arg[1] & MMU_CALL_PREEMPTED) && read_guest(&before, gva(arg[2])))
            before = 0;
        before += done;
        if (write_guest(gva(arg[2]), &before))
            before = 0; /* a bad pointer is the caller's loss only */
    }
    if (likely(rc != -ERESTART))
        return rc;
    arg[0] += done * size;
    arg[1] = (count - done) | MMU_CALL_PREEMPTED;
    return HYPERCALL_RESTART;
}

void mmu_flush(cpumask_t cpus, uint64_t va)
{
    if (cpus.bits)
        tlb_flush_mask(cpus, va);
}
