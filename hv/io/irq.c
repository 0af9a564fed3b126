/* SPDX-License-Identifier: MIT */
#include "hv/io/irq.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/trap.h"
#include "hv/domain/domain.h"
#include "hv/domain/event.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/io/debug_keys.h"
#include "hv/io/ioapic.h"
#include "hv/io/msi.h"
#include "hv/lib/errno.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/heap.h"

struct irq_guest {
    struct domain *domain; /* holds no reference: unbound before the domain is freed */
    uint16_t pirq;
    bool in_service; /* got a level interrupt and has not said that it is done */
};

struct irq {
    struct msi *msi; /* NULL: a GSI */
    bool exists;
    bool level, active_low; /* of a GSI */
    bool set_up;            /* trigger and polarity were stated, not guessed */
    bool shared;
    uint8_t vector; /* 0 = none yet */
    uint8_t nr_guests;
    uint8_t in_service; /* guests to wait for */
    uint32_t cpu;
    uint64_t count;
    void (*fn)(void *arg); /* the hypervisor's own */
    void *arg;
    struct irq_guest guest[IRQ_GUESTS_MAX];
};

/* All protected by irq_lock. */
static struct spinlock irq_lock = SPINLOCK_INIT(LOCK_IRQ);
static struct irq irqs[IRQ_MAX];
static uint16_t vector_irq[256];
unsigned int irq_gsi_count;

static unsigned int irq_number(const struct irq *q)
{
    return (unsigned int)(q - irqs);
}

/* A message reaches APIC ids below 255 only. */
static uint32_t dest_of(uint32_t cpu)
{
    return cpu_apic_id[cpu] < 255 ? cpu_apic_id[cpu] : cpu_apic_id[0];
}

static void program(struct irq *q, bool masked)
{
    if (q->msi) {
        msi_mask(q->msi, true);
        msi_write(q->msi, msi_compose(q->vector, dest_of(q->cpu)));
        msi_mask(q->msi, masked);
    } else {
        ioapic_set_route(irq_number(q), &(struct ioapic_route){ .vector = q->vector,
                                                                .active_low = q->active_low,
                                                                .level = q->level,
                                                                .masked = masked,
                                                                .dest = dest_of(q->cpu) });
    }
}

static void set_masked(struct irq *q, bool masked)
{
    if (q->msi)
        msi_mask(q->msi, masked);
    else
        ioapic_mask(irq_number(q), masked);
}

/* Notes the guests to tell, with references, so that the lock can be dropped before they are told. */
static unsigned int collect_guests(struct irq *q, struct irq_guest *to)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < q->nr_guests; i++) {
        struct irq_guest *g = &q->guest[i];

        if (!domain_get(g->domain))
            continue;
        if (q->level && !g->in_service) {
            g->in_service = true;
            q->in_service++;
        }
        to[n++] = *g;
    }
    return n;
}

static void interrupt(uint8_t vector)
{
    struct irq_guest guests[IRQ_GUESTS_MAX];
    struct irq *q = &irqs[vector_irq[vector]];
    unsigned int n = 0;
    void (*fn)(void *);
    void *arg;

    spin_lock(&irq_lock);
    q->count++;
    fn = q->fn;
    arg = q->arg;
    if (fn == NULL)
        n = collect_guests(q, guests);
    /* A line that nobody will acknowledge would come back for ever. A message may still come after its source
     * was destroyed. */
    if (fn == NULL && q->exists && (q->level || q->nr_guests == 0))
        set_masked(q, true);
    spin_unlock(&irq_lock);
    if (fn)
        fn(arg);
    apic_eoi();
    for (unsigned int i = 0; i < n; i++) {
        evtchn_send_pirq(guests[i].domain, guests[i].pirq);
        domain_put(guests[i].domain);
    }
}

/* Lock: irq_lock. */
static int take_vector(struct irq *q)
{
    if (q->vector)
        return 0;
    q->vector = alloc_irq_vector();
    if (q->vector == 0)
        return -ENOSPC;
    vector_irq[q->vector] = (uint16_t)irq_number(q);
    set_irq_vector_handler(q->vector, interrupt);
    return 0;
}

