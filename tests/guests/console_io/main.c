/* SPDX-License-Identifier: MIT */
/*
 * console_io: write and read.
 *
 * What:     counts, pointers, unknown commands; long and binary output.
 * Why:      the only output of the initial domain; the count is a number the guest chose.
 * Method:   call with counts of 0, of a line and beyond the end of the mapping, bad pointers.
 * Expected: 0 for good writes; -EFAULT for bad pointers and counts that run off the mapping; read
 *           returns the number of characters typed, here 0, before it looks at the pointer.
 * Xen:      the same for the initial domain; others may be refused with -EPERM.
 */
#include "tests/guests/framework/guest.h"

/* A count that runs off the mapping: what is there is written, then the error. */
static void check_edge(void)
{
    char *page = page_alloc(), *last;
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(page) | PTE_RWX), 0);
    last = scratch_va(&s, 1) - 2;
    memcpy(last, "\r\n", 2);
    CHECK_EQ(hc_console_io(CONSOLEIO_write, 100, last), -XEN_EFAULT);
    CHECK_EQ(hc_console_io(CONSOLEIO_write, 0x7fffffff, last), -XEN_EFAULT);
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
    page_free(page);
}

static void test(void)
{
    char buffer[64];
    long ret = hc_console_io(CONSOLEIO_write, 0, buffer);

    if (ret == -XEN_EPERM) {
        test_skip("not the initial domain");
        return;
    }
    CHECK_EQ(ret, 0);
    CHECK_EQ(hc_console_io(CONSOLEIO_write, 2, "\r\n"), 0);
    CHECK_EQ(hc_console_io(CONSOLEIO_write, 8, 0x10), -XEN_EFAULT);
    CHECK_EQ(hc_console_io(CONSOLEIO_write, 8, 0xffff800000000000), -XEN_EFAULT);
    CHECK_EQ(hc_console_io(CONSOLEIO_read, sizeof(buffer), buffer), 0);
    CHECK_EQ(hc_console_io(CONSOLEIO_read, sizeof(buffer), 0x10), 0);
    CHECK_EQ(hc_console_io(2, 0, buffer), -XEN_ENOSYS);
    check_edge();
}

GUEST_TEST(test);
