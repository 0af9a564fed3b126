/* SPDX-License-Identifier: MIT */
/* Finds the tables in memory and hands them to the readers of acpi_tables.c. */
#include "hv/io/acpi.h"
#include "hv/io/acpi_tables.h"
#include "hv/io/console.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/paging.h"

#define BIOS_START 0xe0000
#define BIOS_END   0x100000
#define EBDA_PTR   0x40e /* segment of the extended BIOS data area */
/* More tables than any machine has: a root table with more is cut. */
#define ROOT_ENTRIES_MAX 256
/* Bad tables beyond these are counted, not listed. */
#define REPORTS_MAX 16

struct acpi_info acpi_info;

/* Which table is being read, for messages. */
struct table_name {
    char signature[5];
    uint64_t address;
};

static unsigned int reports;

static void report_table(void *ctx, const char *text)
{
    const struct table_name *t = ctx;

    if (reports++ < REPORTS_MAX)
        printk("ACPI: table %s at %#llx: %s\n", t->signature, (unsigned long long)t->address, text);
}

static void table_name_set(struct table_name *t, const void *header, uint64_t pa)
{
    memcpy(t->signature, header, 4);
    for (unsigned int i = 0; i < 4; i++)
        if (t->signature[i] < ' ' || t->signature[i] > '~')
            t->signature[i] = '?';
    t->signature[4] = '\0';
    t->address = pa;
}

static bool address_ok(uint64_t pa, size_t n)
{
    return pa != 0 && pa <= (pte_phys_mask | (PAGE_SIZE - 1)) - n;
}

/* Maps the whole table at pa after checking it; NULL (reported) when it is bad. Undo with vunmap(). */
static const void *map_table(uint64_t pa, size_t *n, struct table_name *name)
{
    const void *table;
    const char *why = "cannot be mapped: ignored";

    *name = (struct table_name){ .signature = "????", .address = pa };
    table = address_ok(pa, ACPI_HEADER_SIZE) ? map_phys_wb(pa, ACPI_HEADER_SIZE) : NULL;
    if (table == NULL) {
        report_table(name, "not a usable address: ignored");
        return NULL;
    }
    table_name_set(name, table, pa);
    *n = acpi_table_length(table);
    vunmap(table, ACPI_HEADER_SIZE);
    if (*n == 0 || !address_ok(pa, *n)) {
        report_table(name, "its length makes no sense: ignored");
        return NULL;
    }
    table = map_phys_wb(pa, *n);
    if (table != NULL && acpi_table_ok(table, *n, &why))
        return table;
    if (table != NULL)
        vunmap(table, *n);
    report_table(name, why);
    return NULL;
}

/* The root pointer lies on a 16-byte boundary of [start, end); 0 = not there. */
static uint64_t scan_rsdp(uint64_t start, uint64_t end)
{
    const uint8_t *area = map_phys_wb(start, end - start);
    uint64_t found = 0, root;
    unsigned int entry_size;

    if (area == NULL)
        return 0;
    for (uint64_t at = 0; found == 0 && at + ACPI_RSDP_SIZE <= end - start; at += 16)
        if (acpi_parse_rsdp(area + at, end - start - at, &root, &entry_size))
            found = start + at;
    vunmap(area, end - start);
    return found;
}

static uint64_t find_rsdp(void)
{
    const uint16_t *ptr = map_phys_wb(EBDA_PTR, sizeof(*ptr));
    uint64_t ebda = 0, found = 0;

    if (ptr != NULL) {
        memcpy(&ebda, ptr, sizeof(*ptr));
        ebda <<= 4;
        vunmap(ptr, sizeof(*ptr));
    }
    if (ebda >= KIB(512) && ebda < KIB(640))
        found = scan_rsdp(ebda, ebda + KIB(1));
    return found ? found : scan_rsdp(BIOS_START, BIOS_END);
}

