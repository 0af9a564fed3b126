/* SPDX-License-Identifier: MIT */
#include "attack.h"
#include "guest_arch.h"
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

/* memory_op: the extents that are done stand above the operation. */
#define CONTINUED_SHIFT 6

uint8_t arguments[(ARG_PAGES + 1) * PAGE_SIZE] __attribute__((aligned(4096)));

static uint8_t *pool[FRAMES];
static uint8_t *read_only;
static struct scratch s;
static uint32_t frames_of_machine;
static volatile grant_entry_v1_t *grants;

uint32_t draw(struct attacker *a, uint32_t n)
{
    a->random ^= a->random << 13;
    a->random ^= a->random >> 7;
    a->random ^= a->random << 17;
    return (uint32_t)(a->random >> 16) % n;
}

static uint64_t draw_frame(struct attacker *a)
{
    return va_to_mfn(pool[draw(a, FRAMES)]);
}

/* A frame of the machine that belongs to others: to have its own code taken away ends a domain too early. */
static uint64_t draw_others_frame(struct attacker *a)
{
    uint64_t frame = draw(a, frames_of_machine), pfn = ((const uint64_t *)MACH2PHYS_VIRT_START)[frame];

    return pfn < start_info->nr_pages && pfn_to_mfn(pfn) == frame ? draw_frame(a) : frame;
}

/* Where no guest's page is, or what is there is not this guest's. */
static uint64_t draw_strange_frame(struct attacker *a)
{
    switch (draw(a, 4)) {
    case 0:
        return draw(a, 256); /* the first MiB */
    case 1:
        return 1ul << (20 + draw(a, 44));
    case 2:
        return ~0ul >> draw(a, 30);
    default:
        return ARCH_TRANSLATED ? 0xfee00 : draw_others_frame(a);
    }
}

static uint64_t draw_slot(struct attacker *a)
{
    return ARCH_TRANSLATED ? 0 : (uint64_t)scratch_va(&s, draw(a, SLOTS));
}

static uint64_t draw_domid(struct attacker *a)
{
    static const uint16_t special[] = {
        DOMID_SELF, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID, DOMID_IDLE
    };

    if (draw(a, 4) == 0)
        return special[draw(a, sizeof(special) / sizeof(special[0]))];
    return draw(a, 3) ? own_domid() : draw(a, 8);
}

/* An address for the hypervisor to read or write. */
static uint64_t draw_address(struct attacker *a)
{
    switch (draw(a, 16)) {
    case 0:
        return (uint64_t)&arguments[ARG_PAGES * PAGE_SIZE] - draw(a, 64);
    case 1:
        return (uint64_t)read_only + draw(a, PAGE_SIZE);
    case 2:
        return 0xffff800000000000ul + ((uint64_t)draw(a, ~0u) << draw(a, 14));
    case 3:
        return 0x0000800000000000ul - draw(a, 64);
    case 4:
        return ~0ul - draw(a, 64);
    case 5:
        return draw_slot(a) + draw(a, PAGE_SIZE);
    default:
        return (uint64_t)arguments + draw(a, ARG_PAGES * PAGE_SIZE / 8) * 8 + (draw(a, 8) ? 0 : draw(a, 8));
    }
}

uint64_t draw_value(struct attacker *a)
{
    switch (draw(a, 12)) {
    case 0:
        return draw(a, 16) << draw(a, 4);
    case 1:
        return 1ul << draw(a, 64);
    case 2:
        return (1ul << draw(a, 64)) - 1;
    case 3:
        return ~(uint64_t)draw(a, 4);
    case 4:
        return draw_address(a);
    case 5:
        return draw_frame(a);
    case 6:
        return draw_frame(a) << PAGE_SHIFT | draw(a, PAGE_SIZE);
    case 7:
        return draw_strange_frame(a);
    case 8:
        return draw_domid(a);
    case 9:
        return draw_slot(a);
    case 10:
        return (uint64_t)draw(a, 64) << 32 | draw(a, 64);
    default:
        return draw(a, 64);
    }
}

/* A place for an argument of `size` bytes, which may not all be there. The last fifth of the lists goes over
 * the end. */
static void *place(struct attacker *a, uint64_t size)
{
    uint64_t room = ARG_PAGES * PAGE_SIZE;

    if (draw(a, 16) == 0)
        return (void *)draw_address(a);
    return &arguments[draw(a, (uint32_t)((room - size) / 8)) * 8];
}

