/* SPDX-License-Identifier: MIT */
/* Events through the 2-level ABI: enabling, counting, and the usual ways to get a port. */
#ifndef GUESTS_EVENT_H
#define GUESTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

#define EVENT_PORTS 4096u

/* Upcalls seen per port since event_reset_counts(); counted by the default upcall handler, which clears
 * pending. */
extern volatile unsigned long event_counts[EVENT_PORTS];

/* Binds the secondary data; masks all ports. */
void event_init(void);
void event_reset_counts(void);
/* Opens and closes the vCPU's upcall mask; opening delivers what is pending. */
void event_enable(void);
void event_disable(void);
/* Sleeps until an event comes, enabled; returns enabled, and with its upcall taken. */
void event_block(void);
bool event_enabled(void);
/* Delivers pending upcalls while disabled otherwise: enable, then disable. */
void event_drain(void);

bool event_pending(evtchn_port_t port);
void event_clear(evtchn_port_t port);
void event_mask(evtchn_port_t port);
void event_unmask(evtchn_port_t port);

/* Results: a port, or Xen's negative errno. The port arrives masked. */
long event_bind_ipi(unsigned int vcpu);
long event_bind_virq(unsigned int virq, unsigned int vcpu);
long event_alloc_unbound(domid_t dom, domid_t remote);
long event_bind_interdomain(domid_t remote, evtchn_port_t port);
long event_send(evtchn_port_t port);
long event_close(evtchn_port_t port);
long event_status(evtchn_port_t port, struct evtchn_status *status);
/* Number of ports in use below limit. */
unsigned int event_count_open(unsigned int limit);

/* Called by trap_entry() for TRAP_UPCALL. */
void event_upcall(void);

#endif
