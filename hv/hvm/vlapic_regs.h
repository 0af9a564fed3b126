/* SPDX-License-Identifier: MIT */
/*
 * What the files of the virtual local APIC share. Registers go by their offset in the xAPIC's page (SDM Vol.
 * 3 table 10-1); that is MSR 0x800 + offset / 16 in x2APIC mode.
 */
#ifndef HV_HVM_VLAPIC_REGS_H
#define HV_HVM_VLAPIC_REGS_H

#include "hv/hvm/vlapic.h"

#define APIC_ID          0x020U
#define APIC_LVR         0x030U
#define APIC_TPR         0x080U
#define APIC_PPR         0x0a0U
#define APIC_EOI         0x0b0U
#define APIC_LDR         0x0d0U
#define APIC_DFR         0x0e0U
#define APIC_SVR         0x0f0U
#define APIC_ISR         0x100U /* 8 words, 16 bytes apart; TMR and IRR too */
#define APIC_TMR         0x180U
#define APIC_IRR         0x200U
#define APIC_ESR         0x280U
#define APIC_ICR         0x300U
#define APIC_ICR2        0x310U
#define APIC_LVT_TIMER   0x320U
#define APIC_LVT_THERMAL 0x330U
#define APIC_LVT_PERF    0x340U
#define APIC_LVT_LINT0   0x350U
#define APIC_LVT_LINT1   0x360U
#define APIC_LVT_ERROR   0x370U
#define APIC_TMICT       0x380U
#define APIC_TMCCT       0x390U
#define APIC_TDCR        0x3e0U
#define APIC_SELF_IPI    0x3f0U /* x2APIC only */

#define LVR_VALUE 0x00050014U /* integrated APIC, six LVT entries */

#define SVR_ENABLE   0x100U
#define SVR_WRITABLE 0x3ffU

#define LVT_VECTOR     0x000ffU
#define LVT_MODE       0x00700U
#define LVT_STATUS     0x01000U
#define LVT_POLARITY   0x02000U
#define LVT_LEVEL      0x08000U
#define LVT_MASKED     0x10000U
#define LVT_TIMER_MODE 0x60000U

#define TDCR_WRITABLE 0x0bU

#define ICR_LOGICAL  0x00800U
#define ICR_ASSERT   0x04000U
#define ICR_LEVEL    0x08000U
#define ICR_WRITABLE 0xccfffU
/* Destination shorthands, at bit 18. */
#define ICR_TO_DEST 0U
#define ICR_TO_SELF 1U
#define ICR_TO_ALL  2U

#define ESR_SEND_ILLEGAL 0x20U

#define APIC_BASE_BSP    BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

#define VECTOR_FIRST 16 /* those below are illegal in messages */

static inline uint32_t *vlapic_reg(const struct vlapic *a, uint32_t offset)
{
    return &a->regs[offset / 4];
}

static inline bool vlapic_enabled(const struct vlapic *a)
{
    return a->base & APIC_BASE_ENABLE;
}

static inline bool vlapic_x2apic(const struct vlapic *a)
{
    return a->base & APIC_BASE_X2APIC;
}

static inline bool vlapic_software_enabled(const struct vlapic *a)
{
    return vlapic_enabled(a) && (READ_ONCE(*vlapic_reg(a, APIC_SVR)) & SVR_ENABLE);
}

/* Registers as after power-on; the mode stays. */
void vlapic_reset(struct vlapic *a);

/* The priority that a vector's class must be above to be delivered. */
uint32_t vlapic_processor_priority(const struct vlapic *a);

/* hv/hvm/vlapic_timer.c. Writes get the new value, masked, and store it. */
void vlapic_timer_init(struct vlapic *a);
void vlapic_timer_reset(struct vlapic *a);
void vlapic_timer_write_lvt(struct vlapic *a, uint32_t value);
void vlapic_timer_write_divider(struct vlapic *a, uint32_t value);
void vlapic_timer_write_initial(struct vlapic *a, uint32_t value);
uint32_t vlapic_timer_current(const struct vlapic *a);
void vlapic_timer_set_deadline(struct vlapic *a, uint64_t guest_tsc);

/* hv/hvm/vlapic_ipi.c: a write of the interrupt command register; `dest` as wide as the mode has it. False:
 * an illegal vector. */
bool vlapic_send_ipi(struct vlapic *from, uint32_t icr, uint32_t dest);
void vlapic_startup_init(struct vlapic *a);

#endif
