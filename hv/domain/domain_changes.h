/* SPDX-License-Identifier: MIT */
/* Domains that came, shut down, died or went: who handles VIRQ_DOM_EXC asks for them. Any context. */
#ifndef HV_DOMAIN_DOMAIN_CHANGES_H
#define HV_DOMAIN_DOMAIN_CHANGES_H

#include "hv/lib/types.h"
#include <xen/xen.h>

void domain_changed(domid_t id);
/* One that changed since it was last taken; false: there is none. */
bool domain_take_changed(domid_t *id);

#endif
