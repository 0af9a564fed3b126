/* SPDX-License-Identifier: MIT */
/*
 * hypercall_unknown: numbers and sub-operations that do not exist.
 *
 * What:     hypercall numbers in the gaps and beyond the table, and unknown sub-operations of every
 *           multiplexed call.
 * Why:      guests probe for newer calls and rely on -ENOSYS; a table index out of range must not reach
 *           the table.
 * Method:   issue each with zero arguments.
 * Expected: -ENOSYS, also for numbers whose low 32 bits name a call but whose high bits do not vanish.
 * Xen:      the same. console_io is refused to other domains than the initial one (-EPERM).
 */
#include "tests/guests/framework/guest.h"

static void check_numbers(void)
{
    static const uint32_t numbers[] = { 11, 43,  44,  45,         46,         47,         50,        51,
                                        52, 53,  54,  55,         56,         60,         63,        64,
                                        65, 127, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0 };

    for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        long ret = hypercall5(numbers[i], 0, 0, 0, 0, 0);

        if (ret != -XEN_ENOSYS)
            test_failure("hypercall %u returned %ld", numbers[i], ret);
    }
}

static void check_wide_numbers(void)
{
    long ret;

    asm volatile("syscall"
                 : "=a"(ret)
                 : "0"(0x100000000ul | __HYPERVISOR_xen_version), "D"(0), "S"(0)
                 : "rcx", "r11", "memory");
    CHECK_EQ(ret, -XEN_ENOSYS);
    asm volatile("syscall" : "=a"(ret) : "0"(-1l), "D"(0), "S"(0) : "rcx", "r11", "memory");
    CHECK_EQ(ret, -XEN_ENOSYS);
}

static void test(void)
{
    static uint8_t zeroes[256];

    check_numbers();
    check_wide_numbers();
    CHECK_EQ(hc_evtchn(99, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_sched(99, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_vcpu(99, 0, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_memory_op(62, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_grant(99, zeroes, 1), -XEN_ENOSYS);
    CHECK_EQ(hc_grant(99, zeroes, 0), -XEN_ENOSYS);
    CHECK_EQ(hc_physdev(99, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_callback(99, zeroes), -XEN_ENOSYS);
    CHECK_EQ(hc_console_io(99, 0, zeroes), is_initial_domain() ? -XEN_ENOSYS : -XEN_EPERM);
    CHECK_EQ(hc_vm_assist(99, 0), -XEN_ENOSYS);
    CHECK_EQ(hypercall2(__HYPERVISOR_hvm_op, 99, zeroes), -XEN_ENOSYS);
    CHECK_EQ(mmuext(99, 0, 0), -XEN_ENOSYS);
}

GUEST_TEST(test);
