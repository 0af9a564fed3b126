/* SPDX-License-Identifier: MIT */
/*
 * smp_physmap_race: memory comes and goes under another vCPU's feet.
 *
 * What:     populate and decrease of one guest frame, while it is read, written, and used for a hypercall's
 *           arguments, and as a page table.
 * Why:      a vCPU must never reach a frame that is another domain's by then, through a stale translation or
 * a lookup that was overtaken. Method:   vCPU 1 gives the frame up and takes a new one, which must be zeroed,
 * over and over. Expected: each new frame reads as zeros; an access finds memory or nothing; hypercalls
 * succeed or -EFAULT. Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define GFN    0xf8800ul
#define ROUNDS 150u

static volatile bool done;
static volatile unsigned int dirty;

static long change(unsigned int op)
{
    xen_pfn_t gfn = GFN;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &gfn);
    return hc_memory_op(op, &r);
}

static void churn(void *window)
{
    volatile uint64_t *p = window;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(change(XENMEM_populate_physmap), 1);
        for (unsigned int w = 0; w < 512; w += 37)
            if (w >= 64 && w < 192 && p[w] && (p[w] >> 32) != 0x600d)
                dirty++;
        CHECK_EQ(change(XENMEM_decrease_reservation), 1);
    }
    done = true;
}

/* What the test writes is marked, so that anything else is another's. */
static void use(void *arg)
{
    static unsigned int at;
    volatile uint64_t *p = arg;
    struct evtchn_status *status = arg;
    long ret;

    p[64 + at++ % 128] = 0x600d00000000ul;
    ret = hc_evtchn(EVTCHNOP_status, status);
    CHECK(ret == 0 || ret == -XEN_EFAULT || ret == -XEN_EINVAL || ret == -XEN_ESRCH || ret == -XEN_EPERM);
    ret = hc_xen_version(XENVER_extraversion, (char *)arg + 2048);
    CHECK(ret == 0 || ret == -XEN_EFAULT);
}

static void test(void)
{
    xen_pfn_t spare;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
    char *window = page_alloc();

    if (smp_count() < 2) {
        test_skip("one vCPU");
        return;
    }
    pvh_map(window, GFN);
    spare = 0x2000; /* beyond the image: room in the reservation */
    set_xen_guest_handle(r.extent_start, &spare);
    CHECK_EQ(hc_memory_op(XENMEM_decrease_reservation, &r), 1);
    smp_start(1, churn, window);
    while (!done)
        trap_catch(use, window);
    smp_wait(1);
    CHECK_EQ(dirty, 0);
    CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), 1);
    map_writable(window);
    page_free(window);
}

GUEST_TEST(test);