unsigned int irq_isa_to_gsi(unsigned int isa)
{
    return acpi_info.isa[isa].gsi;
}

int irq_request_isa(unsigned int isa, void (*fn)(void *arg), void *arg)
{
    unsigned int gsi = irq_isa_to_gsi(isa);
    struct irq *q;
    int rc;

    if (gsi >= irq_gsi_count || !irqs[gsi].exists)
        return -ENOENT;
    q = &irqs[gsi];
    spin_lock(&irq_lock);
    rc = q->fn || q->nr_guests ? -EBUSY : take_vector(q);
    if (rc == 0) {
        q->fn = fn;
        q->arg = arg;
        program(q, false);
    }
    spin_unlock(&irq_lock);
    return rc;
}

bool irq_usable(unsigned int irq)
{
    return irq < IRQ_MAX && irqs[irq].exists && irqs[irq].fn == NULL;
}

bool irq_is_level(unsigned int irq)
{
    return irq < IRQ_MAX && irqs[irq].level;
}

bool irq_is_shared(unsigned int irq)
{
    return irq < IRQ_MAX && irqs[irq].nr_guests > 1;
}

int irq_setup_gsi(unsigned int gsi, bool level, bool active_low)
{
    struct irq *q;
    int rc = 0;

    if (gsi >= irq_gsi_count || !irqs[gsi].exists)
        return -EINVAL;
    q = &irqs[gsi];
    spin_lock(&irq_lock);
    if (q->fn) {
        rc = -EBUSY;
    } else if (q->set_up || q->nr_guests) {
        rc = -EEXIST;
    } else {
        q->level = level;
        q->active_low = active_low;
        q->set_up = true;
    }
    spin_unlock(&irq_lock);
    return rc;
}

static bool msi_is(const struct msi *m, struct pci_address a, bool msix, uint16_t entry)
{
    return m->device.segment == a.segment && m->device.bus == a.bus && PCI_DEVFN(m->device) == PCI_DEVFN(a) &&
           m->msix == msix && m->entry == entry;
}

/* A free source for the message. Lock: irq_lock. */
static int find_free_msi(struct pci_address device, bool msix, uint16_t entry)
{
    int free = -ENOSPC;

    for (unsigned int i = irq_gsi_count; i < IRQ_MAX; i++) {
        if (!irqs[i].exists)
            free = free < 0 ? (int)i : free;
        else if (irqs[i].msi && msi_is(irqs[i].msi, device, msix, entry))
            return -EEXIST;
    }
    return free;
}

int irq_create_msi(struct pci_address device, bool msix, uint16_t entry)
{
    struct msi *m = hv_zalloc(sizeof(*m));
    int irq, rc;

    if (m == NULL)
        return -ENOMEM;
    spin_lock(&irq_lock);
    irq = find_free_msi(device, msix, entry);
    rc = irq < 0 ? irq : msi_open(m, device, msix, entry);
    if (rc == 0) {
        irqs[irq] = (struct irq){ .exists = true, .msi = m, .set_up = true };
        m = NULL;
    }
    spin_unlock(&irq_lock);
    hv_free(m);
    return rc ? rc : irq;
}

void irq_destroy_msi(unsigned int irq)
{
    struct irq *q = &irqs[irq];
    struct msi *m = q->msi;

    spin_lock(&irq_lock);
    msi_close(m);
    if (q->vector)
        free_irq_vector(q->vector);
    *q = (struct irq){ .exists = false };
    spin_unlock(&irq_lock);
    hv_free(m);
}

int irq_restore_msi(struct pci_address device)
{
    int rc = -ESRCH;

    spin_lock(&irq_lock);
    for (unsigned int i = irq_gsi_count; i < IRQ_MAX; i++) {
        struct irq *q = &irqs[i];

        if (!q->exists || !q->msi || !msi_is(q->msi, device, q->msi->msix, q->msi->entry))
            continue;
        rc = 0;
        if (q->msi->msix)
            msix_enable(device, true);
        if (q->vector)
            program(q, q->nr_guests == 0);
    }
    spin_unlock(&irq_lock);
    return rc;
}

