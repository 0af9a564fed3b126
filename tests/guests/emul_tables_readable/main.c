/* SPDX-License-Identifier: MIT */
/*
 * emul_tables_readable: instructions that read descriptor-table registers.
 *
 * What:     sgdt, sidt, sldt, str, smsw from kernel and user mode.
 * Why:      they are not privileged; without UMIP they run natively, with UMIP they fault.
 * Method:   execute each.
 * Expected: they run (addresses are the hypervisor's) or #GP when the hypervisor sets UMIP; never
 *           anything else.
 * Xen:      runs natively without UMIP.
 */
#include "tests/guests/framework/guest.h"

static uint8_t buffer[16];

static void do_sgdt(void *unused)
{
    (void)unused;
    asm volatile("sgdt %0" : "=m"(buffer));
}

static void do_sidt(void *unused)
{
    (void)unused;
    asm volatile("sidt %0" : "=m"(buffer));
}

static void do_sldt(void *unused)
{
    (void)unused;
    asm volatile("sldt %%eax; str %%eax; smsw %%eax" : : : "eax");
}

static long in_user(uint64_t fn)
{
    ((void (*)(void *))fn)(NULL);
    return 0;
}

static void check(void (*fn)(void *), const char *name)
{
    int kernel = trap_vector_of(fn, NULL);
    const struct trap_record *r = user_catch(in_user, (uint64_t)fn, NULL);
    int user = r ? (int)r->regs.vector : -1;

    test_expect((kernel == -1 || kernel == VEC_GP) && (user == -1 || user == VEC_GP), "%s: vectors %d and %d",
                name, kernel, user);
}

static void test(void)
{
    check(do_sgdt, "sgdt");
    check(do_sidt, "sidt");
    check(do_sldt, "sldt");
}

GUEST_TEST(test);
