/* SPDX-License-Identifier: MIT */
/*
 * hostile_tables: page-table storms from all vCPUs on the same few frames.
 *
 * What:     mmu_update with every flag and every target, pinning at every level, update_va_mapping, clear and
 *           copy, user base pointers, grant mappings and copies, in random order.
 * Why:      types, references and grants of one frame meet in orders that nobody thought of; one reference
 * too many or too few shows only at the end. Method:   a dozen frames are entries, tables and data of each
 * other. Each vCPU draws operations from a seed of its own. Afterwards pins, base pointers and mappings are
 * taken back. Expected: every call answers with 0 or an errno, multiple-element calls are done with; at the
 * end each frame can be mapped writable, zeroed, pinned and unpinned: no type and no reference is left. Xen:
 * the same.
 */
#include "tests/guests/framework/guest.h"

#define FRAMES     12u
#define OPERATIONS 3000u /* of all vCPUs together */
#define OWN_SLOTS  64u   /* from here on each vCPU has scratch entries for its own grant mappings */
#define MAX_CALLER 256

static struct scratch s;
static void *pool[FRAMES];
static unsigned int rounds;
static volatile unsigned int strange;

struct attacker {
    uint32_t random;
    unsigned int cpu;
};

static uint32_t draw(struct attacker *a, uint32_t n)
{
    a->random = a->random * 1664525 + 1013904223;
    return (a->random >> 8) % n;
}

static void *draw_frame(struct attacker *a)
{
    return pool[draw(a, FRAMES)];
}

/* What a frame is used as in most cases, so that tables come about: a level, or 0 for data. */
static const unsigned char role[FRAMES] = { 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4 };

static unsigned int draw_role(struct attacker *a, unsigned int level)
{
    unsigned int frame = draw(a, FRAMES);

    while (role[frame] != level)
        frame = (frame + 1) % FRAMES;
    return frame;
}

/* An entry that is good, nearly good or nonsense. */
static uint64_t draw_entry(struct attacker *a)
{
    static const uint64_t flags[] = { 0,
                                      PTE_P,
                                      PTE_RO,
                                      PTE_RO,
                                      PTE_RO,
                                      PTE_RWX,
                                      PTE_RWX,
                                      PTE_RWX | PTE_NX,
                                      PTE_RWX | PTE_PSE,
                                      PTE_RO | PTE_G,
                                      PTE_RO | PTE_PCD,
                                      PTE_P | PTE_RW | PTE_AVAIL };

    return va_to_maddr(draw_frame(a)) | flags[draw(a, sizeof(flags) / sizeof(flags[0]))];
}

/* An entry of a frame of this role. */
static uint64_t draw_entry_for(struct attacker *a, unsigned int level)
{
    if (level == 0 || draw(a, 8) == 0)
        return draw_entry(a);
    if (draw(a, 4) == 0)
        return 0;
    return va_to_maddr(pool[draw_role(a, level - 1)]) | (level == 1 && draw(a, 2) ? PTE_RO : PTE_RWX);
}

static long update_some(struct attacker *a)
{
    struct mmu_update u[4];
    unsigned int count = draw(a, 4) + 1;

    for (unsigned int i = 0; i < count; i++) {
        unsigned int frame = draw(a, FRAMES);

        u[i].ptr = va_to_maddr(pool[frame]) + draw(a, 8) * 64;
        u[i].ptr |= draw(a, 8) ? MMU_NORMAL_PT_UPDATE : MMU_PT_UPDATE_PRESERVE_AD;
        u[i].val = draw_entry_for(a, role[frame]);
    }
    return hc_mmu_update(u, count, NULL, DOMID_SELF);
}

static long pin_or_unpin(struct attacker *a)
{
    unsigned int frame = draw(a, FRAMES), level = draw(a, 8) ? role[frame] : draw(a, 5);

    if (level == 0 || draw(a, 2))
        return mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(pool[frame]), 0);
    return mmuext(MMUEXT_PIN_L1_TABLE + level - 1, va_to_mfn(pool[frame]), 0);
}

static long map_scratch(struct attacker *a)
{
    static const unsigned long flush[] = { UVMF_NONE, UVMF_INVLPG | UVMF_LOCAL, UVMF_INVLPG | UVMF_ALL,
                                           UVMF_TLB_FLUSH | UVMF_ALL };

    return hc_update_va((uint64_t)scratch_va(&s, draw(a, 16)), draw(a, 4) ? draw_entry(a) : 0,
                        flush[draw(a, 4)]);
}

