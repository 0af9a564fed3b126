/* SPDX-License-Identifier: MIT */
/*
 * Page types: how a paravirtual guest may own its page tables and still not reach what is not its own.
 *
 * A PV guest runs on page tables in its own memory. It can read them but never write them: it asks for each
 * change (mmu_update, update_va_mapping), or its write faults and is emulated as such a request. What makes
 * that safe is that every frame has, besides its owner and its count of references, a type and a count of
 * uses as that type. The rules, and the guest tests that show them:
 *
 *  1. A frame is one of none, L1, L2, L3, L4 table, descriptor page (GDT or LDT), writable. It changes its
 * type only while the type count is 0. So a frame that is mapped writable anywhere is no table
 * (mmu_pin_writable), and a table is mapped writable nowhere, whoever asks and in whichever way
 * (mmu_writable_tables).
 *  2. A use counts: a writable L1 entry counts its frame as writable; an L2..L4 entry counts the table below
 * as L1..L3; a vCPU's base pointers count an L4; a pin counts a table once (mmu_pin); a GDT or LDT slot
 * counts a descriptor page. Each use also holds a reference to the frame, so that memory in use is never
 * freed. A read-only L1 entry holds only that reference.
 *  3. A table is validated when its count leaves 0: every present entry is checked and takes the references
 * of rule 2, recursively down to L1 (mmu_table_life). If one is refused, those taken before are dropped and
 * the frame is as it was (mmu_pin). When the count returns to 0, all references of its entries are dropped.
 *  4. Between, each change of an entry takes the new references, writes, and drops the old ones: pte.c.
 *  5. An L2..L4 entry refers to a table of the same domain and of exactly the level below (mmu_wrong_level).
 * One exception: it may refer to its own table if it does not permit writing, which guests use to see their
 * tables in a linear range (mmu_linear). Such an entry holds no reference. Entries that refer to another
 * table of the same level, which Xen also permits, are refused.
 *  6. An L1 entry refers to a frame of the same domain, or of the domain named in the request if the caller
 * may map its memory, or to a frame that is no RAM and is among the domain's I/O memory (mmu_not_owned).
 *  7. Bits: superpages and global bits above L1, and cache attributes of domains without hardware, are
 * refused; absent entries may hold anything (mmu_bad_bits), unless the CPU has L1TF (l1tf.h). Guest kernel
 * and user both run in ring 3, so the user bit is set in every entry; bit 52 marks the kernel's, and user
 * pages become global (mmu_readback).
 *  8. L4 slots 256..271 are the hypervisor's: never updated by guests, ignored by validation, and written
 * when a table becomes an L4 (mmu_hv_slots).
 *  9. When a frame changes from one type to another, TLB entries of its former life are flushed first where
 * they may still exist; until then it is not PGT_VALIDATED, so that nobody else can use it as the new type.
 * The stamp in struct frame tells which CPUs have flushed since. It is taken, under mmu_lock, whenever a
 * writable mapping of the owner's goes and when a table's count falls to 0. Uses of others do not stamp: who
 * unmaps a foreign frame flushes before the operation ends, and the hypervisor's own writes need no TLB.
 * 10. Validation and release of L2..L4 tables can be preempted. A frame being validated then is PGT_PARTIAL,
 * with `aux` entries done and one type and one general reference held by that state; whoever asks for the
 * same type goes on with it and takes these over. A frame being released has neither PGT_VALIDATED nor
 * PGT_PARTIAL, `aux` entries still hold references, and it stands on the domain's stack of drops, which holds
 * its references; every operation first finishes that stack. Nobody can use a frame as anything in these
 * states.
 *
 * Locking: types change to, from and between tables and descriptor pages only under the owner's mmu_lock.
 * Writable counts change without it (grants, foreign maps), so the type word is always changed by
 * compare-and-swap, except that a frame in one of the states of rule 10 belongs to the holder of the lock.
 */
#include "hv/pv/page_type.h"
#include "hv/cpu/ipi.h"
#include "hv/domain/work.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/mm/domain_memory.h"
#include "hv/pv/l1tf.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

/* Units of work: the fixed part of looking through a table, and a whole L1. */
#define WORK_TABLE 8
#define WORK_L1    64

static uint64_t table_state(const struct domain *d, uint64_t type, uint64_t flags)
{
    return type | PGT_OWNER(d->id) | flags;
}

/* Before a frame of d starts another life: no CPU may know it by the old one. */
static void flush_former_life(struct domain *d, const struct frame *f)
{
    cpumask_t stale = tlb_flush_needed(pv_dirty_cpus(d), f->stamp);

    if (stale.bits)
        tlb_flush_mask(stale, FLUSH_ALL_VA);
}

/* The type count becomes 0. The type itself stays, for the next life's question whether to flush. */
static void type_end(struct frame *f)
{
    f->stamp = tlb_clock_now();
    smp_wmb();
    WRITE_ONCE(f->type, f->type & PGT_TYPE_MASK);
}

