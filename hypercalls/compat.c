/* SPDX-License-Identifier: MIT */
#include "hypercalls/compat.h"
#include "hypercalls/hypercall.h"
#include "hypercalls/memory.h"
#include "hv/hvm/hvm.h"
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* The structures as 32-bit code has them (the public headers, with 4-byte pointers and unsigned long). */
struct compat_add_to_physmap {
    uint16_t domid, size;
    uint32_t space, idx, gpfn;
};

struct compat_remove_from_physmap {
    uint16_t domid, pad;
    uint32_t gpfn;
};

struct compat_memory_map {
    uint32_t nr_entries, buffer;
};

struct compat_reservation {
    uint32_t extent_start, nr_extents, extent_order, mem_flags;
    uint16_t domid, pad;
};

struct compat_setup_table {
    uint16_t dom, pad;
    uint32_t nr_frames;
    int16_t status;
    uint16_t pad2;
    uint32_t frame_list;
};

struct compat_poll {
    uint32_t ports, nr_ports;
    uint64_t timeout;
} __packed;

/* With uint64_t where a 32-bit compiler has it: at multiples of 4. */
struct compat_runstate {
    int32_t state;
    uint64_t entry_time, time[4];
} __packed;

struct compat_copy {
    struct {
        uint32_t frame; /* or grant reference */
        uint16_t domid, offset;
    } source, dest;
    uint16_t len, flags;
    int16_t status, pad;
};

struct compat_multicall {
    uint32_t op, result, args[6];
};

/* Where the translated structure is, and the list behind it. */
#define ARGS      gva(COMPAT_ARGS_ADDRESS)
#define LIST      gva(COMPAT_ARGS_ADDRESS + 256)
#define LIST_MAX  ((PAGE_SIZE - 256) / sizeof(uint64_t))
#define HANDLE(p) ((void *)(uintptr_t)(p))

static int64_t put_args(const void *args, size_t bytes)
{
    return copy_to_guest_any(ARGS, args, bytes);
}
#define PUT_ARGS(s) put_args(&(s), sizeof(s))

static int64_t call_with_args(uint32_t nr, uint64_t first, uint64_t second, uint64_t arg[6])
{
    uint64_t wide[6] = { first, second };
    int64_t rc = hypercall_call(nr, wide);

    if (rc == HYPERCALL_RESTART)
        arg[0] = (uint32_t)wide[0];
    return rc;
}

static int64_t memory_physmap(uint64_t arg[6], gva_t p)
{
    struct compat_add_to_physmap c;
    struct xen_add_to_physmap x;

    if (read_guest(&c, p))
        return -EFAULT;
    x = (struct xen_add_to_physmap){
        .domid = c.domid, .size = c.size, .space = c.space, .idx = c.idx, .gpfn = c.gpfn
    };
    return PUT_ARGS(x) ? -EFAULT : call_with_args(__HYPERVISOR_memory_op, arg[0], ARGS.va, arg);
}

static int64_t memory_remove(uint64_t arg[6], gva_t p)
{
    struct compat_remove_from_physmap c;
    struct xen_remove_from_physmap x = { 0 };

    if (read_guest(&c, p))
        return -EFAULT;
    x.domid = c.domid;
    x.gpfn = c.gpfn;
    return PUT_ARGS(x) ? -EFAULT : call_with_args(__HYPERVISOR_memory_op, arg[0], ARGS.va, arg);
}

static int64_t memory_map(uint64_t arg[6], gva_t p)
{
    struct compat_memory_map c;
    struct xen_memory_map x = { 0 };
    int64_t rc;

    if (read_guest(&c, p))
        return -EFAULT;
    x.nr_entries = c.nr_entries;
    set_xen_guest_handle_raw(x.buffer, HANDLE(c.buffer));
    if (PUT_ARGS(x))
        return -EFAULT;
    rc = call_with_args(__HYPERVISOR_memory_op, arg[0], ARGS.va, arg);
    if (!rc && (copy_from_guest_any(&x, ARGS, sizeof(x)) ||
                write_guest_field(p, struct compat_memory_map, nr_entries, x.nr_entries)))
        rc = -EFAULT;
    return rc;
}

/* Lists are translated in pieces that fit the page; the restart counts extents of the guest's list. */
static int64_t memory_reservation(uint64_t arg[6], gva_t p)
{
    uint64_t start = MEMORY_EXTENT(arg[0]), n;
    struct compat_reservation c;
    struct xen_memory_reservation x = { 0 };
    int64_t done;

    if (read_guest(&c, p) || start >= c.nr_extents)
        return (int64_t)start;
    n = min((uint64_t)c.nr_extents - start, LIST_MAX);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t pfn;

        if (read_guest_elem(&pfn, gva(c.extent_start), start + i) ||
            write_guest_elem(LIST, i, &(uint64_t){ pfn }))
            return (int64_t)start;
    }
    set_xen_guest_handle_raw(x.extent_start, HANDLE(LIST.va));
    x.nr_extents = n;
    x.extent_order = c.extent_order;
    x.mem_flags = c.mem_flags;
    x.domid = c.domid;
    if (PUT_ARGS(x))
        return (int64_t)start;
    done = call_with_args(__HYPERVISOR_memory_op, MEMORY_CMD(arg[0]), ARGS.va, arg);
    if (done == HYPERCALL_RESTART) /* of the piece: the extents done in it */
        done = (int64_t)MEMORY_EXTENT(arg[0]);
    else if (done < (int64_t)n)
        return done < 0 ? done : (int64_t)start + done;
    start += (uint64_t)done;
    if (start == c.nr_extents)
        return (int64_t)start;
    arg[0] = MEMORY_CMD(arg[0]) | start << MEMORY_EXTENT_SHIFT;
    return HYPERCALL_RESTART;
}

