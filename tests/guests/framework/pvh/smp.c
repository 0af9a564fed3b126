/* SPDX-License-Identifier: MIT */
/* Secondary vCPUs of a PVH guest start in 64-bit mode. */
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/smp.h"

#include <xen/hvm/hvm_vcpu.h>

extern char smp_entry[];

#define CR0_START  0x80010033ull /* PG, WP, NE, ET, MP, PE */
#define CR4_START  0x620ull      /* PAE, OSFXSR, OSXMMEXCPT */
#define EFER_START 0xd01ull      /* NXE, LMA, LME, SCE */

long smp_initialise(unsigned int id, uint64_t stack)
{
    struct vcpu_hvm_context c = {
        .mode = VCPU_HVM_MODE_64B,
        .cpu_regs.x86_64 = { .rip = (uint64_t)smp_entry,
                             .rsp = stack,
                             .rflags = 2,
                             .cr0 = CR0_START,
                             .cr3 = va_to_maddr(l4_table()),
                             .cr4 = CR4_START,
                             .efer = EFER_START },
    };

    return hc_vcpu(VCPUOP_initialise, id, &c);
}
