/* SPDX-License-Identifier: MIT */
/*
 * emul_control_registers: mov to and from CR0, CR2, CR3, CR4, CR8; clts.
 *
 * What:     the emulated control registers.
 * Why:      Linux reads CR0 and writes CR4 while it boots; Unikraft writes CR0 and CR4.
 * Method:   read, write back, write refused values, in kernel and in user mode.
 * Expected: CR0 shows PE, MP, NE, WP, AM, PG; only TS may differ in a write, else #GP. CR2 is the
 *           guest's. CR3 reads as the running L4's frame; writing a good L4 works, a bad one #GP. CR4
 *           writes are masked, the same value is fine. User mode #GP.
 * Xen:      the same. CR8 is #UD or #GP.
 */
#include "tests/guests/framework/guest.h"

#define DEFINE_CR(n)                                                 \
    static void write_cr##n(void *arg)                               \
    {                                                                \
        asm volatile("mov %0, %%cr" #n : : "r"(arg) : "memory");     \
    }                                                                \
    static void read_cr##n(void *arg)                                \
    {                                                                \
        asm volatile("mov %%cr" #n ", %0" : "=r"(*(uint64_t *)arg)); \
    }

DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
DEFINE_CR(8)

static long user_read_cr0(uint64_t unused)
{
    uint64_t v;

    (void)unused;
    read_cr0(&v);
    return (long)v;
}

static void clts(void *unused)
{
    (void)unused;
    asm volatile("clts");
}

static void check_cr0(void)
{
    uint64_t cr0 = 0;

    CHECK_EQ(trap_vector_of(read_cr0, &cr0), -1);
    CHECK_EQ(cr0 & 0x80050033, 0x80050033);
    CHECK_EQ(cr0 & 8, 0);
    CHECK_EQ(trap_vector_of(write_cr0, (void *)cr0), -1);
    CHECK_EQ(trap_vector_of(write_cr0, (void *)(cr0 ^ 0x10000)), VEC_GP);
    CHECK_EQ(trap_vector_of(write_cr0, (void *)(cr0 & ~1ul)), VEC_GP);
    CHECK_EQ(trap_vector_of(write_cr0, (void *)(cr0 | 8)), -1);
    CHECK_EQ(trap_vector_of(read_cr0, &cr0), -1);
    CHECK_EQ(cr0 & 8, 8);
    CHECK_EQ(trap_vector_of(clts, NULL), -1);
    CHECK_EQ(trap_vector_of(read_cr0, &cr0), -1);
    CHECK_EQ(cr0 & 8, 0);
}

static void check_cr3(void)
{
    uint64_t cr3 = 0;
    void *page = page_alloc();

    CHECK_EQ(trap_vector_of(read_cr3, &cr3), -1);
    CHECK_EQ(cr3, va_to_maddr(l4_table()));
    CHECK_EQ(trap_vector_of(write_cr3, (void *)cr3), -1);
    CHECK_EQ(trap_vector_of(write_cr3, (void *)va_to_maddr(page)), VEC_GP);
    CHECK_EQ(trap_vector_of(write_cr3, (void *)0xfee00000), VEC_GP);
    page_free(page);
}

static void test(void)
{
    const struct trap_record *r;
    uint64_t value = 0;

    check_cr0();
    check_cr3();
    CHECK_EQ(trap_vector_of(write_cr2, (void *)0x123456789000), -1);
    CHECK_EQ(trap_vector_of(read_cr2, &value), -1);
    CHECK_EQ(value, 0x123456789000);
    CHECK_EQ(this_cpu()->info->arch.cr2, 0x123456789000);
    CHECK_EQ(trap_vector_of(read_cr4, &value), -1);
    CHECK_EQ(value & 0x20, 0x20);
    CHECK_EQ(value & (1ul << 13 | 1ul << 20 | 1ul << 21), 0);
    CHECK_EQ(trap_vector_of(write_cr4, (void *)value), -1);
    CHECK(trap_vector_of(read_cr8, &value) > 0);
    CHECK(trap_vector_of(write_cr8, NULL) > 0);
    r = user_catch(user_read_cr0, 0, NULL);
    CHECK(r && r->regs.vector == VEC_GP && r->from_user);
}

GUEST_TEST(test);
