/* SPDX-License-Identifier: MIT */
/*
 * emul_debug_registers: debug registers by hypercall and by mov.
 *
 * What:     set/get_debugreg, mov dr, refused values, and a breakpoint that hits.
 * Why:      gdb and kgdb; a breakpoint on a hypervisor address must be impossible.
 * Method:   read-back, addresses in the hypervisor's range and non-canonical, reserved DR6/DR7 bits, GD,
 *           I/O breakpoints; then a data-write breakpoint.
 * Expected: errors and no change; #DB with DR6 bit 0 after the write.
 * Xen:      the same: -ENODEV for register numbers, -EPERM for addresses, -EINVAL for high bits.
 */
#include "tests/guests/framework/guest.h"

static volatile uint64_t watched __attribute__((aligned(8)));
static unsigned int hits;
static uint64_t hit_dr6;

static bool on_debug(struct cpu_regs *regs)
{
    (void)regs;
    hits++;
    hit_dr6 = (uint64_t)hc_get_debugreg(6);
    hc_set_debugreg(6, 0xffff0ff0);
    return true;
}

static void check_addresses(void)
{
    for (unsigned int reg = 0; reg < 4; reg++) {
        CHECK_EQ(hc_set_debugreg(reg, 0x123450 + reg), 0);
        CHECK_EQ(hc_get_debugreg(reg), 0x123450 + reg);
        CHECK_EQ(hc_set_debugreg(reg, 0xffff830000000000), -XEN_EPERM);
        CHECK_EQ(hc_set_debugreg(reg, 0x0000800000000000), -XEN_EPERM);
        CHECK_EQ(hc_get_debugreg(reg), 0x123450 + reg);
        CHECK_EQ(hc_set_debugreg(reg, 0), 0);
    }
    CHECK_EQ(hc_set_debugreg(8, 0), -XEN_ENODEV);
    CHECK_EQ(hc_get_debugreg(8), -XEN_ENODEV);
}

static void check_control(void)
{
    CHECK_EQ(hc_get_debugreg(7) & 0xffffffff, 0x400);
    CHECK_EQ(hc_set_debugreg(7, 0x100000000), -XEN_EINVAL);
    CHECK_EQ(hc_set_debugreg(6, 0x100000000), -XEN_EINVAL);
    CHECK_EQ(hc_set_debugreg(6, 0xffff0ff0), 0);
}

static void check_hit(void)
{
    trap_hook(VEC_DB, on_debug);
    CHECK_EQ(hc_set_debugreg(0, (uint64_t)&watched), 0);
    CHECK_EQ(hc_set_debugreg(7, 0x400 | 3 | 0x9ul << 16), 0);
    watched = 1;
    barrier();
    CHECK_EQ(hits, 1);
    CHECK_EQ(hit_dr6 & 0xf, 1);
    CHECK_EQ(hc_set_debugreg(7, 0x400), 0);
    watched = 2;
    barrier();
    CHECK_EQ(hits, 1);
}

static void move_bad(void *arg)
{
    asm volatile("mov %0, %%dr0" : : "r"(arg) : "memory");
}

static void check_mov(void)
{
    uint64_t value;

    asm volatile("mov %0, %%dr2" : : "r"(0x7654321000ul));
    asm volatile("mov %%dr2, %0" : "=r"(value));
    CHECK_EQ(value, 0x7654321000);
    CHECK_EQ(hc_get_debugreg(2), 0x7654321000);
    asm volatile("mov %0, %%dr2" : : "r"(0ul));
    CHECK_EQ(trap_vector_of(move_bad, (void *)0xffff830000000000), VEC_GP);
}

static void test(void)
{
    check_addresses();
    check_control();
    check_hit();
    check_mov();
    hc_set_debugreg(0, 0);
}

GUEST_TEST(test);
