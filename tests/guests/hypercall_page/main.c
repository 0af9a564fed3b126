/* SPDX-License-Identifier: MIT */
/*
 * hypercall_page: the page named by the ELF note HYPERCALL_PAGE.
 *
 * What:     its 128 slots of 32 bytes.
 * Why:      Mini-OS, Unikraft, XTF and older Linux call through it.
 * Method:   look at the first byte (the image fills the page with `ret`), call slots and compare with a
 *           bare SYSCALL.
 * Expected: filled; slot nr behaves as hypercall nr, unknown ones return -ENOSYS; rbx, rbp, r12..r15
 *           survive; the stack is balanced. The iret slot is another sequence, since it does not return.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

extern uint8_t hypercall_page[4096];

static long page_call(unsigned int nr, uint64_t a1, uint64_t a2)
{
    long ret;

    asm volatile("call *%[slot]"
                 : "=a"(ret), "+D"(a1), "+S"(a2)
                 : [slot] "r"(hypercall_page + nr * 32)
                 : "rcx", "r11", "memory");
    return ret;
}

static void test(void)
{
    CHECK(hypercall_page[0] != 0xc3);
    CHECK_EQ(page_call(__HYPERVISOR_xen_version, XENVER_version, 0), hc_xen_version(XENVER_version, 0));
    CHECK_EQ(page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0), 0);
    CHECK_EQ(page_call(__HYPERVISOR_vm_assist, 99, VMASST_TYPE_runstate_update_flag), -XEN_ENOSYS);
    CHECK_EQ(page_call(63, 0, 0), -XEN_ENOSYS);
    CHECK_EQ(page_call(__HYPERVISOR_xen_version, XENVER_capabilities, 0), -XEN_EFAULT);
    CHECK(memcmp(hypercall_page + __HYPERVISOR_iret * 32, hypercall_page + __HYPERVISOR_sched_op * 32, 5));
}

GUEST_TEST(test);
