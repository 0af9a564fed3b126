/* SPDX-License-Identifier: MIT */
/*
 * vcpu_errors: vcpu_op's errors.
 *
 * What:     vCPUs that do not exist, uninitialised ones, initialise with bad contexts, unknown
 *           sub-operations.
 * Why:      Linux probes vCPUs by VCPUOP_is_up until it fails; a bad context must not start a vCPU.
 * Method:   call on the last vCPU (which no test starts) and beyond.
 * Expected: -ENOENT beyond the last; is_up 0 and up -EINVAL for an uninitialised one; initialise of a
 *           running one -EEXIST.
 * Xen:      the same. Contexts are checked for canonical addresses, selectors and L4 (-EINVAL).
 */
#include "tests/guests/framework/guest.h"

static struct vcpu_guest_context ctxt;

static void check_contexts(unsigned int cpu)
{
    memset(&ctxt, 0, sizeof(ctxt));
    ctxt.flags = VGCF_in_kernel;
    ctxt.user_regs.cs = FLAT_KERNEL_CS;
    ctxt.user_regs.ss = ctxt.kernel_ss = FLAT_KERNEL_SS;
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, cpu, &ctxt), -XEN_EINVAL);
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(l4_mfn());
    ctxt.user_regs.rip = 0x0000800000000000;
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, cpu, &ctxt), -XEN_EINVAL);
    ctxt.user_regs.rip = VIRT_BASE;
    ctxt.gdt_ents = 8192;
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, cpu, &ctxt), -XEN_EINVAL);
    ctxt.gdt_ents = 0;
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(va_to_mfn(&ctxt));
    CHECK(hc_vcpu(VCPUOP_initialise, cpu, &ctxt) < 0);
    CHECK_EQ(hc_vcpu(VCPUOP_is_up, cpu, 0), 0);
    CHECK_EQ(hc_vcpu(VCPUOP_up, cpu, 0), -XEN_EINVAL);
}

static void test(void)
{
    unsigned int count = smp_count();

    CHECK_EQ(hc_vcpu(VCPUOP_is_up, 0, 0), 1);
    CHECK_EQ(hc_vcpu(VCPUOP_is_up, count, 0), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_is_up, 4000, 0), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_is_up, ~0u, 0), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_up, 4000, 0), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_down, 4000, 0), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, 4000, &ctxt), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, 0, 0), -XEN_EFAULT);
    CHECK_EQ(hc_vcpu(99, 0, 0), -XEN_ENOSYS);
    if (count > 2 && !cpu_of(count - 1)->started)
        check_contexts(count - 1);
}

GUEST_TEST(test);
