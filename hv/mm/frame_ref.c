/* SPDX-License-Identifier: MIT */
/* References to frames. The count alone says whether a frame is allocated, so it is only changed by
 * compare-and-swap. */
#include "hv/domain/domain.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/frame.h"

/* The owner cannot change while a reference is held, nor be trusted before it. */
bool frame_refused(struct frame *f)
{
    frame_put(f);
    return false;
}

bool frame_get(struct frame *f, const struct domain *d)
{
    return frame_get_any(f) && (likely(!d || f->owner == d->id) || frame_refused(f));
}

bool frame_get_from_mfn(mfn_t m, const struct domain *d)
{
    return mfn_valid(m) && frame_get(mfn_to_frame(m), d);
}

void frame_put_last(struct frame *f)
{
    domain_frame_released(f);
}

bool frame_drop_allocation(struct frame *f)
{
    if (!(atomic_fetch_and(&f->count, ~FRAME_ALLOCATED) & FRAME_ALLOCATED))
        return false;
    frame_put(f);
    return true;
}
