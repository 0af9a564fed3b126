/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/memory.h"
#include "dom0_tools/xc/call.h"
#include "pvguest/hypercall.h"

#include <xen/errno.h>
#include <xen/memory.h>

int xc_memory_max(domid_t domid, uint64_t kib)
{
    struct xen_domctl op = { .u.max_mem.max_memkb = kib };

    return xc_domctl(&op, XEN_DOMCTL_max_mem, domid);
}

size_t xc_memory_populate(domid_t domid, xen_pfn_t *frames, size_t nr, unsigned int order)
{
    struct xen_memory_reservation op = { .nr_extents = nr, .extent_order = order, .domid = domid };
    long done;

    set_xen_guest_handle(op.extent_start, frames);
    done = hypercall_memory_op(XENMEM_populate_physmap, &op);
    return done < 0 ? 0 : (size_t)done;
}

int xc_memory_hypercall_page(domid_t domid, xen_pfn_t mfn)
{
    struct xen_domctl op = { .u.hypercall_init.gmfn = mfn };

    return xc_domctl(&op, XEN_DOMCTL_hypercall_init, domid);
}

int xc_memory_pin_l4(domid_t domid, xen_pfn_t mfn)
{
    struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = mfn };

    return (int)hypercall_mmuext_op(&op, 1, NULL, domid);
}

/* The PC firmware's E820 form, which no header of the ABI declares. */
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

int xc_memory_set_regions(domid_t domid, const struct hvm_memmap_table_entry *regions, unsigned int nr)
{
    struct xen_foreign_memory_map op = { .domid = domid, .map.nr_entries = nr };
    struct e820_entry map[XC_MAX_REGIONS];

    if (nr > XC_MAX_REGIONS)
        return -XEN_E2BIG;
    for (unsigned int i = 0; i < nr; i++)
        map[i] =
            (struct e820_entry){ .addr = regions[i].addr, .size = regions[i].size, .type = regions[i].type };
    set_xen_guest_handle(op.map.buffer, map);
    return (int)hypercall_memory_op(XENMEM_set_memory_map, &op);
}

int xc_memory_set_map(domid_t domid, uint64_t bytes)
{
    const struct hvm_memmap_table_entry ram = { .size = bytes, .type = XEN_HVM_MEMMAP_TYPE_RAM };

    return xc_memory_set_regions(domid, &ram, 1);
}
