/* SPDX-License-Identifier: MIT */
/*
 * hostile_control: random calls that only a control domain may make.
 *
 * What:     domctl, sysctl, platform_op, physdev_op and hvm_op in every sub-operation; memory, page tables,
 *           events and grants of other domains. Boundary values and noise for ids, vCPUs, sizes, frames and
 *           pointers; structures that straddle pages or lie where nobody may write.
 * Why:      dom0's tools have bugs, and its inputs are checked as everybody's are.
 * Method:   victims: a PV and a hardware guest, and one of each that is destroyed but held by a mapping.
 *           Calls against them, this domain and ids of nobody; what a get operation told is damaged and set.
 *           Then all are destroyed. What ends, stops or rewires the machine or this domain by design is left
 *           out by name. hostile_control.seed=N, .rounds=N and .generations=N on the command line make it
 *           run longer, .trace=1 prints each call before it is made.
 * Expected: every call returns; at the end there is no domain but this one, and all memory is free again.
 * Xen:      not run: some of these operations change a real Xen for good (CPU pools, scheduler, CPUs).
 */
#include "tests/guests/framework/guest.h"
#include "hvm_domain.h"
#include "hv/lib/domain_state_abi.h"
#include "hv/lib/vcpu_exits_abi.h"
#include <xen/domctl.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

#define ROUNDS      2500u
#define GENERATIONS 3u
#define FRAMES      16u
#define DOMAINS_MAX 8u /* beside this one: more are destroyed at once */
#define PIRQS       2048u
#define HEAP_SLACK  8u /* pages: their number depends on the order of what was freed */

/* The window: pages that pointers lead to. Each is writable by its own address too. */
#define WINDOW_RW   8u              /* pages 0 to 7 are writable */
#define WINDOW      (WINDOW_RW + 1) /* page 8 is read-only, nothing follows */
#define FOREIGN     32u             /* places for other domains' frames */
#define FOREIGN_NR  64u
#define HOLD_PLACES 16u /* of these, first for what keeps a dying domain */

enum victim { PV, HARDWARE, DYING_PV, DYING_HARDWARE, VICTIMS };

static uint32_t state;
static bool tracing, hardware_guests;
static struct scratch scratch;
static uint8_t *pages[WINDOW];
static domid_t victims[VICTIMS];
static xen_pfn_t frames[FRAMES]; /* of the PV victim */

/* ---- random values ---- */

static uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static uint32_t below(uint32_t n)
{
    return random32() % n;
}

static uint64_t random_pointer(void)
{
    uint64_t window = (uint64_t)scratch_va(&scratch, 0);

    switch (below(12)) {
    case 0:
        return 0;
    case 1:
        return window + WINDOW_RW * PAGE_SIZE; /* read-only */
    case 2:
        return window + WINDOW_RW * PAGE_SIZE - 1 - below(64); /* writable, then not */
    case 3:
        return window + WINDOW * PAGE_SIZE - 1 - below(64); /* then nothing */
    case 4:
        return 0x0000800000000000ul - below(16);
    case 5:
        return 0xffff800000000000ul + random32();
    case 6:
        return ~0ul - below(64);
    default:
        return window + below(4) * PAGE_SIZE + (below(4) ? 0 : below(PAGE_SIZE));
    }
}

static uint64_t random_frame(void)
{
    switch (below(8)) {
    case 0:
        return va_to_mfn(pages[below(WINDOW)]);
    case 1:
        return l4_mfn();
    case 2:
        return below(0x100000);
    case 3:
        return ~0ul >> below(64);
    case 4:
        return below(2 * FRAMES); /* the hardware guest's */
    default:
        return frames[below(FRAMES)];
    }
}

static uint32_t random_half(void)
{
    static const uint32_t bounds[] = { 0x7f,       0xff,       0x7fff,     0x8000,     0xffff,    0x7fffffff,
                                       0x80000000, 0xfffffffe, 0xffffffff, 0x40000000, 0x00100000 };

    switch (below(6)) {
    case 0:
        return 0;
    case 1:
        return below(70);
    case 2:
        return bounds[below(sizeof(bounds) / sizeof(bounds[0]))] + below(3) - 1;
    case 3:
        return below(4096);
    default:
        return below(4);
    }
}

