/* SPDX-License-Identifier: MIT */
/*
 * vm_assist_iopl: architectural IOPL.
 *
 * What:     VMASST_TYPE_architectural_iopl: IOPL appears in rflags of frames and is set by iret.
 * Why:      without it IOPL is only known to the hypervisor; XSA-186-like mistakes hide here.
 * Method:   enable, set IOPL by physdev and by iret, look at the frame's rflags, use a port.
 * Expected: the frame shows the virtual IOPL; iret sets it; CPL 0 for the kernel: a port is refused to
 *           the kernel at no IOPL, to user mode below 3.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t frame_flags, next_flags;

static bool on_breakpoint(struct cpu_regs *regs)
{
    frame_flags = regs->rflags;
    regs->rflags = (regs->rflags & ~(uint64_t)EFLAGS_IOPL) | next_flags;
    return true;
}

static void use_port(void *unused)
{
    (void)unused;
    asm volatile("inb $0x80, %%al" : : : "eax");
}

static long user_port(uint64_t unused)
{
    use_port((void *)unused);
    return 0;
}

static void set_by_iret(unsigned int iopl)
{
    const struct trap_record *r;

    next_flags = (uint64_t)iopl << 12;
    asm volatile("int3" : : : "memory");
    asm volatile("int3" : : : "memory");
    CHECK_EQ(frame_flags & EFLAGS_IOPL, next_flags);
    CHECK_EQ(trap_vector_of(use_port, NULL), -1);
    r = user_catch(user_port, 0, NULL);
    CHECK_EQ(r ? (int)r->regs.vector : -1, VEC_GP);
}

static void test(void)
{
    struct physdev_set_iopl op = { .iopl = 2 };

    trap_hook(VEC_BP, on_breakpoint);
    CHECK_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl), 0);
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iopl, &op), 0);
    next_flags = 2 << 12;
    asm volatile("int3" : : : "memory");
    CHECK_EQ(frame_flags & EFLAGS_IOPL, 2 << 12);
    set_by_iret(0);
    set_by_iret(1);
    set_by_iret(3);
    set_by_iret(0);
    CHECK_EQ(hc_vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl), 0);
    op.iopl = 0;
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iopl, &op), 0);
}

GUEST_TEST(test);
