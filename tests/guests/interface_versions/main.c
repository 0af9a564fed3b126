/* SPDX-License-Identifier: MIT */
/*
 * interface_versions: platform_op, domctl and sysctl with wrong versions, and without privilege.
 *
 * What:     the version field that guards the toolstack's interfaces.
 * Why:      libxc and Linux decide by -EACCES that they do not match the hypervisor.
 * Method:   call with versions off by one, zero, and right with an unknown command.
 * Expected: initial domain: -EACCES for wrong versions, -ENOSYS for unknown commands; any other: -EPERM
 *           or -EACCES.
 * Xen:      the same. Xen checks the version before the privilege, Ryokan the privilege first.
 */
#include "tests/guests/framework/guest.h"
#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

static struct xen_domctl domctl;
static struct xen_sysctl sysctl;
static struct xen_platform_op platform;

/* A domain without privilege may be told so before or after its arguments are looked at. */
static void check(unsigned int nr, void *arg, long expected)
{
    long ret = hypercall1(nr, arg);

    test_expect(ret == expected || (!is_initial_domain() && ret == -XEN_EPERM),
                "hypercall %u: %ld, expected %ld", nr, ret, expected);
}

static void test(void)
{
    long unprivileged = is_initial_domain() ? 0 : -XEN_EPERM;

    for (int delta = -1; delta < 2; delta += 2) {
        domctl.interface_version = (uint32_t)(XEN_DOMCTL_INTERFACE_VERSION + delta);
        sysctl.interface_version = (uint32_t)(XEN_SYSCTL_INTERFACE_VERSION + delta);
        platform.interface_version = (uint32_t)(XENPF_INTERFACE_VERSION + delta);
        check(__HYPERVISOR_domctl, &domctl, -XEN_EACCES);
        check(__HYPERVISOR_sysctl, &sysctl, -XEN_EACCES);
        check(__HYPERVISOR_platform_op, &platform, -XEN_EACCES);
    }
    check(__HYPERVISOR_domctl, (void *)0x10, -XEN_EFAULT);
    check(__HYPERVISOR_sysctl, (void *)0x10, -XEN_EFAULT);
    check(__HYPERVISOR_platform_op, (void *)0x10, -XEN_EFAULT);
    sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    sysctl.cmd = 9999;
    CHECK_EQ(hypercall1(__HYPERVISOR_sysctl, &sysctl), unprivileged ? unprivileged : -XEN_ENOSYS);
    platform.interface_version = XENPF_INTERFACE_VERSION;
    platform.cmd = 9999;
    CHECK_EQ(hypercall1(__HYPERVISOR_platform_op, &platform), unprivileged ? unprivileged : -XEN_ENOSYS);
    domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    domctl.cmd = XEN_DOMCTL_pausedomain;
    domctl.domain = 0x7fef;
    CHECK_EQ(hypercall1(__HYPERVISOR_domctl, &domctl), unprivileged ? unprivileged : -XEN_ESRCH);
    domctl.domain = own_domid();
    CHECK_EQ(hypercall1(__HYPERVISOR_domctl, &domctl), unprivileged ? unprivileged : -XEN_EINVAL);
}

GUEST_TEST(test);
