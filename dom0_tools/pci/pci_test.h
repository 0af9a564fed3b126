/* SPDX-License-Identifier: MIT */
/* What the parts of pcitest share: its report, and an interrupt that can be waited for. */
#ifndef DOM0_PCI_PCI_TEST_H
#define DOM0_PCI_PCI_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0_tools/pci/pci_function.h"
#include "pvguest/pirq.h"
#include "pvguest/sync.h"

struct pci_test_report {
    unsigned passed, failed, skipped;
};

/* Counts and prints one result: "pcitest: WHAT: ok", or with the detail why not. */
void pci_test_result(struct pci_test_report *report, bool ok, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* An interrupt of a device under test. */
struct test_interrupt {
    struct pirq pirq;
    struct semaphore arrived;
    /* Takes the interrupt off the device; false if it was not this device's. Event context. */
    bool (*acknowledge)(void *device);
    void *device;
};

/* Binds the mapped irq->pirq; 0 or a negated Xen errno. Undone by pirq_release(). */
int test_interrupt_bind(struct test_interrupt *irq, bool shared, bool (*acknowledge)(void *device),
                        void *device);

/* Waits up to a second for the next interrupt; false if none comes. */
bool test_interrupt_wait(struct test_interrupt *irq);

/* Finds the first function with these ids. */
bool pci_test_find(uint16_t vendor, uint16_t device, struct pci_function *function);

/* The devices. */
void edu_test(const struct pci_function *function, struct pci_test_report *report);
void e1000e_test(const struct pci_function *function, struct pci_test_report *report);

#endif
