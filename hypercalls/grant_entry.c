/* SPDX-License-Identifier: MIT */
/* Entries of a grant table: begin and end of uses. */
#include "hypercalls/grant_table.h"
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

/* The first word of an entry, which changes under the granter's hands: flags and domid together. */
union grant_word {
    uint32_t word;
    struct {
        uint16_t flags;
        domid_t domid;
    };
};

/*
 * Mark the shared entry as being read (and written), if it grants that to `user`. `pinned`: it is in use
 * already, and what it says of type and domain was checked then. The word is changed as a whole, so that the
 * granter cannot withdraw it in between.
 */
static int16_t set_status(struct grant_entry_v1 *entry, domid_t user, bool write, bool mapping, bool in_use)
{
    uint32_t *word = (uint32_t *)(void *)entry;
    union grant_word old = { .word = READ_ONCE(*word) }, new;
    uint16_t mask = GTF_type_mask | (mapping ? GTF_sub_page : 0);

    for (int i = 0; i < STATUS_TRIES; i++) {
        if (!in_use && ((old.flags & mask) != GTF_permit_access || old.domid != user))
            return GNTST_general_error;
        if (write && (old.flags & GTF_readonly))
            return GNTST_general_error;
        new = old;
        new.flags |= GTF_reading | (write ? GTF_writing : 0);
        if (atomic_cmpxchg(word, &old.word, new.word))
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

/* Take the references of one use. False: not the granter's frame, or not to be written. */
static int16_t get_frame(struct domain *granter, mfn_t m, bool write)
{
    if (!frame_get_from_mfn(m, granter))
        return GNTST_bad_page;
    if (!write || page_get_writable(mfn_to_frame(m)))
        return GNTST_okay;
    frame_put(mfn_to_frame(m));
    return GNTST_general_error;
}

/* Lock: the active entry's. */
static int16_t pin_locked(struct domain *granter, struct grant_entry_v1 *entry, struct grant_active *act,
                          const struct domain *user, enum grant_pin kind, bool mapping)
{
    bool write = kind_writes(kind), in_use = pinned(act);
    int16_t rc;

    if (in_use && (act->domid != user->id || act->pin[kind] == UINT16_MAX))
        return GNTST_general_error;
    if (!in_use || (write && !pinned_for_writing(act))) {
        rc = set_status(entry, user->id, write, mapping, in_use);
        if (rc)
            return rc;
    }
    /* The frame is read once, after the entry was marked: from then on the granter must not change it. */
    if (!in_use) {
        act->mfn = READ_ONCE(entry->frame);
        act->domid = user->id;
    }
    rc = get_frame(granter, mfn(act->mfn), write);
    if (rc)
        clear_status(entry, act);
    else
        act->pin[kind]++;
    return rc;
}

int16_t gnttab_pin(struct domain *granter, uint32_t ref, const struct domain *user, enum grant_pin kind,
                   bool mapping, mfn_t *m)
{
    struct grant_table *gt = granter->grant;
    struct grant_active *act;
    int16_t rc;

    if (unlikely(!gnttab_ref_ok(gt, &ref)))
        return GNTST_bad_gntref;
    act = gnttab_active(gt, ref);
    byte_lock(&act->lock);
    rc = pin_locked(granter, gnttab_entry(gt, ref), act, user, kind, mapping);
    *m = mfn(act->mfn);
    byte_unlock(&act->lock);
    return rc;
}

void gnttab_unpin(struct domain *granter, uint32_t ref, enum grant_pin kind)
{
    struct grant_table *gt = granter->grant;
    struct grant_active *act = gnttab_active(gt, ref);
    struct frame *f;

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
    struct grant_active *act = gnttab_active(gt, ref);

    byte_lock(&act->lock);
    if (!pinned(act))
        return act;
    byte_unlock(&act->lock);
    return NULL;
}
