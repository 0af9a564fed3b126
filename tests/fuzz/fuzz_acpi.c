/* SPDX-License-Identifier: MIT */
/* Any bytes as an ACPI table: the readers stay inside them and their results keep their own limits. */
/* fuzz-sources: hv/io/acpi_tables.c */
#include <stdlib.h>
#include <string.h>

#include "hv/io/acpi_tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(void *ctx, const char *text)
{
    (void)ctx;
    if (strlen(text) == 0 || strchr(text, '\n') != NULL)
        abort();
}

static void check_info(const struct acpi_info *info)
{
    if (info->nr_cpus > ACPI_MAX_CPUS || info->nr_ioapics > ACPI_MAX_IOAPICS ||
        info->nr_nmis > ACPI_MAX_NMIS || info->nr_mcfg > ACPI_MAX_MCFG || info->s5_typ_a > 7 ||
        info->s5_typ_b > 7)
        abort();
    for (uint32_t i = 0; i < info->nr_nmis; i++)
        if (info->nmi[i].lint > 1)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acpi_info info;
    const struct acpi_reader reader = { .info = &info, .report = check_text };
    uint64_t root;
    unsigned entry_size;
    const char *why;

    acpi_info_reset(&info);
    acpi_parse_rsdp(data, size, &root, &entry_size);
    acpi_table_ok(data, size, &why);
    /* The readers are called for checked tables, which have a header at least. */
    if (size < ACPI_HEADER_SIZE)
        return 0;
    acpi_parse_madt(&reader, data, size);
    acpi_parse_fadt(&reader, data, size);
    acpi_parse_hpet(&reader, data, size);
    acpi_parse_mcfg(&reader, data, size);
    acpi_parse_s5(&info, data, size);
    check_info(&info);
    return 0;
}
