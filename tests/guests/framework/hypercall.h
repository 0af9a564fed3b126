/* SPDX-License-Identifier: MIT */
/*
 * Raw hypercalls: number and untyped arguments, because most tests pass something wrong on purpose.
 * Executed as pvguest's bare `syscall`; the hypercall page has a test of its own.
 */
#ifndef GUESTS_HYPERCALL_H
#define GUESTS_HYPERCALL_H

#include "pvguest/hypercall.h"

#include <stdint.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define hypercall0(nr)             hypercall_0(nr)
#define hypercall1(nr, a1)         hypercall_1(nr, (uint64_t)(a1))
#define hypercall2(nr, a1, a2)     hypercall_2(nr, (uint64_t)(a1), (uint64_t)(a2))
#define hypercall3(nr, a1, a2, a3) hypercall_3(nr, (uint64_t)(a1), (uint64_t)(a2), (uint64_t)(a3))
#define hypercall4(nr, a1, a2, a3, a4) \
    hypercall_4(nr, (uint64_t)(a1), (uint64_t)(a2), (uint64_t)(a3), (uint64_t)(a4))
#define hypercall5(nr, a1, a2, a3, a4, a5) \
    hypercall_5(nr, (uint64_t)(a1), (uint64_t)(a2), (uint64_t)(a3), (uint64_t)(a4), (uint64_t)(a5))

/* The names that tests use most. Results are Xen's: negative errno or a value. */
#define hc_set_trap_table(table)         hypercall1(__HYPERVISOR_set_trap_table, table)
#define hc_mmu_update(req, n, done, dom) hypercall4(__HYPERVISOR_mmu_update, req, n, done, dom)
#define hc_mmuext_op(op, n, done, dom)   hypercall4(__HYPERVISOR_mmuext_op, op, n, done, dom)
#define hc_update_va(va, val, flags)     hypercall3(__HYPERVISOR_update_va_mapping, va, val, flags)
#define hc_memory_op(op, arg)            hypercall2(__HYPERVISOR_memory_op, op, arg)
#define hc_xen_version(op, arg)          hypercall2(__HYPERVISOR_xen_version, op, arg)
#define hc_console_io(op, n, buf)        hypercall3(__HYPERVISOR_console_io, op, n, buf)
#define hc_grant(op, arg, n)             hypercall3(__HYPERVISOR_grant_table_op, op, arg, n)
#define hc_evtchn(op, arg)               hypercall2(__HYPERVISOR_event_channel_op, op, arg)
#define hc_sched(op, arg)                hypercall2(__HYPERVISOR_sched_op, op, arg)
#define hc_vcpu(op, cpu, arg)            hypercall3(__HYPERVISOR_vcpu_op, op, cpu, arg)
#define hc_physdev(op, arg)              hypercall2(__HYPERVISOR_physdev_op, op, arg)
#define hc_callback(op, arg)             hypercall2(__HYPERVISOR_callback_op, op, arg)
#define hc_multicall(calls, n)           hypercall2(__HYPERVISOR_multicall, calls, n)
#define hc_vm_assist(op, type)           hypercall2(__HYPERVISOR_vm_assist, op, type)
#define hc_stack_switch(ss, sp)          hypercall2(__HYPERVISOR_stack_switch, ss, sp)
#define hc_fpu_taskswitch(set)           hypercall1(__HYPERVISOR_fpu_taskswitch, set)
#define hc_set_gdt(frames, n)            hypercall2(__HYPERVISOR_set_gdt, frames, n)
#define hc_update_descriptor(addr, desc) hypercall2(__HYPERVISOR_update_descriptor, addr, desc)
#define hc_set_segment_base(which, base) hypercall2(__HYPERVISOR_set_segment_base, which, base)
#define hc_set_timer(ns)                 hypercall1(__HYPERVISOR_set_timer_op, ns)
#define hc_set_debugreg(reg, value)      hypercall2(__HYPERVISOR_set_debugreg, reg, value)
#define hc_get_debugreg(reg)             hypercall1(__HYPERVISOR_get_debugreg, reg)

#endif
