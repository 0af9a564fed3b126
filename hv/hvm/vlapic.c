/* SPDX-License-Identifier: MIT */
/*
 * See vlapic.h. Register layout and rules: SDM Vol. 3 §10.4 to §10.12. There is nothing behind LINT0 and
 * LINT1, and no I/O APIC: interrupts are the timer's, the error's, IPIs and event upcalls, all
 * edge-triggered.
 */
#include "hv/hvm/vlapic.h"
#include "hv/cpu/msr_index.h"
#include "hv/domain/domain.h"
#include "hv/hvm/vlapic_regs.h"
#include "hv/lib/bitops.h"
#include "hv/lib/errno.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/string.h"
#include "hv/sched/sched.h"

/* The eight words of IRR, ISR or TMR stand 16 bytes apart. */
static inline uint32_t *vector_word(const struct vlapic *a, uint32_t array, uint8_t vector)
{
    return vlapic_reg(a, array + vector / 32 * 16);
}

static int highest(const struct vlapic *a, uint32_t array)
{
    for (int word = 7; word >= 0; word--) {
        uint32_t bits = READ_ONCE(*vlapic_reg(a, array + (uint32_t)word * 16));

        if (bits)
            return word * 32 + (int)bit_highest(bits);
    }
    return -1;
}

int vlapic_highest_irr(const struct vlapic *a)
{
    return highest(a, APIC_IRR);
}

int vlapic_highest_isr(const struct vlapic *a)
{
    return highest(a, APIC_ISR);
}

uint32_t vlapic_processor_priority(const struct vlapic *a)
{
    uint32_t tpr = *vlapic_reg(a, APIC_TPR);
    int isr = vlapic_highest_isr(a);
    uint32_t in_service = isr < 0 ? 0 : (uint32_t)isr & 0xf0;

    return (tpr & 0xf0) >= in_service ? tpr : in_service;
}

int vlapic_pending(const struct vlapic *a)
{
    int irr = vlapic_highest_irr(a);

    if (irr < 0 || !vlapic_enabled(a) || ((uint32_t)irr & 0xf0) <= (vlapic_processor_priority(a) & 0xf0))
        return -1;
    return irr;
}

void vlapic_accept(struct vlapic *a, uint8_t vector)
{
    atomic_and(vector_word(a, APIC_IRR, vector), ~(1U << vector % 32));
    *vector_word(a, APIC_ISR, vector) |= 1U << vector % 32;
}

void vlapic_eoi(struct vlapic *a)
{
    int isr = vlapic_highest_isr(a);

    if (isr >= 0)
        *vector_word(a, APIC_ISR, (uint8_t)isr) &= ~(1U << isr % 32);
}

bool vlapic_raise(struct vlapic *a, uint8_t vector)
{
    uint32_t bit = 1U << vector % 32;
    uint32_t *word = READ_ONCE(a->hardware) ? &a->posted[vector / 32] : vector_word(a, APIC_IRR, vector);

    if (!vlapic_software_enabled(a))
        return false;
    if (!(atomic_fetch_or(word, bit) & bit))
        vcpu_kick(a->vcpu);
    return true;
}

void vlapic_take_posted(struct vlapic *a)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(a->posted); i++)
        if (READ_ONCE(a->posted[i]))
            atomic_or(vlapic_reg(a, APIC_IRR + 16 * i), atomic_xchg(&a->posted[i], 0U));
}

/* Who saw the former value posts there: what comes late to `posted` is moved all the same. */
void vlapic_set_hardware(struct vlapic *a, bool on)
{
    WRITE_ONCE(a->hardware, on);
    vlapic_take_posted(a);
}

bool vlapic_in_x2apic_mode(const struct vlapic *a)
{
    return vlapic_enabled(a) && vlapic_x2apic(a);
}

/* The vCPU made an error. */
static void set_error(struct vlapic *a, uint32_t bit)
{
    uint32_t lvt = *vlapic_reg(a, APIC_LVT_ERROR);

    if (atomic_fetch_or(&a->errors, bit) & bit)
        return;
    if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= VECTOR_FIRST)
        vlapic_raise(a, lvt & LVT_VECTOR);
}

void vlapic_reset(struct vlapic *a)
{
    uint32_t id = pvh_apic_id(a->vcpu->id);

    vlapic_timer_reset(a);
    a->errors = 0;
    memset(a->regs, 0, PAGE_SIZE);
    memset(a->posted, 0, sizeof(a->posted));
    *vlapic_reg(a, APIC_ID) = vlapic_x2apic(a) ? id : id << 24;
    *vlapic_reg(a, APIC_LVR) = LVR_VALUE;
    *vlapic_reg(a, APIC_DFR) = 0xffffffff;
    *vlapic_reg(a, APIC_SVR) = 0xff;
    if (vlapic_x2apic(a))
        *vlapic_reg(a, APIC_LDR) = (id >> 4) << 16 | 1U << (id & 15);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
        *vlapic_reg(a, lvt) = LVT_MASKED;
}

