/* SPDX-License-Identifier: MIT */
/* Building and tearing down a whole address space: the cost of page types, by size. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

/* Frames to map: far from the image and the builder's tables, so nothing else refers to them. */
#define FIRST_PFN 0x2000ul
#define MAX_L1    128u

static uint64_t *l1[MAX_L1], *l2, *l3;

static void fill(unsigned int tables)
{
    l2 = page_alloc();
    l3 = page_alloc();
    l3[0] = va_to_maddr(l2) | PTE_RWX;
    for (unsigned int i = 0; i < tables; i++) {
        l1[i] = page_alloc();
        l2[i] = va_to_maddr(l1[i]) | PTE_RWX;
        for (unsigned int j = 0; j < 512; j++)
            l1[i][j] = pfn_to_mfn(FIRST_PFN + i * 512 + j) << PAGE_SHIFT | PTE_RWX;
    }
}

static void protect(unsigned int tables, long (*map)(void *))
{
    for (unsigned int i = 0; i < tables; i++)
        map(l1[i]);
    map(l2);
    map(l3);
}

static void bench_size(const char *name, unsigned int mib)
{
    unsigned int tables = (mib + 1) / 2;
    uint64_t start;
    char line[40];

    if (start_info->nr_pages < FIRST_PFN + tables * 512ul)
        return;
    fill(tables);
    start = bench_tsc();
    protect(tables, map_readonly);
    mmuext(MMUEXT_PIN_L3_TABLE, va_to_mfn(l3), 0);
    format(line, sizeof(line), "tables_build_%s", name);
    bench_report(line, bench_tsc() - start);
    start = bench_tsc();
    mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l3), 0);
    protect(tables, map_writable);
    format(line, sizeof(line), "tables_teardown_%s", name);
    bench_report(line, bench_tsc() - start);
    for (unsigned int i = 0; i < tables; i++)
        page_free(l1[i]);
    page_free(l2);
    page_free(l3);
}

void bench_tables(void)
{
    bench_size("2m", 2);
    bench_size("16m", 16);
    bench_size("256m", 256);
}
