/* SPDX-License-Identifier: MIT */
/*
 * Event upcalls come in two ways. With HVM_PARAM_CALLBACK_IRQ of type "vector" all vCPUs get that vector,
 * past the local APIC and without an end of interrupt, for as long as evtchn_upcall_pending is set: as a
 * level would be. With HVMOP_set_evtchn_upcall_vector a vCPU gets an edge interrupt of its local APIC each
 * time the bit is set.
 */
#include "hv/hvm/interrupt.h"
#include "hv/hvm/hvm.h"

/* The bit was set since we last looked: make it an edge. */
static void raise_upcall(struct vcpu *v)
{
    WRITE_ONCE(v->upcall_raised, false);
    if (v->hvm->upcall_vector && !vlapic_raise(vcpu_vlapic(v), v->hvm->upcall_vector))
        WRITE_ONCE(v->upcall_raised, true); /* once the guest has switched its local APIC on */
}

int hvm_interrupt_pending(struct vcpu *v)
{
    uint8_t callback = READ_ONCE(v->domain->hvm->callback_vector);
    struct vlapic *a = vcpu_vlapic(v);

    if (READ_ONCE(v->upcall_raised))
        raise_upcall(v);
    vlapic_take_posted(a);
    if (callback && !v->hvm->upcall_vector && READ_ONCE(v->info->evtchn_upcall_pending))
        return HVM_CALLBACK | callback;
    return vlapic_pending(a);
}

void hvm_interrupt_taken(struct vcpu *v, int pending)
{
    if (!(pending & HVM_CALLBACK))
        vlapic_accept(vcpu_vlapic(v), (uint8_t)pending);
}
