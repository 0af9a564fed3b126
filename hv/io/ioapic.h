/* SPDX-License-Identifier: MIT */
/* I/O APICs (Intel 82093AA data sheet): redirection entries by global system interrupt (GSI). And the legacy
 * PIC, which is switched off. */
#ifndef HV_IO_IOAPIC_H
#define HV_IO_IOAPIC_H

#include "hv/lib/types.h"

/* How one GSI is delivered. */
struct ioapic_route {
    uint8_t vector;
    bool nmi; /* delivered as NMI, vector ignored */
    bool active_low, level;
    bool masked;
    uint32_t dest; /* physical APIC id below 255, or IOAPIC_ALL_CPUS */
};
#define IOAPIC_ALL_CPUS 0xff

/* Finds the I/O APICs that the MADT lists and masks all inputs. Returns one more than the highest GSI, 0 when
 * there is none. */
unsigned int ioapic_init(void);
/* Masks both 8259 PICs, after moving their vectors out of the way of exceptions. */
void pic_disable(void);

/* True when an I/O APIC has this GSI. The functions below need that. */
bool ioapic_has(unsigned int gsi);
void ioapic_set_route(unsigned int gsi, const struct ioapic_route *route);
void ioapic_mask(unsigned int gsi, bool masked);

/*
 * What the I/O APIC at this physical address shows in a register, for a guest that wants to look: entries
 * read as masked. False when there is no such I/O APIC or register.
 */
bool ioapic_peek(uint64_t address, uint32_t reg, uint32_t *value);

#endif
