/* SPDX-License-Identifier: MIT */
/*
 * Interprocessor interrupts of virtual local APICs (SDM Vol. 3 §10.6), and the startup protocol: INIT and
 * SIPI only leave word with the target, which acts on it itself before it next enters the guest, so that
 * nobody changes the registers of a vCPU that may be running.
 */
#include "hv/domain/domain.h"
#include "hv/domain/runstate.h"
#include "hv/hvm/hvm.h"
#include "hv/hvm/vlapic_regs.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/sched/sched.h"

enum delivery_mode { DM_FIXED, DM_LOWEST, DM_SMI, DM_RESERVED, DM_NMI, DM_INIT, DM_STARTUP };

void vlapic_startup_init(struct vlapic *a)
{
    a->startup = a->vcpu->id ? VLAPIC_WAIT_SIPI : VLAPIC_RUN;
}

static void send_init(struct vlapic *a)
{
    byte_lock(&a->startup_lock);
    if (a->startup != VLAPIC_WAIT_SIPI) {
        WRITE_ONCE(a->startup, VLAPIC_INIT);
        a->sipi_after_init = false;
    }
    byte_unlock(&a->startup_lock);
    vcpu_kick(a->vcpu);
}

/* Only the first SIPI after an INIT counts. */
static void send_sipi(struct vlapic *a, uint8_t vector)
{
    bool taken = false;

    byte_lock(&a->startup_lock);
    if (a->startup == VLAPIC_WAIT_SIPI) {
        a->sipi_vector = vector;
        WRITE_ONCE(a->startup, VLAPIC_SIPI);
        taken = true;
    } else if (a->startup == VLAPIC_INIT && !a->sipi_after_init) {
        a->sipi_vector = vector;
        a->sipi_after_init = taken = true;
    }
    byte_unlock(&a->startup_lock);
    if (taken)
        vcpu_clear_pause_flags(a->vcpu, VPF_DOWN);
}

enum vlapic_startup vlapic_take_startup(struct vlapic *a, uint8_t *vector)
{
    enum vlapic_startup s;

    if (READ_ONCE(a->startup) == VLAPIC_INIT)
        vlapic_reset(a);
    byte_lock(&a->startup_lock);
    s = (enum vlapic_startup)a->startup;
    if (s == VLAPIC_INIT && !a->sipi_after_init) {
        /* Under the lock, so that a SIPI finds the flag set that it clears. */
        atomic_or(&a->vcpu->pause_flags, VPF_DOWN);
        WRITE_ONCE(a->startup, VLAPIC_WAIT_SIPI);
    } else if (s == VLAPIC_INIT || s == VLAPIC_SIPI) {
        *vector = a->sipi_vector;
        WRITE_ONCE(a->startup, VLAPIC_RUN);
        s = VLAPIC_SIPI;
    }
    byte_unlock(&a->startup_lock);
    return s;
}

void vlapic_started(struct vlapic *a)
{
    byte_lock(&a->startup_lock);
    WRITE_ONCE(a->startup, VLAPIC_RUN);
    byte_unlock(&a->startup_lock);
}

static bool logical_match(const struct vlapic *a, uint32_t dest)
{
    uint32_t ldr = READ_ONCE(*vlapic_reg(a, APIC_LDR));

    if (vlapic_x2apic(a))
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    ldr >>= 24;
    if (READ_ONCE(*vlapic_reg(a, APIC_DFR)) >> 28 == 0xf)
        return ldr & dest & 0xff;
    return ldr >> 4 == (dest >> 4 & 15) && (ldr & dest & 15);
}

static bool matches(const struct vlapic *a, uint32_t dest, bool logical, uint32_t broadcast)
{
    if (!vlapic_enabled(a))
        return false;
    return dest == broadcast || (logical ? logical_match(a, dest) : pvh_apic_id(a->vcpu->id) == dest);
}

/* One message to one APIC. */
static void deliver(struct vlapic *a, uint32_t icr)
{
    switch (icr >> 8 & 7) {
    case DM_FIXED:
    case DM_LOWEST:
        vlapic_raise(a, icr & 0xff);
        break;
    case DM_NMI:
        vcpu_send_nmi(a->vcpu);
        break;
    case DM_INIT:
        send_init(a);
        break;
    case DM_STARTUP:
        send_sipi(a, icr & 0xff);
        break;
    default: /* SMIs and reserved modes go nowhere */
        break;
    }
}

/* Of the APICs that match, the one with the lowest priority. */
static void deliver_lowest(const struct domain *d, uint32_t icr, uint32_t dest, uint32_t broadcast)
{
    struct vlapic *best = NULL;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        struct vlapic *a = vcpu_vlapic(v);

        if (matches(a, dest, icr & ICR_LOGICAL, broadcast) && vlapic_software_enabled(a) &&
            (!best || vlapic_processor_priority(a) < vlapic_processor_priority(best)))
            best = a;
    }
    if (best)
        deliver(best, icr);
}

static void send_to_dest(struct vlapic *from, uint32_t icr, uint32_t dest)
{
    const struct domain *d = from->vcpu->domain;
    uint32_t broadcast = vlapic_x2apic(from) ? 0xffffffff : 0xff, id = dest / 2;
    struct vcpu *v;

    if ((icr >> 8 & 7) == DM_LOWEST) {
        deliver_lowest(d, icr, dest, broadcast);
        return;
    }
    if (!(icr & ICR_LOGICAL) && dest != broadcast) {
        v = domain_vcpu(d, id);
        if (v && matches(vcpu_vlapic(v), dest, false, broadcast))
            deliver(vcpu_vlapic(v), icr);
        return;
    }
    for_each_vcpu (d, v)
        if (matches(vcpu_vlapic(v), dest, icr & ICR_LOGICAL, broadcast))
            deliver(vcpu_vlapic(v), icr);
}

bool vlapic_send_ipi(struct vlapic *from, uint32_t icr, uint32_t dest)
{
    uint32_t mode = icr >> 8 & 7, shorthand = icr >> 18 & 3;
    struct vcpu *v;

    if (mode <= DM_LOWEST && (icr & 0xff) < VECTOR_FIRST)
        return false;
    if (mode == DM_INIT && !(icr & ICR_ASSERT) && (icr & ICR_LEVEL))
        return true; /* INIT level de-assert: nothing since the Pentium 4 */
    switch (shorthand) {
    case ICR_TO_DEST:
        send_to_dest(from, icr, dest);
        break;
    case ICR_TO_SELF:
        if (mode == DM_FIXED)
            deliver(from, icr);
        break;
    default:
        for_each_vcpu (from->vcpu->domain, v)
            if (v != from->vcpu || (shorthand == ICR_TO_ALL && mode <= DM_LOWEST))
                deliver(vcpu_vlapic(v), icr);
        break;
    }
    return true;
}
