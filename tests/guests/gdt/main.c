/* SPDX-License-Identifier: MIT */
/*
 * gdt: set_gdt and the type of its pages.
 *
 * What:     a GDT of one and of two pages, too many entries, bad frames, writable mappings of its pages,
 *           selectors from it.
 * Why:      a guest that can write descriptors can make itself ring 0.
 * Method:   install, load selectors, try forbidden mappings, remove.
 * Expected: -EINVAL for more than 14 pages and for frames that cannot be typed; while installed the page
 *           cannot be mapped writable (-EBUSY) nor pinned (-EINVAL); flat selectors at 0xe000 stay.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define DATA_DESC 0x00cff3000000ffffull

static void load_ds(void *selector)
{
    asm volatile("mov %0, %%ds" : : "r"(selector));
}

static void check_installed(uint64_t *table, uint64_t *other)
{
    CHECK_EQ(trap_vector_of(load_ds, (void *)(8 | 3)), -1);
    CHECK_EQ(trap_vector_of(load_ds, (void *)(16 | 3)), VEC_GP);
    CHECK_EQ(trap_vector_of(load_ds, NULL), -1);
    CHECK_EQ(map_writable(table), -XEN_EBUSY);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(table), 0), -XEN_EINVAL);
    CHECK_EQ(map_writable(other), 0);
}

static void test(void)
{
    uint64_t *table = page_alloc(), *other = page_alloc();
    xen_ulong_t frames[16] = { va_to_mfn(table), va_to_mfn(other) };

    table[1] = DATA_DESC;
    CHECK_EQ(hc_set_gdt(frames, 512), -XEN_EINVAL);
    CHECK_EQ(map_readonly(table), 0);
    CHECK_EQ(hc_set_gdt(frames, 512), 0);
    check_installed(table, other);
    CHECK_EQ(hc_set_gdt(frames, 1024), -XEN_EINVAL);
    CHECK_EQ(map_readonly(other), 0);
    CHECK_EQ(hc_set_gdt(frames, 1024), 0);
    CHECK_EQ(map_writable(other), -XEN_EBUSY);
    CHECK_EQ(hc_set_gdt(frames, 14 * 512 + 1), -XEN_EINVAL);
    frames[0] = 0x7ffffff;
    CHECK_EQ(hc_set_gdt(frames, 512), -XEN_EINVAL);
    frames[0] = l4_mfn();
    CHECK_EQ(hc_set_gdt(frames, 512), -XEN_EINVAL);
    CHECK_EQ(hc_set_gdt(frames, 0), 0);
    CHECK_EQ(map_writable(table), 0);
    CHECK_EQ(map_writable(other), 0);
    CHECK_EQ(trap_vector_of(load_ds, (void *)(8 | 3)), VEC_GP);
    page_free(table);
    page_free(other);
}

GUEST_TEST(test);
