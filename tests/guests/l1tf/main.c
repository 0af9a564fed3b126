/* SPDX-License-Identifier: MIT */
/*
 * l1tf: absent page-table entries that name memory, by every way in which an entry is written.
 *
 * What:     absent entries by mmu_update, update_va_mapping, direct writes, and in tables that are pinned, of
 *           L1 and L2.
 * Why:      CPUs with L1TF let a guest read the first-level cache through the address bits of such an entry.
 * Method:   entries that are safe everywhere: 0 and inverted addresses, as Linux keeps them for its swap.
 *           With l1tf=N on the command line then one that is not safe, in the N-th way.
 * Expected: the safe ones are stored. The other ends the domain where absent entries are looked at (the
 *           system test l1tf_guests_are_crashed), with a log that names level and entry.
 * Xen:      the same; with l1tf=N and pv-l1tf it puts the domain under shadow paging if it was built with
 * that.
 */
#include "tests/guests/framework/guest.h"

static struct scratch s;
static uint64_t *l1, *l2; /* not in use */

static long by_mmu_update(uint64_t e)
{
    return pte_write(&s.l1[8], e);
}

static long by_mmu_update_preserving(uint64_t e)
{
    struct mmu_update u = { .ptr = va_to_maddr(&s.l1[8]) | MMU_PT_UPDATE_PRESERVE_AD, .val = e };

    return hc_mmu_update(&u, 1, NULL, DOMID_SELF);
}

static long by_update_va(uint64_t e)
{
    return hc_update_va(scratch_va(&s, 8), e, UVMF_NONE);
}

static long by_mov(uint64_t e)
{
    *(volatile uint64_t *)&s.l1[8] = e;
    return 0;
}

/* A half of the entry at a time, of which only the last one makes it name memory. */
static long by_halves(uint64_t e)
{
    ((volatile uint32_t *)&s.l1[8])[0] = 0;
    ((volatile uint32_t *)&s.l1[8])[1] = (uint32_t)(e >> 32);
    ((volatile uint32_t *)&s.l1[8])[0] = (uint32_t)e;
    return 0;
}

static long by_exchange(uint64_t e)
{
    asm volatile("xchg %0, %1" : "+r"(e), "+m"(s.l1[8]) : : "memory");
    return 0;
}

static long by_pin(uint64_t *table, unsigned int level, uint64_t e)
{
    long ret;

    table[8] = e;
    ret = table_pin(table, level);
    if (ret == 0)
        ret = table_unpin(table);
    return ret ? ret : map_writable(table);
}

static long by_l1_pin(uint64_t e)
{
    return by_pin(l1, 1, e);
}

static long by_l2_pin(uint64_t e)
{
    return by_pin(l2, 2, e);
}

static long by_l2_update(uint64_t e)
{
    return pte_write(&s.l2[8], e);
}

static long (*const ways[])(uint64_t e) = { by_mmu_update, by_mmu_update_preserving,
                                            by_update_va,  by_mov,
                                            by_halves,     by_exchange,
                                            by_l1_pin,     by_l2_pin,
                                            by_l2_update };

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void test(void)
{
    uint64_t way = test_option("l1tf=", WAYS), memory;

    l1 = page_alloc();
    l2 = page_alloc();
    memory = va_to_maddr(l1) & PTE_ADDR;
    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int i = 0; i < WAYS; i++) {
        CHECK_EQ(ways[i](~memory & PTE_ADDR & ~PTE_P), 0);
        CHECK_EQ(ways[i]((~memory & PTE_ADDR) | PTE_RW | PTE_US | PTE_G), 0);
        CHECK_EQ(ways[i](PTE_NX | PTE_AVAIL), 0);
        CHECK_EQ(ways[i](0), 0);
    }
    if (way < WAYS)
        test_failure("way %lu: the domain goes on after %ld", way, ways[way](memory | PTE_RW | PTE_US));
    scratch_unlink(&s);
    page_free(l1);
    page_free(l2);
}

GUEST_TEST(test);
