/* SPDX-License-Identifier: MIT */
/*
 * Page tables, changed by hypercall only: a paravirtual guest maps its own tables read-only. Entries hold
 * machine frame numbers. This kernel has one set of tables and no user mode. All functions are for vCPU 0,
 * any context.
 */
#ifndef PVGUEST_PAGETABLE_H
#define PVGUEST_PAGETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

typedef uint64_t pte_t;

#define PTE_PRESENT  (1UL << 0)
#define PTE_WRITE    (1UL << 1)
#define PTE_USER     (1UL << 2)
#define PTE_PWT      (1UL << 3)
#define PTE_PCD      (1UL << 4)
#define PTE_ACCESSED (1UL << 5)
#define PTE_DIRTY    (1UL << 6)
#define PTE_PAT      (1UL << 7)
#define PTE_NX       (1UL << 63)
#define PTE_FRAME    0x000ffffffffff000UL

/* Complete attributes of level-1 entries. */
#define PTE_RX (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY)
#define PTE_RO (PTE_RX | PTE_NX)
#define PTE_RW (PTE_RO | PTE_WRITE)

/* Cache attributes, as the PAT that Xen gives to every domain numbers them. Write-back is 0. */
#define PTE_UNCACHED        (PTE_PCD | PTE_PWT)
#define PTE_WRITE_COMBINING PTE_PAT
#define PTE_WRITE_THROUGH   PTE_PWT

static inline pte_t pte_make(unsigned long mfn, uint64_t flags)
{
    return (uint64_t)mfn << 12 | flags;
}

/* The machine frame that an entry names. */
static inline unsigned long pte_mfn(pte_t pte)
{
    return (pte & PTE_FRAME) >> 12;
}

/* Entries to be written by one hypercall; begin with mmu_batch_init(), end with mmu_batch_flush(). */
#define MMU_BATCH_SIZE 64

struct mmu_batch {
    unsigned int count;
    domid_t domid; /* whose frames the entries name: DOMID_SELF, or another domain */
    int error;     /* first error met, a negated Xen errno */
    struct mmu_update updates[MMU_BATCH_SIZE];
};

/* Empties the batch. Afterwards error is the first that a flush met. */
void mmu_batch_init(struct mmu_batch *batch, domid_t domid);
/* Queues *(machine address entry) = pte; flushes by itself when full. */
void mmu_batch_add(struct mmu_batch *batch, uint64_t entry, pte_t pte);
/* Performs what is queued. Returns 0, or the first error since mmu_batch_init(). */
int mmu_batch_flush(struct mmu_batch *batch);

/* Machine address of the entry of that level (1..4) that maps va, or 0 if the tables do not reach so far
 * down. */
uint64_t pt_entry(unsigned long va, unsigned int level);

/* The same for level 1 after creating the tables above it; 0 when there is no memory for them. */
uint64_t pt_entry_create(unsigned long va);

/* The entry at a machine address that pt_entry() gave. */
pte_t pt_read(uint64_t entry);

/* The level-1 entry that maps va; 0 if not mapped. */
pte_t pt_lookup(unsigned long va);

/* Makes the present table page (512 entries, linear area) the level-1 table of the 2 MiB around va, in which
 * nothing is mapped so far. The page belongs to the tables from then on. Returns 0 or a negated Xen errno. */
int pt_install_l1(unsigned long va, void *table);

/* Replaces the one entry that maps va and flushes it from this vCPU's TLB. 0 or a negated Xen errno. */
int pt_set(unsigned long va, pte_t pte);

/* Flushes all of all vCPUs' TLBs. */
void pt_flush_all(void);

/* Start of day: l4 is the top-level table the builder made. */
void pt_init(void *l4);

/* Machine frame of the top-level table. */
unsigned long pt_root_mfn(void);

#endif