static void drop_push(struct domain *d, struct frame *f)
{
    BUG_ON(d->pv.drops == ARRAY_SIZE(d->pv.drop));
    d->pv.drop[d->pv.drops++] = (uint32_t)frame_to_mfn(f).m;
}

/* Slots of an L4 that are not the guest's. */
static bool hv_slot(unsigned int level, unsigned int i)
{
    return level == 4 && i - HV_FIRST_SLOT <= HV_LAST_SLOT - HV_FIRST_SLOT;
}

static void l1_release(struct domain *d, struct frame *f, unsigned int entries)
{
    const pte_t *table = frame_to_virt(f);

    for (unsigned int i = 0; i < entries; i++)
        if (table[i] & PTE_P)
            pte_put_l1(table[i], d);
}

static int l1_validate(struct domain *d, struct frame *f)
{
    pte_t *table = frame_to_virt(f);

    if (pv_l1tf_refuses_table(d, table, 1))
        return -EINVAL;
    for (unsigned int i = 0; i < PTES_PER_PAGE; i++) {
        int rc;

        if (!(table[i] & PTE_P))
            continue;
        rc = pte_get_l1(table[i], d, d);
        if (rc) {
            l1_release(d, f, i);
            return rc;
        }
        table[i] = pte_adjust_l1(table[i]);
    }
    work_exhausted(WORK_L1);
    return 0;
}

static int upper_validate(struct domain *d, struct frame *f, unsigned int level)
{
    pte_t *table = frame_to_virt(f);
    int rc = 0;

    if (!f->aux && pv_l1tf_refuses_table(d, table, level))
        return -EINVAL;
    work_exhausted(WORK_TABLE);
    for (; f->aux < PTES_PER_PAGE; f->aux++) {
        pte_t e = table[f->aux];

        if (!(e & PTE_P) || hv_slot(level, f->aux))
            continue;
        rc = work_exhausted(1) ? -ERESTART : pte_get_upper(e, d, f, level);
        if (rc)
            return rc;
        table[f->aux] = e | PTE_US;
    }
    if (level == 4)
        pv_init_hv_slots(table);
    return 0;
}

static int segdesc_validate(struct frame *f)
{
    uint64_t *desc = frame_to_virt(f);

    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*desc); i++)
        if (!pv_descriptor_ok(&desc[i]))
            return -EINVAL;
    return 0;
}

/* The frame is ours alone, its type word is table_state(d, type, 1). Finish it, or take the state back. */
static int type_validate(struct domain *d, struct frame *f, uint64_t type)
{
    int rc;

    if (type == PGT_SEG_DESC)
        rc = segdesc_validate(f);
    else if (type == PGT_L1)
        rc = l1_validate(d, f);
    else
        rc = upper_validate(d, f, pgt_level(type));

    if (!rc) {
        WRITE_ONCE(f->type, table_state(d, type, PGT_VALIDATED | 1));
    } else if (rc == -ERESTART) {
        BUG_ON(!frame_get_any(f));
        WRITE_ONCE(f->type, table_state(d, type, PGT_PARTIAL | 1));
    } else if (type == PGT_SEG_DESC || type == PGT_L1 || !f->aux) {
        type_end(f);
    } else {
        BUG_ON(!frame_get_any(f));
        drop_push(d, f);
        page_finish_drops(d); /* if that is preempted, the next operation goes on with it */
    }
    return rc;
}

/* The type count leaves 0: nobody else can obtain the frame until it is validated. */
static int type_begin(struct domain *d, struct frame *f, uint64_t type, uint64_t former)
{
    if ((former & PGT_TYPE_MASK) != PGT_NONE && (former & PGT_TYPE_MASK) != type)
        flush_former_life(d, f);
    f->aux = 0;
    return type_validate(d, f, type);
}

static int type_get(struct domain *d, struct frame *f, uint64_t type)
{
    uint64_t x = READ_ONCE(f->type);
    int rc;

    for (;;) {
        if (!(x & PGT_COUNT_MASK)) {
            if (atomic_cmpxchg(&f->type, &x, table_state(d, type, 1)))
                return type_begin(d, f, type, x);
        } else if ((x & (PGT_TYPE_MASK | PGT_OWNER_MASK)) != table_state(d, type, 0)) {
            return -EINVAL;
        } else if (x & PGT_VALIDATED) {
            if (atomic_cmpxchg(&f->type, &x, x + 1))
                return 0;
        } else if (x & PGT_PARTIAL) {
            WRITE_ONCE(f->type, table_state(d, type, 1));
            rc = type_validate(d, f, type);
            frame_put(f); /* what the partial state held */
            return rc;
        } else {
            return -EINVAL; /* being released */
        }
    }
}

int page_get_type(mfn_t m, struct domain *d, uint64_t type)
{
    int rc;

    if (!frame_get_from_mfn(m, d))
        return -EINVAL;
    rc = type_get(d, mfn_to_frame(m), type);
    if (rc)
        frame_put(mfn_to_frame(m));
    return rc;
}

/* Drop a type and a general reference of a table or descriptor page; the last one of an L2..L4 goes onto the
 * stack of drops. */
