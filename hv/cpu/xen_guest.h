/* SPDX-License-Identifier: MIT */
/*
 * Ryokan as a PVH guest: of Xen, or of another Ryokan. What it then uses instead of a PC's devices: the outer
 * hypervisor's clock, its ways to end, and the rings that its toolstack serves (hv/io/console_xen.h).
 */
#ifndef HV_CPU_XEN_GUEST_H
#define HV_CPU_XEN_GUEST_H

#include "hv/lib/types.h"

extern bool xen_guest; /* all of the below may be called; everywhere else there is no trace of it */

/* Looks for the outer hypervisor; for a machine that was started by the PVH boot ABI. */
void xen_guest_detect(void);

/*
 * Maps the page that outer hypervisor and guest share, from which the clock is read and by which events come.
 * Panics when it is refused. @pre mm_init
 */
void xen_guest_init(void);

/* TSC ticks a second, 0 when the outer hypervisor tells nothing that makes sense. @pre xen_guest_init */
uint64_t xen_guest_tsc_hz(void);
/* UTC in nanoseconds now. @pre xen_guest_init, tsc_scale is set */
uint64_t xen_guest_wallclock_ns(void);

/* The value of an HVM_PARAM_*, 0 when there is none. */
uint64_t xen_guest_param(uint32_t index);
/* Tells the other end of an event channel. */
void xen_guest_notify(uint32_t port);
/* The vCPU lets others run for a moment, of whom one may be waited for. */
void xen_guest_yield(void);
/*
 * fn() runs on the entry path of the boot CPU for each event of `port`, the only one that is listened to. 0;
 * -EINVAL, or the outer hypervisor's error: no event will come.
 */
int xen_guest_listen(uint32_t port, void (*fn)(void));

/* The domain ends with a SHUTDOWN_* reason, which the outer toolstack acts on. */
void __noreturn xen_guest_shutdown(unsigned int reason);

#endif
