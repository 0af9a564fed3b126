/* SPDX-License-Identifier: MIT */
/* domctl shadow_op: which of its memory a hardware guest has written (hv/hvm/log_dirty.h). */
#include "hypercalls/ctl.h"
#include "hv/domain/event.h"
#include "hv/hvm/log_dirty.h"
#include "hv/mm/heap.h"
#include "hypercalls/event_fifo.h"

/* A page of FIFO event words for each 1024 ports, and each vCPU's control block and vcpu_info. */
#define HELD_MAX (EVTCHN_FIFO_NR_CHANNELS / 1024 + MAX_VCPUS)

/* Pages that the hypervisor may write at any time count as written at the end. */
static int mark_held(struct domain *d)
{
    mfn_t *frames = hv_zalloc_array(HELD_MAX, sizeof(*frames));
    unsigned int n;
    struct vcpu *v;

    if (!frames)
        return -ENOMEM;
    n = evtchn_fifo_frames(d, frames, HELD_MAX);
    for (unsigned int i = 0; i < n; i++)
        log_dirty_mark_frame(d, frames[i]);
    for_each_vcpu (d, v) {
        struct frame *f = READ_ONCE(v->info_frame);

        if (f)
            log_dirty_mark_frame(d, frame_to_mfn(f));
    }
    hv_free(frames);
    return 0;
}

static int enable(struct domain *d, bool resumed)
{
    if (d->hvm->p2m.log_dirty.on && !resumed)
        return -EINVAL;
    return log_dirty_enable(d);
}

/* CLEAN and PEEK. */
static int read_bitmap(struct domain *d, struct xen_domctl_shadow_op *op, bool resumed)
{
    struct log_dirty *l = &d->hvm->p2m.log_dirty;
    int rc = 0;

    if (op->mode & ~(uint32_t)XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL)
        return -EINVAL;
    if (op->mode && l->on && !resumed)
        rc = mark_held(d);
    if (!rc)
        rc = log_dirty_read(d, gva_of_handle(op->dirty_bitmap), op->pages,
                            op->op == XEN_DOMCTL_SHADOW_OP_CLEAN);
    op->stats = (struct xen_domctl_shadow_op_stats){ .dirty_count = l->reported };
    return rc;
}

static int step(struct domain *d, struct xen_domctl_shadow_op *op, bool resumed)
{
    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        return op->mode & XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY ? enable(d, resumed) : -EINVAL;
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return enable(d, resumed);
    case XEN_DOMCTL_SHADOW_OP_OFF:
        return log_dirty_disable(d);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return read_bitmap(d, op, resumed);
    default:
        return -EINVAL;
    }
}

/* 0, -ERESTART; -EINVAL: of itself, of a domain without vCPUs, on already, or no such operation; -EBUSY:
 * another one was preempted and is not finished; -EOPNOTSUPP: a PV domain. Else as the steps. */
int domctl_shadow_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    uint32_t what = op->u.shadow_op.op + 1;
    struct log_dirty *l;
    int rc;

    if (op->cmd != XEN_DOMCTL_shadow_op)
        return -ENOSYS;
    if (d == current->domain || !domain_vcpu(d, 0))
        return -EINVAL;
    if (!is_hvm_domain(d))
        return -EOPNOTSUPP;
    if (d->dying)
        return 0; /* nobody will look at its memory */
    l = &d->hvm->p2m.log_dirty;
    if (l->under_way && l->under_way != what)
        return -EBUSY;
    if (!l->under_way)
        l->next = 0;
    rc = step(d, &op->u.shadow_op, l->under_way);
    l->under_way = rc == -ERESTART ? what : 0;
    *answer = true;
    return rc;
}
