/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/vcpu.h"
#include "dom0_tools/xc/call.h"

#include <stddef.h>
#include <string.h>

int xc_vcpu_info(domid_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = { 0 };
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = xc_domctl(&op, XEN_DOMCTL_getvcpuinfo, domid);
    *info = op.u.getvcpuinfo;
    return rc;
}

int xc_vcpu_exits(domid_t domid, uint32_t vcpu, uint64_t counts[HVM_EXITS])
{
    struct xen_domctl op = { 0 };
    struct ryokan_vcpu_exits *exits = (void *)&op.u;
    int rc;

    exits->vcpu = vcpu;
    rc = xc_domctl(&op, XEN_DOMCTL_ryokan_vcpu_exits, domid);
    memcpy(counts, exits->counts, sizeof(exits->counts));
    return rc;
}

static int affinity(uint32_t cmd, domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft,
                    uint32_t nr_cpus)
{
    struct xen_domctl op = { 0 };

    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags =
        (hard != NULL ? XEN_VCPUAFFINITY_HARD : 0) | (soft != NULL ? XEN_VCPUAFFINITY_SOFT : 0);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, hard);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = nr_cpus;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, soft);
    op.u.vcpuaffinity.cpumap_soft.nr_bits = nr_cpus;
    return xc_domctl(&op, cmd, domid);
}

int xc_vcpu_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus)
{
    return affinity(XEN_DOMCTL_getvcpuaffinity, domid, vcpu, hard, soft, nr_cpus);
}

int xc_vcpu_set_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus)
{
    return affinity(XEN_DOMCTL_setvcpuaffinity, domid, vcpu, hard, soft, nr_cpus);
}

int xc_vcpu_trigger(domid_t domid, uint32_t vcpu, uint32_t trigger)
{
    struct xen_domctl op = { .u.sendtrigger = { .trigger = trigger, .vcpu = vcpu } };

    return xc_domctl(&op, XEN_DOMCTL_sendtrigger, domid);
}

static int context_op(uint32_t cmd, domid_t domid, uint32_t vcpu, struct vcpu_guest_context *context)
{
    struct xen_domctl op = { .u.vcpucontext.vcpu = vcpu };

    set_xen_guest_handle(op.u.vcpucontext.ctxt, context);
    return xc_domctl(&op, cmd, domid);
}

int xc_vcpu_set_context(domid_t domid, uint32_t vcpu, struct vcpu_guest_context *context)
{
    return context_op(XEN_DOMCTL_setvcpucontext, domid, vcpu, context);
}

int xc_vcpu_get_context(domid_t domid, uint32_t vcpu, struct vcpu_guest_context *context)
{
    return context_op(XEN_DOMCTL_getvcpucontext, domid, vcpu, context);
}
