/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: slots 256..271 of every address space. The L3 tables of those slots are
 * made at boot and shared, so that a mapping made later appears everywhere at once.
 */
#include "hv/mm/paging.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/mm_init.h"

/*
 * What entries that point to tables have. In the L4, PTE_US stands on the M2P's slot only: a guest that maps
 * its own L4 as a lower table (a linear page table) must not reach the others.
 */
#define HV_L4E  (PTE_P | PTE_RW | PTE_A | PTE_D)
#define HV_PDE  (HV_L4E | PTE_US)
#define SIZE_2M MIB(2)
#define SIZE_1G GIB(1)

pte_t *idle_l4;
uint64_t pte_phys_mask;

static struct spinlock vmap_lock = SPINLOCK_INIT(LOCK_VMAP);
static uint64_t vmap_next = VMAP_START; /* under vmap_lock; areas are never used again */
static bool have_1g_pages;
static void *(*table_alloc)(void);
static uint64_t kept_page __initdata; /* by paging_keep_mapped(); 0: none */

static void *runtime_table_alloc(void)
{
    return hv_alloc_pages(0, ALLOC_ZERO);
}

static void flush_everywhere(uint64_t va)
{
    tlb_flush_mask(cpu_online_map, va);
}

/* The table that *slot points to; an empty slot gets a new one, a superpage is split into one. NULL: no
 * memory. */
static pte_t *table_of(pte_t *slot, unsigned int level)
{
    uint64_t step = 1ULL << (PAGE_SHIFT + 9 * (level - 2)), flags = *slot & ~PTE_ADDR;
    pte_t *table;

    if ((*slot & PTE_P) && !(*slot & PTE_PSE))
        return mfn_to_virt(pte_mfn(*slot));
    table = table_alloc();
    if (!table)
        return NULL;
    if (*slot & PTE_P) {
        if (level == 2)
            flags &= ~PTE_PSE;
        for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
            table[i] = ((*slot & PTE_ADDR) + i * step) | flags;
    }
    WRITE_ONCE(*slot, pte_make(virt_to_mfn(table), level == 4 ? HV_L4E : HV_PDE));
    return table;
}

/* The slot of `level` for va; tables above it are made as needed. NULL: no memory. */
static pte_t *walk(uint64_t va, unsigned int level)
{
    pte_t *table = idle_l4;

    for (unsigned int l = 4; l > level; l--) {
        table = table_of(&table[pt_index(va, l)], l);
        if (!table)
            return NULL;
    }
    return &table[pt_index(va, level)];
}

pte_t *hv_l1_table(uint64_t va)
{
    return walk(va & ~(SIZE_2M - 1), 1);
}

pte_t *hv_l2_slot(uint64_t va)
{
    pte_t *l3 = mfn_to_virt(pte_mfn(idle_l4[pt_index(va, 4)]));
    pte_t *l2 = mfn_to_virt(pte_mfn(l3[pt_index(va, 3)]));

    return &l2[pt_index(va, 2)];
}

/* The highest level whose pages fit at this place. */
static unsigned int fitting_level(uint64_t va, uint64_t pa, uint64_t bytes)
{
    if (have_1g_pages && IS_ALIGNED(va | pa, SIZE_1G) && bytes >= SIZE_1G)
        return 3;
    return IS_ALIGNED(va | pa, SIZE_2M) && bytes >= SIZE_2M ? 2 : 1;
}

static int map_range(uint64_t va, mfn_t m, uint64_t pages, uint64_t flags)
{
    uint64_t pa = m.m << PAGE_SHIFT, bytes = pages << PAGE_SHIFT;

    while (bytes) {
        unsigned int level = fitting_level(va, pa, bytes);
        uint64_t size = 1ULL << (PAGE_SHIFT + 9 * (level - 1));
        pte_t *slot = walk(va, level);

        if (!slot)
            return -ENOMEM;
        WRITE_ONCE(*slot, pa | flags | PTE_G | (level > 1 ? PTE_PSE : 0));
        va += size;
        pa += size;
        bytes -= size;
    }
    return 0;
}

int hv_map(uint64_t va, mfn_t m, uint64_t pages, uint64_t flags)
{
    int rc;

    spin_lock(&vmap_lock);
    rc = map_range(va, m, pages, flags);
    spin_unlock(&vmap_lock);
    return rc;
}

void hv_unmap(uint64_t va, uint64_t pages)
{
    spin_lock(&vmap_lock);
    for (uint64_t i = 0; i < pages; i++) {
        pte_t *slot = walk(va + (i << PAGE_SHIFT), 1);

        BUG_ON(!slot);
        WRITE_ONCE(*slot, 0);
    }
    flush_everywhere(pages == 1 ? va : FLUSH_ALL_VA);
    spin_unlock(&vmap_lock);
}

void hv_protect(uint64_t va, uint64_t pages, uint64_t flags)
{
    spin_lock(&vmap_lock);
    for (uint64_t i = 0; i < pages; i++) {
        pte_t *slot = walk(va + (i << PAGE_SHIFT), 1);

        BUG_ON(!slot || !(*slot & PTE_P));
        WRITE_ONCE(*slot, pte_make(pte_mfn(*slot), flags | PTE_G));
    }
    flush_everywhere(FLUSH_ALL_VA);
    spin_unlock(&vmap_lock);
}

/* Reserve `pages` pages of virtual space, aligned to their number, with an unmapped page below. 0 =
 * exhausted. */
