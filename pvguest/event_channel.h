/* SPDX-License-Identifier: MIT */
/*
 * Event channels (<xen/event_channel.h>, 2-level ABI). A port is bound, given a handler, and unmasked;
 * handlers run in the upcall of the vCPU that the port is bound to, with upcalls masked. They must not block;
 * they wake threads.
 *
 * All functions return 0 or a negated Xen errno unless they say otherwise. Binding functions leave the port
 * masked and without a handler: nothing is lost, an event that comes before evtchn_unmask() is delivered by
 * it. Any context on vCPU 0, evtchn_send(), _mask() and _unmask() on every vCPU.
 */
#ifndef PVGUEST_EVENT_CHANNEL_H
#define PVGUEST_EVENT_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

typedef void (*evtchn_handler_t)(evtchn_port_t port, void *arg);

/* A port that domain `remote` may bind to; DOMID_SELF for a loop inside this domain. */
int evtchn_alloc_unbound(domid_t remote, evtchn_port_t *port);
/* Connects to a port that another domain allocated for this one. */
int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *port);
/* virq: VIRQ_*; vcpu: 0 for the domain-wide ones. */
int evtchn_bind_virq(unsigned int virq, unsigned int vcpu, evtchn_port_t *port);
/* An event that any vCPU can raise on that vCPU with evtchn_send(). */
int evtchn_bind_ipi(unsigned int vcpu, evtchn_port_t *port);
/* flags: 0 or BIND_PIRQ__WILL_SHARE. pirq.h has the whole way from a device's interrupt. */
int evtchn_bind_pirq(unsigned int pirq, unsigned int flags, evtchn_port_t *port);
/* Moves the port's events to another vCPU. */
int evtchn_bind_vcpu(evtchn_port_t port, unsigned int vcpu);

/* Unbinds the port and forgets its handler. */
int evtchn_close(evtchn_port_t port);

/* Sets the function that is called with arg for each event; NULL removes it. -XEN_ENOMEM, -XEN_EINVAL (no
 * such port). */
int evtchn_set_handler(evtchn_port_t port, evtchn_handler_t handler, void *arg);

/* Sends to the other end; masks a port, which keeps its events pending. -XEN_EINVAL: no such port (send). */
int evtchn_send(evtchn_port_t port);
void evtchn_mask(evtchn_port_t port);
void evtchn_unmask(evtchn_port_t port);
bool evtchn_is_pending(evtchn_port_t port);

/* Runs the handlers of what is pending. Called and returns with upcalls masked; for the idle thread. */
void evtchn_take(void);

/* Start of day: masks all ports. */
void evtchn_init(void);

#endif
