/* SPDX-License-Identifier: MIT */
#include "dom0_tools/drivers/drivers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static void (*const probes[])(const struct pci_function *function) = {
    virtio_blk_probe,
    nvme_probe,
    e1000e_probe,
    virtio_net_probe,
};

static bool probe(struct pci_address address, void *arg)
{
    struct pci_function function;

    (void)arg;
    pci_read_function(&function, address);
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
        probes[i](&function);
    return true;
}

uint64_t driver_disk_timeout(void)
{
    const char *text = getenv("DISK_TIMEOUT");
    unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;

    return (seconds != 0 ? seconds : 30) * DRIVER_WATCH_PERIOD;
}

void drivers_start(void)
{
    pci_for_each(probe, NULL);
}
