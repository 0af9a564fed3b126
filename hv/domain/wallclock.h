/* SPDX-License-Identifier: MIT */
/* The wall clock as guests read it: UTC at system time 0, in shared_info (xen.h: wc_version, wc_sec, wc_nsec,
 * wc_sec_hi). */
#ifndef HV_DOMAIN_WALLCLOCK_H
#define HV_DOMAIN_WALLCLOCK_H

#include "hv/lib/types.h"

struct domain;

/* Writes d's copy: after its shared_info was made, or its time offset changed. */
void domain_update_wallclock(struct domain *d);
/* Sets the machine's wall clock to `ns` (UTC at system time 0) and updates all domains. Takes LOCK_DOMLIST.
 */
void wallclock_set(uint64_t ns);

#endif
