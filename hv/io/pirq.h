/* SPDX-License-Identifier: MIT */
/*
 * A guest's own numbers for physical interrupts. hv/domain/event.c keeps which port a pirq is bound to
 * (evtchn_send_pirq); which source (hv/io/irq.h) stands behind the number is kept here, and the page in which
 * a guest sees what it must acknowledge.
 */
#ifndef HV_IO_PIRQ_H
#define HV_IO_PIRQ_H

#include "hv/mm/mfn.h"
#include "hv/io/pci.h"

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

/* PHYSDEVOP_eoi. 0, -EINVAL (no such number). */
int pirq_eoi(struct domain *d, unsigned int pirq);
/* After PHYSDEVOP_pirq_eoi_gmfn_v1: an end of interrupt unmasks the event channel too. */
bool pirq_eoi_unmasks(const struct domain *d);
/* PHYSDEVOP_irq_status_query: XENIRQSTAT_* in *flags. 0, -EINVAL. */
int pirq_status(struct domain *d, unsigned int pirq, uint32_t *flags);
/*
 * Registers d's frame as the bitmap of the numbers that want an end of interrupt. 0, -EINVAL (not a frame
 * that d may write), -EBUSY (there is one), -ENOMEM.
 */
int pirq_set_eoi_page(struct domain *d, mfn_t m, bool eoi_unmasks);

/* Reserves a free number for a GSI or a message. The number, or -ENOSPC, -ENOMEM. */
int pirq_reserve(struct domain *d, bool message);
/*
 * Maps a GSI (pirq -1: any number) or a new message to a number of d. The number; -EPERM (the hypervisor's
 * own), -EINVAL, -EEXIST, -EBUSY, -ENOSPC, -ENOMEM, and as irq_create_msi().
 */
int pirq_map_gsi(struct domain *d, unsigned int gsi, int pirq);
int pirq_map_msi(struct domain *d, struct pci_address device, bool msix, uint16_t entry, int pirq);
/* 0, -EINVAL (not mapped). */
int pirq_unmap(struct domain *d, unsigned int pirq);

/* The domain is destroyed: all its numbers, with their ports closed already. */
void pirq_domain_free(struct domain *d);

#endif
