/* SPDX-License-Identifier: MIT */
/*
 * What CPUID tells a guest. The policy is fixed at boot from the host's leaves, with everything hidden
 * that a PV kernel cannot use; what depends on the vCPU (APIC ids, XSAVE sizes, the hypervisor leaves) is
 * filled in when asked.
 */
#ifndef HV_DOMAIN_CPUID_POLICY_H
#define HV_DOMAIN_CPUID_POLICY_H

#include "hv/lib/types.h"

struct domain;
struct vcpu;

struct cpuid_leaf {
    uint32_t a, b, c, d;
};

#define CPUID_BASIC_LEAVES 14 /* 0..0xd */
#define CPUID_EXT_LEAVES   9  /* 0x80000000..0x80000008 */
#define CPUID_CACHES       6  /* subleaves of 4 */
#define CPUID_FEATURES     2  /* subleaves of 7 */
#define CPUID_XSTATES      10 /* subleaves of 0xd: components 0..9 */

struct cpuid_policy {
    struct cpuid_leaf basic[CPUID_BASIC_LEAVES];
    struct cpuid_leaf ext[CPUID_EXT_LEAVES];
    struct cpuid_leaf caches[CPUID_CACHES];
    struct cpuid_leaf features[CPUID_FEATURES];
    struct cpuid_leaf xstate[CPUID_XSTATES];
    uint64_t xfeatures; /* XCR0 bits that the guest may set */
};

/* The policies that domains start with. */
extern struct cpuid_policy cpuid_policy_pv, cpuid_policy_hvm;

/* Fill them from this CPU; @pre host_cpu_detect(), fpu_init_cpu(). */
void cpuid_policy_init(void);

/* Hide from `p`, filled with host leaves, what a PV guest must not see. Pure. */
void cpuid_policy_restrict(struct cpuid_policy *p, bool amd);
/* The same for a hardware guest. */
void cpuid_policy_restrict_hvm(struct cpuid_policy *p, bool amd);

/* Bytes of a standard XSAVE area for the components in `xcr0`. Pure. */
uint32_t cpuid_policy_xsave_bytes(const struct cpuid_policy *p, uint64_t xcr0);

/*
 * Give d, which has not run yet, a policy of its own, from the heap; the former one is freed if it was d's
 * own. NULL: the common one, as when d is freed.
 */
void cpuid_policy_replace(struct domain *d, const struct cpuid_policy *p);

/* The answer for vCPU v. Leaves outside the policy read as zero. */
void cpuid_policy_query(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_leaf *out);

#endif
