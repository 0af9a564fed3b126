/* SPDX-License-Identifier: MIT */
/*
 * domain_build: a domain from its creation to its end, as a toolstack makes it.
 *
 * What:     domctl createdomain, max_vcpus, max_mem, setvcpucontext, unpause, getdomaininfo, destroydomain;
 * memory, page tables, event channels and grants of another domain. Why:      everything that `xl create`
 * asks of the hypervisor, and that nothing is left afterwards. Method:   build page tables and a few
 * instructions in the new domain's frames, pin them, start it; it sends one event and shuts down. Map its
 * grant, destroy it while that is mapped, unmap. Expected: each step answers 0; the event and VIRQ_DOM_EXC
 * come; the domain shows its shutdown code; while a frame is mapped it is dying, then it is gone, and all
 * memory is free again; get_domain_state tells each change once. Xen: the same, but that is new in 4.20.
 */
#include "tests/guests/framework/guest.h"
#include "hvm_domain.h"
#include "hv/lib/domain_state_abi.h"
#include "hv/lib/vcpu_exits_abi.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define FRAMES    8
#define CODE      0 /* which of the frames is what */
#define STACK     1
#define SHARED    2
#define SPARE     3
#define L4        4
#define CODE_VA   0x400000ul
#define GRANT_REF 9

/* What the new domain runs: send the event at CODE_VA + 0x100, shut down for the reason at CODE_VA + 0x104.
 */
static const uint8_t code[] = {
    0xb8, 0x20, 0,    0,    0,             /* mov $__HYPERVISOR_event_channel_op, %eax */
    0xbf, 0x04, 0,    0,    0,             /* mov $EVTCHNOP_send, %edi */
    0xbe, 0x00, 0x01, 0x40, 0, 0x0f, 0x05, /* mov $CODE_VA + 0x100, %esi; syscall */
    0xb8, 0x1d, 0,    0,    0,             /* mov $__HYPERVISOR_sched_op, %eax */
    0xbf, 0x02, 0,    0,    0,             /* mov $SCHEDOP_shutdown, %edi */
    0xbe, 0x04, 0x01, 0x40, 0, 0x0f, 0x05, /* mov $CODE_VA + 0x104, %esi; syscall */
    0xeb, 0xfe,                            /* jmp . */
};

static struct xen_domctl op;
static struct vcpu_guest_context context;
static domid_t domain;
static xen_pfn_t frames[FRAMES];
static struct scratch scratch;

static long domctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domain;
    return hypercall1(__HYPERVISOR_domctl, &op);
}

/* The state that the domain is told to have come to since it was last asked for; 0: gone. */
static void check_told(unsigned int state)
{
    const struct xen_domctl_get_domain_state *info = (const void *)&op.u;
    domid_t ours = domain;

    if (!is_ryokan())
        return; /* 4.17 */
    domain = DOMID_INVALID;
    op = (struct xen_domctl){ 0 };
    CHECK_EQ(domctl(XEN_DOMCTL_get_domain_state), 0);
    CHECK_EQ(op.domain, ours);
    CHECK_EQ(info->state, state);
    CHECK((info->unique_id != 0) == (state != 0));
    op = (struct xen_domctl){ 0 };
    CHECK_EQ(domctl(XEN_DOMCTL_get_domain_state), -XEN_ENOENT);
    domain = ours;
    op = (struct xen_domctl){ 0 };
    CHECK_EQ(domctl(XEN_DOMCTL_get_domain_state), state ? 0 : -XEN_ESRCH);
    CHECK(state == 0 || info->state == state);
}

/* Nobody is told of what came before. */
static void forget_changes(void)
{
    domain = DOMID_INVALID;
    do {
        op = (struct xen_domctl){ 0 };
    } while (domctl(XEN_DOMCTL_get_domain_state) == 0);
}

