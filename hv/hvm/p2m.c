/* SPDX-License-Identifier: MIT */
#include "hv/hvm/p2m.h"
#include "hv/cpu/ipi.h"
#include "hv/domain/work.h"
#include "hv/hvm/hvm.h"
#include "hv/hvm/log_dirty.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/lib/rangeset.h"
#include "hv/mm/heap.h"
#include "hv/pv/page_type.h"

/* The kind of an entry, in bits that both formats leave to software (APM Vol. 2 §5.4.1, SDM Vol. 3 §28.3.2).
 */
#define TYPE_SHIFT   52
#define TYPE_MASK    (0xfULL << TYPE_SHIFT)
#define ENTRY_ADDR   0x000ffffffffff000ULL
#define ROOT_LEVEL   4
#define TABLES_QUOTA 1024 /* until set_paging_mempool_size: 4 MiB of tables */

static unsigned int level_order(unsigned int level)
{
    return 9 * (level - 1);
}

static bool present(pte_t e)
{
    return e & PTE_P; /* "readable" in an EPT entry */
}

static enum p2m_type type_of(pte_t e)
{
    return present(e) ? (enum p2m_type)((e & TYPE_MASK) >> TYPE_SHIFT) : P2M_NONE;
}

static bool is_leaf(pte_t e, unsigned int level)
{
    return level == 1 || (e & PTE_PSE);
}

static mfn_t entry_mfn(pte_t e)
{
    return mfn((e & ENTRY_ADDR) >> PAGE_SHIFT);
}

static pte_t *table_below(pte_t e)
{
    return mfn_to_virt(entry_mfn(e));
}

static pte_t make_leaf(const struct p2m *p, mfn_t m, enum p2m_type type, unsigned int level)
{
    return m.m << PAGE_SHIFT | p->format->leaf[type] | (uint64_t)type << TYPE_SHIFT |
           (level > 1 ? PTE_PSE : 0);
}

static pte_t *table_new(struct p2m *p)
{
    pte_t *t;

    if (p->tables >= p->max_tables)
        return NULL;
    t = hv_alloc_pages(0, ALLOC_ZERO);
    if (t)
        p->tables++;
    return t;
}

static void table_free(struct p2m *p, pte_t *t)
{
    hv_free_pages(t, 0);
    p->tables--;
}

/*
 * A table that nothing leads to any more. It is kept until p2m_free(): a lookup on another CPU, which has no
 * more than a reference to the domain, may still stand in it. All that it finds is absent, the link to the
 * next one too.
 */
static void table_retire(struct p2m *p, pte_t *t)
{
    WRITE_ONCE(t[0], p->retired);
    p->retired = pte_make(virt_to_mfn(t), 0);
}

int p2m_init(struct domain *d, const struct p2m_format *format, uint32_t max_order)
{
    struct p2m *p = &d->hvm->p2m;

    p->format = format;
    p->max_order = max_order;
    p->max_tables = TABLES_QUOTA;
    p->root = table_new(p);
    return p->root ? 0 : -ENOMEM;
}

void p2m_free(struct domain *d)
{
    struct p2m *p = &d->hvm->p2m;

    while (p->retired) {
        pte_t *t = table_below(p->retired);

        p->retired = t[0];
        table_free(p, t);
    }
    if (p->root)
        table_free(p, p->root);
    p->root = NULL;
}

/* Where the entry that covers g is, and what it is; lock-free, so it may be out of date. NULL: nowhere. */
static const pte_t *find_slot(const struct p2m *p, gfn_t g, unsigned int *level, pte_t *entry)
{
    const pte_t *table = p->root, *slot;
    pte_t e;

    *level = ROOT_LEVEL;
    *entry = 0;
    if (g.g >> P2M_GFN_BITS)
        return NULL;
    for (;; (*level)--) {
        slot = &table[pt_index(g.g << PAGE_SHIFT, *level)];
        e = READ_ONCE(*slot);
        if (!present(e) || is_leaf(e, *level))
            break;
        table = table_below(e);
    }
    *entry = e;
    return slot;
}

static pte_t find(const struct p2m *p, gfn_t g, unsigned int *level)
{
    pte_t e;

    (void)find_slot(p, g, level, &e);
    return e;
}

bool p2m_read(const struct domain *d, gfn_t g, uint32_t offset, void *buf, size_t bytes)
{
    const char *from;
    const pte_t *slot;
    unsigned int level;
    mfn_t m;
    pte_t e;

    do {
        slot = find_slot(&d->hvm->p2m, g, &level, &e);
        if (!present(e) || type_of(e) == P2M_MMIO)
            return false;
        m = mfn_add(entry_mfn(e), g.g & (BIT(level_order(level)) - 1));
        from = (const char *)mfn_to_virt(m) + offset;
        if (bytes == sizeof(uint64_t))
            *(uint64_t *)buf = READ_ONCE(*(const uint64_t *)(const void *)from);
        else
            memcpy(buf, from, bytes);
        barrier();
    } while (unlikely(READ_ONCE(*slot) != e));
    return true;
}

