/* SPDX-License-Identifier: MIT */
/* domctl: what only hardware guests have: saved register states, counts of exits, and memory for their
 * second-level tables. */
#include "hypercalls/ctl.h"
#include "hv/cpu/time.h"
#include "hv/hvm/context.h"
#include "hv/lib/string.h"
#include "hv/lib/vcpu_exits_abi.h"
#include "hv/lib/version.h"
#include "hv/mm/heap.h"
#include "hv/sched/sched.h"

/* One vCPU's records, in the order in which they are written. */
struct records {
    struct hvm_save_descriptor cpu_head;
    struct hvm_hw_cpu cpu;
    struct hvm_save_descriptor mtrr_head;
    struct hvm_hw_mtrr mtrr;
};

struct start {
    struct hvm_save_descriptor head;
    struct hvm_save_header header;
};

_Static_assert(sizeof(struct records) == 16 + sizeof(struct hvm_hw_cpu) + sizeof(struct hvm_hw_mtrr) &&
                   sizeof(struct start) == 8 + sizeof(struct hvm_save_header),
               "records stand without gaps");

#define CONTEXT_MAX (64 * 1024)

static struct start start_record(void)
{
    return (struct start){
        .head = { .typecode = HVM_SAVE_CODE(HEADER), .length = sizeof(struct hvm_save_header) },
        .header = { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION, .gtsc_khz = (uint32_t)tsc_khz },
    };
}

static void fill_records(struct vcpu *v, struct records *r)
{
    r->cpu_head = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), v->id, sizeof(r->cpu) };
    r->mtrr_head = (struct hvm_save_descriptor){ HVM_SAVE_CODE(MTRR), v->id, sizeof(r->mtrr) };
    hvm_get_cpu(v, &r->cpu);
    hvm_get_mtrr(v, &r->mtrr);
}

static uint32_t context_size(const struct domain *d)
{
    uint32_t n = 0;
    const struct vcpu *v;

    for_each_vcpu (d, v)
        n++;
    return (uint32_t)(sizeof(struct start) + n * sizeof(struct records) + sizeof(struct hvm_save_descriptor));
}

/* Without a buffer: how large it has to be. 0, -ENOSPC, -EFAULT, -ENOMEM. */
static int get_context(struct domain *d, struct xen_domctl_hvmcontext *op)
{
    static const struct hvm_save_descriptor end = { .typecode = HVM_SAVE_CODE(END) };
    uint32_t size = context_size(d);
    gva_t at = gva_of_handle(op->buffer);
    struct start start = start_record();
    struct records *r;
    struct vcpu *v;
    int rc;

    if (!at.va) {
        op->size = size;
        return 0;
    }
    if (op->size < size)
        return -ENOSPC;
    r = hv_zalloc(sizeof(*r));
    if (!r)
        return -ENOMEM;
    rc = write_guest(at, &start);
    at = gva_add(at, sizeof(start));
    for_each_vcpu (d, v) {
        fill_records(v, r);
        if (!rc)
            rc = write_guest(at, r);
        at = gva_add(at, sizeof(*r));
    }
    if (!rc)
        rc = write_guest(at, &end);
    hv_free(r);
    op->size = size;
    return rc;
}

/* One record, without its descriptor. */
static int get_partial(struct domain *d, struct xen_domctl_hvmcontext_partial *op)
{
    struct records *r;
    struct vcpu *v = domain_vcpu(d, op->instance);
    gva_t at = gva_of_handle(op->buffer);
    bool cpu = op->type == HVM_SAVE_CODE(CPU);
    uint64_t size = cpu ? sizeof(r->cpu) : sizeof(r->mtrr);
    int rc;

    if ((!cpu && op->type != HVM_SAVE_CODE(MTRR)) || !v)
        return -EINVAL;
    if (at.va && op->bufsz < size)
        return -ENOSPC;
    op->bufsz = size;
    if (!at.va)
        return 0;
    r = hv_zalloc(sizeof(*r));
    if (!r)
        return -ENOMEM;
    fill_records(v, r);
    rc = copy_to_guest(at, cpu ? (void *)&r->cpu : (void *)&r->mtrr, size);
    hv_free(r);
    return rc;
}

/* A record that was copied in whole. Kinds that the hypervisor does not keep are skipped. */
static int load_record(struct domain *d, const struct hvm_save_descriptor *head, const uint8_t *data)
{
    struct vcpu *v = domain_vcpu(d, head->instance);
    int rc;

    switch (head->typecode) {
    case HVM_SAVE_CODE(CPU):
        if (!v || head->length != sizeof(struct hvm_hw_cpu))
            return -EINVAL;
        rc = hvm_set_cpu(v, (const struct hvm_hw_cpu *)(const void *)data);
        if (!rc)
            vcpu_clear_pause_flags(v, VPF_DOWN);
        return rc;
    case HVM_SAVE_CODE(MTRR):
        if (!v || head->length != sizeof(struct hvm_hw_mtrr))
            return -EINVAL;
        return hvm_set_mtrr(v, (const struct hvm_hw_mtrr *)(const void *)data);
    default:
        return 0;
    }
}

