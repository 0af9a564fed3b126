/* SPDX-License-Identifier: MIT */
/* VMCS fields, control bits, exit reasons and capability MSRs of VT-x: SDM Vol. 3 chapter 24 and appendices A
 * to C. */
#ifndef HV_HVM_VMCS_H
#define HV_HVM_VMCS_H

#include "hv/lib/bug.h"
#include "hv/lib/types.h"

enum vmcs_field {
    VMCS_VPID = 0x0000,
    VMCS_GUEST_ES_SELECTOR = 0x0800, /* CS SS DS FS GS LDTR TR follow, 2 apart */
    VMCS_GUEST_LDTR_SELECTOR = 0x080c,
    VMCS_GUEST_TR_SELECTOR = 0x080e,
    VMCS_GUEST_INTERRUPT_STATUS = 0x0810,
    VMCS_HOST_ES_SELECTOR = 0x0c00,
    VMCS_HOST_CS_SELECTOR = 0x0c02,
    VMCS_HOST_SS_SELECTOR = 0x0c04,
    VMCS_HOST_DS_SELECTOR = 0x0c06,
    VMCS_HOST_FS_SELECTOR = 0x0c08,
    VMCS_HOST_GS_SELECTOR = 0x0c0a,
    VMCS_HOST_TR_SELECTOR = 0x0c0c,
    VMCS_MSR_BITMAP = 0x2004,
    VMCS_ENTRY_MSR_LOAD_ADDRESS = 0x200a,
    VMCS_TSC_OFFSET = 0x2010,
    VMCS_VIRTUAL_APIC_PAGE = 0x2012,
    VMCS_APIC_ACCESS_PAGE = 0x2014,
    VMCS_EPT_POINTER = 0x201a,
    VMCS_EOI_EXIT_BITMAP = 0x201c, /* four of 64 bits, 2 apart */
    VMCS_XSS_EXIT_BITMAP = 0x202c,
    VMCS_GUEST_PHYSICAL_ADDRESS = 0x2400,
    VMCS_LINK_POINTER = 0x2800,
    VMCS_GUEST_DEBUGCTL = 0x2802,
    VMCS_GUEST_PAT = 0x2804,
    VMCS_GUEST_EFER = 0x2806,
    VMCS_GUEST_PDPTE = 0x280a, /* four, 2 apart */
    VMCS_HOST_PAT = 0x2c00,
    VMCS_HOST_EFER = 0x2c02,
    VMCS_PIN_CONTROLS = 0x4000,
    VMCS_PROC_CONTROLS = 0x4002,
    VMCS_EXCEPTION_BITMAP = 0x4004,
    VMCS_CR3_TARGET_COUNT = 0x400a,
    VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_MSR_STORE_COUNT = 0x400e,
    VMCS_EXIT_MSR_LOAD_COUNT = 0x4010,
    VMCS_ENTRY_CONTROLS = 0x4012,
    VMCS_ENTRY_MSR_LOAD_COUNT = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016,
    VMCS_ENTRY_ERROR_CODE = 0x4018,
    VMCS_ENTRY_INSN_BYTES = 0x401a,
    VMCS_TPR_THRESHOLD = 0x401c,
    VMCS_PROC_CONTROLS_2 = 0x401e,
    VMCS_INSTRUCTION_ERROR = 0x4400,
    VMCS_EXIT_REASON = 0x4402,
    VMCS_EXIT_EVENT = 0x4404,
    VMCS_EXIT_ERROR_CODE = 0x4406,
    VMCS_VECTORING_EVENT = 0x4408,
    VMCS_VECTORING_ERROR_CODE = 0x440a,
    VMCS_EXIT_INSN_BYTES = 0x440c,
    VMCS_GUEST_ES_LIMIT = 0x4800, /* CS SS DS FS GS LDTR TR GDTR IDTR follow */
    VMCS_GUEST_GDTR_LIMIT = 0x4810,
    VMCS_GUEST_IDTR_LIMIT = 0x4812,
    VMCS_GUEST_ES_ATTR = 0x4814, /* CS SS DS FS GS LDTR TR follow */
    VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
    VMCS_GUEST_ACTIVITY = 0x4826,
    VMCS_GUEST_SYSENTER_CS = 0x482a,
    VMCS_PREEMPTION_TIMER = 0x482e,
    VMCS_HOST_SYSENTER_CS = 0x4c00,
    VMCS_CR0_MASK = 0x6000,
    VMCS_CR4_MASK = 0x6002,
    VMCS_CR0_SHADOW = 0x6004,
    VMCS_CR4_SHADOW = 0x6006,
    VMCS_EXIT_QUALIFICATION = 0x6400,
    VMCS_GUEST_LINEAR_ADDRESS = 0x640a,
    VMCS_GUEST_CR0 = 0x6800,
    VMCS_GUEST_CR3 = 0x6802,
    VMCS_GUEST_CR4 = 0x6804,
    VMCS_GUEST_ES_BASE = 0x6806, /* CS SS DS FS GS LDTR TR GDTR IDTR follow */
    VMCS_GUEST_FS_BASE = 0x680e,
    VMCS_GUEST_GS_BASE = 0x6810,
    VMCS_GUEST_GDTR_BASE = 0x6816,
    VMCS_GUEST_IDTR_BASE = 0x6818,
    VMCS_GUEST_DR7 = 0x681a,
    VMCS_GUEST_RSP = 0x681c,
    VMCS_GUEST_RIP = 0x681e,
    VMCS_GUEST_RFLAGS = 0x6820,
    VMCS_GUEST_PENDING_DEBUG = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,
    VMCS_HOST_CR0 = 0x6c00,
    VMCS_HOST_CR3 = 0x6c02,
    VMCS_HOST_CR4 = 0x6c04,
    VMCS_HOST_FS_BASE = 0x6c06,
    VMCS_HOST_GS_BASE = 0x6c08,
    VMCS_HOST_TR_BASE = 0x6c0a,
    VMCS_HOST_GDTR_BASE = 0x6c0c,
    VMCS_HOST_IDTR_BASE = 0x6c0e,
    VMCS_HOST_SYSENTER_ESP = 0x6c10,
    VMCS_HOST_SYSENTER_EIP = 0x6c12,
    VMCS_HOST_RSP = 0x6c14,
    VMCS_HOST_RIP = 0x6c16,
};

