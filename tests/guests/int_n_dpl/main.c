/* SPDX-License-Identifier: MIT */
/*
 * int_n_dpl: who may raise which gate by `int n`.
 *
 * What:     trap_info.flags bits 0-1: 0 nobody, 1 the guest kernel, 3 user mode too.
 * Why:      a user program must not fake a page fault or a timer interrupt.
 * Method:   register a vector and its double (see bounce_vectors about QEMU) with each DPL; execute `int
 *           n` in both modes.
 * Expected: allowed: the vector with rip behind; refused: #GP with error code n * 8 + 2 and rip at the
 *           instruction. An unregistered vector is refused in both modes, as is the kernel with level 0.
 * Xen:      the same, but for QEMU's error code n * 16 + 2 passed through.
 */
#include "tests/guests/framework/guest.h"

#define VECTOR 0x30

static void raise(void *unused)
{
    (void)unused;
    asm volatile("int $0x30");
}

static long raise_user(uint64_t unused)
{
    raise((void *)unused);
    return 0;
}

static void check(const struct trap_record *r, bool allowed, const char *what)
{
    if (!r) {
        test_failure("%s: no trap", what);
        return;
    }
    if (allowed) {
        if (r->regs.vector != VECTOR && (is_ryokan() || r->regs.vector != 2 * VECTOR))
            test_failure("%s: vector %lu error %lx", what, r->regs.vector, r->regs.error);
        return;
    }
    if (r->regs.vector != VEC_GP)
        test_failure("%s: vector %lu", what, r->regs.vector);
    if (r->regs.error != VECTOR * 8 + 2 && (is_ryokan() || r->regs.error != VECTOR * 16 + 2))
        test_failure("%s: error code %lx", what, r->regs.error);
    CHECK_EQ(*(const uint8_t *)r->regs.rip, 0xcd);
}

static void set_gate(uint8_t flags, uint64_t address)
{
    struct trap_info table[3] = {
        { .vector = VECTOR, .flags = flags, .cs = FLAT_KERNEL_CS, .address = address },
        { .vector = 2 * VECTOR,
          .flags = flags,
          .cs = FLAT_KERNEL_CS,
          .address = address ? trap_stub(2 * VECTOR) : 0 },
    };

    CHECK_EQ(hc_set_trap_table(table), 0);
}

static void test(void)
{
    static const uint8_t levels[] = { 0, 1, 2, 3 };

    for (unsigned int i = 0; i < sizeof(levels); i++) {
        set_gate(levels[i], trap_stub(VECTOR));
        check(trap_catch(raise, NULL), levels[i] >= 1, "kernel");
        check(user_catch(raise_user, 0, NULL), levels[i] >= 3, "user");
    }
}

GUEST_TEST(test);