static uint64_t random_word(void)
{
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        return random_pointer();
    case 3:
        return random_frame();
    case 4:
        return (uint64_t)random32() << 32 | random32();
    case 5:
        return 1ul << below(64);
    default:
        return (uint64_t)random_half() << 32 | random_half();
    }
}

static domid_t random_domid(void)
{
    static const domid_t nobody[] = { DOMID_IO,   DOMID_XEN, DOMID_COW, DOMID_INVALID,
                                      DOMID_IDLE, 0x7fef,    0xffff };

    switch (below(10)) {
    case 0:
        return own_domid();
    case 1:
        return DOMID_SELF;
    case 2:
        return nobody[below(sizeof(nobody) / sizeof(nobody[0]))];
    default:
        return victims[below(VICTIMS)];
    }
}

#define IS_OWN(id) ((id) == DOMID_SELF || (id) == own_domid())

static domid_t random_other(void)
{
    domid_t id = random_domid();

    return IS_OWN(id) ? victims[PV] : id;
}

static void fill(void *at, size_t bytes)
{
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
        uint64_t word = random_word();

        memcpy((uint8_t *)at + i, &word, 8);
    }
}

/* ---- arguments in the window ---- */

/* A structure's place: mostly a good one. */
static uint64_t place_for(size_t bytes)
{
    uint64_t window = (uint64_t)scratch_va(&scratch, 0);

    switch (below(16)) {
    case 0:
        return window + 7 * PAGE_SIZE - 1 - below((uint32_t)bytes); /* in two pages */
    case 1:
        return window + WINDOW_RW * PAGE_SIZE - 1 - below((uint32_t)bytes);
    case 2:
        return window + WINDOW_RW * PAGE_SIZE + below(64);
    case 3:
        return below(8) ? window + WINDOW * PAGE_SIZE - 1 - below((uint32_t)bytes) : random_pointer();
    default:
        return window + 5 * PAGE_SIZE + 8 * below(64);
    }
}

/* The byte behind an address of the window by which it can be written, NULL outside. */
static uint8_t *alias(uint64_t address)
{
    uint64_t offset = address - (uint64_t)scratch_va(&scratch, 0);

    return offset < WINDOW * PAGE_SIZE ? &pages[offset / PAGE_SIZE][offset % PAGE_SIZE] : NULL;
}

/* Puts an operation's structure somewhere: where to. */
static uint64_t put(const char *name, uint64_t cmd, const void *arg, size_t bytes)
{
    uint64_t at = place_for(bytes);

    for (size_t i = 0; i < bytes; i++)
        if (alias(at + i))
            *alias(at + i) = ((const uint8_t *)arg)[i];
    if (tracing) {
        print("%s %lx at %lx:", name, cmd, at);
        for (size_t i = 0; i + 8 <= bytes && i < 96; i += 8)
            print(" %lx", *(const uint64_t *)(const void *)((const uint8_t *)arg + i));
        print("\n");
    }
    return at;
}

/* One hypercall whose first argument is a structure that begins with its command. */
static void call_control(unsigned int nr, const char *name, uint32_t cmd, const void *arg, size_t bytes)
{
    hypercall1(nr, put(name, cmd, arg, bytes));
}

/* The command comes first. */
static void call_op(unsigned int nr, const char *name, uint64_t cmd, const void *arg, size_t bytes)
{
    hypercall3(nr, cmd, put(name, cmd, arg, bytes), 1);
}

/* ---- domctl ---- */

static struct xen_domctl op;

static long domctl(uint32_t cmd, domid_t domain)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domain;
    return hypercall1(__HYPERVISOR_domctl, &op);
}

