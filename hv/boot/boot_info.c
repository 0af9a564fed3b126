/* SPDX-License-Identifier: MIT */
#include "hv/boot/boot.h"
#include "hv/lib/string.h"
#include "hv/mm/layout.h"

struct boot_info boot_info;

static char module_cmdlines[BOOT_MAX_MODULES * 1024];
static size_t module_cmdlines_used;

const char *boot_add_memory(uint64_t start, uint64_t size, uint32_t type)
{
    struct boot_memory *m = &boot_info.memory[boot_info.nr_memory];

    if (!size || start + size < start)
        return NULL; /* empty or wrapping: tells nothing */
    if (boot_info.nr_memory == BOOT_MAX_RAM)
        return "the loader's memory map has more entries than Ryokan keeps (128)";
    *m = (struct boot_memory){ start, start + size, type };
    boot_info.nr_memory++;
    return NULL;
}

const char *boot_add_module(uint64_t start, uint64_t end, const char *cmdline, size_t max)
{
    struct boot_module *m = &boot_info.module[boot_info.nr_modules];
    size_t len = cmdline ? strnlen(cmdline, max) : 0;

    if (boot_info.nr_modules == BOOT_MAX_MODULES)
        return "more than 32 boot modules";
    if (end < start)
        return "a boot module ends before it starts";
    if (module_cmdlines_used + len + 1 > sizeof(module_cmdlines))
        return "the boot modules' command lines are too long (32 KiB in all)";
    m->start = start;
    m->end = end;
    m->cmdline = module_cmdlines + module_cmdlines_used;
    memcpy(m->cmdline, cmdline, len);
    m->cmdline[len] = '\0';
    module_cmdlines_used += len + 1;
    /* The first word is the file's name. */
    while (*m->cmdline && *m->cmdline != ' ')
        m->cmdline++;
    while (*m->cmdline == ' ')
        m->cmdline++;
    boot_info.nr_modules++;
    return NULL;
}

/* RAM that any other entry also claims is not RAM. */
static void clip_ram(struct boot_memory *ram, const struct boot_memory *other)
{
    if (other->end <= ram->start || other->start >= ram->end)
        return;
    if (other->start <= ram->start) {
        ram->start = min(other->end, ram->end);
    } else {
        if (other->end < ram->end)
            boot_add_memory(other->end, ram->end - other->end, MEMORY_RAM);
        ram->end = other->start;
    }
}

static void sort_memory(void)
{
    struct boot_memory *m = boot_info.memory;

    for (unsigned int i = 1; i < boot_info.nr_memory; i++)
        for (unsigned int j = i; j > 0 && m[j].start < m[j - 1].start; j--) {
            struct boot_memory t = m[j];

            m[j] = m[j - 1];
            m[j - 1] = t;
        }
}

/* Adjacent or overlapping RAM entries become one, so that no byte is counted twice. */
static void merge_ram(void)
{
    struct boot_memory *m = boot_info.memory;
    unsigned int n = 0;

    for (unsigned int i = 0; i < boot_info.nr_memory; i++) {
        if (m[i].start >= m[i].end)
            continue;
        if (n && m[i].type == MEMORY_RAM && m[n - 1].type == MEMORY_RAM && m[i].start <= m[n - 1].end)
            m[n - 1].end = max(m[n - 1].end, m[i].end);
        else
            m[n++] = m[i];
    }
    boot_info.nr_memory = n;
}

const char *boot_finish_memory(void)
{
    const uint64_t limit = DIRECT_MAP_END - DIRECT_MAP_START;
    struct boot_memory *m = boot_info.memory;

    for (unsigned int i = 0; i < boot_info.nr_memory; i++) {
        if (m[i].type == MEMORY_RAM) {
            m[i].start = ALIGN_UP(m[i].start, PAGE_SIZE);
            m[i].end = ALIGN_DOWN(min(m[i].end, limit), PAGE_SIZE);
            if (m[i].end < m[i].start)
                m[i].end = m[i].start;
            continue;
        }
        m[i].start = ALIGN_DOWN(m[i].start, PAGE_SIZE);
        if (m[i].end < UINT64_MAX - PAGE_SIZE)
            m[i].end = ALIGN_UP(m[i].end, PAGE_SIZE);
    }
    for (unsigned int i = 0; i < boot_info.nr_memory; i++)
        for (unsigned int j = 0; m[i].type == MEMORY_RAM && j < boot_info.nr_memory; j++)
            if (m[j].type != MEMORY_RAM)
                clip_ram(&m[i], &m[j]);
    sort_memory();
    merge_ram();
    for (unsigned int i = 0; i < boot_info.nr_memory; i++)
        if (m[i].type == MEMORY_RAM)
            return NULL;
    return "the loader's memory map has no RAM";
}