/* Capability MSRs; of the controls, low half: bits that must be 1, high half: bits that may be. */
#define MSR_VMX_BASIC         0x480U
#define MSR_VMX_MISC          0x485U /* bits 0-4: the preemption timer counts each 2^n TSC ticks */
#define MSR_VMX_PROC_2        0x48bU
#define MSR_VMX_CR0_FIXED0    0x486U /* bits that must be 1; FIXED1: that may be */
#define MSR_VMX_CR0_FIXED1    0x487U
#define MSR_VMX_CR4_FIXED0    0x488U
#define MSR_VMX_CR4_FIXED1    0x489U
#define MSR_VMX_EPT_VPID      0x48cU
#define MSR_VMX_TRUE_PIN      0x48dU
#define MSR_VMX_TRUE_PROC     0x48eU
#define MSR_VMX_TRUE_EXIT     0x48fU
#define MSR_VMX_TRUE_ENTRY    0x490U
#define VMX_BASIC_TRUE        BIT(55) /* the MSRs of "true" controls are there */
#define VMX_BASIC_WB(basic)   (((basic) >> 50 & 15) == 6)
#define FEATURE_CONTROL_LOCK  BIT(0)
#define FEATURE_CONTROL_VMXON BIT(2)

#define PIN_EXTERNAL_INTERRUPT BIT(0)
#define PIN_NMI                BIT(3)
#define PIN_VIRTUAL_NMI        BIT(5)
#define PIN_PREEMPTION_TIMER   BIT(6)

#define PROC_INTERRUPT_WINDOW BIT(2)
#define PROC_TSC_OFFSET       BIT(3)
#define PROC_HLT              BIT(7)
#define PROC_MWAIT            BIT(10)
#define PROC_RDPMC            BIT(11)
#define PROC_CR3_LOAD         BIT(15)
#define PROC_CR3_STORE        BIT(16)
#define PROC_CR8_LOAD         BIT(19)
#define PROC_CR8_STORE        BIT(20)
#define PROC_TPR_SHADOW       BIT(21)
#define PROC_NMI_WINDOW       BIT(22)
#define PROC_MOV_DR           BIT(23)
#define PROC_IO               BIT(24)
#define PROC_MSR_BITMAP       BIT(28)
#define PROC_MONITOR          BIT(29)
#define PROC_SECONDARY        BIT(31)

#define PROC2_APIC_ACCESS       BIT(0)
#define PROC2_EPT               BIT(1)
#define PROC2_RDTSCP            BIT(3)
#define PROC2_X2APIC            BIT(4)
#define PROC2_VPID              BIT(5)
#define PROC2_WBINVD            BIT(6)
#define PROC2_UNRESTRICTED      BIT(7)
#define PROC2_APIC_REGISTERS    BIT(8)
#define PROC2_VIRTUAL_INTERRUPT BIT(9)
#define PROC2_INVPCID           BIT(12)
#define PROC2_XSAVES            BIT(20)

/* Controls for a guest's x2APIC, and for its xAPIC. The latter leaves APIC-register virtualization out: it
 * would overwrite registers whose former value counts (timer mode, divider, id) before anyone looks. */
#define PROC2_X2APIC_MODE (PROC2_X2APIC | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT)
#define PROC2_XAPIC_MODE  (PROC2_APIC_ACCESS | PROC2_VIRTUAL_INTERRUPT)

/* Qualification of exits for accesses to an xAPIC (SDM Vol. 3 §28.2.1). */
#define APIC_ACCESS_OFFSET(q) ((uint32_t)(q)&0xfff)
#define APIC_ACCESS_TYPE(q)   ((q) >> 12 & 15)
#define APIC_ACCESS_WRITE     1
#define APIC_ACCESS_FETCH     2

