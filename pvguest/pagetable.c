/* SPDX-License-Identifier: MIT */
#include "pvguest/pagetable.h"
#include "pvguest/cpu.h"
#include "pvguest/flavour.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/smp.h"
#include "pvguest/xen_errno.h"
#include <string.h>
#include <xen/hvm/hvm_op.h>

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

static const pte_t *root;

void pt_init(void *l4)
{
    root = l4;
}

unsigned long pt_root_mfn(void)
{
    return virt_to_mfn(root);
}

static void flush_page(unsigned long va)
{
    __asm__ __volatile__("invlpg (%0)" : : "r"(va) : "memory");
}

/* Writes entries of tables; a PVH guest does so itself. */
static long update(const struct mmu_update *updates, unsigned int count, domid_t domid)
{
    if (!guest_is_pvh)
        return hypercall_mmu_update((struct mmu_update *)(uintptr_t)updates, count, NULL, domid);
    for (unsigned int i = 0; i < count; i++) {
        uint64_t entry = updates[i].ptr & ~3UL;

        *(volatile pte_t *)((char *)mfn_to_virt(entry >> PAGE_SHIFT) + (entry & ~PAGE_MASK)) = updates[i].val;
    }
    return 0;
}

void mmu_batch_init(struct mmu_batch *batch, domid_t domid)
{
    batch->count = 0;
    batch->domid = domid;
    batch->error = 0;
}

int mmu_batch_flush(struct mmu_batch *batch)
{
    long error = 0;

    if (batch->count)
        error = update(batch->updates, batch->count, batch->domid);
    if (error && !batch->error)
        batch->error = (int)error;
    batch->count = 0;
    return batch->error;
}

void mmu_batch_add(struct mmu_batch *batch, uint64_t entry, pte_t pte)
{
    if (batch->count == MMU_BATCH_SIZE)
        mmu_batch_flush(batch);
    batch->updates[batch->count++] = (struct mmu_update){ entry | MMU_NORMAL_PT_UPDATE, pte };
}

static unsigned int pt_index(unsigned long va, unsigned int level)
{
    return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

/* The table of that level above va, or NULL. */
static const pte_t *pt_table(unsigned long va, unsigned int level)
{
    const pte_t *table = root;

    for (unsigned int above = 4; above > level; above--) {
        pte_t pte = table[pt_index(va, above)];

        if (!(pte & PTE_PRESENT))
            return NULL;
        table = mfn_to_virt(pte_mfn(pte));
    }
    return table;
}

static uint64_t entry_address(const pte_t *table, unsigned long va, unsigned int level)
{
    return ((uint64_t)virt_to_mfn(table) << PAGE_SHIFT) + pt_index(va, level) * sizeof(pte_t);
}

uint64_t pt_entry(unsigned long va, unsigned int level)
{
    const pte_t *table = pt_table(va, level);

    return table ? entry_address(table, va, level) : 0;
}

pte_t pt_read(uint64_t entry)
{
    const char *table = mfn_to_virt(entry >> PAGE_SHIFT);

    return *(const pte_t *)(table + (entry & ~PAGE_MASK));
}

pte_t pt_lookup(unsigned long va)
{
    const pte_t *table = pt_table(va, 1);
    pte_t pte = table ? table[pt_index(va, 1)] : 0;

    return pte & PTE_PRESENT ? pte : 0;
}

int pt_set(unsigned long va, pte_t pte)
{
    struct mmu_update one = { .val = pte };

    if (!guest_is_pvh)
        return (int)hypercall_update_va_mapping(va, pte, UVMF_INVLPG | UVMF_LOCAL);
    one.ptr = pt_entry(va, 1);
    if (!one.ptr)
        return -XEN_EINVAL;
    update(&one, 1, DOMID_SELF);
    flush_page(va);
    return 0;
}

/* Enters a page that becomes a table of level `below` into the table above it. */
static int link_table(const pte_t *table, unsigned long va, unsigned int below, void *page)
{
    unsigned long mfn = virt_to_mfn(page);
    struct mmu_update link = { entry_address(table, va, below + 1), pte_make(mfn, PTE_TABLE) };
    long error = guest_is_pvh ? 0 : pt_set((unsigned long)page, pte_make(mfn, PTE_RO));

    if (error)
        return (int)error;
    error = update(&link, 1, DOMID_SELF);
    if (error && pt_set((unsigned long)page, pte_make(mfn, PTE_RW)))
        panic("page tables: cannot make page %p writable again", page);
    return (int)error;
}

/* The table of level `below` that an entry of the one above names; created when there is none. NULL: no
 * memory. Upcalls masked: two threads must not both create it. */
static const pte_t *table_below(const pte_t *table, unsigned long va, unsigned int below)
{
    pte_t pte = table[pt_index(va, below + 1)];
    void *page;

    if (pte & PTE_PRESENT)
        return mfn_to_virt(pte_mfn(pte));
    page = page_alloc_zeroed();
    if (page && link_table(table, va, below, page)) {
        page_free(page, 0);
        page = NULL;
    }
    return page;
}

/* Creates the tables above va down to `level`; the table of that level, or NULL. */
static const pte_t *create_tables(unsigned long va, unsigned int level)
{
    bool masked = upcalls_disable();
    const pte_t *table = root;

    for (unsigned int below = 3; table && below >= level; below--)
        table = table_below(table, va, below);
    upcalls_restore(masked);
    return table;
}

uint64_t pt_entry_create(unsigned long va)
{
    const pte_t *table = create_tables(va, 1);

    return table ? entry_address(table, va, 1) : 0;
}

int pt_install_l1(unsigned long va, void *table)
{
    const pte_t *l2 = create_tables(va, 2);

    if (!l2)
        return -XEN_ENOMEM;
    if (l2[pt_index(va, 2)] & PTE_PRESENT)
        return -XEN_EEXIST;
    return link_table(l2, va, 1, table);
}

void pt_flush_all(void)
{
    struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_ALL };

    if (!guest_is_pvh)
        hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
    else if (smp_others_started())
        hypercall_hvm_op(HVMOP_flush_tlbs, NULL);
    else
        __asm__ __volatile__("movq %0, %%cr3" : : "r"(pt_root_mfn() << PAGE_SHIFT) : "memory");
}
