/* SPDX-License-Identifier: MIT */
/* See pvh_acpi.h. Table layouts: ACPI specification 5.0, sections 5.2.5 to 5.2.12; AML: chapter 19. */
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/string.h"

struct rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t checksum_all;
    uint8_t reserved[3];
} __packed;
_Static_assert(sizeof(struct rsdp) == PVH_ACPI_RSDP_SIZE, "ACPI 5.0 table 5-27");

struct table_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __packed;

struct xsdt {
    struct table_header h;
    uint64_t entry[2]; /* FADT, MADT */
} __packed;

struct fadt {
    struct table_header h;
    uint32_t firmware_ctrl;
    uint32_t dsdt;
    uint8_t no_hardware_1[65]; /* fixed registers, all absent */
    uint8_t boot_arch_low, boot_arch_high;
    uint8_t reserved_1;
    uint32_t flags;
    uint8_t no_reset_register[12];
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_version;
    uint64_t x_firmware_ctrl;
    uint64_t x_dsdt;
    uint8_t no_hardware_2[120]; /* fixed and sleep registers by generic address */
} __packed;
_Static_assert(sizeof(struct fadt) == 268, "ACPI 5.0 table 5-34");
_Static_assert(offsetof(struct fadt, boot_arch_low) == 109 && offsetof(struct fadt, flags) == 112 &&
                   offsetof(struct fadt, x_dsdt) == 140,
               "ACPI 5.0 table 5-34");

#define FADT_NO_VGA           BIT(2) /* boot_arch_low */
#define FADT_NO_CMOS_RTC      BIT(5)
#define FADT_WBINVD           BIT(0) /* flags */
#define FADT_PROC_C1          BIT(2)
#define FADT_NO_POWER_BUTTON  BIT(4)
#define FADT_NO_SLEEP_BUTTON  BIT(5)
#define FADT_HARDWARE_REDUCED BIT(20)

struct facs {
    char signature[4];
    uint32_t length;
    uint8_t reserved[24];
    uint8_t version;
    uint8_t reserved_2[31];
} __packed;
_Static_assert(sizeof(struct facs) == 64, "ACPI 5.0 table 5-39");

struct madt_lapic {
    uint8_t type, length;
    uint8_t processor_uid;
    uint8_t apic_id;
    uint32_t flags;
} __packed;

struct madt {
    struct table_header h;
    uint32_t lapic_address;
    uint32_t flags;
    struct madt_lapic lapic[];
} __packed;

#define MADT_LAPIC_ENABLED 1

/* AML */
#define AML_NAME   0x08
#define AML_BYTE   0x0a
#define AML_STRING 0x0d
#define AML_SCOPE  0x10
#define AML_EXT    0x5b
#define AML_DEVICE 0x82

/* One processor object, as AML; its UID is the MADT entry's. */
struct aml_processor {
    uint8_t device[2];
    uint8_t pkg_length; /* from itself to the end of the object */
    char name[4];
    uint8_t hid_op;
    char hid_name[4];
    uint8_t hid_string;
    char hid[9];
    uint8_t uid_op;
    char uid_name[4];
    uint8_t uid_byte;
    uint8_t uid;
} __packed;

/* The scope that holds all of them. */
struct aml_scope {
    uint8_t op;
    uint8_t pkg_length[3]; /* three-byte form: from itself to the end */
    char name[4];
    struct aml_processor processor[];
} __packed;

struct dsdt {
    struct table_header h;
    struct aml_scope sb;
} __packed;

#define TABLE_ALIGN 64UL /* FACS asks for it */

struct builder {
    uint8_t *base;
    uint32_t paddr;
    size_t used;
};

/* Room for a table of `bytes`; *paddr is where the guest sees it. */
static void *place(struct builder *b, size_t bytes, uint32_t *paddr)
{
    void *p = b->base + b->used;

    *paddr = b->paddr + (uint32_t)b->used;
    b->used += ALIGN_UP(bytes, TABLE_ALIGN);
    return p;
}

static uint8_t checksum(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return (uint8_t)-sum;
}

static void finish_table(struct table_header *h, const char *signature, uint8_t revision, size_t bytes)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    h->length = (uint32_t)bytes;
    h->revision = revision;
    memcpy(h->oem_id, "Ryokan", sizeof(h->oem_id));
    memcpy(h->oem_table_id, "PVHGUEST", sizeof(h->oem_table_id));
    h->oem_revision = 1;
    memcpy(h->creator_id, "RYKN", sizeof(h->creator_id));
    h->creator_revision = 1;
    h->checksum = 0;
    h->checksum = checksum(h, bytes);
}

static size_t madt_size(uint32_t vcpus)
{
    return sizeof(struct madt) + vcpus * sizeof(struct madt_lapic);
}

static size_t dsdt_size(uint32_t vcpus)
{
    return sizeof(struct dsdt) + vcpus * sizeof(struct aml_processor);
}

