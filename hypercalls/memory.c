/* SPDX-License-Identifier: MIT */
/* memory_op: the table of its sub-operations, and the small ones. */
#include "hypercalls/memory.h"
#include "hypercalls/grant_table.h"
#include "hypercalls/physmap.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/string.h"
#include <xen/memory.h>

/* Domain ids that stand in a request, looked up with the right to `a`; self is always allowed. */
static struct domain *named_domain(domid_t id, int64_t *rc)
{
    int error = 0;
    struct domain *d = domain_for_hypercall(id, ACTION_MAP_FOREIGN, &error);

    *rc = error;
    return d;
}

static int64_t maximum_ram_page(uint64_t *word __unused, gva_t arg __unused)
{
    return (int64_t)max_mfn;
}

static struct domain *domain_of_arg(gva_t arg, int64_t *rc)
{
    domid_t id;

    *rc = -EFAULT;
    return read_guest(&id, arg) ? NULL : named_domain(id, rc);
}

static int64_t current_reservation(uint64_t *word __unused, gva_t arg)
{
    int64_t rc;
    struct domain *d = domain_of_arg(arg, &rc);

    if (d) {
        rc = (int64_t)READ_ONCE(d->tot_pages);
        domain_put(d);
    }
    return rc;
}

static int64_t maximum_reservation(uint64_t *word __unused, gva_t arg)
{
    int64_t rc;
    struct domain *d = domain_of_arg(arg, &rc);

    if (d) {
        rc = (int64_t)READ_ONCE(d->max_pages);
        domain_put(d);
    }
    return rc;
}

/* A PV guest says itself what its highest frame is. */
static int64_t maximum_gpfn(uint64_t *word __unused, gva_t arg)
{
    int64_t rc;
    struct domain *d = domain_of_arg(arg, &rc);

    if (d) {
        uint64_t end = READ_ONCE(d->shared_info->arch.max_pfn);

        rc = is_hvm_domain(d) ? (int64_t)d->hvm->p2m.max_gfn : end ? (int64_t)(end - 1) : 0;
        domain_put(d);
    }
    return rc;
}

/* Frames of d's grant table into the caller's list; growing the table as far as asked. */
static int64_t acquire_grant_frames(const struct xen_mem_acquire_resource *op, struct domain *d)
{
    if (op->id != XENMEM_resource_grant_table_id_shared)
        return -EINVAL;
    if (op->nr_frames > 32 || op->frame >= UINT32_MAX - op->nr_frames)
        return -E2BIG;
    for (uint32_t i = 0; i < op->nr_frames; i++) {
        mfn_t m;

        if (!gnttab_shared_frame(d, (uint32_t)op->frame + i, &m))
            return -EINVAL;
        if (write_guest_elem(gva_of_handle(op->frame_list), i, &(xen_pfn_t){ m.m }))
            return -EFAULT;
    }
    return 0;
}

/* With no list: how many frames the resource can have. */
static int64_t acquire_resource(uint64_t *word __unused, gva_t arg)
{
    struct xen_mem_acquire_resource op;
    struct domain *d;
    int64_t rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    if (op.pad != 0)
        return -EINVAL;
    d = named_domain(op.domid, &rc);
    if (!d)
        return rc;
    if (op.type != XENMEM_resource_grant_table || is_hvm_domain(current->domain))
        rc = -EOPNOTSUPP; /* machine frames are of no use to a hardware guest */
    else if (gva_of_handle(op.frame_list).va)
        rc = acquire_grant_frames(&op, d);
    else if (op.nr_frames || op.frame)
        rc = -EINVAL;
    else
        rc = write_guest_field(arg, struct xen_mem_acquire_resource, nr_frames, d->grant->max_frames);
    domain_put(d);
    return rc;
}

static int64_t no_shared_pages(uint64_t *word __unused, gva_t arg __unused)
{
    return 0;
}

/* By sub-operation; `extents`: it may be restarted, so that a first extent other than 0 means something.
 * `pv_only`: of the machine's frames, which hardware guests do not see. */
static const struct {
    memory_fn *fn;
    bool extents, pv_only;
} memory_table[] = {
    [XENMEM_increase_reservation] = { memory_increase_reservation, true },
    [XENMEM_decrease_reservation] = { memory_decrease_reservation, true },
    [XENMEM_populate_physmap] = { memory_populate_physmap, true },
    [XENMEM_exchange] = { memory_exchange, false },
    [XENMEM_maximum_ram_page] = { maximum_ram_page, false },
    [XENMEM_current_reservation] = { current_reservation, false },
    [XENMEM_maximum_reservation] = { maximum_reservation, false },
    [XENMEM_maximum_gpfn] = { maximum_gpfn, false },
    [XENMEM_machphys_mfn_list] = { memory_machphys_mfn_list, false },
    [XENMEM_machphys_mapping] = { memory_machphys_mapping, false, true },
    [XENMEM_memory_map] = { memory_map_get, false },
    [XENMEM_set_memory_map] = { memory_map_set, false },
    [XENMEM_machine_memory_map] = { memory_map_machine, false, true },
    [XENMEM_add_to_physmap] = { physmap_add, false },
    [XENMEM_add_to_physmap_batch] = { physmap_add_batch, false },
    [XENMEM_remove_from_physmap] = { physmap_remove, false },
    [XENMEM_acquire_resource] = { acquire_resource, false },
    [XENMEM_get_sharing_freed_pages] = { no_shared_pages, false },
    [XENMEM_get_sharing_shared_pages] = { no_shared_pages, false },
};

/*
 * arg: command word, pointer to the sub-operation's structure. A value or negative errno; -ENOSYS for what is
 * not in the table.
 */
int64_t do_memory_op(uint64_t arg[6])
{
    unsigned int op = MEMORY_CMD(arg[0]);

    if (op >= ARRAY_SIZE(memory_table) || !memory_table[op].fn)
        return -ENOSYS;
    if (memory_table[op].pv_only && is_hvm_domain(current->domain))
        return -ENOSYS;
    if (!memory_table[op].extents && MEMORY_EXTENT(arg[0]))
        return -EINVAL;
    return memory_table[op].fn(&arg[0], gva(arg[1]));
}
