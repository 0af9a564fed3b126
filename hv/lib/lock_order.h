/* SPDX-License-Identifier: MIT */
/*
 * The order in which locks are taken: a lock may be taken only while every lock held has a smaller number.
 * Two locks of one level are never held together, except where a comment at the lock says by which key
 * (grant tables and event channels of two domains: lower domain id first, with spin_lock_pair).
 * Debug builds check this at each acquisition (hv/lib/spinlock.c); docs/locks.md is checked against this
 * list.
 */
#ifndef HV_LIB_LOCK_ORDER_H
#define HV_LIB_LOCK_ORDER_H

enum lock_level {
    LOCK_CALL = 5,            /* one on_cpus() call at a time; taken with no lock held */
    LOCK_DOMCTL = 10,         /* domctl_lock: one domctl at a time */
    LOCK_DOMLIST = 20,        /* domlist_lock: the list of domains */
    LOCK_DOMAIN = 30,         /* d->lock: vcpu creation, shutdown, life-cycle state */
    LOCK_GRANT_MAPTRACK = 40, /* d->grant.maptrack_lock: handles of a mapping domain */
    LOCK_GRANT = 50,          /* d->grant.lock: a granting domain's table and active entries */
    LOCK_MMU = 60,    /* d->mmu_lock: page-table updates and page-type changes to and from L1..L4, seg_desc */
    LOCK_EVTCHN = 70, /* d->evtchn.lock: port allocation and binding */
    LOCK_EVTCHN_QUEUE = 80, /* FIFO event queue of one priority of one vCPU */
    LOCK_PIRQ = 90,         /* domains' tables of physical interrupts (hv/io/pirq.c) */
    LOCK_IRQ = 95,          /* physical interrupt sources (hv/io/irq.c) */
    LOCK_PAGE_ALLOC = 100,  /* d->page_lock: a domain's page list and totals */
    LOCK_RANGESET = 108,    /* one set of ranges: ports, I/O memory, interrupts */
    LOCK_VMAP = 110,        /* hypervisor's own page tables and virtual areas */
    LOCK_HEAP = 115,        /* small-object heap */
    LOCK_FRAME_ALLOC = 120, /* frame allocator */
    LOCK_SCHED = 130,       /* run queue of one CPU; timers are set under it */
    LOCK_TIMER = 140,       /* timers of one CPU */
    LOCK_IOAPIC = 150,      /* I/O APIC and PIC registers */
    LOCK_PCI = 155,         /* PCI configuration mechanism 1 */
    LOCK_FLUSH = 165,       /* one TLB shoot-down at a time; its waiters serve those of others */
    LOCK_CONSOLE = 170,     /* console ring and serial line; innermost, so that one may print anywhere */
};

#endif