size_t pvh_acpi_size(uint32_t vcpus)
{
    return ALIGN_UP(sizeof(struct rsdp), TABLE_ALIGN) + ALIGN_UP(sizeof(struct xsdt), TABLE_ALIGN) +
           ALIGN_UP(sizeof(struct fadt), TABLE_ALIGN) + ALIGN_UP(sizeof(struct facs), TABLE_ALIGN) +
           ALIGN_UP(madt_size(vcpus), TABLE_ALIGN) + ALIGN_UP(dsdt_size(vcpus), TABLE_ALIGN);
}

static uint32_t build_madt(struct builder *b, uint32_t vcpus)
{
    uint32_t paddr;
    struct madt *m = place(b, madt_size(vcpus), &paddr);

    m->lapic_address = PVH_LAPIC_ADDRESS;
    for (uint32_t i = 0; i < vcpus; i++)
        m->lapic[i] = (struct madt_lapic){
            .length = sizeof(struct madt_lapic),
            .processor_uid = (uint8_t)i,
            .apic_id = (uint8_t)pvh_apic_id(i),
            .flags = MADT_LAPIC_ENABLED,
        };
    finish_table(&m->h, "APIC", 3, madt_size(vcpus));
    return paddr;
}

static void fill_processor(struct aml_processor *p, uint32_t nr)
{
    static const char digit[] = "0123456789ABCDEF";

    p->device[0] = AML_EXT;
    p->device[1] = AML_DEVICE;
    p->pkg_length = sizeof(*p) - offsetof(struct aml_processor, pkg_length);
    memcpy(p->name, "CP", 2);
    p->name[2] = digit[nr >> 4];
    p->name[3] = digit[nr & 15];
    p->hid_op = AML_NAME;
    memcpy(p->hid_name, "_HID", sizeof(p->hid_name));
    p->hid_string = AML_STRING;
    memcpy(p->hid, "ACPI0007", sizeof(p->hid));
    p->uid_op = AML_NAME;
    memcpy(p->uid_name, "_UID", sizeof(p->uid_name));
    p->uid_byte = AML_BYTE;
    p->uid = (uint8_t)nr;
}

/* DefinitionBlock with Scope (\_SB) { Device (CPnn) { _HID "ACPI0007", _UID nn } ... } */
static uint32_t build_dsdt(struct builder *b, uint32_t vcpus)
{
    uint32_t paddr;
    struct dsdt *d = place(b, dsdt_size(vcpus), &paddr);
    size_t n = dsdt_size(vcpus) - offsetof(struct dsdt, sb.pkg_length);

    d->sb.op = AML_SCOPE;
    d->sb.pkg_length[0] = (uint8_t)(0x80 | (n & 15));
    d->sb.pkg_length[1] = (uint8_t)(n >> 4);
    d->sb.pkg_length[2] = (uint8_t)(n >> 12);
    memcpy(d->sb.name, "_SB_", sizeof(d->sb.name));
    for (uint32_t i = 0; i < vcpus; i++)
        fill_processor(&d->sb.processor[i], i);
    finish_table(&d->h, "DSDT", 5, dsdt_size(vcpus));
    return paddr;
}

static uint32_t build_facs(struct builder *b)
{
    uint32_t paddr;
    struct facs *f = place(b, sizeof(*f), &paddr);

    memcpy(f->signature, "FACS", sizeof(f->signature));
    f->length = sizeof(*f);
    f->version = 2;
    return paddr;
}

static uint32_t build_fadt(struct builder *b, uint32_t facs, uint32_t dsdt)
{
    uint32_t paddr;
    struct fadt *f = place(b, sizeof(*f), &paddr);

    f->firmware_ctrl = facs;
    f->dsdt = dsdt;
    f->x_dsdt = dsdt;
    f->boot_arch_low = FADT_NO_VGA | FADT_NO_CMOS_RTC;
    f->flags =
        FADT_WBINVD | FADT_PROC_C1 | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_HARDWARE_REDUCED;
    finish_table(&f->h, "FACP", 5, sizeof(*f));
    return paddr;
}

void pvh_acpi_build(void *dst, uint32_t paddr, uint32_t vcpus)
{
    struct builder b = { .base = dst, .paddr = paddr };
    uint32_t rsdp_at, xsdt_at;
    struct rsdp *r = place(&b, sizeof(*r), &rsdp_at);
    struct xsdt *x = place(&b, sizeof(*x), &xsdt_at);
    uint32_t facs = build_facs(&b), dsdt = build_dsdt(&b, vcpus);

    x->entry[0] = build_fadt(&b, facs, dsdt);
    x->entry[1] = build_madt(&b, vcpus);
    finish_table(&x->h, "XSDT", 1, sizeof(*x));
    memcpy(r->signature, "RSD PTR ", sizeof(r->signature));
    memcpy(r->oem_id, "Ryokan", sizeof(r->oem_id));
    r->revision = 2;
    r->length = sizeof(*r);
    r->xsdt = xsdt_at;
    r->checksum = checksum(r, 20);
    r->checksum_all = checksum(r, sizeof(*r));
}