#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64BIT BIT(9)
#define EXIT_LOAD_PAT   BIT(19)
#define EXIT_SAVE_EFER  BIT(20)
#define EXIT_LOAD_EFER  BIT(21)

#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_LONG_MODE  BIT(9)
#define ENTRY_LOAD_PAT   BIT(14)
#define ENTRY_LOAD_EFER  BIT(15)

#define EPT_CAP_WALK_4        BIT(6)
#define EPT_CAP_WB            BIT(14)
#define EPT_CAP_2M            BIT(16)
#define EPT_CAP_1G            BIT(17)
#define EPT_CAP_INVEPT        BIT(20)
#define EPT_CAP_ACCESSED      BIT(21)
#define EPT_CAP_INVEPT_SINGLE BIT(25)
#define EPT_CAP_INVEPT_ALL    BIT(26)
#define EPTP_WB               6ULL
#define EPTP_WALK_4           (3ULL << 3)

/* Events: vector 0-7, type 8-10 (enum hvm_event_type), then: */
#define VMX_EVENT_TYPE_SHIFT         8
#define VMX_EVENT_PRIVILEGED         5U /* icebp */
#define VMX_EVENT_SOFTWARE_EXCEPTION 6U /* int3, into */
#define VMX_EVENT_ERROR_CODE         BIT(11)
#define VMX_EVENT_NMI_UNBLOCKED      BIT(12) /* of an exit: an iret had ended the blocking of NMIs */
#define VMX_EVENT_VALID              BIT(31)

#define INTERRUPTIBILITY_STI    BIT(0)
#define INTERRUPTIBILITY_MOV_SS BIT(1)
#define INTERRUPTIBILITY_NMI    BIT(3)

#define VMX_ATTR_UNUSABLE BIT(16)

enum vmx_exit_reason {
    VMX_EXIT_EXCEPTION_NMI = 0,
    VMX_EXIT_EXTERNAL_INTERRUPT = 1,
    VMX_EXIT_TRIPLE_FAULT = 2,
    VMX_EXIT_INIT = 3,
    VMX_EXIT_SIPI = 4,
    VMX_EXIT_INTERRUPT_WINDOW = 7,
    VMX_EXIT_NMI_WINDOW = 8,
    VMX_EXIT_TASK_SWITCH = 9,
    VMX_EXIT_CPUID = 10,
    VMX_EXIT_GETSEC = 11,
    VMX_EXIT_HLT = 12,
    VMX_EXIT_INVD = 13,
    VMX_EXIT_RDPMC = 15,
    VMX_EXIT_VMCALL = 18,
    VMX_EXIT_VMCLEAR = 19, /* to VMXON: the instructions of VT-x itself */
    VMX_EXIT_VMXON = 27,
    VMX_EXIT_CONTROL_REGISTER = 28,
    VMX_EXIT_MOV_DR = 29,
    VMX_EXIT_IO = 30,
    VMX_EXIT_RDMSR = 31,
    VMX_EXIT_WRMSR = 32,
    VMX_EXIT_MWAIT = 36,
    VMX_EXIT_MONITOR = 39,
    VMX_EXIT_ENTRY_MACHINE_CHECK = 41,
    VMX_EXIT_TPR_BELOW_THRESHOLD = 43,
    VMX_EXIT_APIC_ACCESS = 44,
    VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIGURATION = 49,
    VMX_EXIT_INVEPT = 50,
    VMX_EXIT_PREEMPTION_TIMER = 52,
    VMX_EXIT_INVVPID = 53,
    VMX_EXIT_WBINVD = 54,
    VMX_EXIT_XSETBV = 55,
    VMX_EXIT_APIC_WRITE = 56,
};
#define VMX_EXIT_ENTRY_FAILED BIT(31)

/* On the current VMCS. A field that does not exist is our mistake. */
static inline uint64_t vmcs_read(enum vmcs_field field)
{
    uint64_t value;
    bool bad;

    __asm__ volatile("vmread %2, %1" : "=@ccna"(bad), "=rm"(value) : "r"((uint64_t)field));
    ASSERT(!bad);
    return value;
}

static inline void vmcs_write(enum vmcs_field field, uint64_t value)
{
    bool bad;

    __asm__ volatile("vmwrite %1, %2" : "=@ccna"(bad) : "rm"(value), "r"((uint64_t)field));
    ASSERT(!bad);
}

/* Make the VMCS at `pa` current; take it off this CPU. */
static inline void vmcs_load(uint64_t pa)
{
    bool bad;

    __asm__ volatile("vmptrld %1" : "=@ccna"(bad) : "m"(pa) : "memory");
    ASSERT(!bad);
}

static inline void vmcs_clear(uint64_t pa)
{
    bool bad;

    __asm__ volatile("vmclear %1" : "=@ccna"(bad) : "m"(pa) : "memory");
    ASSERT(!bad);
}

#endif
