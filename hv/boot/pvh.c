/* SPDX-License-Identifier: MIT */
/* The PVH boot ABI (<xen/arch-x86/hvm/start_info.h>): QEMU's -kernel with the ELF64 image, or a domain of Xen
 * or Ryokan whose kernel Ryokan is. */
#include "hv/boot/boot.h"
#include "hv/cpu/xen_guest.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include <xen/arch-x86/hvm/start_info.h>

const char *__init pvh_read(uint32_t pa)
{
    const struct hvm_start_info *si = phys_to_virt(pa);
    const struct hvm_modlist_entry *mod = phys_to_virt(si->modlist_paddr);
    const struct hvm_memmap_table_entry *map = phys_to_virt(si->memmap_paddr);
    const char *why = NULL;

    boot_info.protocol = "PVH";
    xen_guest_detect();
    if (si->magic != XEN_HVM_START_MAGIC_VALUE)
        return "PVH: start_info has a wrong magic number";
    if (si->version < 1 || !si->memmap_entries)
        return "PVH: start_info has no memory map (version 0)";
    if (si->cmdline_paddr)
        strlcpy(boot_info.cmdline, phys_to_virt(si->cmdline_paddr), sizeof(boot_info.cmdline));
    boot_info.rsdp = si->rsdp_paddr;
    for (uint32_t i = 0; !why && i < si->memmap_entries; i++)
        why = boot_add_memory(map[i].addr, map[i].size, map[i].type);
    for (uint32_t i = 0; !why && i < si->nr_modules; i++)
        why = boot_add_module(mod[i].paddr, mod[i].paddr + mod[i].size,
                              mod[i].cmdline_paddr ? phys_to_virt(mod[i].cmdline_paddr) : NULL, 2048);
    return why;
}
