/* SPDX-License-Identifier: MIT */
/* The readers of ACPI tables: what they take from good ones, and that bad ones are reported and left out. */
/* unit-sources: hv/io/acpi_tables.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/io/acpi_tables.h"

/* A table under construction. */
struct maker {
    uint8_t bytes[4096];
    size_t n;
};

static struct acpi_info info;
static unsigned reports;
static char last_report[200];

static void note_report(void *ctx, const char *text)
{
    (void)ctx;
    reports++;
    snprintf(last_report, sizeof(last_report), "%s", text);
}

static const struct acpi_reader reader = { .info = &info, .report = note_report };

static void setup(void)
{
    acpi_info_reset(&info);
    reports = 0;
    last_report[0] = '\0';
}

static void put(struct maker *m, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        m->bytes[m->n++] = (uint8_t)(v >> (8 * i));
}

static void start(struct maker *m, const char *signature, uint8_t revision)
{
    memset(m, 0, sizeof(*m));
    memcpy(m->bytes, signature, 4);
    m->bytes[8] = revision;
    m->n = ACPI_HEADER_SIZE;
}

/* Length and checksum. The readers get an exact copy on the heap, so that the sanitiser sees every byte too
 * far. */
static uint8_t *finish(struct maker *m)
{
    uint8_t sum = 0, *copy = malloc(m->n);

    for (unsigned i = 0; i < 4; i++)
        m->bytes[4 + i] = (uint8_t)(m->n >> (8 * i));
    m->bytes[9] = 0;
    for (size_t i = 0; i < m->n; i++)
        sum = (uint8_t)(sum + m->bytes[i]);
    m->bytes[9] = (uint8_t)-sum;
    memcpy(copy, m->bytes, m->n);
    return copy;
}

static void parse_madt(struct maker *m)
{
    uint8_t *t = finish(m);

    acpi_parse_madt(&reader, t, m->n);
    free(t);
}

static void start_madt(struct maker *m)
{
    start(m, "APIC", 3);
    put(m, 0xfee00000, 4);
    put(m, 1, 4);
}

static void put_lapic(struct maker *m, uint8_t uid, uint8_t id, uint32_t flags)
{
    put(m, 0, 1);
    put(m, 8, 1);
    put(m, uid, 1);
    put(m, id, 1);
    put(m, flags, 4);
}

Test(acpi, table_check_finds_damage, .init = setup)
{
    struct maker m;
    const char *why = NULL;
    uint8_t *t;

    start_madt(&m);
    t = finish(&m);
    cr_expect(acpi_table_ok(t, m.n, &why));
    cr_expect_eq(acpi_table_length(t), m.n);
    cr_expect_not(acpi_table_ok(t, m.n - 1, &why));
    cr_expect_str_eq(why, "its length makes no sense: ignored");
    t[m.n - 1] ^= 1;
    cr_expect_not(acpi_table_ok(t, m.n, &why));
    cr_expect_str_eq(why, "its checksum is wrong: ignored");
    t[4] = 35;
    t[5] = t[6] = t[7] = 0;
    cr_expect_eq(acpi_table_length(t), 0);
    t[7] = 0xff;
    cr_expect_eq(acpi_table_length(t), 0);
    free(t);
}

Test(acpi, rsdp_revisions, .init = setup)
{
    uint8_t r[36] = "RSD PTR ";
    uint64_t root = 0;
    unsigned size = 0;

    r[16] = 0x34;
    r[17] = 0x12;
    for (unsigned i = 0; i < 20; i++)
        if (i != 8)
            r[8] = (uint8_t)(r[8] - r[i]);
    cr_expect(acpi_parse_rsdp(r, 20, &root, &size));
    cr_expect_eq(root, 0x1234);
    cr_expect_eq(size, 4);
    cr_expect_not(acpi_parse_rsdp(r, 19, &root, &size));

    r[15] = 2;
    r[8] = (uint8_t)(r[8] - 2);
    r[20] = 36;
    r[24] = 0x78;
    r[32] = (uint8_t) - (36 + 0x78);
    cr_expect(acpi_parse_rsdp(r, 36, &root, &size));
    cr_expect_eq(root, 0x78);
    cr_expect_eq(size, 8);
    r[32]++; /* a bad extension leaves the RSDT */
    cr_expect(acpi_parse_rsdp(r, 36, &root, &size));
    cr_expect_eq(root, 0x1234);
    r[8]++;
    cr_expect_not(acpi_parse_rsdp(r, 36, &root, &size));
}

