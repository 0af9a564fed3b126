/* SPDX-License-Identifier: MIT */
/* What a PV domain and a PV vCPU consist of. The code that gives it meaning is hv/pv. */
#ifndef HV_DOMAIN_PV_STATE_H
#define HV_DOMAIN_PV_STATE_H

#include "hv/mm/frame.h"
#include "hv/mm/paging.h"
#include <xen/xen.h>

/* A guest entry point registered by callback_op / set_callbacks. */
struct pv_callback {
    uint64_t eip;     /* 0 = none */
    bool mask_events; /* CALLBACKF_mask_events */
};

struct pv_vcpu {
    struct trap_info *traps; /* for vectors below nr_traps; .address 0 = none. hv/pv/trap_table.h */
    uint16_t nr_traps;
    struct pv_callback event, failsafe, syscall, syscall32, sysenter;
    uint16_t syscall32_cs, sysenter_cs;

    uint64_t kernel_sp; /* stack for entries from user mode (stack_switch) */
    uint16_t kernel_ss;
    bool in_kernel; /* guest mode: kernel or user, both in ring 3 */
    bool ts;        /* guest's CR0.TS */
    bool stepping;  /* an iret hypercall set TF, and no #DB came since */
    uint8_t iopl;   /* virtual IOPL 0..3 */

    uint16_t ds, es, fs, gs; /* selectors while not running */
    uint64_t fs_base;
    /* While running both are live: the active one in MSR_GS_BASE, the other in MSR_KERNEL_GS_BASE (swapgs at
     * each change of mode). */
    uint64_t gs_base_kernel, gs_base_user;

    uint64_t cr4;             /* guest-controlled bits: TSD, DE, FSGSBASE, OSXSAVE */
    uint64_t cr2;             /* last page-fault address handed to the guest by mov from CR2 */
    uint64_t dr[4], dr6, dr7; /* guest debug registers */
    uint64_t dr7_io;          /* emulated I/O breakpoints (DR7 bits not loaded) */

    mfn_t user_table;   /* L4 for user mode; .m == 0: none */
    mfn_t kernel_table; /* L4 for kernel mode; type reference held */
    uint64_t cr3;       /* what is (to be) in CR3 */

    pte_t *window; /* L1 entries of the GDT (16) and LDT (16) windows */
    uint64_t window_va;
    uint64_t gdt_frames[14];
    uint16_t gdt_entries;
    uint64_t ldt_base; /* guest virtual */
    uint16_t ldt_entries;
    uint32_t shadow_ldt_mapped; /* LDT window pages now mapped, bit per page */

    uint64_t iobmp; /* guest virtual address of the port bitmap, 0 = none */
    uint32_t iobmp_limit;
};

/* Assists that do something or are accepted for compatibility. */
#define PV_VM_ASSIST_VALID                                                         \
    (BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |        \
     BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |    \
     BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) | \
     BIT(VMASST_TYPE_m2p_strict))

/* A writable mapping of another's frame went, or the A bit of one: flush. */
#define PV_OWES_FLUSH BIT(0)
/* An absent entry was refused for L1TF: crash the domain. */
#define PV_OWES_CRASH BIT(1)

struct pv_domain {
    /* d->mmu_lock; hv/pv/page_type.c and pv_mm.c */
    uint32_t drop[8]; /* frames whose release as L2..L4 was preempted, last one on top */
    uint32_t drops;
    uint8_t owes; /* PV_OWES_*: what is done when the lock is released */
    uint8_t relinquish_step;
    uint8_t exposing_level; /* the entry and its level that PV_OWES_CRASH is about */
    uint64_t exposing;
    struct frame *relinquish_at; /* how far the walk of the page list got; a reference is held */
};

#endif
