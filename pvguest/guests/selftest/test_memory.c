/* SPDX-License-Identifier: MIT */
#include "pvguest/buddy.h"
#include "pvguest/cpu.h"
#include "pvguest/dma.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/pool.h"
#include "pvguest/trap.h"
#include "pvguest/vmap.h"
#include "pvguest/guests/selftest/selftest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_page_allocator(void)
{
    size_t before = memory_free_pages();
    void *blocks[11];

    for (unsigned int order = 0; order < 11; order++) {
        blocks[order] = page_alloc(order);
        check(blocks[order]);
        check(virt_to_pfn(blocks[order]) % (1UL << order) == 0);
        memset(blocks[order], 0x11 * (int)order, PAGE_SIZE << order);
        for (unsigned long page = 0; page < 1UL << order; page++)
            check(mfn_to_virt(virt_to_mfn((char *)blocks[order] + page * PAGE_SIZE)) ==
                  (char *)blocks[order] + page * PAGE_SIZE);
    }
    for (unsigned int order = 0; order < 11; order++) {
        const unsigned char *bytes = blocks[order];

        for (size_t i = 0; i < PAGE_SIZE << order; i += 509)
            check(bytes[i] == 0x11 * order);
        page_free(blocks[order], order);
    }
    /* Mapping more memory takes a table of one page for each 2 MiB. */
    check(before - memory_free_pages() < 16);
}

/* Takes every page, writes to it, and gives all back. */
void test_exhaustion(void)
{
    void **list = NULL;
    size_t count = 0, before, total = memory_total_pages();
    void **page;

    while ((page = page_alloc(0)) != NULL) {
        page[0] = list;
        page[511] = page;
        list = page;
        count++;
    }
    before = memory_free_pages();
    while (list) {
        page = list;
        list = page[0];
        check(page[511] == page);
        page_free(page, 0);
    }
    check(before == 0);
    check(memory_free_pages() == count);
    check(count > total / 2);
}

static void write_to(void *address)
{
    *(volatile char *)address = 1;
}

static void read_from(void *address)
{
    (void)*(volatile char *)address;
}

static void jump_to(void *address)
{
    void (*function)(void);

    memcpy(&function, &address, sizeof(function));
    function();
}

void test_protection(void)
{
    static unsigned char in_data[16] = { 0xc3 };
    static const unsigned char in_rodata[16] = { 0xc3 };
    unsigned char on_stack[16] = { 0xc3 };
    char *page = page_alloc(0);

    check(page);
    page[0] = (char)0xc3;
    check(fault_of(write_to, (void *)(uintptr_t)test_protection) == TRAP_PF);
    check(fault_of(write_to, (void *)(uintptr_t)in_rodata) == TRAP_PF);
    check(fault_of(jump_to, in_data) == TRAP_PF);
    check(fault_of(jump_to, (void *)(uintptr_t)in_rodata) == TRAP_PF);
    check(fault_of(jump_to, on_stack) == TRAP_PF);
    check(fault_of(jump_to, page) == TRAP_PF);
    check(fault_of(read_from, NULL) == TRAP_PF);
    /* A PVH guest's tables are its own, to write as it likes. */
    check(guest_is_pvh || fault_of(write_to, mfn_to_virt(pt_root_mfn())) == TRAP_PF);
    check(fault_of(read_from, page) == -1 && fault_of(write_to, page) == -1);
    page_free(page, 0);
    page = malloc(16);
    page[0] = (char)0xc3;
    check(fault_of(jump_to, page) == TRAP_PF);
    free(page);
}

