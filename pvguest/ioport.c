/* SPDX-License-Identifier: MIT */
#include "pvguest/ioport.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/xen_errno.h"
#include <xen/physdev.h>

int ioport_enable(void)
{
    struct physdev_set_iopl set = { .iopl = 1 }; /* guest-kernel mode counts as ring 1 */

    if (guest_is_pvh) /* the processor's own privilege is enough */
        return start_info->flags & SIF_INITDOMAIN ? 0 : -XEN_EPERM;
    return (int)hypercall_physdev_op(PHYSDEVOP_set_iopl, &set);
}
