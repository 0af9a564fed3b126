/* SPDX-License-Identifier: MIT */
/* callback_op and its predecessor set_callbacks: where the guest wants to be entered (callback.h). */
#include "hv/lib/string.h"
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"
#include <xen/callback.h>

static void register_nmi(struct vcpu *v, uint64_t address)
{
    v->pv.traps[TRAP_NMI] =
        (struct trap_info){ .vector = TRAP_NMI, .flags = 4, .cs = FLAT_KERNEL_CS, .address = address };
}

/* 0; -EINVAL: address not canonical; -ENOSYS: no such type. */
static int callback_register(struct vcpu *v, uint32_t type, uint32_t flags, uint64_t address)
{
    struct pv_callback cb = { .eip = address, .mask_events = flags & CALLBACKF_mask_events };

    if (!is_canonical(address))
        return -EINVAL;
    switch (type) {
    case CALLBACKTYPE_event:
        v->pv.event = cb;
        return 0;
    case CALLBACKTYPE_failsafe:
        v->pv.failsafe = cb;
        return 0;
    case CALLBACKTYPE_syscall:
        v->pv.syscall = cb;
        return 0;
    case CALLBACKTYPE_syscall32:
        v->pv.syscall32 = cb;
        return 0;
    case CALLBACKTYPE_sysenter:
        v->pv.sysenter = cb;
        return 0;
    case CALLBACKTYPE_nmi:
        register_nmi(v, address);
        return 0;
    default:
        return -ENOSYS;
    }
}

/* Only the NMI callback can be taken back. */
static int callback_unregister(struct vcpu *v, uint32_t type)
{
    switch (type) {
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_syscall:
    case CALLBACKTYPE_syscall32:
    case CALLBACKTYPE_sysenter:
        return -EINVAL;
    case CALLBACKTYPE_nmi:
        memset(&v->pv.traps[TRAP_NMI], 0, sizeof(struct trap_info));
        return 0;
    default:
        return -ENOSYS;
    }
}

/* arg: CALLBACKOP_*, struct callback_register or callback_unregister. 0, -EFAULT, -EINVAL, -ENOSYS. */
int64_t do_callback_op(uint64_t arg[6])
{
    struct vcpu *v = current;
    struct callback_register reg;
    struct callback_unregister unreg;

    switch ((uint32_t)arg[0]) {
    case CALLBACKOP_register:
        if (read_guest(&reg, gva(arg[1])))
            return -EFAULT;
        return callback_register(v, reg.type, reg.flags, reg.address);
    case CALLBACKOP_unregister:
        if (read_guest(&unreg, gva(arg[1])))
            return -EFAULT;
        return callback_unregister(v, unreg.type);
    default:
        return -ENOSYS;
    }
}

/* arg: addresses of the event, failsafe and syscall callbacks. Always 0: a refused address leaves the old
 * one. */
int64_t do_set_callbacks(uint64_t arg[6])
{
    struct vcpu *v = current;

    (void)callback_register(v, CALLBACKTYPE_event, 0, arg[0]);
    (void)callback_register(v, CALLBACKTYPE_failsafe, 0, arg[1]);
    (void)callback_register(v, CALLBACKTYPE_syscall, 0, arg[2]);
    return 0;
}
