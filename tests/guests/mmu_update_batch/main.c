/* SPDX-License-Identifier: MIT */
/*
 * mmu_update_batch: counts, partial success and bad requests of mmu_update.
 *
 * What:     batches with a failing request in the middle, zero requests, unknown commands, unmapped and
 *           odd targets.
 * Why:      privcmd reports the count of done requests to its user.
 * Method:   read *pdone and the table afterwards.
 * Expected: requests before the failure are done and counted, none after; an unknown command is -ENOSYS;
 *           count 0 is 0.
 * Xen:      the same. Foreign domains that do not exist are -ESRCH. A target that is an ordinary
 *           writable page is written.
 */
#include "tests/guests/framework/guest.h"

static void check_partial(struct scratch *s, uint64_t good)
{
    mmu_update_t req[4];
    unsigned int done = 99;

    for (unsigned int i = 0; i < 4; i++)
        req[i] = (mmu_update_t){ .ptr = va_to_maddr(&s->l1[i]), .val = good };
    req[2].val = va_to_maddr(s->l2) | PTE_RWX;
    CHECK_EQ(hc_mmu_update(req, 4, &done, DOMID_SELF), -XEN_EBUSY);
    CHECK_EQ(done, 2);
    CHECK(s->l1[0] && s->l1[1]);
    CHECK(!s->l1[2] && !s->l1[3]);
    CHECK_EQ(hc_mmu_update(req, 2, 0, DOMID_SELF), 0);
    for (unsigned int i = 0; i < 4; i++)
        req[i].val = 0;
    CHECK_EQ(hc_mmu_update(req, 4, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 4);
    CHECK(!s->l1[0] && !s->l1[1]);
}

static void check_commands(struct scratch *s, uint64_t good)
{
    mmu_update_t req = { .ptr = va_to_maddr(&s->l1[0]), .val = good };
    unsigned int done = 99;

    CHECK_EQ(hc_mmu_update(&req, 0, &done, DOMID_SELF), 0);
    CHECK_EQ(done, 0);
    req.ptr = va_to_maddr(&s->l1[0]) | 4;
    CHECK_EQ(hc_mmu_update(&req, 1, &done, DOMID_SELF), -XEN_ENOSYS);
    req.ptr = INVALID_MFN_NUM << PAGE_SHIFT;
    CHECK(hc_mmu_update(&req, 1, &done, DOMID_SELF) < 0);
    CHECK_EQ(done, 0);
    req.ptr = va_to_maddr(&s->l1[0]);
    CHECK_EQ(hc_mmu_update(&req, 1, 0x10, DOMID_SELF), 0);
    CHECK_EQ(hc_mmu_update(&req, 1, &done, 0x7fef), -XEN_ESRCH);
    CHECK_EQ(hc_mmu_update(&req, 1, &done, (uint64_t)0x7fef << 16 | DOMID_SELF), -XEN_ESRCH);
    req.val = 0;
    CHECK_EQ(hc_mmu_update(&req, 1, &done, DOMID_SELF), 0);
}

static void test(void)
{
    uint64_t *data = page_alloc();
    mmu_update_t plain = { .ptr = va_to_maddr(&data[5]), .val = 0x1234567890abcdef };
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    check_partial(&s, va_to_maddr(data) | PTE_RWX);
    check_commands(&s, va_to_maddr(data) | PTE_RWX);
    scratch_unlink(&s);
    CHECK_EQ(hc_mmu_update(&plain, 1, 0, DOMID_SELF), 0);
    CHECK_EQ(data[5], 0x1234567890abcdef);
    page_free(data);
}

GUEST_TEST(test);
