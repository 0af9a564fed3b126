/* SPDX-License-Identifier: MIT */
#include "dom0_tools/block/block_commands.h"
#include "dom0_tools/block/registry.h"

#include "pvguest/block_load.h"

#include <stdio.h>
#include <string.h>

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

static bool parse_load(const char *text, struct block_load *load)
{
    static const struct {
        const char *name;
        enum block_operation operation;
        bool random;
    } kinds[] = { { "read", BLOCK_READ, false },
                  { "write", BLOCK_WRITE, false },
                  { "randread", BLOCK_READ, true },
                  { "randwrite", BLOCK_WRITE, true } };
    unsigned bytes, depth;
    unsigned long count;
    char name[16];

    if (sscanf(text, "%15[a-z]:%u:%u:%lu", name, &bytes, &depth, &count) != 4)
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            *load = (struct block_load){ .operation = kinds[i].operation,
                                         .random = kinds[i].random,
                                         .seed = 1,
                                         .bytes = bytes,
                                         .depth = depth,
                                         .count = count };
            return true;
        }
    }
    return false;
}

static int run_load(struct block_device *device, const char *text)
{
    struct block_load_result result;
    struct block_load load;
    int error;

    if (!parse_load(text, &load)) {
        fprintf(stderr, "blkload: '%s' is no load\n", text);
        return COMMAND_USAGE;
    }
    error = block_load_run(device, &load, &result);
    if (error != 0) {
        fprintf(stderr, "blkload: %s\n", strerror(error));
        return COMMAND_FAIL;
    }
    printf("%s: %lu ns, %lu ticks, %lu failed\n", text, (unsigned long)result.ns, (unsigned long)result.ticks,
           (unsigned long)result.failed);
    return result.failed == 0 ? COMMAND_OK : COMMAND_FAIL;
}

static int run_blkload(int argc, char **argv)
{
    struct block_device *device;
    int error, result = COMMAND_OK;

    if (argc < 3) {
        fprintf(stderr, "blkload: which device, and which load?\n");
        return COMMAND_USAGE;
    }
    error = block_open(argv[1], true, false, &device);
    if (error != 0) {
        fprintf(stderr, "blkload: %s: %s\n", argv[1], strerror(error));
        return COMMAND_FAIL;
    }
    for (int i = 2; i < argc && result == COMMAND_OK; i++)
        result = run_load(device, argv[i]);
    block_close(device, true);
    return result;
}

const struct command block_commands[] = {
    { .name = "blkload",
      .arguments = "DEVICE LOAD...",
      .summary = "measure a block device; what is on it is overwritten",
      .options = "LOAD is OPERATION:BYTES:DEPTH:COUNT, of read, write, randread and randwrite\n",
      .run = run_blkload },
    { .name = "lsblk",
      .arguments = "",
      .summary = "list the block devices of this domain",
      .run = run_lsblk },
};
const size_t block_nr_commands = sizeof(block_commands) / sizeof(block_commands[0]);
