/* SPDX-License-Identifier: MIT */
/*
 * Page types under random guests: a model that walks all tables counts what each frame should hold, and is
 * compared with the frame table after every few operations. Operations are preempted at random points.
 */
/* unit-sources: */
#include "tests/unit/fake_memory.h"

/* No guest memory but through the direct map. */
#define HV_MM_GUEST_ACCESS_H
#include "hv/lib/errno.h"
#include "hv/mm/mfn.h"
#define read_guest(obj, src) ((void)(obj), (void)(src), -EFAULT)
static bool guest_range_ok(gva_t a, uint64_t bytes)
{
    return a.va + bytes <= CANONICAL_LOW_END;
}

#include "hv/cpu/ipi.h"
#include "hv/cpu/tlb.h"
#include "hv/domain/domain.h"
#include "hv/mm/frame_alloc.c"
#include "hv/mm/frame_chunk.c"
#include "hv/mm/frame_ref.c"
#include "hv/mm/domain_memory.c"
#include "hv/domain/work.h"
#include "hv/pv/page_type.c"
#include "hv/pv/pte.c"
#include "hv/pv/pv_mm.c"

#define FRAMES  40 /* of the guest; few, so that tables meet */
#define IO_MFN  0xfee00ULL
#define IO_OPEN 0xfd000ULL

static struct domain guest, other;
static struct vcpu vcpu;
static struct frame *owned[FRAMES], *others;
static uint64_t extra[FRAMES]; /* type and general references that the test holds: base pointers */
static pte_t template[PTES_PER_PAGE];
pte_t *idle_l4 = template;
uint64_t pte_phys_mask = PTE_ADDR;

/* hv/pv/l1tf.c: here an absent entry is refused for any address. */
bool pv_l1tf_check[2];
bool pv_l1tf_refuse(struct domain *d, pte_t e, unsigned int level)
{
    if (e & PTE_ADDR) {
        d->pv.owes |= PV_OWES_CRASH;
        d->pv.exposing = e;
        d->pv.exposing_level = (uint8_t)level;
    }
    return e & PTE_ADDR;
}

bool pv_l1tf_refuse_table(struct domain *d, const pte_t *table, unsigned int level)
{
    bool refused = false;

    for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
        refused |= !(table[i] & PTE_P) && pv_l1tf_refuse(d, table[i], level);
    return refused;
}

/* What the sources call and the test does not need. */
void domain_crash(struct domain *d __unused, const char *why __unused, ...)
{
}
void tlb_switch_cr3(uint64_t cr3 __unused)
{
}
void pv_drop_ldt(struct vcpu *v __unused)
{
}
void pv_drop_gdt(struct vcpu *v __unused)
{
}
void cpu_service_requests(void)
{
    cr_assert_fail("one CPU waits for itself");
}
bool domain_get(struct domain *d)
{
    d->refcount++;
    return true;
}
void domain_put_locked(struct domain *d)
{
    d->refcount--;
}
/* A descriptor page is good when no descriptor is 0xbad. */
bool pv_descriptor_ok(uint64_t *desc)
{
    return *desc != 0xbad;
}
bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last)
{
    return r && first == last && first == IO_OPEN;
}
bool rangeset_is_empty(const struct rangeset *r)
{
    return !r;
}

static void domain_start(struct domain *d, domid_t id)
{
    d->id = id;
    d->max_pages = 1000;
    d->page_list = FRAME_LIST_END;
    d->refcount = 1;
    spin_lock_init(&d->page_lock, LOCK_PAGE_ALLOC);
    spin_lock_init(&d->mmu_lock, LOCK_MMU);
    d->iomem = (struct rangeset *)(void *)&guest;
}

static void start(void)
{
    static const struct boot_ram_range ram[] = { { 0, MIB(32) } };

    fake_memory_init();
    max_mfn = MIB(32) >> PAGE_SHIFT;
    frame_boot_ranges(ram, 1, ram, 1);
    frame_alloc_start();
    domain_start(&guest, 1);
    domain_start(&other, 2);
    vcpu.domain = &guest;
    guest.max_vcpus = 1;
    guest.vcpu[0] = &vcpu;
    vcpu.dirty_cpus.bits = 1;
    current = &vcpu;
    for (unsigned int i = 0; i < FRAMES; i++)
        owned[i] = domain_alloc_frames(&guest, 0, ALLOC_ZERO);
    others = domain_alloc_frames(&other, 0, ALLOC_ZERO);
}

