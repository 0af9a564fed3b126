/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/call.h"
#include "pvguest/hypercall.h"

int xc_sysctl(struct xen_sysctl *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)hypercall_sysctl(op);
}

int xc_domctl(struct xen_domctl *op, uint32_t cmd, domid_t domid)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domid;
    return (int)hypercall_domctl(op);
}
