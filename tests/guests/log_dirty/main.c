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
#include "hvm_domain.h"

#define LARGE_FIRST 512u /* superpages: more entries than one call may change */
#define LARGE_COUNT 16u
#define FRAMES      (LARGE_FIRST + LARGE_COUNT * 512)
#define CODE        1u /* of the small frames */
#define MAILBOX     2u
#define LATE        14u /* comes while the others are watched */
#define GRANT_FRAME 15u
#define GRANT_REF   9u
#define GRANTED     6u
#define ASKED       (2 * FRAMES)

/* Waits until the word at 0x2000 changes, and writes it to the address that it is. */
static const uint8_t code[] = {
    0x31, 0xdb,                   /* xor %ebx, %ebx */
    0xf3, 0x90,                   /* 1: pause */
    0xa1, 0x00, 0x20, 0x00, 0x00, /* mov 0x2000, %eax */
    0x39, 0xd8, 0x74, 0xf5,       /* cmp %ebx, %eax; je 1b */
    0x89, 0xc3,                   /* mov %eax, %ebx */
    0x89, 0x00, 0xeb, 0xef,       /* mov %eax, (%eax); jmp 1b */
};

static struct xen_domctl op;
static uint8_t bitmap[ASKED / 8] __attribute__((aligned(8)));
static uint32_t written; /* a different place in the page each time */

static long shadow_op(uint32_t what, uint32_t mode)
{
    op.u.shadow_op = (struct xen_domctl_shadow_op){ .op = what, .mode = mode, .pages = ASKED };
    set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, bitmap);
    return hvm_domain_ctl(&op, XEN_DOMCTL_shadow_op);
}

static volatile uint32_t *map(unsigned int place, uint64_t gfn)
{
    return hvm_domain_map(place, gfn);
}

/* Flat 32-bit protected mode. */
static void start(void)
{
    struct hvm_hw_cpu cpu = {
        .rip = CODE << PAGE_SHIFT, .rflags = 2, .cr0 = 0x11, .dr6 = 0xffff0ff0, .dr7 = 0x400
    };
    volatile uint8_t *p = hvm_domain_map(0, CODE);

    for (unsigned int i = 0; i < sizeof(code); i++)
        p[i] = code[i];
    hvm_domain_unmap(0);
    cpu.cs_limit = cpu.ds_limit = cpu.es_limit = cpu.ss_limit = cpu.fs_limit = cpu.gs_limit = ~0u;
    cpu.cs_arbytes = 0xc9b;
    cpu.ds_arbytes = cpu.es_arbytes = cpu.ss_arbytes = cpu.fs_arbytes = cpu.gs_arbytes = 0xc93;
    cpu.tr_arbytes = 0x8b;
    cpu.tr_limit = 0x67;
    CHECK_EQ(hvm_domain_start(&cpu, 1), 0);
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
    hvm_domain_unmap(0);
    hvm_domain_unmap(1);
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
    struct xen_domctl self = { .cmd = XEN_DOMCTL_shadow_op,
                               .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                               .domain = own_domid(),
                               .u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY };

    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE_TEST, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(99, 0), -XEN_EINVAL);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 2), -XEN_EINVAL);
    CHECK_EQ(hypercall1(__HYPERVISOR_domctl, &self), -XEN_EINVAL);
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0), 0);
}

static void check_recording(void)
{
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
    hvm_domain_populate(LATE, 1, 0);
    check_bitmap(XEN_DOMCTL_SHADOW_OP_CLEAN, 0, (const uint32_t[]){ is_ryokan() ? LATE : 0, 0 });
    touch(LATE);
    check_bitmap(XEN_DOMCTL_SHADOW_OP_CLEAN, XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL, (const uint32_t[]){ LATE, 0 });
}

/* Grants a frame to this domain, by its grant table that a toolstack may place. */
static void grant(void)
{
    struct xen_add_to_physmap add = { .domid = hvm_domain_id(),
                                      .space = XENMAPSPACE_grant_table,
                                      .gpfn = GRANT_FRAME };
    volatile struct grant_entry_v1 *entry;

    CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, &add), 0);
    entry = (volatile struct grant_entry_v1 *)(volatile void *)map(0, GRANT_FRAME) + GRANT_REF;
    entry->domid = own_domid();
    entry->frame = GRANTED;
    barrier();
    entry->flags = GTF_permit_access;
    hvm_domain_unmap(0);
}

/* What others write by its grants is written too, at the latest when they have done. */
static void check_grants(void)
{
    static uint64_t word __attribute__((aligned(4096)));
    struct gnttab_copy copy = { .source.u.gmfn = va_to_mfn(&word),
                                .source.domid = DOMID_SELF,
                                .dest.u.ref = GRANT_REF,
                                .dest.domid = hvm_domain_id(),
                                .len = 8,
                                .flags = GNTCOPY_dest_gref };
    void *place = (void *)(slot_va(SCRATCH_SLOT) + 3 * PAGE_SIZE);
    grant_handle_t handle = 0;

    CHECK_EQ(grant_map((uint64_t)place, GNTMAP_host_map, GRANT_REF, hvm_domain_id(), &handle), GNTST_okay);
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
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_shadow_op), -XEN_EFAULT);
    CHECK_CLEAN(9);
}

static void test(void)
{
    if (!is_initial_domain()) {
        test_skip("only the initial domain may");
        return;
    }
    if (!hvm_domain_create(1, 64 << 10)) {
        test_skip("no hardware guests here");
        return;
    }
    hvm_domain_populate(0, LATE, 0);
    hvm_domain_populate(LARGE_FIRST, LARGE_COUNT, 9);
    grant();
    start();
    check_errors();
    check_recording();
    check_grants();
    check_bad_buffer();
    CHECK_EQ(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0), 0);
    touch(6);
    hvm_domain_destroy();
}

GUEST_TEST(test);