/* The same with random contents, to be made nearly right, and whether that may be written. */
static void *fill(struct attacker *a, uint64_t size)
{
    volatile uint64_t *at =
        (uint64_t *)&arguments[draw(a, (uint32_t)((ARG_PAGES * PAGE_SIZE - size) / 8)) * 8];

    for (uint64_t i = 0; i < size / 8; i++)
        at[i] = draw_value(a);
    return (void *)(uint64_t)at;
}

/* In one of some cases not what fits. */
static uint64_t often(struct attacker *a, uint64_t fitting)
{
    return draw(a, 12) ? fitting : draw_value(a);
}

static uint64_t draw_count(struct attacker *a)
{
    return often(a, draw(a, 6));
}

/* ---- page tables ---- */

static uint64_t draw_entry(struct attacker *a)
{
    static const uint64_t flags[] = {
        0, PTE_P, PTE_RO, PTE_RO, PTE_RWX, PTE_RWX, PTE_RWX | PTE_NX, PTE_RWX | PTE_PSE, PTE_RO | PTE_PCD
    };
    uint64_t frame = draw(a, 12) ? draw_frame(a) : draw_strange_frame(a);

    return (frame << PAGE_SHIFT & PTE_ADDR) | flags[draw(a, sizeof(flags) / sizeof(flags[0]))];
}

static void call_mmu_update(struct attacker *a)
{
    struct mmu_update *u = fill(a, 6 * sizeof(*u));

    for (unsigned int i = 0; i < 6; i++) {
        u[i].ptr = often(a, (draw_frame(a) << PAGE_SHIFT) + draw(a, 512) * 8) & ~7ul;
        u[i].ptr |= draw(a, 8) ? MMU_NORMAL_PT_UPDATE : draw(a, 8);
        u[i].val = draw(a, 4) ? draw_entry(a) : 0;
    }
    hypercall4(__HYPERVISOR_mmu_update, draw(a, 16) ? u : place(a, 64), draw_count(a),
               draw(a, 4) ? 0 : draw_address(a),
               draw(a, 6) ? DOMID_SELF : draw_domid(a) | (draw_domid(a) << 16 & draw_value(a)));
}

static void call_mmuext(struct attacker *a)
{
    struct mmuext_op *op = fill(a, 4 * sizeof(*op));

    for (unsigned int i = 0; i < 4; i++) {
        op[i].cmd = draw(a, 3) ? MMUEXT_PIN_L1_TABLE + draw(a, 5) : 6 + draw(a, 16);
        op[i].arg1.mfn = often(a, draw_frame(a));
        if (op[i].cmd == MMUEXT_COPY_PAGE)
            op[i].arg2.src_mfn = draw_frame(a);
    }
    hypercall4(__HYPERVISOR_mmuext_op, draw(a, 16) ? op : place(a, 64), draw_count(a),
               draw(a, 4) ? 0 : draw_address(a), draw(a, 8) ? DOMID_SELF : draw_domid(a));
}

static void call_update_va(struct attacker *a)
{
    uint64_t flags = draw(a, 2) ? draw(a, 16) : draw_address(a);

    if (draw(a, 4))
        hypercall3(__HYPERVISOR_update_va_mapping, draw_slot(a), draw(a, 3) ? draw_entry(a) : 0, flags);
    else
        hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, draw_slot(a), draw_entry(a), flags,
                   draw_domid(a));
}

static void call_descriptor(struct attacker *a)
{
    uint64_t *frames = fill(a, 128);

    for (unsigned int i = 0; i < 16; i++)
        frames[i] = often(a, draw_frame(a));
    if (draw(a, 2))
        hypercall2(__HYPERVISOR_set_gdt, frames, draw(a, 2) ? 512 * draw(a, 8) : draw_value(a));
    else
        hypercall2(__HYPERVISOR_update_descriptor, (draw_frame(a) << PAGE_SHIFT) + draw(a, PAGE_SIZE),
                   draw_value(a));
}

/* ---- memory ---- */

static void fill_reservation(struct attacker *a, struct xen_memory_reservation *r, uint64_t *frames)
{
    set_xen_guest_handle(r->extent_start, often(a, (uint64_t)frames) ? (xen_pfn_t *)frames : NULL);
    r->nr_extents = often(a, draw(a, 8));
    r->extent_order = (unsigned int)often(a, draw(a, 6) ? 0 : draw(a, 10));
    r->mem_flags = draw(a, 8) ? 0 : (unsigned int)draw_value(a);
    r->domid = (domid_t)often(a, DOMID_SELF);
}

