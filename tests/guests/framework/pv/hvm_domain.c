/* SPDX-License-Identifier: MIT */
#include "hvm_domain.h"
#include <xen/sysctl.h>
#include "tests/guests/framework/guest.h"

#define VCPUS 2

/* What sethvmcontext takes. */
static struct {
    struct hvm_save_descriptor head;
    struct hvm_save_header header;
    uint8_t records[VCPUS * (sizeof(struct hvm_save_descriptor) + sizeof(struct hvm_hw_cpu)) +
                    sizeof(struct hvm_save_descriptor)];
} context;

_Static_assert(sizeof(struct hvm_save_header) % 8 == 0 && sizeof(struct hvm_hw_cpu) % 8 == 0, "no gaps");

static domid_t domain;
static struct scratch scratch;

long hvm_domain_ctl(struct xen_domctl *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domain;
    return hypercall1(__HYPERVISOR_domctl, op);
}

domid_t hvm_domain_id(void)
{
    return domain;
}

bool hvm_domain_create(unsigned int vcpus, uint64_t memory_kib)
{
    struct xen_domctl op = {
        .u.createdomain = { .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                            .max_vcpus = vcpus,
                            .max_evtchn_port = 1023,
                            .max_grant_frames = 4,
                            .max_maptrack_frames = 4,
                            .grant_opts = XEN_DOMCTL_GRANT_version(1),
                            .arch.emulation_flags = XEN_X86_EMU_LAPIC },
    };

    domain = 0;
    if (hvm_domain_ctl(&op, XEN_DOMCTL_createdomain) != 0)
        return false;
    domain = op.domain;
    op.u.max_mem.max_memkb = memory_kib;
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_max_mem), 0);
    op.u.paging_mempool.size = 4 << 20;
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_set_paging_mempool_size), 0);
    op.u.max_vcpus.max = vcpus;
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_max_vcpus), 0);
    scratch_link(&scratch, SCRATCH_SLOT);
    return true;
}

void hvm_domain_populate(xen_pfn_t first, unsigned int nr, unsigned int order)
{
    for (unsigned int i = 0; i < nr; i++) {
        xen_pfn_t gfn = first + ((xen_pfn_t)i << order);
        struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = order, .domid = domain };

        set_xen_guest_handle(r.extent_start, &gfn);
        CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), 1);
    }
}

static void set_place(unsigned int place, uint64_t entry, domid_t owner)
{
    struct mmu_update update = { .ptr = va_to_maddr(&scratch.l1[place]), .val = entry };
    unsigned int done = 0;

    CHECK_EQ(hc_mmu_update(&update, 1, &done, owner), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
}

volatile void *hvm_domain_map(unsigned int place, xen_pfn_t gfn)
{
    set_place(place, gfn << PAGE_SHIFT | PTE_RWX, domain);
    return scratch_va(&scratch, place);
}

void hvm_domain_unmap(unsigned int place)
{
    set_place(place, 0, DOMID_SELF);
}

long hvm_domain_start(const struct hvm_hw_cpu *cpus, unsigned int nr)
{
    struct xen_domctl op = { .u.hvmcontext = { .size = sizeof(context) } };
    uint8_t *at = context.records;
    long ret;

    context.head = (struct hvm_save_descriptor){ HVM_SAVE_CODE(HEADER), 0, sizeof(context.header) };
    context.header = (struct hvm_save_header){ .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION };
    for (unsigned int i = 0; i < nr && i < VCPUS; i++) {
        *(struct hvm_save_descriptor *)(void *)at =
            (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), (uint16_t)i, sizeof(cpus[i]) };
        at += sizeof(struct hvm_save_descriptor);
        memcpy(at, &cpus[i], sizeof(cpus[i]));
        at += sizeof(cpus[i]);
    }
    *(struct hvm_save_descriptor *)(void *)at = (struct hvm_save_descriptor){ HVM_SAVE_CODE(END), 0, 0 };
    set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)&context);
    ret = hvm_domain_ctl(&op, XEN_DOMCTL_sethvmcontext);
    if (ret == 0)
        CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_unpausedomain), 0);
    return ret;
}

bool hvm_domain_has_ended(unsigned int *reason)
{
    struct xen_domctl op;

    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_getdomaininfo), 0);
    *reason = op.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    return op.u.getdomaininfo.flags & XEN_DOMINF_shutdown;
}

void hvm_domain_destroy(void)
{
    struct xen_domctl op;

    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_destroydomain), 0);
    hvm_domain_wait();
}

void hvm_domain_wait(void)
{
    uint64_t end = clock_now() + 20000 * MS;
    struct xen_domctl op;

    scratch_unlink(&scratch);
    while (hvm_domain_ctl(&op, XEN_DOMCTL_getdomaininfo) == 0 && clock_now() < end)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_getdomaininfo), -XEN_ESRCH);
}

uint64_t machine_free_memory(void)
{
    static struct xen_sysctl sysctl;

    sysctl =
        (struct xen_sysctl){ .cmd = XEN_SYSCTL_physinfo, .interface_version = XEN_SYSCTL_INTERFACE_VERSION };
    CHECK_EQ(hypercall1(__HYPERVISOR_sysctl, &sysctl), 0);
    return sysctl.u.physinfo.free_pages + sysctl.u.physinfo.scrub_pages;
}
