/* SPDX-License-Identifier: MIT */
/* The memory of a domain: page list, totals, and the way back to the allocator. */
#ifndef HV_MM_DOMAIN_MEMORY_H
#define HV_MM_DOMAIN_MEMORY_H

#include "hv/mm/frame.h"

/*
 * The last reference to an allocated frame went: take it off its owner's list and free it. Called by
 * frame_put() only. Takes the owner's page_lock.
 */
void domain_frame_released(struct frame *f);

/*
 * The domain that owns `f`, as long as it has memory; NULL for the hypervisor's and nobody's frames. The
 * pointer is good while the caller holds a reference to the frame.
 */
struct domain *frame_owner(const struct frame *f);

/*
 * Move a frame between a domain and nobody, with its contents (XENMEM_exchange, grant transfer).
 * domain_steal_frame: the frame must be d's, referenced only by its allocation and have no type; false
 * otherwise. Afterwards it is anonymous (count 0). domain_assign_frames: make 2^order anonymous frames d's;
 * false when d is dying or would exceed max_pages. They come from the allocator, which has flushed what CPUs
 * knew of them; a frame that was stolen is assigned by domain_assign_stolen, which does that first: its type,
 * that would tell, begins anew.
 */
bool domain_steal_frame(struct domain *d, struct frame *f);
bool domain_assign_frames(struct domain *d, struct frame *f, unsigned int order);
bool domain_assign_stolen(struct domain *d, struct frame *f);

/*
 * Walk a domain's page list: the frame after `prev` (the first for NULL), with a reference that the next call
 * drops; NULL at the end. Frames may leave the list meanwhile. Takes d->page_lock.
 */
struct frame *domain_frame_next(struct domain *d, struct frame *prev);

#endif
