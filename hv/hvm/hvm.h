/* SPDX-License-Identifier: MIT */
/*
 * Hardware guests (HVM, PVH): what AMD SVM and Intel VT-x have in common. A vendor is a struct hvm_ops; all
 * that a guest can notice is decided above it, in the vendor-independent files of this folder.
 *
 * Where a guest's registers are. General registers, rip, rsp and rflags: in guest_regs() while the vCPU is
 * current (the vendor's entry code puts them there at each exit and takes them from there at each entry), in
 * v->regs otherwise. Control registers, EFER, debug registers and the few MSRs that the hypervisor must
 * know: in struct hvm_vcpu, as the guest believes them to be; hvm_ops.update_* load what the hardware is to
 * see. Segment registers and the MSRs that the hardware switches by itself: behind hvm_ops.
 */
#ifndef HV_HVM_HVM_H
#define HV_HVM_HVM_H

#include "hv/cpu/current.h"
#include "hv/domain/domain.h"
#include "hv/hvm/p2m.h"
#include "hv/hvm/vlapic.h"
#include "hv/lib/vcpu_exits_abi.h"
#include <xen/hvm/params.h>

enum hvm_segment_name {
    HVM_ES,
    HVM_CS,
    HVM_SS,
    HVM_DS,
    HVM_FS,
    HVM_GS,
    HVM_GDTR,
    HVM_LDTR,
    HVM_IDTR,
    HVM_TR,
    HVM_SEGMENTS,
};

/* attr: type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11 (APM Vol. 2 §15.5: the VMCB's form). limit: in
 * bytes, expanded. */
struct hvm_segment {
    uint16_t selector;
    uint16_t attr;
    uint32_t limit;
    uint64_t base;
};
#define HVM_ATTR_DPL(attr) (((attr) >> 5) & 3)
#define HVM_ATTR_P         BIT(7)
#define HVM_ATTR_L         BIT(9)
#define HVM_ATTR_DB        BIT(10)
#define HVM_ATTR_G         BIT(11)

/* An event for the guest to take at its next entry. The types are the hardware's, of both vendors. */
enum hvm_event_type {
    HVM_EVENT_INTERRUPT = 0,
    HVM_EVENT_NMI = 2,
    HVM_EVENT_EXCEPTION = 3,
    HVM_EVENT_SOFTWARE = 4, /* int n */
};

struct hvm_event {
    bool valid, has_error_code;
    uint8_t type; /* enum hvm_event_type */
    uint8_t vector;
    uint8_t insn_bytes; /* of a software event: rip is still at the instruction */
    uint32_t error_code;
};

#define MTRR_ENABLED    BIT(11)
#define MTRR_WRITE_BACK 6
#define MTRR_CAP_VALUE  (8 | BIT(8) | BIT(10)) /* 8 variable ranges, fixed ranges, write combining */
#define MTRR_DEF_VALID  (MTRR_ENABLED | BIT(10) | 7)

struct vmcb;
struct vmx_vcpu;

struct hvm_vcpu {
    struct vlapic vlapic;

    /* As the guest sees them. */
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t dr[4], dr6, dr7;
    uint64_t pat;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_variable[16]; /* kept for the guest, without effect */
    uint64_t tsc_aux;
    uint64_t tsc_offset; /* guest TSC = host TSC + offset */
    uint64_t misc_enable;

    bool debug_loaded; /* the guest's debug registers are in the CPU's */

    struct hvm_event event; /* to be injected at the next entry */
    uint8_t upcall_vector;  /* HVMOP_set_evtchn_upcall_vector: through the local APIC; 0 = none */
    uint8_t *compat_args;   /* a page: arguments of a 32-bit hypercall, translated (hypercalls/compat.h) */
    uint64_t p2m_epoch;     /* with which it last ran */
    uint64_t exits[HVM_EXITS];
    struct { /* guest_fetch() */
        uint64_t va, cr3, epoch;
        const uint8_t *page;
    } code;

    union {
        struct { /* hv/hvm/svm*.c */
            struct vmcb *vmcb;
            uint64_t vmcb_pa;
            uint32_t asid, asid_cpu; /* valid on that CPU, while its generation is the same */
            uint64_t asid_generation;
            int offered;    /* svm_offer_interrupt(): until the next exit; 0 = none */
            bool requested; /* a virtual interrupt: a window, or one that is offered */
        } svm;
        struct vmx_vcpu *vmx; /* hv/hvm/vmx*.c */
    };
};

struct hvm_domain {
    struct p2m p2m;
    uint64_t params[HVM_NR_PARAMS]; /* HVM_PARAM_*; d->lock */
    uint8_t callback_vector;        /* HVM_PARAM_CALLBACK_IRQ of type "vector"; 0 = none */
    void *apic_page;                /* VT-x: the frame at the address of the xAPICs */
    struct frame *relinquish_at;    /* how far the teardown of memory got; a reference is held */
};

/* A vendor. Functions on a vCPU: it is current, or does not run and nobody else works on it. */
struct hvm_ops {
    const char *name;
    uint8_t hypercall[3]; /* the instruction */
    const struct p2m_format *p2m_format;
    uint32_t p2m_max_order;

    int (*cpu_enable)(void); /* each CPU once; 0, -ENOMEM, -ENODEV */
    void (*cpu_disable)(void);

    int (*vcpu_init)(struct vcpu *v); /* 0, -ENOMEM; v->hvm is there */
    void (*vcpu_free)(struct vcpu *v);
    void (*switch_from)(struct vcpu *v);
    void (*switch_to)(struct vcpu *v);
    void __noreturn (*resume)(void); /* current vCPU; loops: hvm_enter(), the guest, an exit, ... */

