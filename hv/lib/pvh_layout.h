/* SPDX-License-Identifier: MIT */
/*
 * What lies where in a PVH domain's physical memory when it starts (docs: xen/include/public's
 * arch-x86/hvm/start_info.h, and where Xen's libxl puts things, which kernels have come to rely on):
 *
 *   0          .. low_end     RAM; from low_end down at most: kernel (at its p_paddr) | ramdisk | start of
 * day 0xf0000000 .. 4 GiB       no RAM: room for the two below, the local APIC, and what the guest maps
 *   0xfc000000                ACPI tables
 *   0xfeff8000 .. 0xff000000  special pages: the rings to xenstore and console
 *   4 GiB ..                  the RAM that has no room below
 *
 * The hardware domain has its memory at its machine addresses, where devices reach it: `base` below.
 *
 * The start of day is struct hvm_start_info with its module list, memory map and command line. Pure; the
 * hypervisor's boot builder and dom0's domain builder share it.
 */
#ifndef HV_LIB_PVH_LAYOUT_H
#define HV_LIB_PVH_LAYOUT_H

#include "hv/lib/elf.h"
#include "hv/lib/xen_elfnotes.h"
#include <xen/arch-x86/hvm/start_info.h>

#define PVH_LOW_RAM_MAX   0xf0000000ULL
#define PVH_ACPI_START    0xfc000000U
#define PVH_ACPI_PAGES    2 /* enough for 128 vCPUs */
#define PVH_SPECIAL_PFN   0xfeff8ULL
#define PVH_SPECIAL_PAGES 8
#define PVH_STORE_PFN     (PVH_SPECIAL_PFN + 4)
#define PVH_CONSOLE_PFN   (PVH_SPECIAL_PFN + 7)
/* Where kernels look for the root pointer that do not take it from anywhere (Linux before 4.17). */
#define PVH_LOW_RSDP    (0x100000U - 64)
#define PVH_MAX_MEMMAP  32
#define PVH_MAX_CMDLINE 4096
#define PVH_MAX_MODULES 1

struct pvh_layout {
    /* Asked for, by the caller of pvh_plan(). */
    uint64_t ram_bytes; /* a multiple of the page size */
    uint64_t ramdisk_bytes;
    const char *cmdline; /* shorter than PVH_MAX_CMDLINE */
    uint32_t flags;      /* SIF_* */
    /* For a domain whose memory is somewhere else: where the piece starts in which all but the kernel is to
     * lie, in front of which there is room for the kernel to move to. The caller gives its size as low_end,
     * and the memory map. 0: memory starts at 0. */
    uint64_t base;

    /* Planned: physical addresses, and sizes in bytes. */
    uint64_t low_end, high_end; /* RAM is [0, low_end) and [4 GiB, high_end); high_end 0: none there */
    uint32_t entry;
    uint64_t ramdisk;
    uint64_t start_info, start_info_bytes;
    uint64_t used_end; /* above all that is loaded low */
    uint32_t rsdp;     /* PVH_ACPI_START or PVH_LOW_RSDP, where the builder puts a copy then */
    uint32_t nr_memmap;
    struct hvm_memmap_table_entry memmap[PVH_MAX_MEMMAP];
};

/*
 * Place everything for a parsed kernel. False with a sentence in why[ELF_WHY_SIZE] when the kernel does not
 * start as PVH, or the memory is too small.
 */
bool pvh_plan(struct pvh_layout *l, const struct elf_image *elf, const struct xen_notes *notes, char *why);

/* Write the start of day, which the guest sees at l->start_info, to dst[l->start_info_bytes]. @pre planned */
void pvh_write_start_info(const struct pvh_layout *l, void *dst);

#endif