static void call_reservation(struct attacker *a)
{
    static const unsigned int ops[] = { XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                        XENMEM_populate_physmap, XENMEM_decrease_reservation,
                                        XENMEM_populate_physmap };
    struct xen_memory_reservation *r = fill(a, sizeof(*r));
    uint64_t *frames = fill(a, 64);

    for (unsigned int i = 0; i < 8; i++)
        frames[i] = often(a, draw_frame(a));
    fill_reservation(a, r, frames);
    hypercall2(__HYPERVISOR_memory_op, ops[draw(a, 5)] | (draw(a, 8) ? 0 : draw(a, 8) << CONTINUED_SHIFT), r);
}

static void call_exchange(struct attacker *a)
{
    struct xen_memory_exchange *e = fill(a, sizeof(*e));
    uint64_t *in = fill(a, 64), *out = fill(a, 64);

    for (unsigned int i = 0; i < 8; i++) {
        in[i] = often(a, draw_frame(a));
        out[i] = often(a, draw_frame(a));
    }
    fill_reservation(a, &e->in, in);
    fill_reservation(a, &e->out, out);
    if (draw(a, 4)) {
        e->out.nr_extents = e->in.nr_extents;
        e->out.extent_order = e->in.extent_order;
    }
    e->nr_exchanged = draw(a, 8) ? 0 : draw_value(a);
    hypercall2(__HYPERVISOR_memory_op, XENMEM_exchange, e);
}

static void call_physmap(struct attacker *a)
{
    struct xen_add_to_physmap *p = fill(a, sizeof(*p));
    struct xen_add_to_physmap_batch *b = fill(a, sizeof(*b));
    uint64_t *frames = fill(a, 128);
    struct xen_remove_from_physmap *r = fill(a, sizeof(*r));

    p->domid = r->domid = b->domid = (domid_t)often(a, DOMID_SELF);
    p->space = draw(a, 6);
    p->idx = often(a, draw(a, 4));
    p->gpfn = r->gpfn = often(a, draw_frame(a));
    b->space = (uint16_t)draw(a, 6);
    b->size = (uint16_t)draw(a, 6);
    b->u.foreign_domid = (domid_t)draw_domid(a);
    set_xen_guest_handle(b->idxs, (xen_ulong_t *)frames);
    set_xen_guest_handle(b->gpfns, (xen_pfn_t *)frames + 8);
    set_xen_guest_handle(b->errs, (int *)place(a, 64));
    for (unsigned int i = 0; i < 8; i++)
        frames[8 + i] = often(a, draw_frame(a));
    if (draw(a, 3) == 0)
        hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, b);
    else
        hypercall2(__HYPERVISOR_memory_op, draw(a, 2) ? XENMEM_add_to_physmap : XENMEM_remove_from_physmap,
                   draw(a, 2) ? (void *)p : r);
}

static void call_memory_any(struct attacker *a)
{
    hypercall2(__HYPERVISOR_memory_op, draw(a, 32) | (draw(a, 8) ? 0 : draw(a, 64) << CONTINUED_SHIFT),
               draw(a, 2) ? fill(a, 64) : place(a, 64));
}

/* ---- grants ---- */

void change_grant(struct attacker *a)
{
    volatile grant_entry_v1_t *e = &grants[GRANT_FIRST + draw(a, REFS)];

    switch (draw(a, 4)) {
    case 0:
        e->frame = (uint32_t)(draw(a, 8) ? draw_frame(a) : draw_strange_frame(a));
        break;
    case 1:
        e->domid = (domid_t)(draw(a, 2) ? own_domid() : draw(a, 8));
        break;
    case 2:
        e->flags = (uint16_t)(draw(a, 8) ? GTF_permit_access : draw_value(a));
        break;
    default:
        e->flags = GTF_permit_access | (draw(a, 2) ? GTF_readonly : 0);
        break;
    }
}

static uint32_t draw_ref(struct attacker *a)
{
    return (uint32_t)often(a, GRANT_FIRST + draw(a, REFS));
}

static uint64_t draw_grant_place(struct attacker *a, uint32_t flags)
{
    if (ARCH_TRANSLATED || (flags & GNTMAP_contains_pte))
        return (draw_frame(a) << PAGE_SHIFT) + (ARCH_TRANSLATED ? 0 : draw(a, 512) * 8);
    return often(a, draw_slot(a));
}