static int load_all(struct domain *d, const uint8_t *data, size_t size)
{
    struct hvm_save_descriptor head;
    struct start start;

    if (size < sizeof(start))
        return -EINVAL;
    memcpy(&start, data, sizeof(start));
    if (start.head.typecode != HVM_SAVE_CODE(HEADER) || start.header.magic != HVM_FILE_MAGIC ||
        start.header.version != HVM_FILE_VERSION)
        return -EINVAL;
    for (size_t at = sizeof(start); at + sizeof(head) <= size; at += sizeof(head) + head.length) {
        int rc;

        memcpy(&head, data + at, sizeof(head));
        if (head.typecode == HVM_SAVE_CODE(END))
            return 0;
        if (head.length > size - at - sizeof(head))
            return -EINVAL;
        rc = load_record(d, &head, data + at + sizeof(head));
        if (rc)
            return rc;
    }
    return -ENODATA; /* no end */
}

static int set_context(struct domain *d, const struct xen_domctl_hvmcontext *op)
{
    uint8_t *data;
    int rc;

    if (op->size > CONTEXT_MAX)
        return -EINVAL;
    data = hv_zalloc(op->size);
    if (!data)
        return -ENOMEM;
    rc = copy_from_guest(data, gva_of_handle(op->buffer), op->size);
    if (!rc)
        rc = load_all(d, data, op->size);
    hv_free(data);
    return rc;
}

/* The quota of table pages; it cannot fall below what is in use. */
static int mempool(struct domain *d, struct xen_domctl_paging_mempool *op, bool set)
{
    struct p2m *p = &d->hvm->p2m;
    uint64_t pages = op->size >> PAGE_SHIFT;

    if (!set) {
        op->size = (uint64_t)p->max_tables << PAGE_SHIFT;
        return 0;
    }
    if (op->size % PAGE_SIZE || pages > UINT32_MAX)
        return -EINVAL;
    spin_lock(&d->mmu_lock);
    p->max_tables = max((uint32_t)pages, p->tables);
    spin_unlock(&d->mmu_lock);
    return 0;
}

_Static_assert(sizeof(struct ryokan_vcpu_exits) <= sizeof(((struct xen_domctl *)0)->u.pad),
               "it fits into the operation");

/* The vCPU may run meanwhile: each count is right, all of them need not be of one moment. */
static int vcpu_exits(struct domain *d, struct ryokan_vcpu_exits *op)
{
    const struct vcpu *v = domain_vcpu(d, op->vcpu);

    if (!v)
        return -ESRCH;
    op->nr = HVM_EXITS;
    for (unsigned int i = 0; i < HVM_EXITS; i++)
        op->counts[i] = READ_ONCE(v->hvm->exits[i]);
    return 0;
}

static int paused(struct domain *d, struct xen_domctl *op, int (*fn)(struct domain *d, struct xen_domctl *op))
{
    int rc;

    if (d == current->domain)
        return -EINVAL;
    domain_pause(d);
    rc = fn(d, op);
    domain_unpause(d);
    return rc;
}

static int context_op(struct domain *d, struct xen_domctl *op)
{
    switch (op->cmd) {
    case XEN_DOMCTL_gethvmcontext:
        return get_context(d, &op->u.hvmcontext);
    case XEN_DOMCTL_gethvmcontext_partial:
        return get_partial(d, &op->u.hvmcontext_partial);
    default:
        return set_context(d, &op->u.hvmcontext);
    }
}

int domctl_hvm_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_DOMCTL_gethvmcontext:
    case XEN_DOMCTL_gethvmcontext_partial:
    case XEN_DOMCTL_sethvmcontext:
        *answer = op->cmd != XEN_DOMCTL_sethvmcontext;
        return is_hvm_domain(d) ? paused(d, op, context_op) : -EINVAL;
    case XEN_DOMCTL_get_paging_mempool_size:
    case XEN_DOMCTL_set_paging_mempool_size:
        *answer = op->cmd == XEN_DOMCTL_get_paging_mempool_size;
        return is_hvm_domain(d) ? mempool(d, &op->u.paging_mempool, !*answer) : -EOPNOTSUPP;
    case XEN_DOMCTL_ryokan_vcpu_exits:
        *answer = true;
        return is_hvm_domain(d) ? vcpu_exits(d, (void *)&op->u) : -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}