int vlapic_init(struct vlapic *a, struct vcpu *v)
{
    a->vcpu = v;
    a->regs = hv_alloc_pages(0, ALLOC_ZERO);
    if (!a->regs)
        return -ENOMEM;
    vlapic_timer_init(a);
    a->base = VLAPIC_PAGE_ADDRESS | APIC_BASE_ENABLE | (v->id ? 0 : APIC_BASE_BSP);
    vlapic_startup_init(a);
    vlapic_reset(a);
    return 0;
}

void vlapic_free(struct vlapic *a)
{
    if (!a->regs)
        return;
    timer_kill(&a->timer);
    hv_free_pages(a->regs, 0);
    a->regs = NULL;
}

/* Registers */

/* Bits of each LVT entry that can be written. */
static uint32_t lvt_mask(uint32_t offset)
{
    switch (offset) {
    case APIC_LVT_TIMER:
        return LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE;
    case APIC_LVT_THERMAL:
    case APIC_LVT_PERF:
        return LVT_VECTOR | LVT_MASKED | LVT_MODE;
    case APIC_LVT_LINT0:
    case APIC_LVT_LINT1:
        return LVT_VECTOR | LVT_MASKED | LVT_MODE | LVT_POLARITY | LVT_LEVEL;
    default:
        return LVT_VECTOR | LVT_MASKED;
    }
}

static void write_lvt(struct vlapic *a, uint32_t offset, uint32_t value)
{
    value &= lvt_mask(offset);
    if (!vlapic_software_enabled(a))
        value |= LVT_MASKED;
    if (offset == APIC_LVT_TIMER)
        vlapic_timer_write_lvt(a, value);
    else
        WRITE_ONCE(*vlapic_reg(a, offset), value);
}

static void write_svr(struct vlapic *a, uint32_t value)
{
    WRITE_ONCE(*vlapic_reg(a, APIC_SVR), value & SVR_WRITABLE);
    if (value & SVR_ENABLE)
        return;
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
        *vlapic_reg(a, lvt) |= LVT_MASKED;
}

static void send_ipi(struct vlapic *a, uint32_t icr)
{
    uint32_t dest = *vlapic_reg(a, APIC_ICR2);

    if (!vlapic_send_ipi(a, icr, vlapic_x2apic(a) ? dest : dest >> 24))
        set_error(a, ESR_SEND_ILLEGAL);
}

/* A write that both ways in have in common; read-only registers ignore it. */
static void write_reg(struct vlapic *a, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case APIC_TPR:
        *vlapic_reg(a, APIC_TPR) = value & 0xff;
        break;
    case APIC_EOI:
        vlapic_eoi(a);
        break;
    case APIC_LDR:
        WRITE_ONCE(*vlapic_reg(a, APIC_LDR), value & 0xff000000);
        break;
    case APIC_DFR:
        WRITE_ONCE(*vlapic_reg(a, APIC_DFR), value | 0x0fffffff);
        break;
    case APIC_SVR:
        write_svr(a, value);
        break;
    case APIC_ESR:
        *vlapic_reg(a, APIC_ESR) = atomic_xchg(&a->errors, 0U);
        break;
    case APIC_ICR:
        *vlapic_reg(a, APIC_ICR) = value & ICR_WRITABLE;
        send_ipi(a, value & ICR_WRITABLE);
        break;
    case APIC_ICR2:
        *vlapic_reg(a, APIC_ICR2) = value & 0xff000000;
        break;
    case APIC_LVT_TIMER:
    case APIC_LVT_THERMAL:
    case APIC_LVT_PERF:
    case APIC_LVT_LINT0:
    case APIC_LVT_LINT1:
    case APIC_LVT_ERROR:
        write_lvt(a, offset, value);
        break;
    case APIC_TMICT:
        vlapic_timer_write_initial(a, value);
        break;
    case APIC_TDCR:
        vlapic_timer_write_divider(a, value & TDCR_WRITABLE);
        break;
    default:
        break;
    }
}

static uint32_t read_reg(const struct vlapic *a, uint32_t offset)
{
    switch (offset) {
    case APIC_PPR:
        return vlapic_processor_priority(a);
    case APIC_TMCCT:
        return vlapic_timer_current(a);
    case APIC_EOI:
        return 0;
    default:
        return READ_ONCE(*vlapic_reg(a, offset));
    }
}

bool vlapic_mmio_enabled(const struct vlapic *a)
{
    return vlapic_enabled(a) && !vlapic_x2apic(a);
}

uint64_t vlapic_mmio_read(struct vlapic *a, uint32_t offset, unsigned int bytes)
{
    uint32_t byte = offset & 15;
    uint64_t value;

    if (offset >= PAGE_SIZE || byte >= 4)
        return 0; /* between the registers */
    value = (uint64_t)read_reg(a, offset & ~15U) >> (8 * byte);
    return bytes >= 8 ? value : value & ((1ULL << (8 * bytes)) - 1);
}

