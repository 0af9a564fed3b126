/* SPDX-License-Identifier: MIT */
/*
 * ptwr: direct writes to a page table through its read-only mapping (writable page tables).
 *
 * What:     mov of 8, 4, 2 and 1 bytes, xchg, cmpxchg, xadd-free bit and logic operations with LOCK, on
 *           an L1 in use.
 * Why:      Linux does this at boot and for A/D bits; mov alone is not enough.
 * Method:   write entries of the scratch L1 as memory; check the entry, the registers and flags, and the
 *           mapping behind it.
 * Expected: each instruction behaves as on ordinary memory, the entry is validated as by mmu_update
 *           (user bit added), and execution goes on behind it.
 * Xen:      the same. Sub-word writes are done as read-modify-write of the entry.
 */
#include "tests/guests/framework/guest.h"

#define HV_BITS (PTE_US | PTE_G | 0x7ff0000000000000ul)

static struct scratch s;
static uint64_t *data;
static uint64_t entry;

static void expect(unsigned int i, uint64_t value, const char *what)
{
    uint64_t got = *(volatile uint64_t *)&s.l1[i];

    if ((got ^ value) & ~HV_BITS)
        test_failure("%s: entry is %lx, expected %lx", what, got, value);
}

static void check_mov(void)
{
    *(volatile uint64_t *)&s.l1[0] = entry;
    expect(0, entry, "mov 8");
    *(volatile uint64_t *)scratch_va(&s, 0) = 0x42;
    CHECK_EQ(*(volatile uint64_t *)data, 0x42);
    *(volatile uint32_t *)&s.l1[0] = (uint32_t)(entry & ~PTE_RW);
    expect(0, entry & ~PTE_RW, "mov 4");
    *(volatile uint16_t *)&s.l1[0] = (uint16_t)((entry & 0xffff) | 0x200);
    expect(0, entry | 0x200, "mov 2");
    *(volatile uint8_t *)&s.l1[0] = (uint8_t)(entry & 0xff & ~PTE_D);
    expect(0, (entry | 0x200) & ~PTE_D, "mov 1");
    *(volatile uint64_t *)&s.l1[0] = 0;
    expect(0, 0, "mov 0");
}

static void check_exchange(void)
{
    uint64_t value = entry, expected;
    uint8_t equal;

    asm volatile("xchg %0, %1" : "+r"(value), "+m"(s.l1[1]) : : "memory");
    CHECK_EQ(value, 0);
    expect(1, entry, "xchg in");
    expected = *(volatile uint64_t *)&s.l1[1];
    asm volatile("lock cmpxchg %3, %1; sete %2"
                 : "+a"(expected), "+m"(s.l1[1]), "=q"(equal)
                 : "r"(entry & ~PTE_RW)
                 : "memory", "cc");
    CHECK_EQ(equal, 1);
    expect(1, entry & ~PTE_RW, "cmpxchg hit");
    expected = 0x1234;
    asm volatile("lock cmpxchg %3, %1; sete %2"
                 : "+a"(expected), "+m"(s.l1[1]), "=q"(equal)
                 : "r"(0ul)
                 : "memory", "cc");
    CHECK_EQ(equal, 0);
    CHECK_EQ(expected & ~HV_BITS, (entry & ~PTE_RW) & ~HV_BITS);
    expect(1, entry & ~PTE_RW, "cmpxchg miss");
    value = 0;
    asm volatile("xchg %0, %1" : "+r"(value), "+m"(s.l1[1]) : : "memory");
    CHECK_EQ(value & ~HV_BITS, (entry & ~PTE_RW) & ~HV_BITS);
    expect(1, 0, "xchg out");
}

static void check_bits(void)
{
    uint8_t carry;

    *(volatile uint64_t *)&s.l1[2] = entry;
    asm volatile("lock btrq $1, %0; setc %1" : "+m"(s.l1[2]), "=q"(carry) : : "memory", "cc");
    CHECK_EQ(carry, 1);
    expect(2, entry & ~PTE_RW, "btr");
    asm volatile("lock btsq $1, %0; setc %1" : "+m"(s.l1[2]), "=q"(carry) : : "memory", "cc");
    CHECK_EQ(carry, 0);
    expect(2, entry, "bts");
    asm volatile("lock andq %1, %0" : "+m"(s.l1[2]) : "r"(~(PTE_A | PTE_D)) : "memory", "cc");
    expect(2, entry & ~(PTE_A | PTE_D), "and");
    asm volatile("lock orq %1, %0" : "+m"(s.l1[2]) : "r"(PTE_D) : "memory", "cc");
    expect(2, (entry & ~PTE_A) | PTE_D, "or");
    asm volatile("lock andb $0xfd, %0" : "+m"(s.l1[2]) : : "memory", "cc");
    expect(2, ((entry & ~PTE_A) | PTE_D) & ~PTE_RW, "and 1");
    *(volatile uint64_t *)&s.l1[2] = 0;
}

static void test(void)
{
    data = page_alloc();
    entry = va_to_maddr(data) | PTE_RWX;
    scratch_link(&s, SCRATCH_SLOT);
    check_mov();
    check_exchange();
    check_bits();
    scratch_unlink(&s);
    page_free(data);
}

GUEST_TEST(test);
