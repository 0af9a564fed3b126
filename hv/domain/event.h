/* SPDX-License-Identifier: MIT */
/*
 * Event delivery state of a domain and the ways in which the hypervisor itself raises events. Port operations
 * that guests ask for are in hypercalls/event_channel.c; the two ABIs for pending bits are behind struct
 * evtchn_port_ops.
 */
#ifndef HV_DOMAIN_EVENT_H
#define HV_DOMAIN_EVENT_H

#include "hv/lib/nospec.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/mfn.h"
#include <xen/xen.h>
#include <xen/event_channel.h>

struct domain;
struct vcpu;

enum evtchn_state {
    ECS_FREE,
    ECS_RESERVED, /* port 0, and ports being set up */
    ECS_UNBOUND,  /* waits for remote_domid to bind */
    ECS_INTERDOMAIN,
    ECS_PIRQ,
    ECS_VIRQ,
    ECS_IPI,
};

/*
 * One end of a channel. state, notify_vcpu and u change under d->evtchn.lock *and* this channel's own lock;
 * an interdomain channel under both of each end. So either lock is enough to read them, and a raise takes the
 * channel's lock only: while that is held, neither end can be closed, and the domain at the other end cannot
 * go away.
 */
struct evtchn {
    uint8_t state; /* enum evtchn_state */
    uint8_t lock;  /* evtchn_lock(): innermost but for the FIFO queue and what waking a vCPU takes; never two
                      by a raise */
    uint8_t priority;      /* FIFO ABI */
    uint8_t last_priority; /* FIFO ABI: the queue that it was last put in, with last_vcpu */
    uint16_t notify_vcpu;
    uint16_t last_vcpu;
    uint32_t port;
    bool pending; /* FIFO ABI: raised while its array page was missing */
    union {
        domid_t unbound_domid;
        struct {
            /* No reference is held: closing either end clears them under both locks. */
            struct domain *remote;
            struct evtchn *other; /* the remote's port */
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u;
};

/* struct evtchn live in groups, found through directories of EVTCHN_DIR_GROUPS groups. Most domains have one
 * of each, so they are small. */
#define EVTCHNS_PER_GROUP 32U
#define EVTCHN_DIR_GROUPS 128U
#define EVTCHNS_PER_DIR   (EVTCHN_DIR_GROUPS * EVTCHNS_PER_GROUP)
#define EVTCHN_DIRS       (EVTCHN_FIFO_NR_CHANNELS / EVTCHNS_PER_DIR)
_Static_assert(sizeof(struct evtchn) == 32, "a group of event channels has a power of two of bytes");

/* The two ABIs of pending bits. All with the channel's lock held, or the domain's. */
struct evtchn_port_ops {
    void (*init)(struct domain *d, struct evtchn *chn); /* the port comes into use */
    void (*set_pending)(struct vcpu *v, struct evtchn *chn);
    void (*clear_pending)(struct domain *d, const struct evtchn *chn);
    void (*unmask)(struct domain *d, struct evtchn *chn);
    bool (*is_pending)(const struct domain *d, uint32_t port);
    bool (*is_masked)(const struct domain *d, uint32_t port);
    bool (*is_busy)(const struct domain *d,
                    uint32_t port); /* the guest still has it in a queue: not to be reused yet */
    int (*set_priority)(struct domain *d, struct evtchn *chn, uint32_t priority); /* 0, -EINVAL, -ENOSYS */
    void (*release)(struct domain *d); /* no port is in use: give back the guest pages and return to the
                                          2-level ABI. Lock: d->evtchn.lock */
};
extern const struct evtchn_port_ops evtchn_2l_ops; /* the FIFO ABI is hypercalls/event_fifo.c */

/* The 2-level ABI in the layout of 32-bit guests (hv/domain/event_compat.c). */
extern const struct evtchn_port_ops evtchn_2l_compat_ops;
void evtchn_select_all(struct vcpu *v); /* v looks at all words of pending bits, in either layout */
/* Use the layout of 32-bit or of 64-bit guests from now on, unless the guest has gone over to the FIFO ABI.
 * Bits are not carried over. Takes d->evtchn.lock. */
void evtchn_set_width(struct domain *d, bool narrow);

struct evtchn_fifo_domain;

struct evtchn_domain {
    struct spinlock lock;              /* LOCK_EVTCHN: everything below; two domains: lower domid first */
    const struct evtchn_port_ops *ops; /* changes only while no port is in use */
    uint32_t ports; /* ports that have a struct evtchn so far: a multiple of EVTCHNS_PER_GROUP, only grows */
    uint32_t abi_ports;  /* the ABI's limit */
    uint32_t max_ports;  /* quota (domctl createdomain): ports 0 .. max_ports - 1 may be used */
    uint32_t active;     /* ports in use, port 0 not counted */
    uint32_t next_free;  /* no port below is free */
    uint32_t reset_next; /* EVTCHNOP_reset goes on here when it was preempted */
    struct evtchn **dir[EVTCHN_DIRS];
    struct evtchn_fifo_domain *fifo; /* NULL while the 2-level ABI is used */
    uint32_t *pirq_port;             /* port of each pirq, 0 = not bound; NULL before the first one */

