/* SPDX-License-Identifier: MIT */
/*
 * ptwr_refused: direct writes to page tables that must not succeed.
 *
 * What:     values that validation refuses, L2..L4 tables, unaligned and page-crossing writes, writes
 *           from user mode, other instructions, ordinary read-only pages.
 * Why:      the emulation is a second way to mmu_update, with the same rules.
 * Method:   write under trap_catch; compare the entry after it.
 * Expected: #PF with error code present|write and cr2 the address; the entry unchanged.
 * Xen:      the same. Upper levels are never emulated.
 */
#include "tests/guests/framework/guest.h"

static uint64_t store_value;

static void store(void *p)
{
    *(volatile uint64_t *)p = store_value;
}

static void store_twice(void *p)
{
    asm volatile("movups %%xmm0, (%0)" : : "r"(p) : "memory");
}

static long user_store(uint64_t p)
{
    store((void *)p);
    return 0;
}

static void check(void (*fn)(void *), void *where, uint64_t value, const char *what)
{
    const struct trap_record *r;

    store_value = value;
    r = trap_catch(fn, where);
    if (!r) {
        test_failure("%s: no trap", what);
        return;
    }
    if (r->regs.vector != VEC_PF || r->regs.error != (PFEC_PRESENT | PFEC_WRITE) || r->cr2 != (uint64_t)where)
        test_failure("%s: vector %lu error %lx cr2 %lx", what, r->regs.vector, r->regs.error, r->cr2);
}

static void check_upper(struct scratch *s)
{
    check(store, &s->l2[100], 0x1000, "L2");
    check(store, &s->l3[100], 0x1000, "L3");
    check(store, &l4_table()[SCRATCH_SLOT + 1], 0x1000, "L4");
    CHECK_EQ(s->l2[100], 0);
    CHECK_EQ(s->l3[100], 0);
    CHECK_EQ(l4_table()[SCRATCH_SLOT + 1], 0);
}

static void check_user(struct scratch *s, uint64_t good)
{
    const struct trap_record *r;

    store_value = good;
    r = user_catch(user_store, (uint64_t)&s->l1[1], NULL);
    CHECK(r && r->regs.vector == VEC_PF && r->from_user);
    CHECK_EQ(r ? r->regs.error : 0, PFEC_PRESENT | PFEC_WRITE | PFEC_USER);
    CHECK_EQ(s->l1[1], 0);
}

static void test(void)
{
    uint64_t *data = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    check(store, &s.l1[0], va_to_maddr(s.l2) | PTE_RWX, "writable mapping of a table");
    check(store, &s.l1[0], 0xfee00000 | PTE_RWX, "local APIC");
    CHECK_EQ(s.l1[0], 0);
    check(store, (char *)&s.l1[0] + 4, 0, "unaligned");
    check(store_twice, &s.l1[0], 0, "16 bytes");
    check_upper(&s);
    check_user(&s, va_to_maddr(data) | PTE_RWX);
    CHECK_EQ(map_readonly(data), 0);
    check(store, data, 1, "ordinary read-only page");
    CHECK_EQ(data[0], 0);
    CHECK_EQ(map_writable(data), 0);
    scratch_unlink(&s);
    page_free(data);
}

GUEST_TEST(test);