    void (*get_segment)(const struct vcpu *v, enum hvm_segment_name s, struct hvm_segment *out);
    void (*set_segment)(struct vcpu *v, enum hvm_segment_name s, const struct hvm_segment *in);
    void (*update_cr)(struct vcpu *v, unsigned int cr); /* hvm->cr0, cr2, cr3 or cr4 changed */
    void (*update_efer)(struct vcpu *v);
    void (*update_debug)(struct vcpu *v); /* dr6, dr7 */
    void (*update_tsc)(struct vcpu *v);   /* tsc_offset */
    void (*update_pat)(struct vcpu *v);

    /* MSRs that the hardware switches: SYSENTER, STAR to FMASK, KERNEL_GS_BASE. False: none of these. */
    bool (*read_msr)(const struct vcpu *v, uint32_t msr, uint64_t *value);
    bool (*write_msr)(struct vcpu *v, uint32_t msr, uint64_t value);

    void (*inject)(struct vcpu *v, const struct hvm_event *e); /* at the entry that comes now */
    /* Another way to deliver an interrupt (hvm_interrupt_pending()'s value) that the guest can take now; it
     * stays pending until it is known to be taken. False: inject it. NULL: there is no other. */
    bool (*offer_interrupt)(struct vcpu *v, int pending);
    bool (*interrupt_shadow)(const struct vcpu *v); /* after sti or mov ss */
    void (*clear_shadow)(struct vcpu *v);
    void (*interrupt_window)(struct vcpu *v, bool wanted); /* leave the guest when it can take an interrupt */
    void (*flush_guest_tlb)(struct vcpu *v);               /* all of its translations, before it runs again */
    void (*dump)(const struct vcpu *v);
};
extern const struct hvm_ops *hvm_ops; /* NULL: no hardware guests here */
extern const struct hvm_ops svm_ops, vmx_ops;

extern const struct guest_ops hvm_guest_ops;

static inline struct vlapic *vcpu_vlapic(const struct vcpu *v)
{
    return &v->hvm->vlapic;
}

/* A page of 32-bit hypercalls' translated arguments appears at this address in guest_memory_ops. */
#define COMPAT_ARGS_ADDRESS HV_VIRT_START

/* At boot, on each CPU in turn: look for an extension that can be used, and say what was found. */
void hvm_init(void);

/* Before each entry of the current vCPU, interrupts off: startup requests, events, stale translations. */
void hvm_enter(struct vcpu *v);

/* Exits, current vCPU. Those that emulate an instruction move rip over its `bytes` unless it faults. */
void hvm_exit_cpuid(unsigned int bytes);
void hvm_exit_rdmsr(unsigned int bytes);
void hvm_exit_wrmsr(unsigned int bytes);
void hvm_exit_hypercall(unsigned int bytes);
void hvm_exit_hlt(unsigned int bytes);
void hvm_exit_xsetbv(unsigned int bytes);
/* mov to crN, lmsw, clts: false when the guest took a fault instead. */
bool hvm_write_cr(struct vcpu *v, unsigned int cr, uint64_t value);
bool hvm_write_efer(struct vcpu *v, uint64_t value);
/* All that decide about the mode at once. 0; -EINVAL: they do not go together, nothing changed. */
int hvm_set_control(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer);
/* Each byte is a memory type that exists. */
bool hvm_pat_valid(uint64_t value);
/* An access to guest-physical `gpa` that the p2m does not allow. */
void hvm_nested_fault(uint64_t gpa, bool write, bool fetch);
/* in and out, string forms too: what is there says hv/io/domain_ports.h. */
void hvm_exit_io(uint16_t port, unsigned int width, bool in, bool string, unsigned int bytes);
void hvm_triple_fault(void);

/* The instruction at rip is done: `bytes` on, out of an interrupt shadow, and #DB when the guest
 * single-steps. */
void hvm_skip(struct vcpu *v, unsigned int bytes);

/* Next event of v: an exception merges with one that is there to #DF or a triple fault as on a CPU. */
void hvm_inject_exception(struct vcpu *v, uint8_t vector, uint32_t error_code);
void hvm_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code);

/* Registers after INIT, and at the PVH entry point (start_info.h): flat 32-bit protected mode. */
void hvm_reset_registers(struct vcpu *v);
void hvm_start_at_sipi(struct vcpu *v, uint8_t vector);
void hvm_start_pvh(struct vcpu *v, uint32_t entry, uint32_t start_info);

/* Bits of the default operation size of code that v runs now: 2, 4 or 8. */
unsigned int hvm_guest_mode(const struct vcpu *v);
unsigned int hvm_cpl(const struct vcpu *v);
uint64_t hvm_linear_rip(const struct vcpu *v);

/* MSRs by the guest (hv/hvm/msr.c); false: #GP. */
bool hvm_read_msr(struct vcpu *v, uint32_t msr, uint64_t *value);
bool hvm_write_msr(struct vcpu *v, uint32_t msr, uint64_t value);

/*
 * hv/hvm/mmio.c: emulate the instruction at rip, which accesses a page without memory at `gpa`. False: it
 * cannot be emulated.
 */
bool hvm_mmio(struct vcpu *v, uint64_t gpa);

/*
 * hypercalls/hvm_dispatch.c: a hypercall of the current vCPU, by guest_regs(). False: it is to be repeated,
 * so rip stays.
 */
bool hvm_hypercall_dispatch(struct vcpu *v, struct regs *r);
/* shared_info has from now on the layout for the width of the code that v runs (hypercalls/hvm_dispatch.c).
 */
void hvm_latch_width(struct vcpu *v);
/* A page of stubs that make hypercalls by the vendor's instruction. */
void hvm_fill_hypercall_page(void *page);

#endif
