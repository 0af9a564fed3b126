/* SPDX-License-Identifier: MIT */
/* Error numbers of the guest ABI under their plain names, from <xen/errno.h>. */
#ifndef HV_LIB_ERRNO_H
#define HV_LIB_ERRNO_H

#define XEN_ERRNO(name, value) name = (value),
enum ryokan_errno {
#include <xen/errno.h>
    ERESTART = 85, /* not of the ABI: go on where the operation was preempted; never reaches a guest */
};

#endif
