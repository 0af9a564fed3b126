/* SPDX-License-Identifier: MIT */
/*
 * compat_user: 32-bit user code of a 64-bit guest: int 0x80, syscall and sysenter.
 *
 * What:     FLAT_USER_CS32, int n, the syscall32 and sysenter callbacks.
 * Why:      32-bit programs under a 64-bit PV kernel.
 * Method:   map code below 4 GiB, enter it with CS 0xe023, let it execute one of the instructions.
 * Expected: int 0x80 bounces with rip behind; syscall enters the syscall32 callback, sysenter the
 *           sysenter callback, where the processor has the instruction; cs shows the 32-bit selector for
 *           int and syscall.
 * Xen:      the same. On AMD processors it leaves sysenter's MSRs empty, which makes it #GP; Intel's
 *           have no syscall in compatibility mode: #UD.
 */
#include "tests/guests/framework/guest.h"

#define CODE_VA 0x10000000ul

static const uint8_t int80[] = { 0xcd, 0x80, 0x0f, 0x0b };
static const uint8_t syscall32[] = { 0x0f, 0x05, 0x0f, 0x0b };
static const uint8_t sysenter32[] = { 0x0f, 0x34, 0x0f, 0x0b };
static uint8_t *code;

static void enter(void *unused)
{
    struct iret_context frame = {
        .rip = CODE_VA, .cs = FLAT_USER_CS32, .rsp = CODE_VA + 4096, .ss = FLAT_USER_SS32, .rax = 0x42
    };

    (void)unused;
    asm volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(&frame) : "memory");
    __builtin_unreachable();
}

static const struct trap_record *run(const uint8_t *what)
{
    memcpy(code, what, 4);
    return trap_catch(enter, NULL);
}

static void check_callback(const struct trap_record *r, uint64_t vector, uint64_t refused, const char *what)
{
    test_expect(r && (r->regs.vector == vector || r->regs.vector == refused) && r->from_user,
                "%s: vector %ld", what, r ? (int64_t)r->regs.vector : -1);
    if (r && r->regs.vector == vector)
        CHECK_EQ(r->regs.rax, 0x42);
}

static void test(void)
{
    const struct trap_record *r;
    uint64_t *l1 = page_alloc(), *l2 = page_alloc(), *l3 = page_alloc();

    code = page_alloc();
    l1[0] = va_to_maddr(code) | PTE_RWX;
    l2[CODE_VA >> 21 & 511] = va_to_maddr(l1) | PTE_RWX;
    l3[0] = va_to_maddr(l2) | PTE_RWX;
    CHECK_EQ(map_readonly(l1), 0);
    CHECK_EQ(map_readonly(l2), 0);
    CHECK_EQ(map_readonly(l3), 0);
    CHECK_EQ(pte_write(&l4_table()[0], va_to_maddr(l3) | PTE_RWX), 0);
    r = run(int80);
    CHECK(r && r->regs.vector == 0x80 && r->from_user);
    CHECK(r && r->regs.rip == CODE_VA + 2 && (r->regs.cs & 0xffff) == FLAT_USER_CS32);
    check_callback(run(syscall32), TRAP_SYSCALL32, VEC_UD, "syscall");
    check_callback(run(sysenter32), TRAP_SYSENTER, VEC_GP, "sysenter");
    CHECK_EQ(pte_write(&l4_table()[0], 0), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_EQ(map_writable(l1), 0);
    CHECK_EQ(map_writable(l2), 0);
    CHECK_EQ(map_writable(l3), 0);
    page_free(l3);
    page_free(l2);
    page_free(l1);
    page_free(code);
}

GUEST_TEST(test);