static int64_t compat_memory_op(uint64_t arg[6])
{
    gva_t p = gva(arg[1]);

    switch (MEMORY_CMD(arg[0])) {
    case XENMEM_add_to_physmap:
        return memory_physmap(arg, p);
    case XENMEM_remove_from_physmap:
        return memory_remove(arg, p);
    case XENMEM_memory_map:
        return memory_map(arg, p);
    case XENMEM_populate_physmap:
    case XENMEM_decrease_reservation:
    case XENMEM_increase_reservation:
        return memory_reservation(arg, p);
    case XENMEM_current_reservation: /* these have one domain id, or nothing */
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
    case XENMEM_maximum_ram_page:
        return hypercall_call(__HYPERVISOR_memory_op, arg);
    default:
        return -ENOSYS;
    }
}

/* The frame numbers of the table go to a list of the guest's words. */
static int64_t compat_setup_table(uint64_t arg[6])
{
    struct compat_setup_table c;
    struct gnttab_setup_table x = { 0 };
    int64_t rc;

    if (arg[2] != 1 || read_guest(&c, gva(arg[1])))
        return -EFAULT;
    if (c.nr_frames > LIST_MAX)
        return -EINVAL;
    x.dom = c.dom;
    x.nr_frames = c.nr_frames;
    set_xen_guest_handle_raw(x.frame_list, HANDLE(LIST.va));
    if (PUT_ARGS(x))
        return -EFAULT;
    rc = hypercall_call(__HYPERVISOR_grant_table_op, (uint64_t[6]){ GNTTABOP_setup_table, ARGS.va, 1 });
    if (rc || copy_from_guest_any(&x, ARGS, sizeof(x)))
        return rc ? rc : -EFAULT;
    for (uint32_t i = 0; x.status == GNTST_okay && i < c.nr_frames; i++) {
        uint64_t frame;

        if (read_guest_elem(&frame, LIST, i) ||
            write_guest_elem(gva(c.frame_list), i, &(uint32_t){ (uint32_t)frame }))
            return -EFAULT;
    }
    c.status = x.status;
    return write_guest(gva(arg[1]), &c);
}

/* One element at a time. */
static int64_t compat_copy(uint64_t arg[6])
{
    for (uint32_t left = (uint32_t)arg[2]; left; left--) {
        struct compat_copy c;
        struct gnttab_copy x = { 0 };
        int64_t rc;

        if (hypercall_preempt_check(1) && left != (uint32_t)arg[2]) {
            arg[2] = left;
            return HYPERCALL_RESTART;
        }
        if (read_guest(&c, gva(arg[1])))
            return -EFAULT;
        x.flags = c.flags;
        x.len = c.len;
        x.source.domid = c.source.domid;
        x.source.offset = c.source.offset;
        x.source.u.gmfn = c.source.frame; /* the reference is the low half */
        x.dest.domid = c.dest.domid;
        x.dest.offset = c.dest.offset;
        x.dest.u.gmfn = c.dest.frame;
        if (PUT_ARGS(x))
            return -EFAULT;
        rc = hypercall_call(__HYPERVISOR_grant_table_op, (uint64_t[6]){ GNTTABOP_copy, ARGS.va, 1 });
        if (rc || copy_from_guest_any(&x, ARGS, sizeof(x)))
            return rc ? rc : -EFAULT;
        if (write_guest_field(gva(arg[1]), struct compat_copy, status, x.status))
            return -EFAULT;
        arg[1] += sizeof(c);
    }
    return 0;
}

static int64_t compat_grant_table_op(uint64_t arg[6])
{
    switch ((uint32_t)arg[0]) {
    case GNTTABOP_setup_table:
        return compat_setup_table(arg);
    case GNTTABOP_copy:
        return compat_copy(arg);
    case GNTTABOP_map_grant_ref: /* these are the same in both widths */
    case GNTTABOP_unmap_grant_ref:
    case GNTTABOP_swap_grant_ref:
    case GNTTABOP_query_size:
    case GNTTABOP_set_version:
    case GNTTABOP_get_version:
        return hypercall_call(__HYPERVISOR_grant_table_op, arg);
    default:
        return -ENOSYS;
    }
}

