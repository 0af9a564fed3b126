/* SPDX-License-Identifier: MIT */
/*
 * ldt: MMUEXT_SET_LDT.
 *
 * What:     an LDT of one page: selectors, limits, lazy validation, removal.
 * Why:      Linux' modify_ldt; entries beyond the limit must not load (XSA-298).
 * Method:   build a table, make it read-only, set it with few entries, load selectors below and beyond,
 *           remove it.
 * Expected: good entries load; beyond the limit #GP; a page that cannot be typed makes the load #PF at
 *           the entry's address in the LDT; after removal #GP; the page is writable again.
 * Xen:      the same: the page is typed at the first use.
 */
#include "tests/guests/framework/guest.h"

#define DATA_DESC  0x00cff3000000ffffull
#define LDT_SEL(n) ((void *)(uint64_t)((n) << 3 | 7))

static void load_es(void *selector)
{
    asm volatile("mov %0, %%es" : : "r"(selector));
}

static void test(void)
{
    uint64_t *table = page_alloc();

    for (unsigned int i = 0; i < 16; i++)
        table[i] = DATA_DESC;
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(1)), VEC_GP);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, (uint64_t)table, 8), 0);
    /* Still writable: cannot become a descriptor page. */
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(1)), VEC_PF);
    CHECK_EQ(this_cpu()->info->arch.cr2, (uint64_t)&table[1]);
    CHECK_EQ(map_readonly(table), 0);
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(1)), -1);
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(7)), -1);
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(8)), VEC_GP);
    CHECK_EQ(trap_vector_of(load_es, NULL), -1);
    CHECK_EQ(map_writable(table), -XEN_EBUSY);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
    CHECK_EQ(trap_vector_of(load_es, LDT_SEL(1)), VEC_GP);
    CHECK_EQ(map_writable(table), 0);
    page_free(table);
}

GUEST_TEST(test);
