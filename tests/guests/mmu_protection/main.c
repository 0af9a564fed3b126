/* SPDX-License-Identifier: MIT */
/*
 * mmu_protection: the processor enforces what the entries say.
 *
 * What:     not-present, read-only, no-execute pages, and A/D bits, after each kind of update with a
 *           flush.
 * Why:      a hypervisor that loses a bit or a flush breaks the guest's memory protection silently.
 * Method:   access a scratch page in all ways under all protections; compare vector and error code.
 * Expected: #PF with the architectural error code for each forbidden access, none for the allowed.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void look(void *p)
{
    (void)*(volatile uint8_t *)p;
}

static void touch(void *p)
{
    *(volatile uint8_t *)p = 0xc3;
}

static void execute(void *p)
{
    asm volatile("call *%0" : : "r"(p) : "memory");
}

static int64_t error_of(void (*fn)(void *), void *p)
{
    const struct trap_record *r = trap_catch(fn, p);

    if (!r)
        return -1;
    return r->regs.vector == VEC_PF ? (int64_t)r->regs.error : -2;
}

static void check(struct scratch *s, uint64_t pte, int64_t read, int64_t write, int64_t exec)
{
    char *va = scratch_va(s, 1);

    CHECK_EQ(hc_update_va(va, pte, UVMF_INVLPG | UVMF_ALL), 0);
    CHECK_EQ(error_of(look, va), read);
    CHECK_EQ(error_of(touch, va), write);
    CHECK_EQ(error_of(execute, va), exec);
}

static void test(void)
{
    uint8_t *data = page_alloc();
    uint64_t base = va_to_maddr(data) | PTE_US;
    struct scratch s;

    data[0] = 0xc3;
    scratch_link(&s, SCRATCH_SLOT);
    check(&s, base | PTE_P | PTE_RW, -1, -1, -1);
    CHECK_EQ(*(volatile uint64_t *)&s.l1[1] & (PTE_A | PTE_D), PTE_A | PTE_D);
    check(&s, base | PTE_P, -1, PFEC_PRESENT | PFEC_WRITE, -1);
    check(&s, base | PTE_P | PTE_RW | PTE_NX, -1, -1, PFEC_PRESENT | PFEC_INSN);
    check(&s, base | PTE_P | PTE_NX, -1, PFEC_PRESENT | PFEC_WRITE, PFEC_PRESENT | PFEC_INSN);
    check(&s, base, 0, PFEC_WRITE, PFEC_INSN);
    check(&s, 0, 0, PFEC_WRITE, PFEC_INSN);
    scratch_unlink(&s);
    page_free(data);
}

GUEST_TEST(test);
