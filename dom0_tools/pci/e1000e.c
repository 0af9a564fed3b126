/* SPDX-License-Identifier: MIT */
/*
 * Intel's 82574 network adapter (QEMU's e1000e): two MSI-X vectors, raised by software through its "interrupt
 * cause set" register (82574 datasheet, 7.4 and 10.2.4).
 */
#include "dom0_tools/pci/pci_test.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#define REGISTERS_SIZE 0x1000

#define REG_ICR  0x00c0 /* causes; a 1 written clears */
#define REG_ICS  0x00c8 /* sets causes */
#define REG_IMS  0x00d0 /* enables causes */
#define REG_IMC  0x00d8 /* disables causes */
#define REG_IVAR 0x00e4 /* which vector a cause raises */

#define CAUSE_RXQ0 (1U << 20)
#define CAUSE_TXQ0 (1U << 22)
/* Receive queue 0 raises vector 0, transmit queue 0 vector 1; the bits 3 and 11 make the entries valid. */
#define IVAR_RXQ0_0_TXQ0_1 0x00000908

#define MSIX_TABLE    4 /* offset in the capability: table's offset, and the BAR it lies in */
#define MSIX_BIR_MASK 7U
#define ROUNDS        3

struct vector {
    struct test_interrupt irq;
    volatile uint8_t *registers;
    uint32_t cause;
};

static uint32_t reg_read(const volatile uint8_t *registers, unsigned offset)
{
    return *(const volatile uint32_t *)(registers + offset);
}

static void reg_write(volatile uint8_t *registers, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(registers + offset) = value;
}

/* QEMU's model repeats messages when its throttling timer runs out: a message without its cause does not
 * count. */
static bool acknowledge(void *device)
{
    const struct vector *vector = device;

    if ((reg_read(vector->registers, REG_ICR) & vector->cause) == 0)
        return false;
    reg_write(vector->registers, REG_ICR, vector->cause);
    return true;
}

static int bind_vectors(const struct pci_function *function, struct vector *vectors, unsigned nr)
{
    unsigned cap = pci_find_capability(function->address, PCI_CAP_MSIX);
    struct pci_bar bar;

    if (cap == 0)
        return -XEN_ENODEV;
    pci_read_bar(function, pci_config_read(function->address, cap + MSIX_TABLE, 4) & MSIX_BIR_MASK, &bar);
    for (unsigned i = 0; i < nr; i++) {
        int error = pirq_map_msix(&vectors[i].irq.pirq, function->address, i, bar.address);

        if (error == 0)
            error = test_interrupt_bind(&vectors[i].irq, false, acknowledge, &vectors[i]);
        if (error != 0) {
            while (i-- > 0)
                pirq_release(&vectors[i].irq.pirq);
            return error;
        }
    }
    return 0;
}

/* Raises the vectors alternately; each must come on its own event channel, whose handler knows its own cause
 * only. */
static void test_vectors(struct vector *vectors, struct pci_test_report *report)
{
    for (unsigned i = 0; i < 2 * ROUNDS; i++) {
        reg_write(vectors[i % 2].registers, REG_ICS, vectors[i % 2].cause);
        if (!test_interrupt_wait(&vectors[i % 2].irq)) {
            pci_test_result(report, false, "e1000e MSI-X", "vector %u did not come within a second", i % 2);
            return;
        }
    }
    pci_test_result(report, true, "e1000e MSI-X", " ");
}

void e1000e_test(const struct pci_function *function, struct pci_test_report *report)
{
    struct vector vectors[2] = { { .cause = CAUSE_RXQ0 }, { .cause = CAUSE_TXQ0 } };
    volatile uint8_t *registers;
    struct pci_bar bar;
    int error;

    pci_read_bar(function, 0, &bar);
    pci_command_bits(function->address, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
    registers = map_machine(bar.address, REGISTERS_SIZE, PTE_RW | PTE_UNCACHED);
    pci_test_result(report, registers != NULL, "e1000e memory mapped", "refused");
    if (registers == NULL)
        return;
    vectors[0].registers = vectors[1].registers = registers;
    reg_write(registers, REG_IMC, UINT32_MAX);
    reg_write(registers, REG_ICR, UINT32_MAX);

    error = bind_vectors(function, vectors, 2);
    if (error != 0) {
        pci_test_result(report, false, "e1000e MSI-X", "cannot get the interrupts: %s",
                        xen_errno_name(error));
    } else {
        reg_write(registers, REG_IVAR, IVAR_RXQ0_0_TXQ0_1);
        reg_write(registers, REG_IMS, CAUSE_RXQ0 | CAUSE_TXQ0);
        test_vectors(vectors, report);
        reg_write(registers, REG_IMC, UINT32_MAX);
        pirq_release(&vectors[0].irq.pirq);
        pirq_release(&vectors[1].irq.pirq);
    }
    unmap_machine((void *)(uintptr_t)registers, REGISTERS_SIZE);
}
