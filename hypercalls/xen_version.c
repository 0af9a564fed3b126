/* SPDX-License-Identifier: MIT */
/* xen_version: what hypervisor this is and which features a guest may rely on. */
#include "hypercalls/hypercall.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/string.h"
#include "hv/lib/version.h"
#include "hv/mm/layout.h"
#include <xen/features.h>
#include <xen/version.h>

static const char denied[] = "<denied>";

/* Text into a fixed-size field of the ABI, zero-padded so that nothing else leaks out. */
static int write_text(gva_t dst, const char *text, size_t field)
{
    char buf[1024] = { 0 };

    strlcpy(buf, text, field);
    return copy_to_guest(dst, buf, field);
}

static int version_compile_info(gva_t dst)
{
    struct xen_compile_info info = { 0 };

    strlcpy(info.compiler, hv_compiler, sizeof(info.compiler));
    strlcpy(info.compile_by, hv_compile_by, sizeof(info.compile_by));
    strlcpy(info.compile_domain, hv_compile_domain, sizeof(info.compile_domain));
    strlcpy(info.compile_date, hv_compile_date, sizeof(info.compile_date));
    return write_guest(dst, &info);
}

static uint32_t pv_features_of(const struct domain *d)
{
    uint32_t map = BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_mmu_pt_update_preserve_ad) |
                   BIT(XENFEAT_highmem_assist) | BIT(XENFEAT_gnttab_map_avail_bits) |
                   BIT(XENFEAT_direct_mapped);

    if (d->vm_assist & BIT(VMASST_TYPE_pae_extended_cr3))
        map |= BIT(XENFEAT_pae_pgdir_above_4gb);
    if (d->hardware)
        map |= BIT(XENFEAT_dom0);
    return map;
}

static uint32_t features_of(const struct domain *d)
{
    if (is_hvm_domain(d))
        return BIT(XENFEAT_writable_page_tables) | BIT(XENFEAT_auto_translated_physmap) |
               BIT(XENFEAT_hvm_callback_vector) | BIT(XENFEAT_hvm_safe_pvclock) |
               BIT(XENFEAT_memory_op_vnode_supported) |
               BIT(d->direct_mapped ? XENFEAT_direct_mapped : XENFEAT_not_direct_mapped) |
               (d->hardware ? BIT(XENFEAT_dom0) | BIT(XENFEAT_hvm_pirqs) : 0);
    return pv_features_of(d);
}

static int version_features(gva_t arg)
{
    struct xen_feature_info info;

    if (read_guest(&info, arg))
        return -EFAULT;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -EINVAL;
    info.submap = features_of(current->domain);
    return write_guest(arg, &info);
}

static int version_platform(gva_t dst)
{
    struct xen_platform_parameters params = { .virt_start = HV_VIRT_START };

    return write_guest(dst, &params);
}

static int version_handle(gva_t dst)
{
    return copy_to_guest(dst, current->domain->handle, sizeof(xen_domain_handle_t));
}

/* The image carries no build id: what Xen answers when its linker made none. */
static int version_build_id(const struct domain *d)
{
    return may(d, ACTION_SYSTEM, NULL) ? -EPERM : -ENODATA;
}

/* All but the one that kernels call at speed, to be looked at by the exit path. */
static __noinline int64_t version_op(uint32_t cmd, gva_t dst)
{
    const struct domain *d = current->domain;

    switch (cmd) {
    case XENVER_extraversion:
        return write_text(dst, EXTRA_VERSION, sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return version_compile_info(dst);
    case XENVER_capabilities:
        return write_text(dst, hvm_ops ? HV_CAPABILITIES HV_CAPABILITIES_HVM : HV_CAPABILITIES,
                          sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return write_text(dst, hv_changeset, sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return version_platform(dst);
    case XENVER_get_features:
        return version_features(dst);
    case XENVER_pagesize:
        return dst.va ? -EINVAL : (int64_t)PAGE_SIZE;
    case XENVER_guest_handle:
        return version_handle(dst);
    case XENVER_commandline:
        return write_text(dst, may(d, ACTION_SYSTEM, NULL) ? denied : hv_cmdline, sizeof(xen_commandline_t));
    case XENVER_build_id:
        return version_build_id(d);
    default:
        return -ENOSYS;
    }
}

/* arg: XENVER_* (32 bits), a structure that depends on it. The version, the page size, 0, or -errno; -ENOSYS
 * for an unknown one. */
int64_t do_xen_version(uint64_t arg[6])
{
    if (likely((uint32_t)arg[0] == XENVER_version))
        return XEN_ABI_MAJOR << 16 | XEN_ABI_MINOR;
    return version_op((uint32_t)arg[0], gva(arg[1]));
}
