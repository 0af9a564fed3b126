/* SPDX-License-Identifier: MIT */
#include "hv/hvm/log_dirty.h"
#include "hv/domain/work.h"
#include "hv/lib/bitops.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/guest_access.h"
#include "hv/mm/m2p.h"

/* Frames whose bits are written to the caller at once; the lock is held for as many. */
#define CHUNK 1024

/*
 * Entries of one kind become another, from where the last call stopped. What comes between two calls does no
 * harm: the guest's writes only take entries out of the way. 0, -ERESTART, -ENOMEM.
 */
static int convert(struct domain *d, enum p2m_type from, enum p2m_type to)
{
    struct p2m *p = &d->hvm->p2m;
    uint64_t *g = &p->log_dirty.next, frames;
    int rc = 0;

    spin_lock(&d->mmu_lock);
    while (!rc && *g <= p->max_gfn) {
        if (p2m_run(d, gfn(*g), &frames) != from) {
            *g += frames;
        } else if (p2m_change_type(d, gfn(*g), from, to)) {
            *g += 1;
        } else {
            rc = -ENOMEM;
            break;
        }
        if (work_exhausted(1))
            rc = -ERESTART;
    }
    spin_unlock(&d->mmu_lock);
    if (rc != -ERESTART)
        *g = 0;
    return rc;
}

int log_dirty_enable(struct domain *d)
{
    struct log_dirty *l = &d->hvm->p2m.log_dirty;
    int rc;

    WRITE_ONCE(l->on, true);
    rc = convert(d, P2M_RAM, P2M_LOGDIRTY);
    if (rc == -ENOMEM)
        WRITE_ONCE(l->on, false); /* entries that were changed change back at the first write */
    if (rc != -ERESTART)
        l->count = 0;
    p2m_flush(d);
    return rc;
}

int log_dirty_disable(struct domain *d)
{
    WRITE_ONCE(d->hvm->p2m.log_dirty.on, false);
    return convert(d, P2M_LOGDIRTY, P2M_RAM);
}

/* The bits of `n` frames from `at` on. */
static void collect(struct domain *d, uint64_t at, uint64_t n, bool clean, uint64_t *bits)
{
    uint64_t end = at + n, frames;

    memset(bits, 0, CHUNK / 8);
    spin_lock(&d->mmu_lock);
    for (uint64_t g = at; g < end;) {
        if (p2m_run(d, gfn(g), &frames) != P2M_RAM) {
            g += frames;
            continue;
        }
        bit_set(bits, (unsigned int)(g - at));
        if (clean) /* a superpage that cannot be split stays written */
            (void)p2m_change_type(d, gfn(g), P2M_RAM, P2M_LOGDIRTY);
        g++;
    }
    spin_unlock(&d->mmu_lock);
}

/* What was cleaned and could not be told is not clean. */
static void uncollect(struct domain *d, uint64_t at, uint64_t n, const uint64_t *bits)
{
    for (uint64_t i = 0; i < n; i++)
        if (bit_test(bits, (unsigned int)i))
            (void)log_dirty_mark(d, gfn(at + i));
}

int log_dirty_read(struct domain *d, gva_t bitmap, uint64_t pages, bool clean)
{
    struct p2m *p = &d->hvm->p2m;
    struct log_dirty *l = &p->log_dirty;
    uint64_t end = bitmap.va ? pages : min(pages, p->max_gfn + 1), bits[CHUNK / 64];
    int rc = 0;

    if (!l->next) {
        l->reported = l->count;
        if (clean)
            l->count = 0;
    }
    while (!rc && l->next < end) {
        uint64_t n = min(end - l->next, (uint64_t)CHUNK);

        collect(d, l->next, n, clean, bits);
        if (bitmap.va && copy_to_guest(gva_add(bitmap, l->next / 8), bits, (n + 7) / 8)) {
            if (clean)
                uncollect(d, l->next, n, bits);
            rc = -EFAULT;
        } else {
            l->next += n;
            if (l->next < end && work_exhausted(n))
                rc = -ERESTART;
        }
    }
    if (clean)
        p2m_flush(d);
    if (rc != -ERESTART)
        l->next = 0;
    return rc;
}

bool log_dirty_mark(struct domain *d, gfn_t g)
{
    enum p2m_type t;
    bool ok;

    spin_lock(&d->mmu_lock);
    ok = p2m_change_type(d, g, P2M_LOGDIRTY, P2M_RAM);
    if (ok) {
        d->hvm->p2m.log_dirty.count++;
    } else { /* another vCPU was faster */
        (void)p2m_lookup(d, g, &t);
        ok = t == P2M_RAM;
    }
    spin_unlock(&d->mmu_lock);
    return ok;
}

void log_dirty_mark_frame(struct domain *d, mfn_t m)
{
    gfn_t g = gfn(m2p_get(m));

    /* The guest may have moved the frame meanwhile: it is only a hint then, and marks too much. */
    (void)log_dirty_mark(d, g);
}
