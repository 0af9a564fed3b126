/* SPDX-License-Identifier: MIT */
/* Xen's error numbers differ from the C library's above 34. */
#ifndef PVGUEST_XEN_ERRNO_H
#define PVGUEST_XEN_ERRNO_H

#include <xen/errno.h>

/* The C library's errno for a negated Xen errno such as -XEN_EBUSY; EIO for one that is unknown. */
int xen_errno_to_c(long error);

/* The name ("EBUSY") of a Xen errno, negated or not; "E?" if unknown. */
const char *xen_errno_name(long error);

#endif
