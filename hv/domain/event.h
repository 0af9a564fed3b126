/* SPDX-License-Identifier: MIT */
/*
 * Event delivery state of a domain and the ways in which the hypervisor itself raises events. Port operations that
 * guests ask for are in hypercalls/event_channel.c; the two ABIs for pending bits are behind struct evtchn_port_ops.
 */
#ifndef HV_DOMAIN_EVENT_H
#define HV_DOMAIN_EVENT_H

#include "hv/lib/spinlock.h"
#include <xen/xen.h>
#include <xen/event_channel.h>

struct domain;
struct vcpu;

enum evtchn_state {
    ECS_FREE,
    ECS_RESERVED,   /* being set up or the FIFO ABI still queues it */
    ECS_UNBOUND,    /* waits for remote_domid to bind */
    ECS_INTERDOMAIN,
    ECS_PIRQ,
    ECS_VIRQ,
    ECS_IPI,
};

struct evtchn {
    uint8_t state;           /* enum evtchn_state; changed under d->evtchn.lock (both domains' for interdomain) */
    uint8_t priority;        /* FIFO ABI */
    uint8_t last_priority;
    bool pending;            /* FIFO ABI: raised while its array page was missing */
    uint16_t notify_vcpu;
    uint16_t last_vcpu;
    uint32_t port;
    union {
        domid_t unbound_domid;
        struct {
            struct domain *remote; /* holds no reference: closing either end clears it under both locks */
            uint32_t remote_port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u;
};

#define EVTCHNS_PER_GROUP (PAGE_SIZE / sizeof(struct evtchn))
#define EVTCHN_GROUPS     (EVTCHN_FIFO_NR_CHANNELS / 64) /* >= EVTCHN_FIFO_NR_CHANNELS / EVTCHNS_PER_GROUP */

struct evtchn_port_ops;
struct evtchn_fifo_domain;

struct evtchn_domain {
    struct spinlock lock;          /* LOCK_EVTCHN: everything below; two domains: lower domid first */
    const struct evtchn_port_ops *ops;
    uint32_t ports;                /* ports that have a struct evtchn so far */
    uint32_t max_ports;            /* quota (domctl set_max_evtchn), at most the ABI's limit */
    uint32_t active;               /* ports not free */
    uint32_t next_free;            /* lowest port that may be free: allocation hint */
    struct evtchn **groups;        /* array of pages of struct evtchn, allocated on demand */
    struct evtchn_fifo_domain *fifo; /* NULL while the 2-level ABI is used */
};

int evtchn_init(struct domain *d);
/* Close all ports (domain dying); evtchn_free releases the memory. */
void evtchn_close_all(struct domain *d);
void evtchn_free(struct domain *d);

/* Raise a per-vCPU virtual interrupt (VIRQ_TIMER, VIRQ_DEBUG, ...); nothing when it is not bound. */
void evtchn_send_vcpu_virq(struct vcpu *v, unsigned int virq);
/* Raise a global VIRQ (VIRQ_CONSOLE, VIRQ_DOM_EXC, ...) in the domain that handles it (dom0 unless set). */
void evtchn_send_global_virq(unsigned int virq);
/* Raise the event channel bound to a physical interrupt of d. */
void evtchn_send_pirq(struct domain *d, unsigned int pirq);
/* Raise the domain's own port d->console_port, whose other end is the hypervisor's console; nothing when it is 0 or closed. */
void evtchn_send_console(struct domain *d);
/*
 * A guest's send on its own local port; also used by hypercalls. 0, -EINVAL. A send on d->console_port of a domain whose console
 * the hypervisor serves (d->console_ring) calls console_domain_notify(d) after the port's lock is dropped.
 */
int evtchn_send(struct domain *d, uint32_t port);
/* Allocate a port of d that `remote` may bind (boot-time construction of domains): port number or -errno. */
int evtchn_alloc_unbound_for(struct domain *d, domid_t remote);

/*
 * Mark v's vcpu_info as having a pending event and make it run (wake, or interrupt it on another CPU). Locks: none
 * needed, any may be held up to LOCK_SCHED.
 */
void vcpu_mark_events_pending(struct vcpu *v);
/* After vcpu_info moved or was unmasked: whether something is deliverable now. */
bool vcpu_event_deliverable(const struct vcpu *v);
/* Called when v's vcpu_info was (re)registered: everything pending is raised again. */
void evtchn_vcpu_info_moved(struct vcpu *v);

#endif
