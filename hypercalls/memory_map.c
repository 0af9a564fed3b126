/* SPDX-License-Identifier: MIT */
/* Memory maps: a domain's own (set by its builder), the machine's, and where the machine-to-phys table is. */
#include "hypercalls/memory.h"
#include "hv/boot/boot.h"
#include "hv/lib/string.h"
#include "hv/mm/frame_chunk.h"
#include "hv/mm/heap.h"
#include "hv/mm/m2p.h"
#include <xen/memory.h>

/* An entry of the maps that guests see: the PC firmware's E820 form, which no ABI header declares. */
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
} __packed;

#define E820_MAX 128

struct memory_map {
    unsigned int count;
    struct e820_entry entry[];
};

/* XENMEM_memory_map: the caller's. -ENOSYS when none was set. */
int64_t memory_map_get(uint64_t *word __unused, gva_t arg)
{
    struct domain *d = current->domain;
    struct xen_memory_map map;
    int64_t rc = -ENOSYS;

    if (read_guest(&map, arg))
        return READ_ONCE(d->memory_map) ? -EFAULT : -ENOSYS;
    spin_lock(&d->lock);
    if (d->memory_map) {
        map.nr_entries = min(map.nr_entries, d->memory_map->count);
        rc = copy_to_guest(gva_of_handle(map.buffer), d->memory_map->entry,
                           map.nr_entries * sizeof(struct e820_entry));
    }
    spin_unlock(&d->lock);
    return rc ? rc : write_guest(arg, &map);
}

/* Whatever d had before is freed. */
static void install(struct domain *d, struct memory_map *fresh)
{
    struct memory_map *old;

    spin_lock(&d->lock);
    old = d->memory_map;
    d->memory_map = fresh;
    spin_unlock(&d->lock);
    hv_free(old);
}

static struct memory_map *map_alloc(unsigned int entries)
{
    struct memory_map *map = hv_zalloc(sizeof(*map) + entries * sizeof(struct e820_entry));

    if (map)
        map->count = entries;
    return map;
}

/* XENMEM_set_memory_map, by the domain's builder or itself. */
int64_t memory_map_set(uint64_t *word __unused, gva_t arg)
{
    struct xen_foreign_memory_map op;
    struct memory_map *fresh;
    struct domain *d;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    if (op.map.nr_entries > E820_MAX)
        return -EINVAL;
    d = domain_for_hypercall(op.domid, ACTION_MAP_FOREIGN, &rc);
    if (!d)
        return rc;
    fresh = map_alloc(op.map.nr_entries);
    rc = fresh ? copy_from_guest(fresh->entry, gva_of_handle(op.map.buffer),
                                 op.map.nr_entries * sizeof(struct e820_entry))
               : -ENOMEM;
    if (rc)
        hv_free(fresh);
    else
        install(d, fresh);
    domain_put(d);
    return rc;
}

int memory_map_define(struct domain *d, const struct hvm_memmap_table_entry *entry, unsigned int n)
{
    struct memory_map *fresh = map_alloc(n);

    if (!fresh)
        return -ENOMEM;
    for (unsigned int i = 0; i < n; i++)
        fresh->entry[i] =
            (struct e820_entry){ .addr = entry[i].addr, .size = entry[i].size, .type = entry[i].type };
    install(d, fresh);
    return 0;
}

void memory_map_free(struct domain *d)
{
    hv_free(d->memory_map);
    d->memory_map = NULL;
}

/* XENMEM_machine_memory_map: for the control domain. Without a buffer: how many entries there are. */
int64_t memory_map_machine(uint64_t *word __unused, gva_t arg)
{
    struct xen_memory_map map;
    gva_t buffer;
    unsigned int n = 0;

    if (may(current->domain, ACTION_SYSTEM, NULL))
        return -EPERM;
    if (read_guest(&map, arg))
        return -EFAULT;
    buffer = gva_of_handle(map.buffer);
    if (buffer.va && map.nr_entries < boot_info.nr_memory)
        return -EINVAL;
    for (; n < boot_info.nr_memory; n++) {
        const struct boot_memory *m = &boot_info.memory[n];
        struct e820_entry e = { .addr = m->start, .size = m->end - m->start, .type = m->type };

        if (buffer.va && write_guest_elem(buffer, n, &e))
            return -EFAULT;
    }
    map.nr_entries = n;
    return write_guest(arg, &map);
}

int64_t memory_machphys_mapping(uint64_t *word __unused, gva_t arg)
{
    struct xen_machphys_mapping mapping = {
        .v_start = M2P_RO_START,
        .v_end = M2P_RO_END,
        .max_mfn = (M2P_RO_END - M2P_RO_START) / sizeof(uint64_t) - 1,
    };

    /* The control domain stays on this machine, and spares itself a fault for each frame of a device that it
     * looks up. */
    if (current->domain->hardware)
        mapping.max_mfn = max_mfn - 1;
    return write_guest(arg, &mapping);
}

/* The frames of the table in pieces of 2 MiB; a piece that is not there is given as the one before it. */
int64_t memory_machphys_mfn_list(uint64_t *word __unused, gva_t arg)
{
    struct xen_machphys_mfn_list list;
    xen_pfn_t last = 0;
    unsigned int i;

    if (read_guest(&list, arg))
        return -EFAULT;
    for (i = 0; i < list.max_extents && i < DIV_ROUND_UP(max_mfn * sizeof(uint64_t), MIB(2)); i++) {
        mfn_t m = m2p_extent(i);

        if (m.m != INVALID_MFN_RAW)
            last = m.m;
        if (write_guest_elem(gva_of_handle(list.extent_start), i, &last))
            return -EFAULT;
    }
    list.nr_extents = i;
    return write_guest(arg, &list);
}