/* A PV domain is never left in the sense of a hardware guest. */
static void check_no_exits(void)
{
    op = (struct xen_domctl){ 0 };
    CHECK_EQ(domctl(XEN_DOMCTL_ryokan_vcpu_exits), is_ryokan() ? -XEN_EOPNOTSUPP : -XEN_ENOSYS);
}

static long create(uint32_t max_vcpus)
{
    op.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = max_vcpus,
                                                          .max_evtchn_port = 1023,
                                                          .max_grant_frames = 4,
                                                          .max_maptrack_frames = 4,
                                                          .grant_opts = XEN_DOMCTL_GRANT_version(1) };
    domain = 0;
    return domctl(XEN_DOMCTL_createdomain);
}

static void check_create_errors(void)
{
    CHECK_EQ(create(0), -XEN_EINVAL);
    CHECK_EQ(create(100000), -XEN_EINVAL);
    domain = 0x7fef;
    CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), -XEN_ESRCH);
    CHECK_EQ(domctl(XEN_DOMCTL_destroydomain), -XEN_ESRCH);
}

static void give_memory(void)
{
    struct xen_memory_reservation r = { .nr_extents = FRAMES, .domid = domain };

    op.u.max_mem.max_memkb = 1024;
    CHECK_EQ(domctl(XEN_DOMCTL_max_mem), 0);
    op.u.max_vcpus.max = 2;
    CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus), -XEN_EINVAL);
    op.u.max_vcpus.max = 1;
    CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus), 0);
    for (unsigned int i = 0; i < FRAMES; i++)
        frames[i] = i;
    set_xen_guest_handle(r.extent_start, frames);
    CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), FRAMES);
}

/* Maps a frame of the other domain at place `index` of the scratch window; 0 flags unmap. */
static void *map_foreign(unsigned int index, mfn_num_t mfn, uint64_t flags)
{
    struct mmu_update update = { .ptr = va_to_maddr(&scratch.l1[index]),
                                 .val = flags ? mfn << PAGE_SHIFT | flags : 0 };
    unsigned int done = 0;

    CHECK_EQ(hc_mmu_update(&update, 1, &done, domain), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    return scratch_va(&scratch, index);
}

static void fill(unsigned int frame, unsigned int entry, uint64_t value)
{
    uint64_t *p = map_foreign(0, frames[frame], PTE_RWX);

    for (unsigned int i = 0; frame >= L4 && entry == 0 && i < 512; i++)
        p[i] = 0;
    p[entry] = value;
    map_foreign(0, 0, 0);
}

static void build_tables(void)
{
    struct mmuext_op pin = { .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = frames[L4] };

    fill(L4, 0, frames[L4 + 1] << PAGE_SHIFT | PTE_RWX);
    fill(L4 + 1, 0, frames[L4 + 2] << PAGE_SHIFT | PTE_RWX);
    fill(L4 + 2, 0, 0);
    fill(L4 + 2, 2, frames[L4 + 3] << PAGE_SHIFT | PTE_RWX);
    fill(L4 + 3, 0, frames[CODE] << PAGE_SHIFT | PTE_RO);
    fill(L4 + 3, 1, frames[STACK] << PAGE_SHIFT | PTE_RWX);
    CHECK_EQ(hc_mmuext_op(&pin, 1, 0, domain), 0);
}

static void build_code(uint32_t port, uint32_t reason)
{
    char *p = map_foreign(0, frames[CODE], PTE_RWX);

    for (unsigned int i = 0; i < sizeof(code); i++)
        p[i] = (char)code[i];
    *(uint32_t *)(void *)(p + 0x100) = port;
    *(uint32_t *)(void *)(p + 0x104) = reason;
    map_foreign(0, 0, 0);
}

/* 255 pauses at once; the one from its creation counts. */
static void check_pauses(void)
{
    for (unsigned int i = 1; i < 255; i++)
        CHECK_EQ(domctl(XEN_DOMCTL_pausedomain), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_pausedomain), -XEN_EOVERFLOW);
    for (unsigned int i = 1; i < 255; i++)
        CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain), 0);
}

