/* SPDX-License-Identifier: MIT */
/*
 * native_iret: a real iretq in ring 3 to the flat kernel selector.
 *
 * What:     the way Mini-OS and Unikraft return from exceptions.
 * Why:      0xe033 and 0xe02b must be in the live GDT with DPL 3.
 * Method:   build a frame, execute iretq, go on behind it; the same with a bad selector.
 * Expected: it works without entering the hypervisor; a selector that is none is #GP at the iretq.
 * Xen:      the same. QEMU needs SMAP off for it.
 */
#include "tests/guests/framework/guest.h"

static uint64_t reached;

static void return_to(void *selector)
{
    asm volatile("mov %%rsp, %%rdx\n\t"
                 "push %[ss]; push %%rdx; pushfq; push %[cs]; lea 1f(%%rip), %%rax; push %%rax\n\t"
                 "iretq\n1:\t movq $1, %[reached]"
                 : [reached] "=m"(reached)
                 : [ss] "r"((uint64_t)FLAT_KERNEL_SS), [cs] "r"(selector)
                 : "rax", "rdx", "memory", "cc");
}

static void test(void)
{
    CHECK_EQ(trap_vector_of(return_to, (void *)FLAT_KERNEL_CS), -1);
    CHECK_EQ(reached, 1);
    reached = 0;
    CHECK_EQ(trap_vector_of(return_to, (void *)0x1233), VEC_GP);
    CHECK_EQ(trap_vector_of(return_to, (void *)(FLAT_KERNEL_CS & ~3)), VEC_GP);
    CHECK_EQ(reached, 0);
}

GUEST_TEST(test);
