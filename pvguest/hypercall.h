/* SPDX-License-Identifier: MIT */
/*
 * The 64-bit paravirtual hypercalls, one inline function each, named after the number in <xen/xen.h>.
 *
 * This header stands alone: it needs the public Xen headers only, no library and no start-of-day code, so
 * that a guest can use it and nothing else. Every function returns what the hypervisor returned: a result >=
 * 0, or a negated Xen errno (<xen/errno.h>). They may be called in any context, also with events masked,
 * unless a comment says otherwise.
 *
 * Convention (arch-x86/xen-x86_64.h): number in rax, arguments in rdi, rsi, rdx, r10, r8, r9, result in rax.
 * rcx and r11 are lost to the SYSCALL instruction itself. The hypervisor may change the argument registers of
 * the call at hand (it does so to restart a preempted call) and no others. The bare instruction is accepted
 * from any address in guest-kernel mode, so nothing here depends on a hypercall page; a kernel that has one
 * may call slot nr * 32 of it instead, with the same registers.
 *
 * HYPERVISOR_iret has no function, since it does not return: push rsp's frame as struct iret_context says,
 * load rax, SYSCALL.
 */
#ifndef PVGUEST_HYPERCALL_H
#define PVGUEST_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/sched.h>

struct xen_dm_op_buf;
struct xen_domctl;
struct xen_flask_op;
struct xen_platform_op;
struct xen_pmu_params;
struct xen_sysctl;

/* Guests of another kind define this before: an instruction, or a call of a stub, with the same registers.
 * Images that are more than one kind say HYPERCALL_GATE, which their start file has. */
#define HYPERCALL_GATE "call hypercall_gate"
#ifndef HYPERCALL_INSTRUCTION
#define HYPERCALL_INSTRUCTION "syscall"
#endif

/* ---- the instruction, by number of arguments; also for tests that issue calls no header names ---- */

static inline long hypercall_0(unsigned long nr)
{
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION : "=a"(ret) : "0"(nr) : "rcx", "r11", "memory", "cc");
    return ret;
}

/* With 1 to 6 arguments, in rdi, rsi, rdx, r10, r8, r9 (<xen/arch-x86/xen-x86_64.h>); rcx and r11 are lost.
 */
