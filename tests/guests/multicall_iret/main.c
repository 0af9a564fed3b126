/* SPDX-License-Identifier: MIT */
/*
 * multicall_iret: an iret inside a multicall (XSA-213).
 *
 * What:     HYPERVISOR_iret to user mode as an entry, with more entries behind it.
 * Why:      the entries behind it must not run with the user's page tables and the kernel's rights.
 * Method:   a batch of [count, iret to user, count]; the user code comes back by a system call.
 * Expected: user mode runs; the entry behind the iret was not executed (its result is untouched).
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static multicall_entry_t calls[3];
static uint8_t user_stack[4096] __attribute__((aligned(16)));

static struct iret_context frame;
static volatile bool user_ran;

/* Runs in user mode with nothing but a stack; leaves as user_start() of the framework does. */
static void user_code(void)
{
    user_ran = true;
    asm volatile("mov %0, %%eax; xor %%edi, %%edi; syscall; ud2" : : "i"(USER_EXIT) : "memory");
}

static __attribute__((noinline)) long batch_to_user(void)
{
    long ret;

    frame = (struct iret_context){ .rip = (uint64_t)user_code,
                                   .cs = FLAT_USER_CS64,
                                   .rsp = (uint64_t)user_stack + 4096,
                                   .ss = FLAT_USER_SS64 };
    calls[0] =
        (multicall_entry_t){ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_is_up, 0, 0 }, .result = 0x777 };
    calls[1] = (multicall_entry_t){ .op = __HYPERVISOR_iret, .result = 0x777 };
    calls[2] =
        (multicall_entry_t){ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_is_up, 0, 0 }, .result = 0x777 };
    /* user_return pops one word and the six callee-saved registers, then returns: lay that out and switch
     * stacks. */
    asm volatile("push %%rbp; push %%rbx; lea 1f(%%rip), %%rax; push %%rax\n\t"
                 "push %%rbp; push %%rbx; push %%r12; push %%r13; push %%r14; push %%r15; push %%rcx\n\t"
                 "mov %%rsp, (%[save])\n\t"
                 "mov %[frame], %%rsp; mov %[calls], %%rdi; mov $3, %%esi; mov $13, %%eax\n\t"
                 "syscall\n\t"
                 "ud2\n1:\t pop %%rbx; pop %%rbp"
                 : "=&a"(ret)
                 : [frame] "r"(&frame), [calls] "r"(calls), [save] "r"(&this_cpu()->user_rsp)
                 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
    return ret;
}

static void test(void)
{
    batch_to_user();
    this_cpu()->user_rsp = 0;
    CHECK(user_ran);
    CHECK_EQ(calls[0].result, 1);
    CHECK_EQ(calls[2].result, 0x777);
}

GUEST_TEST(test);
