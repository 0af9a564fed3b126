/* SPDX-License-Identifier: MIT */
#ifndef HYPERCALLS_EVENT_CHANNEL_H
#define HYPERCALLS_EVENT_CHANNEL_H

#include "hv/domain/domain.h"

/* Is the port pending? 1, 0, or -EINVAL when it is not in use. */
int evtchn_port_poll(const struct domain *d, uint32_t port);

/*
 * Close all ports of d and return to the 2-level ABI. 0; -ERESTART to be called again; -EAGAIN when new ports
 * appeared meanwhile. d is paused or the current domain.
 */
int evtchn_reset(struct domain *d);

#endif
