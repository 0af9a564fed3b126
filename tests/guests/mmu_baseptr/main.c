/* SPDX-License-Identifier: MIT */
/*
 * mmu_baseptr: NEW_BASEPTR and NEW_USER_BASEPTR.
 *
 * What:     switching to another L4 and back, unpinning the one in use, user tables absent, equal and
 *           different.
 * Why:      a context switch; GRUB pins, switches and unpins in one call.
 * Method:   copy the running L4, pin, switch, work, switch back; user code under tables that lack a
 *           kernel mapping.
 * Expected: a good L4 need not be pinned; the L4 in use keeps its type when unpinned; other types
 *           -EINVAL; user base 0 is accepted; user mode sees the user tables, the kernel its own again
 *           after the bounce.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t *copy_l4(void)
{
    uint64_t *copy = page_alloc();

    for (unsigned int i = 0; i < 512; i++)
        if (i < 256 || i > 271)
            copy[i] = l4_table()[i];
    return copy;
}

static void check_switch(void)
{
    uint64_t *copy = copy_l4();
    struct mmuext_op ops[3] = { { .cmd = MMUEXT_PIN_L4_TABLE },
                                { .cmd = MMUEXT_NEW_BASEPTR },
                                { .cmd = MMUEXT_UNPIN_TABLE } };

    CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(copy), 0), -XEN_EINVAL);
    CHECK_EQ(map_readonly(copy), 0);
    for (unsigned int i = 0; i < 3; i++)
        ops[i].arg1.mfn = va_to_mfn(copy);
    CHECK_EQ(hc_mmuext_op(ops, 3, 0, DOMID_SELF), 0);
    CHECK_EQ(map_writable(copy), -XEN_EBUSY);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(copy), 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, l4_mfn(), 0), 0);
    CHECK_EQ(map_writable(copy), 0);
    CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, INVALID_MFN_NUM, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn((void *)(start_info->pt_base + PAGE_SIZE)), 0),
             -XEN_EINVAL);
    page_free(copy);
}

static long user_probe(uint64_t address)
{
    return *(volatile uint8_t *)address;
}

static void check_user(void)
{
    uint64_t *copy = copy_l4();
    const struct trap_record *r;
    struct scratch s;
    uint8_t *data = page_alloc();
    long ret = 0;

    data[0] = 0x5a;
    CHECK_EQ(map_readonly(copy), 0);
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(copy), 0), 0);
    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(data) | PTE_RWX), 0);
    CHECK_EQ(*(volatile uint8_t *)scratch_va(&s, 0), 0x5a);
    r = user_catch(user_probe, (uint64_t)scratch_va(&s, 0), &ret);
    CHECK(r && r->regs.vector == VEC_PF && r->from_user && r->cr2 == (uint64_t)scratch_va(&s, 0));
    CHECK_EQ(*(volatile uint8_t *)scratch_va(&s, 0), 0x5a);
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, l4_mfn(), 0), 0);
    r = user_catch(user_probe, (uint64_t)scratch_va(&s, 0), &ret);
    CHECK(!r && ret == 0x5a);
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
    CHECK_EQ(map_writable(copy), 0);
    page_free(copy);
    page_free(data);
}

static void test(void)
{
    check_switch();
    check_user();
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, INVALID_MFN_NUM, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, l4_mfn(), 0), 0);
}

GUEST_TEST(test);
