/* SPDX-License-Identifier: MIT */
/*
 * The control hypercalls themselves, for the other files of this folder: they fill in the operation's
 * arguments, these the rest, with Xen 4.17's interface versions. 0 or a negated Xen errno.
 */
#ifndef DOM0_XC_CALL_H
#define DOM0_XC_CALL_H

#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* cmd: XEN_SYSCTL_* */
int xc_sysctl(struct xen_sysctl *op, uint32_t cmd);
/* cmd: XEN_DOMCTL_* */
int xc_domctl(struct xen_domctl *op, uint32_t cmd, domid_t domid);

#endif
