/* SPDX-License-Identifier: MIT */
/*
 * emul_privileged: privileged instructions that a PV guest has no use for.
 *
 * What:     hlt, cli, sti, invlpg, lgdt, lidt, lldt, ltr, lmsw, invd, wrmsr, rdpmc, in, out, swapgs,
 *           sysret, iretq to ring 0.
 * Why:      each must become the guest's #GP (or #UD), not the machine's problem.
 * Method:   execute each under trap_catch in kernel and user mode.
 * Expected: #GP each (sysret #GP or #UD); cli and sti are #GP with virtual IOPL 0; wbinvd is allowed in
 *           the kernel.
 * Xen:      the same; with IOPL 0 ports are refused.
 */
#include "tests/guests/framework/guest.h"

#define INSTRUCTION(name, text)                                                \
    static void name(void *arg)                                                \
    {                                                                          \
        asm volatile(text : : "r"(arg), "a"(0), "d"(0x80), "c"(0) : "memory"); \
    }

static uint8_t table_register[10];

INSTRUCTION(do_hlt, "hlt")
INSTRUCTION(do_cli, "cli")
INSTRUCTION(do_sti, "sti")
INSTRUCTION(do_invlpg, "invlpg (%0)")
INSTRUCTION(do_lgdt, "lgdt (%0)")
INSTRUCTION(do_lidt, "lidt (%0)")
INSTRUCTION(do_lldt, "lldt %w1")
INSTRUCTION(do_ltr, "ltr %w1")
INSTRUCTION(do_lmsw, "lmsw %w1")
INSTRUCTION(do_invd, "invd")
INSTRUCTION(do_rdpmc, "push %%rax; push %%rdx; rdpmc; pop %%rdx; pop %%rax")
INSTRUCTION(do_in, "push %%rax; in %%dx, %%al; pop %%rax")
INSTRUCTION(do_out, "out %%al, %%dx")
INSTRUCTION(do_swapgs, "swapgs")
INSTRUCTION(do_sysret, "sysretq")
INSTRUCTION(do_iretq, "pushq $0; push %%rsp; pushq $2; pushq $8; pushq $0; iretq")
INSTRUCTION(do_wrmsr, "push %%rcx; mov $0xc0000082, %%ecx; wrmsr; pop %%rcx")

static const struct {
    const char *name;
    void (*run)(void *);
} list[] = {
    { "hlt", do_hlt },     { "cli", do_cli },       { "sti", do_sti },        { "invlpg", do_invlpg },
    { "lgdt", do_lgdt },   { "lidt", do_lidt },     { "lldt", do_lldt },      { "ltr", do_ltr },
    { "lmsw", do_lmsw },   { "invd", do_invd },     { "rdpmc", do_rdpmc },    { "in", do_in },
    { "out", do_out },     { "swapgs", do_swapgs }, { "sysretq", do_sysret }, { "iretq to ring 0", do_iretq },
    { "wrmsr", do_wrmsr },
};

static long in_user(uint64_t index)
{
    list[index].run(table_register);
    return 0;
}

static void test(void)
{
    for (unsigned int i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        int vector = trap_vector_of(list[i].run, table_register);
        const struct trap_record *r;

        test_expect(vector == VEC_GP, "%s in kernel mode: vector %d", list[i].name, vector);
        r = user_catch(in_user, i, NULL);
        test_expect(r && r->regs.vector == VEC_GP && r->from_user, "%s in user mode: vector %d", list[i].name,
                    r ? (int)r->regs.vector : -1);
    }
    asm volatile("wbinvd" : : : "memory");
}

GUEST_TEST(test);
