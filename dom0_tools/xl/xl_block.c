/* SPDX-License-Identifier: MIT */
/* xl block-attach, block-detach, block-list. */
#include "dom0_tools/device/device.h"
#include "dom0_tools/device/disk.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/xenbus.h"
#include "split_drivers/vbd_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool join_words(char *out, size_t size, int count, char **words)
{
    size_t length = 0;

    for (int i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%s", i == 0 ? "" : ",", words[i]);
    return length < size;
}

int xl_block_attach(int argc, char **argv)
{
    char spec[2 * DISK_TARGET_SIZE], error[DEVICE_ERROR_SIZE];
    struct disk_config config;
    domid_t domid;

    if (argc < 3 || !join_words(spec, sizeof(spec), argc - 2, argv + 2)) {
        fprintf(stderr, "xl block-attach: which domain, and which disk?\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (disk_config_parse(spec, &config, error, sizeof(error)) == 0 &&
        disk_attach(domid, &config, error, sizeof(error)) == 0)
        return COMMAND_OK;
    fprintf(stderr, "xl block-attach: %s\n", error);
    return COMMAND_FAIL;
}

int xl_block_detach(int argc, char **argv)
{
    bool force = argc == 4 && strcmp(argv[3], "--force") == 0;
    char error[DEVICE_ERROR_SIZE];
    domid_t domid;
    unsigned id;

    if (argc != 3 + (force ? 1 : 0)) {
        fprintf(stderr, "xl block-detach: which domain, and which of its disks?\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (!vbd_number(argv[2], &id)) {
        fprintf(stderr, "xl block-detach: '%s' is no virtual device\n", argv[2]);
        return COMMAND_FAIL;
    }
    if (disk_detach(domid, id, force, error, sizeof(error)) == 0)
        return COMMAND_OK;
    fprintf(stderr, "xl block-detach: %s\n", error);
    return COMMAND_FAIL;
}

static uint64_t number_or_0(struct xs_handle *xs, const char *dir, const char *key)
{
    uint64_t value = 0;

    xenbus_read_number(xs, XBT_NULL, dir, key, UINT32_MAX, &value);
    return value;
}

static void print_disk(const struct device *device, void *arg)
{
    struct xs_handle *xs = arg;
    char back[DEVICE_PATH_SIZE], front[DEVICE_PATH_SIZE], *target;

    device_backend_path(device, back);
    device_frontend_path(device, front);
    target = xenbus_read(xs, XBT_NULL, back, "params");
    printf("%-5u %-3d %-6u %-5d %-6lu %-8lu %-30s %s\n", device->id, device->backend, device->domid,
           (int)xenbus_read_state(xs, front), (unsigned long)number_or_0(xs, front, "event-channel"),
           (unsigned long)number_or_0(xs, front, "ring-ref"), back, target == NULL ? "" : target);
    free(target);
}

int xl_block_list(int argc, char **argv)
{
    struct xs_handle *xs;
    domid_t domid;

    if (argc < 2) {
        fprintf(stderr, "xl block-list: which domain?\n");
        return COMMAND_USAGE;
    }
    xs = xs_open(0);
    if (xs == NULL)
        return COMMAND_FAIL;
    printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s %s\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref",
           "BE-path", "target");
    for (int i = 1; i < argc; i++) {
        if (domain_find(argv[i], &domid))
            device_for_each("vbd", domid, print_disk, xs);
        else
            xl_no_domain(argv[i]);
    }
    xs_close(xs);
    return COMMAND_OK;
}