/* What this domain may do to itself without another test, or itself, noticing. */
static bool is_safe_domctl(uint32_t cmd, domid_t domain)
{
    switch (cmd) {
    case XEN_DOMCTL_max_mem:
    case XEN_DOMCTL_setvcpuaffinity:
    case XEN_DOMCTL_scheduler_op:
    case XEN_DOMCTL_ioport_permission:
    case XEN_DOMCTL_iomem_permission:
    case XEN_DOMCTL_irq_permission:
    case XEN_DOMCTL_settimeoffset:
    case XEN_DOMCTL_sendtrigger:
        return !IS_OWN(domain);
    default:
        return true;
    }
}

static void set_config(struct xen_domctl_createdomain *config, bool hardware)
{
    *config =
        (struct xen_domctl_createdomain){ .flags = hardware ? XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap : 0,
                                          .max_vcpus = 2,
                                          .max_evtchn_port = 1023,
                                          .max_grant_frames = 4,
                                          .max_maptrack_frames = 4,
                                          .grant_opts = XEN_DOMCTL_GRANT_version(1),
                                          .arch.emulation_flags = hardware ? XEN_X86_EMU_LAPIC : 0 };
}

static void random_domctl(void)
{
    uint32_t cmd = 1 + below(90);

    if (!below(20))
        cmd = below(2) ? XEN_DOMCTL_get_domain_state : XEN_DOMCTL_ryokan_vcpu_exits;
    fill(&op, sizeof(op));
    op.cmd = cmd;
    op.interface_version = below(64) ? XEN_DOMCTL_INTERFACE_VERSION : random_half();
    op.domain = random_domid();
    if (!is_safe_domctl(cmd, op.domain))
        op.domain = victims[below(VICTIMS)];
    if (cmd == XEN_DOMCTL_createdomain && below(4)) {
        uint32_t word = below(sizeof(op.u.createdomain) / 4), value = random_half();

        set_config(&op.u.createdomain, below(2));
        if (below(2))
            memcpy((uint8_t *)&op.u.createdomain + 4 * word, &value, 4);
        op.domain = below(3) ? 0 : op.domain;
    }
    call_control(__HYPERVISOR_domctl, "domctl", cmd, &op, sizeof(op));
}

/* What one operation tells is damaged, and another one has to take it. */
static void damaged_domctl(void)
{
    static const uint32_t pairs[][2] = {
        { XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setvcpucontext },
        { XEN_DOMCTL_gethvmcontext, XEN_DOMCTL_sethvmcontext },
        { XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_set_cpu_policy },
        { XEN_DOMCTL_getvcpuaffinity, XEN_DOMCTL_setvcpuaffinity },
        { XEN_DOMCTL_getnodeaffinity, XEN_DOMCTL_setnodeaffinity },
        { XEN_DOMCTL_gettscinfo, XEN_DOMCTL_settscinfo },
        { XEN_DOMCTL_get_paging_mempool_size, XEN_DOMCTL_set_paging_mempool_size },
    };
    const uint32_t *pair = pairs[below(sizeof(pairs) / sizeof(pairs[0]))];
    uint64_t buffer = (uint64_t)scratch_va(&scratch, 0);
    domid_t domain = victims[below(VICTIMS)];

    op = (struct xen_domctl){ 0 };
    switch (pair[0]) {
    case XEN_DOMCTL_gethvmcontext:
        op.u.hvmcontext.size = 5 * PAGE_SIZE;
        set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)buffer);
        break;
    case XEN_DOMCTL_getvcpucontext:
        op.u.vcpucontext.vcpu = below(3);
        set_xen_guest_handle(op.u.vcpucontext.ctxt, (vcpu_guest_context_t *)buffer);
        break;
    case XEN_DOMCTL_get_cpu_policy:
        op.u.cpu_policy.nr_leaves = 500;
        set_xen_guest_handle(op.u.cpu_policy.leaves, (xen_cpuid_leaf_t *)buffer);
        break;
    default:
        op.u.vcpuaffinity.vcpu = below(3);
        op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    }
    domctl(pair[0], domain);
    for (unsigned int i = below(6); i; i--)
        if (below(2))
            pages[0][below(below(2) ? 64 : PAGE_SIZE)] = (uint8_t)random32();
        else
            ((uint8_t *)&op.u)[below(48)] = (uint8_t)random32();
    op.cmd = pair[1];
    op.domain = domain;
    call_control(__HYPERVISOR_domctl, "domctl", pair[1], &op, sizeof(op));
}

