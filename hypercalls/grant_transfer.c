/* SPDX-License-Identifier: MIT */
/*
 * Giving frames away. The receiver has put GTF_accept_transfer, our domid and its own frame number into an
 * entry; it finds the machine frame there when GTF_transfer_completed is set. A frame that left its owner and
 * was not accepted is freed: only GNTST_bad_page leaves it where it was.
 */
#include "hypercalls/grant_table.h"
#include "hypercalls/hypercall.h"
#include "hv/lib/nospec.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/m2p.h"

#define TRANSFER_UNITS 32
#define COMMIT_TRIES   5

union transfer_word {
    uint32_t word;
    struct {
        uint16_t flags;
        domid_t domid;
    };
};

/* Commit the receiver's entry to a transfer from `from`. */
static bool commit_entry(struct grant_entry_v1 *entry, domid_t from)
{
    uint32_t *word = (uint32_t *)(void *)entry;
    union transfer_word old = { .word = READ_ONCE(*word) }, new;

    for (int i = 0; i < COMMIT_TRIES; i++) {
        if (old.flags != GTF_accept_transfer || old.domid != from)
            return false;
        new = old;
        new.flags |= GTF_transfer_committed;
        if (atomic_cmpxchg(word, &old.word, new.word))
            return true;
    }
    return false;
}

/* Hand the anonymous frame to `to` through its entry `ref`. False: `f` is still nobody's. */
static bool give_frame(struct domain *to, uint32_t ref, struct frame *f)
{
    struct grant_entry_v1 *entry;
    mfn_t m = frame_to_mfn(f);

    if (!gnttab_ref_ok(to->grant, &ref))
        return false;
    entry = gnttab_entry(to->grant, ref);
    if (!commit_entry(entry, current->domain->id))
        return false;
    if (!domain_assign_stolen(to, f)) {
        atomic_and(&entry->flags, (uint16_t)~GTF_transfer_committed);
        return false;
    }
    m2p_set(m, READ_ONCE(entry->frame));
    WRITE_ONCE(entry->frame, (uint32_t)m.m);
    smp_wmb();
    atomic_or(&entry->flags, GTF_transfer_completed);
    return true;
}

static int16_t transfer_one(const struct gnttab_transfer *op)
{
    struct domain *d = current->domain, *to;
    mfn_t m = mfn(op->mfn);
    struct frame *f;
    int16_t rc = GNTST_okay;

    if (!mfn_valid(m) || !domain_steal_frame(d, mfn_to_frame(m)))
        return GNTST_bad_page;
    f = mfn_to_frame(m);
    to = domain_by_id(op->domid);
    if (!to || is_hvm_domain(to))
        rc = GNTST_bad_domain;
    else if (!give_frame(to, op->ref, f))
        rc = GNTST_general_error;
    if (rc)
        frame_free_dirty(f, 0);
    if (to)
        domain_put(to);
    return rc;
}

int64_t gnttab_transfer(gva_t uop, uint32_t count)
{
    struct gnttab_transfer op;

    for (uint32_t i = 0; i < count; i++) {
        gva_t at = gva_add(uop, (uint64_t)i * sizeof(op));

        if (hypercall_preempt_check(TRANSFER_UNITS) && i)
            return i;
        if (read_guest(&op, at))
            return -EFAULT;
        op.status = transfer_one(&op);
        if (write_guest_field(at, struct gnttab_transfer, status, op.status))
            return -EFAULT;
    }
    return count;
}
