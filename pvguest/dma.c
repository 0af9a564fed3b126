/* SPDX-License-Identifier: MIT */
#include "pvguest/dma.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include <stdlib.h>
#include <xen/memory.h>

static bool is_suitable(unsigned long pfn, unsigned long count, unsigned int address_bits)
{
    unsigned long mfn = pfn_to_mfn(pfn);

    if (((mfn + count - 1) << PAGE_SHIFT) >> address_bits)
        return false;
    for (unsigned long i = 1; i < count; i++)
        if (pfn_to_mfn(pfn + i) != mfn + i)
            return false;
    return true;
}

/* Sets the linear area's entries of a block: to its frames, or to nothing. */
static void map_block(unsigned long pfn, unsigned long count, bool present)
{
    struct mmu_batch batch;

    mmu_batch_init(&batch, DOMID_SELF);
    for (unsigned long i = 0; i < count; i++)
        mmu_batch_add(&batch, pt_entry((unsigned long)pfn_to_virt(pfn + i), 1),
                      present ? pte_make(pfn_to_mfn(pfn + i), PTE_RW) : 0);
    if (mmu_batch_flush(&batch))
        panic("dma: cannot map page frames from %#lx: error %d", pfn, batch.error);
    if (!present)
        pt_flush_all();
}

/* Gives up the frames of a block for a contiguous extent, which nothing may map meanwhile; the hypervisor
 * updates its table, we ours. */
static bool exchange(unsigned long pfn, unsigned int order, unsigned int address_bits)
{
    unsigned long count = 1UL << order;
    xen_pfn_t *old = malloc(count * sizeof(*old));
    xen_pfn_t extent = pfn;
    struct xen_memory_exchange op = {
        .in = { .nr_extents = count, .extent_order = 0, .domid = DOMID_SELF },
        .out = { .nr_extents = 1,
                 .extent_order = order,
                 .mem_flags = XENMEMF_address_bits(address_bits),
                 .domid = DOMID_SELF },
    };

    if (guest_is_pvh || !old) { /* physical addresses stay what they are */
        free(old);
        return false;
    }
    for (unsigned long i = 0; i < count; i++)
        old[i] = pfn_to_mfn(pfn + i);
    set_xen_guest_handle(op.in.extent_start, old);
    set_xen_guest_handle(op.out.extent_start, &extent);
    map_block(pfn, count, false);
    hypercall_memory_op(XENMEM_exchange, &op);
    if (op.nr_exchanged == count)
        for (unsigned long i = 0; i < count; i++)
            p2m[pfn + i] = extent + i;
    map_block(pfn, count, true);
    free(old);
    return op.nr_exchanged == count;
}

bool dma_reaches(const void *page)
{
    return !guest_is_pvh || !pvh_is_map_gfn(pte_mfn(pt_lookup((unsigned long)page)));
}

void *dma_alloc(unsigned int order, unsigned int address_bits, uint64_t *bus)
{
    void *block = page_alloc(order);
    unsigned long pfn;

    if (!block)
        return NULL;
    pfn = virt_to_pfn(block);
    if (!is_suitable(pfn, 1UL << order, address_bits) && !exchange(pfn, order, address_bits)) {
        page_free(block, order);
        return NULL;
    }
    *bus = (uint64_t)pfn_to_mfn(pfn) << PAGE_SHIFT;
    return block;
}
