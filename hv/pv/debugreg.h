/* SPDX-License-Identifier: MIT */
/* Debug registers of PV guests: hypercalls set/get_debugreg and mov to/from DR. SDM Vol. 3 ch. 17.2. */
#ifndef HV_PV_DEBUGREG_H
#define HV_PV_DEBUGREG_H

#include "hv/domain/domain.h"

#define DR6_DEFAULT 0xffff0ff0UL
#define DR7_DEFAULT 0x00000400UL
/* Local and global enable bits of the four breakpoints. */
#define DR7_ENABLES 0x000000ffUL

/* DR6 after hardware reported `hw`: sticky conditions accumulate, RTM (inverted) and reserved bits stay
 * architectural. */
static inline uint64_t debugreg_merge_dr6(uint64_t old, uint64_t hw)
{
    const uint64_t positive = 0xe00f;

    return (old | (hw & positive)) & (DR6_DEFAULT | positive);
}

/*
 * Check and set guest debug register `reg` of v; loads it when v is current. 0; -EPERM: address or DR7 bits
 * refused; -ENODEV: no such register (4 and 5 with CR4.DE).
 */
int debugreg_set(struct vcpu *v, unsigned int reg, uint64_t value);
/* 0, -ENODEV. */
int debugreg_get(const struct vcpu *v, unsigned int reg, uint64_t *value);

/* Schedule in and out. */
void debugreg_load(const struct vcpu *v);
void debugreg_unload(const struct vcpu *v);

#endif
