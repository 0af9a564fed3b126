/* SPDX-License-Identifier: MIT */
/* The pool of pages, and what follows from addresses alone: the same for both kinds of guests. */
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/layout.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/test.h"
#include "guest_arch.h"

#define POOL_PAGES 2048u

start_info_t *start_info;
shared_info_t *shared_info;

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((section(".bss.pages"), aligned(4096)));
static void *free_pages[POOL_PAGES];
static unsigned long free_count;
static bool pool_lock;

void pool_init(void)
{
    for (unsigned int i = POOL_PAGES; i--;)
        free_pages[free_count++] = pool[i];
}

static void pool_acquire(void)
{
    while (__atomic_exchange_n(&pool_lock, true, __ATOMIC_ACQUIRE))
        hc_sched(SCHEDOP_yield, 0);
}

static void pool_release(void)
{
    __atomic_store_n(&pool_lock, false, __ATOMIC_RELEASE);
}

void *page_alloc(void)
{
    void *page = NULL;

    pool_acquire();
    if (free_count)
        page = free_pages[--free_count];
    pool_release();
    if (!page)
        test_abort("the page pool is empty");
    return memset(page, 0, PAGE_SIZE);
}

void page_free(void *page)
{
    pool_acquire();
    free_pages[free_count++] = page;
    pool_release();
}

unsigned long page_count_free(void)
{
    return free_count;
}

unsigned long page_count_unwritable(void)
{
    unsigned long count = 0;

    for (unsigned int i = 0; i < POOL_PAGES; i++)
        if ((pte_read(pool[i]) & (PTE_P | PTE_RW)) != (PTE_P | PTE_RW))
            count++;
    return count;
}

uint64_t va_to_pfn(const void *va)
{
    return ((uint64_t)va - VIRT_BASE) >> PAGE_SHIFT;
}

mfn_num_t va_to_mfn(const void *va)
{
    return pfn_to_mfn(va_to_pfn(va));
}

uint64_t va_to_maddr(const void *va)
{
    return (va_to_mfn(va) << PAGE_SHIFT) | ((uint64_t)va & (PAGE_SIZE - 1));
}

mfn_num_t l4_mfn(void)
{
    return va_to_mfn(l4_table());
}

uint64_t *pte_lookup(const void *va, unsigned int level)
{
    uint64_t *table = l4_table();

    for (unsigned int at = 4;; at--) {
        uint64_t *entry = &table[((uint64_t)va >> (12 + 9 * (at - 1))) & 511];

        if (at == level)
            return entry;
        if (!(*(volatile uint64_t *)entry & PTE_P))
            return NULL;
        table = mfn_to_va((*entry & PTE_ADDR) >> PAGE_SHIFT);
    }
}

uint64_t pte_read(const void *va)
{
    const volatile uint64_t *entry = pte_lookup(va, 1);

    return entry ? *entry : 0;
}

static void must(long ret, const char *what)
{
    if (ret)
        test_abort("%s: %ld", what, ret);
}

/* A PV guest may not be able to write its tables. */
static void make_table(void *page)
{
    if (!ARCH_TRANSLATED)
        must(map_readonly(page), "scratch table read-only");
}

static void free_table(void *page)
{
    if (!ARCH_TRANSLATED)
        must(map_writable(page), "scratch table writable");
    page_free(page);
}

void scratch_link(struct scratch *s, unsigned int slot)
{
    s->slot = slot;
    s->l1 = page_alloc();
    s->l2 = page_alloc();
    s->l3 = page_alloc();
    s->l2[0] = va_to_maddr(s->l1) | PTE_RWX;
    s->l3[0] = va_to_maddr(s->l2) | PTE_RWX;
    make_table(s->l1);
    make_table(s->l2);
    make_table(s->l3);
    must(pte_write(&l4_table()[slot], va_to_maddr(s->l3) | PTE_RWX), "scratch L4 entry");
}

void scratch_unlink(struct scratch *s)
{
    must(pte_write(&l4_table()[s->slot], 0), "scratch L4 entry");
    if (!ARCH_TRANSLATED)
        must(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), "flush");
    free_table(s->l3);
    free_table(s->l2);
    free_table(s->l1);
}
