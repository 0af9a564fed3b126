/* SPDX-License-Identifier: MIT */
/* set_gdt and update_descriptor. The rules for descriptors are in hv/pv/descriptor.c. */
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"

#define GDT_FRAMES_MAX (FIRST_RESERVED_GDT_ENTRY / 512)

/* arg: list of frames, number of descriptors (32 bits). 0, -EFAULT, -EINVAL. */
int64_t do_set_gdt(uint64_t arg[6])
{
    uint32_t entries = (uint32_t)arg[1];
    uint64_t frames[GDT_FRAMES_MAX];

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (copy_from_guest(frames, gva(arg[0]), DIV_ROUND_UP(entries, 512) * sizeof(frames[0])))
        return -EFAULT;
    return pv_set_gdt(current, frames, entries);
}

/* A frame that is a descriptor page takes a checked descriptor; any other is written as the guest itself
 * could. */
static int write_descriptor(struct domain *d, mfn_t m, uint64_t offset, uint64_t desc)
{
    uint64_t *slot = (uint64_t *)((char *)mfn_to_virt(m) + offset);
    struct frame *f = mfn_to_frame(m);
    int rc = -EINVAL;

    if ((READ_ONCE(f->type) & PGT_TYPE_MASK) == PGT_SEG_DESC) {
        spin_lock(&d->mmu_lock);
        rc = page_get_type(m, d, PGT_SEG_DESC);
        if (rc == 0) {
            WRITE_ONCE(*slot, desc);
            (void)page_put_type(f);
        }
        spin_unlock(&d->mmu_lock);
    } else if (page_get_writable(f)) {
        WRITE_ONCE(*slot, desc);
        page_put_writable(f);
        rc = 0;
    }
    return rc ? -EINVAL : 0;
}

/* arg: machine address of the slot, descriptor. 0, -EINVAL. */
int64_t do_update_descriptor(uint64_t arg[6])
{
    struct domain *d = current->domain;
    mfn_t m = mfn(arg[0] >> PAGE_SHIFT);
    uint64_t offset = arg[0] & ~PAGE_MASK, desc = arg[1];
    int rc;

    if (!IS_ALIGNED(offset, sizeof(desc)) || !pv_descriptor_ok(&desc) || !frame_get_from_mfn(m, d))
        return -EINVAL;
    rc = write_descriptor(d, m, offset, desc);
    frame_put(mfn_to_frame(m));
    return rc;
}
