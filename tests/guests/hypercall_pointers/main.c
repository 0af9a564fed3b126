/* SPDX-License-Identifier: MIT */
/*
 * hypercall_pointers: guest pointers that do not point to guest memory.
 *
 * What:     every hypercall that reads or writes a structure, with pointers into the hypervisor's range
 *           (also where the guest may read: the machine-to-phys table), non-canonical, unmapped, and
 *           straddling a mapping's end.
 * Why:      a hypervisor that follows one of them reads or writes its own memory on a guest's behalf.
 * Method:   issue the calls; write-backs are tried on read-only pages too.
 * Expected: -EFAULT each time and no trap; 0 extents done for the memory_ops that return a number of
 *           extents.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static const struct call {
    uint16_t nr;
    uint8_t pointer_arg; /* 1: first, 2: second, 3: third */
    uint64_t a1, a2, a3;
} calls[] = {
    { __HYPERVISOR_multicall, 1, 0, 1, 0 },
    { __HYPERVISOR_memory_op, 2, XENMEM_current_reservation, 0, 0 },
    { __HYPERVISOR_event_channel_op, 2, EVTCHNOP_send, 0, 0 },
    { __HYPERVISOR_event_channel_op, 2, EVTCHNOP_alloc_unbound, 0, 0 },
    { __HYPERVISOR_event_channel_op, 2, EVTCHNOP_bind_ipi, 0, 0 },
    { __HYPERVISOR_event_channel_op, 2, EVTCHNOP_status, 0, 0 },
    { __HYPERVISOR_sched_op, 2, SCHEDOP_poll, 0, 0 },
    { __HYPERVISOR_sched_op, 2, SCHEDOP_shutdown, 0, 0 },
    { __HYPERVISOR_vcpu_op, 3, VCPUOP_register_runstate_memory_area, 0, 0 },
    { __HYPERVISOR_vcpu_op, 3, VCPUOP_set_singleshot_timer, 0, 0 },
    { __HYPERVISOR_vcpu_op, 3, VCPUOP_set_periodic_timer, 0, 0 },
    { __HYPERVISOR_vcpu_op, 3, VCPUOP_get_runstate_info, 0, 0 },
    { __HYPERVISOR_grant_table_op, 2, GNTTABOP_query_size, 0, 1 },
    { __HYPERVISOR_grant_table_op, 2, GNTTABOP_setup_table, 0, 1 },
    { __HYPERVISOR_grant_table_op, 2, GNTTABOP_map_grant_ref, 0, 1 },
    { __HYPERVISOR_grant_table_op, 2, GNTTABOP_unmap_grant_ref, 0, 1 },
    { __HYPERVISOR_grant_table_op, 2, GNTTABOP_copy, 0, 1 },
};

/* A hardware guest does not have these. */
static const struct call pv_calls[] = {
    { __HYPERVISOR_set_trap_table, 1, 0, 0, 0 },
    { __HYPERVISOR_mmu_update, 1, 0, 1, 0 },
    { __HYPERVISOR_mmuext_op, 1, 0, 1, 0 },
    { __HYPERVISOR_set_gdt, 1, 0, 512, 0 },
    { __HYPERVISOR_memory_op, 2, XENMEM_exchange, 0, 0 },
    { __HYPERVISOR_memory_op, 2, XENMEM_machphys_mapping, 0, 0 },
    { __HYPERVISOR_memory_op, 2, XENMEM_machphys_mfn_list, 0, 0 },
    { __HYPERVISOR_physdev_op, 2, PHYSDEVOP_set_iopl, 0, 0 },
    { __HYPERVISOR_callback_op, 2, CALLBACKOP_register, 0, 0 },
};

static void try_calls(const struct call *call, unsigned int nr, uint64_t pointer)
{
    for (; nr--; call++) {
        uint64_t args[4] = { 0, call->a1, call->a2, call->a3 };
        long ret;

        args[call->pointer_arg] = pointer;
        ret = hypercall4(call->nr, args[1], args[2], args[3], DOMID_SELF);
        if (ret != -XEN_EFAULT)
            test_failure("hypercall %u(%lx, %lx, %lx) returned %ld", call->nr, args[1], args[2], args[3],
                         ret);
    }
    CHECK_EQ(hc_memory_op(XENMEM_decrease_reservation, pointer), 0);
    CHECK_EQ(hc_memory_op(XENMEM_increase_reservation, pointer), 0);
    CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, pointer), 0);
}

static void try_pointer(uint64_t pointer)
{
    try_calls(calls, sizeof(calls) / sizeof(calls[0]), pointer);
    if (!ARCH_TRANSLATED)
        try_calls(pv_calls, sizeof(pv_calls) / sizeof(pv_calls[0]), pointer);
}

static void check_straddle(void)
{
    struct scratch s;
    domid_t *id;

    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(s.l1) | PTE_RO), 0);
    id = (domid_t *)(scratch_va(&s, 1) - 1);
    CHECK_EQ(hc_memory_op(XENMEM_current_reservation, id), -XEN_EFAULT);
    CHECK_EQ(hc_xen_version(XENVER_extraversion, scratch_va(&s, 1) - 8), -XEN_EFAULT);
    /* Readable, but the result cannot be written. */
    CHECK_EQ(hc_xen_version(XENVER_extraversion, scratch_va(&s, 0)), -XEN_EFAULT);
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
}

static void test(void)
{
    try_pointer(0x10);
    try_pointer(0x00007ffffffffffc);
    try_pointer(0x0000800000000000);
    try_pointer(0xffff7ffffffffff0);
    try_pointer(0xffff800000000000);
    try_pointer(0xffff804000000000);
    try_pointer(0xffff82d040200000);
    try_pointer(0xffff830000001000);
    try_pointer(0xffff87fffffffff0);
    try_pointer(0xfffffffffffffffc);
    check_straddle();
}

GUEST_TEST(test);