/* The policy of a new domain can be read, and set to itself. */
static void check_policy(void)
{
    static xen_cpuid_leaf_t leaves[256];
    static xen_msr_entry_t msrs[16];

    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = 256, .nr_msrs = 16 };
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
    CHECK_EQ(domctl(XEN_DOMCTL_get_cpu_policy), 0);
    CHECK(op.u.cpu_policy.nr_leaves > 4 && op.u.cpu_policy.nr_leaves < 256);
    CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy), 0);
    leaves[0].a = 0x12345;
    CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy), -XEN_EINVAL);
    CHECK_EQ(op.u.cpu_policy.err_leaf, 0);
}

static void start(void)
{
    context =
        (struct vcpu_guest_context){ .flags = VGCF_in_kernel | VGCF_online, .kernel_ss = FLAT_KERNEL_SS };
    context.user_regs.rip = CODE_VA;
    context.user_regs.rsp = CODE_VA + 2 * PAGE_SIZE;
    context.user_regs.rflags = 0x200;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_sp = context.user_regs.rsp;
    context.ctrlreg[3] = frames[L4] << PAGE_SHIFT;
    op.u.vcpucontext.vcpu = 1;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext), -XEN_EINVAL);
    op.u.vcpucontext.vcpu = 0;
    CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), 0);
    CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
    CHECK_EQ(op.u.getdomaininfo.tot_pages, FRAMES);
    CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain), -XEN_EINVAL);
}

static bool wait_for(evtchn_port_t port)
{
    struct sched_poll poll = { .nr_ports = 1, .timeout = clock_now() + 5000 * MS };

    set_xen_guest_handle(poll.ports, &port);
    CHECK_EQ(hc_sched(SCHEDOP_poll, &poll), 0);
    return event_pending(port);
}

/* Waits for VIRQ_DOM_EXC until the domain has shut down. */
static void wait_for_shutdown(evtchn_port_t virq, uint32_t reason)
{
    uint64_t end = clock_now() + 5000 * MS;

    do {
        wait_for(virq);
        event_clear(virq);
        CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), 0);
    } while (!(op.u.getdomaininfo.flags & XEN_DOMINF_shutdown) && clock_now() < end);
    CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
    CHECK_EQ(op.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, reason);
}

/* Grants the frame SHARED to this domain, as a toolstack presets entries, and maps it. */
static grant_handle_t map_its_grant(void)
{
    struct gnttab_setup_table setup = { .dom = domain, .nr_frames = 1 };
    struct grant_entry_v1 *entry;
    grant_handle_t handle = 0;
    xen_pfn_t table;

    set_xen_guest_handle(setup.frame_list, &table);
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, GNTST_okay);
    entry = (struct grant_entry_v1 *)map_foreign(0, table, PTE_RWX) + GRANT_REF;
    entry->domid = own_domid();
    entry->frame = (uint32_t)frames[SHARED];
    barrier();
    entry->flags = GTF_permit_access;
    map_foreign(0, 0, 0);
    CHECK_EQ(grant_map((uint64_t)scratch_va(&scratch, 3), GNTMAP_host_map, GRANT_REF, domain, &handle),
             GNTST_okay);
    *(volatile uint64_t *)scratch_va(&scratch, 3) = 0x600d;
    return handle;
}

/* An empty top-level table that outlives the teardown, for it is mapped here. */
static void keep_spare(void)
{
    uint64_t *p = map_foreign(1, frames[SPARE], PTE_RWX);

    for (unsigned int i = 0; i < 512; i++)
        p[i] = 0;
    map_foreign(1, 0, 0);
    map_foreign(1, frames[SPARE], PTE_RO);
}

/* A vCPU that was taken back to its beginning has no context. */
static void check_reset(void)
{
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, (struct vcpu_guest_context *)NULL);
    CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext), 0);
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    CHECK_EQ(domctl(XEN_DOMCTL_getvcpucontext), -XEN_ENODATA);
}

