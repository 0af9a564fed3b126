/* SPDX-License-Identifier: MIT */
/* Which absent page-table entries may expose memory on a CPU with L1TF, and for whom that is looked at. */
/* unit-sources: hv/lib/parse.c */
#include "tests/unit/fake_memory.h"

#include "hv/pv/l1tf.c"

struct host_cpu host_cpu;
uint64_t max_mfn;

static struct domain guest;

void printk(const char *fmt __unused, ...)
{
}

static void machine(bool affected, uint32_t model, uint8_t phys_bits)
{
    host_cpu = (struct host_cpu){
        .intel = true, .family = 6, .model = model, .l1tf = affected, .phys_bits = phys_bits
    };
    option[0] = option[1] = -1;
}

static bool refused(pte_t e, unsigned int level)
{
    guest.pv.owes = 0;
    return pv_l1tf_refuses(&guest, e, level) && guest.pv.owes == PV_OWES_CRASH;
}

/* Skylake compares more bits than CPUID says: whatever is above those is safe. */
Test(l1tf, addresses)
{
    machine(true, 0x5e, 39);
    pv_l1tf_init();
    cr_assert_not(refused(0, 1));
    cr_assert_not(refused(PTE_NX | PTE_RW | PTE_PSE, 1));
    cr_assert(refused(0x1000, 1));
    cr_assert(refused(BIT(39) - 0x1000, 1));
    cr_assert_not(refused(BIT(39), 1));
    cr_assert_not(refused(~0x12345000ULL & ~PTE_P, 1), "inverted");
    cr_assert(refused(BIT(46) | 0x1000, 1), "a bit that the cache does not compare");
    cr_assert(refused(BIT(39) | PTE_PSE, 2), "a superpage");
    cr_assert_not(refused(BIT(39) | PTE_PSE, 1), "no superpage");
}

Test(l1tf, tables)
{
    static pte_t table[PTES_PER_PAGE];

    machine(true, 0x5e, 39);
    pv_l1tf_init();
    table[0] = 0x1000 | PTE_P;
    table[HV_FIRST_SLOT] = table[HV_LAST_SLOT] = 0x1000;
    cr_assert_not(pv_l1tf_refuses_table(&guest, table, 4));
    cr_assert(pv_l1tf_refuses_table(&guest, table, 3));
    table[511] = 0x1000;
    cr_assert(pv_l1tf_refuses_table(&guest, table, 4));
}

/* The cache compares no more than CPUID says: the last quarter counts as safe. */
Test(l1tf, last_quarter)
{
    machine(true, 0xff, 46);
    pv_l1tf_init();
    cr_assert(refused(3 * BIT(44) - 0x1000, 1));
    cr_assert_not(refused(3 * BIT(44), 1));
}

Test(l1tf, who_is_looked_at)
{
    static const struct {
        bool affected;
        const char *words;
        bool domains, dom0;
    } cases[] = {
        { false, NULL, false, false },        { true, NULL, true, false },
        { true, "no", false, false },         { false, "", true, true },
        { false, "yes", true, true },         { true, "dom0=yes", true, true },
        { true, "domu=no", false, false },    { false, "domu=on", true, false },
        { false, "yes,dom0=0", true, false }, { true, "no,domu=1", true, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        machine(cases[i].affected, 0x5e, 39);
        cr_assert(!cases[i].words || parse_pv_l1tf(cases[i].words) == 0, "%s", cases[i].words);
        pv_l1tf_init();
        cr_assert_eq(pv_l1tf_check[0], cases[i].domains, "case %zu", i);
        cr_assert_eq(pv_l1tf_check[1], cases[i].dom0, "case %zu", i);
    }
    cr_assert_eq(parse_pv_l1tf("maybe"), -EINVAL);
    cr_assert_eq(parse_pv_l1tf("dom0=,domu=yes"), -EINVAL);
    cr_assert_eq(parse_pv_l1tf("dom0=yesyesyesyesyesyes"), -EINVAL);
}
