/* SPDX-License-Identifier: MIT */
/*
 * The second-level table under random changes, compared with a plain array: sets of all orders, removals that
 * split superpages, changes of kind, quotas, devices, and the end that gives every table back.
 */
/* unit-sources: */
#include "tests/unit/fake_memory.h"

#define this_cpu_id() 0u
#include "hv/cpu/ipi.h"
#include "hv/domain/domain.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/frame_alloc.c"
#include "hv/mm/frame_chunk.c"
#include "hv/mm/frame_ref.c"
#include "hv/domain/work.h"
#include "hv/hvm/p2m.c"

/* In place of hv/mm/guest_access.h. */
#define HV_MM_GUEST_ACCESS_H
static int copy_to_guest(gva_t to, const void *from, size_t bytes)
{
    memcpy((void *)to.va, from, bytes);
    return 0;
}
#include "hv/hvm/log_dirty.c"

#define GFNS (3ULL << 18) /* 3 GiB: superpages of both sizes and their edges */

static struct domain guest;
static struct hvm_domain hvm;
static struct vcpu vcpu;
static uint64_t model[GFNS]; /* mfn + 1, 0 = nothing */

static const struct p2m_format format = {
    .table = PTE_P | PTE_RW | PTE_US,
    .leaf = { [P2M_RAM] = PTE_P | PTE_RW,
              [P2M_RAM_RO] = PTE_P,
              [P2M_LOGDIRTY] = PTE_P,
              [P2M_GRANT] = PTE_P | PTE_RW,
              [P2M_MMIO] = PTE_P | PTE_RW | PTE_NX },
};

void domain_frame_released(struct frame *f)
{
    f->count = 0;
}
void *hv_zalloc_array(size_t n, size_t bytes)
{
    return calloc(n, bytes);
}
void hv_free(void *p)
{
    free(p);
}

void page_put_writable_slow(struct frame *f)
{
    (void)f;
}
/* The whole machine, so that it is p2m_enter_device() that has to refuse. */
bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last)
{
    return r != NULL && first <= last;
}

static void start(void)
{
    static const struct boot_ram_range ram[] = { { 0, MIB(64) } };

    fake_memory_init();
    max_mfn = MIB(64) >> PAGE_SHIFT;
    frame_boot_ranges(ram, 1, ram, 1);
    frame_alloc_start();
    current = &vcpu;
    vcpu.domain = &guest;
    guest.hvm = &hvm;
    guest.max_pages = GFNS;
    spin_lock_init(&guest.mmu_lock, LOCK_MMU);
    cr_assert_eq(p2m_init(&guest, &format, P2M_ORDER_1G), 0);
}

static void set(uint64_t g, uint64_t m, unsigned int order)
{
    cr_assert_eq(p2m_set(&guest, gfn(g), mfn(m), order, P2M_RAM), 0);
    for (uint64_t i = 0; i < BIT(order); i++)
        model[g + i] = m + i + 1;
}

static void check(uint64_t g)
{
    enum p2m_type type;
    mfn_t m = p2m_lookup(&guest, gfn(g), &type);

    cr_assert_eq(m.m, model[g] ? model[g] - 1 : INVALID_MFN_RAW, "gfn %lx: %lx, not %lx", g, m.m,
                 model[g] - 1);
    cr_assert_eq(type, model[g] ? P2M_RAM : P2M_NONE);
}

TestSuite(p2m, .init = start);

Test(p2m, follows_a_model)
{
    static const unsigned int orders[] = { 0, 0, 0, 3, P2M_ORDER_2M, P2M_ORDER_1G };
    mfn_t was;

    srand(1);
    for (unsigned int round = 0; round < 3000; round++) {
        unsigned int order = orders[rand() % (round % 100 ? 5 : 6)];
        uint64_t g = ((uint64_t)rand() % GFNS) & ~(BIT(order) - 1),
                 m = ((uint64_t)rand() % GFNS) & ~(BIT(order) - 1);

        if (rand() % 2)
            set(g, m, order);
        else
            cr_assert_eq(p2m_remove(&guest, gfn(g), &was, NULL), model[g] ? 0 : -ENOENT);
        if (model[g] && p2m_lookup(&guest, gfn(g), NULL).m == INVALID_MFN_RAW) {
            cr_assert_eq(was.m, model[g] - 1);
            model[g] = 0;
        }
        for (unsigned int i = 0; i < 20; i++)
            check((g + (uint64_t)rand() % 600) % GFNS);
    }
    for (uint64_t g = 0; g < GFNS; g++)
        check(g);
}

Test(p2m, uses_superpages)
{
    set(0, 0, P2M_ORDER_1G);
    cr_assert_eq(hvm.p2m.tables, 2); /* root and the level below */
    set(P2M_ORDER_1G << 9, 0, P2M_ORDER_2M);
    cr_assert_leq(hvm.p2m.tables, 4);
}

Test(p2m, keeps_to_its_quota)
{
    guest.max_pages = 0;
    hvm.p2m.max_tables = 4;
    set(0, 7, 0);
    cr_assert_eq(p2m_set(&guest, gfn(1ULL << 27), mfn(8), 0, P2M_RAM), -ENOMEM);
    cr_assert_eq(p2m_lookup(&guest, gfn(0), NULL).m, 7);
    cr_assert_eq(p2m_set(&guest, gfn(1ULL << P2M_GFN_BITS), mfn(8), 0, P2M_RAM), -EINVAL);
}