/* ---- the machine ---- */

static void random_sysctl(void)
{
    static struct xen_sysctl sysctl;
    uint32_t cmd = 1 + below(32);

    if (cmd == XEN_SYSCTL_debug_keys) /* among them: reboot, crash, hang */
        return;
    fill(&sysctl, sizeof(sysctl));
    sysctl.cmd = cmd;
    sysctl.interface_version = below(64) ? XEN_SYSCTL_INTERFACE_VERSION : random_half();
    if (below(2)) /* operations of operations, indices, counts */
        *(uint32_t *)&sysctl.u = below(10);
    call_control(__HYPERVISOR_sysctl, "sysctl", cmd, &sysctl, sizeof(sysctl));
}

static void random_platform_op(void)
{
    static struct xen_platform_op platform;
    uint32_t cmd = below(3) ? 50 + below(16) : below(100);

    if (cmd == XENPF_settime32 || cmd == XENPF_settime64 || cmd == XENPF_enter_acpi_sleep)
        return;
    fill(&platform, sizeof(platform));
    platform.cmd = cmd;
    platform.interface_version = below(64) ? XENPF_INTERFACE_VERSION : random_half();
    if (below(2))
        *(uint32_t *)&platform.u = below(10);
    call_control(__HYPERVISOR_platform_op, "platform_op", cmd, &platform, sizeof(platform));
}

/* Kept for good: the page of interrupts to acknowledge, and how a line triggers. */
static bool is_safe_physdev(uint32_t cmd)
{
    return cmd != PHYSDEVOP_pirq_eoi_gmfn_v1 && cmd != PHYSDEVOP_pirq_eoi_gmfn_v2 &&
           cmd != PHYSDEVOP_setup_gsi;
}

static void random_physdev_op(void)
{
    static const uint8_t devices[] = { 0x00, 0xf8, 0xfa, 0xfb, 0x10 };
    uint32_t cmd = below(40);
    uint64_t arg[8];

    if (!is_safe_physdev(cmd))
        return;
    fill(arg, sizeof(arg));
    if (cmd == PHYSDEVOP_map_pirq) {
        struct physdev_map_pirq *map = (void *)arg;

        *map = (struct physdev_map_pirq){ .domid = random_domid(),
                                          .type = (int)below(6),
                                          .index = (int)(below(2) ? below(40) : random_half()),
                                          .pirq = below(2) ? -1 : (int)random_half(),
                                          .devfn = devices[below(sizeof(devices))],
                                          .entry_nr = (int)below(3),
                                          .table_base = below(2) };
    } else if (cmd == PHYSDEVOP_unmap_pirq) {
        *(domid_t *)arg = random_domid();
    } else if (cmd >= PHYSDEVOP_manage_pci_add && below(4)) {
        arg[0] = (uint64_t)devices[below(sizeof(devices))] << (cmd >= PHYSDEVOP_pci_device_add ? 24 : 8);
    }
    call_op(__HYPERVISOR_physdev_op, "physdev_op", cmd, arg, sizeof(arg));
}

/* ---- other domains' memory, events and grants ---- */

static void random_reservation(void)
{
    static const uint8_t cmds[] = { XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                    XENMEM_populate_physmap };
    struct xen_memory_reservation r = { .nr_extents = below(8) ? below(8) : random_word(),
                                        .extent_order = below(4) ? below(3) : below(70),
                                        .mem_flags = below(4) ? 0 : random_half(),
                                        .domid = random_other() };
    uint32_t cmd = cmds[below(sizeof(cmds))];

    *(uint64_t *)&r.extent_start = random_pointer();
    call_op(__HYPERVISOR_memory_op, "memory_op", cmd | (below(16) ? 0 : below(9) << 6), &r, sizeof(r));
}

