/* SPDX-License-Identifier: MIT */
/*
 * emul_forced_prefix: the forced-emulation prefix before anything but CPUID.
 *
 * What:     ud2 "xen" followed by other instructions, and broken prefixes.
 * Why:      the prefix must open one door only.
 * Method:   execute prefix + nop, prefix + hlt, ud2 + "xem" + cpuid, and a prefix at the end of mapped
 *           memory.
 * Expected: #UD at the ud2 in each case, but #PF for the absent page when the prefix goes on there.
 * Xen:      the same (without its debugging option that emulates everything).
 */
#include "tests/guests/framework/guest.h"

static uint64_t at;

static void prefix_nop(void *unused)
{
    (void)unused;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; 1: .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; nop"
                 : "=m"(at)
                 :
                 : "rax");
}

static void prefix_hlt(void *unused)
{
    (void)unused;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; 1: .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; hlt"
                 : "=m"(at)
                 :
                 : "rax");
}

static void wrong_letter(void *unused)
{
    (void)unused;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; 1: .byte 0x0f, 0x0b, 0x78, 0x65, 0x6d; cpuid"
                 : "=m"(at)
                 :
                 : "rax", "rbx", "rcx", "rdx");
}

static void call_at(void *address)
{
    at = (uint64_t)address;
    asm volatile("call *%0" : : "r"(address) : "memory");
}

static void check(void (*fn)(void *), void *arg, unsigned int vector, const char *what)
{
    const struct trap_record *r = trap_catch(fn, arg);

    if (!r || r->regs.vector != vector || r->regs.rip != at)
        test_failure("%s: vector %ld at %lx", what, r ? (int64_t)r->regs.vector : -1,
                     r ? r->regs.rip - at : 0);
}

static void test(void)
{
    uint8_t *code = page_alloc();
    struct scratch s;

    check(prefix_nop, NULL, VEC_UD, "nop");
    check(prefix_hlt, NULL, VEC_UD, "hlt");
    check(wrong_letter, NULL, VEC_UD, "wrong letter");
    code[4094] = 0x0f;
    code[4095] = 0x0b;
    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(code) | PTE_RO), 0);
    check(call_at, scratch_va(&s, 0) + 4094, VEC_PF, "page end");
    CHECK_EQ(this_cpu()->info->arch.cr2, (uint64_t)scratch_va(&s, 1));
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
    page_free(code);
}

GUEST_TEST(test);