static long clear_or_copy(struct attacker *a)
{
    return draw(a, 2) ? mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(draw_frame(a)), 0)
                      : mmuext(MMUEXT_COPY_PAGE, va_to_mfn(draw_frame(a)), va_to_mfn(draw_frame(a)));
}

/* Maps a frame that this vCPU grants to its own domain, in a place that is its own, and takes it away again.
 */
static long map_grant(struct attacker *a)
{
    grant_ref_t ref = GRANT_FIRST + a->cpu;
    uint64_t at = (uint64_t)scratch_va(&s, OWN_SLOTS + a->cpu);
    uint32_t flags = GNTMAP_host_map | (draw(a, 2) ? GNTMAP_readonly : 0);
    grant_handle_t handle;
    long ret = 0;

    grant_access(ref, own_domid(), draw_frame(a), draw(a, 3) ? 0 : GTF_readonly);
    if (grant_map(at, flags, ref, own_domid(), &handle) == GNTST_okay)
        ret = grant_unmap(at, handle);
    return grant_end(ref) && ret == GNTST_okay ? 0 : 1;
}

static long copy_grant(struct attacker *a)
{
    struct gnttab_copy copy = { .len = 8, .flags = GNTCOPY_source_gref };
    grant_ref_t ref = GRANT_FIRST + a->cpu;
    long ret;

    grant_access(ref, own_domid(), draw_frame(a), 0);
    copy.source.u.ref = ref;
    copy.source.domid = own_domid();
    copy.dest.u.gmfn = va_to_mfn(draw_frame(a));
    copy.dest.domid = DOMID_SELF;
    ret = hc_grant(GNTTABOP_copy, &copy, 1);
    return grant_end(ref) ? ret : 1;
}

static void attack(void *arg)
{
    struct attacker a = { .random = 77 * (uint32_t)(uint64_t)arg + 1, .cpu = (unsigned int)(uint64_t)arg };
    static long (*const operation[])(struct attacker *) = { update_some,   update_some, pin_or_unpin,
                                                            pin_or_unpin,  map_scratch, map_scratch,
                                                            clear_or_copy, map_grant,   copy_grant };

    for (unsigned int i = 0; i < rounds; i++) {
        long ret = operation[draw(&a, sizeof(operation) / sizeof(operation[0]))](&a);

        if (draw(&a, 16) == 0)
            ret = mmuext(MMUEXT_NEW_USER_BASEPTR, draw(&a, 2) ? va_to_mfn(pool[FRAMES - 1]) : 0, 0);
        if (ret > 0 || ret < -MAX_CALLER)
            strange++;
    }
    /* What the tests after this one expect: the first vCPU has user mode, the others get it anew. */
    if (mmuext(MMUEXT_NEW_USER_BASEPTR, a.cpu == 0 ? l4_mfn() : 0, 0))
        strange++;
}

/* Unpinning a table frees those that it held, and what they were pinned for by themselves stays: as often as
 * there are frames. */
static void take_back(void)
{
    for (unsigned int i = 0; i < 16; i++)
        CHECK_EQ(hc_update_va((uint64_t)scratch_va(&s, i), 0, UVMF_INVLPG | UVMF_ALL), 0);
    for (unsigned int i = 0; i < FRAMES; i++)
        mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(pool[i]), 0);
    for (unsigned int i = 0; i < FRAMES; i++) {
        CHECK_EQ(map_writable(pool[i]), 0);
        memset(pool[i], 0, PAGE_SIZE);
    }
    for (unsigned int i = 0; i < FRAMES; i++) {
        CHECK_EQ(table_pin(pool[i], 1 + i % 4), 0);
        CHECK_EQ(table_unpin(pool[i]), 0);
        page_free(pool[i]);
    }
}

static void test(void)
{
    /* Further ones would have to register their areas first: vcpu_many. */
    unsigned int count = smp_count() < XEN_LEGACY_MAX_VCPUS ? smp_count() : XEN_LEGACY_MAX_VCPUS;

    scratch_link(&s, SCRATCH_SLOT);
    grant_table();
    rounds = OPERATIONS / count;
    for (unsigned int i = 0; i < FRAMES; i++) {
        pool[i] = page_alloc();
        CHECK_EQ(map_readonly(pool[i]), 0);
    }
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_start(cpu, attack, (void *)(uint64_t)cpu);
    attack(NULL);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_wait(cpu);
    CHECK_EQ(strange, 0);
    take_back();
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, l4_mfn(), 0), 0); /* later tests have a user mode again */
    scratch_unlink(&s);
}

GUEST_TEST(test);
