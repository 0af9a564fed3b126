/* SPDX-License-Identifier: MIT */
/* The frame allocator on a machine with holes: nothing twice, nothing lost, nothing of another guest's left
 * in it. */
/* unit-sources: */
#include "tests/unit/fake_memory.h"
#include "hv/mm/frame_alloc.c"
#include "hv/mm/frame_chunk.c"

/* 636 KiB, 1 to 640 MiB without a kernel's place, and 256 MiB above 4 GiB. */
static const struct boot_ram_range ram[] = {
    { 0, KIB(636) },
    { MIB(1), MIB(640) },
    { GIB(4), GIB(4) + MIB(256) },
};
static const struct boot_ram_range usable[] = {
    { KIB(4), KIB(636) },
    { MIB(1), MIB(64) },
    { MIB(72), MIB(640) },
    { GIB(4), GIB(4) + MIB(256) },
};

static void start(void)
{
    fake_memory_init();
    max_mfn = (GIB(4) + MIB(256)) >> PAGE_SHIFT;
    frame_boot_ranges(usable, ARRAY_SIZE(usable), ram, ARRAY_SIZE(ram));
    frame_alloc_start();
}

static bool is_usable(uint64_t m)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(usable); i++)
        if (m >= usable[i].start >> PAGE_SHIFT && m < usable[i].end >> PAGE_SHIFT)
            return true;
    return false;
}

static bool is_table(uint64_t m)
{
    for (uint64_t i = 0; i < M2P_GROUPS && i << M2P_GROUP_SHIFT < max_mfn; i++)
        if (m2p_group_mfn[i] && m >= m2p_group_mfn[i] &&
            m < m2p_group_mfn[i] + table_pages(i << M2P_GROUP_SHIFT, M2P_GROUP_FRAMES, sizeof(uint64_t)))
            return true;
    return false;
}

static uint8_t *taken; /* by frame */

static void mark(struct frame *f, unsigned int order, uint8_t value)
{
    uint64_t m = frame_to_mfn(f).m;

    cr_assert(IS_ALIGNED(m, 1ULL << order), "frame %lx of order %u", (unsigned long)m, order);
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        cr_assert(is_usable(m + i) && !is_table(m + i), "frame %lx is not to be given out",
                  (unsigned long)(m + i));
        cr_assert_neq(taken[m + i], value, "frame %lx twice", (unsigned long)(m + i));
        taken[m + i] = value;
    }
}

Test(frame_alloc, only_the_first_chunk_is_set_up_at_boot, .init = start)
{
    cr_assert(mfn_valid(mfn(1)));
    cr_assert_not(mfn_valid(mfn(MIB(256) >> PAGE_SHIFT)));
    cr_assert_not(mfn_valid(mfn(GIB(4) >> PAGE_SHIFT)));
    cr_assert(mfn_is_ram(mfn(GIB(4) >> PAGE_SHIFT)));
    cr_assert_not(mfn_is_ram(mfn(MIB(640) >> PAGE_SHIFT)));
    cr_assert(frames_free() < frames_total() && frames_free() > frames_total() - 2000);
}

Test(frame_alloc, holes_belong_to_nobody, .init = start)
{
    for (uint64_t m = KIB(636) >> PAGE_SHIFT; m < MIB(1) >> PAGE_SHIFT; m++)
        cr_assert_eq(mfn_to_frame(mfn(m))->owner, DOMID_IO);
    /* The kernel's place is RAM, but not free. */
    cr_assert_eq(mfn_to_frame(mfn(MIB(65) >> PAGE_SHIFT))->count, 0);
    cr_assert_neq(mfn_to_frame(mfn(MIB(65) >> PAGE_SHIFT))->owner, DOMID_IO);
}

Test(frame_alloc, all_of_it_and_back, .init = start)
{
    struct frame **all = calloc(frames_total(), sizeof(*all));
    uint64_t n = 0, free_then, total = frames_total();

    taken = calloc(max_mfn, 1);
    for (struct frame *f; (f = frame_alloc(0, 0)); n++) {
        mark(f, 0, 1);
        all[n] = f;
    }
    cr_assert_eq(frames_free(), 0);
    cr_assert(n > total - total / 50, "%lu of %lu frames are usable", (unsigned long)n, (unsigned long)total);
    for (uint64_t i = n; i > 1; i--) {
        uint64_t j = fake_random(i);
        struct frame *f = all[j];

        all[j] = all[i - 1];
        all[i - 1] = f;
    }
    for (uint64_t i = 0; i < n; i++) {
        frame_free(all[i], 0);
        taken[frame_to_mfn(all[i]).m] = 0;
    }
    free_then = frames_free();
    cr_assert_eq(free_then, n);
    /* Everything was joined again: 128 MiB beside the tables of a chunk. */
    cr_assert_neq(frame_alloc(15, ALLOC_BELOW_4G), NULL);
    cr_assert_eq(frames_free(), free_then - (1 << 15));
    free(all);
    free(taken);
}

