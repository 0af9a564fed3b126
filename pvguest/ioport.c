/* SPDX-License-Identifier: MIT */
#include "pvguest/ioport.h"
#include "pvguest/hypercall.h"
#include <xen/physdev.h>

int ioport_enable(void)
{
    struct physdev_set_iopl set = { .iopl = 1 }; /* guest-kernel mode counts as ring 1 */

    return (int)hypercall_physdev_op(PHYSDEVOP_set_iopl, &set);
}
