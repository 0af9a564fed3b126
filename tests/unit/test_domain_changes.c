/* SPDX-License-Identifier: MIT */
/* unit-sources: hv/domain/domain_changes.c */
/* Domains that changed are told once each, the lowest first, wherever in the table they are. */
#include "hv/domain/domain_changes.h"

#include <criterion/criterion.h>

static void expect_none(void)
{
    domid_t id;

    cr_assert_not(domain_take_changed(&id));
}

Test(domain_changes, each_once_and_in_order)
{
    static const domid_t ids[] = { 0, 1, 63, 64, 4095, 4096, 20000, DOMID_FIRST_RESERVED - 1 };
    domid_t id;

    expect_none();
    for (size_t i = sizeof(ids) / sizeof(ids[0]); i-- > 0;) {
        domain_changed(ids[i]);
        domain_changed(ids[i]);
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        cr_assert(domain_take_changed(&id));
        cr_assert_eq(id, ids[i]);
    }
    expect_none();
}

Test(domain_changes, all_of_them)
{
    domid_t id;

    for (unsigned int i = 0; i < DOMID_FIRST_RESERVED; i++)
        domain_changed((domid_t)i);
    for (unsigned int i = 0; i < DOMID_FIRST_RESERVED; i++) {
        cr_assert(domain_take_changed(&id));
        cr_assert_eq(id, i);
    }
    expect_none();
    domain_changed(77);
    cr_assert(domain_take_changed(&id));
    cr_assert_eq(id, 77);
    expect_none();
}
