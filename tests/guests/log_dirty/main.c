/* SPDX-License-Identifier: MIT */
/*
 * log_dirty: which of its memory a hardware guest has written, as who copies it while it runs asks.
 *
 * What:     domctl shadow_op: enable, peek, clean, off; what each refuses.
 * Why:      migration and checkpoints send what the bitmap says; a frame that is missing there is lost.
 * Method:   a domain whose code writes where a mailbox tells it to, in small pages and in a superpage; pages
 *           written through its grants, and pages that it gets meanwhile.
 * Expected: the bitmap has exactly the frames that were written since it was last cleaned.
 * Xen:      the same, but that memory which comes meanwhile begins as not written there.
 */
#include "tests/guests/framework/guest.h"
#include <xen/domctl.h>
#include <xen/hvm/save.h>

#define SMALL_FRAMES 16u
#define LARGE_FIRST  512u /* superpages: more entries than one call may change */
#define LARGE_COUNT  16u
#define FRAMES       (LARGE_FIRST + LARGE_COUNT * 512)
#define CODE         1u /* of the small frames */
#define MAILBOX      2u
#define LATE         14u /* comes while the others are watched */
#define GRANT_FRAME  15u
#define GRANT_REF    9u
#define GRANTED      6u
#define ASKED        (2 * FRAMES)

/* Waits until the word at 0x2000 changes, and writes it to the address that it is. */
static const uint8_t code[] = {
    0x31, 0xdb,                   /* xor %ebx, %ebx */
    0xf3, 0x90,                   /* 1: pause */
    0xa1, 0x00, 0x20, 0x00, 0x00, /* mov 0x2000, %eax */
    0x39, 0xd8, 0x74, 0xf5,       /* cmp %ebx, %eax; je 1b */
    0x89, 0xc3,                   /* mov %eax, %ebx */
    0x89, 0x00, 0xeb, 0xef,       /* mov %eax, (%eax); jmp 1b */
};

/* What sethvmcontext takes for one vCPU. */
static struct {
    struct hvm_save_descriptor head;
    struct hvm_save_header header;
    struct hvm_save_descriptor cpu_head;
    struct hvm_hw_cpu cpu;
    struct hvm_save_descriptor end;
} context;

_Static_assert(sizeof(context) == 3 * 8 + sizeof(struct hvm_save_header) + sizeof(struct hvm_hw_cpu),
               "no gaps");

static struct xen_domctl op;
static domid_t domain;
static struct scratch scratch;
static uint8_t bitmap[ASKED / 8] __attribute__((aligned(8)));
static uint32_t written; /* a different place in the page each time */

static long domctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domain;
    return hypercall1(__HYPERVISOR_domctl, &op);
}

static long shadow_op(uint32_t what, uint32_t mode)
{
    op.u.shadow_op = (struct xen_domctl_shadow_op){ .op = what, .mode = mode, .pages = ASKED };
    set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, bitmap);
    return domctl(XEN_DOMCTL_shadow_op);
}

/* A frame of the domain at place `index` of the scratch window. */
static volatile uint32_t *map(unsigned int index, uint64_t gfn)
{
    struct mmu_update update = { .ptr = va_to_maddr(&scratch.l1[index]), .val = gfn << PAGE_SHIFT | PTE_RWX };
    unsigned int done = 0;

    CHECK_EQ(hc_mmu_update(&update, 1, &done, domain), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    return (volatile uint32_t *)(void *)scratch_va(&scratch, index);
}

static void unmap(unsigned int index)
{
    struct mmu_update update = { .ptr = va_to_maddr(&scratch.l1[index]) };
    unsigned int done = 0;

    CHECK_EQ(hc_mmu_update(&update, 1, &done, DOMID_SELF), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
}

static void populate(xen_pfn_t *first, unsigned int nr, unsigned int order)
{
    struct xen_memory_reservation r = { .nr_extents = nr, .extent_order = order, .domid = domain };

    set_xen_guest_handle(r.extent_start, first);
    CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), nr);
}

