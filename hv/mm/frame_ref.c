/* SPDX-License-Identifier: MIT */
/* References to frames. The count alone says whether a frame is allocated, so it is only changed by
 * compare-and-swap. */
#include "hv/domain/domain.h"
#include "hv/lib/bug.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/frame.h"

bool frame_get(struct frame *f, const struct domain *d)
{
    uint64_t x = READ_ONCE(f->count);

    do {
        if (unlikely(!(x & FRAME_COUNT_MASK) || ((x + 2) & FRAME_COUNT_MASK) < 2))
            return false; /* not allocated, or about to overflow */
    } while (!atomic_cmpxchg(&f->count, &x, x + 1));

    if (unlikely(d && f->owner != d->id)) {
        frame_put(f); /* the owner cannot change while the reference is held, nor be trusted before it */
        return false;
    }
    return true;
}

bool frame_get_from_mfn(mfn_t m, const struct domain *d)
{
    return mfn_valid(m) && frame_get(mfn_to_frame(m), d);
}

void frame_put(struct frame *f)
{
    uint64_t x = atomic_sub_return(&f->count, 1);

    ASSERT((x & FRAME_COUNT_MASK) != FRAME_COUNT_MASK);
    if (unlikely(!(x & FRAME_COUNT_MASK)))
        domain_frame_released(f);
}

bool frame_drop_allocation(struct frame *f)
{
    if (!(atomic_fetch_and(&f->count, ~FRAME_ALLOCATED) & FRAME_ALLOCATED))
        return false;
    frame_put(f);
    return true;
}
