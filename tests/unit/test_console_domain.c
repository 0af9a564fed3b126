/* SPDX-License-Identifier: MIT */
/* The console of a domain that was made at boot: its ring, whose indices the guest writes at will. */
/* unit-sources: hv/io/console_line.c hv/lib/printf.c hv/lib/strlcpy.c */
#include "tests/unit/fake_memory.h"

#include "hv/io/console_domain.c"

static struct domain guest;
static struct xencons_interface ring;
static unsigned int lines, events;
static size_t longest;

void console_write_line(const void *owner, const char *prefix, const char *s, size_t n, bool ends)
{
    cr_assert_eq(owner, &guest);
    cr_assert_str_eq(prefix, "(g) ");
    cr_assert(ends);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(s[i], 'x');
    /* Two vCPUs that both add to the line would find room for one character too many. */
    cr_assert_eq(guest.console_lock, 1, "another vCPU could be at the same line");
    lines++;
    longest = max(longest, n);
}

bool console_input_goes_to(const struct domain *d __unused)
{
    return false;
}

void console_input_add_domain(const struct domain *d __unused)
{
}

void evtchn_send_console(struct domain *d)
{
    cr_assert_eq(d->console_lock, 0);
    events++;
}

static void start(void)
{
    guest = (struct domain){ .name = "g", .console_ring = &ring };
    memset(&ring, 0, sizeof(ring));
    memset(ring.out, 'x', sizeof(ring.out));
}

Test(console_domain, a_full_ring_of_one_line, .init = start)
{
    ring.out_cons = 0xfffffff0;
    ring.out_prod = ring.out_cons + sizeof(ring.out);
    console_domain_notify(&guest);
    cr_assert_eq(ring.out_cons, ring.out_prod);
    cr_assert_eq(lines, sizeof(ring.out) / (sizeof(guest.console_line) - 1));
    cr_assert_eq(longest, sizeof(guest.console_line) - 1);
    cr_assert_eq(events, 1);
    console_domain_notify(&guest);
    cr_assert_eq(events, 2);
}

Test(console_domain, indices_that_cannot_be, .init = start)
{
    ring.out_prod = sizeof(ring.out) + 1;
    console_domain_notify(&guest);
    cr_assert_eq(lines, 0);
    cr_assert_eq(ring.out_cons, ring.out_prod);
}