Test(frame_alloc, random_orders, .init = start)
{
    static struct {
        struct frame *f;
        unsigned int order;
    } held[300];
    uint64_t before = frames_free(), tables;

    taken = calloc(max_mfn, 1);
    for (unsigned int n = 0; n < 40000; n++) {
        unsigned int i = fake_random(ARRAY_SIZE(held));

        if (held[i].f) {
            mark(held[i].f, held[i].order, 0);
            if (fake_random(2))
                frame_free_dirty(held[i].f, held[i].order);
            else
                frame_free(held[i].f, held[i].order);
            held[i].f = NULL;
        } else {
            bool low = fake_random(4) == 0;

            held[i].order = fake_random(11);
            held[i].f = frame_alloc(held[i].order, low ? ALLOC_BELOW_4G : 0);
            cr_assert_neq(held[i].f, NULL);
            mark(held[i].f, held[i].order, 1);
            cr_assert(!low || frame_to_mfn(held[i].f).m < ZONE_LOW_END);
        }
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(held); i++)
        if (held[i].f)
            frame_free(held[i].f, held[i].order);
    tables = before - frames_free();
    cr_assert(tables % 512 == 0 && tables < 20 * 1024, "only new tables are missing: %lu",
              (unsigned long)tables);
    free(taken);
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

Test(frame_alloc, guests_memory_is_cleared_and_flushed, .init = start)
{
    struct frame *f = frame_alloc(3, 0), *again;

    for (unsigned int order = 10; order-- > 0;)
        while (frame_alloc(order, 0))
            ;
    memset(frame_to_virt(f), 0x5a, PAGE_SIZE << 3);
    frame_free_dirty(f, 3);
    fake_flushes = 0;
    again = frame_alloc(0, 0);
    cr_assert_eq(again, f);
    cr_assert(is_zero(frame_to_virt(again), PAGE_SIZE));
    cr_assert_eq(fake_flushes, 1);
    again = frame_alloc(1, 0);
    cr_assert(is_zero(frame_to_virt(again), PAGE_SIZE << 1), "the rest of a split block is as dirty");
    cr_assert_eq(fake_flushes, 2);
    /* The hypervisor's own memory is neither, unless asked for. */
    memset(frame_to_virt(again), 0x5a, PAGE_SIZE << 1);
    frame_free(again, 1);
    while ((again = frame_alloc(1, ALLOC_ZERO)))
        cr_assert(is_zero(frame_to_virt(again), PAGE_SIZE << 1));
}

Test(frame_alloc, a_clean_block_joined_to_a_dirty_one_is_dirty, .init = start)
{
    struct frame *f = frame_alloc(1, 0);

    for (unsigned int order = 10; order-- > 0;)
        while (frame_alloc(order, 0))
            ;
    memset(frame_to_virt(f), 0x5a, PAGE_SIZE << 1);
    frame_free_dirty(f + 1, 0);
    frame_free(f, 0);
    cr_assert_eq(frame_alloc(1, 0), f);
    cr_assert(is_zero(frame_to_virt(f), PAGE_SIZE << 1));
}

Test(frame_alloc, low_memory_is_kept_for_those_who_need_it, .init = start)
{
    uint64_t below = 0;

    while (frame_chunk_waiting())
        cr_assert_neq(frame_alloc(9, 0), NULL);
    while (frame_alloc(9, ALLOC_BELOW_4G))
        below++;
    cr_assert(below >= ZONE_LOW_KEEP / 512 - 2, "%lu", (unsigned long)below);
    cr_assert_neq(frame_alloc(9, 0), NULL, "high memory is not exhausted by that");
}

Test(frame_alloc, impossible_requests, .init = start)
{
    cr_assert_eq(frame_alloc(FRAME_ORDER_MAX + 1, 0), NULL);
    cr_assert_eq(frame_alloc(40, 0), NULL);
}

Test(frame_alloc, boot_memory_is_added_later, .init = start)
{
    uint64_t before = frames_free(), total = frames_total();

    frame_alloc_add_range(mfn(MIB(64) >> PAGE_SHIFT), mfn(MIB(72) >> PAGE_SHIFT));
    cr_assert_eq(frames_free(), before + 2048);
    cr_assert_eq(frames_total(), total + 2048);
}
