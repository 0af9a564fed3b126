/* SPDX-License-Identifier: MIT */
#include "pvguest/acpi.h"
#include "pvguest/hypercall.h"
#include "pvguest/vmap.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/platform.h>

#define BIOS_AREA      0xe0000
#define BIOS_AREA_SIZE 0x20000
#define MAX_TABLE      (16UL << 20)

/* ACPI 6 sections 5.2.5.3 and 5.2.6; both start the same in all versions. */
struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
} __attribute__((packed));

struct table_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

static bool sum_is_zero(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    while (length--)
        sum = (uint8_t)(sum + *bytes++);
    return sum == 0;
}

/* A copy of length bytes of machine memory, or NULL. */
static void *copy_machine(uint64_t paddr, size_t length)
{
    void *copy = malloc(length);
    void *mapped = copy ? map_machine(paddr, length, PTE_RO) : NULL;

    if (!mapped) {
        free(copy);
        return NULL;
    }
    memcpy(copy, mapped, length);
    unmap_machine(mapped, length);
    return copy;
}

static bool rsdp_is_valid(const struct rsdp *rsdp)
{
    return memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && sum_is_zero(rsdp, 20);
}

/* UEFI: among the configuration tables, whose address the hypervisor knows. */
static bool find_rsdp_efi(struct rsdp *rsdp)
{
    static const uint8_t acpi20_guid[16] = { 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                             0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 };
    struct xen_platform_op op = {
        .cmd = XENPF_firmware_info,
        .interface_version = XENPF_INTERFACE_VERSION,
        .u.firmware_info = { .type = XEN_FW_EFI_INFO, .index = XEN_FW_EFI_CONFIG_TABLE },
    };
    struct {
        uint8_t guid[16];
        uint64_t address;
    } * entries;
    uint32_t count;
    bool found = false;

    if (hypercall_platform_op(&op))
        return false;
    count = op.u.firmware_info.u.efi_info.cfg.nent;
    entries = count && count < 1024
                  ? copy_machine(op.u.firmware_info.u.efi_info.cfg.addr, count * sizeof(*entries))
                  : NULL;
    for (uint32_t i = 0; entries && i < count && !found; i++) {
        struct rsdp *copy;

        if (memcmp(entries[i].guid, acpi20_guid, sizeof(acpi20_guid)))
            continue;
        copy = copy_machine(entries[i].address, sizeof(*copy));
        found = copy && rsdp_is_valid(copy);
        if (found)
            *rsdp = *copy;
        free(copy);
    }
    free(entries);
    return found;
}

static bool find_rsdp(struct rsdp *rsdp)
{
    char *area;
    bool found = false;

    if (find_rsdp_efi(rsdp))
        return true;
    area = copy_machine(BIOS_AREA, BIOS_AREA_SIZE);
    for (size_t at = 0; area && !found && at < BIOS_AREA_SIZE; at += 16) {
        memcpy(rsdp, area + at, at + sizeof(*rsdp) <= BIOS_AREA_SIZE ? sizeof(*rsdp) : 16);
        found = rsdp_is_valid(rsdp);
    }
    free(area);
    return found;
}

/* The whole table at an address, if it is sound and has that signature. */
static struct table_header *read_table(uint64_t paddr, const char *signature)
{
    struct table_header *header = copy_machine(paddr, sizeof(*header));
    struct table_header *table = NULL;

    if (header && memcmp(header->signature, signature, 4) == 0 && header->length >= sizeof(*header) &&
        header->length <= MAX_TABLE) {
        uint32_t length = header->length;

        table = copy_machine(paddr, length);
        if (table && (table->length != length || !sum_is_zero(table, length))) {
            free(table);
            table = NULL;
        }
    }
    free(header);
    return table;
}

void *acpi_table(const char *signature, size_t *length)
{
    struct table_header *root, *table = NULL;
    struct rsdp rsdp;
    size_t width = 4;

    if (!find_rsdp(&rsdp))
        return NULL;
    root = rsdp.revision >= 2 && rsdp.xsdt ? read_table(rsdp.xsdt, "XSDT") : NULL;
    if (root)
        width = 8;
    else
        root = read_table(rsdp.rsdt, "RSDT");
    for (size_t at = sizeof(*root); root && !table && at + width <= root->length; at += width) {
        uint64_t paddr = 0;

        memcpy(&paddr, (const char *)root + at, width);
        table = read_table(paddr, signature);
    }
    if (table)
        *length = table->length;
    free(root);
    return table;
}