static uint64_t vmap_reserve(uint64_t pages)
{
    uint64_t align = PAGE_SIZE << (pages == 1 ? 0 : bit_highest(pages - 1) + 1), va;

    spin_lock(&vmap_lock);
    va = ALIGN_UP(vmap_next + PAGE_SIZE, align);
    if (pages > (VMAP_END - VMAP_START) >> PAGE_SHIFT || va + (pages << PAGE_SHIFT) > VMAP_END)
        va = 0;
    else
        vmap_next = va + (pages << PAGE_SHIFT);
    spin_unlock(&vmap_lock);
    return va;
}

static void *vmap_phys(uint64_t pa, size_t bytes, uint64_t flags)
{
    uint64_t offset = pa & ~PAGE_MASK, pages = DIV_ROUND_UP(offset + bytes, PAGE_SIZE), va;

    if (!bytes || pa + bytes < pa || ((pa + bytes - 1) & ~(pte_phys_mask | ~PAGE_MASK)))
        return NULL;
    va = vmap_reserve(pages);
    if (!va || hv_map(va, mfn(pa >> PAGE_SHIFT), pages, flags))
        return NULL;
    return (void *)(va + offset);
}

void *ioremap(uint64_t pa, size_t bytes)
{
    return vmap_phys(pa, bytes, HV_UC);
}

void *map_phys_wb(uint64_t pa, size_t bytes)
{
    return vmap_phys(pa, bytes, HV_RO);
}

void vunmap(const void *va, size_t bytes)
{
    uint64_t start = (uint64_t)va;

    hv_unmap(start & PAGE_MASK, DIV_ROUND_UP((start & ~PAGE_MASK) + bytes, PAGE_SIZE));
}

void *vmap_alloc_guarded(unsigned int pages)
{
    uint64_t va = vmap_reserve(pages);

    for (unsigned int i = 0; va && i < pages; i++) {
        void *page = hv_alloc_pages(0, ALLOC_ZERO);

        if (!page || hv_map(va + i * PAGE_SIZE, virt_to_mfn(page), 1, HV_RW))
            return NULL; /* only during boot and CPU start, which stop on it: what was taken is not given back
                          */
    }
    return (void *)va;
}

/* Make the L3 table of an L4 slot, or the L2 tables that cover [va, va + bytes). */
static void __init prepare_slot(unsigned int slot)
{
    idle_l4[slot] = pte_make(virt_to_mfn(boot_alloc_page()), slot == SLOT_M2P_RO ? HV_PDE : HV_L4E);
}

static void __init prepare_l2(uint64_t va, uint64_t bytes)
{
    uint64_t end = va + bytes;

    for (; va < end; va = (va | (SIZE_1G - 1)) + 1)
        walk(va, 2);
    /* The last 2 MiB of a table may be mapped in part, by small pages. */
    if (!IS_ALIGNED(bytes, SIZE_2M))
        walk(end - 1, 1);
}

static void __init detect_paging_features(void)
{
    uint32_t a, b, c, d;
    unsigned int bits = 36;

    cpuid_count(0x80000000, 0, &a, &b, &c, &d);
    if (a >= 0x80000008) {
        cpuid_count(0x80000008, 0, &a, &b, &c, &d);
        bits = a & 0xff;
    }
    pte_phys_mask = (bits >= 52 ? PTE_ADDR : BIT(bits) - 1) & PAGE_MASK;
    cpuid_count(0x80000001, 0, &a, &b, &c, &d);
    have_1g_pages = d & BIT(26);
}

static void __init map_ram(const struct boot_ram_range *ram, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        uint64_t start = ram[i].start, end = min(ram[i].end, DIRECT_MAP_END - DIRECT_MAP_START);

        if (start >= end)
            continue;
        if (map_range(DIRECT_MAP_START + start, mfn(start >> PAGE_SHIFT), (end - start) >> PAGE_SHIFT, HV_RW))
            BUG();
        max_mfn = max(max_mfn, end >> PAGE_SHIFT);
    }
}

void __init paging_keep_mapped(uint64_t pa)
{
    kept_page = pa;
}

void __init paging_init(const struct boot_ram_range *ram, unsigned int n)
{
    const pte_t *boot_l4 = phys_to_virt(read_cr3() & PTE_ADDR);

    detect_paging_features();
    table_alloc = boot_alloc_page;
    idle_l4 = boot_alloc_page();
    for (unsigned int slot = HV_FIRST_SLOT; slot <= HV_LAST_SLOT; slot++) {
        if (slot == SLOT_IMAGE)
            idle_l4[slot] = boot_l4[slot] & ~PTE_US;
        else if (slot < SLOT_DIRECT)
            prepare_slot(slot);
    }
    map_ram(ram, n);
    if (kept_page && map_range(DIRECT_MAP_START + kept_page, mfn(kept_page >> PAGE_SHIFT), 1, HV_RW))
        BUG();
    prepare_l2(M2P_RO_START, max_mfn * sizeof(uint64_t));
    prepare_l2(M2P_RW_START, max_mfn * sizeof(uint64_t));
    prepare_l2(FRAME_TABLE_START, max_mfn * sizeof(struct frame));
    write_cr3(virt_to_phys(idle_l4));
    table_alloc = runtime_table_alloc;
}

void __init mm_init(const struct boot_ram_range *usable, unsigned int usable_count,
                    const struct boot_ram_range *ram, unsigned int ram_count)
{
    frame_boot_ranges(usable, usable_count, ram, ram_count);
    paging_init(ram, ram_count);
    frame_alloc_start();
}