Test(acpi, madt_cpus, .init = setup)
{
    struct maker m;

    start_madt(&m);
    put_lapic(&m, 7, 3, 1);
    put_lapic(&m, 8, 4, 0); /* disabled */
    put_lapic(&m, 9, 3, 1); /* again */
    put(&m, 9, 1);          /* x2APIC */
    put(&m, 16, 1);
    put(&m, 0, 2);
    put(&m, 300, 4);
    put(&m, 1, 4);
    put(&m, 42, 4);
    parse_madt(&m);
    cr_assert_eq(info.nr_cpus, 2);
    cr_expect_eq(info.cpu[0].apic_id, 3);
    cr_expect_eq(info.cpu[0].uid, 7);
    cr_expect_eq(info.cpu[1].apic_id, 300);
    cr_expect_eq(info.cpu[1].uid, 42);
    cr_expect_eq(reports, 1);
    cr_expect(info.madt);
}

Test(acpi, madt_too_many_cpus, .init = setup)
{
    struct maker m;

    start_madt(&m);
    for (unsigned i = 0; i < 200; i++)
        put_lapic(&m, (uint8_t)i, (uint8_t)i, 1);
    for (unsigned i = 200; i < 258; i++) {
        put(&m, 9, 1);
        put(&m, 16, 1);
        put(&m, 0, 2);
        put(&m, i, 4);
        put(&m, 1, 4);
        put(&m, i, 4);
    }
    parse_madt(&m);
    cr_expect_eq(info.nr_cpus, ACPI_MAX_CPUS);
    cr_expect_eq(reports, 2);
}

Test(acpi, madt_interrupts, .init = setup)
{
    struct maker m;

    start_madt(&m);
    put(&m, 0x0c01, 2); /* I/O APIC */
    put(&m, 2, 2);
    put(&m, 0xfec00000, 4);
    put(&m, 24, 4);
    put(&m, 0x0c01, 2); /* one at 0 */
    put(&m, 3, 2);
    put(&m, 0, 4);
    put(&m, 48, 4);
    put(&m, 0x0a02, 2); /* override: ISA 9 on GSI 20, low, level */
    put(&m, 0x0900, 2);
    put(&m, 20, 4);
    put(&m, 0xf, 2);
    put(&m, 0x0a02, 2); /* override of ISA 16 */
    put(&m, 0x1000, 2);
    put(&m, 20, 4);
    put(&m, 0xf, 2);
    put(&m, 0x0604, 2); /* NMI on LINT1 of all, high, edge */
    put(&m, 0xff, 1);
    put(&m, 5, 2);
    put(&m, 1, 1);
    put(&m, 0x0604, 2); /* NMI on LINT7 */
    put(&m, 0xff, 1);
    put(&m, 5, 2);
    put(&m, 7, 1);
    parse_madt(&m);
    cr_expect_eq(info.nr_ioapics, 1);
    cr_expect_eq(info.ioapic[0].address, 0xfec00000);
    cr_expect_eq(info.ioapic[0].gsi_base, 24);
    cr_expect_eq(info.isa[9].gsi, 20);
    cr_expect(info.isa[9].active_low && info.isa[9].level && info.isa[9].overridden);
    cr_expect_eq(info.isa[8].gsi, 8);
    cr_expect_not(info.isa[8].overridden);
    cr_assert_eq(info.nr_nmis, 1);
    cr_expect_eq(info.nmi[0].uid, ACPI_ALL_CPUS);
    cr_expect_eq(info.nmi[0].lint, 1);
    cr_expect_not(info.nmi[0].level);
    cr_expect_eq(reports, 3);
}

/* Entry lengths that would stop the reader or take it out of the table. */
Test(acpi, madt_bad_lengths, .init = setup)
{
    static const uint8_t lengths[] = { 0, 1, 7, 9, 255 };

    for (unsigned i = 0; i < sizeof(lengths); i++) {
        struct maker m;

        setup();
        start_madt(&m);
        put_lapic(&m, 1, 1, 1);
        put_lapic(&m, 2, 2, 1);
        m.bytes[m.n - 7] = lengths[i];
        parse_madt(&m);
        cr_expect_eq(info.nr_cpus, 1, "length %u", lengths[i]);
        cr_expect_eq(reports, 1, "length %u", lengths[i]);
    }
}

static void make_fadt(struct maker *m, size_t n, uint8_t revision)
{
    start(m, "FACP", revision);
    m->n = n;
    m->bytes[40] = 0x11; /* DSDT */
    m->bytes[46] = 9;    /* SCI */
    m->bytes[65] = 0x06; /* PM1a control 0x604 */
    m->bytes[64] = 0x04;
    m->bytes[108] = 0x32; /* century */
    m->bytes[113] = 4;    /* reset register supported */
    m->bytes[116] = 1;    /* in I/O space */
    m->bytes[120] = 0xf9;
    m->bytes[121] = 0x0c;
    m->bytes[128] = 0x0f;
    m->bytes[140] = 0x22; /* X_DSDT */
}

