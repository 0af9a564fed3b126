/* SPDX-License-Identifier: MIT */
#include "hv/io/pirq.h"
#include "hv/domain/domain.h"
#include "hv/io/irq.h"
#include "hv/lib/bitops.h"
#include "hv/lib/errno.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/heap.h"
#include "hv/pv/page_type.h"

#include <xen/physdev.h>

#define PIRQ_FREE     0xffff
#define PIRQ_RESERVED 0xfffe

struct pirq_table {
    uint16_t irq[IRQ_MAX]; /* source behind each number, PIRQ_FREE or PIRQ_RESERVED */
    uint64_t *eoi_map;     /* the guest's page, direct-mapped; NULL until registered */
    bool eoi_unmasks;
};

/* Protects all domains' tables: they change rarely. */
static struct spinlock pirq_lock = SPINLOCK_INIT(LOCK_PIRQ);

unsigned int pirq_count(const struct domain *d __unused)
{
    return IRQ_MAX;
}

/* d's table, made at first use; NULL without memory. Lock: pirq_lock. */
static struct pirq_table *table_of(struct domain *d)
{
    if (d->pirqs == NULL) {
        d->pirqs = hv_zalloc(sizeof(*d->pirqs));
        for (unsigned int i = 0; d->pirqs && i < IRQ_MAX; i++)
            d->pirqs->irq[i] = PIRQ_FREE;
    }
    return d->pirqs;
}

/* The source behind a number, -EINVAL if there is none. Lock: pirq_lock. */
static int irq_of(const struct domain *d, unsigned int pirq)
{
    if (pirq >= IRQ_MAX || d->pirqs == NULL || d->pirqs->irq[pirq] >= IRQ_MAX)
        return -EINVAL;
    return d->pirqs->irq[pirq];
}

static int pirq_of(const struct pirq_table *t, unsigned int irq)
{
    for (unsigned int i = 0; i < IRQ_MAX; i++)
        if (t->irq[i] == irq)
            return (int)i;
    return -ENOENT;
}

/* What the guest finds in its bitmap. The guest may write there too, which harms only itself. Lock:
 * pirq_lock. */
static void publish_eoi_need(struct pirq_table *t, unsigned int pirq, bool need)
{
    if (t->eoi_map == NULL)
        return;
    if (need)
        atomic_or(&t->eoi_map[pirq / 64], BIT(pirq % 64));
    else
        atomic_and(&t->eoi_map[pirq / 64], ~BIT(pirq % 64));
}

int pirq_bind(struct domain *d, unsigned int pirq, bool share)
{
    int irq, rc;

    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    rc = irq < 0 ? irq : irq_bind_guest((unsigned int)irq, d, pirq, share);
    if (rc == 0)
        publish_eoi_need(d->pirqs, pirq, irq_is_level((unsigned int)irq));
    spin_unlock(&pirq_lock);
    return rc;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    int irq;

    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    if (irq >= 0) {
        irq_unbind_guest((unsigned int)irq, d);
        publish_eoi_need(d->pirqs, pirq, false);
    }
    spin_unlock(&pirq_lock);
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    int irq;

    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    if (irq >= 0)
        irq_set_cpu((unsigned int)irq, v->sched.cpu);
    spin_unlock(&pirq_lock);
}

int pirq_eoi(struct domain *d, unsigned int pirq)
{
    int irq;

    if (pirq >= IRQ_MAX)
        return -EINVAL;
    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    if (irq >= 0)
        irq_guest_eoi((unsigned int)irq, d);
    spin_unlock(&pirq_lock);
    return 0;
}

bool pirq_eoi_unmasks(const struct domain *d)
{
    return d->pirqs && d->pirqs->eoi_unmasks;
}

int pirq_status(struct domain *d, unsigned int pirq, uint32_t *flags)
{
    int irq;

    if (pirq >= IRQ_MAX)
        return -EINVAL;
    *flags = 0;
    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    if (irq >= 0 && irq_is_level((unsigned int)irq))
        *flags |= XENIRQSTAT_needs_eoi;
    if (irq >= 0 && irq_is_shared((unsigned int)irq))
        *flags |= XENIRQSTAT_shared;
    spin_unlock(&pirq_lock);
    return 0;
}

/* Lock: pirq_lock. The frame is referenced and typed writable. */
static int adopt_eoi_page(struct domain *d, struct frame *f, bool eoi_unmasks)
{
    struct pirq_table *t = table_of(d);

    if (t == NULL)
        return -ENOMEM;
    if (t->eoi_map)
        return -EBUSY;
    t->eoi_map = frame_to_virt(f);
    t->eoi_unmasks = eoi_unmasks;
    for (unsigned int i = 0; i < IRQ_MAX; i++)
        publish_eoi_need(t, i, t->irq[i] < IRQ_MAX && irq_is_level(t->irq[i]));
    return 0;
}

int pirq_set_eoi_page(struct domain *d, mfn_t m, bool eoi_unmasks)
{
    struct frame *f;
    int rc;

    if (!frame_get_from_mfn(m, d))
        return -EINVAL;
    f = mfn_to_frame(m);
    if (!page_get_writable(f)) {
        frame_put(f);
        return -EINVAL;
    }
    spin_lock(&pirq_lock);
    rc = adopt_eoi_page(d, f, eoi_unmasks);
    spin_unlock(&pirq_lock);
    if (rc) {
        page_put_writable(f);
        frame_put(f);
    }
    return rc;
}

