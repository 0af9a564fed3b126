/* SPDX-License-Identifier: MIT */
#include "hv/lib/pvh_layout.h"
#include "hv/lib/printf.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/string.h"
#include <xen/elfnote.h>
#include <xen/features.h>

/* Below this are the places that PCs use; kernels expect nothing of theirs there. */
#define FIRST_MIB MIB(1)

/* The start of day as one block: its parts stand behind each other. */
struct start_of_day {
    struct hvm_start_info info;
    struct hvm_modlist_entry module[PVH_MAX_MODULES];
    struct hvm_memmap_table_entry memmap[PVH_MAX_MEMMAP];
    char cmdline[];
};

static bool check_kernel(const struct pvh_layout *l, const struct elf_image *elf,
                         const struct xen_notes *notes, char *why)
{
    if (!xen_notes_have(notes, XEN_ELFNOTE_PHYS32_ENTRY)) {
        snprintf(why, ELF_WHY_SIZE, "not a PVH kernel: it has no Xen ELF note PHYS32_ENTRY");
        return false;
    }
    if (elf->paddr_end > l->low_end) {
        snprintf(why, ELF_WHY_SIZE, "the kernel's segments reach to 0x%lx, its memory only to 0x%lx",
                 (unsigned long)elf->paddr_end, (unsigned long)l->low_end);
        return false;
    }
    if (notes->phys32_entry < elf->paddr_start || notes->phys32_entry >= elf->paddr_end) {
        snprintf(why, ELF_WHY_SIZE, "the kernel's PHYS32_ENTRY 0x%lx lies outside its image 0x%lx to 0x%lx",
                 (unsigned long)notes->phys32_entry, (unsigned long)elf->paddr_start,
                 (unsigned long)elf->paddr_end);
        return false;
    }
    return true;
}

static void add_memmap(struct pvh_layout *l, uint64_t start, uint64_t end, uint32_t type)
{
    if (start < end)
        l->memmap[l->nr_memmap++] =
            (struct hvm_memmap_table_entry){ .addr = start, .size = end - start, .type = type };
}

static void plan_ram(struct pvh_layout *l)
{
    const uint64_t special = PVH_SPECIAL_PFN << PAGE_SHIFT;

    l->low_end = min(l->ram_bytes, (uint64_t)PVH_LOW_RAM_MAX);
    l->high_end = l->ram_bytes > l->low_end ? GIB(4) + (l->ram_bytes - l->low_end) : 0;
    l->nr_memmap = 0;
    add_memmap(l, 0, l->low_end, XEN_HVM_MEMMAP_TYPE_RAM);
    add_memmap(l, PVH_ACPI_START, PVH_ACPI_START + PVH_ACPI_PAGES * PAGE_SIZE, XEN_HVM_MEMMAP_TYPE_ACPI);
    add_memmap(l, special, special + PVH_SPECIAL_PAGES * PAGE_SIZE, XEN_HVM_MEMMAP_TYPE_RESERVED);
    add_memmap(l, GIB(4), l->high_end, XEN_HVM_MEMMAP_TYPE_RAM);
}

/* Linux takes the root pointer from anywhere when it says so; other kernels always did. */
static bool wants_low_rsdp(const struct xen_notes *notes)
{
    return !strncmp(notes->guest_os, "linux", 5) &&
           !(notes->features_supported & BIT(XENFEAT_linux_rsdp_unrestricted));
}

bool pvh_plan(struct pvh_layout *l, const struct elf_image *elf, const struct xen_notes *notes, char *why)
{
    uint64_t next, need;

    if (!l->base)
        plan_ram(l);
    if (!check_kernel(l, elf, notes, why))
        return false;
    l->entry = (uint32_t)notes->phys32_entry;
    l->rsdp = wants_low_rsdp(notes) ? PVH_LOW_RSDP : PVH_ACPI_START;
    l->start_info_bytes = sizeof(struct start_of_day) + strnlen(l->cmdline, PVH_MAX_CMDLINE - 1) + 1;
    next = ALIGN_UP(max(elf->paddr_end, (uint64_t)FIRST_MIB), PAGE_SIZE);
    l->ramdisk = l->ramdisk_bytes ? l->base + next : 0;
    /* The sum is compared before it is used, so that a huge size cannot wrap it. */
    need = ALIGN_UP(l->start_info_bytes, PAGE_SIZE);
    if (next + need > l->low_end || l->ramdisk_bytes > l->low_end - next - need) {
        snprintf(why, ELF_WHY_SIZE,
                 "its memory of %lu KiB is too small: kernel and ramdisk need %lu KiB, in one piece below "
                 "0xf0000000",
                 (unsigned long)(l->ram_bytes >> 10),
                 (unsigned long)((next + need + l->ramdisk_bytes) >> 10));
        return false;
    }
    l->start_info = l->base + ALIGN_UP(next + l->ramdisk_bytes, PAGE_SIZE);
    l->used_end = l->start_info + need;
    return true;
}

void pvh_write_start_info(const struct pvh_layout *l, void *dst)
{
    struct start_of_day *s = dst;
    uint32_t modules = l->ramdisk_bytes ? 1 : 0;

    memset(s, 0, sizeof(*s));
    s->info = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .flags = l->flags,
        .nr_modules = modules,
        .modlist_paddr = modules ? l->start_info + offsetof(struct start_of_day, module) : 0,
        .cmdline_paddr = l->start_info + offsetof(struct start_of_day, cmdline),
        .rsdp_paddr = l->rsdp,
        .memmap_paddr = l->start_info + offsetof(struct start_of_day, memmap),
        .memmap_entries = l->nr_memmap,
    };
    s->module[0] = (struct hvm_modlist_entry){ .paddr = l->ramdisk, .size = l->ramdisk_bytes };
    memcpy(s->memmap, l->memmap, l->nr_memmap * sizeof(l->memmap[0]));
    strlcpy(s->cmdline, l->cmdline, l->start_info_bytes - sizeof(*s));
}