Test(acpi, fadt, .init = setup)
{
    struct maker m;
    uint8_t *t;

    make_fadt(&m, 268, 6);
    t = finish(&m);
    acpi_parse_fadt(&reader, t, m.n);
    free(t);
    cr_expect(info.fadt);
    cr_expect_eq(info.dsdt, 0x22);
    cr_expect_eq(info.pm1a_control, 0x604);
    cr_expect_eq(info.pm1b_control, 0);
    cr_expect_eq(info.sci_irq, 9);
    cr_expect_eq(info.century, 0x32);
    cr_expect(info.reset_supported);
    cr_expect_eq(info.reset.address, 0xcf9);
    cr_expect_eq(info.reset_value, 0x0f);
    cr_expect(info.no_8042);
    cr_expect_eq(reports, 0);
}

Test(acpi, fadt_of_acpi_1, .init = setup)
{
    struct maker m;
    uint8_t *t;

    make_fadt(&m, 116, 1);
    t = finish(&m);
    acpi_parse_fadt(&reader, t, m.n);
    free(t);
    cr_expect_eq(info.dsdt, 0x11);
    cr_expect_not(info.reset_supported);
    cr_expect_not(info.no_8042);
}

Test(acpi, fadt_bad, .init = setup)
{
    struct maker m;
    uint8_t *t;

    make_fadt(&m, 115, 1);
    t = finish(&m);
    acpi_parse_fadt(&reader, t, m.n);
    free(t);
    cr_expect_not(info.fadt);
    cr_expect_eq(reports, 1);
    make_fadt(&m, 268, 6);
    m.bytes[66] = 1; /* a port above 65535 */
    t = finish(&m);
    acpi_parse_fadt(&reader, t, m.n);
    free(t);
    cr_expect_eq(info.pm1a_control, 0);
    cr_expect_eq(reports, 2);
}

Test(acpi, hpet_and_mcfg, .init = setup)
{
    struct maker m;
    uint8_t *t;

    start(&m, "HPET", 1);
    put(&m, 0, 4);
    put(&m, 0, 4); /* memory space */
    put(&m, 0xfed00000, 8);
    put(&m, 0, 4);
    t = finish(&m);
    acpi_parse_hpet(&reader, t, m.n);
    cr_expect_eq(info.hpet, 0xfed00000);
    acpi_parse_hpet(&reader, t, 55);
    cr_expect_eq(reports, 1);
    free(t);

    start(&m, "MCFG", 1);
    put(&m, 0, 8);
    put(&m, 0xb0000000, 8);
    put(&m, 2, 2);
    put(&m, 0xff00, 2);
    put(&m, 0, 4);
    put(&m, 0xb0000100, 8); /* not aligned */
    put(&m, 2, 2);
    put(&m, 0xff00, 2);
    put(&m, 0, 4);
    t = finish(&m);
    acpi_parse_mcfg(&reader, t, m.n);
    free(t);
    cr_expect_eq(info.nr_mcfg, 1);
    cr_expect_eq(info.mcfg[0].segment, 2);
    cr_expect_eq(info.mcfg[0].bus_last, 255);
    cr_expect_eq(reports, 2);
}

static bool s5_of(const char *aml, size_t n)
{
    struct maker m;
    uint8_t *t;
    bool found;

    start(&m, "DSDT", 1);
    put(&m, 0x10, 2); /* something before it */
    memcpy(m.bytes + m.n, aml, n);
    m.n += n;
    t = finish(&m);
    found = acpi_parse_s5(&info, t, m.n);
    free(t);
    return found;
}
#define S5(aml) s5_of(aml, sizeof(aml) - 1)

Test(acpi, s5, .init = setup)
{
    cr_expect(S5("\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00"));
    cr_expect_eq(info.s5_typ_a, 5);
    cr_expect_eq(info.s5_typ_b, 6);
    cr_expect(S5("\x08\\_S5_\x12\x06\x04\x00\x01\x00\x00"));
    cr_expect_eq(info.s5_typ_a, 0);
    cr_expect_eq(info.s5_typ_b, 1);
    cr_expect(S5("\x08_S5_\x12\x46\x00\x04\x0a\x07\x00\x00\x00")); /* a package length of two bytes */
    cr_expect_eq(info.s5_typ_a, 7);
}

Test(acpi, s5_bad, .init = setup)
{
    cr_expect_not(S5("_S5_\x12\x06\x04\x0a\x05\x0a\x06"));     /* no name operator */
    cr_expect_not(S5("\x08_S5_\x12\x06\x04\x0a\x08\x0a\x06")); /* 8 does not fit three bits */
    cr_expect_not(S5("\x08_S5_\x12\x06\x04\x0a"));             /* the table ends */
    cr_expect_not(S5("\x08_S5_\x12\xff"));
    cr_expect_not(S5("\x08_S5_"));
    cr_expect_not(S5("\x08_S5"));
    cr_expect_not(info.s5);
}
