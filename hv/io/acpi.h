/* SPDX-License-Identifier: MIT */
/*
 * What firmware says about the machine, from the ACPI tables (ACPI specification 6.4, chapter 5), in neutral
 * form. Tables are not trusted: every length, count and checksum is checked, and what is wrong is reported in
 * one line and ignored.
 */
#ifndef HV_IO_ACPI_H
#define HV_IO_ACPI_H

#include "hv/lib/types.h"

#define ACPI_MAX_CPUS    256
#define ACPI_MAX_IOAPICS 16
#define ACPI_MAX_NMIS    16
#define ACPI_MAX_MCFG    16
#define ISA_IRQS         16

struct acpi_cpu {
    uint32_t apic_id;
    uint32_t uid;
};

struct acpi_ioapic {
    uint64_t address;
    uint32_t gsi_base;
    uint8_t id;
};

/* Where an ISA interrupt comes in. */
struct acpi_isa_irq {
    uint32_t gsi;
    bool active_low, level;
    bool overridden; /* by the MADT; else identity, active high, edge */
};

struct acpi_nmi {
    uint32_t uid; /* ACPI_ALL_CPUS: all */
    uint8_t lint; /* local APIC input 0 or 1 */
    bool active_low, level;
};
#define ACPI_ALL_CPUS 0xffffffff

/* Generic address structure. */
struct acpi_register {
    uint8_t space; /* ACPI_SPACE_* */
    uint8_t width; /* bits */
    uint64_t address;
};
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO     1
#define ACPI_SPACE_PCI    2

struct acpi_mcfg {
    uint64_t address; /* configuration space of bus 0 of the segment */
    uint16_t segment;
    uint8_t bus_first, bus_last;
};

struct acpi_info {
    uint64_t rsdp; /* physical address, 0: none found */

    /* MADT */
    bool madt;
    uint32_t nr_cpus; /* enabled ones, in the table's order */
    struct acpi_cpu cpu[ACPI_MAX_CPUS];
    uint32_t nr_ioapics;
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
    struct acpi_isa_irq isa[ISA_IRQS];
    uint32_t nr_nmis;
    struct acpi_nmi nmi[ACPI_MAX_NMIS];

    /* HPET: 0 = none */
    uint64_t hpet;

    /* FADT */
    bool fadt;
    uint64_t dsdt;
    uint16_t sci_irq;
    uint32_t smi_cmd;
    uint8_t acpi_enable;
    uint16_t pm1a_control, pm1b_control; /* I/O ports, 0 = none */
    uint16_t pm1a_event;
    uint16_t pm_timer; /* I/O port, 0 = none */
    bool reset_supported;
    struct acpi_register reset;
    uint8_t reset_value;
    uint8_t century; /* CMOS index of the century, 0 = none */
    bool no_cmos_rtc, no_8042;

    /* _S5_ of the DSDT or an SSDT */
    bool s5;
    uint8_t s5_typ_a, s5_typ_b;

    uint32_t nr_mcfg;
    struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
};
extern struct acpi_info acpi_info;

/*
 * Reads the tables. `rsdp_pa`: where the boot loader or firmware says the root pointer is, 0: look for it.
 * `rsdp_copy`: the loader's copy of it (36 bytes readable), NULL: read it at rsdp_pa. @pre the hypervisor's
 * mappings work (map_phys_wb)
 */
void acpi_init(uint64_t rsdp_pa, const void *rsdp_copy);

/* A hostile table may name RAM as a device's registers, which writing to them would corrupt: false then. */
bool acpi_device_address_ok(uint64_t pa);

#endif
