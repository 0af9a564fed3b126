/* SPDX-License-Identifier: MIT */
/*
 * The guest-physical address space of a hardware guest: which machine frame lies behind each guest frame. One
 * four-level table in the format that the processor walks itself, NPT (APM Vol. 2 §15.25) or EPT (SDM Vol. 3
 * §28.3). The two formats agree in everything but constants, so the difference is struct p2m_format.
 *
 * References. An entry for the domain's own RAM holds none: the frame's allocation does, and whoever gives a
 * frame up removes its entry first. Entries of the other kinds (granted, foreign, and the hypervisor's shared
 * pages) hold one reference each, which is dropped when the entry goes and no CPU can use it any more. A
 * writable foreign entry holds a writable reference too (hv/pv/page_type.c), so that no page table of a PV
 * domain is ever written through it. Devices have no references: their entries are made for domains that may
 * use them, where the machine has no memory.
 *
 * Changes are made under d->mmu_lock. Lookups take no lock: tables are freed only with the whole p2m, and who
 * wants to keep the frame takes a reference and looks again (p2m_get_frame).
 *
 * Stale translations. A change that takes a right away is followed by p2m_flush() before the frame may be
 * used otherwise. It advances p2m->epoch and waits until every CPU that runs a vCPU of the domain has left
 * the guest; a vCPU compares the epoch with the one it last ran with at each entry, and flushes when it
 * differs.
 */
#ifndef HV_HVM_P2M_H
#define HV_HVM_P2M_H

#include "hv/domain/domain.h"
#include "hv/mm/frame.h"
#include "hv/mm/paging.h"

enum p2m_type {
    P2M_NONE,     /* nothing there */
    P2M_RAM,      /* the domain's own memory */
    P2M_RAM_RO,   /* ... that it may not write */
    P2M_LOGDIRTY, /* ... that was not written: hv/hvm/log_dirty.h */
    P2M_SHARED,   /* a page of the hypervisor: shared_info, grant table */
    P2M_GRANT,    /* another domain's frame, by a grant */
    P2M_GRANT_RO,
    P2M_FOREIGN, /* another domain's frame, by right of control */
    P2M_FOREIGN_RO,
    P2M_MMIO, /* device registers */
    P2M_TYPES,
};

/* Kinds whose entries hold a reference to the frame. */
static inline bool p2m_holds_reference(enum p2m_type t)
{
    return t == P2M_SHARED || t == P2M_GRANT || t == P2M_GRANT_RO || t == P2M_FOREIGN || t == P2M_FOREIGN_RO;
}

static inline bool p2m_is_ram(enum p2m_type t)
{
    return t == P2M_RAM || t == P2M_RAM_RO || t == P2M_LOGDIRTY;
}

static inline bool p2m_writable(enum p2m_type t)
{
    return t == P2M_RAM || t == P2M_SHARED || t == P2M_GRANT || t == P2M_FOREIGN || t == P2M_MMIO;
}

/* What an entry of each kind has beside the address; the superpage bit is PTE_PSE in both formats. */
struct p2m_format {
    pte_t table;           /* an entry that leads to a table */
    pte_t leaf[P2M_TYPES]; /* 0: not present */
};

/* Orders: entries of 4 KiB, 2 MiB, 1 GiB. */
#define P2M_ORDER_4K 0
#define P2M_ORDER_2M 9
#define P2M_ORDER_1G 18
#define P2M_GFN_BITS 36 /* four levels reach 48 bits of address */

/* hv/hvm/log_dirty.h */
struct log_dirty {
    bool on;            /* changes under the lock of domctl */
    uint32_t count;     /* frames written since it was last cleaned; d->mmu_lock */
    uint32_t under_way; /* what was preempted: a step of the domctl, which its lock protects; 0 = nothing */
    uint32_t reported;  /* `count` when that began */
    uint64_t next;      /* where it goes on */
};

