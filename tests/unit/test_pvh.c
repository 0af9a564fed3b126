/* SPDX-License-Identifier: MIT */
/* What a PVH domain finds at its start: the layout of its memory, the start of day and the ACPI tables, which
 * are read back by the hypervisor's own readers. Written to the folder PVH_ACPI_DUMP, if set, for a look with
 * iasl. */
/* unit-sources: hv/lib/pvh_acpi.c hv/lib/pvh_layout.c hv/lib/elf.c hv/lib/xen_elfnotes.c hv/lib/parse.c */
/* unit-sources: hv/lib/strlcpy.c hv/io/acpi_tables.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <xen/elfnote.h>

#include "tests/unit/elf_maker.h"
#include "hv/io/acpi_tables.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/pvh_layout.h"

#define TABLES 0xfc000000U

static uint8_t *tables;
static struct acpi_info info;
static unsigned int reports;

static void note_report(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
    reports++;
}

static void build(uint32_t vcpus)
{
    tables = calloc(1, pvh_acpi_size(vcpus));
    pvh_acpi_build(tables, TABLES, vcpus);
    reports = 0;
    acpi_info_reset(&info);
}

static const uint8_t *table_at(uint64_t paddr, size_t limit, const char *signature)
{
    const uint8_t *t = tables + (paddr - TABLES);
    const char *why = "";
    uint32_t n;

    cr_assert(paddr >= TABLES && paddr + ACPI_HEADER_SIZE <= TABLES + limit);
    n = acpi_table_length(t);
    cr_assert(paddr + n <= TABLES + limit);
    cr_assert(acpi_table_ok(t, n, &why), "%.4s: %s", signature, why);
    cr_assert_arr_eq(t, signature, 4);
    return t;
}

static void dump(const char *name, const uint8_t *table)
{
    const char *folder = getenv("PVH_ACPI_DUMP");
    char path[256];
    FILE *f;

    if (!folder)
        return;
    snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
    f = fopen(path, "wb");
    cr_assert(f);
    fwrite(table, 1, acpi_table_length(table), f);
    fclose(f);
}

static void check_tables(uint32_t vcpus)
{
    const struct acpi_reader reader = { .info = &info, .report = note_report };
    size_t limit = pvh_acpi_size(vcpus);
    const uint8_t *xsdt, *fadt, *madt, *dsdt;
    unsigned int entry_size;
    uint64_t root, at[2];

    build(vcpus);
    cr_assert_leq(limit, PVH_ACPI_PAGES * PAGE_SIZE);
    cr_assert(acpi_parse_rsdp(tables, PVH_ACPI_RSDP_SIZE, &root, &entry_size));
    cr_assert_eq(entry_size, 8u);
    xsdt = table_at(root, limit, "XSDT");
    memcpy(at, xsdt + ACPI_HEADER_SIZE, sizeof(at));
    fadt = table_at(at[0], limit, "FACP");
    madt = table_at(at[1], limit, "APIC");
    acpi_parse_fadt(&reader, fadt, acpi_table_length(fadt));
    acpi_parse_madt(&reader, madt, acpi_table_length(madt));
    dsdt = table_at(info.dsdt, limit, "DSDT");
    cr_assert_eq(reports, 0u);
    cr_assert(info.no_cmos_rtc && info.no_8042);
    cr_assert_eq(info.pm1a_control, 0);
    cr_assert_eq(info.pm_timer, 0);
    cr_assert_eq(info.nr_ioapics, 0u);
    cr_assert_eq(info.nr_cpus, vcpus);
    for (uint32_t i = 0; i < vcpus; i++) {
        cr_expect_eq(info.cpu[i].uid, i);
        cr_expect_eq(info.cpu[i].apic_id, 2 * i);
    }
    dump("facp", fadt);
    dump("apic", madt);
    dump("dsdt", dsdt);
    free(tables);
}

Test(pvh_acpi, tables_read_back)
{
    check_tables(1);
    check_tables(64);
    check_tables(128);
    check_tables(4);
}

static char why[ELF_WHY_SIZE];
static struct elf_maker kernel;
static struct elf_image elf;
static struct xen_notes notes;

/* A kernel at `paddr` of `bytes`, with notes as Linux has them. */
static void make_kernel(uint64_t paddr, uint64_t bytes, uint64_t entry, uint64_t features)
{
    maker_init(&kernel, paddr);
    maker_segment(&kernel, paddr, 0x100, bytes);
    maker_text(&kernel, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_number(&kernel, XEN_ELFNOTE_SUPPORTED_FEATURES, features);
    if (entry)
        maker_number(&kernel, XEN_ELFNOTE_PHYS32_ENTRY, entry);
    maker_note_segment(&kernel);
    cr_assert(elf_parse(&elf, kernel.bytes, kernel.size, why) && xen_notes_parse(&notes, &elf, why), "%s",
              why);
}

Test(pvh_layout, small_domain)
{
    struct pvh_layout l = { .ram_bytes = MIB(64), .ramdisk_bytes = 5000, .cmdline = "console=hvc0" };
    uint8_t *block;
    const struct hvm_start_info *si;
    const struct hvm_modlist_entry *module;

    make_kernel(MIB(16), MIB(2) + 1, MIB(16) + 0x850, 0x8801);
    cr_assert(pvh_plan(&l, &elf, &notes, why), "%s", why);
    cr_expect_eq(l.low_end, MIB(64));
    cr_expect_eq(l.high_end, 0u);
    cr_expect_eq(l.entry, MIB(16) + 0x850);
    cr_expect_eq(l.ramdisk, MIB(18) + 0x1000);
    cr_expect_eq(l.start_info, l.ramdisk + 0x2000);
    cr_expect_eq(l.rsdp, PVH_ACPI_START);
    cr_expect_eq(l.nr_memmap, 3u);
    block = calloc(1, l.start_info_bytes);
    pvh_write_start_info(&l, block);
    si = (const void *)block;
    cr_expect_eq(si->magic, XEN_HVM_START_MAGIC_VALUE);
    cr_expect_eq(si->version, 1u);
    cr_expect_eq(si->nr_modules, 1u);
    module = (const void *)(block + (si->modlist_paddr - l.start_info));
    cr_expect_eq(module->paddr, l.ramdisk);
    cr_expect_eq(module->size, 5000u);
    cr_expect_str_eq((char *)block + (si->cmdline_paddr - l.start_info), "console=hvc0");
    cr_expect_eq(si->memmap_entries, 3u);
    cr_expect_arr_eq(block + (si->memmap_paddr - l.start_info), l.memmap, 3 * sizeof(l.memmap[0]));
    free(block);
}

/* More memory than fits below the hole goes above 4 GiB; the map is sorted and free of overlap. */
Test(pvh_layout, large_domain)
{
    struct pvh_layout l = { .ram_bytes = GIB(6), .cmdline = "" };
    uint64_t end = 0, ram = 0;

    make_kernel(MIB(1), MIB(1), MIB(1), 0);
    cr_assert(pvh_plan(&l, &elf, &notes, why), "%s", why);
    cr_expect_eq(l.rsdp, PVH_LOW_RSDP);
    cr_expect_eq(l.ramdisk, 0u);
    cr_expect_eq(l.nr_memmap, 4u);
    for (uint32_t i = 0; i < l.nr_memmap; i++) {
        cr_expect_geq(l.memmap[i].addr, end);
        end = l.memmap[i].addr + l.memmap[i].size;
        if (l.memmap[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
            ram += l.memmap[i].size;
    }
    cr_expect_eq(ram, GIB(6));
    cr_expect_eq(end, l.high_end);
}

Test(pvh_layout, refusals)
{
    struct pvh_layout l = { .ram_bytes = MIB(64), .cmdline = "" };

    make_kernel(MIB(16), MIB(2), 0, 0);
    cr_assert_not(pvh_plan(&l, &elf, &notes, why));
    cr_expect(strstr(why, "PHYS32_ENTRY"), "%s", why);
    make_kernel(MIB(16), MIB(2), MIB(18), 0);
    cr_assert_not(pvh_plan(&l, &elf, &notes, why));
    cr_expect(strstr(why, "lies outside"), "%s", why);
    make_kernel(MIB(16), MIB(49), MIB(16), 0);
    cr_assert_not(pvh_plan(&l, &elf, &notes, why));
    cr_expect(strstr(why, "memory only to"), "%s", why);
    make_kernel(MIB(16), MIB(48), MIB(16), 0); /* no room for the start of day */
    cr_assert_not(pvh_plan(&l, &elf, &notes, why));
    cr_expect(strstr(why, "too small"), "%s", why);
    make_kernel(MIB(16), MIB(2), MIB(16), 0);
    l.ramdisk_bytes = ~0ULL - 5;
    cr_assert_not(pvh_plan(&l, &elf, &notes, why));
    cr_expect(strstr(why, "too small"), "%s", why);
}
