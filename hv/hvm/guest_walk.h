/* SPDX-License-Identifier: MIT */
/*
 * A hardware guest's memory by its own virtual addresses: a walk through its page tables (SDM Vol. 3 ch. 4)
 * and the p2m. Bytes are copied through the direct map; nothing of the guest is ever mapped.
 */
#ifndef HV_HVM_GUEST_WALK_H
#define HV_HVM_GUEST_WALK_H

#include "hv/hvm/hvm.h"

struct guest_fault {
    uint64_t address;
    uint32_t error_code; /* PFEC_*, for hvm_inject_page_fault */
};

/*
 * Translate: `access` is a set of PFEC_WRITE, PFEC_USER and PFEC_INSN. True and *gpa; false and *fault (which
 * may be NULL). Sets accessed and dirty bits as the CPU does. v is current or does not run.
 */
bool guest_walk(struct vcpu *v, uint64_t va, uint32_t access, uint64_t *gpa, struct guest_fault *fault);

/*
 * Copy between the hypervisor and guest virtual memory; `access` tells the direction (PFEC_WRITE: to the
 * guest). False and *fault when a byte is not accessible; a part may have been copied.
 */
bool guest_copy(struct vcpu *v, void *buf, uint64_t va, size_t bytes, uint32_t access,
                struct guest_fault *fault);
/* The same by guest-physical address. */
bool guest_copy_phys(struct domain *d, void *buf, uint64_t gpa, size_t bytes, bool write);

/* Up to `max` bytes of code at rip of the current vCPU; how many there are. */
unsigned int guest_fetch(struct vcpu *v, uint8_t *buf, unsigned int max);

#endif