mfn_t p2m_lookup(const struct domain *d, gfn_t g, enum p2m_type *type)
{
    unsigned int level;
    pte_t e = find(&d->hvm->p2m, g, &level);

    if (type)
        *type = type_of(e);
    return present(e) ? mfn_add(entry_mfn(e), g.g & (BIT(level_order(level)) - 1)) : INVALID_MFN;
}

enum p2m_type p2m_run(const struct domain *d, gfn_t g, uint64_t *frames)
{
    unsigned int level;
    pte_t e = find(&d->hvm->p2m, g, &level);

    *frames = BIT(level_order(level)) - (g.g & (BIT(level_order(level)) - 1));
    return type_of(e);
}

struct frame *p2m_get_frame(struct domain *d, gfn_t g, bool write, enum p2m_type *type)
{
    enum p2m_type t;
    struct frame *f;
    mfn_t m;

    for (;;) {
        m = p2m_lookup(d, g, &t);
        if (t == P2M_LOGDIRTY && write && log_dirty_mark(d, g))
            continue;
        if (t == P2M_NONE || t == P2M_MMIO || !mfn_valid(m) || (write && !p2m_writable(t)))
            return NULL;
        f = mfn_to_frame(m);
        if (!frame_get(f, p2m_is_ram(t) ? d : NULL))
            return NULL;
        if (mfn_eq(p2m_lookup(d, g, NULL), m))
            break; /* what the entry leads to did not change hands before the reference was taken */
        frame_put(f);
    }
    if (type)
        *type = t;
    return f;
}

/* Replace a superpage by a table of the next smaller pages with the same meaning. */
static int split(struct p2m *p, pte_t *slot, unsigned int level)
{
    pte_t e = *slot, *t = table_new(p);
    enum p2m_type type = type_of(e);
    uint64_t step = BIT(level_order(level - 1));

    if (!t)
        return -ENOMEM;
    for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
        t[i] = make_leaf(p, mfn_add(entry_mfn(e), i * step), type, level - 1);
    WRITE_ONCE(*slot, pte_make(virt_to_mfn(t), p->format->table));
    return 0;
}

/*
 * The slot of g at `level`, with the tables above it made (`make`) or superpages above it split. NULL: none,
 * and *rc says why. Lock: d->mmu_lock.
 */
static pte_t *slot_at(struct p2m *p, gfn_t g, unsigned int level, bool make, int *rc)
{
    pte_t *table = p->root;

    *rc = 0;
    for (unsigned int l = ROOT_LEVEL;; l--) {
        pte_t *slot = &table[pt_index(g.g << PAGE_SHIFT, l)];

        if (l == level)
            return slot;
        if (!present(*slot)) {
            pte_t *fresh = make ? table_new(p) : NULL;

            *rc = make ? -ENOMEM : -ENOENT;
            if (!fresh)
                return NULL;
            *rc = 0;
            WRITE_ONCE(*slot, pte_make(virt_to_mfn(fresh), p->format->table));
        } else if (is_leaf(*slot, l)) {
            *rc = split(p, slot, l);
            if (*rc)
                return NULL;
        }
        table = table_below(*slot);
    }
}

static int set_leaf(struct p2m *p, gfn_t g, mfn_t m, unsigned int level, enum p2m_type type)
{
    pte_t *slot;
    int rc;

    slot = slot_at(p, g, level, true, &rc);
    if (!slot)
        return rc;
    if (level > 1 && present(*slot) && !is_leaf(*slot, level)) {
        /* Tables are never taken away again: fill the one that is there. */
        uint64_t step = BIT(level_order(level - 1));

        for (uint64_t i = 0; i < PTES_PER_PAGE && !rc; i++)
            rc = set_leaf(p, gfn(g.g + i * step), mfn_add(m, i * step), level - 1, type);
        return rc;
    }
    WRITE_ONCE(*slot, make_leaf(p, m, type, level));
    return 0;
}

/* Tables for all of its memory in the smallest pages, and as much again for what it maps elsewhere. */
static uint32_t quota_of(const struct domain *d)
{
    return (uint32_t)min(d->max_pages / (PTES_PER_PAGE / 2), (uint64_t)UINT32_MAX);
}

/* Empty what was filled before the tables ran out: `pages` from g. */
static void unset(struct p2m *p, gfn_t g, uint64_t pages)
{
    for (uint64_t i = 0; i < pages;) {
        unsigned int level;
        int rc;

        (void)find(p, gfn(g.g + i), &level);
        WRITE_ONCE(*slot_at(p, gfn(g.g + i), level, false, &rc), 0);
        i += BIT(level_order(level));
    }
}

