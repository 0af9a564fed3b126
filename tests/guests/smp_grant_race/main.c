/* SPDX-License-Identifier: MIT */
/*
 * smp_grant_race: grant maps, unmaps and copies from several vCPUs.
 *
 * What:     use counts of one entry under contention.
 * Why:      a count that is off by one leaves a frame pinned for ever or frees it too early.
 * Method:   vCPUs map and unmap the same reference at addresses of their own, and copy through it.
 * Expected: every operation succeeds; at the end the entry is idle.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 150u

static struct scratch s;
static void *page;
static volatile unsigned int failures;

static void attack(void *arg)
{
    uint64_t va = (uint64_t)scratch_va(&s, (unsigned int)(uint64_t)arg);
    struct gnttab_copy copy = { .len = 8, .flags = GNTCOPY_source_gref };
    uint64_t sink[2];

    copy.source.u.ref = GRANT_FIRST;
    copy.source.domid = own_domid();
    copy.dest.domid = DOMID_SELF;
    copy.dest.u.gmfn = va_to_mfn(sink);
    copy.dest.offset = (uint16_t)((uint64_t)sink & 0xff8);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        grant_handle_t handle;

        if (grant_map(va, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle) != GNTST_okay) {
            failures++;
            continue;
        }
        *(volatile uint64_t *)(va + 64 * (uint64_t)arg) = i;
        if (hc_grant(GNTTABOP_copy, &copy, 1) || copy.status != GNTST_okay)
            failures++;
        if (grant_unmap(va, handle) != GNTST_okay)
            failures++;
    }
}

static void test(void)
{
    unsigned int count = smp_count() > 3 ? 3 : smp_count();

    page = page_alloc();
    grant_access(GRANT_FIRST, own_domid(), page, 0);
    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_start(cpu, attack, (void *)(uint64_t)cpu);
    attack(NULL);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_wait(cpu);
    CHECK_EQ(failures, 0);
    CHECK(grant_end(GRANT_FIRST));
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
