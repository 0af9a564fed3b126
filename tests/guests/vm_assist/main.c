/* SPDX-License-Identifier: MIT */
/*
 * vm_assist: enabling and disabling assists.
 *
 * What:     the assist types of a domain, unknown types and commands.
 * Why:      Linux ignores the results, but others check them.
 * Method:   enable and disable each type.
 * Expected: 0 for types 0 and 1 (4 GB segments), 2 (writable page tables), 4 (architectural IOPL), 5
 *           (runstate flag), of which a hardware guest has the last one only; -EINVAL beyond; -ENOSYS for
 * unknown commands. Xen:      the same; types 0 and 1 mean nothing to a 64-bit guest but are accepted.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static void check_type(unsigned int type, long expected)
{
    long on = hc_vm_assist(VMASST_CMD_enable, type), off = hc_vm_assist(VMASST_CMD_disable, type);

    if (on != expected || off != expected)
        test_failure("type %u: enable %ld, disable %ld", type, on, off);
}

static void test(void)
{
    const long pv_only = ARCH_TRANSLATED ? -XEN_EINVAL : 0;

    check_type(VMASST_TYPE_writable_pagetables, pv_only);
    check_type(VMASST_TYPE_architectural_iopl, pv_only);
    check_type(VMASST_TYPE_runstate_update_flag, 0);
    check_type(VMASST_TYPE_4gb_segments, pv_only);
    check_type(VMASST_TYPE_4gb_segments_notify, pv_only);
    check_type(7, -XEN_EINVAL);
    check_type(64, -XEN_EINVAL);
    check_type(~0u, -XEN_EINVAL);
    CHECK_EQ(hc_vm_assist(2, VMASST_TYPE_runstate_update_flag), -XEN_ENOSYS);
}

GUEST_TEST(test);
