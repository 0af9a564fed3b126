/* SPDX-License-Identifier: MIT */
/* The readers of single ACPI tables: pure functions over bytes, without access to the machine. */
#ifndef HV_IO_ACPI_TABLES_H
#define HV_IO_ACPI_TABLES_H

#include "hv/io/acpi.h"

#define ACPI_HEADER_SIZE    36
#define ACPI_RSDP_SIZE      20 /* revision 0 */
#define ACPI_RSDP2_SIZE     36
#define ACPI_TABLE_MAX_SIZE MIB(16)

/* Gets one finished sentence for each thing that is wrong, without a line end. */
typedef void (*acpi_report_t)(void *ctx, const char *text);

struct acpi_reader {
    struct acpi_info *info;
    acpi_report_t report;
    void *ctx;
};

bool acpi_checksum_ok(const void *bytes, size_t n);

/*
 * Checks a root pointer of which `n` bytes are readable. True: *root is the physical address of the root
 * table and *entry_size the size of its entries, 4 (RSDT) or 8 (XSDT).
 */
bool acpi_parse_rsdp(const void *rsdp, size_t n, uint64_t *root, unsigned int *entry_size);

/*
 * A table as a whole: `n` bytes from the header on. False when the length in the header is not n or the
 * checksum is wrong; *why says it.
 */
bool acpi_table_ok(const void *table, size_t n, const char **why);
/* The length in a header of which ACPI_HEADER_SIZE bytes are readable; 0 when it cannot be that of a table.
 */
uint32_t acpi_table_length(const void *header);

/* Defaults for a machine without tables: identity mapping of the ISA interrupts. */
void acpi_info_reset(struct acpi_info *info);

/* The readers; the table is checked by acpi_table_ok(). What is wrong inside is reported and left out. */
void acpi_parse_madt(const struct acpi_reader *r, const void *table, size_t n);
void acpi_parse_fadt(const struct acpi_reader *r, const void *table, size_t n);
void acpi_parse_hpet(const struct acpi_reader *r, const void *table, size_t n);
void acpi_parse_mcfg(const struct acpi_reader *r, const void *table, size_t n);
/* DSDT or SSDT: looks for the package _S5_; false when it is not there (nothing is reported then). */
bool acpi_parse_s5(struct acpi_info *info, const void *table, size_t n);

#endif
