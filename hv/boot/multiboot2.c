/* SPDX-License-Identifier: MIT */
/* Multiboot 2 (specification 2.0): GRUB's multiboot2 command, by BIOS and by UEFI. */
#include "hv/boot/boot.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

enum {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_LOADER = 2,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

struct mb2_tag {
    uint32_t type, size;
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char cmdline[];
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

struct mb2_mmap_entry {
    uint64_t start, length;
    uint32_t type, reserved;
};

static const char *__init read_mmap(const struct mb2_mmap *t)
{
    const char *why = NULL;

    if (t->entry_size < sizeof(struct mb2_mmap_entry))
        return "multiboot2: entries of the memory map are too short";
    for (uint64_t off = sizeof(*t); !why && off + t->entry_size <= t->tag.size; off += t->entry_size) {
        struct mb2_mmap_entry e;

        memcpy(&e, (const char *)t + off, sizeof(e));
        why = boot_add_memory(e.start, e.length, e.type);
    }
    return why;
}

static void __init read_rsdp(const struct mb2_tag *t)
{
    size_t n = min((size_t)t->size - sizeof(*t), sizeof(boot_info.rsdp_copy));

    if (t->type == TAG_ACPI_OLD && boot_info.rsdp_copy_size)
        return; /* the new form was there already */
    memcpy(boot_info.rsdp_copy, t + 1, n);
    boot_info.rsdp_copy_size = (unsigned int)n;
}

static uint32_t __init least_size(uint32_t type)
{
    switch (type) {
    case TAG_MODULE:
        return sizeof(struct mb2_module);
    case TAG_MMAP:
        return sizeof(struct mb2_mmap);
    default:
        return sizeof(struct mb2_tag);
    }
}

static const char *__init read_tag(const struct mb2_tag *t)
{
    const struct mb2_module *m = (const void *)t;

    switch (t->type) {
    case TAG_CMDLINE:
        strlcpy(boot_info.cmdline, (const char *)(t + 1), sizeof(boot_info.cmdline));
        return NULL;
    case TAG_LOADER:
        strlcpy(boot_info.loader, (const char *)(t + 1), sizeof(boot_info.loader));
        return NULL;
    case TAG_MODULE:
        return boot_add_module(m->start, m->end, m->cmdline, t->size - sizeof(*m));
    case TAG_MMAP:
        return read_mmap((const void *)t);
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        read_rsdp(t);
        return NULL;
    default:
        return NULL;
    }
}

const char *__init multiboot2_read(uint32_t pa)
{
    const uint32_t total = *(const uint32_t *)phys_to_virt(pa);
    uint32_t off = 8;

    boot_info.protocol = "multiboot2";
    while (off + sizeof(struct mb2_tag) <= total) {
        const struct mb2_tag *t = phys_to_virt((uint64_t)pa + off);
        const char *why;

        if (t->type == TAG_END)
            return NULL;
        if (t->size < least_size(t->type) || t->size > total - off)
            return "multiboot2: a tag has an impossible size";
        why = read_tag(t);
        if (why)
            return why;
        off += ALIGN_UP(t->size, 8u);
    }
    return "multiboot2: the information has no end tag";
}
