/* SPDX-License-Identifier: MIT */
/*
 * Two domains: the bench guest builds a second one by domctl, as a toolstack would, and measures context
 * switches and an event ping-pong with it. It needs the rights of the initial domain.
 */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

#include <xen/domctl.h>

#define ROUNDS  1000u
#define PEER_VA 0x40000000ul

enum { PAGE_CODE, PAGE_MAILBOX, PAGE_STACK, PAGE_L1, PAGE_L2, PAGE_L3, PAGE_L4, PEER_PAGES };

/* Known to peer.S by offset. */
struct peer_mailbox {
    volatile uint64_t phase;
    volatile uint64_t turns;
    volatile uint64_t seen; /* set by the peer's upcall */
    struct evtchn_send send;
};

static domid_t peer;
static xen_pfn_t frames[PEER_PAGES];
static struct scratch window;
static evtchn_port_t local_port;

extern char peer_code[], peer_upcall[], peer_code_end[];

static long domctl(uint32_t cmd, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = peer;
    return hypercall1(__HYPERVISOR_domctl, op);
}

static void must(long ret, const char *what)
{
    if (ret)
        test_abort("%s: %ld", what, ret);
}

static void create(void)
{
    struct xen_domctl op = { 0 };
    struct xen_memory_reservation memory = { .nr_extents = PEER_PAGES };

    op.u.createdomain = (struct xen_domctl_createdomain){ .handle = { 0x42 },
                                                          .max_vcpus = 1,
                                                          .max_evtchn_port = 127,
                                                          .max_grant_frames = 4,
                                                          .max_maptrack_frames = 4,
                                                          .grant_opts = XEN_DOMCTL_GRANT_version(1) };
    peer = 0;
    must(domctl(XEN_DOMCTL_createdomain, &op), "createdomain");
    peer = op.domain;
    op.u.max_mem.max_memkb = 1024;
    must(domctl(XEN_DOMCTL_max_mem, &op), "max_mem");
    op.u.max_vcpus.max = 1;
    must(domctl(XEN_DOMCTL_max_vcpus, &op), "max_vcpus");
    for (unsigned int i = 0; i < PEER_PAGES; i++)
        frames[i] = i;
    memory.domid = peer;
    set_xen_guest_handle(memory.extent_start, frames);
    must(hc_memory_op(XENMEM_populate_physmap, &memory) != PEER_PAGES, "populate_physmap");
}

/* The peer's page in our window: its own memory, mapped as a foreign frame. */
static uint64_t *page_of(unsigned int page)
{
    return (uint64_t *)scratch_va(&window, page);
}

static void map_pages(unsigned int first, uint64_t flags)
{
    for (unsigned int i = first; i < PEER_PAGES; i++) {
        uint64_t pte = flags ? frames[i] << PAGE_SHIFT | flags : 0;

        must(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, page_of(i), pte, UVMF_INVLPG, peer),
             "foreign map");
    }
}

static void fill(mfn_num_t shared_frame)
{
    static const uint8_t order[] = { PAGE_CODE, PAGE_MAILBOX, PAGE_STACK };
    uint64_t *l1 = page_of(PAGE_L1);

    for (unsigned int i = 0; i < PEER_PAGES; i++)
        memset(page_of(i), 0, PAGE_SIZE);
    memcpy(page_of(PAGE_CODE), peer_code, (size_t)(peer_code_end - peer_code));
    for (unsigned int i = 0; i < 3; i++)
        l1[i] = frames[order[i]] << PAGE_SHIFT | PTE_RWX;
    l1[3] = shared_frame << PAGE_SHIFT | PTE_RWX;
    page_of(PAGE_L2)[0] = frames[PAGE_L1] << PAGE_SHIFT | PTE_RWX;
    page_of(PAGE_L3)[PEER_VA >> 30] = frames[PAGE_L2] << PAGE_SHIFT | PTE_RWX;
    page_of(PAGE_L4)[0] = frames[PAGE_L3] << PAGE_SHIFT | PTE_RWX;
}

