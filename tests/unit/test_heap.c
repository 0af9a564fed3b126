/* SPDX-License-Identifier: MIT */
/* The small-object heap: no overlap, zeroed, all pages returned. */
/* unit-sources: */
#include "tests/unit/fake_memory.h"
#include "hv/mm/frame_alloc.c"
#include "hv/mm/frame_chunk.c"
#include "hv/mm/heap.c"

static const struct boot_ram_range ram[] = { { 0, MIB(64) } };

static void start(void)
{
    fake_memory_init();
    max_mfn = MIB(64) >> PAGE_SHIFT;
    frame_boot_ranges(ram, 1, ram, 1);
    frame_alloc_start();
}

static struct {
    unsigned char *p;
    size_t size;
    unsigned char mark;
} held[500];

static void check_marked(unsigned int i)
{
    for (size_t b = 0; b < held[i].size; b++)
        cr_assert_eq(held[i].p[b], held[i].mark, "object %u of %zu bytes, byte %zu", i, held[i].size, b);
}

static void take(unsigned int i)
{
    held[i].size = fake_random(3) ? fake_random(600) : fake_random(9000);
    held[i].p = hv_zalloc(held[i].size);
    cr_assert_neq(held[i].p, NULL);
    cr_assert(IS_ALIGNED((uint64_t)held[i].p, 16));
    held[i].mark = 0;
    check_marked(i);
    held[i].mark = (unsigned char)(1 + fake_random(255));
    memset(held[i].p, held[i].mark, held[i].size);
}

Test(heap, random_sizes, .init = start)
{
    uint64_t before = frames_free();

    for (unsigned int n = 0; n < 50000; n++) {
        unsigned int i = fake_random(ARRAY_SIZE(held));

        if (!held[i].p) {
            take(i);
            continue;
        }
        check_marked(i);
        hv_free(held[i].p);
        held[i].p = NULL;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(held); i++) {
        if (held[i].p)
            check_marked(i);
        hv_free(held[i].p);
    }
    cr_assert_eq(frames_free(), before);
}

Test(heap, absurd_requests, .init = start)
{
    cr_assert_eq(hv_zalloc(GIB(1)), NULL);
    cr_assert_eq(hv_zalloc_array(SIZE_MAX / 2, 3), NULL);
    hv_free(NULL);
}

Test(heap, free_of_what_is_no_object, .init = start, .signal = SIGABRT)
{
    char *p = hv_zalloc(100);

    hv_free(p + 16);
}