/* All or nothing: what is left would lead to frames that the caller gives back. */
Test(p2m, leaves_nothing_when_tables_run_out)
{
    guest.max_pages = 0;
    hvm.p2m.max_tables = 6;
    cr_assert(p2m_is_empty(&guest, gfn(0), 11));
    hvm.p2m.max_order = P2M_ORDER_4K;
    cr_assert_eq(p2m_set(&guest, gfn(0), mfn(0), 11, P2M_RAM), -ENOMEM);
    cr_assert_eq(hvm.p2m.tables, 6, "it failed in the middle");
    cr_assert(p2m_is_empty(&guest, gfn(0), 11));
    cr_assert_eq(p2m_set(&guest, gfn(1000), mfn(1), 0, P2M_RAM), 0);
    cr_assert_not(p2m_is_empty(&guest, gfn(0), 11));
    cr_assert(p2m_is_empty(&guest, gfn(0), P2M_ORDER_2M));
}

Test(p2m, records_writes)
{
    uint64_t bits[16] = { 0 };
    const gva_t map = { .va = (uintptr_t)bits };

    set(0, 512, P2M_ORDER_2M);
    cr_assert_eq(log_dirty_enable(&guest), 0);
    cr_assert(log_dirty_mark(&guest, gfn(5)));
    cr_assert(log_dirty_mark(&guest, gfn(5)), "it may be written");
    cr_assert_not(log_dirty_mark(&guest, gfn(2000)), "nothing is there");
    cr_assert_eq(hvm.p2m.log_dirty.count, 1);
    cr_assert_eq(log_dirty_read(&guest, map, 1000, false), 0);
    cr_assert(bits[0] == BIT(5) && bits[1] == 0 && bits[15] == 0);
    set(600, 3, 0);
    cr_assert_eq(log_dirty_read(&guest, map, 1000, true), 0);
    cr_assert(bits[0] == BIT(5) && bits[600 / 64] == BIT(600 % 64), "new memory counts as written");
    cr_assert_eq(log_dirty_read(&guest, map, 1000, true), 0);
    cr_assert(bits[0] == 0 && bits[600 / 64] == 0);
    cr_assert_eq(log_dirty_disable(&guest), 0);
    check(5);
    check(6);
}

/* A long way is gone in steps; between them the guest writes, and nothing is lost. */
Test(p2m, records_writes_in_steps)
{
    uint64_t bits[GFNS / 64] = { 0 }, found = 0;
    unsigned int steps = 0;

    set(0, 0, P2M_ORDER_1G);
    guest.max_pages = GFNS;
    hvm.p2m.max_tables = 4096;
    do {
        vcpu.work = 0;
        log_dirty_mark(&guest, gfn(steps++)); /* behind, and then before where it goes on */
    } while (log_dirty_enable(&guest) == -ERESTART);
    cr_assert_gt(steps, 10);
    do {
        vcpu.work = 0;
    } while (log_dirty_read(&guest, (gva_t){ .va = (uintptr_t)bits }, GFNS, true) == -ERESTART);
    for (uint64_t g = 0; g < GFNS; g++)
        found += bit_test(bits, (unsigned int)g);
    cr_assert_eq(found, steps - 1, "%lu", found);
    do {
        vcpu.work = 0;
    } while (log_dirty_disable(&guest) == -ERESTART);
    check(0);
    check(GFNS - 1);
}

Test(p2m, devices_only_where_no_memory_is)
{
    struct rangeset *everything = (struct rangeset *)&model;
    uint64_t device = 0xfebc0, ram = 5;

    set(0x80000, 7, 0);
    cr_assert_not(p2m_enter_device(&guest, gfn(device)), "without hardware");
    guest.hardware = true;
    cr_assert_not(p2m_enter_device(&guest, gfn(device)), "without permission");
    guest.iomem = everything;
    cr_assert_not(p2m_enter_device(&guest, gfn(ram)), "the machine's memory");
    cr_assert_not(p2m_enter_device(&guest, gfn(0x80000)), "in place of its own memory");
    check(0x80000);
    cr_assert(p2m_enter_device(&guest, gfn(device)));
    cr_assert_eq(p2m_lookup(&guest, gfn(device), NULL).m, device);
    cr_assert(p2m_enter_device(&guest, gfn(device)), "another vCPU was faster");
    cr_assert_null(p2m_get_frame(&guest, gfn(device), false, NULL));
}

Test(p2m, teardown_gives_everything_back)
{
    uint64_t before = frames_free();
    int rc;

    for (uint64_t g = 0; g < GFNS; g += 40000)
        set(g, g, 0);
    set(P2M_ORDER_2M << 9, 0, P2M_ORDER_2M);
    cr_assert_lt(frames_free(), before);
    guest.dying = 1;
    do {
        vcpu.work = 0;
        rc = p2m_teardown(&guest);
    } while (rc == -ERESTART);
    cr_assert_eq(rc, 0);
    /* A lookup may still be under way: it finds nothing, wherever it stands, and nothing comes in any more.
     */
    cr_assert_lt(frames_free(), before);
    for (pte_t t = hvm.p2m.retired; t; t = *(pte_t *)mfn_to_virt(mfn(t >> PAGE_SHIFT)))
        for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
            cr_assert_not(((pte_t *)mfn_to_virt(mfn(t >> PAGE_SHIFT)))[i] & PTE_P);
    cr_assert_eq(p2m_set(&guest, gfn(5), mfn(5), 0, P2M_RAM), -ESRCH);
    p2m_free(&guest);
    cr_assert_eq(hvm.p2m.tables, 0);
    cr_assert_eq(frames_free(), before + 1); /* the root, too */
}