static void give_memory(void)
{
    xen_pfn_t small[SMALL_FRAMES], large[LARGE_COUNT];

    op.u.max_mem.max_memkb = 64 << 10;
    CHECK_EQ(domctl(XEN_DOMCTL_max_mem), 0);
    op.u.paging_mempool.size = 4 << 20;
    CHECK_EQ(domctl(XEN_DOMCTL_set_paging_mempool_size), 0);
    op.u.max_vcpus.max = 1;
    CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus), 0);
    for (unsigned int i = 0; i < SMALL_FRAMES; i++)
        small[i] = i;
    for (unsigned int i = 0; i < LARGE_COUNT; i++)
        large[i] = LARGE_FIRST + i * 512;
    populate(small, LATE, 0);
    populate(large, LARGE_COUNT, 9);
}

/* Flat 32-bit protected mode. */
static void start(void)
{
    volatile uint8_t *p = (volatile uint8_t *)map(0, CODE);
    struct hvm_hw_cpu *cpu = &context.cpu;

    for (unsigned int i = 0; i < sizeof(code); i++)
        p[i] = code[i];
    unmap(0);
    context.head = (struct hvm_save_descriptor){ HVM_SAVE_CODE(HEADER), 0, sizeof(context.header) };
    context.header = (struct hvm_save_header){ .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION };
    context.cpu_head = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, sizeof(*cpu) };
    *cpu = (struct hvm_hw_cpu){ .rip = CODE << PAGE_SHIFT, .rflags = 2, .cr0 = 0x11, .dr6 = 0xffff0ff0 };
    cpu->dr7 = 0x400;
    cpu->cs_limit = cpu->ds_limit = cpu->es_limit = cpu->ss_limit = cpu->fs_limit = cpu->gs_limit = ~0u;
    cpu->cs_arbytes = 0xc9b;
    cpu->ds_arbytes = cpu->es_arbytes = cpu->ss_arbytes = cpu->fs_arbytes = cpu->gs_arbytes = 0xc93;
    cpu->tr_arbytes = 0x8b;
    cpu->tr_limit = 0x67;
    context.end = (struct hvm_save_descriptor){ HVM_SAVE_CODE(END), 0, 0 };
    op.u.hvmcontext = (struct xen_domctl_hvmcontext){ .size = sizeof(context) };
    set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)&context);
    CHECK_EQ(domctl(XEN_DOMCTL_sethvmcontext), 0);
    CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain), 0);
}

/* Lets the domain write to a frame, and waits until it has. */
static void touch(uint64_t gfn)
{
    volatile uint32_t *mailbox = map(1, MAILBOX), *target = map(0, gfn);
    uint64_t end = clock_now() + 20000 * MS;
    uint32_t at = (uint32_t)(gfn << PAGE_SHIFT) + 4 * (++written % 1024);

    *mailbox = at;
    while (target[written % 1024] != at && clock_now() < end)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(target[written % 1024], at);
    unmap(0);
    unmap(1);
}

/* The bitmap has these frames and no other; the list ends with 0. */
static void check_bitmap(uint32_t what, uint32_t mode, const uint32_t *frames)
{
    for (unsigned int i = 0; i < sizeof(bitmap); i++)
        bitmap[i] = 0xff;
    CHECK_EQ(shadow_op(what, mode), 0);
    CHECK_EQ(op.u.shadow_op.pages, ASKED);
    for (; *frames; frames++) {
        CHECK(bitmap[*frames / 8] & 1 << *frames % 8);
        bitmap[*frames / 8] &= (uint8_t) ~(1 << *frames % 8);
    }
    for (unsigned int i = 0; i < sizeof(bitmap); i++)
        CHECK_EQ(bitmap[i], 0);
}

#define CHECK_PEEK(...)  check_bitmap(XEN_DOMCTL_SHADOW_OP_PEEK, 0, (const uint32_t[]){ __VA_ARGS__, 0 })
#define CHECK_CLEAN(...) check_bitmap(XEN_DOMCTL_SHADOW_OP_CLEAN, 0, (const uint32_t[]){ __VA_ARGS__, 0 })

static void check_errors(void)
{
    domid_t other = domain;

    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_TEST, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(99, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 2), -XEN_EINVAL);
    domain = own_domid();
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0), -XEN_EINVAL);
    domain = other;
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0), 0);
}