static void call_grant_map(struct attacker *a)
{
    struct gnttab_map_grant_ref *m = fill(a, 4 * sizeof(*m));

    for (unsigned int i = 0; i < 4; i++) {
        m[i].flags = (uint32_t)often(a, GNTMAP_host_map | (draw(a, 2) ? GNTMAP_readonly : 0) |
                                            (draw(a, 4) ? 0 : GNTMAP_contains_pte) |
                                            (draw(a, 6) ? 0 : GNTMAP_device_map));
        m[i].host_addr = draw_grant_place(a, m[i].flags);
        m[i].ref = draw_ref(a);
        m[i].dom = (domid_t)draw_domid(a);
    }
    hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, m, draw(a, 5));
}

static void call_grant_unmap(struct attacker *a)
{
    struct gnttab_unmap_grant_ref *u = fill(a, 4 * sizeof(*u));
    struct gnttab_unmap_and_replace *r = (void *)u;

    for (unsigned int i = 0; i < 4; i++) {
        u[i].host_addr = draw_grant_place(a, draw(a, 4) ? 0 : GNTMAP_contains_pte);
        u[i].handle = (uint32_t)often(a, draw(a, 16));
        u[i].dev_bus_addr = draw(a, 6) ? 0 : draw_frame(a) << PAGE_SHIFT;
    }
    if (draw(a, 4)) {
        hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, u, draw(a, 5));
        return;
    }
    r->new_addr = draw_slot(a);
    r->handle = draw(a, 16);
    hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_and_replace, r, 1);
}

static void call_grant_copy(struct attacker *a)
{
    struct gnttab_copy *c = fill(a, 6 * sizeof(*c));

    for (unsigned int i = 0; i < 6; i++) {
        c[i].flags = (uint16_t)often(a, draw(a, 4));
        c[i].len = (uint16_t)often(a, draw(a, 4097));
        c[i].source.offset = (uint16_t)often(a, draw(a, 2) ? 0 : draw(a, 4096));
        c[i].dest.offset = (uint16_t)often(a, draw(a, 2) ? 0 : draw(a, 4096));
        c[i].source.domid = (domid_t)draw_domid(a);
        c[i].dest.domid = (domid_t)draw_domid(a);
        c[i].source.u.gmfn = c[i].flags & GNTCOPY_source_gref ? draw_ref(a) : draw_frame(a);
        c[i].dest.u.gmfn = c[i].flags & GNTCOPY_dest_gref ? draw_ref(a) : draw_frame(a);
    }
    hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_copy, c, draw(a, 7));
}

static void call_grant_any(struct attacker *a)
{
    uint64_t *list = fill(a, 128);

    list[0] = (list[0] & ~0xfffful) | draw_domid(a);
    hypercall3(__HYPERVISOR_grant_table_op, draw(a, 14), list, draw(a, 3));
}

/* ---- events, vCPUs, and the rest ---- */

static void call_event(struct attacker *a)
{
    uint32_t *w = fill(a, 64);
    unsigned int op = draw(a, 16);

    if (op == EVTCHNOP_reset && draw(a, 32))
        op = EVTCHNOP_send;
    w[0] = (uint32_t)(draw(a, 2) ? often(a, draw(a, 40)) : draw_domid(a) | draw_domid(a) << 16);
    w[1] = (uint32_t)often(a, draw(a, 40));
    w[2] = (uint32_t)often(a, draw(a, 16));
    if (op == EVTCHNOP_init_control || op == EVTCHNOP_expand_array)
        *(uint64_t *)w = often(a, draw_frame(a));
    hypercall2(__HYPERVISOR_event_channel_op, op, draw(a, 16) ? w : place(a, 64));
}

/* No initialise, up and down; no place of vcpu_info, from where events would reach the tests' handlers. */
static void call_vcpu(struct attacker *a)
{
    static const unsigned int ops[] = { VCPUOP_is_up,
                                        VCPUOP_get_runstate_info,
                                        VCPUOP_register_runstate_memory_area,
                                        VCPUOP_set_periodic_timer,
                                        VCPUOP_stop_periodic_timer,
                                        VCPUOP_set_singleshot_timer,
                                        VCPUOP_stop_singleshot_timer,
                                        VCPUOP_get_physid,
                                        VCPUOP_register_vcpu_time_memory_area,
                                        14,
                                        ~0u };
    uint64_t *w = fill(a, 64);

    w[0] = draw(a, 2) ? draw_address(a) : w[0];
    hypercall3(__HYPERVISOR_vcpu_op, ops[draw(a, sizeof(ops) / sizeof(ops[0]))],
               draw(a, 8) ? 1 + draw(a, 3) : draw_value(a), draw(a, 16) ? w : place(a, 64));
}

