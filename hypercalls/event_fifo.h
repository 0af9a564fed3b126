/* SPDX-License-Identifier: MIT */
/* The FIFO ABI of event channels: queues of ports by priority, linked through an array of event words in
 * guest memory. */
#ifndef HYPERCALLS_EVENT_FIFO_H
#define HYPERCALLS_EVENT_FIFO_H

#include "hv/domain/domain.h"

/*
 * Give v its control block at `offset` in guest frame `frame`; the first one switches the domain to the FIFO
 * ABI. 0; -EINVAL (bad offset, not a writable page of the domain, or v has one already); -ENOMEM. Takes
 * d->evtchn.lock.
 */
int evtchn_fifo_init_control(struct vcpu *v, gfn_t frame, uint32_t offset);
/* Add a page of event words. 0, -EOPNOTSUPP (2-level ABI), -ENOSPC, -EINVAL. Takes d->evtchn.lock. */
int evtchn_fifo_expand_array(struct domain *d, gfn_t frame);

/* The guest's pages in use, at most `max` of them into frames[]; how many. Takes d->evtchn.lock. */
unsigned int evtchn_fifo_frames(struct domain *d, mfn_t *frames, unsigned int max);

#endif