void vlapic_mmio_write(struct vlapic *a, uint32_t offset, unsigned int bytes, uint64_t value)
{
    if (offset < PAGE_SIZE && (offset & 15) == 0 && bytes >= 4)
        write_reg(a, offset, (uint32_t)value);
}

uint8_t vlapic_cr8(const struct vlapic *a)
{
    return (uint8_t)(*vlapic_reg(a, APIC_TPR) >> 4 & 15);
}

void vlapic_set_cr8(struct vlapic *a, uint8_t cr8)
{
    *vlapic_reg(a, APIC_TPR) = (uint32_t)(cr8 & 15) << 4;
}

/* MSRs */

bool vlapic_is_msr(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
           (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

/* What x2APIC mode has of the registers (SDM Vol. 3 table 10-6): readable, writable, and the bits that must
 * be 0 in a write. */
static bool x2apic_readable(uint32_t offset)
{
    switch (offset) {
    case APIC_ID:
    case APIC_LVR:
    case APIC_TPR:
    case APIC_PPR:
    case APIC_LDR:
    case APIC_SVR:
    case APIC_ESR:
    case APIC_ICR:
    case APIC_TMICT:
    case APIC_TMCCT:
    case APIC_TDCR:
        return true;
    default:
        return (offset >= APIC_ISR && offset < APIC_ESR) ||
               (offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR);
    }
}

static bool x2apic_write_ok(uint32_t offset, uint64_t value)
{
    switch (offset) {
    case APIC_TPR:
    case APIC_SELF_IPI:
        return value <= 0xff;
    case APIC_EOI:
    case APIC_ESR:
        return value == 0;
    case APIC_SVR:
        return !(value & ~(uint64_t)SVR_WRITABLE);
    case APIC_TMICT:
        return value <= 0xffffffff;
    case APIC_TDCR:
        return !(value & ~(uint64_t)TDCR_WRITABLE);
    case APIC_ICR:
        return !((uint32_t)value & ~ICR_WRITABLE);
    default:
        return offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR &&
               !(value & ~(uint64_t)(lvt_mask(offset) | LVT_STATUS));
    }
}

static bool write_x2apic(struct vlapic *a, uint32_t offset, uint64_t value)
{
    if (!vlapic_x2apic(a) || !x2apic_write_ok(offset, value))
        return false;
    if (offset == APIC_ICR)
        *vlapic_reg(a, APIC_ICR2) = (uint32_t)(value >> 32);
    if (offset == APIC_SELF_IPI)
        send_ipi(a, ICR_TO_SELF << 18 | (uint32_t)value);
    else
        write_reg(a, offset, (uint32_t)value);
    return true;
}

static bool read_x2apic(const struct vlapic *a, uint32_t offset, uint64_t *value)
{
    if (!vlapic_x2apic(a) || !x2apic_readable(offset))
        return false;
    *value = read_reg(a, offset);
    if (offset == APIC_ICR)
        *value |= (uint64_t)*vlapic_reg(a, APIC_ICR2) << 32;
    return true;
}

/* Disabled -> xAPIC -> x2APIC -> disabled; the other transitions fault (SDM Vol. 3 §10.12.5). */
static bool write_base(struct vlapic *a, uint64_t value)
{
    const uint64_t mode = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
    uint64_t old = a->base & mode, now = value & mode;

    if ((value & ~(mode | APIC_BASE_BSP)) != VLAPIC_PAGE_ADDRESS || now == APIC_BASE_X2APIC ||
        (old == mode && now == APIC_BASE_ENABLE) || (!old && now == mode))
        return false;
    a->base = (a->base & ~mode) | now;
    if (now == mode && old != mode) {
        uint32_t id = pvh_apic_id(a->vcpu->id);

        *vlapic_reg(a, APIC_ID) = id;
        *vlapic_reg(a, APIC_LDR) = (id >> 4) << 16 | 1U << (id & 15);
        *vlapic_reg(a, APIC_ICR2) = 0;
    } else if (!now && old) {
        vlapic_reset(a);
    }
    return true;
}

bool vlapic_rdmsr(struct vlapic *a, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_APIC_BASE:
        *value = a->base;
        return true;
    case MSR_TSC_DEADLINE:
        *value = a->tsc_deadline;
        return true;
    default:
        return read_x2apic(a, (msr - MSR_X2APIC_FIRST) << 4, value);
    }
}

bool vlapic_wrmsr(struct vlapic *a, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_APIC_BASE:
        return write_base(a, value);
    case MSR_TSC_DEADLINE:
        vlapic_timer_set_deadline(a, value);
        return true;
    default:
        return write_x2apic(a, (msr - MSR_X2APIC_FIRST) << 4, value);
    }
}