void test_mappings(void)
{
    size_t count = 130;
    char *block = page_alloc(8);
    xen_pfn_t mfns[130];
    char *mapped;

    check(block);
    for (size_t i = 0; i < count; i++)
        mfns[i] = virt_to_mfn(block + (count - 1 - i) * PAGE_SIZE);
    mapped = map_frames(mfns, count, PTE_RW);
    check(mapped);
    for (size_t i = 0; i < count; i++)
        mapped[i * PAGE_SIZE] = (char)i;
    for (size_t i = 0; i < count; i++)
        check(block[(count - 1 - i) * PAGE_SIZE] == (char)i);
    unmap_frames(mapped, count);
    check(fault_of(read_from, mapped) == TRAP_PF);
    mapped = map_frames(mfns, 1, PTE_RO);
    check(mapped && fault_of(read_from, mapped) == -1 && fault_of(write_to, mapped) == TRAP_PF);
    unmap_frames(mapped, 1);
    mfns[0] = 0x7fffffffff;
    check(guest_is_pvh || !map_frames(mfns, 1, PTE_RW)); /* nobody checks a PVH guest's entries */
    page_free(block, 8);
}

/* Of the hypervisor's own kinds of frames a domain may map none; of the machine's BIOS, the initial domain
 * may. */
void test_foreign(void)
{
    xen_pfn_t frames[3] = { 0x7fffffffff, 0xf0, 0x7ffffffffe };
    int errors[3];
    char *bios, *some;

    if (!(start_info->flags & SIF_INITDOMAIN)) {
        skip_reason = "not the initial domain";
        return;
    }
    bios = map_machine(0xffff0, 16, PTE_RO | PTE_UNCACHED);
    check(bios);
    check((unsigned char)bios[0] == 0xea || bios[0] != 0); /* the reset vector's far jump */
    unmap_machine(bios, 16);
    if (guest_is_pvh) /* what belongs to no domain is simply at its address */
        return;
    some = map_foreign(DOMID_IO, frames, 3, PTE_RO, errors);
    check(some);
    check(errors[0] < 0 && errors[1] == 0 && errors[2] < 0);
    check(fault_of(read_from, some + PAGE_SIZE) == -1 && fault_of(read_from, some) == TRAP_PF);
    unmap_frames(some, 3);
    check(!map_foreign(DOMID_IO, frames, 3, PTE_RO, NULL));
}

/* Lets two free pages change their frames, which the hypervisor's table has to follow. */
static void swap_frames(unsigned long a, unsigned long b)
{
    struct mmu_update updates[4] = {
        { pt_entry((unsigned long)pfn_to_virt(a), 1) | MMU_NORMAL_PT_UPDATE, pte_make(p2m[b], PTE_RW) },
        { pt_entry((unsigned long)pfn_to_virt(b), 1) | MMU_NORMAL_PT_UPDATE, pte_make(p2m[a], PTE_RW) },
        { (uint64_t)p2m[b] << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, a },
        { (uint64_t)p2m[a] << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, b },
    };
    unsigned long first[2] = { *(unsigned long *)pfn_to_virt(a), *(unsigned long *)pfn_to_virt(b) };
    unsigned long second[2] = { ((unsigned long *)pfn_to_virt(a))[1], ((unsigned long *)pfn_to_virt(b))[1] };
    unsigned long mfn = p2m[a];

    check(hypercall_mmu_update(updates, 4, NULL, DOMID_SELF) == 0);
    p2m[a] = p2m[b];
    p2m[b] = mfn;
    pt_flush_all();
    for (int i = 0; i < 2; i++) {
        unsigned long *words = pfn_to_virt(i ? b : a);

        words[0] = first[i]; /* the allocator's links of free blocks */
        words[1] = second[i];
    }
}

