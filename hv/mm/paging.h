/* SPDX-License-Identifier: MIT */
/* Page-table entry bits and the hypervisor's own page tables. SDM Vol. 3 §4.5, APM Vol. 2 §5.3. */
#ifndef HV_MM_PAGING_H
#define HV_MM_PAGING_H

#include "hv/mm/mfn.h"
#include "hv/mm/layout.h"

typedef uint64_t pte_t; /* an entry of any level */

#define PTE_P          BIT(0)
#define PTE_RW         BIT(1)
#define PTE_US         BIT(2)
#define PTE_PWT        BIT(3)
#define PTE_PCD        BIT(4)
#define PTE_A          BIT(5)
#define PTE_D          BIT(6)
#define PTE_PSE        BIT(7) /* L2, L3: superpage */
#define PTE_PAT        BIT(7) /* L1 */
#define PTE_G          BIT(8)
#define PTE_AVAIL      (BIT(9) | BIT(10) | BIT(11))
#define PTE_AVAIL_HIGH (0x7ffULL << 52)
#define PTE_NX         BIT(63)
#define PTE_ADDR       0x000ffffffffff000ULL
#define PTE_CACHE      (PTE_PWT | PTE_PCD | PTE_PAT)
/* Available bit that marks a PV guest kernel's page; user pages are made global instead. Xen:
 * _PAGE_GUEST_KERNEL. */
#define PTE_GUEST_KERNEL BIT(52)

#define HV_RW (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX)
#define HV_RO (PTE_P | PTE_A | PTE_NX)
#define HV_RX (PTE_P | PTE_A)
#define HV_UC (HV_RW | PTE_PCD | PTE_PWT) /* device registers */

#define PTES_PER_PAGE 512

static inline unsigned int pt_index(uint64_t va, unsigned int level)
{
    return (unsigned int)(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

static inline mfn_t pte_mfn(pte_t e)
{
    return mfn((e & PTE_ADDR) >> PAGE_SHIFT);
}

static inline pte_t pte_make(mfn_t m, uint64_t flags)
{
    return (m.m << PAGE_SHIFT) | flags;
}

extern pte_t *idle_l4; /* the hypervisor's own root table; template of slots 256..271 of every guest L4 */
extern uint64_t pte_phys_mask; /* address bits that this CPU implements: others are reserved */

/*
 * Map [va, va + n pages) to consecutive frames from m with `flags`, in the hypervisor's own slots (shared by
 * all address spaces because their L3 tables are). Uses superpages where alignment allows. 0 or -ENOMEM.
 * Lock: LOCK_VMAP.
 */
int hv_map(uint64_t va, mfn_t m, uint64_t pages, uint64_t flags);
void hv_unmap(uint64_t va, uint64_t pages); /* and flush it on all CPUs */
/* Change the flags of existing 4 KiB mappings (W^X of the image). */
void hv_protect(uint64_t va, uint64_t pages, uint64_t flags);

/* The L1 table that covers va, in a slot whose tables the caller alone makes, under a lock of its own; NULL:
 * no memory. */
pte_t *hv_l1_table(uint64_t va);

/* The L2 entry that covers va, in a part of the hypervisor's slots whose tables are known to exist. */
pte_t *hv_l2_slot(uint64_t va);

/* A virtual area of the hypervisor: map device registers uncached; the address keeps pa's page offset. NULL
 * on failure. */
void *ioremap(uint64_t pa, size_t bytes);
/* Map any physical range cached and read-only-ish for firmware tables (may be outside RAM). */
void *map_phys_wb(uint64_t pa, size_t bytes);
void vunmap(const void *va, size_t bytes);
/* A page outside of RAM, below 4 GiB, that stays in the direct map as it is in the early one. @pre before
 * mm_init, once */
void paging_keep_mapped(uint64_t pa);
/* `pages` pages of zeroed hypervisor memory with an unmapped guard page below. */
void *vmap_alloc_guarded(unsigned int pages);

#endif
