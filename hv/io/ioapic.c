/* SPDX-License-Identifier: MIT */
#include "hv/io/ioapic.h"
#include "hv/cpu/insn.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/io/irq.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/paging.h"

/* The two windows, and registers behind them. */
#define IOREGSEL     0x00
#define IOWIN        0x10
#define REG_VERSION  0x01
#define REG_RTE(pin) (0x10 + 2 * (pin))

#define RTE_NMI    0x0400
#define RTE_LOW    0x2000
#define RTE_LEVEL  0x8000
#define RTE_MASKED 0x10000

#define PIC_MASTER 0x20
#define PIC_SLAVE  0xa0
#define PIC_VECTOR 0x20 /* vectors 0x20..0x2f are kept free for what the PIC may still send */

struct ioapic {
    uint64_t address;
    volatile uint32_t *window;
    uint32_t gsi_base;
    uint32_t pins;
};

static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics;
static struct spinlock ioapic_lock = SPINLOCK_INIT(LOCK_IOAPIC);

static uint32_t ioapic_read(const struct ioapic *io, uint32_t reg)
{
    io->window[IOREGSEL / 4] = reg;
    return io->window[IOWIN / 4];
}

static void ioapic_write(const struct ioapic *io, uint32_t reg, uint32_t v)
{
    io->window[IOREGSEL / 4] = reg;
    io->window[IOWIN / 4] = v;
}

/* Opens one I/O APIC; NULL or why it is ignored. */
static const char *__init ioapic_open(const struct acpi_ioapic *a)
{
    struct ioapic *io = &ioapics[nr_ioapics];
    uint32_t version;

    if (a->gsi_base >= IRQ_GSI_MAX)
        return "its interrupts' numbers are too high";
    if (!acpi_device_address_ok(a->address))
        return "it would lie in RAM";
    io->window = ioremap(a->address, 0x20);
    if (io->window == NULL)
        return "no memory to map it";
    version = ioapic_read(io, REG_VERSION);
    if (version == 0xffffffff || (version & 0xff) == 0)
        return "nothing answers";
    io->address = a->address;
    io->gsi_base = a->gsi_base;
    io->pins = min(((version >> 16) & 0xff) + 1, IRQ_GSI_MAX - a->gsi_base);
    for (unsigned int i = 0; i < nr_ioapics; i++)
        if (io->gsi_base < ioapics[i].gsi_base + ioapics[i].pins &&
            ioapics[i].gsi_base < io->gsi_base + io->pins)
            return "its interrupts overlap with another one's";
    nr_ioapics++;
    return NULL;
}

unsigned int __init ioapic_init(void)
{
    unsigned int end = 0;

    for (uint32_t i = 0; i < acpi_info.nr_ioapics; i++) {
        const struct acpi_ioapic *a = &acpi_info.ioapic[i];
        const char *why = ioapic_open(a);

        if (why)
            printk("I/O APIC %u at %#llx is ignored: %s\n", a->id, (unsigned long long)a->address, why);
    }
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        const struct ioapic *io = &ioapics[i];

        for (uint32_t pin = 0; pin < io->pins; pin++)
            ioapic_write(io, REG_RTE(pin), RTE_MASKED);
        end = max(end, io->gsi_base + io->pins);
        printk(LOG_INFO "I/O APIC with interrupts %u to %u\n", io->gsi_base, io->gsi_base + io->pins - 1);
    }
    return end;
}

void __init pic_disable(void)
{
    outb(PIC_MASTER, 0x11); /* start initialisation: cascaded, edge, 4 words */
    outb(PIC_SLAVE, 0x11);
    outb(PIC_MASTER + 1, PIC_VECTOR);
    outb(PIC_SLAVE + 1, PIC_VECTOR + 8);
    outb(PIC_MASTER + 1, 0x04); /* the slave is on input 2 */
    outb(PIC_SLAVE + 1, 0x02);
    outb(PIC_MASTER + 1, 0x01); /* 8086 mode */
    outb(PIC_SLAVE + 1, 0x01);
    outb(PIC_MASTER + 1, 0xff); /* all masked */
    outb(PIC_SLAVE + 1, 0xff);
}

static const struct ioapic *ioapic_of(unsigned int gsi)
{
    for (unsigned int i = 0; i < nr_ioapics; i++)
        if (gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return &ioapics[i];
    return NULL;
}

bool ioapic_has(unsigned int gsi)
{
    return ioapic_of(gsi) != NULL;
}

void ioapic_set_route(unsigned int gsi, const struct ioapic_route *r)
{
    const struct ioapic *io = ioapic_of(gsi);
    uint32_t pin = gsi - io->gsi_base;
    uint32_t low =
        (r->nmi ? RTE_NMI : r->vector) | (r->active_low ? RTE_LOW : 0) | (r->level ? RTE_LEVEL : 0);

    spin_lock(&ioapic_lock);
    ioapic_write(io, REG_RTE(pin), RTE_MASKED); /* the halves are not changed at once */
    ioapic_write(io, REG_RTE(pin) + 1, r->dest << 24);
    ioapic_write(io, REG_RTE(pin), low | (r->masked ? RTE_MASKED : 0));
    spin_unlock(&ioapic_lock);
}

void ioapic_mask(unsigned int gsi, bool masked)
{
    const struct ioapic *io = ioapic_of(gsi);
    uint32_t reg = REG_RTE(gsi - io->gsi_base), low;

    spin_lock(&ioapic_lock);
    low = ioapic_read(io, reg) & ~(uint32_t)RTE_MASKED;
    ioapic_write(io, reg, low | (masked ? RTE_MASKED : 0));
    spin_unlock(&ioapic_lock);
}

bool ioapic_peek(uint64_t address, uint32_t reg, uint32_t *value)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        const struct ioapic *io = &ioapics[i];

        if (io->address != address || reg >= REG_RTE(io->pins))
            continue;
        spin_lock(&ioapic_lock);
        *value = reg < REG_RTE(0) ? ioapic_read(io, reg) : (reg & 1) ? 0 : RTE_MASKED;
        spin_unlock(&ioapic_lock);
        return true;
    }
    return false;
}
