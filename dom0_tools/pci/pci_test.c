/* SPDX-License-Identifier: MIT */
/*
 * pcitest: device memory and interrupts, from the register to the event channel. Devices that the machine
 * does not have are skipped.
 */
#include "dom0_tools/pci/pci_test.h"
#include "dom0_tools/pci/pci_commands.h"
#include "pvguest/flavour.h"
#include "pvguest/time.h"
#include "pvguest/vmap.h"

#include <stdarg.h>
#include <stdio.h>

/* The local APIC belongs to the hypervisor (SDM volume 3, 11.4.1). */
#define LOCAL_APIC       0xfee00000UL
#define IO_APIC          0xfec00000UL
#define HYPERVISOR_IMAGE 0x200000UL /* where Ryokan is loaded */

void pci_test_result(struct pci_test_report *report, bool ok, const char *what, const char *fmt, ...)
{
    va_list args;

    if (ok) {
        report->passed++;
        printf("pcitest: %s: ok\n", what);
        return;
    }
    report->failed++;
    printf("pcitest: %s: FAILED: ", what);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

static void interrupt(evtchn_port_t port, void *arg)
{
    struct test_interrupt *irq = arg;

    (void)port;
    if (irq->acknowledge(irq->device))
        semaphore_up(&irq->arrived);
}

int test_interrupt_bind(struct test_interrupt *irq, bool shared, bool (*acknowledge)(void *device),
                        void *device)
{
    int error;

    semaphore_init(&irq->arrived, 0);
    irq->acknowledge = acknowledge;
    irq->device = device;
    error = pirq_bind(&irq->pirq, shared, interrupt, irq);
    if (error != 0)
        pirq_release(&irq->pirq);
    return error;
}

bool test_interrupt_wait(struct test_interrupt *irq)
{
    return semaphore_down_until(&irq->arrived, time_ns() + NSEC_PER_SEC) == 0;
}

struct search {
    uint16_t vendor, device;
    struct pci_function *found;
    bool done;
};

static bool match(struct pci_address address, void *arg)
{
    struct search *search = arg;

    pci_read_function(search->found, address);
    search->done = search->found->vendor == search->vendor && search->found->device == search->device;
    return !search->done;
}

bool pci_test_find(uint16_t vendor, uint16_t device, struct pci_function *function)
{
    struct search search = { .vendor = vendor, .device = device, .found = function };

    pci_for_each(match, &search);
    return search.done;
}

/* A PV dom0 cannot map what the hypervisor keeps; a PVH one finds nothing there, which reads as ones. */
static bool is_kept(uint64_t address)
{
    volatile uint32_t *mapped = map_machine(address, 4096, PTE_RO | PTE_UNCACHED);
    bool kept = mapped == NULL || (guest_is_pvh && *mapped == UINT32_MAX);

    if (mapped != NULL)
        unmap_machine((void *)(uintptr_t)mapped, 4096);
    return kept;
}

static void test_permissions(struct pci_test_report *report)
{
    static const char seen[] = "dom0 could map it";

    if (guest_is_pvh) { /* which has a local APIC of its own */
        pci_test_result(report, is_kept(IO_APIC), "the hypervisor keeps its I/O APIC", seen);
        pci_test_result(report, is_kept(HYPERVISOR_IMAGE), "the hypervisor keeps its memory", seen);
    } else {
        pci_test_result(report, is_kept(LOCAL_APIC), "the hypervisor keeps its local APIC", seen);
    }
}

static const struct {
    uint16_t vendor, device;
    const char *name;
    void (*test)(const struct pci_function *function, struct pci_test_report *report);
} devices[] = {
    { 0x1234, 0x11e8, "edu", edu_test },
    { 0x8086, 0x10d3, "e1000e", e1000e_test },
};

int pci_test(int argc, char **argv)
{
    struct pci_test_report report = { 0 };
    struct pci_function function;

    if (argc > 1) {
        fprintf(stderr, "pcitest: '%s' is one argument too many\n", argv[1]);
        return COMMAND_USAGE;
    }
    test_permissions(&report);
    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (pci_test_find(devices[i].vendor, devices[i].device, &function)) {
            devices[i].test(&function, &report);
        } else {
            printf("pcitest: %s: skipped, the machine has none\n", devices[i].name);
            report.skipped++;
        }
    }
    printf("pcitest: %u passed, %u failed, %u skipped\n", report.passed, report.failed, report.skipped);
    return report.failed == 0 ? COMMAND_OK : COMMAND_FAIL;
}