int p2m_set(struct domain *d, gfn_t g, mfn_t m, unsigned int order, enum p2m_type type)
{
    struct p2m *p = &d->hvm->p2m;
    uint64_t pages = BIT(order), done, step;
    int rc = 0;

    if (g.g >> P2M_GFN_BITS || (g.g + pages - 1) >> P2M_GFN_BITS)
        return -EINVAL;
    if (unlikely(READ_ONCE(d->dying))) /* p2m_teardown() may have been here */
        return -ESRCH;
    p->max_tables = max(p->max_tables, quota_of(d));
    for (done = 0; done < pages; done += step) {
        unsigned int o = min(order, p->max_order);

        o = o < P2M_ORDER_2M ? P2M_ORDER_4K : o < P2M_ORDER_1G ? P2M_ORDER_2M : P2M_ORDER_1G;
        step = BIT(o);
        rc = set_leaf(p, gfn(g.g + done), mfn_add(m, done), o / 9 + 1, type);
        if (rc)
            break;
    }
    if (rc)
        unset(p, g, done);
    p->max_gfn = max(p->max_gfn, g.g + pages - 1);
    if (!rc && type == P2M_RAM)
        p->log_dirty.count += (uint32_t)pages;
    return rc;
}

bool p2m_is_empty(const struct domain *d, gfn_t g, unsigned int order)
{
    uint64_t end = g.g + BIT(order);
    unsigned int level;

    for (uint64_t at = g.g; at < end; at = ALIGN_DOWN(at, BIT(level_order(level))) + BIT(level_order(level)))
        if (present(find(&d->hvm->p2m, gfn(at), &level)))
            return false;
    return true;
}

int p2m_remove(struct domain *d, gfn_t g, mfn_t *frame, enum p2m_type *type)
{
    struct p2m *p = &d->hvm->p2m;
    pte_t *slot;
    int rc;

    if (g.g >> P2M_GFN_BITS)
        return -ENOENT;
    slot = slot_at(p, g, 1, false, &rc);
    if (!slot)
        return rc;
    if (!present(*slot))
        return -ENOENT;
    *frame = entry_mfn(*slot);
    if (type)
        *type = type_of(*slot);
    WRITE_ONCE(*slot, 0);
    return 0;
}

void p2m_put_reference(mfn_t m, enum p2m_type type)
{
    if (type == P2M_FOREIGN)
        page_put_writable(mfn_to_frame(m));
    frame_put(mfn_to_frame(m));
}

bool p2m_enter_device(struct domain *d, gfn_t g)
{
    enum p2m_type type;
    bool ok;

    if (!d->hardware || !rangeset_contains(d->iomem, g.g, g.g) || mfn_is_ram(mfn(g.g)))
        return false;
    spin_lock(&d->mmu_lock);
    (void)p2m_lookup(d, g, &type);
    ok = type == P2M_MMIO || (type == P2M_NONE && !p2m_set(d, g, mfn(g.g), P2M_ORDER_4K, P2M_MMIO));
    spin_unlock(&d->mmu_lock);
    return ok;
}

bool p2m_change_type(struct domain *d, gfn_t g, enum p2m_type from, enum p2m_type to)
{
    struct p2m *p = &d->hvm->p2m;
    pte_t *slot;
    int rc;

    if (g.g >> P2M_GFN_BITS || type_of(find(p, g, &(unsigned int){ 0 })) != from)
        return false;
    slot = slot_at(p, g, 1, false, &rc);
    if (!slot)
        return false;
    WRITE_ONCE(*slot, make_leaf(p, entry_mfn(*slot), to, 1));
    return true;
}

/* An interrupt is all that the CPUs need: hvm_enter() compares the epochs. */
void p2m_flush(struct domain *d)
{
    cpumask_t running = { 0 };
    struct vcpu *v;

    atomic_add_return(&d->hvm->p2m.epoch, 1);
    smp_mb();
    for_each_vcpu (d, v)
        running.bits |= READ_ONCE(v->dirty_cpus.bits);
    running.bits &= ~BIT(this_cpu_id());
    tlb_flush_mask(running, 0);
}

/* Drop what the leaves of a table refer to, and take the tables below it out of use. */
static int teardown_table(struct p2m *p, pte_t *table, unsigned int level)
{
    for (unsigned int i = 0; i < PTES_PER_PAGE; i++) {
        pte_t e = table[i];

        if (!present(e))
            continue;
        if (work_exhausted(1))
            return -ERESTART;
        if (!is_leaf(e, level)) {
            int rc = teardown_table(p, table_below(e), level - 1);

            if (rc)
                return rc;
        }
        WRITE_ONCE(table[i], 0); /* so that a restart finds it done */
        if (!is_leaf(e, level))
            table_retire(p, table_below(e));
        else if (p2m_holds_reference(type_of(e)))
            p2m_put_reference(entry_mfn(e), type_of(e));
    }
    return 0;
}

int p2m_teardown(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->mmu_lock);
    if (d->hvm->p2m.root)
        rc = teardown_table(&d->hvm->p2m, d->hvm->p2m.root, ROOT_LEVEL);
    spin_unlock(&d->mmu_lock);
    return rc;
}