static int64_t compat_sched_op(uint64_t arg[6])
{
    struct compat_poll c;
    struct sched_poll x = { 0 };

    if ((uint32_t)arg[0] != SCHEDOP_poll)
        return hypercall_call(__HYPERVISOR_sched_op, arg);
    if (copy_from_guest_any(&c, gva(arg[1]), sizeof(c)))
        return -EFAULT;
    set_xen_guest_handle_raw(x.ports, HANDLE(c.ports));
    x.nr_ports = c.nr_ports;
    x.timeout = c.timeout;
    return PUT_ARGS(x) ? -EFAULT : call_with_args(__HYPERVISOR_sched_op, arg[0], ARGS.va, arg);
}

static int64_t compat_multicall(struct vcpu *v, uint64_t arg[6])
{
    for (uint32_t left = (uint32_t)arg[1]; left; left--) {
        struct compat_multicall c;
        uint64_t wide[6];
        int64_t rc;

        if (hypercall_preempt_check(1) && left != (uint32_t)arg[1]) {
            arg[1] = left;
            return HYPERCALL_RESTART;
        }
        if (copy_from_guest_any(&c, gva(arg[0]), sizeof(c)))
            return -EFAULT;
        for (unsigned int i = 0; i < 6; i++)
            wide[i] = c.args[i];
        rc = c.op == __HYPERVISOR_multicall ? -EINVAL : compat_call(v, c.op, wide);
        if (rc == HYPERCALL_RESTART) {
            for (unsigned int i = 0; i < 6; i++)
                c.args[i] = (uint32_t)wide[i];
            arg[1] = left;
            return copy_to_guest_any(gva(arg[0]), &c, sizeof(c)) ? -EFAULT : rc;
        }
        c.result = (uint32_t)rc;
        if (copy_to_guest_any(gva(arg[0]), &c, sizeof(c)))
            return -EFAULT;
        arg[0] += sizeof(c);
    }
    return 0;
}

static int64_t compat_runstate(uint64_t arg[6])
{
    struct vcpu_runstate_info x;
    struct compat_runstate c;
    int64_t rc = hypercall_call(__HYPERVISOR_vcpu_op, (uint64_t[6]){ arg[0], arg[1], ARGS.va });

    if (rc || copy_from_guest_any(&x, ARGS, sizeof(x)))
        return rc ? rc : -EFAULT;
    c.state = x.state;
    c.entry_time = x.state_entry_time;
    for (unsigned int i = 0; i < ARRAY_SIZE(c.time); i++)
        c.time[i] = x.time[i];
    return copy_to_guest_any(gva(arg[2]), &c, sizeof(c));
}

/* The rest has the same form in both widths. */
static int64_t compat_vcpu_op(uint64_t arg[6])
{
    switch ((uint32_t)arg[0]) {
    case VCPUOP_get_runstate_info:
        return compat_runstate(arg);
    case VCPUOP_initialise: /* struct vcpu_hvm_context */
    case VCPUOP_up:
    case VCPUOP_down:
    case VCPUOP_is_up:
    case VCPUOP_register_vcpu_info:
    case VCPUOP_set_periodic_timer:
    case VCPUOP_stop_periodic_timer:
    case VCPUOP_set_singleshot_timer:
    case VCPUOP_stop_singleshot_timer:
    case VCPUOP_send_nmi:
        return hypercall_call(__HYPERVISOR_vcpu_op, arg);
    default:
        return -ENOSYS;
    }
}

/* Where the hypervisor begins is not a question of 32-bit code outside of PV: the word is 0, as on Xen. */
static int64_t compat_xen_version(uint64_t arg[6])
{
    if ((uint32_t)arg[0] != XENVER_platform_parameters)
        return hypercall_call(__HYPERVISOR_xen_version, arg);
    return write_guest(gva(arg[1]), &(uint32_t){ 0 });
}

int64_t compat_call(struct vcpu *v, uint32_t nr, uint64_t arg[6])
{
    if (!v->hvm->compat_args) {
        v->hvm->compat_args = hv_alloc_pages(0, ALLOC_ZERO);
        if (!v->hvm->compat_args)
            return -ENOMEM;
    }
    switch (nr) {
    case __HYPERVISOR_memory_op:
        return compat_memory_op(arg);
    case __HYPERVISOR_grant_table_op:
        return compat_grant_table_op(arg);
    case __HYPERVISOR_sched_op:
        return compat_sched_op(arg);
    case __HYPERVISOR_multicall:
        return compat_multicall(v, arg);
    case __HYPERVISOR_vcpu_op:
        return compat_vcpu_op(arg);
    case __HYPERVISOR_set_timer_op: /* the deadline in two registers */
        return hypercall_call(nr, (uint64_t[6]){ (uint32_t)arg[0] | arg[1] << 32 });
    case __HYPERVISOR_xen_version:
        return compat_xen_version(arg);
    case __HYPERVISOR_console_io:
    case __HYPERVISOR_event_channel_op:
    case __HYPERVISOR_hvm_op:
    case __HYPERVISOR_vm_assist:
        return hypercall_call(nr, arg);
    default:
        return -ENOSYS;
    }
}
