/* SPDX-License-Identifier: MIT */
/*
 * The domctl get_domain_state, which Xen has from 4.20 on and the ABI headers of 4.17 lack: which domains
 * have changed, for who is told by VIRQ_DOM_EXC that some have. With op.domain DOMID_INVALID it answers for
 * the lowest domid that was not told yet, which becomes op.domain, or -ENOENT; else for that domain. Where it
 * is missing it is -ENOSYS.
 */
#ifndef HV_LIB_DOMAIN_STATE_ABI_H
#define HV_LIB_DOMAIN_STATE_ABI_H

#include <stdint.h>

#define XEN_DOMCTL_get_domain_state 89

#define XEN_DOMCTL_GETDOMSTATE_STATE_EXIST    0x0001
#define XEN_DOMCTL_GETDOMSTATE_STATE_SHUTDOWN 0x0002
#define XEN_DOMCTL_GETDOMSTATE_STATE_DYING    0x0004 /* memory and the like are being given back */
#define XEN_DOMCTL_GETDOMSTATE_STATE_DEAD     0x0008 /* all that nobody else uses was */

/* At the beginning of op.u. */
struct xen_domctl_get_domain_state {
    uint16_t state; /* 0: there is no such domain any more */
    uint16_t caps;
    uint32_t pad1;      /* in: 0 */
    uint64_t unique_id; /* never used again by another domain */
};

#endif
