/* SPDX-License-Identifier: MIT */
/* What a hardware guest gets when it asks for hypercalls: a page of stubs (xen/xen.h), in its own width. */
#include "hv/domain/wallclock.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/string.h"
#include <xen/xen.h>

#define STUB_SIZE 32
#define STUBS     (PAGE_SIZE / STUB_SIZE)

void hvm_fill_hypercall_page(void *page)
{
    memset(page, 0xcc, PAGE_SIZE);
    for (unsigned int nr = 0; nr < STUBS; nr++) {
        uint8_t *stub = (uint8_t *)page + nr * STUB_SIZE;

        if (nr == __HYPERVISOR_iret) { /* ud2: there is none for hardware guests */
            stub[0] = 0x0f;
            stub[1] = 0x0b;
            continue;
        }
        stub[0] = 0xb8; /* mov nr, eax; the hypercall; ret */
        memset(stub + 1, 0, 4);
        stub[1] = (uint8_t)nr;
        memcpy(stub + 5, hvm_ops->hypercall, sizeof(hvm_ops->hypercall));
        stub[8] = 0xc3;
    }
}

/* The width of the code that asks is the width of shared_info from then on. */
void hvm_latch_width(struct vcpu *v)
{
    struct domain *d = v->domain;
    bool narrow = hvm_guest_mode(v) != 8;
    struct vcpu *other;

    if (d->narrow_layout == narrow)
        return;
    evtchn_set_width(d, narrow);
    domain_update_wallclock(d);
    for_each_vcpu (d, other)
        if (READ_ONCE(other->info->evtchn_upcall_pending))
            evtchn_vcpu_info_moved(other);
}
