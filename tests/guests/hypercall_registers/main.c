/* SPDX-License-Identifier: MIT */
/*
 * hypercall_registers: what a hypercall may change.
 *
 * What:     all registers around a hypercall of 0, 2 and 4 arguments, an unknown one, and one that
 *           fails.
 * Why:      Linux declares only the used argument registers as clobbered; GRUB keeps values in r8, r9,
 *           rbx and r12.
 * Method:   load every register with its own pattern, SYSCALL, store every register, compare.
 * Expected: only rax (result), rcx and r11 (SYSCALL itself) and the call's own arguments may differ;
 *           rflags survive.
 * Xen:      the same; a release build restores the arguments too.
 */
#include "tests/guests/framework/guest.h"

enum { RAX, RDI, RSI, RDX, R10, R8, R9, RBX, RBP, R12, R13, R14, R15, FLAGS, REGS };

/* Named in raw_syscall()'s assembly. */
static uint64_t hcregs_before[REGS] __attribute__((used));
static uint64_t hcregs_after[REGS] __attribute__((used));

static void raw_syscall(void)
{
    asm volatile(
        "push %%rbp; push %%rbx\n\t"
        "mov hcregs_before + 8*1, %%rdi; mov hcregs_before + 8*2, %%rsi; mov hcregs_before + 8*3, %%rdx; mov "
        "hcregs_before + 8*4, %%r10\n\t"
        "mov hcregs_before + 8*5, %%r8; mov hcregs_before + 8*6, %%r9; mov hcregs_before + 8*7, %%rbx; mov "
        "hcregs_before + 8*8, %%rbp\n\t"
        "mov hcregs_before + 8*9, %%r12; mov hcregs_before + 8*10, %%r13; mov hcregs_before + 8*11, %%r14\n\t"
        "mov hcregs_before + 8*12, %%r15; push hcregs_before + 8*13; popfq; mov hcregs_before, %%rax\n\t"
        "syscall\n\t"
        "pushfq; pop hcregs_after + 8*13; mov %%rax, hcregs_after; mov %%rdi, hcregs_after + 8*1; mov %%rsi, "
        "hcregs_after + 8*2\n\t"
        "mov %%rdx, hcregs_after + 8*3; mov %%r10, hcregs_after + 8*4; mov %%r8, hcregs_after + 8*5; mov "
        "%%r9, hcregs_after + 8*6\n\t"
        "mov %%rbx, hcregs_after + 8*7; mov %%rbp, hcregs_after + 8*8; mov %%r12, hcregs_after + 8*9\n\t"
        "mov %%r13, hcregs_after + 8*10; mov %%r14, hcregs_after + 8*11; mov %%r15, hcregs_after + 8*12\n\t"
        "cld; pop %%rbx; pop %%rbp"
        :
        :
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
}

static void check_call(uint64_t nr, unsigned int args, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       int64_t result)
{
    for (unsigned int i = 0; i < REGS; i++)
        hcregs_before[i] = 0x1111111111111111ul * (i + 1);
    hcregs_before[RAX] = nr;
    hcregs_before[RDI] = args > 0 ? a1 : hcregs_before[RDI];
    hcregs_before[RSI] = args > 1 ? a2 : hcregs_before[RSI];
    hcregs_before[RDX] = args > 2 ? a3 : hcregs_before[RDX];
    hcregs_before[R10] = args > 3 ? a4 : hcregs_before[R10];
    hcregs_before[FLAGS] = EFLAGS_IF | EFLAGS_CF | EFLAGS_ZF | 0x2 | EFLAGS_ID;
    raw_syscall();
    CHECK_EQ(hcregs_after[RAX], result);
    for (unsigned int i = RDI + args; i < REGS; i++)
        if (hcregs_after[i] != hcregs_before[i])
            test_failure("hypercall %lu: register %u is %lx, was %lx", nr, i, hcregs_after[i],
                         hcregs_before[i]);
}

static void test(void)
{
    check_call(__HYPERVISOR_xen_version, 2, XENVER_version, 0, 0, 0, 4 << 16 | 17);
    check_call(__HYPERVISOR_xen_version, 2, XENVER_capabilities, 0, 0, 0, -XEN_EFAULT);
    check_call(__HYPERVISOR_mmu_update, 4, 0, 0, 0, DOMID_SELF, 0);
    check_call(__HYPERVISOR_sched_op, 2, SCHEDOP_yield, 0, 0, 0, 0);
    check_call(__HYPERVISOR_fpu_taskswitch, 1, 0, 0, 0, 0, 0);
    check_call(1000, 0, 0, 0, 0, 0, -XEN_ENOSYS);
}

GUEST_TEST(test);
