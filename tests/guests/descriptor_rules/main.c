/* SPDX-License-Identifier: MIT */
/*
 * descriptor_rules: which descriptors a GDT may hold, at installation and by update_descriptor.
 *
 * What:     code, data, non-present, system, gate and DPL-0 descriptors; misaligned and foreign
 *           addresses.
 * Why:      one call gate or ring-0 code segment is the end of isolation.
 * Method:   update_descriptor into an installed page and into an ordinary one; look at what is stored.
 * Expected: segments are accepted and stored with DPL 3; non-present ones as they are; a call gate is
 *           made useless (DPL 0, RPL 3 in its selector); TSS, LDT and other gates -EINVAL; misaligned
 *           addresses -EINVAL; set_gdt refuses a page with a bad descriptor.
 * Xen:      the same. Long-mode code segments are accepted with DPL 3.
 */
#include "tests/guests/framework/guest.h"

#define TYPE(access) (0x00c0000000000000ull | (uint64_t)(access) << 40 | 0x000f00000000ffffull)

static const struct {
    uint64_t desc;
    long result;
    uint64_t stored;
    const char *what;
} cases[] = {
    { 0, 0, 0, "null" },
    { TYPE(0xf3), 0, TYPE(0xf3), "data DPL 3" },
    { TYPE(0x93), 0, TYPE(0xf3), "data DPL 0" },
    { TYPE(0x9b), 0, TYPE(0xfb), "code DPL 0" },
    { 0x00affb000000ffff, 0, 0x00affb000000ffff, "long code DPL 3" },
    { TYPE(0x73), 0, TYPE(0x73), "not present" },
    { TYPE(0x12), 0, TYPE(0x12), "not present DPL 0" },
    { TYPE(0x89), -XEN_EINVAL, 0, "TSS" },
    { TYPE(0x82), -XEN_EINVAL, 0, "LDT" },
    { 0x00cfec000010ffff, 0, 0x00cf8c000013ffff, "call gate" },
    { TYPE(0xee), -XEN_EINVAL, 0, "interrupt gate" },
    { TYPE(0xe5), -XEN_EINVAL, 0, "task gate" },
};

static void check_updates(uint64_t *page, const char *where)
{
    for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        long ret;

        CHECK_EQ(hc_update_descriptor(va_to_maddr(&page[i + 1]), 0), 0);
        ret = hc_update_descriptor(va_to_maddr(&page[i + 1]), cases[i].desc);
        if (ret != cases[i].result)
            test_failure("%s, %s: %ld", where, cases[i].what, ret);
        if (*(volatile uint64_t *)&page[i + 1] != cases[i].stored)
            test_failure("%s, %s: stored %lx", where, cases[i].what, page[i + 1]);
    }
}

static void check_install(void)
{
    for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t *page = page_alloc();
        xen_ulong_t frame = va_to_mfn(page);
        long ret;

        page[1] = cases[i].desc;
        CHECK_EQ(map_readonly(page), 0);
        ret = hc_set_gdt(&frame, 512);
        if (ret != cases[i].result)
            test_failure("set_gdt with %s: %ld", cases[i].what, ret);
        CHECK_EQ(hc_set_gdt(&frame, 0), 0);
        CHECK_EQ(map_writable(page), 0);
        page_free(page);
    }
}

static void test(void)
{
    uint64_t *page = page_alloc();
    xen_ulong_t frame = va_to_mfn(page);

    check_updates(page, "ordinary page");
    CHECK_EQ(map_readonly(page), 0);
    CHECK_EQ(hc_set_gdt(&frame, 512), 0);
    check_updates(page, "GDT page");
    CHECK_EQ(hc_update_descriptor(va_to_maddr(page) + 4, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_descriptor(0x7ffffff000, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_descriptor(va_to_maddr(l4_table()), 0), -XEN_EINVAL);
    CHECK_EQ(hc_set_gdt(&frame, 0), 0);
    CHECK_EQ(map_writable(page), 0);
    check_install();
    page_free(page);
}

GUEST_TEST(test);
