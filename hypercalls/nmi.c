/* SPDX-License-Identifier: MIT */
/* nmi_op: the NMI handler, which is slot 2 of the vCPU's trap table with events masked on entry. */
#include "hypercalls/hypercall.h"
#include "hv/lib/string.h"
#include "hv/pv/pv.h"
#include <xen/nmi.h>

static int64_t nmi_register(gva_t arg)
{
    struct trap_info *t = &current->pv.traps[TRAP_NMI];
    struct xennmi_callback cb;

    if (read_guest(&cb, arg))
        return -EFAULT;
    if (!is_canonical(cb.handler_address))
        return -EINVAL;
    *t = (struct trap_info){
        .vector = TRAP_NMI, .flags = 4, .cs = FLAT_KERNEL_CS, .address = cb.handler_address
    };
    return 0;
}

static int64_t nmi_unregister(void)
{
    memset(&current->pv.traps[TRAP_NMI], 0, sizeof(struct trap_info));
    return 0;
}

/* arg: XENNMI_*, struct xennmi_callback. 0, -EFAULT, -EINVAL (address not canonical), -ENOSYS. */
int64_t do_nmi_op(uint64_t arg[6])
{
    switch ((uint32_t)arg[0]) {
    case XENNMI_register_callback:
        return nmi_register(gva(arg[1]));
    case XENNMI_unregister_callback:
        return nmi_unregister();
    default:
        return -ENOSYS;
    }
}
