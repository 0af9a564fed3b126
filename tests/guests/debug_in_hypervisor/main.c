/* SPDX-License-Identifier: MIT */
/*
 * debug_in_hypervisor: data breakpoints and traps that would hit while the hypervisor works for the guest.
 *
 * What:     a watched hypercall argument, a watched word of a bounce frame, `mov ss` from watched memory
 * before a system call or int3, and single-stepping over a hypercall and over an emulated instruction. Why:
 * #DB in ring 0 by a guest's wish must be harmless (XSA-260). Method:   set DR0 on each place in turn and
 * make the hypervisor touch it. Expected: everything goes on; each stepped instruction raises one #DB. Xen:
 * the same; it drops what hits in ring 0. Whether the trap that `mov ss` holds back arrives differs between
 * processors and QEMU, so it is not counted.
 */
#include "tests/guests/framework/guest.h"
#include <xen/version.h>

#define WATCH_RW(len) (0x400ul | 3 | ((uint64_t)((len)-1) << 2 | 3) << 16)
#define TF            0x100ul

static unsigned int hits, breakpoints, steps;
static uint64_t step_rip[8];

static bool on_debug(struct cpu_regs *regs)
{
    hits++;
    if (steps < 8)
        step_rip[steps] = regs->rip;
    steps++;
    hc_set_debugreg(6, 0xffff0ff0);
    return true;
}

static bool on_breakpoint(struct cpu_regs *regs)
{
    (void)regs;
    breakpoints++;
    return true;
}

static void watch(const volatile void *p)
{
    CHECK_EQ(hc_set_debugreg(0, (uint64_t)p), 0);
    CHECK_EQ(hc_set_debugreg(7, WATCH_RW(4)), 0);
}

static void unwatch(void)
{
    CHECK_EQ(hc_set_debugreg(7, 0x400), 0);
}

static void check_argument(void)
{
    static xen_feature_info_t info;

    info.submap_idx = 0;
    watch(&info.submap);
    CHECK_EQ(hypercall2(__HYPERVISOR_xen_version, XENVER_get_features, &info), 0);
    unwatch();
    test_expect(info.submap != 0, "the watched argument was not written");
}

/* The frame of the next trap from here covers the 128 bytes below the stack pointer. */
static void check_frame(void)
{
    uint64_t sp;

    for (unsigned int below = 8; below <= 80; below += 8) {
        unsigned int before = breakpoints;

        asm volatile("mov %%rsp, %0" : "=r"(sp));
        watch((void *)((sp & ~15ul) - below));
        asm volatile("int3");
        unwatch();
        CHECK_EQ(breakpoints, before + 1);
    }
}

static void check_mov_ss(void)
{
    static uint16_t selector __attribute__((aligned(8)));
    uint64_t nr = __HYPERVISOR_xen_version, version;
    unsigned int before = breakpoints;

    asm volatile("mov %%ss, %0" : "=m"(selector));
    watch(&selector);
    asm volatile("mov %0, %%ss; int3" : : "m"(selector));
    asm volatile("mov %1, %%ss; syscall"
                 : "=a"(version)
                 : "m"(selector), "0"(nr), "D"(XENVER_version), "S"(0)
                 : "rcx", "r11", "memory");
    unwatch();
    CHECK_EQ(breakpoints, before + 1);
    CHECK_EQ(version, 4 << 16 | 17);
}

/* popf sets TF; the trap comes after each instruction that follows, the popf that clears it included. */
static void check_step(void)
{
    uint64_t nr = __HYPERVISOR_xen_version, version, cr0;

    steps = 0;
    asm volatile("pushfq; pushfq; orq %[tf], (%%rsp); popfq\n\t"
                 "mov %%cr0, %[cr0]\n\t"
                 "popfq"
                 : [cr0] "=&r"(cr0)
                 : [tf] "i"(TF)
                 : "memory", "cc");
    CHECK_EQ(steps, 2);
    CHECK_EQ(step_rip[1] - step_rip[0], 1);
    steps = 0;
    asm volatile("pushfq; pushfq; orq %[tf], (%%rsp); popfq\n\t"
                 "syscall\n\t"
                 "nop\n\t"
                 "popfq"
                 : "=a"(version)
                 : [tf] "i"(TF), "0"(nr), "D"(XENVER_version), "S"(0)
                 : "rcx", "r11", "memory", "cc");
    test_expect(steps >= 2 && steps <= 3, "%u steps over syscall, nop and popf", steps);
    CHECK_EQ(version, 4 << 16 | 17);
}

static void test(void)
{
    trap_hook(VEC_DB, on_debug);
    trap_hook(VEC_BP, on_breakpoint);
    check_argument();
    check_frame();
    check_mov_ss();
    check_step();
}

GUEST_TEST(test);
