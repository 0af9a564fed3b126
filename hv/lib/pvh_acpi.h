/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables of a PVH domain, built in memory: RSDP, XSDT, FADT, FACS, MADT and DSDT (ACPI specification
 * 5.0, chapter 5). They say that there are local APICs and processors and nothing else: no fixed hardware
 * (hardware-reduced ACPI), no I/O APIC, no legacy devices. Pure; the hypervisor's boot builder and dom0's
 * domain builder share it.
 */
#ifndef HV_LIB_PVH_ACPI_H
#define HV_LIB_PVH_ACPI_H

#include "hv/lib/types.h"

#define PVH_LAPIC_ADDRESS 0xfee00000U

/* The root pointer stands first and has this size. */
#define PVH_ACPI_RSDP_SIZE 36

/* Processor object n and its MADT entry name vCPU n, which has this local APIC id. */
static inline uint32_t pvh_apic_id(uint32_t vcpu)
{
    return 2 * vcpu;
}

/* Most that the tables of a domain with `vcpus` vCPUs take, in bytes. */
size_t pvh_acpi_size(uint32_t vcpus);

/*
 * Build the tables at dst[pvh_acpi_size(vcpus)], zeroed, which the guest will see at physical address
 * `paddr`, the RSDP's. @pre paddr is a multiple of 64, below 4 GiB, vcpus is 1..128
 */
void pvh_acpi_build(void *dst, uint32_t paddr, uint32_t vcpus);

#endif
