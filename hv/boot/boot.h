/* SPDX-License-Identifier: MIT */
/* What the boot loader told us, in one form whatever the protocol was. */
#ifndef HV_BOOT_BOOT_H
#define HV_BOOT_BOOT_H

#include "hv/lib/types.h"

#define BOOT_MAX_RAM     128
#define BOOT_MAX_MODULES 32
#define BOOT_CMDLINE     2048

struct boot_range {
    uint64_t start, end; /* bytes, end exclusive */
};

enum boot_memory_type { /* E820 types */
                        MEMORY_RAM = 1,
                        MEMORY_RESERVED = 2,
                        MEMORY_ACPI = 3,
                        MEMORY_NVS = 4,
                        MEMORY_UNUSABLE = 5,
};

struct boot_memory {
    uint64_t start, end;
    uint32_t type;
};

struct boot_module {
    uint64_t start, end; /* physical; inside RAM */
    char *cmdline;       /* the words after the file name */
    bool used;           /* taken by a domain: its memory is free again */
};

struct boot_info {
    const char *protocol;
    char loader[64];
    char cmdline[BOOT_CMDLINE];
    const char *dom0_cmdline;                /* the words behind `--` in it */
    struct boot_memory memory[BOOT_MAX_RAM]; /* sorted, disjoint, page aligned */
    unsigned int nr_memory;
    struct boot_module module[BOOT_MAX_MODULES];
    unsigned int nr_modules;
    uint64_t rsdp;         /* physical address or 0 */
    uint8_t rsdp_copy[36]; /* multiboot 2 hands over a copy */
    unsigned int rsdp_copy_size;
    uint32_t trampoline_phys;
};
extern struct boot_info boot_info;

/*
 * The three protocols: fill boot_info from the loader's structures at physical address `pa` (below 4 GiB,
 * reachable by the early direct map). They copy everything but the modules' contents. NULL, or a sentence
 * that says what is wrong.
 */
const char *multiboot_read(uint32_t pa);
const char *multiboot2_read(uint32_t pa);
const char *pvh_read(uint32_t pa);

/* Helpers for them. */
const char *boot_add_memory(uint64_t start, uint64_t size, uint32_t type);
const char *boot_add_module(uint64_t start, uint64_t end, const char *cmdline, size_t max);
/* If the only module is an archive, its files take its place. NULL, or a sentence. */
const char *boot_open_archive(void);
/* Sort, clip and page-align the memory map; overlapping claims: the more restrictive type wins. */
const char *boot_finish_memory(void);

#endif
