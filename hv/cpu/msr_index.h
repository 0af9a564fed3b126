/* SPDX-License-Identifier: MIT */
/* MSR numbers (SDM Vol. 4; APM Vol. 2 App. A) and the CR4/EFER bits that go with them. */
#ifndef HV_CPU_MSR_INDEX_H
#define HV_CPU_MSR_INDEX_H

#include "hv/lib/types.h"

#define MSR_TSC             0x00000010
#define MSR_APIC_BASE       0x0000001b
#define MSR_FEATURE_CONTROL 0x0000003a
#define MSR_SPEC_CTRL       0x00000048
#define MSR_PRED_CMD        0x00000049
#define MSR_ARCH_CAPS       0x0000010a
#define MSR_FLUSH_CMD       0x0000010b
#define MSR_SYSENTER_CS     0x00000174
#define MSR_SYSENTER_ESP    0x00000175
#define MSR_SYSENTER_EIP    0x00000176
#define MSR_MISC_ENABLE     0x000001a0
#define MSR_PAT             0x00000277
#define MSR_TSC_DEADLINE    0x000006e0
#define MSR_X2APIC_FIRST    0x00000800
#define MSR_X2APIC_LAST     0x000008ff
#define MSR_XSS             0x00000da0
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103

#define EFER_SCE  BIT(0)
#define EFER_LME  BIT(8)
#define EFER_LMA  BIT(10)
#define EFER_NXE  BIT(11)
#define EFER_SVME BIT(12)

#define ARCH_RDCL_NO            BIT(0) /* MSR_ARCH_CAPS: no Meltdown, no L1TF */
#define ARCH_SKIP_L1DFL_VMENTRY BIT(3)
#define FLUSH_CMD_L1D           BIT(0)

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)

/* The PAT that the PV ABI promises: WB WT UC- UC WC WP UC UC (Xen's public documentation of the PV ABI). */
#define PV_PAT 0x050100070406ULL

#endif