static void random_exchange(void)
{
    struct xen_memory_exchange x = {
        .in = { .nr_extents = below(4), .extent_order = below(4), .domid = random_other() },
        .nr_exchanged = below(4) ? 0 : random_half()
    };

    *(uint64_t *)&x.in.extent_start = random_pointer();
    x.out = x.in;
    x.out.extent_order = below(4);
    x.out.nr_extents = below(4) ? x.in.nr_extents << x.in.extent_order >> x.out.extent_order : below(9);
    *(uint64_t *)&x.out.extent_start = random_pointer();
    call_op(__HYPERVISOR_memory_op, "memory_op", XENMEM_exchange, &x, sizeof(x));
}

static void random_physmap(void)
{
    static const uint8_t spaces[] = { XENMAPSPACE_shared_info,  XENMAPSPACE_grant_table, XENMAPSPACE_gmfn,
                                      XENMAPSPACE_gmfn_foreign, XENMAPSPACE_gmfn_range,  9 };
    struct xen_add_to_physmap add = { .domid = random_other(),
                                      .size = (uint16_t)random_half(),
                                      .space = spaces[below(sizeof(spaces))],
                                      .idx = below(4) ? below(20) : random_word(),
                                      .gpfn = below(4) ? below(64) : random_word() };
    struct xen_remove_from_physmap remove = { .domid = random_other(), .gpfn = add.gpfn };

    if (below(3))
        call_op(__HYPERVISOR_memory_op, "memory_op", XENMEM_add_to_physmap, &add, sizeof(add));
    else
        call_op(__HYPERVISOR_memory_op, "memory_op", XENMEM_remove_from_physmap, &remove, sizeof(remove));
}

static void random_physmap_batch(void)
{
    struct xen_add_to_physmap_batch batch = { .domid = random_other(),
                                              .space = below(4) ? XENMAPSPACE_gmfn_foreign : below(6),
                                              .size = (uint16_t)(below(4) ? below(20) : random_half()),
                                              .u.foreign_domid = random_domid() };
    uint64_t *numbers = (uint64_t *)(void *)pages[below(4)];

    for (unsigned int i = 0; i < 40; i++)
        numbers[i] = below(8) ? below(64) : random_frame();
    *(uint64_t *)&batch.idxs = random_pointer();
    *(uint64_t *)&batch.gpfns = random_pointer();
    *(uint64_t *)&batch.errs = random_pointer();
    call_op(__HYPERVISOR_memory_op, "memory_op", XENMEM_add_to_physmap_batch, &batch, sizeof(batch));
}

/* The domid of these is their first word, or the one after an id. */
static void random_memory_op(void)
{
    uint32_t cmd = below(32);
    uint64_t arg[10];

    if (cmd == XENMEM_increase_reservation || cmd == XENMEM_decrease_reservation ||
        cmd == XENMEM_populate_physmap || cmd == XENMEM_exchange)
        return;
    fill(arg, sizeof(arg));
    *(domid_t *)arg = random_other();
    if (cmd == XENMEM_acquire_resource && below(4)) {
        struct xen_mem_acquire_resource *r = (void *)arg;

        *r = (struct xen_mem_acquire_resource){ .domid = random_other(),
                                                .type = XENMEM_resource_grant_table,
                                                .id = below(3),
                                                .nr_frames = random_half(),
                                                .frame = random_half() };
        *(uint64_t *)&r->frame_list = random_pointer();
    }
    call_op(__HYPERVISOR_memory_op, "memory_op", cmd, arg, sizeof(arg));
}