    uint64_t poll_mask; /* vCPUs in SCHEDOP_poll; atomic */
};

/* Set up a new domain's event channels, 2-level ABI, at most `max_ports` ports. 0, -ENOMEM. */
int evtchn_init(struct domain *d, uint32_t max_ports);
/* Close all ports (domain dying: no new ones are allocated then); evtchn_free releases the memory. */
void evtchn_close_all(struct domain *d);
void evtchn_free(struct domain *d);

/* Raise a per-vCPU virtual interrupt (VIRQ_TIMER, VIRQ_DEBUG, ...); nothing when it is not bound. */
void evtchn_send_vcpu_virq(struct vcpu *v, unsigned int virq);
/* Raise a global VIRQ (VIRQ_CONSOLE, VIRQ_DOM_EXC, ...) in the domain that handles it (dom0 unless set). */
void evtchn_send_global_virq(unsigned int virq);
/* Raise the event channel bound to a physical interrupt of d. */
void evtchn_send_pirq(struct domain *d, unsigned int pirq);
/* Raise the domain's own port d->console_port, whose other end is the hypervisor's console; nothing when it
 * is 0 or closed. */
void evtchn_send_console(struct domain *d);
/*
 * A guest's send on its own local port; also used by hypercalls. 0, -EINVAL. A send on d->console_port of a
 * domain whose console the hypervisor serves (d->console_ring) calls console_domain_notify(d) after the
 * port's lock is dropped.
 */
int evtchn_send(struct domain *d, uint32_t port);
/* Allocate a port of d that `remote` may bind (boot-time construction of domains): port number or -errno. */
int evtchn_alloc_unbound_for(struct domain *d, domid_t remote);

/*
 * Mark v's vcpu_info as having a pending event and make it run (wake, or interrupt it on another CPU). Locks:
 * none needed, any may be held up to LOCK_SCHED.
 */
void vcpu_mark_events_pending(struct vcpu *v);
/* End v's SCHEDOP_block or SCHEDOP_poll, if it is in one. */
void vcpu_unblock(struct vcpu *v);
/* Called when v's vcpu_info was (re)registered: everything pending is raised again. */
void evtchn_vcpu_info_moved(struct vcpu *v);
/* Whether something is deliverable to v now: pending and not masked. */
bool vcpu_event_deliverable(const struct vcpu *v);

/* For hypercalls/event_channel.c and the ABIs. */

static inline void evtchn_lock(struct evtchn *chn)
{
    byte_lock(&chn->lock);
}

static inline void evtchn_unlock(struct evtchn *chn)
{
    byte_unlock(&chn->lock);
}

/* The channel of a port, NULL when the port has none yet. No lock needed: channels stay until their domain is
 * freed. */
static inline struct evtchn *evtchn_of(const struct evtchn_domain *e, uint32_t port)
{
    uint32_t ports = READ_ONCE(e->ports);

    if (unlikely(port >= ports))
        return NULL;
    port = (uint32_t)index_nospec(port, ports);
    return &e->dir[port / EVTCHNS_PER_DIR][port / EVTCHNS_PER_GROUP % EVTCHN_DIR_GROUPS]
                  [port % EVTCHNS_PER_GROUP];
}

/* A channel that is in use (neither free nor reserved). */
static inline bool evtchn_usable(const struct evtchn *chn)
{
    return chn->state > ECS_RESERVED;
}

/* Take a free port of d: its number, or -ENOSPC, -ENOMEM, -EINVAL (d is dying). Lock: d->evtchn.lock. */
int evtchn_alloc_port(struct domain *d);
/* Make an allocated port a channel of `state` that notifies vCPU `vcpu`, with the union of `u_of`. Lock:
 * d->evtchn.lock. */
void evtchn_bind_port(struct domain *d, uint32_t port, enum evtchn_state state, uint16_t vcpu,
                      const struct evtchn *u_of);
/* Give back a port that is bound to nothing. Lock: d->evtchn.lock. */
void evtchn_free_port(struct domain *d, uint32_t port);
/* Close a port of d. 0; -EINVAL when it is not in use. Takes the lock(s). */
int evtchn_close_port(struct domain *d, uint32_t port);
/* Both domains' evtchn.lock in their order; a may be b. */
void evtchn_lock_pair(struct domain *a, struct domain *b);
void evtchn_unlock_pair(struct domain *a, struct domain *b);
/* vCPUs of d that poll `port` have waited long enough. */
void evtchn_wake_pollers(struct domain *d, uint32_t port);
/* Send the global virq to d from now on. 0, -EINVAL. */
int evtchn_set_virq_handler(struct domain *d, unsigned int virq);
/* True for virtual interrupts that a domain has one of, on vCPU 0. */
bool virq_is_global(unsigned int virq);

#endif