/* Nobody would drop the references of a context that is set after the teardown: the domain would stay for
 * ever. */
static void check_no_context_for_the_dead(void)
{
    if (!is_ryokan())
        return;
    context.ctrlreg[3] = frames[SPARE] << PAGE_SHIFT;
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext), -XEN_EINVAL);
}

/* Nor would anybody take back what a domain is given after its teardown. */
static void check_nothing_for_the_dead(void)
{
    struct physdev_map_pirq map = { .domid = domain, .type = MAP_PIRQ_TYPE_GSI, .index = 5, .pirq = -1 };

    if (!is_ryokan())
        return;
    CHECK_EQ(hc_physdev(PHYSDEVOP_map_pirq, &map), -XEN_ESRCH);
    op.u.set_virq_handler.virq = VIRQ_DOM_EXC;
    CHECK_EQ(domctl(XEN_DOMCTL_set_virq_handler), -XEN_EINVAL);
}

/* Destroys it while one of its frames is mapped, and waits until it has gone after that. */
static void destroy(grant_handle_t handle)
{
    uint64_t end = clock_now() + 5000 * MS;

    check_reset();
    keep_spare();
    CHECK_EQ(domctl(XEN_DOMCTL_destroydomain), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), 0);
    CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
    check_told(XEN_DOMCTL_GETDOMSTATE_STATE_EXIST | XEN_DOMCTL_GETDOMSTATE_STATE_SHUTDOWN |
               XEN_DOMCTL_GETDOMSTATE_STATE_DEAD);
    check_no_context_for_the_dead();
    check_nothing_for_the_dead();
    map_foreign(1, 0, 0);
    CHECK_EQ(*(volatile uint64_t *)scratch_va(&scratch, 3), 0x600d);
    CHECK_EQ(grant_unmap((uint64_t)scratch_va(&scratch, 3), handle), GNTST_okay);
    while (domctl(XEN_DOMCTL_getdomaininfo) == 0 && clock_now() < end)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), -XEN_ESRCH);
}

static void round(evtchn_port_t virq)
{
    grant_handle_t handle;
    long remote, local;

    CHECK_EQ(create(1), 0);
    domain = op.domain;
    CHECK(domain != 0);
    check_told(XEN_DOMCTL_GETDOMSTATE_STATE_EXIST);
    give_memory();
    check_no_exits();
    check_policy();
    check_pauses();
    remote = event_alloc_unbound(domain, own_domid());
    CHECK(remote > 0);
    local = event_bind_interdomain(domain, (evtchn_port_t)remote);
    CHECK(local > 0);
    event_clear((evtchn_port_t)local);
    build_code((uint32_t)remote, SHUTDOWN_reboot);
    build_tables();
    handle = map_its_grant();
    start();
    CHECK(wait_for((evtchn_port_t)local));
    wait_for_shutdown(virq, SHUTDOWN_reboot);
    check_told(XEN_DOMCTL_GETDOMSTATE_STATE_EXIST | XEN_DOMCTL_GETDOMSTATE_STATE_SHUTDOWN);
    destroy(handle);
    check_told(0);
    CHECK_EQ(event_close((evtchn_port_t)local), 0);
}

static void test(void)
{
    uint64_t before, end;
    long virq;

    if (!is_initial_domain()) {
        test_skip("only the initial domain may");
        return;
    }
    check_create_errors();
    scratch_link(&scratch, SCRATCH_SLOT);
    virq = event_bind_virq(VIRQ_DOM_EXC, 0);
    forget_changes();
    round((evtchn_port_t)virq); /* the first one may leave warm pools behind */
    before = machine_free_memory();
    round((evtchn_port_t)virq);
    for (end = clock_now() + 5000 * MS; machine_free_memory() < before && clock_now() < end;)
        hc_sched(SCHEDOP_yield, 0);
    CHECK(machine_free_memory() >= before);
    event_close((evtchn_port_t)virq);
    scratch_unlink(&scratch);
}

GUEST_TEST(test);