/* One table of the root's list. */
static void read_table(uint64_t pa)
{
    static const struct {
        char signature[5];
        void (*parse)(const struct acpi_reader *, const void *, size_t);
    } readers[] = {
        { "APIC", acpi_parse_madt },
        { "FACP", acpi_parse_fadt },
        { "HPET", acpi_parse_hpet },
        { "MCFG", acpi_parse_mcfg },
    };
    struct table_name name;
    struct acpi_reader reader = { .info = &acpi_info, .report = report_table, .ctx = &name };
    size_t n;
    const void *table = map_table(pa, &n, &name);

    if (table == NULL)
        return;
    printk(LOG_DEBUG "ACPI: %s at %#llx, %zu bytes\n", name.signature, (unsigned long long)pa, n);
    if ((acpi_info.madt && strcmp(name.signature, "APIC") == 0) ||
        (acpi_info.fadt && strcmp(name.signature, "FACP") == 0))
        report_table(&name, "is there twice: second one ignored");
    else
        for (unsigned int i = 0; i < ARRAY_SIZE(readers); i++)
            if (strcmp(name.signature, readers[i].signature) == 0)
                readers[i].parse(&reader, table, n);
    if (!acpi_info.s5 && strcmp(name.signature, "SSDT") == 0)
        acpi_parse_s5(&acpi_info, table, n);
    vunmap(table, n);
}

static void read_dsdt(void)
{
    struct table_name name;
    size_t n;
    const void *table;

    if (acpi_info.dsdt == 0)
        return;
    table = map_table(acpi_info.dsdt, &n, &name);
    if (table == NULL)
        return;
    acpi_parse_s5(&acpi_info, table, n);
    vunmap(table, n);
}

static void read_root(uint64_t root, unsigned int entry_size)
{
    struct table_name name;
    size_t n, entries;
    const uint8_t *table = map_table(root, &n, &name);

    if (table == NULL)
        return;
    entries = (n - ACPI_HEADER_SIZE) / entry_size;
    if (entries > ROOT_ENTRIES_MAX) {
        report_table(&name, "lists too many tables: the first 256 are read");
        entries = ROOT_ENTRIES_MAX;
    }
    for (size_t i = 0; i < entries; i++) {
        uint64_t pa = 0;

        memcpy(&pa, table + ACPI_HEADER_SIZE + i * entry_size, entry_size);
        if (pa != 0)
            read_table(pa);
    }
    vunmap(table, n);
}

void __init acpi_init(uint64_t rsdp_pa, const void *rsdp_copy)
{
    uint64_t root = 0;
    unsigned int entry_size = 0;
    const void *rsdp = rsdp_copy;

    acpi_info_reset(&acpi_info);
    if (rsdp == NULL) {
        if (rsdp_pa == 0)
            rsdp_pa = find_rsdp();
        if (address_ok(rsdp_pa, ACPI_RSDP2_SIZE))
            rsdp = map_phys_wb(rsdp_pa, ACPI_RSDP2_SIZE);
    }
    if (rsdp == NULL || !acpi_parse_rsdp(rsdp, ACPI_RSDP2_SIZE, &root, &entry_size))
        printk("ACPI: no valid root pointer%s: going on with one CPU and no I/O APIC\n",
               rsdp == NULL ? " found" : "");
    if (rsdp != NULL && rsdp != rsdp_copy)
        vunmap(rsdp, ACPI_RSDP2_SIZE);
    if (root == 0)
        return;
    acpi_info.rsdp = rsdp_pa;
    read_root(root, entry_size);
    read_dsdt();
    if (reports > REPORTS_MAX)
        printk("ACPI: %u more complaints about tables are left out\n", reports - REPORTS_MAX);
    if (!acpi_info.madt)
        printk("ACPI: no usable MADT: going on with one CPU and no I/O APIC\n");
}

bool acpi_device_address_ok(uint64_t pa)
{
    mfn_t m = mfn(pa >> PAGE_SHIFT);

    return address_ok(pa, PAGE_SIZE) && !(mfn_valid(m) && mfn_to_frame(m)->owner != DOMID_IO);
}