/* Lock: irq_lock. */
static int bind_locked(struct irq *q, struct domain *d, unsigned int pirq, bool share)
{
    int rc;

    if (!q->exists)
        return -EINVAL;
    if (q->fn || (q->nr_guests && !(q->shared && share)) || q->nr_guests == IRQ_GUESTS_MAX)
        return -EBUSY;
    rc = take_vector(q);
    if (rc)
        return rc;
    q->guest[q->nr_guests++] = (struct irq_guest){ .domain = d, .pirq = (uint16_t)pirq };
    q->shared = share;
    if (q->nr_guests == 1)
        program(q, false);
    return 0;
}

int irq_bind_guest(unsigned int irq, struct domain *d, unsigned int pirq, bool share)
{
    int rc;

    if (irq >= IRQ_MAX)
        return -EINVAL;
    spin_lock(&irq_lock);
    rc = bind_locked(&irqs[irq], d, pirq, share);
    spin_unlock(&irq_lock);
    return rc;
}

static struct irq_guest *guest_of(struct irq *q, const struct domain *d)
{
    for (unsigned int i = 0; i < q->nr_guests; i++)
        if (q->guest[i].domain == d)
            return &q->guest[i];
    return NULL;
}

/* Lock: irq_lock. */
static void end_service(struct irq *q, struct irq_guest *g)
{
    if (!g->in_service)
        return;
    g->in_service = false;
    if (--q->in_service == 0)
        set_masked(q, false);
}

void irq_unbind_guest(unsigned int irq, const struct domain *d)
{
    struct irq *q = &irqs[irq];
    struct irq_guest *g;

    spin_lock(&irq_lock);
    g = guest_of(q, d);
    if (g) {
        end_service(q, g);
        *g = q->guest[--q->nr_guests];
        if (q->nr_guests == 0)
            set_masked(q, true);
    }
    spin_unlock(&irq_lock);
}

void irq_guest_eoi(unsigned int irq, const struct domain *d)
{
    struct irq *q = &irqs[irq];
    struct irq_guest *g;

    spin_lock(&irq_lock);
    g = guest_of(q, d);
    if (g)
        end_service(q, g);
    spin_unlock(&irq_lock);
}

void irq_set_cpu(unsigned int irq, unsigned int cpu)
{
    struct irq *q = &irqs[irq];

    spin_lock(&irq_lock);
    if (q->exists && q->fn == NULL && q->cpu != cpu) {
        q->cpu = cpu;
        if (q->nr_guests)
            program(q, q->in_service != 0);
    }
    spin_unlock(&irq_lock);
}

static void show_irqs(char key __unused)
{
    printk("Interrupts (number, vector, CPU, count):\n");
    for (unsigned int i = 0; i < IRQ_MAX; i++) {
        const struct irq *q = &irqs[i];

        if (!q->exists || q->vector == 0)
            continue;
        printk("  %3u %#04x CPU%u %8llu %s %s%s", i, q->vector, q->cpu, (unsigned long long)q->count,
               q->msi ? (q->msi->msix ? "MSI-X" : "MSI") : (q->level ? "level" : "edge"),
               q->fn ? "hypervisor" : "", q->in_service ? "in service" : "");
        for (unsigned int g = 0; g < q->nr_guests; g++)
            printk(" d%u:%u", q->guest[g].domain->id, q->guest[g].pirq);
        printk("\n");
    }
}

void __init irq_init(void)
{
    irq_gsi_count = ioapic_init();
    for (unsigned int gsi = 0; gsi < irq_gsi_count; gsi++) {
        /* PCI's interrupts are active low and level triggered, ISA's are neither. */
        irqs[gsi].exists = ioapic_has(gsi);
        irqs[gsi].level = irqs[gsi].active_low = gsi >= ISA_IRQS;
    }
    for (unsigned int isa = 0; isa < ISA_IRQS; isa++) {
        const struct acpi_isa_irq *a = &acpi_info.isa[isa];

        if (a->gsi < irq_gsi_count && (a->overridden || !irqs[a->gsi].set_up)) {
            irqs[a->gsi].level = a->level;
            irqs[a->gsi].active_low = a->active_low;
            irqs[a->gsi].set_up = a->overridden;
        }
    }
    debug_key_register('i', show_irqs, "interrupts");
}