static void type_put(struct domain *d, struct frame *f)
{
    uint64_t x = READ_ONCE(f->type);

    ASSERT(x & PGT_COUNT_MASK);
    while ((x & PGT_COUNT_MASK) != 1)
        if (atomic_cmpxchg(&f->type, &x, x - 1)) {
            frame_put(f);
            return;
        }
    /* The last reference: no other one can be taken meanwhile, as that needs the lock. */
    if (!pgt_is_table(x)) {
        type_end(f);
        frame_put(f);
        return;
    }
    WRITE_ONCE(f->type, x & ~PGT_VALIDATED);
    f->aux = PTES_PER_PAGE;
    if (pgt_level(x) > 1) {
        drop_push(d, f);
        return;
    }
    l1_release(d, f, PTES_PER_PAGE);
    work_exhausted(WORK_L1);
    type_end(f);
    frame_put(f);
}

/* Drop entries of the topmost frame on the stack, until none is left or another frame is on top of it. */
static int drop_entries(struct domain *d, struct frame *f)
{
    unsigned int level = pgt_level(f->type), drops = d->pv.drops;
    const pte_t *table = frame_to_virt(f);

    while (f->aux && d->pv.drops == drops) {
        unsigned int i = f->aux - 1u;
        pte_t e = table[i];

        if ((e & PTE_P) && !hv_slot(level, i)) {
            if (work_exhausted(1))
                return -ERESTART;
            f->aux = (uint16_t)i;
            if (!mfn_eq(pte_mfn(e), frame_to_mfn(f)))
                type_put(d, mfn_to_frame(pte_mfn(e)));
        }
        f->aux = (uint16_t)i;
    }
    return 0;
}

int page_finish_drops_slow(struct domain *d)
{
    while (unlikely(d->pv.drops)) {
        unsigned int top = d->pv.drops - 1;
        struct frame *f = mfn_to_frame(mfn(d->pv.drop[top]));

        if (drop_entries(d, f))
            return -ERESTART;
        if (f->aux)
            continue;
        /* A child of the last entry may stand above f. */
        for (unsigned int i = top; i + 1 < d->pv.drops; i++)
            d->pv.drop[i] = d->pv.drop[i + 1];
        d->pv.drops--;
        work_exhausted(WORK_TABLE);
        type_end(f);
        frame_put(f);
    }
    return 0;
}

int page_put_type(struct frame *f)
{
    struct domain *d = frame_owner(f);
    bool table = pgt_is_table(f->type);

    type_put(d, f);
    return table ? page_finish_drops(d) : 0;
}

void page_put_upper(struct domain *d, struct frame *f)
{
    type_put(d, f);
}

/* Another CPU makes the frame writable and is still flushing: it may be waiting for this one. */
static uint64_t wait_validated(const struct frame *f)
{
    cpu_service_requests();
    cpu_relax();
    return READ_ONCE(f->type);
}

bool page_get_writable_slow(struct frame *f)
{
    uint64_t x = READ_ONCE(f->type);

    for (;;) {
        if ((x & PGT_TYPE_MASK) != PGT_WRITABLE) {
            if (x & PGT_COUNT_MASK)
                return false;
            if (atomic_cmpxchg(&f->type, &x, PGT_WRITABLE | 1))
                break;
        } else if (!(x & PGT_VALIDATED)) {
            x = wait_validated(f);
        } else if (atomic_cmpxchg(&f->type, &x, x + 1)) {
            return true;
        }
    }
    if ((x & PGT_TYPE_MASK) != PGT_NONE)
        flush_former_life(frame_owner(f), f);
    atomic_fetch_or(&f->type, PGT_VALIDATED);
    return true;
}

int page_pin(struct domain *d, mfn_t m, unsigned int level)
{
    struct frame *f = mfn_to_frame(m);
    int rc;

    if (unlikely(d->dying))
        return -EINVAL; /* the teardown has perhaps passed the frame */
    rc = page_get_type(m, d, PGT_TABLE(level));
    if (rc)
        return rc;
    if (atomic_fetch_or(&f->type, PGT_PINNED) & PGT_PINNED) {
        type_put(d, f);
        return -EINVAL;
    }
    return 0;
}

int page_drop_pin(struct domain *d, struct frame *f)
{
    uint64_t x = READ_ONCE(f->type);

    if (x & PGT_PINNED) {
        atomic_and(&f->type, ~PGT_PINNED);
        type_put(d, f);
    } else if (x & PGT_PARTIAL) {
        WRITE_ONCE(f->type, x & ~PGT_PARTIAL);
        drop_push(d, f);
    }
    return page_finish_drops(d);
}

int page_unpin(struct domain *d, mfn_t m)
{
    struct frame *f = mfn_to_frame(m);
    int rc = -EINVAL;

    if (!frame_get_from_mfn(m, d))
        return -EINVAL;
    if (READ_ONCE(f->type) & PGT_PINNED)
        rc = page_drop_pin(d, f);
    frame_put(f);
    return rc;
}
