/* SPDX-License-Identifier: MIT */
/*
 * emul_msr: the other MSRs of a PV guest.
 *
 * What:     EFER, PAT, APIC_BASE, MISC_ENABLE-like reads, writes of unchanged values, unknown MSRs, MSRs
 *           from user mode.
 * Why:      Linux adopts PAT as it reads it and writes back EFER; anything unknown must be #GP, never
 *           hardware's.
 * Method:   read, compare, write back, write something else.
 * Expected: PAT 0x050100070406, writes of another value refused; EFER shows LME, LMA, NX, SCE and no
 *           SVME, the same value may be written; unknown read and write #GP; user mode always #GP.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define MSR_EFER      0xc0000080u
#define MSR_PAT       0x277u
#define MSR_APIC_BASE 0x1bu

struct access {
    uint32_t index;
    uint64_t value;
};

static void do_read(void *arg)
{
    struct access *a = arg;

    a->value = rdmsr(a->index);
}

static void do_write(void *arg)
{
    struct access *a = arg;

    wrmsr(a->index, a->value);
}

static int read_vector(uint32_t index, uint64_t *value)
{
    struct access a = { .index = index };
    int vector = trap_vector_of(do_read, &a);

    if (value)
        *value = a.value;
    return vector;
}

static int write_vector(uint32_t index, uint64_t value)
{
    struct access a = { .index = index, .value = value };

    return trap_vector_of(do_write, &a);
}

static long user_read(uint64_t index)
{
    return (long)rdmsr((uint32_t)index);
}

static void test(void)
{
    static const uint32_t unknown[] = { 0x5, 0x12345, 0x40000100, 0xc0001234, 0xffffffff, 0x3fffffff };
    const struct trap_record *r;
    uint64_t value;

    CHECK_EQ(read_vector(MSR_PAT, &value), -1);
    CHECK_EQ(value, 0x050100070406);
    CHECK_EQ(write_vector(MSR_PAT, 0x0606060606060606), VEC_GP);
    CHECK_EQ(read_vector(MSR_EFER, &value), -1);
    CHECK_EQ(value & 0xd01, 0xd01);
    CHECK_EQ(value & 0x1000, 0);
    CHECK_EQ(write_vector(MSR_EFER, value), -1);
    CHECK_EQ(write_vector(MSR_EFER, value ^ 0x800), VEC_GP);
    CHECK_EQ(read_vector(MSR_APIC_BASE, &value), -1);
    CHECK_EQ(value & 0xfffff900, 0xfee00900);
    for (unsigned int i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        if (read_vector(unknown[i], NULL) != VEC_GP)
            test_failure("rdmsr %x does not fault", unknown[i]);
        if (write_vector(unknown[i], 0x1234) != VEC_GP)
            test_failure("wrmsr %x does not fault", unknown[i]);
    }
    CHECK_EQ(write_vector(0x174, 0), VEC_GP);
    CHECK_EQ(write_vector(0xc0000082, 0), VEC_GP);
    r = user_catch(user_read, MSR_EFER, NULL);
    CHECK(r && r->regs.vector == VEC_GP && r->from_user);
    r = user_catch(user_read, MSR_FS_BASE, NULL);
    CHECK(r && r->regs.vector == VEC_GP && r->from_user);
}

GUEST_TEST(test);
