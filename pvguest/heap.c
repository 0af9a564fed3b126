/* SPDX-License-Identifier: MIT */
/*
 * The C heap: an area that grows page by page as sbrk() asks, in steps that grow with it up to 2 MiB, for
 * which a level-1 table is filled first and validated at once by the hypervisor. malloc() calls under its own
 * lock, so there is none here.
 */
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define L1_SPAN  (512 * PAGE_SIZE)
#define MIN_STEP (16 * PAGE_SIZE)

static unsigned long brk_now = PVG_HEAP_BASE;
static unsigned long brk_mapped = PVG_HEAP_BASE;

/* Maps a whole 2 MiB: a block of pages and their table. False when that much is not free in one piece. */
static bool map_span(unsigned long va)
{
    char *block = page_alloc(9);
    pte_t *l1 = page_alloc(0);

    if (block && l1) {
        for (unsigned int i = 0; i < 512; i++)
            l1[i] = pte_make(virt_to_mfn(block + i * PAGE_SIZE), PTE_RW);
        if (pt_install_l1(va, l1) == 0) {
            page_split(block, 9);
            return true;
        }
    }
    if (block)
        page_free(block, 9);
    if (l1)
        page_free(l1, 0);
    return false;
}

static bool grow(unsigned long end)
{
    unsigned long step = (brk_mapped - PVG_HEAP_BASE) / 2;
    unsigned long target;

    if (step > L1_SPAN)
        step = L1_SPAN;
    if (step < MIN_STEP)
        step = MIN_STEP;
    target = (end + step - 1) & PAGE_MASK;
    if (target > PVG_HEAP_END || (end - brk_mapped) / PAGE_SIZE >= memory_free_pages())
        return false;
    while (brk_mapped < end) {
        unsigned long span_end = (brk_mapped | (L1_SPAN - 1)) + 1;
        unsigned long stop = target < span_end ? target : span_end;

        if (brk_mapped % L1_SPAN == 0 && stop == span_end && map_span(brk_mapped)) {
            brk_mapped = span_end;
            continue;
        }
        if (!vmap_populate((void *)brk_mapped, (stop - brk_mapped) / PAGE_SIZE)) {
            stop = (end + PAGE_SIZE - 1) & PAGE_MASK; /* memory is short: what is needed and no more */
            if (stop > span_end)
                stop = span_end;
            if (!vmap_populate((void *)brk_mapped, (stop - brk_mapped) / PAGE_SIZE))
                return false;
        }
        brk_mapped = stop;
    }
    return true;
}

/* Gives pages back when many are unused; a reserve stays, because heaps breathe. */
static void shrink(void)
{
    unsigned long keep = (brk_now + 2 * L1_SPAN - 1) & ~(L1_SPAN - 1);

    if (brk_mapped < keep + L1_SPAN)
        return;
    vmap_depopulate((void *)keep, (brk_mapped - keep) / PAGE_SIZE);
    brk_mapped = keep;
}

/* The C library's: moves the end of the heap and returns the old one, or (void *)-1 and errno ENOMEM or
 * EINVAL. */
void *sbrk(ptrdiff_t increment)
{
    unsigned long old = brk_now;

    if (increment < 0 && (unsigned long)-increment > brk_now - PVG_HEAP_BASE) {
        errno = EINVAL;
        return (void *)-1;
    }
    if (increment > 0 &&
        ((unsigned long)increment > PVG_HEAP_END - brk_now ||
         (brk_now + (unsigned long)increment > brk_mapped && !grow(brk_now + (unsigned long)increment)))) {
        errno = ENOMEM;
        return (void *)-1;
    }
    brk_now += (unsigned long)increment;
    if (increment < 0)
        shrink();
    return (void *)old;
}