static void random_mmuext_op(void)
{
    struct mmuext_op ext = { .cmd = below(24), .arg1.mfn = random_frame(), .arg2.src_mfn = random_frame() };

    if (ext.cmd == MMUEXT_NEW_BASEPTR || ext.cmd == MMUEXT_NEW_USER_BASEPTR || ext.cmd == MMUEXT_SET_LDT)
        return;
    hypercall4(__HYPERVISOR_mmuext_op, put("mmuext_op", ext.cmd, &ext, sizeof(ext)), 1,
               below(4) ? 0 : random_pointer(), random_other());
}

/* Into the victim's tables, or its frames into places of this domain's. */
static void random_mmu_update(void)
{
    struct mmu_update update = { .ptr = frames[below(FRAMES)] << PAGE_SHIFT | below(512) << 3 | below(4),
                                 .val = random_frame() << PAGE_SHIFT | below(0x200) };

    if (below(2))
        update.ptr = va_to_maddr(&scratch.l1[FOREIGN + HOLD_PLACES + below(FOREIGN_NR - HOLD_PLACES)]);
    else
        update.val = below(4) ? frames[below(FRAMES)] << PAGE_SHIFT | PTE_RWX : update.val;
    hypercall4(__HYPERVISOR_mmu_update, put("mmu_update", 0, &update, sizeof(update)), 1,
               below(4) ? 0 : random_pointer(),
               below(8) ? (uint64_t)random_other() : (uint64_t)random_other() << 16 | random_other());
}

static void random_event_op(void)
{
    struct evtchn_alloc_unbound unbound = { .dom = random_other(), .remote_dom = random_domid() };
    struct evtchn_status status = { .dom = random_other(), .port = random_half() };
    struct evtchn_reset reset = { .dom = random_other() };

    switch (below(3)) {
    case 0:
        call_op(__HYPERVISOR_event_channel_op, "event_channel_op", EVTCHNOP_alloc_unbound, &unbound,
                sizeof(unbound));
        break;
    case 1:
        call_op(__HYPERVISOR_event_channel_op, "event_channel_op", EVTCHNOP_status, &status, sizeof(status));
        break;
    default:
        call_op(__HYPERVISOR_event_channel_op, "event_channel_op", EVTCHNOP_reset, &reset, sizeof(reset));
    }
}

/* And shutdowns. */
static void random_grant_op(void)
{
    static const uint8_t cmds[] = { GNTTABOP_setup_table, GNTTABOP_query_size, GNTTABOP_get_version };
    uint64_t arg[4];

    fill(arg, sizeof(arg));
    *(domid_t *)arg = random_other();
    if (below(2))
        ((uint32_t *)arg)[1] = below(6);
    if (!below(4))
        call_op(__HYPERVISOR_sched_op, "sched_op", SCHEDOP_remote_shutdown, arg, sizeof(arg));
    call_op(__HYPERVISOR_grant_table_op, "grant_table_op", cmds[below(sizeof(cmds))], arg, sizeof(arg));
}

static void random_hvm_op(void)
{
    struct xen_hvm_param param = { .domid = random_domid(), .index = random_half(), .value = random_word() };

    if (below(2))
        param.index = below(HVM_NR_PARAMS + 2);
    call_op(__HYPERVISOR_hvm_op, "hvm_op", below(8) ? below(2) : below(30), &param, sizeof(param));
}

static void (*const calls[])(void) = { random_domctl,     random_domctl,     random_domctl,
                                       random_domctl,     damaged_domctl,    damaged_domctl,
                                       random_sysctl,     random_sysctl,     random_platform_op,
                                       random_physdev_op, random_physdev_op, random_reservation,
                                       random_exchange,   random_physmap,    random_physmap_batch,
                                       random_memory_op,  random_mmuext_op,  random_mmu_update,
                                       random_event_op,   random_grant_op,   random_hvm_op };

/* ---- victims ---- */

