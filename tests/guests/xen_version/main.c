/* SPDX-License-Identifier: MIT */
/*
 * xen_version: every sub-operation, good and with bad pointers.
 *
 * What:     __HYPERVISOR_xen_version 0..10.
 * Why:      kernels decide by it what to use; xen_version(0, NULL) is also how guests enter the
 *           hypervisor on purpose.
 * Method:   call each with a good buffer and check the contents, then with NULL, hypervisor and
 *           non-canonical pointers.
 * Expected: 4.17; strings NUL-terminated within their arrays; pagesize 4096; virt_start
 *           0xffff800000000000; -EFAULT for bad pointers, -ENOSYS for unknown sub-operations.
 * Xen:      the same. build_id is optional: a length, -ENODATA when the hypervisor has none, or -EPERM
 *           for others than the initial domain.
 */
#include "tests/guests/framework/guest.h"

static bool terminated(const char *s, size_t size)
{
    return strlen(s) < size;
}

static void check_strings(void)
{
    xen_extraversion_t extra;
    xen_capabilities_info_t caps;
    xen_changeset_info_t changeset;
    xen_commandline_t line;
    struct xen_compile_info info;

    CHECK_EQ(hc_xen_version(XENVER_extraversion, extra), 0);
    CHECK(terminated(extra, sizeof(extra)));
    CHECK_EQ(hc_xen_version(XENVER_capabilities, caps), 0);
    CHECK(terminated(caps, sizeof(caps)));
    CHECK(!strncmp(caps, "xen-3.0-x86_64", 14));
    CHECK_EQ(hc_xen_version(XENVER_changeset, changeset), 0);
    CHECK(terminated(changeset, sizeof(changeset)));
    CHECK_EQ(hc_xen_version(XENVER_commandline, line), 0);
    CHECK(terminated(line, sizeof(line)));
    CHECK_EQ(hc_xen_version(XENVER_compile_info, &info), 0);
    CHECK(terminated(info.compiler, sizeof(info.compiler)));
    CHECK(terminated(info.compile_by, sizeof(info.compile_by)));
    CHECK(terminated(info.compile_domain, sizeof(info.compile_domain)));
    CHECK(terminated(info.compile_date, sizeof(info.compile_date)));
}

static void check_values(void)
{
    struct xen_platform_parameters params = { 0 };
    struct xen_feature_info features = { .submap_idx = 1, .submap = ~0u };
    xen_domain_handle_t handle;

    CHECK_EQ(hc_xen_version(XENVER_version, 0), 4 << 16 | 17);
    CHECK_EQ(hc_xen_version(XENVER_pagesize, 0), 4096);
    CHECK_EQ(hc_xen_version(XENVER_platform_parameters, &params), 0);
    CHECK_EQ(params.virt_start, 0xffff800000000000ul);
    CHECK_EQ(hc_xen_version(XENVER_guest_handle, handle), 0);
    CHECK_EQ(hc_xen_version(XENVER_get_features, &features), -XEN_EINVAL);
}

static void check_build_id(void)
{
    struct {
        uint32_t len;
        unsigned char bytes[64];
    } id = { .len = sizeof(id.bytes) };
    long length = hc_xen_version(XENVER_build_id, 0);

    if (length == -XEN_ENODATA || (length == -XEN_EPERM && !is_initial_domain()))
        return;
    CHECK(length > 0 && length <= (long)sizeof(id.bytes));
    CHECK_EQ(hc_xen_version(XENVER_build_id, &id), length);
    id.len = 0;
    CHECK_EQ(hc_xen_version(XENVER_build_id, &id), -XEN_EINVAL);
    id.len = 1;
    CHECK_EQ(hc_xen_version(XENVER_build_id, &id), -XEN_ENOBUFS);
}

static void check_bad_pointers(void)
{
    static const uint8_t ops[] = { XENVER_extraversion, XENVER_compile_info,        XENVER_capabilities,
                                   XENVER_changeset,    XENVER_platform_parameters, XENVER_get_features,
                                   XENVER_guest_handle, XENVER_commandline };
    static const uint64_t pointers[] = {
        0, 0x8000, 0xffff800000000000, 0xffff830000000000, 0x0000800000000000, 0xffff7ffffffffffc
    };

    for (unsigned int op = 0; op < sizeof(ops); op++)
        for (unsigned int p = 0; p < sizeof(pointers) / sizeof(pointers[0]); p++)
            if (hc_xen_version(ops[op], pointers[p]) != -XEN_EFAULT)
                test_failure("xen_version(%u, %lx) is not -EFAULT", ops[op], pointers[p]);
}

static void test(void)
{
    check_strings();
    check_values();
    check_build_id();
    check_bad_pointers();
    CHECK_EQ(hc_xen_version(11, 0), -XEN_ENOSYS);
    CHECK_EQ(hc_xen_version(0x7fffffff, 0), -XEN_ENOSYS);
    CHECK_EQ(hc_xen_version(-1, 0), -XEN_ENOSYS);
}

GUEST_TEST(test);
