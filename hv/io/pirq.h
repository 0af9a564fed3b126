/* SPDX-License-Identifier: MIT */
/*
 * A guest's own numbers for physical interrupts, as event channels use them. hv/domain/event.c keeps which
 * port a pirq is bound to (evtchn_send_pirq); what stands behind the number is kept here.
 */
#ifndef HV_IO_PIRQ_H
#define HV_IO_PIRQ_H

#include "hv/lib/types.h"

struct domain;
struct vcpu;

/* Numbers that a domain can have: 0 .. pirq_count(d) - 1, at most IRQ_MAX. */
unsigned int pirq_count(const struct domain *d);

/*
 * A port of d is being bound to / was closed for `pirq`: connect d to the interrupt line (unmask it), `share`
 * when the guest can live with others on it. 0; -EPERM when d may not use it; -EINVAL when nothing is behind
 * the number; -EBUSY when somebody has it and one of both does not share. Lock held: d->evtchn.lock.
 */
int pirq_bind(struct domain *d, unsigned int pirq, bool share);
void pirq_unbind(struct domain *d, unsigned int pirq);
/* Deliver it to the CPU where v runs from now on, as far as the line allows. */
void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v);

#endif