/* Ids of the domains beside this one; how many there are. */
static unsigned int list_domains(domid_t ids[64])
{
    static struct xen_domctl_getdomaininfo info[64];
    static struct xen_sysctl sysctl;
    unsigned int n = 0;

    sysctl = (struct xen_sysctl){ .cmd = XEN_SYSCTL_getdomaininfolist,
                                  .interface_version = XEN_SYSCTL_INTERFACE_VERSION,
                                  .u.getdomaininfolist.max_domains = 64 };
    set_xen_guest_handle(sysctl.u.getdomaininfolist.buffer, info);
    CHECK_EQ(hypercall1(__HYPERVISOR_sysctl, &sysctl), 0);
    for (unsigned int i = 0; i < sysctl.u.getdomaininfolist.num_domains; i++)
        if (info[i].domain != own_domid())
            ids[n++] = info[i].domain;
    return n;
}

static bool is_victim(domid_t id)
{
    for (unsigned int i = 0; i < VICTIMS; i++)
        if (victims[i] == id)
            return true;
    return false;
}

/* Those that a random createdomain made; with `all` the victims too. */
static void destroy_domains(bool all)
{
    domid_t ids[64];
    unsigned int n = list_domains(ids);

    for (unsigned int i = 0; (all || n > DOMAINS_MAX) && i < n; i++)
        if (all || !is_victim(ids[i]))
            domctl(XEN_DOMCTL_destroydomain, ids[i]);
}

static long set_place(unsigned int place, uint64_t entry, domid_t owner)
{
    struct mmu_update update = { .ptr = va_to_maddr(&scratch.l1[place]), .val = entry };

    return hypercall4(__HYPERVISOR_mmu_update, &update, 1, 0, owner);
}

static domid_t create(bool hardware, domid_t id)
{
    struct xen_memory_reservation r = { .nr_extents = FRAMES };
    xen_pfn_t list[FRAMES];

    set_config(&op.u.createdomain, hardware);
    if (domctl(XEN_DOMCTL_createdomain, id) != 0)
        return DOMID_INVALID;
    r.domid = op.domain;
    op.u.max_mem.max_memkb = 4096;
    CHECK_EQ(domctl(XEN_DOMCTL_max_mem, r.domid), 0);
    op.u.max_vcpus.max = 2;
    CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus, r.domid), 0);
    for (unsigned int i = 0; i < FRAMES; i++)
        list[i] = i;
    set_xen_guest_handle(r.extent_start, list);
    CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), FRAMES);
    if (!hardware)
        memcpy(frames, list, sizeof(frames));
    return r.domid;
}

/* Empty page tables of each level, and a vCPU that has a context. */
static void equip_pv(domid_t id)
{
    static struct vcpu_guest_context context;
    struct mmuext_op pin[4];

    for (unsigned int i = 0; i < 4; i++)
        pin[i] = (struct mmuext_op){ .cmd = MMUEXT_PIN_L1_TABLE + i, .arg1.mfn = frames[i] };
    CHECK_EQ(hc_mmuext_op(pin, 4, 0, id), 0);
    context = (struct vcpu_guest_context){ .flags = VGCF_in_kernel,
                                           .kernel_ss = FLAT_KERNEL_SS,
                                           .user_regs = { .cs = FLAT_KERNEL_CS, .ss = FLAT_KERNEL_SS },
                                           .ctrlreg[3] = frames[3] << PAGE_SHIFT };
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext, id), 0);
}

/* A domain that is destroyed, but stays while a frame of it is mapped at `place`. */
static domid_t create_dying(bool hardware, unsigned int place)
{
    domid_t id = create(hardware, 0);

    if (id == DOMID_INVALID)
        return id;
    CHECK_EQ(set_place(FOREIGN + place, (hardware ? 5 : frames[5]) << PAGE_SHIFT | PTE_RWX, id), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_destroydomain, id), 0);
    return id;
}

static void create_victims(void)
{
    victims[DYING_PV] = create_dying(false, 0);
    victims[DYING_HARDWARE] = hardware_guests ? create_dying(true, 1) : DOMID_INVALID;
    victims[HARDWARE] = hardware_guests ? create(true, 0) : DOMID_INVALID;
    victims[PV] = create(false, 0);
    equip_pv(victims[PV]);
}

