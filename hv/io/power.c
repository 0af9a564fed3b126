/* SPDX-License-Identifier: MIT */
#include "hv/io/power.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/nmi.h"
#include "hv/cpu/xen_guest.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/io/pci.h"
#include "hv/mm/paging.h"
#include <xen/sched.h>

/* PM1 control register (ACPI 6.4 §4.8.3.2). */
#define PM1_SCI_EN        0x0001
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP_MASK  (7u << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN        0x2000

#define PCI_RESET_PORT 0xcf9
#define PCI_RESET_HARD 0x02
#define PCI_RESET_GO   0x04
#define KBC_STATUS     0x64
#define KBC_FULL       0x02
#define KBC_RESET      0xfe

/* A write to the POST code port takes about a microsecond on any PC; the clock may not work any more here. */
#define POST_PORT 0x80

static void wait_us(unsigned int us)
{
    while (us--)
        outb(POST_PORT, 0);
}

/* Firmware owns the power management until it is told otherwise. */
static void enable_acpi_mode(void)
{
    if ((inw(acpi_info.pm1a_control) & PM1_SCI_EN) || acpi_info.smi_cmd == 0 || acpi_info.acpi_enable == 0)
        return;
    outb((uint16_t)acpi_info.smi_cmd, acpi_info.acpi_enable);
    for (unsigned int ms = 0; ms < 300 && !(inw(acpi_info.pm1a_control) & PM1_SCI_EN); ms++)
        wait_us(1000);
}

bool power_off_with(uint16_t pm1a, uint16_t pm1b)
{
    if (acpi_info.pm1a_control == 0)
        return false;
    enable_acpi_mode();
    outw(acpi_info.pm1a_control, pm1a | PM1_SLP_EN);
    if (acpi_info.pm1b_control)
        outw(acpi_info.pm1b_control, pm1b | PM1_SLP_EN);
    wait_us(1000000);
    return true;
}

/* The register's other bits stay as they are. */
static uint16_t sleep_value(uint16_t port, uint8_t typ)
{
    return (uint16_t)((inw(port) & ~PM1_SLP_TYP_MASK) | typ << PM1_SLP_TYP_SHIFT);
}

void __noreturn machine_power_off(void)
{
    nmi_stop_others();
    if (xen_guest)
        xen_guest_shutdown(SHUTDOWN_poweroff);
    if (acpi_info.s5 && acpi_info.pm1a_control) {
        uint16_t b = acpi_info.pm1b_control ? sleep_value(acpi_info.pm1b_control, acpi_info.s5_typ_b) : 0;

        power_off_with(sleep_value(acpi_info.pm1a_control, acpi_info.s5_typ_a), b);
    }
    printk(LOG_ERR "ACPI cannot switch the machine off: it stops here\n");
    machine_halt();
}

static void reset_by_acpi(void)
{
    const struct acpi_register *reg = &acpi_info.reset;
    volatile uint8_t *byte;

    if (!acpi_info.reset_supported)
        return;
    if (reg->space == ACPI_SPACE_IO) {
        outb((uint16_t)reg->address, acpi_info.reset_value);
    } else if (reg->space == ACPI_SPACE_PCI) {
        /* Bus 0: device in bits 32-47, function in 16-31, offset in 0-15. */
        struct pci_address a = { .device = (uint8_t)(reg->address >> 32),
                                 .function = (uint8_t)(reg->address >> 16) };

        pci_write8(a, (uint16_t)reg->address, acpi_info.reset_value);
    } else {
        byte = acpi_device_address_ok(reg->address) ? ioremap(reg->address, 1) : NULL;
        if (byte != NULL)
            *byte = acpi_info.reset_value;
    }
    wait_us(100000);
}

static void reset_by_chipset(void)
{
    outb(PCI_RESET_PORT, PCI_RESET_HARD);
    wait_us(100);
    outb(PCI_RESET_PORT, PCI_RESET_HARD | PCI_RESET_GO);
    wait_us(100000);
}

static void reset_by_keyboard_controller(void)
{
    for (unsigned int us = 0; us < 50000 && (inb(KBC_STATUS) & KBC_FULL); us++)
        wait_us(1);
    outb(KBC_STATUS, KBC_RESET);
    wait_us(100000);
}

/* An exception without an IDT shuts the CPU down, which a PC's chipset answers with a reset. */
static void __noreturn triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed no_idt = { 0, 0 };

    __asm__ volatile("lidt %0; int3" ::"m"(no_idt));
    for (;;)
        __asm__ volatile("cli; hlt");
}

void __noreturn machine_reboot(void)
{
    nmi_stop_others();
    if (xen_guest)
        xen_guest_shutdown(SHUTDOWN_reboot);
    reset_by_acpi();
    reset_by_chipset();
    reset_by_keyboard_controller();
    triple_fault();
}