struct p2m {
    const struct p2m_format *format;
    pte_t *root;
    uint64_t epoch;      /* only grows; see above */
    uint32_t max_order;  /* the largest superpage that the processor walks */
    uint32_t tables;     /* pages in use, the root included */
    uint32_t max_tables; /* quota */
    uint64_t max_gfn;    /* highest frame that ever had an entry */
    pte_t retired;       /* chain of tables out of use since the teardown, never present; 0 = none */
    struct log_dirty log_dirty;
};

/* Set up / free an empty p2m; the memory for tables comes from the hypervisor's. 0, -ENOMEM. */
int p2m_init(struct domain *d, const struct p2m_format *format, uint32_t max_order);
/* With the domain's last reference. */
void p2m_free(struct domain *d);
/* A dying domain: drop the references that entries hold; the tables stay until p2m_free(). 0, -ERESTART.
 * Takes d->mmu_lock. */
int p2m_teardown(struct domain *d);

/* What is at a gfn: INVALID_MFN when nothing. *type may be NULL. Any context. */
mfn_t p2m_lookup(const struct domain *d, gfn_t g, enum p2m_type *type);
/* The frame that d calls g: for PV domains that is its number. */
static inline mfn_t gfn_to_mfn(const struct domain *d, gfn_t g)
{
    return unlikely(is_hvm_domain(d)) ? p2m_lookup(d, g, NULL) : mfn(g.g);
}

/* What is at g, and for how many frames from there on one entry, or that there is none, says so. Any context.
 */
enum p2m_type p2m_run(const struct domain *d, gfn_t g, uint64_t *frames);

/*
 * Copy from the frame behind g without a reference: up to the end of the page. False when nothing is there.
 * What was read was the guest's: an entry goes before its frame does, so an entry that is still there
 * afterwards proves it.
 */
bool p2m_read(const struct domain *d, gfn_t g, uint32_t offset, void *buf, size_t bytes);

/*
 * The same as p2m_lookup with a reference to the frame: NULL when there is none (nothing, or not RAM in the
 * frame table). `write`: the guest must be able to write it. Drop with frame_put. Any context.
 */
struct frame *p2m_get_frame(struct domain *d, gfn_t g, bool write, enum p2m_type *type);

/*
 * Enter 2^order frames, gfn and mfn aligned to it. What was there must have been removed, except that P2M_RAM
 * may replace P2M_RAM. A reference of p2m_holds_reference() kinds is the caller's, and passes to the entry.
 * 0; -ENOMEM: no memory, or the quota of tables is used up; -EINVAL: beyond the address space. On failure
 * nothing refers to the frames; p2m_flush before they are used otherwise. Lock: d->mmu_lock.
 */
int p2m_set(struct domain *d, gfn_t g, mfn_t m, unsigned int order, enum p2m_type type);
/* Whether nothing is at any of 2^order frames from g, which is aligned to that. Lock: d->mmu_lock. */
bool p2m_is_empty(const struct domain *d, gfn_t g, unsigned int order);
/*
 * Take 2^order entries out. *frame: what the first one referred to, whose reference, if the kind holds one,
 * passes to the caller, who calls p2m_flush before using the frame otherwise. 0, -ENOENT, -ENOMEM (a
 * superpage cannot be split). Lock: d->mmu_lock.
 */
int p2m_remove(struct domain *d, gfn_t g, mfn_t *frame, enum p2m_type *type);
/* End what an entry that was taken out held. After the flush. */
void p2m_put_reference(mfn_t m, enum p2m_type type);
/* Change an entry's kind if it is `from`: true when it was. Follow with p2m_flush when rights go. Lock:
 * d->mmu_lock. */
bool p2m_change_type(struct domain *d, gfn_t g, enum p2m_type from, enum p2m_type to);

/* See the head of this file. Locks: any below LOCK_FLUSH. */
void p2m_flush(struct domain *d);

/*
 * The hardware domain reached for g, where it has nothing: when the machine has device memory there that it
 * may use, that is entered at the same number. False: there is none. Takes d->mmu_lock.
 */
bool p2m_enter_device(struct domain *d, gfn_t g);

#endif