static inline long hypercall_1(unsigned long nr, unsigned long a1)
{
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* As hypercall_1(). */
static inline long hypercall_2(unsigned long nr, unsigned long a1, unsigned long a2)
{
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1), "+S"(a2)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* As hypercall_1(). */
static inline long hypercall_3(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3)
{
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* As hypercall_1(). */
static inline long hypercall_4(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
                               unsigned long a4)
{
    register unsigned long r10 __asm__("r10") = a4;
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* As hypercall_1(). */
static inline long hypercall_5(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
                               unsigned long a4, unsigned long a5)
{
    register unsigned long r10 __asm__("r10") = a4;
    register unsigned long r8 __asm__("r8") = a5;
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* As hypercall_1(). */
static inline long hypercall_6(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
                               unsigned long a4, unsigned long a5, unsigned long a6)
{
    register unsigned long r10 __asm__("r10") = a4;
    register unsigned long r8 __asm__("r8") = a5;
    register unsigned long r9 __asm__("r9") = a6;
    long ret;

    __asm__ __volatile__(HYPERCALL_INSTRUCTION
                         : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8), "+r"(r9)
                         : "0"(nr)
                         : "rcx", "r11", "memory", "cc");
    return ret;
}

/* ---- traps, callbacks, descriptor tables ---- */

/* Entries are taken up to one whose address is 0; a NULL table clears all entries. */
static inline long hypercall_set_trap_table(const struct trap_info *table)
{
    return hypercall_1(__HYPERVISOR_set_trap_table, (unsigned long)table);
}

/* Entry points of the event, failsafe and (may be 0) user-mode system call callbacks. */
static inline long hypercall_set_callbacks(unsigned long event, unsigned long failsafe, unsigned long syscall)
{
    return hypercall_3(__HYPERVISOR_set_callbacks, event, failsafe, syscall);
}

/* cmd: CALLBACKOP_*, arg: struct callback_register or callback_unregister (<xen/callback.h>). */
static inline long hypercall_callback_op(int cmd, const void *arg)
{
    return hypercall_2(__HYPERVISOR_callback_op, (unsigned long)cmd, (unsigned long)arg);
}

/* frames: machine frame numbers of the table's pages, mapped nowhere writable; entries: descriptors, 8 bytes
 * each. */
static inline long hypercall_set_gdt(const xen_ulong_t *frames, unsigned int entries)
{
    return hypercall_2(__HYPERVISOR_set_gdt, (unsigned long)frames, entries);
}

/* ma: machine byte address of the descriptor; desc: its new value. */
static inline long hypercall_update_descriptor(uint64_t ma, uint64_t desc)
{
    return hypercall_2(__HYPERVISOR_update_descriptor, ma, desc);
}

/* Stack (selector and pointer) that traps from user mode switch to. */
static inline long hypercall_stack_switch(unsigned long ss, unsigned long sp)
{
    return hypercall_2(__HYPERVISOR_stack_switch, ss, sp);
}

/* which: SEGBASE_*. */
static inline long hypercall_set_segment_base(unsigned int which, unsigned long base)
{
    return hypercall_2(__HYPERVISOR_set_segment_base, which, base);
}

/* set != 0 makes the next FPU instruction raise #NM. */
static inline long hypercall_fpu_taskswitch(int set)
{
    return hypercall_1(__HYPERVISOR_fpu_taskswitch, (unsigned long)set);
}

/* Debug register reg (0 to 7) of the vCPU. -XEN_EPERM: a breakpoint in the hypervisor's range. */
static inline long hypercall_set_debugreg(unsigned int reg, unsigned long value)
{
    return hypercall_2(__HYPERVISOR_set_debugreg, reg, value);
}

/* Returns the register's value; for a register that does not exist, -EINVAL as an unsigned number. */
static inline unsigned long hypercall_get_debugreg(unsigned int reg)
{
    return (unsigned long)hypercall_1(__HYPERVISOR_get_debugreg, reg);
}

/* cmd: XENNMI_*, arg: struct xennmi_callback (<xen/nmi.h>). */
static inline long hypercall_nmi_op(unsigned int cmd, const void *arg)
{
    return hypercall_2(__HYPERVISOR_nmi_op, cmd, (unsigned long)arg);
}

/* ---- memory ---- */

/* done (may be NULL) receives the number of requests performed; domid: whose frames the new entries name. */
static inline long hypercall_mmu_update(const struct mmu_update *reqs, unsigned int count, unsigned int *done,
                                        domid_t domid)
{
    return hypercall_4(__HYPERVISOR_mmu_update, (unsigned long)reqs, count, (unsigned long)done, domid);
}

/* done (may be NULL) receives the number of operations performed. */
static inline long hypercall_mmuext_op(const struct mmuext_op *ops, unsigned int count, unsigned int *done,
                                       domid_t domid)
{
    return hypercall_4(__HYPERVISOR_mmuext_op, (unsigned long)ops, count, (unsigned long)done, domid);
}

/* Sets the last-level entry that maps va to pte; flags: UVMF_*. */
static inline long hypercall_update_va_mapping(unsigned long va, uint64_t pte, unsigned long flags)
{
    return hypercall_3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

/* The same with a frame of another domain. */
static inline long hypercall_update_va_mapping_otherdomain(unsigned long va, uint64_t pte,
                                                           unsigned long flags, domid_t domid)
{
    return hypercall_4(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags, domid);
}

/* cmd: XENMEM_* (<xen/memory.h>). */
static inline long hypercall_memory_op(unsigned int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_memory_op, cmd, (unsigned long)arg);
}

/* cmd: VMASST_CMD_*, type: VMASST_TYPE_*. */
static inline long hypercall_vm_assist(unsigned int cmd, unsigned int type)
{
    return hypercall_2(__HYPERVISOR_vm_assist, cmd, type);
}

/* cmd: GNTTABOP_*, ops: an array of count structures of that operation (<xen/grant_table.h>). */
static inline long hypercall_grant_table_op(unsigned int cmd, void *ops, unsigned int count)
{
    return hypercall_3(__HYPERVISOR_grant_table_op, cmd, (unsigned long)ops, count);
}

/* ---- scheduling, time, events ---- */

/* cmd: SCHEDOP_* (<xen/sched.h>). SCHEDOP_block unmasks events. */
static inline long hypercall_sched_op(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_sched_op, (unsigned long)cmd, (unsigned long)arg);
}

/* SHUTDOWN_suspend only: the third argument is start_info's machine frame number. Returns 1 when the suspend
 * was cancelled, 0 in the resumed domain. */
static inline long hypercall_suspend(unsigned long start_info_mfn)
{
    struct sched_shutdown op = { .reason = SHUTDOWN_suspend };

    return hypercall_3(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&op, start_info_mfn);
}

/* Raises VIRQ_TIMER on this vCPU at system time deadline (ns); 0 cancels. */
static inline long hypercall_set_timer_op(uint64_t deadline)
{
    return hypercall_1(__HYPERVISOR_set_timer_op, deadline);
}

/* cmd: VCPUOP_* (<xen/vcpu.h>). */
static inline long hypercall_vcpu_op(int cmd, unsigned int vcpu, void *arg)
{
    return hypercall_3(__HYPERVISOR_vcpu_op, (unsigned long)cmd, vcpu, (unsigned long)arg);
}

/* cmd: EVTCHNOP_*, arg: struct evtchn_* of that operation (<xen/event_channel.h>). */
static inline long hypercall_event_channel_op(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_event_channel_op, (unsigned long)cmd, (unsigned long)arg);
}

/* Runs the calls in order; each entry's result field receives its own result. */
static inline long hypercall_multicall(struct multicall_entry *calls, unsigned int count)
{
    return hypercall_2(__HYPERVISOR_multicall, (unsigned long)calls, count);
}

/* ---- information, console, devices ---- */

/* cmd: XENVER_* (<xen/version.h>). */
static inline long hypercall_xen_version(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_xen_version, (unsigned long)cmd, (unsigned long)arg);
}

