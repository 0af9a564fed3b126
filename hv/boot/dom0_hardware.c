/* SPDX-License-Identifier: MIT */
#include "hv/boot/dom0_hardware.h"
#include "hv/boot/boot.h"
#include "hv/cpu/cpuid.h"
#include "hv/io/acpi.h"
#include "hv/io/console_xen.h"
#include "hv/io/irq.h"
#include "hv/io/serial.h"
#include "hv/lib/bug.h"
#include "hv/lib/rangeset.h"

#define APIC_WINDOW_FIRST 0xfee00 /* frames: local APICs, and where MSIs are written to */
#define APIC_WINDOW_LAST  0xfeeff

static void __init deny(struct rangeset *r, uint64_t first, uint64_t last)
{
    if (rangeset_remove(r, first, last))
        panic("dom0: out of memory for its hardware permissions\n");
}

static struct rangeset *__init allow_all(uint64_t last)
{
    struct rangeset *r = rangeset_create();

    if (!r || rangeset_add(r, 0, last))
        panic("dom0: out of memory for its hardware permissions\n");
    return r;
}

static void __init grant_ports(struct domain *d)
{
    static const struct {
        uint16_t first, last;
    } ours[] = {
        { 0x20, 0x21 },   { 0xa0, 0xa1 }, { 0x4d0, 0x4d1 }, /* interrupt controllers */
        { 0x40, 0x43 },   { 0x61, 0x61 },                   /* PIT */
        { 0xcf8, 0xcff }, /* PCI configuration: emulated, so that MSI stays ours */
    };

    d->ioports = allow_all(0xffff);
    for (unsigned int i = 0; i < ARRAY_SIZE(ours); i++)
        deny(d->ioports, ours[i].first, ours[i].last);
    for (unsigned int i = 0; i < SERIAL_PORTS; i++) {
        uint16_t base = serial_io_base(i);

        if (base)
            deny(d->ioports, base, base + SERIAL_IO_SIZE - 1);
    }
}

static void __init grant_memory(struct domain *d)
{
    d->iomem = allow_all((1ULL << (host_cpu.phys_bits - PAGE_SHIFT)) - 1);
    deny(d->iomem, APIC_WINDOW_FIRST, APIC_WINDOW_LAST);
    for (uint32_t i = 0; i < acpi_info.nr_ioapics; i++)
        deny(d->iomem, acpi_info.ioapic[i].address >> PAGE_SHIFT, acpi_info.ioapic[i].address >> PAGE_SHIFT);
    if (console_xen_present())
        deny(d->iomem, console_xen_page() >> PAGE_SHIFT, console_xen_page() >> PAGE_SHIFT);
    /* The HPET stays allowed: we are done with it after boot, and ACPI methods of real machines read it. */
    /* RAM is never I/O memory, whoever owns it now. */
    for (unsigned int i = 0; i < boot_info.nr_memory; i++) {
        const struct boot_memory *m = &boot_info.memory[i];

        if (m->type == MEMORY_RAM)
            deny(d->iomem, m->start >> PAGE_SHIFT, (m->end - 1) >> PAGE_SHIFT);
    }
}

void __init dom0_grant_hardware(struct domain *d)
{
    grant_ports(d);
    grant_memory(d);
    d->irqs = allow_all(IRQ_MAX - 1);
}
