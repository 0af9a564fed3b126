/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/disk.h"
#include "dom0_tools/device/device.h"

#include <stdio.h>

#define TYPE "vbd"

#define NODES(array)                                \
    (struct device_nodes)                           \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }

int disk_attach(domid_t domid, const struct disk_config *config, char *error, size_t size)
{
    struct device device = { .type = TYPE, .domid = domid, .id = config->id };
    const char *kind = config->cdrom ? "cdrom" : "disk";
    char id[16];
    const struct device_node backend[] = {
        { "params", config->target },
        { "type", config->file ? "file" : "phy" },
        { "dev", config->vdev },
        { "mode", config->write ? "w" : "r" },
        { "removable", config->cdrom ? "1" : "0" },
        { "bootable", "1" },
        { "device-type", kind },
        { "discard-enable", config->discard ? "1" : "0" },
    };
    const struct device_node frontend[] = {
        { "virtual-device", id },
        { "device-type", kind },
        { "trusted", "1" },
    };

    if (config->backend[0] != '\0') {
        int result = device_find_backend(config->backend, &device.backend, error, size);

        if (result != 0)
            return result;
    }
    snprintf(id, sizeof(id), "%u", config->id);
    return device_attach(&device, NODES(backend), NODES(frontend), error, size);
}

int disk_detach(domid_t domid, unsigned id, bool force, char *error, size_t size)
{
    const struct device device = { .type = TYPE, .domid = domid, .id = id };

    return device_detach(&device, force, error, size);
}
