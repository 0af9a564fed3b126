/* SPDX-License-Identifier: MIT */
/*
 * trap_table: set_trap_table's arguments.
 *
 * What:     registering single entries, an empty table, a NULL handle, non-canonical handlers and bad
 *           pointers.
 * Why:      Linux registers entries one by one; Mini-OS clears the table with NULL.
 * Method:   register, raise, compare which handler ran.
 * Expected: an entry ends at address 0; others keep their gates; a non-canonical handler is refused with
 *           -EINVAL and the entries before it stay; a NULL handle clears every gate.
 * Xen:      the same: a refused code selector or address is -EINVAL.
 */
#include "tests/guests/framework/guest.h"

static void raise(void *unused)
{
    (void)unused;
    asm volatile("int3");
}

static int raised(void)
{
    return trap_vector_of(raise, NULL);
}

static void set_bp(uint64_t address)
{
    struct trap_info table[2] = {
        { .vector = VEC_BP, .flags = 3, .cs = FLAT_KERNEL_CS, .address = address }
    };

    CHECK_EQ(hc_set_trap_table(table), 0);
}

static void test(void)
{
    struct trap_info empty = { 0 };
    struct trap_info bad[3] = {
        { .vector = VEC_BP, .flags = 3, .cs = FLAT_KERNEL_CS, .address = trap_stub(0x91) },
        { .vector = 0x40, .flags = 3, .cs = FLAT_KERNEL_CS, .address = 0x0000800000000000 }
    };

    CHECK_EQ(raised(), VEC_BP);
    set_bp(trap_stub(0x90));
    CHECK_EQ(raised(), 0x90);
    CHECK_EQ(hc_set_trap_table(&empty), 0);
    CHECK_EQ(raised(), 0x90);
    CHECK_EQ(hc_set_trap_table(bad), -XEN_EINVAL);
    CHECK_EQ(raised(), 0x91);
    CHECK_EQ(hc_set_trap_table(0xffff800000000000), -XEN_EFAULT);
    CHECK_EQ(hc_set_trap_table(8), -XEN_EFAULT);
    CHECK_EQ(hc_set_trap_table(0), 0);
    set_bp(trap_stub(VEC_BP));
    CHECK_EQ(raised(), VEC_BP);
}

GUEST_TEST(test);
