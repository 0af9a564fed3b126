/* SPDX-License-Identifier: MIT */
/*
 * smp_mmu_race: the same entries updated from several vCPUs, while another maps and unmaps the tables
 * above.
 *
 * What:     locking of page-table pages.
 * Why:      two updates of one entry must not both drop the old reference.
 * Method:   vCPUs write random good values into the same 16 entries; vCPU 0 links and unlinks the L1
 *           above meanwhile. At the end all entries are cleared.
 * Expected: no call fails; after it no data page has a reference left: each can be pinned as a table.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 1500u
#define PAGES  8u

static struct scratch s;
static void *data[PAGES];
static volatile unsigned int failures;

static void attack(void *arg)
{
    uint32_t random = (uint32_t)(uint64_t)arg * 2654435761u + 1;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t value;

        random = random * 1664525 + 1013904223;
        value = (random >> 16) & 1 ? va_to_maddr(data[(random >> 20) % PAGES]) | PTE_RWX : 0;
        if (pte_write(&s.l1[(random >> 8) % 16], value))
            failures++;
    }
}

static void test(void)
{
    unsigned int count = smp_count() > 3 ? 3 : smp_count();

    if (count < 2) {
        test_skip("one vCPU");
        return;
    }
    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int i = 0; i < PAGES; i++)
        data[i] = page_alloc();
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_start(cpu, attack, (void *)(uint64_t)cpu);
    for (unsigned int i = 0; i < 300; i++) {
        CHECK_EQ(pte_write(&s.l2[i % 7 + 1], va_to_maddr(s.l1) | PTE_RWX), 0);
        CHECK_EQ(pte_write(&s.l2[i % 7 + 1], 0), 0);
    }
    attack(NULL);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_wait(cpu);
    CHECK_EQ(failures, 0);
    for (unsigned int i = 0; i < 16; i++)
        CHECK_EQ(pte_write(&s.l1[i], 0), 0);
    for (unsigned int i = 0; i < PAGES; i++) {
        CHECK_EQ(table_pin(data[i], 1), 0);
        CHECK_EQ(table_unpin(data[i]), 0);
        page_free(data[i]);
    }
    scratch_unlink(&s);
}

GUEST_TEST(test);
