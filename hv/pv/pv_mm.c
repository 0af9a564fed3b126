/* SPDX-License-Identifier: MIT */
/* Address spaces of PV guests. */
#include "hv/pv/pv_mm.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/tlb.h"
#include "hv/domain/work.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/guest_access.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"

void pv_init_hv_slots(pte_t *l4)
{
    memcpy(&l4[HV_FIRST_SLOT], &idle_l4[HV_FIRST_SLOT], (HV_LAST_SLOT - HV_FIRST_SLOT + 1) * sizeof(pte_t));
}

void pv_load_cr3(struct vcpu *v)
{
    mfn_t m = v->pv.in_kernel || !v->pv.user_table.m ? v->pv.kernel_table : v->pv.user_table;

    v->pv.cr3 = m.m << PAGE_SHIFT;
    tlb_switch_cr3(v->pv.cr3);
}

cpumask_t pv_dirty_cpus(const struct domain *d)
{
    cpumask_t cpus = { 0 };
    struct vcpu *v;

    for_each_vcpu (d, v)
        cpus.bits |= READ_ONCE(v->dirty_cpus.bits);
    return cpus;
}

int pv_vcpumask_cpus(const struct domain *d, gva_t bitmap, cpumask_t *cpus)
{
    uint64_t named;
    unsigned int id;

    _Static_assert(MAX_VCPUS <= 64, "one word names all vCPUs");
    cpus->bits = 0;
    if (read_guest(&named, bitmap))
        return -EFAULT;
    for_each_set_bit (id, &named, d->max_vcpus)
        if (d->vcpu[id])
            cpus->bits |= READ_ONCE(d->vcpu[id]->dirty_cpus.bits);
    return 0;
}

void pv_mmu_unlock_owing(struct domain *d)
{
    uint8_t owes = d->pv.owes, level = d->pv.exposing_level;
    pte_t exposing = d->pv.exposing;

    d->pv.owes = 0;
    if (owes & PV_OWES_FLUSH)
        tlb_flush_mask(pv_dirty_cpus(d), FLUSH_ALL_VA);
    spin_unlock(&d->mmu_lock);
    if (owes & PV_OWES_CRASH)
        domain_crash(d, "L1TF-vulnerable L%ue %016lx", level, exposing);
}

int pv_new_base(struct vcpu *v, mfn_t m)
{
    mfn_t old = v->pv.kernel_table;
    int rc;

    if (!mfn_eq(old, m)) {
        rc = page_get_type(m, v->domain, PGT_L4);
        if (rc)
            return rc;
        pv_drop_ldt(v);
        v->pv.kernel_table = m;
    }
    pv_load_cr3(v);
    return mfn_eq(old, m) ? 0 : page_put_type(mfn_to_frame(old));
}

int pv_new_user_base(struct vcpu *v, mfn_t m)
{
    mfn_t old = v->pv.user_table;
    int rc;

    if (mfn_eq(old, m))
        return 0;
    if (m.m) {
        rc = page_get_type(m, v->domain, PGT_L4);
        if (rc)
            return rc;
    }
    v->pv.user_table = m;
    return old.m ? page_put_type(mfn_to_frame(old)) : 0;
}

enum { RELINQUISH_VCPUS, RELINQUISH_PINS, RELINQUISH_FRAMES, RELINQUISH_DONE };

static int drop_base(mfn_t *base)
{
    mfn_t old = *base;

    *base = mfn(0);
    return old.m ? page_put_type(mfn_to_frame(old)) : 0;
}

/* What vCPUs hold: base pointers and descriptor pages. */
static int relinquish_vcpus(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        pv_drop_gdt(v);
        pv_drop_ldt(v);
        if (drop_base(&v->pv.user_table) || drop_base(&v->pv.kernel_table))
            return -ERESTART;
    }
    return 0;
}

/* Pins, so that all tables lose their types, and then the allocations; a frame that somebody else uses goes
 * later. */
static int relinquish_frames(struct domain *d, bool pins)
{
    for (;;) {
        struct frame *f = domain_frame_next(d, d->pv.relinquish_at);

        d->pv.relinquish_at = f;
        if (!f)
            return 0;
        if (!pins)
            frame_drop_allocation(f);
        else if (page_drop_pin(d, f))
            return -ERESTART;
        if (work_exhausted(1))
            return -ERESTART;
    }
}

int pv_relinquish_memory(struct domain *d)
{
    int rc;

    spin_lock(&d->mmu_lock);
    rc = page_finish_drops(d);
    while (!rc && d->pv.relinquish_step != RELINQUISH_DONE) {
        if (d->pv.relinquish_step == RELINQUISH_VCPUS)
            rc = relinquish_vcpus(d);
        else
            rc = relinquish_frames(d, d->pv.relinquish_step == RELINQUISH_PINS);
        if (!rc)
            d->pv.relinquish_step++;
    }
    spin_unlock(&d->mmu_lock);
    return rc;
}
