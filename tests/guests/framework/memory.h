/* SPDX-License-Identifier: MIT */
/*
 * Memory: a pool of pages in the image's .bss, pfn/mfn/va translation, and page-table access through
 * hypercalls.
 *
 * The builder maps the image and its own page tables at VIRT_BASE + pfn * 4096. The pool lives there; tests
 * build what they need in empty L4 slots (SCRATCH_SLOT up) out of pool pages.
 */
#ifndef GUESTS_MEMORY_H
#define GUESTS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12

#define PTE_P     0x001ul
#define PTE_RW    0x002ul
#define PTE_US    0x004ul
#define PTE_PWT   0x008ul
#define PTE_PCD   0x010ul
#define PTE_A     0x020ul
#define PTE_D     0x040ul
#define PTE_PSE   0x080ul
#define PTE_G     0x100ul
#define PTE_AVAIL 0xe00ul
#define PTE_NX    (1ul << 63)
#define PTE_ADDR  0x000ffffffffff000ul
#define PTE_RWX   (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PTE_RO    (PTE_P | PTE_US | PTE_A | PTE_D)

/* First of many L4 slots that nobody uses. */
#define SCRATCH_SLOT  100u
#define HV_SLOT       256u
#define slot_va(slot) ((slot) < 256 ? (uint64_t)(slot) << 39 : (uint64_t)(slot) << 39 | 0xffff000000000000ul)

typedef uint64_t mfn_num_t;
#define INVALID_MFN_NUM (~0ul)

extern start_info_t *start_info;
extern shared_info_t *shared_info;

void memory_init(start_info_t *si);
void pool_init(void); /* for memory_init() */
/* A page that another domain serves, by the frame number that the builder told. */
void memory_map_grants(void *page); /* the first page of the grant table, in place of a page of the image */
void *memory_map_ring(mfn_num_t mfn);

/* A zeroed page from the pool; the domain ends with ERROR when there is none. */
void *page_alloc(void);
void page_free(void *page);
unsigned long page_count_free(void);
/* Number of pool pages whose mapping is not present-and-writable: what a careless test leaves behind. */
unsigned long page_count_unwritable(void);

uint64_t va_to_pfn(const void *va);
mfn_num_t pfn_to_mfn(uint64_t pfn);
mfn_num_t va_to_mfn(const void *va);
uint64_t va_to_maddr(const void *va);
/* Through the machine-to-phys table; the frame must be in the builder's mapping. */
void *mfn_to_va(mfn_num_t mfn);

/* The running L4 and its frame. */
uint64_t *l4_table(void);
mfn_num_t l4_mfn(void);
/* Entry that maps va at a level (1..4) in the running tables, NULL where an upper level is absent. */
uint64_t *pte_lookup(const void *va, unsigned int level);
/* The entry's contents, 0 when absent. */
uint64_t pte_read(const void *va);

/* update_va_mapping of a pool page to itself, read-only or writable, with a local invlpg. Results: Xen's. */
long map_readonly(void *page);
long map_writable(void *page);
/* mmu_update of one entry given by its virtual address (found in the builder's mapping or the pool). */
long pte_write(const uint64_t *entry, uint64_t value);
/* mmuext_op with one operation. */
long mmuext(unsigned int cmd, uint64_t arg1, uint64_t arg2);
/* Makes page read-only and pins it as a table of the level (1..4); undone by table_unpin(). Results: Xen's.
 */
long table_pin(void *page, unsigned int level);
long table_unpin(void *page);

/*
 * Scratch mapping: links fresh tables under an L4 slot so that 512 pages at scratch_base(slot) can be mapped
 * through *l1. All tables are typed by the link, none is pinned.
 */
struct scratch {
    unsigned int slot;
    uint64_t *l1, *l2, *l3;
};

void scratch_link(struct scratch *s, unsigned int slot);
void scratch_unlink(struct scratch *s);
static inline char *scratch_va(const struct scratch *s, unsigned int index)
{
    return (char *)(slot_va(s->slot) + index * PAGE_SIZE);
}

#endif