/* The model */

static uint64_t uses[FRAMES][8], refs[FRAMES]; /* by type; general references */

static int index_of(mfn_t m)
{
    for (int i = 0; i < FRAMES; i++)
        if (frame_to_mfn(owned[i]).m == m.m)
            return i;
    return -1;
}

static void count_use(int i, uint64_t type)
{
    uses[i][type >> 61]++;
    refs[i]++;
}

static void count_entry(const struct frame *table, unsigned int level, unsigned int slot)
{
    pte_t e = ((pte_t *)frame_to_virt(table))[slot];
    int to = index_of(pte_mfn(e));

    if (!(e & PTE_P) || hv_slot(level, slot))
        return;
    if (level == 1 && (pte_mfn(e).m == IO_OPEN || pte_mfn(e).m == frame_to_mfn(others).m))
        return;
    cr_assert(to >= 0, "an entry refers to frame %lx", (unsigned long)pte_mfn(e).m);
    cr_assert(e & PTE_US);
    if (level == 1) {
        refs[to]++;
        uses[to][PGT_WRITABLE >> 61] += !!(e & PTE_RW);
    } else if (mfn_eq(pte_mfn(e), frame_to_mfn(table))) {
        cr_assert(!(e & PTE_RW), "a writable linear entry");
    } else {
        count_use(to, PGT_TABLE(level - 1));
    }
}

static bool on_drop_stack(const struct frame *f)
{
    for (unsigned int i = 0; i < guest.pv.drops; i++)
        if (guest.pv.drop[i] == frame_to_mfn(f).m)
            return true;
    return false;
}

static void count_table(int i)
{
    struct frame *f = owned[i];
    unsigned int level = pgt_level(f->type), entries = 0;

    if (!(f->type & PGT_COUNT_MASK) || !pgt_is_table(f->type))
        return;
    if (f->type & PGT_VALIDATED) {
        entries = PTES_PER_PAGE;
        if (f->type & PGT_PINNED)
            count_use(i, PGT_TABLE(level));
    } else {
        cr_assert((f->type & PGT_PARTIAL) || on_drop_stack(f), "frame %d is in no state", i);
        entries = f->aux;
        count_use(i, PGT_TABLE(level));
    }
    for (unsigned int slot = 0; slot < entries; slot++)
        count_entry(f, level, slot);
}

static void check_model(void)
{
    memset(uses, 0, sizeof(uses));
    memset(refs, 0, sizeof(refs));
    for (int i = 0; i < FRAMES; i++)
        count_table(i);
    for (int i = 0; i < FRAMES; i++) {
        uint64_t type = owned[i]->type;

        uses[i][PGT_L4 >> 61] += extra[i];
        refs[i] += extra[i] + 1; /* the allocation's */
        for (unsigned int t = 1; t < 8; t++)
            cr_assert_eq(uses[i][t], type >> 61 == t ? type & PGT_COUNT_MASK : 0,
                         "frame %d: type %lx, but %lu uses as %u", i, (unsigned long)type,
                         (unsigned long)uses[i][t], t);
        cr_assert_eq(owned[i]->count & FRAME_COUNT_MASK, refs[i], "frame %d", i);
    }
}

/* The guest */

static mfn_t random_mfn(void)
{
    switch (fake_random(40)) {
    case 0:
        return mfn(IO_MFN);
    case 1:
        return mfn(IO_OPEN);
    case 2:
        return frame_to_mfn(others);
    case 3:
        return mfn(fake_random(1 << 14));
    default:
        return frame_to_mfn(owned[fake_random(FRAMES)]);
    }
}

static pte_t random_entry(void)
{
    static const uint64_t flags[] = { PTE_P | PTE_US,         PTE_P, PTE_P | PTE_RW, PTE_P | PTE_RW | PTE_US,
                                      PTE_P | PTE_NX | PTE_A, 0 };
    pte_t e = pte_make(random_mfn(), flags[fake_random(ARRAY_SIZE(flags))]);

    return fake_random(20) ? e : e | BIT(fake_random(12)) | BIT(52 + fake_random(12));
}

