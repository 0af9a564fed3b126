/* SPDX-License-Identifier: MIT */
/* What a network frontend tells its backend of its groups. */
/* unit-sources: split_drivers/netfront_multicast.c */
#include <criterion/criterion.h>

#include "split_drivers/netfront_multicast.h"

static struct netfront_multicast multicast;

static void change(unsigned int number, bool join)
{
    const uint8_t address[6] = { 1, 0, 0x5e, 0, 0, (uint8_t)number };

    netfront_multicast_change(&multicast, address, join);
}

/* Takes the one change that there is: the group's number, negative for one to be dropped, 0: there is none.
 */
static int take(void)
{
    const struct netfront_group *group = netfront_multicast_next(&multicast);
    int number = group ? (group->told ? -group->address[5] : group->address[5]) : 0;

    if (group)
        netfront_multicast_done(&multicast, group);
    return number;
}

Test(netfront_multicast, join_and_leave)
{
    cr_expect_eq(take(), 0);
    change(7, true);
    cr_expect_eq(take(), 7);
    cr_expect_eq(take(), 0);
    change(7, false);
    cr_expect_eq(take(), -7);
    cr_expect_eq(take(), 0);
    cr_expect_eq(multicast.nr, 0);
    change(9, false);
    cr_expect_eq(take(), 0, "it was no member");
}

Test(netfront_multicast, two_groups_of_one_address)
{
    change(7, true);
    change(7, true);
    cr_expect_eq(take(), 7);
    cr_expect_eq(take(), 0);
    change(7, false);
    cr_expect_eq(take(), 0);
    change(7, false);
    cr_expect_eq(take(), -7);
}

Test(netfront_multicast, left_before_it_was_told)
{
    change(7, true);
    change(7, false);
    cr_expect_eq(take(), 0);
    cr_expect_eq(multicast.nr, 0);
    change(8, true);
    cr_expect_eq(take(), 8);
    change(8, false);
    change(8, true);
    cr_expect_eq(take(), 0, "the backend still has it");
}

Test(netfront_multicast, another_backend)
{
    change(7, true);
    change(8, true);
    cr_expect_neq(take(), 0);
    cr_expect_neq(take(), 0);
    change(8, false); /* and the old one is not told any more */
    netfront_multicast_restart(&multicast);
    cr_expect_eq(take(), 7);
    cr_expect_eq(take(), 0);
}

Test(netfront_multicast, no_room)
{
    for (unsigned int i = 1; i <= NETFRONT_GROUPS; i++)
        change(i, true);
    cr_expect_not(multicast.overflow);
    change(NETFRONT_GROUPS, true);
    cr_expect_not(multicast.overflow);
    change(NETFRONT_GROUPS + 1, true);
    cr_expect(multicast.overflow);
    change(NETFRONT_GROUPS + 1, false);
    cr_expect_eq(multicast.nr, NETFRONT_GROUPS);
}
