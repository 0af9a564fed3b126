/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of a hardware guest's vCPU (SDM Vol. 3 chapter 10; APM Vol. 2 chapter 16): registers by MMIO
 * (xAPIC) and MSR (x2APIC), timer, interprocessor interrupts, and what of it is pending. Registers lie in a
 * page in the order of the hardware, so that VT-x can use the same page as virtual-APIC page.
 *
 * Who may do what: IRR bits and startup requests are set from any CPU; everything else is the vCPU's own,
 * touched only on the CPU that runs it, or while it does not run.
 */
#ifndef HV_HVM_VLAPIC_H
#define HV_HVM_VLAPIC_H

#include "hv/cpu/timer.h"
#include "hv/lib/types.h"

struct vcpu;

#define VLAPIC_PAGE_ADDRESS 0xfee00000ULL /* where the xAPIC's page always is: it cannot be moved */

/* What a vCPU is asked to do before it runs next; see vlapic_take_startup(). */
enum vlapic_startup {
    VLAPIC_RUN,
    VLAPIC_INIT,      /* an INIT came: reset */
    VLAPIC_WAIT_SIPI, /* reset, and waits to be started (the vCPU is down) */
    VLAPIC_SIPI,      /* start in real mode at the vector */
};

struct vlapic {
    struct vcpu *vcpu;
    uint32_t *regs; /* one page; register at offset N is regs[N / 4] */
    uint64_t base;  /* IA32_APIC_BASE */

    struct timer timer;
    bool counting;         /* from the initial count, one-shot or periodic */
    uint64_t timer_start;  /* system time at which the count began */
    uint64_t timer_period; /* ns from the initial count to 0 */
    uint64_t tsc_deadline; /* guest TSC, as written; 0 = disarmed */

    uint32_t errors; /* ESR bits since the last write to ESR */

    /*
     * The hardware delivers what is in the IRR, and ends it, by itself (VT-x's virtual-interrupt delivery).
     * It owns the page while the guest runs: requests wait in `posted` until the vCPU moves them.
     */
    bool hardware;
    uint32_t posted[8];

    /* Any CPU, under the lock. */
    uint8_t startup_lock;
    uint8_t startup; /* enum vlapic_startup */
    uint8_t sipi_vector;
    bool sipi_after_init;
};

/* A vCPU's local APIC as after power-on; a vCPU other than 0 waits for its SIPI. 0, -ENOMEM. */
int vlapic_init(struct vlapic *a, struct vcpu *v);
void vlapic_free(struct vlapic *a);

/* MMIO at `offset` in the page. Other than 4 aligned bytes may be read, but not written. */
uint64_t vlapic_mmio_read(struct vlapic *a, uint32_t offset, unsigned int bytes);
void vlapic_mmio_write(struct vlapic *a, uint32_t offset, unsigned int bytes, uint64_t value);
/* Whether the page answers now (enabled, and not in x2APIC mode). */
bool vlapic_mmio_enabled(const struct vlapic *a);

/* MSRs: IA32_APIC_BASE, 0x800 to 0x8ff, IA32_TSC_DEADLINE. False: the guest gets #GP. */
bool vlapic_is_msr(uint32_t msr);
bool vlapic_rdmsr(struct vlapic *a, uint32_t msr, uint64_t *value);
bool vlapic_wrmsr(struct vlapic *a, uint32_t msr, uint64_t value);

/* CR8 and the hardware's shadows of it: 0 to 15. */
uint8_t vlapic_cr8(const struct vlapic *a);
void vlapic_set_cr8(struct vlapic *a, uint8_t cr8);

/* Request an edge interrupt, from any CPU: into the IRR, and the vCPU notices. False: the APIC is disabled.
 */
bool vlapic_raise(struct vlapic *a, uint8_t vector);
/* What may be delivered now: a vector above the processor priority, or -1. Then: it was. */
int vlapic_pending(const struct vlapic *a);
void vlapic_accept(struct vlapic *a, uint8_t vector);
/* Highest requested and in-service vector, or -1, regardless of priority. */
int vlapic_highest_irr(const struct vlapic *a);
int vlapic_highest_isr(const struct vlapic *a);
/* The vCPU's own: let the hardware deliver or not; move what was requested meanwhile to the IRR. */
void vlapic_set_hardware(struct vlapic *a, bool on);
void vlapic_take_posted(struct vlapic *a);
bool vlapic_in_x2apic_mode(const struct vlapic *a);
/* A non-specific end of interrupt. */
void vlapic_eoi(struct vlapic *a);

/* Whether something waits that vlapic_take_startup() is for. One load: for the way into the guest. */
static inline bool vlapic_startup_pending(const struct vlapic *a)
{
    uint8_t s = READ_ONCE(a->startup);

    return s == VLAPIC_INIT || s == VLAPIC_SIPI;
}

/*
 * The vCPU itself, before it enters the guest. VLAPIC_INIT: reset the vCPU's registers (this APIC is
 * already); it is down now and must not run: ask for the scheduler. VLAPIC_SIPI: reset, and start it in real
 * mode at CS = *vector << 8, IP = 0. INIT and SIPI together show as VLAPIC_SIPI.
 */
enum vlapic_startup vlapic_take_startup(struct vlapic *a, uint8_t *vector);
/* The vCPU was given a register state in another way (VCPUOP_initialise, the domain's builder). */
void vlapic_started(struct vlapic *a);

#endif