/* A number that is not in use: for GSIs from below, for messages from above. Lock: pirq_lock. */
static int find_free(const struct pirq_table *t, bool message)
{
    if (message) {
        for (unsigned int i = IRQ_MAX; i-- > irq_gsi_count;)
            if (t->irq[i] == PIRQ_FREE)
                return (int)i;
        return -ENOSPC;
    }
    for (unsigned int i = 16; i < irq_gsi_count; i++)
        if (t->irq[i] == PIRQ_FREE)
            return (int)i;
    return -ENOSPC;
}

int pirq_reserve(struct domain *d, bool message)
{
    struct pirq_table *t;
    int pirq = -ENOMEM;

    spin_lock(&pirq_lock);
    t = table_of(d);
    if (t)
        pirq = find_free(t, message);
    if (pirq >= 0)
        t->irq[pirq] = PIRQ_RESERVED;
    spin_unlock(&pirq_lock);
    return pirq;
}

/* The number under which a source is to be mapped, nothing changed. Lock: pirq_lock. */
static int choose_number(const struct pirq_table *t, int pirq, bool message)
{
    if (pirq < 0)
        return find_free(t, message);
    if (pirq >= (int)IRQ_MAX)
        return -EINVAL;
    return t->irq[pirq] < IRQ_MAX ? -EEXIST : pirq;
}

/* Lock: pirq_lock. */
static int map_gsi_locked(struct domain *d, unsigned int gsi, int pirq)
{
    struct pirq_table *t;
    int present;

    if (d->dying)
        return -ESRCH; /* pirq_domain_free() may have been here */
    t = table_of(d);
    if (t == NULL)
        return -ENOMEM;
    present = pirq_of(t, gsi);
    if (present >= 0)
        return pirq < 0 || pirq == present ? present : -EEXIST;
    /* Guests that let us choose expect a GSI under its own number. */
    if (pirq < 0 && t->irq[gsi] == PIRQ_FREE)
        pirq = (int)gsi;
    pirq = choose_number(t, pirq, false);
    if (pirq >= 0)
        t->irq[pirq] = (uint16_t)gsi;
    return pirq;
}

int pirq_map_gsi(struct domain *d, unsigned int gsi, int pirq)
{
    if (gsi >= irq_gsi_count)
        return -EINVAL;
    if (!irq_usable(gsi))
        return -EPERM;
    spin_lock(&pirq_lock);
    pirq = map_gsi_locked(d, gsi, pirq);
    spin_unlock(&pirq_lock);
    return pirq;
}

/* Lock: pirq_lock. */
static int map_msi_locked(struct domain *d, struct pci_address device, bool msix, uint16_t entry, int pirq)
{
    struct pirq_table *t;
    int irq;

    if (d->dying)
        return -ESRCH; /* pirq_domain_free() may have been here */
    t = table_of(d);
    if (t == NULL)
        return -ENOMEM;
    pirq = choose_number(t, pirq, true);
    if (pirq < 0)
        return pirq;
    irq = irq_create_msi(device, msix, entry);
    if (irq < 0)
        return irq;
    t->irq[pirq] = (uint16_t)irq;
    return pirq;
}

int pirq_map_msi(struct domain *d, struct pci_address device, bool msix, uint16_t entry, int pirq)
{
    spin_lock(&pirq_lock);
    pirq = map_msi_locked(d, device, msix, entry, pirq);
    spin_unlock(&pirq_lock);
    return pirq;
}

/* Lock: pirq_lock. */
static void unmap_locked(struct domain *d, unsigned int pirq, unsigned int irq)
{
    irq_unbind_guest(irq, d);
    publish_eoi_need(d->pirqs, pirq, false);
    if (irq >= irq_gsi_count)
        irq_destroy_msi(irq);
}

int pirq_unmap(struct domain *d, unsigned int pirq)
{
    int irq, rc = 0;

    spin_lock(&pirq_lock);
    irq = irq_of(d, pirq);
    if (irq >= 0)
        unmap_locked(d, pirq, (unsigned int)irq);
    else if (pirq >= IRQ_MAX || d->pirqs == NULL || d->pirqs->irq[pirq] == PIRQ_FREE)
        rc = -EINVAL;
    if (rc == 0)
        d->pirqs->irq[pirq] = PIRQ_FREE;
    spin_unlock(&pirq_lock);
    return rc;
}

void pirq_domain_free(struct domain *d)
{
    struct pirq_table *t;

    spin_lock(&pirq_lock);
    t = d->pirqs;
    for (unsigned int i = 0; t && i < IRQ_MAX; i++)
        if (t->irq[i] < IRQ_MAX)
            unmap_locked(d, i, t->irq[i]);
    d->pirqs = NULL;
    spin_unlock(&pirq_lock);
    if (t && t->eoi_map) {
        struct frame *f = mfn_to_frame(virt_to_mfn(t->eoi_map));

        page_put_writable(f);
        frame_put(f);
    }
    hv_free(t);
}