static void call_hvm(struct attacker *a)
{
    struct xen_hvm_param *p = fill(a, sizeof(*p));

    p->domid = (domid_t)draw_domid(a);
    p->index = draw(a, 8) ? draw(a, 48) : (uint32_t)draw_value(a);
    if (p->index == HVM_PARAM_CALLBACK_IRQ)
        p->index = 0;
    hypercall2(__HYPERVISOR_hvm_op, draw(a, 4) ? draw(a, 2) : draw(a, 32), p);
}

/* Those whose effect is this vCPU's own, or none. */
static void call_other(struct attacker *a)
{
    static const unsigned int calls[] = { __HYPERVISOR_platform_op,
                                          __HYPERVISOR_get_debugreg,
                                          __HYPERVISOR_set_timer_op,
                                          __HYPERVISOR_event_channel_op_compat,
                                          __HYPERVISOR_xen_version,
                                          __HYPERVISOR_physdev_op_compat,
                                          __HYPERVISOR_vm_assist,
                                          __HYPERVISOR_fpu_taskswitch,
                                          __HYPERVISOR_nmi_op,
                                          __HYPERVISOR_callback_op,
                                          __HYPERVISOR_xenoprof_op,
                                          __HYPERVISOR_physdev_op,
                                          __HYPERVISOR_sysctl,
                                          __HYPERVISOR_domctl,
                                          __HYPERVISOR_kexec_op,
                                          __HYPERVISOR_argo_op,
                                          __HYPERVISOR_xenpmu_op,
                                          __HYPERVISOR_dm_op,
                                          __HYPERVISOR_hypfs_op,
                                          48,
                                          63,
                                          64,
                                          1u << 31 };
    uint64_t first = draw(a, 2) ? draw(a, 64) : draw_value(a);

    hypercall5(calls[draw(a, sizeof(calls) / sizeof(calls[0]))], draw(a, 2) ? first : (uint64_t)fill(a, 128),
               draw_address(a), draw_value(a), draw_value(a), draw_value(a));
}

static void call_multicall(struct attacker *a)
{
    static const unsigned int ops[] = { __HYPERVISOR_mmu_update,   __HYPERVISOR_memory_op,
                                        __HYPERVISOR_set_timer_op, __HYPERVISOR_xen_version,
                                        __HYPERVISOR_multicall,    __HYPERVISOR_grant_table_op,
                                        __HYPERVISOR_mmuext_op,    __HYPERVISOR_console_io };
    struct multicall_entry *e = fill(a, 4 * sizeof(*e));

    for (unsigned int i = 0; i < 4; i++) {
        e[i].op = ops[draw(a, sizeof(ops) / sizeof(ops[0]))];
        e[i].args[0] = draw(a, 2) ? draw_value(a) : draw_address(a);
        e[i].args[1] = draw(a, 2) ? draw_count(a) : draw_address(a);
        if (e[i].op == __HYPERVISOR_console_io)
            e[i].args[0] = 2;
    }
    hypercall2(__HYPERVISOR_multicall, draw(a, 16) ? e : place(a, 128), draw_count(a));
}

void attack(void *attacker)
{
    static void (*const calls[])(struct attacker *) = {
        call_mmu_update, call_mmu_update,  call_mmuext,      call_mmuext,     call_update_va,  call_update_va,
        call_descriptor, call_reservation, call_exchange,    call_physmap,    call_memory_any, call_grant_map,
        call_grant_map,  call_grant_unmap, call_grant_unmap, call_grant_copy, call_grant_any,  call_event,
        call_event,      call_vcpu,        call_hvm,         call_other,      call_multicall,
    };

    struct attacker *a = attacker;

    calls[draw(a, sizeof(calls) / sizeof(calls[0]))](a);
    if (draw(a, 4) == 0)
        change_grant(a);
}

void attack_repair(void)
{
    for (unsigned int i = 0; i < ARG_PAGES; i++)
        map_writable(&arguments[i * PAGE_SIZE]);
}

void attack_prepare(void)
{
    void *behind = &arguments[ARG_PAGES * PAGE_SIZE];

    grants = grant_table();
    frames_of_machine = (uint32_t)hc_memory_op(XENMEM_maximum_ram_page, NULL);
    read_only = page_alloc();
    map_readonly(read_only);
    if (ARCH_TRANSLATED) {
        *pte_lookup(behind, 1) = 0;
        asm volatile("invlpg (%0)" : : "r"(behind) : "memory");
    } else {
        scratch_link(&s, SCRATCH_SLOT);
        hc_update_va(behind, 0, UVMF_INVLPG | UVMF_ALL);
    }
    for (unsigned int i = 0; i < FRAMES; i++) {
        pool[i] = page_alloc();
        map_readonly(pool[i]);
    }
}
