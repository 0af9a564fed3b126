/* SPDX-License-Identifier: MIT */
/*
 * bounce_vectors: `int n` for all 256 vectors, from kernel and from user mode.
 *
 * What:     software interrupts through gates with DPL 3.
 * Why:      system calls by int, debuggers, and the vectors that have hardware meanings must all go by
 *           the trap table.
 * Method:   register every vector with DPL 3, then execute `int n` built at run time.
 * Expected: vector n, no error code (also for 8, 10-14, 17), rip behind the instruction.
 * Xen:      on hardware the same. QEMU 7.2 gives the #GP behind `int n` the error code n * 16 + 2, so
 *           that Xen, which takes the vector from there, bounces 2n mod 256; that is accepted from Xen
 *           only.
 */
#include "tests/guests/framework/guest.h"

/* First of the vectors whose stubs stand in for those that expect an error code; not raised themselves. */
#define SPARE 0xe0u

static uint8_t code[16];
static unsigned int seen_vector, hits;
static uint64_t seen_rip;
static bool seen_user;

/* Vectors whose exceptions carry an error code. */
static bool takes_error(unsigned int v)
{
    return v == 8 || (v >= 10 && v <= 14) || v == 17;
}

static unsigned int without_spare(unsigned int v)
{
    return v >= SPARE && takes_error(v - SPARE) ? v - SPARE : v;
}

static bool on_any(struct cpu_regs *regs)
{
    seen_vector = without_spare((unsigned int)regs->vector);
    seen_rip = regs->rip;
    seen_user = (regs->cs & 3) == 3;
    hits++;
    return true;
}

static long run_code(uint64_t unused)
{
    (void)unused;
    asm volatile("call *%0" : : "r"(code) : "memory");
    return 0;
}

static void check_hit(unsigned int vector, bool user)
{
    bool quirk = !is_ryokan() && seen_vector == without_spare((2 * vector) & 0xff);

    if (hits != 1 || seen_user != user || (seen_vector != vector && !quirk))
        test_failure("int 0x%x from %s: vector 0x%x, %u hits", vector, user ? "user" : "kernel", seen_vector,
                     hits);
    CHECK_EQ(seen_rip, (uint64_t)code + 2);
}

/* Software interrupts push no error code, so each gate gets a stub that expects none. */
static void install(void)
{
    static struct trap_info all[257];

    memcpy(all, trap_default_table(), sizeof(all));
    for (unsigned int v = 0; v < 256; v++) {
        all[v].flags = 3;
        if (takes_error(v))
            all[v].address = trap_stub(SPARE + v);
    }
    CHECK_EQ(hc_set_trap_table(all), 0);
}

static void test(void)
{
    for (unsigned int v = 0; v < 256; v++)
        trap_hook(v, on_any);
    install();
    for (unsigned int v = 0; v < 256; v++) {
        if (v >= SPARE && takes_error(v - SPARE))
            continue;
        code[0] = 0xcd;
        code[1] = (uint8_t)v;
        code[2] = 0xc3;
        hits = 0;
        run_code(0);
        check_hit(v, false);
        hits = 0;
        user_call(run_code, 0);
        check_hit(v, true);
    }
}

GUEST_TEST(test);
