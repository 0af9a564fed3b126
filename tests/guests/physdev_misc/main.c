/* SPDX-License-Identifier: MIT */
/*
 * physdev_misc: physdev_op's errors.
 *
 * What:     eoi, irq_status_query, map_pirq, unmap_pirq with numbers that name nothing, bad pointers,
 *           unknown ones.
 * Why:      every PV guest may call them.
 * Method:   call and look for a negative errno.
 * Expected: a negative errno each time, no trap, no side effect.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    struct physdev_eoi eoi = { .irq = 0x7fffffff };
    struct physdev_irq_status_query query = { .irq = 0x7fffffff };
    struct physdev_unmap_pirq unmap = { .domid = DOMID_SELF, .pirq = 0x7ffffff };
    struct physdev_map_pirq map = { .domid = DOMID_SELF, .type = 99, .index = 0, .pirq = -1 };

    CHECK_EQ(hc_physdev(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL);
    CHECK_EQ(hc_physdev(PHYSDEVOP_irq_status_query, &query), -XEN_EINVAL);
    CHECK(hc_physdev(PHYSDEVOP_unmap_pirq, &unmap) < 0);
    CHECK(hc_physdev(PHYSDEVOP_map_pirq, &map) < 0);
    map.domid = 0x7fef;
    CHECK_EQ(hc_physdev(PHYSDEVOP_map_pirq, &map), -XEN_ESRCH);
    CHECK_EQ(hc_physdev(PHYSDEVOP_eoi, 0x10), -XEN_EFAULT);
    CHECK_EQ(hc_physdev(PHYSDEVOP_map_pirq, 0x10), -XEN_EFAULT);
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iopl, 0x10), -XEN_EFAULT);
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iobitmap, 0x10), -XEN_EFAULT);
}

GUEST_TEST(test);
