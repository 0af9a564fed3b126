/* SPDX-License-Identifier: MIT */
/*
 * bounce_exceptions: each exception that a guest can raise natively arrives with the right vector and
 * error code.
 *
 * What:     #DE #DB(TF) #BP #UD #NM #GP #PF #MF #NP/#GP by selector, from kernel and from user mode.
 * Why:      the guest's fault handling (signals, demand paging, lazy FPU) stands on it.
 * Method:   execute one faulting instruction under trap_catch() or user_catch().
 * Expected: the architectural vector, error code and rip; #PF's address in vcpu_info.arch.cr2, error
 *           code with the user bit for guest user mode only, although a PV kernel runs in ring 3 too.
 * Xen:      the same. #AC and #XM are left out: QEMU 7.2 raises neither; #SS by a non-canonical stack
 *           operand arrives as #GP under QEMU.
 */
#include "tests/guests/framework/guest.h"

static void raise_de(void *arg)
{
    (void)arg;
    asm volatile("xor %%eax, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" : : : "eax", "ecx", "edx");
}

static void raise_db(void *arg)
{
    (void)arg;
    asm volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
}

static void raise_ud(void *arg)
{
    (void)arg;
    asm volatile("ud2");
}

static void raise_gp(void *arg)
{
    (void)arg;
    asm volatile("hlt");
}

static void raise_gp_selector(void *arg)
{
    (void)arg;
    asm volatile("mov %0, %%ds" : : "r"(0x1234));
}

static void raise_gp_canonical(void *arg)
{
    (void)arg;
    asm volatile("mov (%0), %%al" : : "r"(0x8000000000000000ul) : "al");
}

static void raise_mf(void *arg)
{
    uint16_t control = 0x37b;

    (void)arg;
    asm volatile("fninit; fldcw %0; fldz; fld1; fdivp; fwait" : : "m"(control));
}

static void raise_pf_read(void *arg)
{
    asm volatile("mov (%0), %%al" : : "r"(arg) : "al");
}

static void raise_pf_write(void *arg)
{
    asm volatile("movb $0, (%0)" : : "r"(arg) : "memory");
}

static void raise_pf_exec(void *arg)
{
    asm volatile("call *%0" : : "r"(arg) : "memory");
}

static const struct {
    const char *what;
    void (*raise)(void *);
    void *arg;
    int vector;
    unsigned int error;
} cases[] = {
    { "div", raise_de, NULL, VEC_DE, 0 },
    { "single step", raise_db, NULL, VEC_DB, 0 },
    { "ud2", raise_ud, NULL, VEC_UD, 0 },
    { "hlt", raise_gp, NULL, VEC_GP, 0 },
    { "selector", raise_gp_selector, NULL, VEC_GP, 0x1234 },
    { "non-canonical", raise_gp_canonical, NULL, VEC_GP, 0 },
    { "x87", raise_mf, NULL, VEC_MF, 0 },
    { "read", raise_pf_read, (void *)0x1238, VEC_PF, 0 },
    { "write", raise_pf_write, (void *)0x1238, VEC_PF, PFEC_WRITE },
    { "exec", raise_pf_exec, (void *)0x1238, VEC_PF, PFEC_INSN },
};

static long as_user(uint64_t index)
{
    cases[index].raise(cases[index].arg);
    return 0;
}

static void check(unsigned int i, const struct trap_record *r, bool user)
{
    const char *mode = user ? "user" : "kernel";
    unsigned int error = cases[i].error | (user && cases[i].vector == VEC_PF ? PFEC_USER : 0);

    if (!r) {
        test_failure("%s in %s mode: no trap", cases[i].what, mode);
        return;
    }
    test_expect((int)r->regs.vector == cases[i].vector && r->from_user == user,
                "%s in %s mode: vector %lu, from %s", cases[i].what, mode, r->regs.vector,
                r->from_user ? "user" : "kernel");
    test_expect(r->regs.error == error, "%s in %s mode: error code %lx, expected %x", cases[i].what, mode,
                r->regs.error, error);
    test_expect(cases[i].vector != VEC_PF || r->cr2 == (uint64_t)cases[i].arg, "%s in %s mode: cr2 %lx",
                cases[i].what, mode, r->cr2);
}

static void test(void)
{
    for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(i, trap_catch(cases[i].raise, cases[i].arg), false);
        asm volatile("fninit");
        check(i, user_catch(as_user, i, NULL), true);
        asm volatile("fninit");
    }
}

GUEST_TEST(test);
