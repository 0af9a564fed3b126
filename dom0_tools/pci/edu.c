/* SPDX-License-Identifier: MIT */
/* QEMU's teaching device (docs/specs/edu.txt): registers, INTx and MSI. */
#include "dom0_tools/pci/pci_test.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#define EDU_SIZE 4096 /* of the registers used */

/* Registers, by offset. */
#define EDU_ID         0x00
#define EDU_LIVENESS   0x04 /* reads as the complement of what was written */
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE  0x60
#define EDU_IRQ_ACK    0x64

#define EDU_ID_MASK  0xffff
#define EDU_ID_VALUE 0x00ed

/* Interrupts raised in each mode, one after the other. */
#define ROUNDS 3

struct edu {
    volatile uint8_t *registers;
    uint32_t last_status;
};

static uint32_t edu_read(const struct edu *edu, unsigned offset)
{
    return *(const volatile uint32_t *)(edu->registers + offset);
}

static void edu_write(struct edu *edu, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(edu->registers + offset) = value;
}

static bool edu_acknowledge(void *device)
{
    struct edu *edu = device;

    edu->last_status = edu_read(edu, EDU_IRQ_STATUS);
    edu_write(edu, EDU_IRQ_ACK, edu->last_status);
    return edu->last_status != 0;
}

static void test_registers(struct edu *edu, struct pci_test_report *report)
{
    uint32_t id = edu_read(edu, EDU_ID), echo;

    edu_write(edu, EDU_LIVENESS, 0x12345678);
    echo = edu_read(edu, EDU_LIVENESS);
    pci_test_result(report, (id & EDU_ID_MASK) == EDU_ID_VALUE && echo == ~0x12345678U, "edu registers",
                    "id %#x, liveness %#x", (unsigned)id, (unsigned)echo);
}

/* Raises interrupts, each with its own bits, and expects each once. */
static void test_interrupts(struct edu *edu, struct test_interrupt *irq, const char *what,
                            struct pci_test_report *report)
{
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        edu_write(edu, EDU_IRQ_RAISE, round);
        if (!test_interrupt_wait(irq)) {
            pci_test_result(report, false, what, "interrupt %u did not come within a second",
                            (unsigned)round);
            return;
        }
        if (edu->last_status != round) {
            pci_test_result(report, false, what, "interrupt %u came with status %#x", (unsigned)round,
                            (unsigned)edu->last_status);
            return;
        }
    }
    pci_test_result(report, !semaphore_trydown(&irq->arrived), what, "more interrupts came than were raised");
}

/* With the interrupt mapped, or the error why it could not be. */
static void test_mode(struct edu *edu, struct test_interrupt *irq, int error, bool shared, const char *what,
                      struct pci_test_report *report)
{
    if (error == 0)
        error = test_interrupt_bind(irq, shared, edu_acknowledge, edu);
    if (error != 0) {
        pci_test_result(report, false, what, "cannot get the interrupt: %s", xen_errno_name(error));
        return;
    }
    test_interrupts(edu, irq, what, report);
    pirq_release(&irq->pirq);
}

void edu_test(const struct pci_function *function, struct pci_test_report *report)
{
    struct edu edu = { 0 };
    struct test_interrupt irq = { 0 };
    struct pci_bar bar;
    int error;

    pci_read_bar(function, 0, &bar);
    pci_command_bits(function->address, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, PCI_COMMAND_INTX_OFF);
    edu.registers = map_machine(bar.address, EDU_SIZE, PTE_RW | PTE_UNCACHED);
    pci_test_result(report, edu.registers != NULL, "edu memory mapped", "refused");
    if (edu.registers == NULL)
        return;
    test_registers(&edu, report);
    edu_acknowledge(&edu);

    error = pirq_map_gsi(&irq.pirq, function->interrupt_line, true, true);
    test_mode(&edu, &irq, error, true, "edu INTx", report);
    error = pirq_map_msi(&irq.pirq, function->address);
    test_mode(&edu, &irq, error, false, "edu MSI", report);

    unmap_machine((void *)(uintptr_t)edu.registers, EDU_SIZE);
}
