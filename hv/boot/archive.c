/* SPDX-License-Identifier: MIT */
/*
 * An archive as the only boot module: its files are the modules, in their order. Xen's toolstack, and ours,
 * hand one file to a domain's kernel (`ramdisk`), and Ryokan as a guest may want more than dom0's kernel.
 * Format: POSIX ustar, of which only regular files count.
 */
#include "hv/boot/boot.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

#define BLOCK        512UL
#define SIZE_FIELD   124 /* octal, 12 characters, ended by NUL or a space */
#define SIZE_DIGITS  12
#define TYPE_FIELD   156
#define MAGIC_FIELD  257
#define TYPE_FILE    '0'
#define TYPE_FILE_V7 '\0'

static bool __init is_header(const char *block)
{
    return memcmp(block + MAGIC_FIELD, "ustar", 5) == 0;
}

static bool __init parse_size_field(const char *field, uint64_t *size)
{
    *size = 0;
    for (unsigned int i = 0; i < SIZE_DIGITS && field[i] != '\0' && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7')
            return false;
        *size = *size << 3 | (uint64_t)(field[i] - '0');
    }
    return true;
}

const char *__init boot_open_archive(void)
{
    const struct boot_module archive = boot_info.module[0];
    const char *why = NULL;
    uint64_t size;

    if (boot_info.nr_modules != 1 || archive.end > GIB(4) || archive.end - archive.start < BLOCK ||
        !is_header(phys_to_virt(archive.start)))
        return NULL;
    boot_info.nr_modules = 0;
    for (uint64_t at = archive.start; !why && at + BLOCK <= archive.end;
         at += BLOCK + ALIGN_UP(size, BLOCK)) {
        const char *header = phys_to_virt(at);

        if (!is_header(header))
            break;
        if (!parse_size_field(header + SIZE_FIELD, &size) || size > archive.end - at - BLOCK)
            return "the boot archive is damaged: a file has no size, or does not end in it";
        if (header[TYPE_FIELD] == TYPE_FILE || header[TYPE_FIELD] == TYPE_FILE_V7)
            why = boot_add_module(at + BLOCK, at + BLOCK + size, NULL, 0);
    }
    if (boot_info.nr_modules)
        boot_info.module[0].cmdline = archive.cmdline;
    return why;
}
