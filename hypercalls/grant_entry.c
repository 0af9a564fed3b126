/* SPDX-License-Identifier: MIT */
/* Entries of a grant table: begin and end of uses. */
#include "hypercalls/grant_table.h"
#include "hv/hvm/log_dirty.h"
#include "hv/lib/nospec.h"
#include "hv/pv/page_type.h"

/* How often a shared entry is tried that the granter keeps changing. */
#define STATUS_TRIES 5

static bool kind_writes(enum grant_pin kind)
{
    return kind == PIN_HOST_RW || kind == PIN_DEV_RW;
}

static bool pinned(const struct grant_active *act)
{
    uint64_t pins;

    __builtin_memcpy(&pins, act->pin, sizeof(pins));
    return pins;
}

static bool pinned_for_writing(const struct grant_active *act)
{
    return act->pin[PIN_HOST_RW] || act->pin[PIN_DEV_RW];
}

/*
 * Mark the shared entry as being read (and written), if it grants that to `user`. `in_use`: it is marked for
 * reading already, and what it says of type and domain was checked then. Its first word, flags and domain id,
 * changes under the granter's hands; it is changed as a whole, so that the granter cannot withdraw it in
 * between.
 */
static __always_inline int16_t set_status(struct grant_entry_v1 *entry, domid_t user, bool write,
                                          bool mapping, bool in_use)
{
    uint32_t *word = (uint32_t *)(void *)entry;
    uint32_t old = READ_ONCE(*word), granted = GTF_permit_access | (uint32_t)user << 16;
    uint32_t mask = 0xffff0000 | GTF_type_mask | (mapping ? GTF_sub_page : 0);
    uint32_t mark = write ? GTF_reading | GTF_writing : GTF_reading;

    for (int i = 0; i < STATUS_TRIES; i++) {
        if (!in_use && (old & mask) != granted)
            return GNTST_general_error;
        if (write && (old & GTF_readonly))
            return GNTST_general_error;
        if (likely(atomic_cmpxchg(word, &old, old | mark)))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

/* Take back the marks that no use justifies any more. Lock: the active entry's. */
static void clear_status(struct grant_entry_v1 *entry, const struct grant_active *act)
{
    uint16_t clear = 0;

    if (!pinned(act))
        clear = GTF_reading | GTF_writing;
    else if (!pinned_for_writing(act))
        clear = GTF_writing;
    if (clear)
        atomic_and(&entry->flags, (uint16_t)~clear);
}

/* Take the references of one use. */
static __always_inline int16_t get_frame(const struct domain *granter, mfn_t m, bool write)
{
    if (unlikely(!frame_get_owned(m, granter->id)))
        return GNTST_bad_page;
    if (!write || likely(page_get_writable(mfn_to_frame(m))))
        return GNTST_okay;
    frame_put(mfn_to_frame(m));
    return GNTST_general_error;
}

/* A further use of an entry that is in use. Lock: the active entry's. */
static __noinline int16_t pin_again(const struct domain *granter, struct grant_entry_v1 *entry,
                                    struct grant_active *act, domid_t user, enum grant_pin kind)
{
    bool write = kind_writes(kind);
    int16_t rc = GNTST_okay;

    if (act->domid != user || act->pin[kind] == UINT16_MAX)
        return GNTST_general_error;
    if (write && !pinned_for_writing(act))
        rc = set_status(entry, user, write, false, true);
    if (rc)
        return rc;
    rc = get_frame(granter, mfn(act->mfn), write);
    if (rc)
        clear_status(entry, act);
    else
        act->pin[kind]++;
    return rc;
}

/* The first use. Lock: the active entry's. */
static __always_inline int16_t pin_first(const struct domain *granter, struct grant_entry_v1 *entry,
                                         struct grant_active *act, domid_t user, enum grant_pin kind,
                                         bool mapping)
{
    int16_t rc = set_status(entry, user, kind_writes(kind), mapping, false);

    if (unlikely(rc))
        return rc;
    /* The frame is read once, after the entry was marked: from then on the granter must not change it. */
    act->mfn = gfn_to_mfn(granter, gfn(READ_ONCE(entry->frame))).m;
    act->domid = user;
    rc = get_frame(granter, mfn(act->mfn), kind_writes(kind));
    if (unlikely(rc))
        clear_status(entry, act);
    else
        act->pin[kind] = 1;
    return rc;
}

int16_t gnttab_pin(const struct domain *granter, uint32_t ref, domid_t user, enum grant_pin kind,
                   bool mapping, mfn_t *m)
{
    struct grant_table *gt = granter->grant;
    struct grant_entry_v1 *entry;
    struct grant_active *act;
    int16_t rc;

    if (unlikely(!gnttab_ref_ok(gt, &ref)))
        return GNTST_bad_gntref;
    if (unlikely(!gnttab_use(gt, ref)))
        return GNTST_general_error;
    act = gnttab_active(gt, ref);
    entry = gnttab_entry(gt, ref);
    byte_lock(&act->lock);
    if (likely(!pinned(act)))
        rc = pin_first(granter, entry, act, user, kind, mapping);
    else
        rc = pin_again(granter, entry, act, user, kind);
    *m = mfn(act->mfn);
    byte_unlock(&act->lock);
    return rc;
}

void gnttab_unpin(struct domain *granter, uint32_t ref, enum grant_pin kind)
{
    struct grant_table *gt = granter->grant;
    struct grant_active *act = gnttab_active(gt, ref);
    struct frame *f;

    if (unlikely(log_dirty_on(granter)) && kind_writes(kind))
        log_dirty_mark_frame(granter, mfn(act->mfn));
    byte_lock(&act->lock);
    f = mfn_to_frame(mfn(act->mfn));
    act->pin[kind]--;
    clear_status(gnttab_entry(gt, ref), act);
    byte_unlock(&act->lock);

    if (kind_writes(kind))
        page_put_writable(f);
    frame_put(f);
}

struct grant_active *gnttab_lock_idle(struct grant_table *gt, uint32_t ref)
{
    struct grant_active *act;

    if (!gnttab_use(gt, ref))
        return NULL;
    act = gnttab_active(gt, ref);
    byte_lock(&act->lock);
    if (!pinned(act))
        return act;
    byte_unlock(&act->lock);
    return NULL;
}