/* Blocks whose frames were mixed up before, so that an exchange is needed. */
void test_dma(void)
{
    enum { ORDER = 4, COUNT = 1 << ORDER };
    char *other = page_alloc(ORDER), *block;
    unsigned long pfn;
    uint64_t bus;
    size_t before;

    if (guest_is_pvh) {
        skip_reason = "a PVH guest has its frames exchanged by nobody";
        return;
    }

    check(other);
    before = memory_free_pages();
    for (int round = 0; round < 3; round++) {
        block = dma_alloc(ORDER, 32, &bus);
        check(block);
        pfn = virt_to_pfn(block);
        check(bus >> 32 == 0 && bus == (uint64_t)virt_to_mfn(block) << PAGE_SHIFT);
        for (unsigned long i = 0; i < COUNT; i++) {
            check(pfn_to_mfn(pfn + i) == (bus >> PAGE_SHIFT) + i);
            check(mfn_to_pfn(pfn_to_mfn(pfn + i)) == pfn + i);
            memset(block + i * PAGE_SIZE, (int)i, PAGE_SIZE);
        }
        for (unsigned long i = 0; i < COUNT; i++)
            check(block[(i + 1) * PAGE_SIZE - 1] == (char)i);
        page_free(block, ORDER);
        swap_frames(pfn, pfn + 1);
    }
    check(memory_free_pages() == before);
    check(!dma_alloc(2, 12, &bus)); /* no machine has four pages below 4 KiB */
    check(memory_free_pages() == before);
    page_free(other, ORDER);
}

void test_pool(void)
{
    struct pool pool = { .size = 100, .most = 2 };
    char *objects[3];

    for (int i = 0; i < 3; i++) {
        objects[i] = pool_alloc(&pool);
        check(objects[i]);
        memset(objects[i], 0x11 * i, 100);
    }
    for (int i = 0; i < 3; i++) {
        check(objects[i][0] == 0x11 * i && objects[i][99] == 0x11 * i);
        pool_free(&pool, objects[i]);
    }
    check(pool.nr == 2);
    check(pool_alloc(&pool) == objects[1] && pool_alloc(&pool) == objects[0]);
    check(pool.nr == 0);
    free(objects[0]);
    free(objects[1]);
}

void test_heap(void)
{
    static char *blocks[512];
    size_t big = memory_free_pages() * PAGE_SIZE / 4;
    char *large;

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 512; i++) {
            size_t size = (i * 2654435761U) % 9000 + 1;

            blocks[i] = malloc(size);
            check(blocks[i]);
            memset(blocks[i], (int)i, size);
            if (i % 3 == 0) {
                blocks[i] = realloc(blocks[i], size * 2);
                check(blocks[i] && blocks[i][size - 1] == (char)i);
            }
        }
        for (size_t i = 0; i < 512; i++) {
            check(blocks[i][0] == (char)i);
            free(blocks[i]);
        }
    }
    large = malloc(big);
    check(large);
    for (size_t at = 0; at < big; at += PAGE_SIZE)
        large[at] = (char)(at >> PAGE_SHIFT);
    for (size_t at = 0; at < big; at += PAGE_SIZE)
        check(large[at] == (char)(at >> PAGE_SHIFT));
    free(large);
    check(!malloc(memory_total_pages() * PAGE_SIZE * 2));
}

static void undefined(void *arg)
{
    (void)arg;
    __asm__ __volatile__("ud2");
}

static bool skip_breakpoint(struct trap_frame *frame)
{
    frame->rax = 42;
    return true;
}

void test_traps(void)
{
    trap_handler_t old = trap_set_handler(TRAP_BREAKPOINT, skip_breakpoint);
    uint64_t rax = 0, rcx = 0x1234, r11 = 0x5678;
    bool masked;

    __asm__ __volatile__("movq %2, %%r11; int3; movq %%r11, %2" : "+a"(rax), "+c"(rcx), "+r"(r11) : : "r11");
    trap_set_handler(TRAP_BREAKPOINT, old);
    check(rax == 42 && rcx == 0x1234 && r11 == 0x5678);
    check(fault_of(undefined, NULL) == TRAP_UD);
    check(fault_of(read_from, (void *)0xdeadbeef000) == TRAP_PF);
    check(trap_fault_address() == 0xdeadbeef000);
    masked = upcalls_disable();
    upcalls_restore(masked);
    check(!masked);
}