static void start(void)
{
    static struct vcpu_guest_context ctxt;
    struct xen_domctl op = { 0 };

    memset(&ctxt, 0, sizeof(ctxt));
    ctxt.flags = VGCF_in_kernel | VGCF_online;
    ctxt.user_regs.rip = PEER_VA;
    ctxt.user_regs.r12 = PEER_VA + PAGE_MAILBOX * PAGE_SIZE;
    ctxt.user_regs.r13 = PEER_VA + 3 * PAGE_SIZE;
    ctxt.user_regs.rsp = ctxt.kernel_sp = PEER_VA + (PAGE_STACK + 1) * PAGE_SIZE;
    ctxt.user_regs.cs = FLAT_KERNEL_CS;
    ctxt.user_regs.ss = ctxt.kernel_ss = FLAT_KERNEL_SS;
    ctxt.user_regs.rflags = EFLAGS_IF;
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(frames[PAGE_L4]);
    ctxt.event_callback_eip = PEER_VA + (uint64_t)(peer_upcall - peer_code);
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle_raw(op.u.vcpucontext.ctxt, &ctxt);
    must(domctl(XEN_DOMCTL_setvcpucontext, &op), "setvcpucontext");
    must(domctl(XEN_DOMCTL_unpausedomain, &op), "unpausedomain");
}

static struct peer_mailbox *build(void)
{
    struct peer_mailbox *mailbox;
    struct xen_domctl op = { 0 };
    struct mmuext_op pin = { .cmd = MMUEXT_PIN_L4_TABLE };
    long port;

    create();
    must(domctl(XEN_DOMCTL_getdomaininfo, &op), "getdomaininfo");
    scratch_link(&window, SCRATCH_SLOT);
    map_pages(0, PTE_RWX);
    mailbox = (struct peer_mailbox *)page_of(PAGE_MAILBOX);
    fill(op.u.getdomaininfo.shared_info_frame);
    port = event_alloc_unbound(peer, own_domid());
    mailbox->send.port = (evtchn_port_t)port;
    local_port = (evtchn_port_t)event_bind_interdomain(peer, (evtchn_port_t)port);
    map_pages(PAGE_L1, 0);
    pin.arg1.mfn = frames[PAGE_L4];
    must(hc_mmuext_op(&pin, 1, 0, peer), "pin");
    start();
    return mailbox;
}

static void destroy(void)
{
    struct xen_domctl op = { 0 };

    map_pages(0, 0);
    scratch_unlink(&window);
    event_close(local_port);
    must(domctl(XEN_DOMCTL_destroydomain, &op), "destroydomain");
}

static void bench_switch(const char *name, struct peer_mailbox *mailbox)
{
    uint64_t begin, before;

    while (mailbox->turns < 10)
        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    before = mailbox->turns;
    begin = bench_tsc();
    while (mailbox->turns < before + ROUNDS)
        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    bench_report(name, (bench_tsc() - begin) / (2 * ROUNDS));
}

static void bench_ping_pong(bool two_cpus, struct peer_mailbox *mailbox)
{
    unsigned int rounds = two_cpus ? ROUNDS / 10 : ROUNDS;
    uint64_t begin = 0, begin_ns = 0;

    event_clear(local_port);
    event_reset_counts();
    event_unmask(local_port);
    mailbox->phase = 1;
    for (unsigned int i = 0; i < rounds + 10; i++) {
        if (i == 10) {
            begin_ns = clock_now();
            begin = bench_tsc();
        }
        event_send(local_port);
        while (!event_counts[local_port]) {
            event_disable();
            if (!event_counts[local_port])
                page_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
        }
        event_counts[local_port] = 0;
    }
    if (two_cpus)
        bench_report_ns("domain_ping_pong_2cpus", (clock_now() - begin_ns) / rounds);
    else
        bench_report("domain_ping_pong", (bench_tsc() - begin) / rounds);
    event_disable();
}

void bench_domains(bool two_cpus)
{
    struct peer_mailbox *mailbox;

    if (!is_initial_domain())
        return;
    mailbox = build();
    if (!two_cpus)
        bench_switch("domain_switch", mailbox);
    bench_ping_pong(two_cpus, mailbox);
    destroy();
}
