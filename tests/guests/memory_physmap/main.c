/* SPDX-License-Identifier: MIT */
/*
 * memory_physmap: add_to_physmap and remove_from_physmap in a PV domain.
 *
 * What:     operations that belong to translated guests.
 * Why:      they share code with HVM; a PV domain must get an error, not a changed table.
 * Method:   call for every space.
 * Expected: a negative errno for each; the machine-to-phys table unchanged; unknown domains -ESRCH.
 * Xen:      -EOPNOTSUPP or -EINVAL or -EPERM depending on the space.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    void *page = page_alloc();
    struct xen_add_to_physmap add = { .domid = DOMID_SELF, .gpfn = va_to_pfn(page) };
    struct xen_remove_from_physmap remove = { .domid = 0x7fef, .gpfn = va_to_pfn(page) };

    for (unsigned int space = 0; space < 8; space++) {
        add.space = space;
        if (hc_memory_op(XENMEM_add_to_physmap, &add) >= 0)
            test_failure("space %u succeeded", space);
    }
    CHECK_EQ(((uint64_t *)MACH2PHYS_VIRT_START)[va_to_mfn(page)], va_to_pfn(page));
    add.domid = 0x7fef;
    CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, &add), -XEN_ESRCH);
    CHECK_EQ(hc_memory_op(XENMEM_remove_from_physmap, &remove), -XEN_ESRCH);
    CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, 0x10), -XEN_EFAULT);
    page_free(page);
}

GUEST_TEST(test);
