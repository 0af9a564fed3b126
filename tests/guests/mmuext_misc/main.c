/* SPDX-License-Identifier: MIT */
/*
 * mmuext_misc: the other sub-operations of mmuext_op, and its batches.
 *
 * What:     TLB flushes of all six kinds, CLEAR_PAGE, COPY_PAGE, FLUSH_CACHE, SET_LDT errors,
 *           MARK/UNMARK_SUPER, unknown ones.
 * Why:      errors in the middle of a batch stop it; MARK_SUPER once corrupted memory (XSA-167).
 * Method:   call and compare; contents for the page operations.
 * Expected: pages cleared and copied; typed pages refused; flushes 0 with good vCPU masks, -EINVAL for a
 *           bad mask pointer; MARK/UNMARK_SUPER -EOPNOTSUPP; unknown -ENOSYS; *pdone counts.
 * Xen:      the same. A bad mask pointer is -EINVAL.
 */
#include "tests/guests/framework/guest.h"

static void check_pages(void)
{
    uint8_t *a = page_alloc(), *b = page_alloc();

    memset(a, 0x5c, PAGE_SIZE);
    CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(a)), 0);
    CHECK(!memcmp(a, b, PAGE_SIZE));
    CHECK_EQ(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(a), 0), 0);
    CHECK(a[0] == 0 && a[4095] == 0 && b[0] == 0x5c);
    CHECK_EQ(mmuext(MMUEXT_CLEAR_PAGE, l4_mfn(), 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, l4_mfn(), va_to_mfn(a)), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(a), 0x7ffffff), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_CLEAR_PAGE, 0x7ffffff, 0), -XEN_EINVAL);
    page_free(a);
    page_free(b);
}

static void check_flushes(void)
{
    unsigned long mask[2] = { ~0ul, ~0ul };
    struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_MULTI };

    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_INVLPG_LOCAL, (uint64_t)mask, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_INVLPG_LOCAL, 0xffff830000000000, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_INVLPG_ALL, (uint64_t)mask, 0), 0);
    set_xen_guest_handle(op.arg2.vcpumask, (void *)mask);
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, DOMID_SELF), 0);
    op.cmd = MMUEXT_INVLPG_MULTI;
    op.arg1.linear_addr = (uint64_t)mask;
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, DOMID_SELF), 0);
    set_xen_guest_handle_raw(op.arg2.vcpumask, (void *)0x10);
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, DOMID_SELF), -XEN_EINVAL);
    op.cmd = MMUEXT_TLB_FLUSH_MULTI;
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, DOMID_SELF), -XEN_EINVAL);
}

static void check_errors(void)
{
    struct mmuext_op ops[3] = { { .cmd = MMUEXT_TLB_FLUSH_LOCAL },
                                { .cmd = 99 },
                                { .cmd = MMUEXT_TLB_FLUSH_LOCAL } };
    unsigned int done = 77;

    CHECK_EQ(mmuext(MMUEXT_MARK_SUPER, l4_mfn(), 0), -XEN_EOPNOTSUPP);
    CHECK_EQ(mmuext(MMUEXT_UNMARK_SUPER, l4_mfn(), 0), -XEN_EOPNOTSUPP);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0x1001, 1), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, VIRT_BASE, 8193), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0xffff800000000000, 1), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
    CHECK_EQ(hc_mmuext_op(ops, 3, &done, DOMID_SELF), -XEN_ENOSYS);
    CHECK_EQ(done, 1);
    CHECK_EQ(hc_mmuext_op(ops, 0, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 0);
    CHECK_EQ(hc_mmuext_op(ops, 1, 0, 0x7fef), -XEN_ESRCH);
}

static void test(void)
{
    check_pages();
    check_flushes();
    check_errors();
}

GUEST_TEST(test);
