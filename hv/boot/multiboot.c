/* SPDX-License-Identifier: MIT */
/* Multiboot 1 (specification 0.6.96): QEMU's -kernel and GRUB's multiboot command. */
#include "hv/boot/boot.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

#define MB_INFO_MEMORY  BIT(0)
#define MB_INFO_CMDLINE BIT(2)
#define MB_INFO_MODS    BIT(3)
#define MB_INFO_MMAP    BIT(6)
#define MB_INFO_LOADER  BIT(9)

struct mb_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
    uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};

struct mb_module {
    uint32_t start, end, string, reserved;
};

struct mb_mmap {
    uint32_t size; /* of the rest of the entry */
    uint64_t start, length;
    uint32_t type;
} __packed;

static const char *__init read_mmap(const struct mb_info *mb)
{
    uint64_t at = mb->mmap_addr, end = at + mb->mmap_length;
    const char *why;

    while (at + sizeof(struct mb_mmap) <= end) {
        struct mb_mmap e;

        memcpy(&e, phys_to_virt(at), sizeof(e));
        if (e.size < sizeof(e) - sizeof(e.size))
            return "multiboot: an entry of the memory map is too short";
        why = boot_add_memory(e.start, e.length, e.type);
        if (why)
            return why;
        at += (uint64_t)e.size + sizeof(e.size);
    }
    return NULL;
}

const char *__init multiboot_read(uint32_t pa)
{
    const struct mb_info *mb = phys_to_virt(pa);
    const char *why = NULL;

    boot_info.protocol = "multiboot";
    if (mb->flags & MB_INFO_LOADER)
        strlcpy(boot_info.loader, phys_to_virt(mb->boot_loader_name), sizeof(boot_info.loader));
    if (mb->flags & MB_INFO_CMDLINE) {
        /* The first word is the image's name (§3.3). */
        const char *line = phys_to_virt(mb->cmdline), *space = strchr(line, ' ');

        strlcpy(boot_info.cmdline, space ? space + 1 : "", sizeof(boot_info.cmdline));
    }
    if (mb->flags & MB_INFO_MMAP) {
        why = read_mmap(mb);
    } else if (mb->flags & MB_INFO_MEMORY) {
        boot_add_memory(0, (uint64_t)mb->mem_lower << 10, MEMORY_RAM);
        boot_add_memory(MIB(1), (uint64_t)mb->mem_upper << 10, MEMORY_RAM);
    } else {
        why = "multiboot: the loader gives no memory map";
    }
    if (mb->flags & MB_INFO_MODS)
        for (uint32_t i = 0; !why && i < mb->mods_count; i++) {
            const struct mb_module *m = phys_to_virt(mb->mods_addr + (uint64_t)i * sizeof(*m));

            why = boot_add_module(m->start, m->end, m->string ? phys_to_virt(m->string) : NULL, 2048);
        }
    return why;
}
