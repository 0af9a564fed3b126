/* SPDX-License-Identifier: MIT */
/*
 * Guest debug registers. They are loaded only while DR7 enables something. A breakpoint in the hypervisor's
 * range would let a guest raise #DB in ring 0, so addresses there are refused. I/O breakpoints (CR4.DE) are
 * kept out of the real DR7 and served by the port I/O emulation, because a guest's port accesses run in the
 * hypervisor.
 */
#include "hv/pv/debugreg.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/lib/errno.h"
#include "hv/mm/layout.h"

#define DR6_RESERVED_ZERO  BIT(12)
#define DR6_RESERVED_ONE   0xffff0ff0UL
#define DR7_RESERVED_ZERO  0xd800UL
#define DR7_RESERVED_ONE   0x400UL
#define DR7_GENERAL_DETECT BIT(13)
#define DR7_TYPE_SHIFT     16
#define DR7_TYPE_IO        2

static bool breakpoint_address_ok(uint64_t va)
{
    return va < CANONICAL_LOW_END || va >= HV_VIRT_END;
}

static void load_addresses(const struct vcpu *v)
{
    write_dr0(v->pv.dr[0]);
    write_dr1(v->pv.dr[1]);
    write_dr2(v->pv.dr[2]);
    write_dr3(v->pv.dr[3]);
}

static bool active(const struct vcpu *v)
{
    return v->pv.dr7 & DR7_ENABLES;
}

void debugreg_load(const struct vcpu *v)
{
    if (likely(!active(v)))
        return;
    load_addresses(v);
    write_dr6(DR6_DEFAULT);
    write_dr7(v->pv.dr7);
}

void debugreg_unload(const struct vcpu *v)
{
    if (unlikely(active(v)))
        write_dr7(DR7_DEFAULT);
}

/* Enable bits of I/O breakpoints in DR7 `value`; false when there are some and CR4.DE is clear. */
static bool io_enables(const struct vcpu *v, uint64_t value, uint64_t *enables)
{
    *enables = 0;
    for (unsigned int i = 0; i < 4; i++) {
        if (((value >> (DR7_TYPE_SHIFT + 4 * i)) & 3) != DR7_TYPE_IO)
            continue;
        if (!(v->pv.cr4 & CR4_DE))
            return false;
        *enables |= value & (3UL << (2 * i));
    }
    return true;
}

static int set_dr7(struct vcpu *v, uint64_t value)
{
    bool was_active = active(v);
    uint64_t io = 0;

    value = (value & ~DR7_RESERVED_ZERO) | DR7_RESERVED_ONE;
    if (value & DR7_GENERAL_DETECT)
        return -EPERM;
    if ((value & DR7_ENABLES) && !io_enables(v, value, &io))
        return -EPERM;
    v->pv.dr7_io = io;
    v->pv.dr7 = value & ~io;
    if (v != current)
        return 0;
    if (!was_active && active(v)) {
        load_addresses(v);
        write_dr6(DR6_DEFAULT);
    }
    if (was_active || active(v))
        write_dr7(active(v) ? v->pv.dr7 : DR7_DEFAULT);
    return 0;
}

static int set_address(struct vcpu *v, unsigned int reg, uint64_t value)
{
    if (!breakpoint_address_ok(value))
        return -EPERM;
    v->pv.dr[reg] = value;
    if (v == current && active(v))
        load_addresses(v);
    return 0;
}

/* DR4 and DR5 are other names of DR6 and DR7 unless CR4.DE is set. */
static bool canonical_number(const struct vcpu *v, unsigned int *reg)
{
    if (*reg == 4 || *reg == 5) {
        if (v->pv.cr4 & CR4_DE)
            return false;
        *reg += 2;
    }
    return *reg < 8;
}

int debugreg_set(struct vcpu *v, unsigned int reg, uint64_t value)
{
    if (!canonical_number(v, &reg))
        return -ENODEV;
    if (reg < 4)
        return set_address(v, reg, value);
    if (value >> 32)
        return -EINVAL;
    if (reg == 7)
        return set_dr7(v, value);
    v->pv.dr6 = (value & ~DR6_RESERVED_ZERO) | DR6_RESERVED_ONE;
    return 0;
}

int debugreg_get(const struct vcpu *v, unsigned int reg, uint64_t *value)
{
    if (!canonical_number(v, &reg))
        return -ENODEV;
    if (reg == 7)
        *value = v->pv.dr7 | v->pv.dr7_io;
    else
        *value = reg == 6 ? v->pv.dr6 : v->pv.dr[reg];
    return 0;
}