static void random_budget(void)
{
    vcpu.work = fake_random(3) ? 0 : WORK_BUDGET - fake_random(80);
}

/* As a guest writes memory that it may write. */
static void op_write(struct frame *f)
{
    if (!page_get_writable(f))
        return;
    memset(frame_to_virt(f), 0, PAGE_SIZE);
    for (unsigned int n = fake_random(5); n > 0; n--)
        ((pte_t *)frame_to_virt(f))[fake_random(PTES_PER_PAGE)] = random_entry();
    page_put_writable(f);
}

static void op_update(struct frame *f)
{
    unsigned int level = page_table_level(f, &guest);
    pte_t *slot = (pte_t *)frame_to_virt(f) + fake_random(PTES_PER_PAGE), before = *slot,
          val = random_entry();
    struct domain *pg_owner = fake_random(10) ? &guest : &other;
    int rc;

    if (!level)
        return;
    rc = fake_random(4) || level > 1 ? pte_update(&guest, pg_owner, level, slot, val, fake_random(2))
                                     : pte_replace_l1(&guest, slot, before, val);
    if (rc)
        cr_assert_eq(*slot, before, "a refused update changed the entry");
}

static void op_base(unsigned int i)
{
    mfn_t m = frame_to_mfn(owned[i]);

    if (extra[i] && fake_random(2)) {
        extra[i]--;
        (void)page_put_type(owned[i]);
    } else if (page_get_type(m, &guest, PGT_L4) == 0) {
        extra[i]++;
    }
}

static void random_op(void)
{
    unsigned int i = fake_random(FRAMES);
    struct frame *f = owned[i];

    random_budget();
    if (page_finish_drops(&guest))
        return;
    switch (fake_random(10)) {
    case 0 ... 2:
        op_write(f);
        break;
    case 3 ... 5:
        (void)page_pin(&guest, frame_to_mfn(f), 1 + fake_random(4));
        break;
    case 6:
        (void)page_unpin(&guest, frame_to_mfn(f));
        break;
    case 7:
        op_base(i);
        break;
    default:
        op_update(f);
        break;
    }
}

static unsigned int tables_of(unsigned int level)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < FRAMES; i++)
        n += page_table_level(owned[i], &guest) == level;
    return n;
}

Test(page_type, random_guest, .init = start)
{
    unsigned int seen[5] = { 0 };

    for (unsigned int n = 0; n < 60000; n++) {
        random_op();
        if (n % 16 == 0)
            check_model();
        for (unsigned int level = 1; level <= 4 && n % 512 == 0; level++)
            seen[level] += tables_of(level);
    }
    for (unsigned int level = 1; level <= 4; level++)
        cr_assert_gt(seen[level], 20, "hardly any table of level %u was ever valid: the test shows nothing",
                     level);
}

Test(page_type, teardown_leaves_nothing, .init = start)
{
    for (unsigned int n = 0; n < 20000; n++)
        random_op();
    for (unsigned int i = 0; i < FRAMES; i++)
        for (; extra[i]; extra[i]--)
            (void)page_put_type(owned[i]);
    do
        random_budget();
    while (pv_relinquish_memory(&guest) == -ERESTART);
    cr_assert_eq(guest.tot_pages, 0);
    cr_assert_eq(guest.page_list, FRAME_LIST_END);
    cr_assert_eq(guest.refcount, 1);
    cr_assert_eq(others->count & FRAME_COUNT_MASK, 1, "the other domain's frame is only its own again");
    cr_assert_eq(others->type & PGT_COUNT_MASK, 0);
}

/* Builds L4 -> L3 -> L2 -> L1 with `entries` entries in L2..L4 all the same, as deep guests do. */
static void build_tree(unsigned int entries)
{
    for (unsigned int level = 4; level > 1; level--)
        for (unsigned int i = 0; i < entries; i++)
            ((pte_t *)frame_to_virt(owned[level]))[i] =
                pte_make(frame_to_mfn(owned[level - 1]), PTE_P | PTE_RW | PTE_US);
    for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
        ((pte_t *)frame_to_virt(owned[1]))[i] = pte_make(frame_to_mfn(owned[5]), PTE_P | PTE_RW | PTE_US);
}

