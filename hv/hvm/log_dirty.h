/* SPDX-License-Identifier: MIT */
/*
 * Which of its memory a hardware guest has written, for those who copy it while it runs. There is no bitmap:
 * the p2m itself is the record. While this is on, a P2M_RAM entry is a written frame, and P2M_LOGDIRTY one
 * that was not written since it was last cleaned; the first write to that faults and makes it P2M_RAM. Memory
 * that is added meanwhile begins as written.
 *
 * Writes through references that others hold are recorded when the reference ends (log_dirty_mark_frame).
 */
#ifndef HV_HVM_LOG_DIRTY_H
#define HV_HVM_LOG_DIRTY_H

#include "hv/hvm/hvm.h"

/* The steps are preemptible: -ERESTART, to be called again with the same arguments before any other. They are
 * called one at a time. Locks: they take d->mmu_lock. */

/* All of its memory becomes clean. 0, -ERESTART, -ENOMEM (superpages cannot be split; it is off then). */
int log_dirty_enable(struct domain *d);
/* 0, -ERESTART. */
int log_dirty_disable(struct domain *d);
/*
 * Write a bit for each frame below `pages` to a guest's bitmap, which may be at 0 for none. `clean`: what is
 * reported counts as not written from then on. 0, -ERESTART, -EFAULT (nothing that was not written out was
 * cleaned).
 */
int log_dirty_read(struct domain *d, gva_t bitmap, uint64_t pages, bool clean);

/* A write to g of a guest: true when it is RAM that may be written now. Takes d->mmu_lock. */
bool log_dirty_mark(struct domain *d, gfn_t g);

/* Somebody else has written to a frame of a hardware guest. Takes d->mmu_lock. */
void log_dirty_mark_frame(struct domain *d, mfn_t m);

/* Whether that is to be told of a domain, of any kind. */
static inline bool log_dirty_on(const struct domain *d)
{
    return unlikely(is_hvm_domain(d)) && unlikely(READ_ONCE(d->hvm->p2m.log_dirty.on));
}

#endif
