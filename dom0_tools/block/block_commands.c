/* SPDX-License-Identifier: MIT */
#include "dom0_tools/block/block_commands.h"
#include "dom0_tools/block/registry.h"

#include <stdio.h>

static void format_size(char *out, size_t size, uint64_t bytes)
{
    static const char units[] = "KMGTP";
    uint64_t tenths = bytes * 10 / 1024;
    unsigned unit = 0;

    while (tenths >= 10240 && unit + 1 < sizeof(units) - 1) {
        tenths /= 1024;
        unit++;
    }
    snprintf(out, size, "%lu.%lu%c", (unsigned long)(tenths / 10), (unsigned long)(tenths % 10), units[unit]);
}

static bool print_device(const struct block_device *device, unsigned users, void *arg)
{
    bool is_part = device->disk != device;
    char size[24];

    (void)arg;
    format_size(size, sizeof(size), device->sectors * BLOCK_SECTOR);
    printf("%s%-*s %9s %6u %s %s %-9s %5u\n", is_part ? "  " : "", is_part ? 14 : 16, device->name, size,
           (unsigned)device->sector_size, device->read_only ? "ro" : "rw", is_part ? "part" : "disk",
           is_part ? "" : device->model, users);
    return true;
}

static int run_lsblk(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "lsblk: '%s' is one argument too many\n", argv[1]);
        return COMMAND_USAGE;
    }
    printf("%-16s %9s %6s %s %s %-9s %5s\n", "NAME", "SIZE", "SECTOR", "RO", "TYPE", "MODEL", "USERS");
    block_for_each(print_device, NULL);
    return COMMAND_OK;
}

const struct command block_commands[] = {
    { .name = "lsblk",
      .arguments = "",
      .summary = "list the block devices of this domain",
      .run = run_lsblk },
};
const size_t block_nr_commands = sizeof(block_commands) / sizeof(block_commands[0]);
