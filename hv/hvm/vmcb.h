/* SPDX-License-Identifier: MIT */
/* The virtual machine control block of AMD SVM. APM Vol. 2 Appendix B (layout) and C (exit codes). */
#ifndef HV_HVM_VMCB_H
#define HV_HVM_VMCB_H

#include "hv/hvm/hvm.h"

struct vmcb {
    /* Control area. */
    uint32_t intercept_cr, intercept_dr; /* reads in the low half, writes in the high one */
    uint32_t intercept_exceptions;
    uint32_t intercept_1; /* VMCB_I1_* */
    uint32_t intercept_2; /* VMCB_I2_* */
    uint8_t reserved_014[0x40 - 0x14];
    uint64_t iopm_pa, msrpm_pa;
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control; /* VMCB_TLB_* */
    uint8_t reserved_05d[3];
    uint64_t int_ctl; /* VMCB_INT_* */
    uint64_t int_state;
    uint64_t exit_code, exit_info1, exit_info2;
    uint64_t exit_int_info;
    uint64_t np_enable;
    uint8_t reserved_098[0xa8 - 0x98];
    uint64_t event_inj;
    uint64_t n_cr3;
    uint64_t lbr_control;
    uint32_t clean; /* VMCB_CLEAN_* */
    uint32_t reserved_0c4;
    uint64_t next_rip;
    uint8_t fetched;
    uint8_t insn[15];
    uint8_t reserved_0e0[0x400 - 0xe0];

    /* State save area. */
    struct hvm_segment segment[HVM_SEGMENTS];
    uint8_t reserved_4a0[0x4cb - 0x4a0];
    uint8_t cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved_5e0[0x5f8 - 0x5e0];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t g_pat;
    uint8_t reserved_670[0x1000 - 0x670];
};
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "the VMCB is a page");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70 && offsetof(struct vmcb, event_inj) == 0xa8 &&
                   offsetof(struct vmcb, next_rip) == 0xc8,
               "control area");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb && offsetof(struct vmcb, efer) == 0x4d0 &&
                   offsetof(struct vmcb, cr4) == 0x548 && offsetof(struct vmcb, rsp) == 0x5d8 &&
                   offsetof(struct vmcb, rax) == 0x5f8 && offsetof(struct vmcb, cr2) == 0x640 &&
                   offsetof(struct vmcb, g_pat) == 0x668,
               "state save area");

#define VMCB_CR_READ(n)  BIT(n)
#define VMCB_CR_WRITE(n) BIT(16 + (n))

#define VMCB_I1_INTR     BIT(0)
#define VMCB_I1_NMI      BIT(1)
#define VMCB_I1_SMI      BIT(2)
#define VMCB_I1_INIT     BIT(3)
#define VMCB_I1_VINTR    BIT(4)
#define VMCB_I1_RDPMC    BIT(15)
#define VMCB_I1_CPUID    BIT(18)
#define VMCB_I1_IRET     BIT(20)
#define VMCB_I1_INVD     BIT(22)
#define VMCB_I1_HLT      BIT(24)
#define VMCB_I1_INVLPGA  BIT(26)
#define VMCB_I1_IO       BIT(27)
#define VMCB_I1_MSR      BIT(28)
#define VMCB_I1_FERR     BIT(30)
#define VMCB_I1_SHUTDOWN BIT(31)

#define VMCB_I2_VMRUN   BIT(0)
#define VMCB_I2_VMMCALL BIT(1)
#define VMCB_I2_VMLOAD  BIT(2)
#define VMCB_I2_VMSAVE  BIT(3)
#define VMCB_I2_STGI    BIT(4)
#define VMCB_I2_CLGI    BIT(5)
#define VMCB_I2_SKINIT  BIT(6)
#define VMCB_I2_WBINVD  BIT(9)
#define VMCB_I2_MONITOR BIT(10)
#define VMCB_I2_MWAIT   BIT(11)
#define VMCB_I2_XSETBV  BIT(13)

#define VMCB_TLB_NONE       0
#define VMCB_TLB_FLUSH_ALL  1
#define VMCB_TLB_FLUSH_ASID 3

#define VMCB_INT_TPR_MASK     0xfULL
#define VMCB_INT_VIRQ         BIT(8)
#define VMCB_INT_PRIO_HIGHEST (0xfULL << 16)
#define VMCB_INT_IGN_TPR      BIT(20)
#define VMCB_INT_MASKING      BIT(24)
#define VMCB_INT_VECTOR_SHIFT 32

#define VMCB_STATE_SHADOW BIT(0)

/* event_inj and exit_int_info */
#define VMCB_EVENT_TYPE_SHIFT 8
#define VMCB_EVENT_ERROR_CODE BIT(11)
#define VMCB_EVENT_VALID      BIT(31)

/* exit_info1 of an I/O exit */
#define VMCB_IO_IN     BIT(0)
#define VMCB_IO_STRING BIT(2)

enum vmcb_exit {
    SVM_CR_READ = 0x00,  /* + register */
    SVM_CR_WRITE = 0x10, /* + register */
    SVM_DR_READ = 0x20,
    SVM_DR_WRITE = 0x30,
    SVM_EXCEPTION = 0x40, /* + vector */
    SVM_INTR = 0x60,
    SVM_NMI = 0x61,
    SVM_SMI = 0x62,
    SVM_INIT = 0x63,
    SVM_VINTR = 0x64,
    SVM_RDPMC = 0x6f,
    SVM_CPUID = 0x72,
    SVM_IRET = 0x74,
    SVM_INVD = 0x76,
    SVM_HLT = 0x78,
    SVM_INVLPGA = 0x7a,
    SVM_IO = 0x7b,
    SVM_MSR = 0x7c,
    SVM_FERR = 0x7e,
    SVM_SHUTDOWN = 0x7f,
    SVM_VMRUN = 0x80,
    SVM_VMMCALL = 0x81,
    SVM_VMLOAD = 0x82,
    SVM_VMSAVE = 0x83,
    SVM_STGI = 0x84,
    SVM_CLGI = 0x85,
    SVM_SKINIT = 0x86,
    SVM_WBINVD = 0x89,
    SVM_MONITOR = 0x8a,
    SVM_MWAIT = 0x8b,
    SVM_MWAIT_COND = 0x8c,
    SVM_XSETBV = 0x8d,
    SVM_NPF = 0x400,
};

#endif