static unsigned int pin_fully(void)
{
    unsigned int restarts = 0;

    for (;; restarts++) {
        int rc;

        vcpu.work = WORK_BUDGET - 100;
        rc = page_pin(&guest, frame_to_mfn(owned[4]), 4);
        check_model();
        if (rc != -ERESTART) {
            cr_assert_eq(rc, 0);
            return restarts;
        }
        cr_assert(page_table_level(owned[4], &guest) == 0);
    }
}

Test(page_type, preempted_pin_and_unpin, .init = start)
{
    build_tree(256);
    cr_assert_gt(pin_fully(), 5);
    vcpu.work = WORK_BUDGET - 100;
    cr_assert_eq(page_unpin(&guest, frame_to_mfn(owned[4])), -ERESTART);
    check_model();
    do {
        vcpu.work = WORK_BUDGET - 100;
        check_model();
    } while (page_finish_drops(&guest));
    check_model();
    for (unsigned int i = 0; i < FRAMES; i++)
        cr_assert_eq(owned[i]->type & PGT_COUNT_MASK, 0);
}

/* A pin that was begun and never went on is cleaned up with the domain. */
Test(page_type, abandoned_pin, .init = start)
{
    build_tree(256);
    vcpu.work = WORK_BUDGET - 20;
    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[4]), 4), -ERESTART);
    vcpu.work = 0;
    cr_assert_not(page_get_writable(owned[4]));
    cr_assert_eq(page_unpin(&guest, frame_to_mfn(owned[4])), -EINVAL);
    while (pv_relinquish_memory(&guest) == -ERESTART)
        vcpu.work = 0;
    cr_assert_eq(guest.tot_pages, 0);
}

Test(page_type, flush_between_lives, .init = start)
{
    mfn_t m = frame_to_mfn(owned[0]);

    cr_assert(page_get_writable(owned[0]));
    page_put_writable(owned[0]);
    fake_flushes = 0;
    cr_assert(page_get_writable(owned[0]));
    page_put_writable(owned[0]);
    cr_assert_eq(fake_flushes, 0, "writable again is the same life");
    cr_assert_eq(page_pin(&guest, m, 1), 0);
    cr_assert_eq(fake_flushes, 1, "a stale writable entry would reach the table");
    cr_assert_eq(page_unpin(&guest, m), 0);
    cr_assert(page_get_writable(owned[0]));
    cr_assert_eq(fake_flushes, 2, "a stale walk would use the page as a table");
    page_put_writable(owned[0]);
}

static void not_writable_yet(void)
{
    cr_assert_not(owned[0]->type & PGT_VALIDATED, "another CPU would write while stale walks use the table");
}

Test(page_type, no_use_before_the_flush, .init = start)
{
    mfn_t m = frame_to_mfn(owned[0]);

    cr_assert_eq(page_pin(&guest, m, 1), 0);
    cr_assert_eq(page_unpin(&guest, m), 0);
    fake_flushes = 0;
    fake_on_flush = not_writable_yet;
    cr_assert(page_get_writable(owned[0]));
    cr_assert_eq(fake_flushes, 1);
    fake_on_flush = NULL;
    cr_assert_eq(owned[0]->type, PGT_WRITABLE | PGT_VALIDATED | 1);
    page_put_writable(owned[0]);
}

/* Whoever puts the last reference may have looked at the clock before another CPU's mapping went. */
Test(page_type, each_mapping_that_goes_is_stamped, .init = start)
{
    pte_t *l1 = frame_to_virt(owned[0]), e = pte_make(frame_to_mfn(owned[1]), PTE_P | PTE_RW | PTE_US);
    uint32_t mapped;

    l1[0] = l1[1] = e;
    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[0]), 1), 0);
    mapped = tlb_clock_now();
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[0], 0, false), 0);
    cr_assert_gt(owned[1]->stamp, mapped, "a mapping went, and one remains");
    mapped = owned[1]->stamp;
    cr_assert(page_get_writable(owned[1]));
    page_put_writable(owned[1]);
    cr_assert_eq(owned[1]->stamp, mapped, "the hypervisor's own use is in no TLB");
}

