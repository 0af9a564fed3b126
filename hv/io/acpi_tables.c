/* SPDX-License-Identifier: MIT */
#include "hv/io/acpi_tables.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

__printf(2, 3) static void report(const struct acpi_reader *r, const char *fmt, ...)
{
    char text[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    r->report(r->ctx, text);
}

bool acpi_checksum_ok(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

/* Signature 0, checksum 8, revision 15, RSDT 16, length 20, XSDT 24, extended checksum 32. */
bool acpi_parse_rsdp(const void *rsdp, size_t n, uint64_t *root, unsigned int *entry_size)
{
    const uint8_t *p = rsdp;

    if (n < ACPI_RSDP_SIZE || memcmp(p, "RSD PTR ", 8) != 0 || !acpi_checksum_ok(p, ACPI_RSDP_SIZE))
        return false;
    *root = le32(p + 16);
    *entry_size = 4;
    if (p[15] >= 2 && n >= ACPI_RSDP2_SIZE && le32(p + 20) == ACPI_RSDP2_SIZE &&
        acpi_checksum_ok(p, ACPI_RSDP2_SIZE) && le64(p + 24) != 0) {
        *root = le64(p + 24);
        *entry_size = 8;
    }
    return *root != 0;
}

uint32_t acpi_table_length(const void *header)
{
    uint32_t length = le32((const uint8_t *)header + 4);

    return length < ACPI_HEADER_SIZE || length > ACPI_TABLE_MAX_SIZE ? 0 : length;
}

bool acpi_table_ok(const void *table, size_t n, const char **why)
{
    if (n < ACPI_HEADER_SIZE || acpi_table_length(table) != n)
        *why = "its length makes no sense: ignored";
    else if (!acpi_checksum_ok(table, n))
        *why = "its checksum is wrong: ignored";
    else
        return true;
    return false;
}

void acpi_info_reset(struct acpi_info *info)
{
    memset(info, 0, sizeof(*info));
    for (unsigned int i = 0; i < ISA_IRQS; i++)
        info->isa[i].gsi = i;
}

/* MPS INTI flags: polarity in bits 0-1, trigger in bits 2-3; 0 = as the bus has it (ISA: active high, edge).
 */
static void parse_inti_flags(uint16_t flags, bool *active_low, bool *level)
{
    *active_low = (flags & 3) == 3;
    *level = ((flags >> 2) & 3) == 3;
}

static void madt_cpu(const struct acpi_reader *r, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    struct acpi_info *info = r->info;

    if (!(flags & 1))
        return;
    for (uint32_t i = 0; i < info->nr_cpus; i++) {
        if (info->cpu[i].apic_id == apic_id) {
            report(r, "CPU with APIC id %u is listed twice: second one ignored", apic_id);
            return;
        }
    }
    if (info->nr_cpus == ACPI_MAX_CPUS) {
        report(r, "more than %d CPUs: APIC id %u ignored", ACPI_MAX_CPUS, apic_id);
        return;
    }
    info->cpu[info->nr_cpus++] = (struct acpi_cpu){ .apic_id = apic_id, .uid = uid };
}

static void madt_ioapic(const struct acpi_reader *r, const uint8_t *e)
{
    struct acpi_info *info = r->info;
    uint32_t address = le32(e + 4);

    if (info->nr_ioapics == ACPI_MAX_IOAPICS || address == 0 || !IS_ALIGNED(address, 16u))
        report(r, "I/O APIC %u at %#x ignored", e[2], address);
    else
        info->ioapic[info->nr_ioapics++] =
            (struct acpi_ioapic){ .id = e[2], .address = address, .gsi_base = le32(e + 8) };
}

static void madt_override(const struct acpi_reader *r, const uint8_t *e)
{
    struct acpi_isa_irq *irq;

    if (e[2] != 0 || e[3] >= ISA_IRQS) {
        report(r, "interrupt override of bus %u irq %u ignored", e[2], e[3]);
        return;
    }
    irq = &r->info->isa[e[3]];
    irq->gsi = le32(e + 4);
    irq->overridden = true;
    parse_inti_flags(le16(e + 8), &irq->active_low, &irq->level);
}

static void madt_nmi(const struct acpi_reader *r, uint32_t uid, uint16_t flags, uint8_t lint)
{
    struct acpi_info *info = r->info;
    struct acpi_nmi *nmi = &info->nmi[info->nr_nmis];

    if (info->nr_nmis == ACPI_MAX_NMIS || lint > 1) {
        report(r, "NMI source on LINT%u ignored", lint);
        return;
    }
    *nmi = (struct acpi_nmi){ .uid = uid, .lint = lint };
    parse_inti_flags(flags, &nmi->active_low, &nmi->level);
    info->nr_nmis++;
}

/* Interrupt controller structure types (ACPI 6.4 table 5.21) and the sizes that this reader needs. */
enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10
};
static const uint8_t madt_size[] = {
    [MADT_LAPIC] = 8,     [MADT_IOAPIC] = 12, [MADT_OVERRIDE] = 10,   [3] = 2,
    [MADT_LAPIC_NMI] = 6, [MADT_X2APIC] = 16, [MADT_X2APIC_NMI] = 12,
};

static void madt_entry(const struct acpi_reader *r, const uint8_t *e)
{
    switch (e[0]) {
    case MADT_LAPIC:
        madt_cpu(r, e[3], e[2], le32(e + 4));
        break;
    case MADT_IOAPIC:
        madt_ioapic(r, e);
        break;
    case MADT_OVERRIDE:
        madt_override(r, e);
        break;
    case MADT_LAPIC_NMI:
        madt_nmi(r, e[2] == 0xff ? ACPI_ALL_CPUS : e[2], le16(e + 3), e[5]);
        break;
    case MADT_X2APIC:
        madt_cpu(r, le32(e + 4), le32(e + 12), le32(e + 8));
        break;
    case MADT_X2APIC_NMI:
        madt_nmi(r, le32(e + 4), le16(e + 2), e[8]);
        break;
    default:
        break;
    }
}

void acpi_parse_madt(const struct acpi_reader *r, const void *table, size_t n)
{
    const uint8_t *t = table;
    size_t at = ACPI_HEADER_SIZE + 8; /* local APIC address and flags */

    r->info->madt = true;
    while (at + 2 <= n) {
        const uint8_t *e = t + at;
        uint8_t need = e[0] < sizeof(madt_size) ? madt_size[e[0]] : 0;

        if (e[1] < 2 || e[1] > n - at || e[1] < need) {
            report(r, "entry of type %u at offset %zu has length %u: rest ignored", e[0], at, e[1]);
            return;
        }
        madt_entry(r, e);
        at += e[1];
    }
}

/* A generic address structure: space, bit width, bit offset, access size, address. */
static struct acpi_register parse_register(const uint8_t *p)
{
    return (struct acpi_register){ .space = p[0], .width = p[1], .address = le64(p + 4) };
}

/* An I/O port from the 64-bit field at `x` if the table has it and it is set, else from the 32-bit field at
 * `old`. */
static uint16_t fadt_port(const struct acpi_reader *r, const uint8_t *t, size_t n, size_t old, size_t x)
{
    uint64_t port = le32(t + old);

    if (n >= x + 12) {
        struct acpi_register reg = parse_register(t + x);

        if (reg.address != 0 && reg.space == ACPI_SPACE_IO)
            port = reg.address;
    }
    if (port > 0xfffe) {
        report(r, "I/O port %#llx at offset %zu ignored", (unsigned long long)port, old);
        port = 0;
    }
    return (uint16_t)port;
}

#define FADT_MIN_SIZE    116 /* ACPI 1.0 */
#define FADT_RESET_REG   116
#define FADT_X_DSDT      140
#define FADT_X_PM1A_EVT  148
#define FADT_X_PM1A_CNT  172
#define FADT_X_PM1B_CNT  184
#define FADT_X_PM_TIMER  208
#define FADT_FLAG_RESET  BIT(10)
#define FADT_BOOT_8042   BIT(1)
#define FADT_BOOT_NO_RTC BIT(5)

void acpi_parse_fadt(const struct acpi_reader *r, const void *table, size_t n)
{
    const uint8_t *t = table;
    struct acpi_info *info = r->info;

    if (n < FADT_MIN_SIZE) {
        report(r, "%zu bytes are too few: ignored", n);
        return;
    }
    info->fadt = true;
    info->dsdt = le32(t + 40);
    if (n >= FADT_X_DSDT + 8 && le64(t + FADT_X_DSDT) != 0)
        info->dsdt = le64(t + FADT_X_DSDT);
    info->sci_irq = le16(t + 46);
    info->smi_cmd = le32(t + 48);
    info->acpi_enable = t[52];
    info->pm1a_event = fadt_port(r, t, n, 56, FADT_X_PM1A_EVT);
    info->pm1a_control = fadt_port(r, t, n, 64, FADT_X_PM1A_CNT);
    info->pm1b_control = fadt_port(r, t, n, 68, FADT_X_PM1B_CNT);
    info->pm_timer = fadt_port(r, t, n, 76, FADT_X_PM_TIMER);
    info->century = t[108] & 0x7f;
    if (t[8] >= 3) { /* boot architecture flags came with ACPI 2.0 */
        info->no_8042 = !(le16(t + 109) & FADT_BOOT_8042);
        info->no_cmos_rtc = le16(t + 109) & FADT_BOOT_NO_RTC;
    }
    if (n >= FADT_RESET_REG + 13 && (le32(t + 112) & FADT_FLAG_RESET)) {
        info->reset = parse_register(t + FADT_RESET_REG);
        info->reset_value = t[FADT_RESET_REG + 12];
        info->reset_supported = info->reset.address != 0 && info->reset.space <= ACPI_SPACE_PCI;
    }
}

void acpi_parse_hpet(const struct acpi_reader *r, const void *table, size_t n)
{
    struct acpi_register reg;

    if (n < 56) {
        report(r, "%zu bytes are too few: ignored", n);
        return;
    }
    reg = parse_register((const uint8_t *)table + 40);
    if (reg.space != ACPI_SPACE_MEMORY || reg.address == 0 || !IS_ALIGNED(reg.address, 1024ULL))
        report(r, "address %#llx in space %u ignored", (unsigned long long)reg.address, reg.space);
    else if (r->info->hpet == 0)
        r->info->hpet = reg.address;
}

void acpi_parse_mcfg(const struct acpi_reader *r, const void *table, size_t n)
{
    const uint8_t *t = table;
    struct acpi_info *info = r->info;

    for (size_t at = ACPI_HEADER_SIZE + 8; at + 16 <= n; at += 16) {
        struct acpi_mcfg m = { .address = le64(t + at),
                               .segment = le16(t + at + 8),
                               .bus_first = t[at + 10],
                               .bus_last = t[at + 11] };

        if (info->nr_mcfg == ACPI_MAX_MCFG || m.address == 0 || !IS_ALIGNED(m.address, MIB(1)) ||
            m.bus_first > m.bus_last)
            report(r, "segment %u buses %u-%u at %#llx ignored", m.segment, m.bus_first, m.bus_last,
                   (unsigned long long)m.address);
        else
            info->mcfg[info->nr_mcfg++] = m;
    }
}

/* AML (ACPI 6.4 chapter 20): an integer of at most a byte at *at; false at anything else. */
static bool aml_small_integer(const uint8_t *t, size_t n, size_t *at, uint8_t *value)
{
    if (*at < n && t[*at] <= 1) { /* ZeroOp, OneOp */
        *value = t[(*at)++];
        return true;
    }
    if (*at + 1 < n && t[*at] == 0x0a) { /* BytePrefix */
        *value = t[*at + 1];
        *at += 2;
        return true;
    }
    return false;
}

/* Name (_S5_, Package () { typ_a, typ_b, ... }), where `at` is behind the name. */
static bool aml_s5_package(struct acpi_info *info, const uint8_t *t, size_t n, size_t at)
{
    uint8_t a, b;

    if (at + 2 >= n || t[at] != 0x12) /* PackageOp */
        return false;
    at += 2 + (t[at + 1] >> 6); /* PkgLength: its first byte says how many follow */
    at++;                       /* NumElements */
    if (!aml_small_integer(t, n, &at, &a) || !aml_small_integer(t, n, &at, &b) || a > 7 || b > 7)
        return false;
    info->s5_typ_a = a;
    info->s5_typ_b = b;
    info->s5 = true;
    return true;
}

bool acpi_parse_s5(struct acpi_info *info, const void *table, size_t n)
{
    const uint8_t *t = table;

    for (size_t at = ACPI_HEADER_SIZE + 1; at + 4 <= n; at++) {
        bool named = t[at - 1] == 0x08 || (t[at - 1] == '\\' && t[at - 2] == 0x08); /* NameOp */

        if (named && memcmp(t + at, "_S5_", 4) == 0 && aml_s5_package(info, t, n, at + 4))
            return true;
    }
    return false;
}
