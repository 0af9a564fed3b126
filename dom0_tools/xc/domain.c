/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/call.h"
#include "dom0_tools/xc/host.h"
#include "pvguest/cpu.h"
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/vmap.h"

#include <string.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>

/* Domains asked for at once. */
#define LIST_BATCH 64

int xc_domains(domid_t first, struct xen_domctl_getdomaininfo *info, uint32_t max)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, info);
    rc = xc_sysctl(&op, XEN_SYSCTL_getdomaininfolist);
    return rc < 0 ? rc : (int)op.u.getdomaininfolist.num_domains;
}

int xc_domains_ended(void (*fn)(const struct xen_domctl_getdomaininfo *info, void *arg), void *arg)
{
    struct xen_domctl_getdomaininfo info[LIST_BATCH];
    domid_t first = 0;
    int got;

    do {
        got = xc_domains(first, info, LIST_BATCH);
        for (int i = 0; i < got; i++)
            if ((info[i].flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)) != 0)
                fn(&info[i], arg);
        first = got > 0 ? (domid_t)(info[got - 1].domain + 1) : 0;
    } while (got == LIST_BATCH);
    return got < 0 ? got : 0;
}

int xc_domain_info(domid_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = { 0 };
    int rc = xc_domctl(&op, XEN_DOMCTL_getdomaininfo, domid);

    *info = op.u.getdomaininfo;
    return rc;
}

int xc_domain_create(const struct xen_domctl_createdomain *config, domid_t *domid)
{
    struct xen_domctl op = { .u.createdomain = *config };
    int rc = xc_domctl(&op, XEN_DOMCTL_createdomain, 0);

    *domid = op.domain;
    return rc;
}

int xc_domain_max_vcpus(domid_t domid, uint32_t nr)
{
    struct xen_domctl op = { .u.max_vcpus.max = nr };

    return xc_domctl(&op, XEN_DOMCTL_max_vcpus, domid);
}

int xc_domain_pause(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return xc_domctl(&op, XEN_DOMCTL_pausedomain, domid);
}

int xc_domain_unpause(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return xc_domctl(&op, XEN_DOMCTL_unpausedomain, domid);
}

int xc_domain_destroy(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return xc_domctl(&op, XEN_DOMCTL_destroydomain, domid);
}

int xc_domain_shutdown(domid_t domid, unsigned int reason)
{
    struct sched_remote_shutdown op = { .domain_id = domid, .reason = reason };

    return (int)hypercall_sched_op(SCHEDOP_remote_shutdown, &op);
}

int xc_domain_set_uuid(domid_t domid, const xen_domain_handle_t uuid)
{
    struct xen_domctl op = { 0 };

    memcpy(op.u.setdomainhandle.handle, uuid, sizeof(op.u.setdomainhandle.handle));
    return xc_domctl(&op, XEN_DOMCTL_setdomainhandle, domid);
}

int xc_domain_time_offset(domid_t domid, int64_t seconds)
{
    struct xen_domctl op = { .u.settimeoffset.time_offset_seconds = seconds };

    return xc_domctl(&op, XEN_DOMCTL_settimeoffset, domid);
}

int xc_domain_schedule(domid_t domid, uint16_t *weight, uint16_t *cap)
{
    struct xen_domctl op = { 0 };
    int rc = xc_scheduler(&op.u.scheduler_op.sched_id);

    if (rc != 0)
        return rc;
    /* The credit scheduler's parameters are laid out alike. */
    op.u.scheduler_op.cmd = *weight != 0 ? XEN_DOMCTL_SCHEDOP_putinfo : XEN_DOMCTL_SCHEDOP_getinfo;
    op.u.scheduler_op.u.credit2.weight = *weight;
    op.u.scheduler_op.u.credit2.cap = *cap;
    rc = xc_domctl(&op, XEN_DOMCTL_scheduler_op, domid);
    *weight = op.u.scheduler_op.u.credit2.weight;
    *cap = op.u.scheduler_op.u.credit2.cap;
    return rc;
}

int xc_evtchn_alloc_unbound(domid_t domid, domid_t remote, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound op = { .dom = domid, .remote_dom = remote };
    int rc = (int)hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    *port = op.port;
    return rc;
}

/* Writes the entries in the first page of the table, which is mapped at `frame`. */
static int write_grants(domid_t domid, xen_pfn_t frame, const grant_ref_t *refs, const xen_pfn_t *frames,
                        unsigned int nr, domid_t user)
{
    volatile struct grant_entry_v1 *table = map_foreign(domid, &frame, 1, PTE_RW, NULL);

    if (table == NULL)
        return -XEN_ENOMEM;
    for (unsigned int i = 0; i < nr; i++) {
        table[refs[i]].domid = user;
        table[refs[i]].frame = (uint32_t)frames[i];
        barrier();
        table[refs[i]].flags = GTF_permit_access;
    }
    unmap_frames((void *)(uintptr_t)table, 1);
    return 0;
}

int xc_grant_preset(domid_t domid, const grant_ref_t *refs, const xen_pfn_t *frames, unsigned int nr,
                    domid_t user)
{
    struct gnttab_setup_table op = { .dom = domid, .nr_frames = 1 };
    xen_pfn_t frame;
    int rc;

    set_xen_guest_handle(op.frame_list, &frame);
    rc = (int)hypercall_grant_table_op(GNTTABOP_setup_table, &op, 1);
    if (rc == 0)
        rc = gnttab_status_errno(op.status);
    return rc == 0 ? write_grants(domid, frame, refs, frames, nr, user) : rc;
}

int xc_grant_preset_hvm(domid_t domid, xen_pfn_t scratch, const grant_ref_t *refs, const xen_pfn_t *frames,
                        unsigned int nr, domid_t user)
{
    struct xen_add_to_physmap add = { .domid = domid, .space = XENMAPSPACE_grant_table, .gpfn = scratch };
    struct xen_remove_from_physmap away = { .domid = domid, .gpfn = scratch };
    int rc = (int)hypercall_memory_op(XENMEM_add_to_physmap, &add);

    if (rc != 0)
        return rc;
    rc = write_grants(domid, scratch, refs, frames, nr, user);
    hypercall_memory_op(XENMEM_remove_from_physmap, &away);
    return rc;
}
