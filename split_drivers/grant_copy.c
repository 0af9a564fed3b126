/* SPDX-License-Identifier: MIT */
#include "split_drivers/grant_copy.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"

static struct gnttab_copy *add(struct grant_copy *batch, uint16_t length)
{
    struct gnttab_copy *op = &batch->op[batch->nr++];

    op->len = length;
    op->status = GNTST_general_error;
    return op;
}

void grant_copy_from(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, void *ours, uint16_t length)
{
    struct gnttab_copy *op = add(batch, length);

    op->source.u.ref = ref;
    op->source.domid = batch->domid;
    op->source.offset = offset;
    op->dest.u.gmfn = virt_to_mfn(ours);
    op->dest.domid = DOMID_SELF;
    op->dest.offset = (uint16_t)((uintptr_t)ours & ~PAGE_MASK);
    op->flags = GNTCOPY_source_gref;
}

void grant_copy_to(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, const void *ours,
                   uint16_t length)
{
    struct gnttab_copy *op = add(batch, length);

    op->source.u.gmfn = virt_to_mfn(ours);
    op->source.domid = DOMID_SELF;
    op->source.offset = (uint16_t)((uintptr_t)ours & ~PAGE_MASK);
    op->dest.u.ref = ref;
    op->dest.domid = batch->domid;
    op->dest.offset = offset;
    op->flags = GNTCOPY_dest_gref;
}

void grant_copy_run(struct grant_copy *batch)
{
    if (batch->nr && gnttab_copy(batch->op, batch->nr))
        for (unsigned int i = 0; i < batch->nr; i++)
            batch->op[i].status = GNTST_general_error;
}