/* Unmapping a grant flushes only what was accessed. */
Test(page_type, the_accessed_bit_is_not_forgotten, .init = start)
{
    pte_t *l1 = frame_to_virt(owned[0]), e = pte_make(frame_to_mfn(others), PTE_P | PTE_US);

    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[0]), 1), 0);
    cr_assert_eq(pte_update(&guest, &other, 1, &l1[0], e, false), 0);
    l1[0] |= PTE_A;
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[0], e | PTE_A | PTE_NX, false), 0);
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[0], e, true), 0);
    cr_assert(l1[0] & PTE_A);
    cr_assert_not(guest.pv.owes, "the bit is still there");
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[0], e, false), 0);
    cr_assert_eq(guest.pv.owes, PV_OWES_FLUSH, "written over");
    guest.pv.owes = 0;
    cr_assert_eq(pte_update_l1(&guest, &guest, &l1[0], e), 0);
    cr_assert_eq(guest.pv.owes, PV_OWES_FLUSH, "a CPU may have set the bit just before it was written over");
    guest.pv.owes = 0;
    l1[0] |= PTE_A;
    cr_assert_eq(pte_replace_l1(&guest, &l1[0], l1[0], e), 0);
    cr_assert_eq(guest.pv.owes, PV_OWES_FLUSH, "taken away by an emulated instruction");
}

/* A table with an absent entry that L1TF forbids is refused, and what its other entries took is given back.
 */
Test(page_type, absent_entries_are_looked_at, .init = start)
{
    pte_t *l1 = frame_to_virt(owned[0]), *l2 = frame_to_virt(owned[1]),
          bad = pte_make(frame_to_mfn(others), PTE_RW);
    uint64_t before = owned[2]->count;

    pv_l1tf_check[0] = true;
    l1[0] = pte_make(frame_to_mfn(owned[2]), PTE_P | PTE_RW | PTE_US);
    l1[1] = bad;
    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[0]), 1), -EINVAL);
    cr_assert_eq(guest.pv.owes, PV_OWES_CRASH);
    cr_assert_eq(guest.pv.exposing_level, 1);
    cr_assert_eq(owned[2]->count, before);
    l1[1] = PTE_NX | PTE_RW;
    l2[0] = pte_make(frame_to_mfn(owned[0]), PTE_P | PTE_RW | PTE_US);
    l2[1] = bad;
    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[1]), 2), -EINVAL);
    cr_assert_eq(guest.pv.exposing_level, 2);
    cr_assert_eq(owned[2]->count, before);
    l2[1] = 0;
    cr_assert_eq(page_pin(&guest, frame_to_mfn(owned[1]), 2), 0);
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[1], bad, false), -EINVAL);
    cr_assert_eq(pte_replace_l1(&guest, &l1[1], l1[1], bad), -EINVAL);
    cr_assert_eq(pte_update(&guest, &guest, 2, &l2[1], bad, false), -EINVAL);
    cr_assert_eq(l1[1], PTE_NX | PTE_RW);
    cr_assert_eq(l2[1], 0);
    pv_l1tf_check[0] = false;
    cr_assert_eq(pte_update(&guest, &guest, 1, &l1[1], bad, false), 0);
}

Test(page_type, descriptor_pages, .init = start)
{
    uint64_t *desc = frame_to_virt(owned[0]);
    mfn_t m = frame_to_mfn(owned[0]);

    desc[511] = 0xbad;
    cr_assert_eq(page_get_type(m, &guest, PGT_SEG_DESC), -EINVAL);
    check_model();
    desc[511] = 0;
    cr_assert_eq(page_get_type(m, &guest, PGT_SEG_DESC), 0);
    cr_assert_not(page_get_writable(owned[0]));
    cr_assert_eq(page_pin(&guest, m, 1), -EINVAL);
    cr_assert_eq(page_get_type(m, &other, PGT_SEG_DESC), -EINVAL);
    cr_assert_eq(page_put_type(owned[0]), 0);
    cr_assert(page_get_writable(owned[0]));
    page_put_writable(owned[0]);
    check_model();
}
