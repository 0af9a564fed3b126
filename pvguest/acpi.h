/* SPDX-License-Identifier: MIT */
/* Reading the machine's ACPI tables in a domain that may see them. Tables are firmware's: lengths and
 * checksums are checked. */
#ifndef PVGUEST_ACPI_H
#define PVGUEST_ACPI_H

#include <stddef.h>

/* A copy, malloc()ed, of the first table with that four-letter signature, header included; NULL if there is
 * none or it is damaged. Threads only. */
void *acpi_table(const char *signature, size_t *length);

#endif
