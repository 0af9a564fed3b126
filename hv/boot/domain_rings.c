/* SPDX-License-Identifier: MIT */
/* The rings to xenstore and console of domains that the hypervisor builds. */
#include "hv/boot/domain_build.h"
#include "hv/io/console_domain.h"
#include "hv/pv/page_type.h"
#include "hypercalls/grant_table.h"

const char *ring_make_store(struct domain *d, uint64_t frame, uint32_t *port)
{
    int rc = evtchn_alloc_unbound_for(d, dom0->id);

    if (rc < 0)
        return "no event channel for xenstore";
    if (gnttab_preset(d, GNTTAB_RESERVED_XENSTORE, dom0->id, mfn(frame)))
        return "out of memory for its grant table";
    *port = (uint32_t)rc;
    return NULL;
}

const char *ring_make_console(struct domain *d, uint64_t frame, mfn_t m, uint32_t *port)
{
    int rc = evtchn_alloc_unbound_for(d, DOMID_XEN);
    struct frame *f = mfn_to_frame(m);

    if (rc < 0)
        return "no event channel for its console";
    if (gnttab_preset(d, GNTTAB_RESERVED_CONSOLE, dom0->id, mfn(frame)))
        return "out of memory for its grant table";
    /* The hypervisor writes there: the guest must not turn it into a page table or give it away. */
    if (!frame_get(f, d))
        return "its console page is gone";
    if (!page_get_writable(f)) {
        frame_put(f);
        return "its console page is not writable";
    }
    d->console_ring = frame_to_virt(f);
    *port = d->console_port = (uint32_t)rc;
    console_domain_attach(d);
    return NULL;
}

void ring_release_console(struct domain *d)
{
    struct frame *f;

    if (!d->console_ring)
        return;
    f = mfn_to_frame(virt_to_mfn(d->console_ring));
    console_domain_flush(d);
    d->console_ring = NULL;
    page_put_writable(f);
    frame_put(f);
}
