/* SPDX-License-Identifier: MIT */
/* Hypercalls of hardware guests: by vmcall or vmmcall, from 64-bit or 32-bit code. */
#include "hypercalls/compat.h"
#include "hypercalls/hypercall.h"
#include "hv/hvm/hvm.h"

/* Argument registers of a 32-bit guest: ebx, ecx, edx, esi, edi, ebp. */
static int64_t call_32(struct vcpu *v, struct regs *r)
{
    uint64_t arg[6] = { (uint32_t)r->rbx, (uint32_t)r->rcx, (uint32_t)r->rdx,
                        (uint32_t)r->rsi, (uint32_t)r->rdi, (uint32_t)r->rbp };
    int64_t rc = compat_call(v, (uint32_t)r->rax, arg);

    if (rc != HYPERCALL_RESTART)
        return rc;
    r->rbx = (uint32_t)arg[0];
    r->rcx = (uint32_t)arg[1];
    r->rdx = (uint32_t)arg[2];
    r->rsi = (uint32_t)arg[3];
    return rc;
}

bool hvm_hypercall_dispatch(struct vcpu *v, struct regs *r)
{
    bool wide = hvm_guest_mode(v) == 8;
    int64_t rc;

    v->work = 0;
    if (hvm_cpl(v))
        rc = -EPERM;
    else if (likely(wide))
        rc = hypercall_call(r->rax, r->arg);
    else
        rc = call_32(v, r);
    if (rc == HYPERCALL_RESTART)
        return false;
    r->rax = wide ? (uint64_t)rc : (uint32_t)rc;
    return true;
}
