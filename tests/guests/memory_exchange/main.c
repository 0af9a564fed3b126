/* SPDX-License-Identifier: MIT */
/*
 * memory_exchange: XENMEM_exchange.
 *
 * What:     four pages for one of order 2, and back; bad counts, domains, addresses, frames.
 * Why:      Linux' swiotlb-xen makes contiguous buffers with it; XSA-212 was a missing check of its
 *           output address.
 * Method:   exchange, check the machine-to-phys table and the new frames' adjacency, exchange back; then
 *           one error at a time.
 * Expected: all or nothing; nr_exchanged counts input extents; -EINVAL for unequal sizes; -EFAULT for
 *           output into the hypervisor; -EPERM for other domains without privilege.
 * Xen:      the same. A domain without DMA rights may be refused with -EPERM beyond a small order: SKIP.
 */
#include "tests/guests/framework/guest.h"

static struct xen_memory_exchange make(xen_pfn_t *in, unsigned long n_in, unsigned int o_in, xen_pfn_t *out,
                                       unsigned long n_out, unsigned int o_out)
{
    struct xen_memory_exchange x = { .in = { .nr_extents = n_in, .extent_order = o_in, .domid = DOMID_SELF },
                                     .out = {
                                         .nr_extents = n_out, .extent_order = o_out, .domid = DOMID_SELF } };

    set_xen_guest_handle(x.in.extent_start, in);
    set_xen_guest_handle(x.out.extent_start, out);
    return x;
}

static void check_errors(xen_pfn_t *in, xen_pfn_t *out)
{
    struct xen_memory_exchange x = make(in, 4, 0, out, 1, 1);

    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
    x = make(in, 4, 0, (xen_pfn_t *)0xffff830000000000, 1, 2);
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EFAULT);
    x = make((xen_pfn_t *)0xffff830000000000, 4, 0, out, 1, 2);
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EFAULT);
    x = make(in, 4, 0, out, 1, 2);
    x.nr_exchanged = 5;
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
    x = make(in, 4, 0, out, 1, 2);
    x.in.domid = x.out.domid = 0x7fef;
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_ESRCH);
    x.out.domid = DOMID_SELF;
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
}

static void remap(void *const *pages, const xen_pfn_t *frames)
{
    for (unsigned int i = 0; i < 4; i++) {
        ((uint64_t *)start_info->mfn_list)[va_to_pfn(pages[i])] = frames[i];
        CHECK_EQ(map_writable(pages[i]), 0);
    }
}

static void test(void)
{
    const uint64_t *m2p = (const uint64_t *)MACH2PHYS_VIRT_START;
    void *pages[4];
    xen_pfn_t in[4], out[4];
    struct xen_memory_exchange x;
    long ret;

    /* Output extents carry the first pfn in; four consecutive pfns are needed: the pool hands them out
     * ascending. */
    for (unsigned int i = 0; i < 4; i++) {
        pages[i] = page_alloc();
        in[i] = va_to_mfn(pages[i]);
    }
    out[0] = va_to_pfn(pages[0]);
    check_errors(in, out);
    for (unsigned int i = 0; i < 4; i++)
        CHECK_EQ(hc_update_va(pages[i], 0, UVMF_INVLPG | UVMF_ALL), 0);
    x = make(in, 4, 0, out, 1, 2);
    ret = hc_memory_op(XENMEM_exchange, &x);
    if (CHECK_EQ(ret, 0) && CHECK_EQ(x.nr_exchanged, 4)) {
        for (unsigned int i = 0; i < 4; i++) {
            in[i] = out[0] + i;
            CHECK_EQ(m2p[in[i]], va_to_pfn(pages[0]) + i);
        }
        CHECK_EQ(out[0] & 3, 0);
    }
    remap(pages, in);
    for (unsigned int i = 4; i--;)
        page_free(pages[i]);
}

GUEST_TEST(test);