/* cmd: CONSOLEIO_write or CONSOLEIO_read of count bytes at buf; read returns the number of bytes. */
static inline long hypercall_console_io(unsigned int cmd, unsigned int count, void *buf)
{
    return hypercall_3(__HYPERVISOR_console_io, cmd, count, (unsigned long)buf);
}

/* cmd: PHYSDEVOP_* (<xen/physdev.h>). */
static inline long hypercall_physdev_op(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_physdev_op, (unsigned long)cmd, (unsigned long)arg);
}

/* ---- control domain and optional parts ---- */

static inline long hypercall_platform_op(struct xen_platform_op *op)
{
    return hypercall_1(__HYPERVISOR_platform_op, (unsigned long)op);
}

/* Control domain only: op->cmd is XEN_DOMCTL_* (<xen/domctl.h>). */
static inline long hypercall_domctl(struct xen_domctl *op)
{
    return hypercall_1(__HYPERVISOR_domctl, (unsigned long)op);
}

/* Control domain only: op->cmd is XEN_SYSCTL_* (<xen/sysctl.h>). */
static inline long hypercall_sysctl(struct xen_sysctl *op)
{
    return hypercall_1(__HYPERVISOR_sysctl, (unsigned long)op);
}

/* cmd: HVMOP_* (<xen/hvm/hvm_op.h>). */
static inline long hypercall_hvm_op(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_hvm_op, (unsigned long)cmd, (unsigned long)arg);
}

/* For a device model of domain domid: bufs[0] holds a struct xen_dm_op (<xen/hvm/dm_op.h>). */
static inline long hypercall_dm_op(domid_t domid, unsigned int nr_bufs, struct xen_dm_op_buf *bufs)
{
    return hypercall_3(__HYPERVISOR_dm_op, domid, nr_bufs, (unsigned long)bufs);
}

/* A security module's; there is none: -XEN_ENOSYS. */
static inline long hypercall_xsm_op(struct xen_flask_op *op)
{
    return hypercall_1(__HYPERVISOR_xsm_op, (unsigned long)op);
}

/* cmd: XENPMU_* (<xen/pmu.h>). */
static inline long hypercall_xenpmu_op(unsigned int cmd, struct xen_pmu_params *arg)
{
    return hypercall_2(__HYPERVISOR_xenpmu_op, cmd, (unsigned long)arg);
}

/* cmd: XENOPROF_* (<xen/xenoprof.h>). */
static inline long hypercall_xenoprof_op(int cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_xenoprof_op, (unsigned long)cmd, (unsigned long)arg);
}

/* cmd: KEXEC_CMD_* (<xen/kexec.h>). */
static inline long hypercall_kexec_op(unsigned long cmd, void *arg)
{
    return hypercall_2(__HYPERVISOR_kexec_op, cmd, (unsigned long)arg);
}

/* cmd: XEN_ARGO_OP_* (<xen/argo.h>). */
static inline long hypercall_argo_op(unsigned int cmd, void *arg1, void *arg2, unsigned long arg3,
                                     unsigned long arg4)
{
    return hypercall_5(__HYPERVISOR_argo_op, cmd, (unsigned long)arg1, (unsigned long)arg2, arg3, arg4);
}

/* cmd: XEN_HYPFS_OP_* (<xen/hypfs.h>). */
static inline long hypercall_hypfs_op(unsigned int cmd, const char *path, unsigned long path_len, void *buf,
                                      unsigned long len)
{
    return hypercall_5(__HYPERVISOR_hypfs_op, cmd, (unsigned long)path, path_len, (unsigned long)buf, len);
}

#endif
