/* SPDX-License-Identifier: MIT */
/* update_va_mapping: write the L1 entry of a virtual address in the caller's tables, and flush it. */
#include "hypercalls/mmu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"

static int write_mapping(struct vcpu *v, struct domain *pg_owner, uint64_t va, pte_t val)
{
    struct domain *d = v->domain;
    pte_t *slot;
    int rc;

    spin_lock(&d->mmu_lock);
    rc = page_finish_drops(d);
    if (likely(!rc)) {
        slot = pv_l1e_of(v, va);
        rc = likely(slot) ? pte_update_l1(d, pg_owner, slot, val) : -EINVAL;
    }
    pv_mmu_unlock(d);
    return rc;
}

/* UVMF_*: what to flush, and where: here, on all vCPUs, or on those of a bitmap at the address in the flags.
 */
static int flush_mapping(struct vcpu *v, uint64_t va, uint64_t flags)
{
    uint64_t where = flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK, what = flags & UVMF_FLUSHTYPE_MASK;
    cpumask_t cpus;
    int rc = 0;

    if (what != UVMF_TLB_FLUSH && what != UVMF_INVLPG)
        return 0;
    if (what == UVMF_TLB_FLUSH)
        va = FLUSH_ALL_VA;
    if (where == UVMF_LOCAL) {
        if (what == UVMF_INVLPG)
            invlpg(va);
        else
            tlb_flush_local();
        return 0;
    }
    if (where == UVMF_ALL)
        cpus = pv_dirty_cpus(v->domain);
    else
        rc = pv_vcpumask_cpus(v->domain, gva(where), &cpus);
    mmu_flush(cpus, va);
    return rc;
}

static int64_t update_mapping(uint64_t arg[6], struct domain *pg_owner)
{
    struct vcpu *v = current;
    int rc = write_mapping(v, pg_owner, arg[0], arg[1]);

    if (unlikely(rc))
        return rc == -ERESTART ? HYPERCALL_RESTART : rc;
    return arg[2] ? flush_mapping(v, arg[0], arg[2]) : 0;
}

/* arg: address, entry, UVMF_* flags. 0; -EINVAL when no L1 table covers the address; pte_update's errors;
 * -EFAULT for a bad bitmap. */
int64_t do_update_va_mapping(uint64_t arg[6])
{
    return update_mapping(arg, current->domain);
}

/* The same for an entry that refers to frames of the domain arg[3]. Also -ESRCH, -EPERM. */
int64_t do_update_va_mapping_otherdomain(uint64_t arg[6])
{
    struct domain *pg_owner = mmu_owner_get((domid_t)arg[3]);
    uint64_t entry = arg[1];
    int64_t rc;

    if (!pg_owner)
        return -ESRCH;
    rc = mmu_may_use(pg_owner);
    if (!rc && is_hvm_domain(pg_owner) && !mmu_translate(pg_owner, &arg[1]))
        rc = -EINVAL;
    if (!rc)
        rc = update_mapping(arg, pg_owner);
    arg[1] = entry; /* as the guest gave it, in case it is to be repeated */
    mmu_owner_put(pg_owner);
    return rc;
}