static void check_recording(void)
{
    xen_pfn_t late = LATE;

    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0), 0);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0), -XEN_EINVAL);
    CHECK_PEEK(0);
    touch(5);
    touch(LARGE_FIRST + 700);
    touch(5);
    CHECK_PEEK(5, LARGE_FIRST + 700);
    CHECK_EQ(op.u.shadow_op.stats.dirty_count, 2);
    CHECK_CLEAN(5, LARGE_FIRST + 700);
    CHECK_EQ(op.u.shadow_op.stats.dirty_count, 2);
    CHECK_PEEK(0);
    touch(7);
    touch(FRAMES - 1);
    touch(LARGE_FIRST + 700);
    CHECK_CLEAN(7, LARGE_FIRST + 700, FRAMES - 1);
    CHECK_CLEAN(0);
    populate(&late, 1, 0);
    check_bitmap(XEN_DOMCTL_SHADOW_OP_CLEAN, 0, (const uint32_t[]){ is_ryokan() ? LATE : 0, 0 });
    touch(LATE);
    check_bitmap(XEN_DOMCTL_SHADOW_OP_CLEAN, XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL, (const uint32_t[]){ LATE, 0 });
}

/* Grants a frame to this domain, by its grant table that a toolstack may place. */
static void grant(void)
{
    struct xen_add_to_physmap add = { .domid = domain,
                                      .space = XENMAPSPACE_grant_table,
                                      .gpfn = GRANT_FRAME };
    volatile struct grant_entry_v1 *entry;

    CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, &add), 0);
    entry = (volatile struct grant_entry_v1 *)(volatile void *)map(0, GRANT_FRAME) + GRANT_REF;
    entry->domid = own_domid();
    entry->frame = GRANTED;
    barrier();
    entry->flags = GTF_permit_access;
    unmap(0);
}

/* What others write by its grants is written too, at the latest when they have done. */
static void check_grants(void)
{
    static uint64_t word __attribute__((aligned(4096)));
    struct gnttab_copy copy = { .source.u.gmfn = va_to_mfn(&word),
                                .source.domid = DOMID_SELF,
                                .dest.u.ref = GRANT_REF,
                                .dest.domid = domain,
                                .len = 8,
                                .flags = GNTCOPY_dest_gref };
    void *place = scratch_va(&scratch, 3);
    grant_handle_t handle = 0;

    CHECK_EQ(grant_map((uint64_t)place, GNTMAP_host_map, GRANT_REF, domain, &handle), GNTST_okay);
    *(volatile uint32_t *)place = 1;
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0), 0);
    *(volatile uint32_t *)place = 2;
    CHECK_EQ(grant_unmap((uint64_t)place, handle), GNTST_okay);
    CHECK_CLEAN(GRANTED);
    CHECK_EQ(hc_grant(GNTTABOP_copy, &copy, 1), 0);
    CHECK_EQ(copy.status, GNTST_okay);
    CHECK_CLEAN(GRANTED);
    CHECK_CLEAN(0);
}

/* A buffer that cannot be written: an error, and nothing is forgotten. */
static void check_bad_buffer(void)
{
    touch(9);
    op.u.shadow_op = (struct xen_domctl_shadow_op){ .op = XEN_DOMCTL_SHADOW_OP_CLEAN, .pages = ASKED };
    set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, (uint8_t *)slot_va(SCRATCH_SLOT + 1));
    CHECK_EQ(domctl(XEN_DOMCTL_shadow_op), -XEN_EFAULT);
    CHECK_CLEAN(9);
}

static void test(void)
{
    uint64_t end;

    if (!is_initial_domain()) {
        test_skip("only the initial domain may");
        return;
    }
    scratch_link(&scratch, SCRATCH_SLOT);
    op.u.createdomain = (struct xen_domctl_createdomain){ .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                                                          .max_vcpus = 1,
                                                          .max_evtchn_port = 1023,
                                                          .max_grant_frames = 4,
                                                          .max_maptrack_frames = 4,
                                                          .grant_opts = XEN_DOMCTL_GRANT_version(1),
                                                          .arch.emulation_flags = XEN_X86_EMU_LAPIC };
    if (domctl(XEN_DOMCTL_createdomain) != 0) {
        test_skip("no hardware guests here");
        return;
    }
    domain = op.domain;
    give_memory();
    grant();
    start();
    check_errors();
    check_recording();
    check_grants();
    check_bad_buffer();
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0), 0);
    touch(6);
    CHECK_EQ(domctl(XEN_DOMCTL_destroydomain), 0);
    end = clock_now() + 20000 * MS;
    while (domctl(XEN_DOMCTL_getdomaininfo) == 0 && clock_now() < end)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo), -XEN_ESRCH);
    scratch_unlink(&scratch);
}

GUEST_TEST(test);
