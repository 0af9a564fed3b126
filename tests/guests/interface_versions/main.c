/* SPDX-License-Identifier: MIT */
/*
 * interface_versions: platform_op, domctl and sysctl with wrong versions, and without privilege.
 *
 * What:     the version field that guards the toolstack's interfaces.
 * Why:      libxc and Linux decide by -EACCES that they do not match the hypervisor.
 * Method:   call with versions off by one, zero, and right with an unknown command.
 * Expected: initial domain: -EACCES for wrong versions, -ENOSYS for unknown commands; any other: -EPERM or
 * -EACCES. Xen:      the same. A wrong domctl command for a domain that does not exist is -ESRCH.
 */
#include "tests/guests/framework/guest.h"
#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

static struct xen_domctl domctl;
static struct xen_sysctl sysctl;
static struct xen_platform_op platform;

static void test(void)
{
    long unprivileged = is_initial_domain() ? 0 : -XEN_EPERM;

    for (int delta = -1; delta < 2; delta += 2) {
        domctl.interface_version = (uint32_t)(XEN_DOMCTL_INTERFACE_VERSION + delta);
        sysctl.interface_version = (uint32_t)(XEN_SYSCTL_INTERFACE_VERSION + delta);
        platform.interface_version = (uint32_t)(XENPF_INTERFACE_VERSION + delta);
        CHECK_EQ(hypercall1(__HYPERVISOR_domctl, &domctl), -XEN_EACCES);
        CHECK_EQ(hypercall1(__HYPERVISOR_sysctl, &sysctl), -XEN_EACCES);
        CHECK_EQ(hypercall1(__HYPERVISOR_platform_op, &platform), -XEN_EACCES);
    }
    CHECK_EQ(hypercall1(__HYPERVISOR_domctl, 0x10), -XEN_EFAULT);
    CHECK_EQ(hypercall1(__HYPERVISOR_sysctl, 0x10), -XEN_EFAULT);
    CHECK_EQ(hypercall1(__HYPERVISOR_platform_op, 0x10), -XEN_EFAULT);
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