static void destroy_victims(void)
{
    uint64_t end = clock_now() + 20000 * MS;
    domid_t ids[64];

    for (unsigned int i = 0; i < FOREIGN_NR; i++)
        CHECK_EQ(set_place(FOREIGN + i, 0, DOMID_SELF), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    do {
        destroy_domains(true);
        hc_sched(SCHEDOP_yield, 0);
    } while (list_domains(ids) && clock_now() < end);
    CHECK_EQ(list_domains(ids), 0);
}

/* ---- this domain ---- */

static void make_window(void)
{
    scratch_link(&scratch, SCRATCH_SLOT);
    for (unsigned int i = 0; i < WINDOW; i++) {
        pages[i] = page_alloc();
        CHECK_EQ(set_place(i, va_to_maddr(pages[i]) | (i < WINDOW_RW ? PTE_RWX : PTE_RO), DOMID_SELF), 0);
    }
}

static void remove_window(void)
{
    for (unsigned int i = 0; i < WINDOW; i++)
        CHECK_EQ(set_place(i, 0, DOMID_SELF), 0);
    scratch_unlink(&scratch);
    for (unsigned int i = 0; i < WINDOW; i++)
        page_free(pages[i]);
}

/* Interrupts, devices and I/O privilege as they were. */
static void undo_physdev(void)
{
    struct physdev_set_iobitmap bitmap = { .nr_ports = 0 };
    struct physdev_set_iopl iopl = { .iopl = 0 };

    for (unsigned int i = 0; i < PIRQS; i++)
        hc_physdev(PHYSDEVOP_unmap_pirq,
                   &((struct physdev_unmap_pirq){ .domid = DOMID_SELF, .pirq = (int)i }));
    for (unsigned int i = 0; i < 256; i++)
        hc_physdev(PHYSDEVOP_manage_pci_remove, &((struct physdev_manage_pci){ .devfn = (uint8_t)i }));
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iopl, &iopl), 0);
    CHECK_EQ(hc_physdev(PHYSDEVOP_set_iobitmap, &bitmap), 0);
}

/* The hypervisor keeps tables for the highest id, and for memory that was in use once: let it make them now.
 */
static void warm_up(void)
{
    domid_t id = create(false, 0x7fef);
    struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = 9, .domid = id };
    xen_pfn_t extent = 0;

    CHECK(id == 0x7fef);
    hardware_guests = create(true, 0) != DOMID_INVALID;
    op.u.max_mem.max_memkb = ~0ul;
    CHECK_EQ(domctl(XEN_DOMCTL_max_mem, id), 0);
    set_xen_guest_handle(r.extent_start, &extent);
    while (hc_memory_op(XENMEM_populate_physmap, &r) == 1)
        ;
    destroy_victims();
}

static void run_generation(uint64_t rounds)
{
    create_victims();
    for (uint64_t i = 0; i < rounds; i++) {
        if (i % 64 == 0) {
            fill(pages[below(WINDOW)], PAGE_SIZE);
            destroy_domains(false);
        }
        calls[below(sizeof(calls) / sizeof(calls[0]))]();
    }
    destroy_victims();
    undo_physdev();
}

static void test(void)
{
    uint64_t rounds = test_option("hostile_control.rounds=", ROUNDS);
    uint64_t generations = test_option("hostile_control.generations=", GENERATIONS), before = 0;

    if (!is_initial_domain() || !is_ryokan()) {
        test_skip("only the initial domain may, and Xen would not be the same afterwards");
        return;
    }
    state = (uint32_t)test_option("hostile_control.seed=", 0x2545f491);
    tracing = test_option("hostile_control.trace=", 0);
    make_window();
    warm_up();
    for (uint64_t i = 0; i < generations; i++) {
        run_generation(rounds);
        if (i == 0)
            before = machine_free_memory(); /* the first one may leave warm pools behind */
        test_expect(machine_free_memory() + HEAP_SLACK >= before,
                    "generation %lu leaves %lu pages free, not %lu", i, machine_free_memory(), before);
    }
    remove_window();
}

GUEST_TEST(test);
